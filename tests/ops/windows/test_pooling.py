"""Pooling against NumPy by hand and JAX, and the conventions at ties and NaN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import graphc as gx

INF, NAN = np.inf, np.nan
#: Input and arguments; the last two windows are too large to be compared element by element.
CASES: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 6, 3), {"window": 2}),
    ((2, 7, 5, 2), {"window": (3, 2), "stride": (2, 1), "padding": "same"}),
    ((1, 4, 3, 5, 1), {"window": 2, "stride": 1, "padding": ((1, 0), (0, 1), (1, 1))}),
    ((2, 9, 8, 2), {"window": (5, 4), "stride": 2, "padding": 3}),
    ((1, 80, 1), {"window": 70, "stride": 1, "padding": 20}),
)


def given(x: Any, more: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Returns window, stride and padding, one for each axis."""
    count = x.ndim - 2
    window = more["window"] if isinstance(more["window"], tuple) else (more["window"],) * count
    stride = more.get("stride", window)
    stride = stride if isinstance(stride, tuple) else (stride,) * count
    padding = more.get("padding", "valid")
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(x.shape[1:-1], window, stride, padding.upper())
    elif isinstance(padding, int):
        padding = ((padding, padding),) * count
    return window, stride, tuple(padding)


def by_hand(x: Any, more: dict[str, Any], join: Any, fill: float) -> Any:
    """Returns each window's elements joined, one window at a time."""
    window, stride, padding = given(x, more)
    padded = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    sizes = [(n - w) // s + 1 for n, w, s in zip(padded.shape[1:-1], window, stride, strict=True)]
    result = np.zeros((x.shape[0], *sizes, x.shape[-1]))
    for index in np.ndindex(*result.shape):
        ends = zip(index[1:-1], window, stride, strict=True)
        part = [slice(t * s, t * s + w) for t, w, s in ends]
        result[index] = join(padded[(index[0], *part, index[-1])])
    return result


def jax_pool(x: Any, more: dict[str, Any], start: float, join: Any) -> Any:
    """Returns JAX's pooling."""
    window, stride, padding = given(x, more)
    return lax.reduce_window(
        x, start, join, (1, *window, 1), (1, *stride, 1), ((0, 0), *padding, (0, 0))
    )


def numbers(shape: tuple[int, ...], whole: bool) -> Any:
    """Returns numbers; whole ones have ties."""
    generator = np.random.default_rng(len(shape))
    return generator.integers(-2, 3, shape) * 1.0 if whole else generator.normal(size=shape)


@pytest.mark.parametrize(("shape", "more"), CASES)
def test_pooling_is_its_definition(shape: Any, more: dict[str, Any]) -> None:
    x = gx.input("x", shape, "float64")
    value = numbers(shape, False)
    count = by_hand(np.ones(shape), more, np.sum, 0)
    total = by_hand(value, more, np.sum, 0)
    window, _, _ = given(value, more)
    asked = {
        "max": (gx.max_pool(x, **more), by_hand(value, more, np.max, -INF)),
        "min": (gx.min_pool(x, **more), by_hand(value, more, np.min, INF)),
        "sum": (gx.sum_pool(x, **more), total),
        "mean": (gx.avg_pool(x, **more), total / np.prod(window)),
        "own": (gx.avg_pool(x, **more, count_include_pad=False), total / count),
    }
    made = {name: node for name, (node, _) in asked.items()}
    for found in (gx.evaluate(made, x=value), gx.compile(made)(x=value)):
        for name, (_, truth) in asked.items():
            np.testing.assert_allclose(found[name], truth, rtol=1e-13, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("shape", "more"), CASES)
def test_gradients_are_jaxs_ties_included(shape: Any, more: dict[str, Any], whole: bool) -> None:
    x, value = gx.input("x", shape, "float64"), numbers(shape, whole)
    top, total = gx.max_pool(x, **more), gx.sum_pool(x, **more)
    weights = np.random.default_rng(1).normal(size=[int(str(n)) for n in top.shape])
    made = [
        gx.grad(gx.sum(node * gx.constant(weights)), x, engine)
        for node in (top, total)
        for engine in ("reverse", "forward")
    ]
    theirs = [
        jax.vjp(lambda v, a=a, f=f: jax_pool(v, more, a, f), value)[1](weights)[0]
        for a, f in ((-INF, lax.max), (0.0, lax.add))
        for _ in range(2)
    ]
    for found in (gx.evaluate(made, x=value), gx.compile(made)(x=value)):
        for mine, other in zip(found, theirs, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("shape", "more"), CASES[:4])
def test_jax_differentiates_the_compiled_pooling_as_its_own(
    shape: Any, more: dict[str, Any]
) -> None:
    x, value = gx.input("x", shape, "float64"), numbers(shape, True)
    compiled = gx.compile(gx.max_pool(x, **more))
    weights = np.random.default_rng(1).normal(size=compiled(x=value).shape)
    mine = jax.grad(lambda v: jnp.sum(compiled(x=v) * weights))(value)
    theirs = jax.grad(lambda v: jnp.sum(jax_pool(v, more, -INF, lax.max) * weights))(value)
    np.testing.assert_allclose(mine, theirs, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (20, 20)])
def test_gradients_compile_to_no_scatter_which_is_a_slow_loop(window: int, stride: int) -> None:
    x = gx.input("x", (2, 40, 3))
    for made in (gx.max_pool(x, window, stride), gx.avg_pool(x, window, stride)):
        compiled = gx.compile(gx.grad(gx.sum(made * made), x))
        module = jax.jit(lambda v, f=compiled: f(x=v)).lower(np.ones((2, 40, 3), "f4"))
        assert "scatter" not in module.as_text()
        assert "base_dilations = array<i64: 1, 2" not in module.as_text()


