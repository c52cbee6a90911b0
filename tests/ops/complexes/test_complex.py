"""Complex numbers: values and gradients against JAX, mpmath and differences; what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx

Z = gx.input("z", (4,), "complex128")
W = np.array([1 + 2j, -0.5 + 1j, 0.3 - 2j, 2.0])
A = np.arange(16.0).reshape(4, 4) * (0.1 + 0.2j) - 1j
#: In all four quadrants.
POINTS = (
    np.array([0.5 + 1.2j, -0.8 + 0.3j, -0.4 - 0.9j, 1.7 - 0.2j]),
    np.array([-1.5 + 0.4j, 0.2 - 0.1j, 0.9 + 1.1j, -0.3 + 2.0j]),
)
Function = Callable[[Any], Any]


def same(name: str) -> tuple[Function, Function]:
    """Returns graphc's function and NumPy's of that name in jax.numpy."""
    other = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh",
             "atanh": "arctanh"}  # fmt: skip
    return getattr(gx, name), getattr(jnp, other.get(name, name))


FUNCTIONS: dict[str, tuple[Function, Function]] = {
    **{
        name: same(name)
        for name in (
            "exp expm1 log log1p sqrt sin cos tan asin acos atan sinh cosh tanh asinh atanh square "
            "reciprocal abs real imag conj angle"
        ).split()
    },
    "sign": (gx.sign, lambda z: z / jnp.abs(z)),
    "sigmoid": (gx.sigmoid, lambda z: 1 / (1 + jnp.exp(-z))),
    "rsqrt": (gx.rsqrt, lambda z: 1 / jnp.sqrt(z)),
    "cube": (lambda z: z**3, lambda z: z**3),
    "real power": (lambda z: z**2.5, lambda z: z**2.5),
    "complex power": (lambda z: z ** (1 + 2j), lambda z: z ** (1 + 2j)),
    "power of a number": (lambda z: (1 + 2j) ** z, lambda z: (1 + 2j) ** z),
    "quotient": (lambda z: (z + 1j * z) / (z + 2.0), lambda z: (z + 1j * z) / (z + 2.0)),
    "modulus squared": (lambda z: abs(z) ** 2 + 0j * z, lambda z: jnp.abs(z) ** 2 + 0j * z),
    "product": (lambda z: gx.prod(z) * z, lambda z: jnp.prod(z) * z),
    "mean": (lambda z: gx.mean(z) * z, lambda z: jnp.mean(z) * z),
    "matrix": (lambda z: A @ z, lambda z: A @ z),
    "real matrix": (lambda z: gx.constant(A.real) @ z, lambda z: A.real @ z),
    "einsum": (
        lambda z: gx.einsum("ij,j,i->i", A, z, z),
        lambda z: jnp.einsum("ij,j,i->i", A, z, z),
    ),
    "choice": (
        lambda z: gx.where(gx.real(z) > 0, z * z, 1j * z),
        lambda z: jnp.where(z.real > 0, z * z, 1j * z),
    ),
    "elements": (
        lambda z: z[gx.constant([0, 0, 1, 3])] * z[::-1],
        lambda z: z[jnp.array([0, 0, 1, 3])] * z[::-1],
    ),
}


def numbers(exact: Any) -> np.ndarray[Any, Any]:
    """Returns mpmath's numbers as complex ones."""
    array = np.asarray(exact)
    return np.array([complex(v) for v in array.ravel()]).reshape(array.shape)


def loss_of(function: Function) -> gx.Node:
    """Returns a real loss in which real and imaginary part count apart."""
    made = function(Z)
    return gx.sum(gx.real(made * W) + gx.square(gx.imag(made)))


def jax_loss(function: Function) -> Function:
    """Returns the same loss of JAX's function."""
    return lambda z: jnp.sum(jnp.real(function(z) * W) + jnp.square(jnp.imag(function(z))))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients_are_jaxs_in_every_quadrant(name: str) -> None:
    ours, theirs = FUNCTIONS[name]
    value, slope = ours(Z), gx.grad(loss_of(ours), Z)
    assert slope.dtype is gx.complex128
    compiled = gx.compile([value, slope])
    for point in POINTS:
        wanted = np.asarray(theirs(point)), np.asarray(jax.grad(jax_loss(theirs))(point))
        exact = gx.evaluate_mpmath([value, slope], z=point)
        found = gx.evaluate([value, slope], z=point), compiled(z=point), map(numbers, exact)
        for pair in found:
            for got, want in zip(pair, wanted, strict=True):
                size = np.maximum(np.abs(want), 1e-2)
                assert np.all(np.abs(got - want) <= 200 * 2.0**-52 * size), name


