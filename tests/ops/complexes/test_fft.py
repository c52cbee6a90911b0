"""Fourier transforms: values, adjoints and tangents against JAX's, at 50 digits, named sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx

F = gx.fft
NORMS = ("backward", "ortho", "forward")
#: By name: the call, and whether its operand is complex.
CALLS: dict[str, tuple[Callable[[Any, Any, str], Any], bool]] = {
    "fft": (lambda f, x, norm: f.fft(x, norm=norm), True),
    "fft of reals": (lambda f, x, norm: f.fft(x, axis=0, norm=norm), False),
    "fft cut": (lambda f, x, norm: f.fft(x, n=2, norm=norm), True),
    "fft filled": (lambda f, x, norm: f.fft(x, n=7, norm=norm), True),
    "ifft": (lambda f, x, norm: f.ifft(x, axis=0, norm=norm), True),
    "fftn": (lambda f, x, norm: f.fftn(x, norm=norm), True),
    "ifftn": (lambda f, x, norm: f.ifftn(x, s=(3, 2), norm=norm), True),
    "rfft": (lambda f, x, norm: f.rfft(x, norm=norm), False),
    "irfft": (lambda f, x, norm: f.irfft(x, norm=norm), True),
    "irfft odd": (lambda f, x, norm: f.irfft(x, n=5, norm=norm), True),
    "rfftn": (lambda f, x, norm: f.rfftn(x, norm=norm), False),
    "irfftn": (lambda f, x, norm: f.irfftn(x, norm=norm), True),
    "hfft": (lambda f, x, norm: f.hfft(x, norm=norm), True),
    "ihfft": (lambda f, x, norm: f.ihfft(x, norm=norm), False),
}


def drawn(rng: np.random.Generator, shape: tuple[int, ...], is_complex: bool) -> Any:
    """Returns random numbers, complex where asked for."""
    real = rng.normal(size=shape)
    return real + 1j * rng.normal(size=shape) if is_complex else real


def numbers(exact: Any) -> np.ndarray[Any, Any]:
    """Returns mpmath's numbers as complex ones."""
    array = np.asarray(exact)
    return np.array([complex(v) for v in array.ravel()]).reshape(array.shape)


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", CALLS)
def test_values_adjoints_and_tangents_are_jaxs(
    name: str, norm: str, size: int, rng: np.random.Generator
) -> None:
    call, is_complex = CALLS[name]
    value = drawn(rng, (3, size), is_complex)
    x = gx.input("x", value.shape, str(value.dtype))
    node = call(F, x, norm)
    wanted, back = jax.vjp(lambda v: call(jnp.fft, v, norm), jnp.asarray(value))
    seed = drawn(rng, wanted.shape, wanted.dtype.kind == "c")
    tangent = drawn(rng, value.shape, is_complex)
    _, forth = jax.jvp(lambda v: call(jnp.fft, v, norm), (value,), (tangent,))
    nodes = [node, gx.vjp(node, x, seed), gx.jvp(node, x, tangent)]
    truth = [np.asarray(v) for v in (wanted, back(jnp.asarray(seed))[0], forth)]
    exact = gx.evaluate_mpmath(nodes, x=value)
    for found in (gx.evaluate(nodes, x=value), map(numbers, exact)):
        for got, want in zip(found, truth, strict=True):
            assert got.shape == want.shape
            assert np.abs(got - want).max() <= 16 * 2.0**-52 * np.abs(want).max()
    assert [n.dtype.numpy for n in nodes] == [t.dtype for t in truth]


def test_compiled_transforms_are_jaxs() -> None:
    value = np.arange(12.0).reshape(3, 4) + 1j
    x = gx.input("x", (3, 4), "complex128")
    calls = [call for call, is_complex in CALLS.values() if is_complex]
    found = gx.compile([call(F, x, "ortho") for call in calls])(x=value)
    for got, call in zip(found, calls, strict=True):
        np.testing.assert_allclose(got, call(jnp.fft, value, "ortho"), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 12, 97, 128])
def test_error_stays_within_the_bound(size: int, rng: np.random.Generator) -> None:
    from graphc.ops.sweep import forward_sweep

    for dtype in ("complex64", "complex128"):
        value = drawn(rng, (size,), True).astype(dtype)
        x = gx.input("x", (size,), dtype)
        node = F.fft(x)
        (bound,) = forward_sweep([node], {}, everywhere="bound")
        exact = numbers(gx.evaluate_mpmath(node, x=value))
        room = gx.evaluate(bound, x=value)
        for found in (gx.evaluate(node, x=value), np.asarray(gx.compile(node)(x=value))):
            assert np.all(np.abs(found - exact) <= room + 1e-300)