def slopes(values: list[float], engine: str = "reverse", window: int = 3, **more: Any) -> list[Any]:
    """Returns value and slope of the maximum of one line, in NumPy and compiled."""
    x = gx.input("x", (1, len(values), 1), "float64")
    made = gx.max_pool(x, window, **more)
    nodes = [made, gx.grad(gx.sum(made), x, engine)]
    given = np.reshape(values, (1, -1, 1)).astype(float)
    return [
        [np.ravel(v).tolist() for v in found]
        for found in (gx.evaluate(nodes, x=given), gx.compile(nodes)(x=given))
    ]


@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_first_of_equals_has_the_slope(engine: str) -> None:
    assert slopes([1, 3, 3], engine) == [[[3.0], [0.0, 1.0, 0.0]]] * 2
    assert slopes([2, 2, 2], engine) == [[[2.0], [1.0, 0.0, 0.0]]] * 2
    assert slopes([2] * 20, engine, 20) == [[[2.0], [1.0] + [0.0] * 19]] * 2


@pytest.mark.parametrize("engine", ["reverse", "forward"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_window_with_nan_is_nan_and_its_slope_is_at_the_nan(at: int, engine: str) -> None:
    for size in (3, 20):
        values: list[float] = [float(i) for i in range(size)]
        values[at] = NAN
        for value, slope in slopes(values, engine, size):
            assert np.isnan(value[0])
            assert slope == [float(i == at) for i in range(size)]
    assert slopes([1, NAN, NAN])[0][1] == [0.0, 1.0, 0.0]


def test_padding_is_never_chosen_where_all_is_minus_infinity() -> None:
    for window in (3, 20):
        values = [-INF] * window
        for value, slope in slopes(values, window=window, stride=window, padding=((2, 0),)):
            assert value == [-INF]
            assert slope == [1.0] + [0.0] * (window - 1)


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8"])
def test_integers_keep_their_dtype_up_to_its_ends(dtype: str) -> None:
    limits = np.iinfo(dtype)
    value = np.array([limits.min, 3, limits.max, 5], dtype).reshape(1, 4, 1)
    x = gx.input("x", (1, 4, 1), dtype)
    nodes = [gx.max_pool(x, 2, padding=((1, 1),)), gx.min_pool(x, 2, padding=((1, 1),))]
    truth = [[limits.min, limits.max, 5], [limits.min, 3, 5]]
    for found in (gx.evaluate(nodes, x=value), gx.compile(nodes)(x=value)):
        assert [f.dtype for f in found] == [np.dtype(dtype)] * 2
        assert [np.ravel(f).tolist() for f in found] == truth


def test_named_batch_channels_and_space() -> None:
    x = gx.input("x", ("n", "time", "c"), "float64")
    made = [
        gx.max_pool(x, 3, 1),
        gx.sum_pool(x, 3, 1, "same"),
        gx.avg_pool(x, 3, 1, "same", count_include_pad=False),
    ]
    assert [str(m.shape[1]) for m in made] == ["time-2", "time", "time"]
    even = gx.input("y", (2, gx.dim("h") * 2, 1), "float64")
    assert str(gx.max_pool(even, 2).shape[1]) == "h"
    value = numbers((2, 5, 3), True)
    fixed = gx.input("x", value.shape, "float64")
    plain = [
        gx.max_pool(fixed, 3, 1),
        gx.sum_pool(fixed, 3, 1, "same"),
        gx.avg_pool(fixed, 3, 1, "same", count_include_pad=False),
    ]
    for name, number in zip(
        [made, gx.grad(gx.sum(made[0] * made[0]), x)],
        [plain, gx.grad(gx.sum(plain[0] * plain[0]), fixed)],
        strict=True,
    ):
        for a, b in zip(gx.evaluate(name, x=value), gx.evaluate(number, x=value), strict=True):
            assert np.array_equal(a, b)


def test_second_derivative_follows_the_choice() -> None:
    x, value = gx.input("x", (1, 6, 1), "float64"), numbers((1, 6, 1), False)
    made = gx.sum(gx.max_pool(x, 3, 1) ** 3)
    found = gx.evaluate(gx.hessian(made, x), x=value)
    theirs = jax.hessian(lambda v: jnp.sum(gx.compile(gx.max_pool(x, 3, 1))(x=v) ** 3))(value)
    np.testing.assert_allclose(found, theirs, rtol=1e-13, atol=1e-13)


def test_engines_agree_and_the_tie_is_reported() -> None:
    x = gx.input("x", (1, 4, 1), "float64")
    loss = gx.sum(gx.sin(gx.max_pool(x, 2)) + gx.avg_pool(x, 2))
    assert gx.check(gx.Problem(loss, {"x": [[[1.0], [2.0], [0.5], [0.25]]]})).agreed
    tied = {"x": [[[1.0], [1.0], [0.5], [0.25]]]}
    assert gx.check(gx.Problem(loss, tied)).agreed
    (met,) = gx.kinks(loss, tied).kinks
    assert met.op == "max_pool"


def test_saved_pooling_is_the_same(tmp_path: Path) -> None:
    x = gx.input("x", ("n", 7, 2), "float64")
    graph = {
        "top": gx.max_pool(x, 3, 2, "same"),
        "slope": gx.grad(gx.sum(gx.max_pool(x, 3, 2, "same")), x),
        "mean": gx.avg_pool(x, 3, 2, "same", count_include_pad=False),
    }
    gx.save(tmp_path / "pool.json", graph)
    loaded = gx.load(tmp_path / "pool.json")
    assert all(loaded[name] is node for name, node in graph.items())
