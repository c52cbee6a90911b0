"""Convolution against sums by hand, NumPy, and JAX with its own derivatives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import graphc as gx

#: Input, kernel, and the arguments of `conv`.
CASES: tuple[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 7, 3), (3, 3, 4), {}),
    ((2, 7, 3), (2, 3, 4), {"stride": 3, "padding": "same"}),
    ((1, 6, 5, 4), (3, 2, 2, 6), {"groups": 2, "stride": (1, 2), "padding": ((1, 2), (0, 1))}),
    ((2, 6, 6, 3), (3, 3, 1, 6), {"groups": 3, "padding": "SAME", "dilation": 2}),
    ((1, 4, 3, 5, 2), (2, 1, 3, 2, 3), {"stride": (2, 1, 2), "padding": 1}),
    ((2, 5, 2), (5, 2, 1), {"stride": 9}),
)


def arrays(*shapes: tuple[int, ...], seed: int = 0) -> list[Any]:
    """Returns arrays of normal numbers."""
    generator = np.random.default_rng(seed)
    return [generator.normal(size=s) for s in shapes]


def nodes(*values: Any) -> list[gx.Node]:
    """Returns an input for each array, in its shape."""
    return [gx.input(f"x{i}", v.shape, "float64") for i, v in enumerate(values)]


def given(values: Any) -> dict[str, Any]:
    """Returns the inputs' values by name."""
    return {f"x{i}": v for i, v in enumerate(values)}