@pytest.mark.parametrize("name", ["exp", "abs", "angle", "sqrt", "quotient", "matrix"])
def test_every_engine_for_complex_numbers_gives_the_gradient(name: str) -> None:
    loss = loss_of(FUNCTIONS[name][0])
    wanted = gx.evaluate(gx.grad(loss, Z), z=POINTS[0])
    size = np.abs(wanted).max()
    for engine, room in (("forward", 1e-14), ("numeric", 1e-7)):
        found = gx.evaluate(gx.grad(loss, Z, engine=engine), z=POINTS[0])
        assert np.abs(found - wanted).max() <= room * size, engine
    found = gx.compile(gx.grad(loss, Z, engine="jax"))(z=POINTS[0])
    assert np.abs(np.asarray(found) - wanted).max() <= 1e-14 * size


def test_the_gradient_is_df_dx_minus_i_df_dy() -> None:
    z = gx.input("z", (), "complex128")
    # |z|**2 = x**2 + y**2 at 1 + 2i.
    assert gx.evaluate(gx.grad(abs(z) ** 2, z), z=1 + 2j) == pytest.approx(2 - 4j, rel=1e-15)
    x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
    loss = gx.real(gx.exp(gx.complex(x, y)))
    found = gx.evaluate(gx.grad(loss, [x, y]), x=0.5, y=0.3)
    np.testing.assert_allclose(
        found, [np.exp(0.5) * np.cos(0.3), -np.exp(0.5) * np.sin(0.3)], rtol=1e-15
    )


def test_a_real_and_a_complex_input_have_gradients_of_their_dtypes() -> None:
    x = gx.input("x", (), "float64")
    loss = gx.sum(gx.real(x * gx.exp(1j * Z)))
    by_x, by_z = gx.grad(loss, [x, Z])
    assert by_x.dtype is gx.float64
    assert by_z.dtype is gx.complex128
    for engine in ("reverse", "forward"):
        found = gx.evaluate(gx.grad(loss, [x, Z], engine), x=2.0, z=POINTS[0])
        wanted = jax.grad(lambda a, b: jnp.sum(jnp.real(a * jnp.exp(1j * b))), (0, 1))(
            2.0, POINTS[0]
        )
        for got, want in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-14)


def test_the_slope_of_the_modulus_and_of_the_angle_is_0_at_0() -> None:
    z = gx.input("z", (), "complex128")
    for loss in (abs(z), gx.angle(z), gx.real(gx.sign(z))):
        for engine in ("reverse", "forward"):
            assert gx.evaluate(gx.grad(loss, z, engine), z=0j) == 0


def test_the_slope_of_acosh_is_right_on_the_left_where_jaxs_is_not() -> None:
    z = gx.input("z", (), "complex128")
    point, step = -1.5 + 0.4j, 1e-6
    slope = gx.jvp(gx.acosh(z), z, 1.0)
    truth = (np.arccosh(point + step) - np.arccosh(point - step)) / (2 * step)
    for found in (
        gx.evaluate(slope, z=point),
        gx.compile(slope)(z=point),
        complex(gx.evaluate_mpmath(slope, z=point)),
    ):
        assert complex(found) == pytest.approx(complex(truth), rel=1e-8)
    theirs = jax.jvp(jnp.arccosh, (jnp.asarray(point),), (jnp.asarray(1 + 0j),))[1]
    assert complex(theirs) == pytest.approx(-complex(truth), rel=1e-8)


def test_holomorphic_functions_have_vjp_and_jvp_as_in_jax() -> None:
    def ours(z: Any) -> Any:
        return gx.exp(z * z) / (z + 2)

    def theirs(z: Any) -> Any:
        return jnp.exp(z * z) / (z + 2)

    value, back = jax.vjp(theirs, POINTS[0])
    found = gx.evaluate(gx.vjp(ours(Z), Z, W), z=POINTS[0])
    np.testing.assert_allclose(found, back(jnp.asarray(W))[0], rtol=1e-13)
    _, forth = jax.jvp(theirs, (POINTS[0],), (W,))
    np.testing.assert_allclose(gx.evaluate(gx.jvp(ours(Z), Z, W), z=POINTS[0]), forth, rtol=1e-13)
    assert value.dtype == complex


def test_a_second_derivative_passes_complex_numbers() -> None:
    x = gx.input("x", (3,), "float64")
    loss = gx.sum(abs(gx.exp(gx.complex(x, x * x))) + gx.angle(gx.complex(x + 2, gx.sin(x))))

    def theirs(v: Any) -> Any:
        return jnp.sum(jnp.exp(v) + jnp.arctan2(jnp.sin(v), v + 2))

    point = np.array([0.3, -0.7, 1.1])
    found = gx.evaluate(gx.hessian(loss, x), x=point)
    np.testing.assert_allclose(found, jax.hessian(theirs)(point), rtol=1e-13, atol=1e-15)