def test_there_and_back_is_the_value_itself(rng: np.random.Generator) -> None:
    value = drawn(rng, (6, 5), True)
    x = gx.input("x", (6, 5), "complex128")
    for norm in NORMS:
        for node in (
            F.ifft(F.fft(x, norm=norm), norm=norm), F.ifftn(F.fftn(x, norm=norm), norm=norm),
            F.ifftshift(F.fftshift(x)),
        ):  # fmt: skip
            np.testing.assert_allclose(gx.evaluate(node, x=value), value, rtol=1e-13, atol=1e-14)
    real = gx.input("r", (6, 5), "float64")
    for node in (F.irfft(F.rfft(real), n=5), F.irfftn(F.rfftn(real), s=(6, 5)),
                 F.hfft(F.ihfft(real), n=5)):  # fmt: skip
        np.testing.assert_allclose(gx.evaluate(node, r=value.real), value.real, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 5, 6])
@pytest.mark.parametrize("d", [1.0, 0.3])
def test_frequencies_are_numpys(n: int, d: float) -> None:
    for name in ("fftfreq", "rfftfreq"):
        found = gx.evaluate(getattr(F, name)(n, d, "float64"))
        np.testing.assert_allclose(found, getattr(np.fft, name)(n, d), rtol=2.0**-51)


@pytest.mark.parametrize("axes", [None, 0, 1, (0, 1), -1])
@pytest.mark.parametrize("shape", [(4, 3), (5, 2), (1, 1), (0, 2)])
def test_shifts_are_numpys(axes: Any, shape: tuple[int, ...]) -> None:
    x = np.arange(float(np.prod(shape))).reshape(shape)
    for name in ("fftshift", "ifftshift"):
        found = gx.evaluate(getattr(F, name)(gx.constant(x), axes))
        np.testing.assert_array_equal(found, getattr(np.fft, name)(x, axes))


def test_named_sizes_transform_as_numbers_do() -> None:
    x, m = gx.input("x", ("n",), "float64"), gx.dim("m")
    y = gx.input("y", (m * 2,), "float64")
    value = np.arange(6.0) ** 2
    np.testing.assert_allclose(gx.evaluate(F.fft(x), x=value), np.fft.fft(value), atol=1e-13)
    half = F.rfft(y)
    assert str(half.type) == "c128[m+1]"
    found = gx.evaluate(
        [half, F.irfft(half), F.fftshift(y), y * 0 + F.fftfreq(m * 2, dtype="float64")], y=value
    )
    wanted = [np.fft.rfft(value), value, np.fft.fftshift(value), np.fft.fftfreq(6)]
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-13)
    slope = gx.grad(gx.sum(abs(half)), y)
    plain = gx.input("y", (6,), "float64")
    np.testing.assert_allclose(
        gx.evaluate(slope, y=value),
        gx.evaluate(gx.grad(gx.sum(abs(F.rfft(plain))), plain), y=value),
        rtol=1e-13,
        atol=1e-13,
    )


def test_small_and_integer_types_become_complex64() -> None:
    for dtype in ("float16", "bfloat16", "float32", "int8", "int64"):
        x = gx.input("x", (4,), dtype)
        assert F.fft(x).dtype is gx.complex64
        assert F.irfft(F.rfft(x)).dtype is gx.float32


def test_a_convolution_by_transforms_agrees_and_is_saved(tmp_path: Path) -> None:
    x, k = gx.input("x", (5,), "float64"), gx.input("k", (3,), "float64")
    made = F.irfft(F.rfft(x, 7) * F.rfft(k, 7), 7)
    given = {"x": [1.0, -2.0, 0.5, 3.0, 0.1], "k": [0.5, 1.5, -1.0]}
    np.testing.assert_allclose(
        gx.evaluate(made, given), np.convolve(given["x"], given["k"]), rtol=1e-14, atol=1e-14
    )
    loss = gx.sum(made**3)
    assert gx.check(gx.Problem(loss, given)).agreed
    gx.save(tmp_path / "graph.json", loss)
    assert gx.load(tmp_path / "graph.json") is loss