def by_hand(x: Any, kernel: Any, stride: Any, pads: Any, dilation: Any, groups: int) -> Any:
    """Returns the convolution as its definition says, one product at a time."""
    count = x.ndim - 2
    padded = np.pad(x, ((0, 0), *pads, (0, 0)))
    window, inner, out = kernel.shape[:-2], kernel.shape[-2], kernel.shape[-1]
    reach = [(w - 1) * d + 1 for w, d in zip(window, dilation, strict=True)]
    sizes = [(n - r) // s + 1 for n, r, s in zip(padded.shape[1:-1], reach, stride, strict=True)]
    result = np.zeros((x.shape[0], *sizes, out))
    for index in np.ndindex(*result.shape):
        n, *t, o = index
        first = o // (out // groups) * inner
        for place in np.ndindex(*window):
            at = [t[a] * stride[a] + place[a] * dilation[a] for a in range(count)]
            for c in range(inner):
                result[index] += padded[(n, *at, first + c)] * kernel[(*place, c, o)]
    return result


def plain(more: dict[str, Any], x: Any, kernel: Any) -> dict[str, Any]:
    """Returns the arguments with one number for each space axis."""
    count = x.ndim - 2
    each = {k: more.get(k, 1) for k in ("stride", "dilation")}
    found: dict[str, Any] = {
        k: v if isinstance(v, tuple) else (v,) * count for k, v in each.items()
    }
    padding = more.get("padding", "valid")
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(
            x.shape[1:-1],
            [(w - 1) * d + 1 for w, d in zip(kernel.shape[:-2], found["dilation"], strict=True)],
            found["stride"],
            padding.upper(),
        )
    elif isinstance(padding, int):
        padding = ((padding, padding),) * count
    return {**found, "padding": tuple(padding), "groups": more.get("groups", 1)}


def jax_conv(x: Any, kernel: Any, more: dict[str, Any]) -> Any:
    """Returns JAX's convolution."""
    own = plain(more, x, kernel)
    space = "DHW"[3 - (x.ndim - 2) :]
    return lax.conv_general_dilated(
        x,
        kernel,
        own["stride"],
        own["padding"],
        rhs_dilation=own["dilation"],
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
        feature_group_count=own["groups"],
    )


@pytest.mark.parametrize(("x", "kernel", "more"), CASES)
def test_convolution_is_its_definition(x: Any, kernel: Any, more: dict[str, Any]) -> None:
    values = arrays(x, kernel)
    first, second = nodes(*values)
    made = gx.conv(first, second, **more)
    own = plain(more, values[0], values[1])
    truth = by_hand(
        values[0], values[1], own["stride"], own["padding"], own["dilation"], own["groups"]
    )
    assert made.shape == truth.shape
    np.testing.assert_allclose(gx.evaluate(made, given(values)), truth, rtol=0, atol=1e-13)
    np.testing.assert_allclose(gx.compile(made)(given(values)), truth, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("x", "kernel", "more"), CASES)
def test_gradients_are_jaxs(x: Any, kernel: Any, more: dict[str, Any]) -> None:
    values = arrays(x, kernel)
    made = nodes(*values)
    loss = gx.sum(gx.sin(gx.conv(made[0], made[1], **more)))
    found = gx.evaluate(gx.grad(loss, made), given(values))
    theirs = jax.grad(lambda v: jnp.sum(jnp.sin(jax_conv(v[0], v[1], more))))(values)
    for mine, other in zip(found, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-13)


def shapes_in(text: Any) -> list[str]:
    """Returns the windows and layouts of all convolutions in an XLA module, sorted."""
    lines = [line for line in text.splitlines() if " convolution(" in line]
    return sorted(
        line.split("convolution(", 1)[1].split(")", 1)[1].split(", meta")[0] for line in lines
    )


@pytest.mark.parametrize(("x", "kernel", "more"), CASES[1:4])
def test_gradients_are_the_convolutions_that_jax_makes(
    x: Any, kernel: Any, more: dict[str, Any]
) -> None:
    values = arrays(x, kernel)
    made = nodes(*values)
    compiled = gx.compile(gx.grad(gx.sum(gx.sin(gx.conv(made[0], made[1], **more))), made))
    mine = jax.jit(lambda v: compiled(given(v))).lower(values).compile().as_text()
    theirs = jax.jit(jax.grad(lambda v: jnp.sum(jnp.sin(jax_conv(v[0], v[1], more)))))
    other = theirs.lower(values).compile().as_text()
    assert len(shapes_in(mine)) >= 3
    assert shapes_in(mine) == shapes_in(other)


@pytest.mark.parametrize("padding", ["same", "valid", ((1, 2),)])
@pytest.mark.parametrize(("window", "stride", "dilation"), [(3, 2, 1), (2, 3, 1), (4, 1, 2)])
def test_transposed_convolution_is_jaxs(
    padding: Any, window: int, stride: int, dilation: int
) -> None:
    values = arrays((2, 4, 3), (window, 3, 2))
    first, second = nodes(*values)
    made = gx.conv_transpose(first, second, stride, padding, dilation)
    theirs = lax.conv_transpose(
        values[0],
        values[1],
        (stride,),
        padding.upper() if isinstance(padding, str) else padding,
        (dilation,),
        ("NWC", "WIO", "NWC"),
    )
    np.testing.assert_allclose(gx.evaluate(made, given(values)), theirs, rtol=1e-13, atol=1e-13)


def test_transposed_kernel_is_jaxs() -> None:
    x, kernel = arrays((2, 4, 4, 3), (3, 2, 5, 3))
    first, second = nodes(x, kernel)
    made = gx.conv_transpose(first, second, 2, "same", transpose_kernel=True)
    theirs = lax.conv_transpose(
        x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), transpose_kernel=True
    )
    np.testing.assert_allclose(
        gx.evaluate(made, given([x, kernel])), theirs, rtol=1e-13, atol=1e-13
    )


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_kernel_gives_the_derivative_of_the_convolution(groups: int) -> None:
    x, kernel, adjoint = arrays((2, 9, 4), (3, 4 // groups, 6), (2, 4, 6))
    first, second, third = nodes(x, kernel, adjoint)
    made = gx.conv(first, second, 2, groups=groups)
    back = gx.grad(gx.sum(made * third), first)
    same = gx.conv_transpose(third, second, 2, "valid", groups=groups, transpose_kernel=True)
    found, truth = gx.evaluate([same, [back, made]], given([x, kernel, adjoint]))
    np.testing.assert_allclose(found, truth[0], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolve_and_correlate_are_numpys(mode: Any) -> None:
    for n in range(1, 5):
        for m in range(1, 5):
            values = arrays((n,), (m,), seed=n + 7 * m)
            for name in ("convolve", "correlate"):
                first, second = nodes(*values)
                made = getattr(gx, name)(first, second, mode)
                truth = getattr(np, name)(*values, mode)
                np.testing.assert_allclose(
                    gx.evaluate(made, given(values)), truth, rtol=0, atol=1e-14, err_msg=f"{n} {m}"
                )


def test_named_batch_and_space_give_what_numbers_give() -> None:
    x, kernel = arrays((3, 6, 2), (3, 2, 4))
    first = gx.input("x0", ("batch", "time", 2), "float64")
    second = gx.input("x1", kernel.shape, "float64")
    made = gx.conv(first, second, padding="same")
    assert str(made.shape[1]) == "time"
    assert str(gx.conv(first, second).shape[1]) == "time-2"
    a, b = nodes(x, kernel)
    plain_made = gx.conv(a, b, padding="same")
    named = [made, *gx.grad(gx.sum(gx.sin(made)), [first, second])]
    numbers = [plain_made, *gx.grad(gx.sum(gx.sin(plain_made)), [a, b])]
    found = [gx.evaluate(n, given([x, kernel])) for n in (named, numbers)]
    assert all(np.array_equal(p, q) for p, q in zip(*found, strict=True))


def test_empty_batch_and_no_channels_give_empty_and_zero() -> None:
    first, second = gx.input("x0", (0, 5, 2)), gx.input("x1", (3, 2, 4))
    made = gx.conv(first, second)
    results = [made, *gx.grad(gx.sum(made), [first, second])]
    values = {"x0": np.ones((0, 5, 2), "f4"), "x1": np.ones((3, 2, 4), "f4")}
    for found in (gx.evaluate(results, values), gx.compile(results)(values)):
        assert [f.shape for f in found] == [(0, 3, 4), (0, 5, 2), (3, 2, 4)]
        assert not np.any(found[2])
    none = gx.conv(gx.input("x0", (1, 5, 0)), gx.input("x1", (3, 0, 4)))
    empty = {"x0": np.ones((1, 5, 0), "f4"), "x1": np.ones((3, 0, 4), "f4")}
    assert np.array_equal(gx.evaluate(none, empty), np.zeros((1, 3, 4)))
    assert np.array_equal(gx.compile(none)(empty), np.zeros((1, 3, 4)))


def test_integers_are_convolved_as_integers() -> None:
    x, kernel = np.arange(10, dtype=np.int32).reshape(1, 5, 2), np.ones((2, 2, 1), np.int32)
    first, second = gx.input("x0", x.shape, "int32"), gx.input("x1", kernel.shape, "int32")
    made = gx.conv(first, second)
    assert made.dtype is gx.int32
    truth = [[6], [14], [22], [30]]
    assert gx.evaluate(made, x0=x, x1=kernel)[0].tolist() == truth
    assert gx.compile(made)(x0=x, x1=kernel)[0].tolist() == truth


def test_saved_convolution_is_the_same(tmp_path: Path) -> None:
    first, second = nodes(*arrays((2, 7, 2), (3, 1, 4)))
    graph = {
        "value": gx.conv(first, second, 2, "same", groups=2),
        "slope": gx.grad(gx.sum(gx.conv(first, second, groups=2)), first),
    }
    gx.save(tmp_path / "conv.json", graph)
    loaded = gx.load(tmp_path / "conv.json")
    assert all(loaded[name] is node for name, node in graph.items())


def test_engines_agree_about_a_convolution() -> None:
    x, kernel = arrays((1, 4, 1), (2, 1, 1))
    first, second = nodes(x, kernel)
    loss = gx.sum(gx.tanh(gx.conv(first, second, padding=1)))
    assert gx.check(gx.Problem(loss, given([x, kernel]))).agreed


def test_a_picture_names_it() -> None:
    first, second = gx.input("image", ("n", 8, 8, 1)), gx.input("kernel", (3, 3, 1, 4))
    made = gx.conv(first, second, padding=1)
    assert "conv(image, kernel)" in str(made)
    assert "conv" in gx.draw(made).dot