def test_problem_with_complex_numbers_inside_agrees() -> None:
    x, y = gx.input("x", (3,), "float64"), gx.input("y", (3,), "float64")
    z = gx.complex(x, y)
    loss = gx.sum(abs(gx.log(z) * gx.tanh(z)) + gx.real(gx.fft.ifft(gx.fft.fft(z) ** 2)))
    problem = gx.Problem(loss, {"x": [0.4, -1.2, 0.9], "y": [1.0, 0.3, -0.5]})
    assert gx.check(problem).agreed


@pytest.mark.parametrize(
    ("pair", "wanted"),
    [
        (("float32", "complex64"), "complex64"), (("float64", "complex64"), "complex128"),
        (("int64", "complex64"), "complex64"), (("bfloat16", "complex64"), "complex64"),
        (("bool", "complex128"), "complex128"), (("complex64", "complex128"), "complex128"),
    ],
)  # fmt: skip
def test_promotion_is_jaxs(pair: tuple[str, str], wanted: str) -> None:
    assert gx.promote(*[getattr(gx, n if n != "bool" else "bool_") for n in pair]).name == wanted
    assert jnp.promote_types(*pair) == wanted


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [("float16", "complex64"), ("bfloat16", "complex64"), ("float32", "complex64"),
     ("float64", "complex128"), ("int32", "complex64"), ("complex128", "complex128")],
)  # fmt: skip
def test_a_python_complex_number_is_weak(dtype: str, wanted: str) -> None:
    assert (gx.input("x", (), dtype) * 2j).dtype.name == wanted
    assert gx.constant(1j).dtype is gx.complex64
    assert gx.constant([1j, 2]).dtype is gx.complex64
    assert gx.constant(np.array([1j])).dtype is gx.complex128


def test_numpy_functions_and_members_reach_complex_numbers() -> None:
    assert np.conj(Z) is gx.conj(Z) is Z.conj()
    assert np.real(Z) is gx.real(Z) is Z.real
    assert np.imag(Z) is gx.imag(Z) is Z.imag
    assert np.abs(Z) is abs(Z) is gx.abs(Z)
    x = gx.input("x", (), "float64")
    assert gx.real(x) is gx.conj(x) is x
    assert gx.evaluate(gx.imag(x) + x * 0, x=2.0) == 0


def test_finite_and_equal_look_at_both_parts() -> None:
    point = np.array([1 + 1j, complex(np.inf, 0), complex(0, np.nan), complex(np.nan, np.inf)])
    nodes = [gx.isfinite(Z), gx.isnan(Z), gx.isinf(Z), Z == Z, gx.equal(Z, 1 + 1j)]
    wanted = [np.isfinite(point), np.isnan(point), np.isinf(point), point == point, point == 1 + 1j]
    for got, compiled, want in zip(
        gx.evaluate(nodes, z=point), gx.compile(nodes)(z=point), wanted, strict=True
    ):
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(compiled, want)


def test_complex64_computes_in_single_precision() -> None:
    z = gx.input("z", (4,), "complex64")
    node = gx.exp(z) * z
    assert node.dtype is gx.complex64
    assert gx.real(node).dtype is gx.float32
    found = gx.evaluate(node, z=POINTS[0])
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, np.exp(POINTS[0]) * POINTS[0], rtol=1e-6)


@pytest.mark.parametrize("size", [3, 200])
def test_complex_constants_are_saved_to_the_bit(size: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.complex64, np.complex128):
        values = (rng.normal(size=size) + 1j * rng.normal(size=size)).astype(dtype)
        values[0] = complex(np.nan, -0.0)
        z = gx.input("z", (size,), gx.constant(values).dtype)
        node = gx.real(gx.fft.fft(z * gx.constant(values) + 0.5j))
        gx.save(tmp_path / "graph.json", node)
        assert gx.load(tmp_path / "graph.json") is node


def test_jax_differentiates_a_compiled_complex_function() -> None:
    step = gx.compile(loss_of(lambda z: gx.exp(z) * gx.conj(z)))
    found = jax.grad(lambda z: step(z=z))(jnp.asarray(POINTS[0]))
    wanted = jax.grad(jax_loss(lambda z: jnp.exp(z) * jnp.conj(z)))(jnp.asarray(POINTS[0]))
    np.testing.assert_allclose(found, wanted, rtol=1e-13)
