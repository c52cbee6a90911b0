"""Jacobians by every engine, and Hessians of several nodes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx

X = np.array([0.3, -1.2, 2.0])


@pytest.mark.parametrize("engine", ["numeric", "symbolic", "reverse", "forward", "jax"])
def test_every_engine_gives_the_jacobian(engine: str) -> None:
    x = gx.input("x", (3,), "float64")
    made = gx.compile(gx.jacobian(gx.sin(x) * gx.sum(x * x), x, engine))(x=X)
    expected = jax.jacobian(lambda v: jnp.sin(v) * jnp.sum(v * v))(X)
    np.testing.assert_allclose(made, expected, rtol=1e-8 if engine == "numeric" else 1e-14)


def test_analytic_jacobian_uses_the_formula_beside_the_expression() -> None:
    x = gx.input("x", (3,), "float64")
    made = gx.jacobian(gx.with_gradient(gx.sin(x), {x: gx.cos(x) * 2}), x, "analytic")
    np.testing.assert_allclose(gx.evaluate(made, x=X), np.diag(2 * np.cos(X)), rtol=1e-15)


def test_hessian_of_a_nest_holds_every_block() -> None:
    x, y = gx.input("x", (3,), "float64"), gx.input("y", (), "float64")
    blocks = gx.compile(gx.hessian(gx.sum(x * x * x) * gx.exp(y), {"x": x, "y": y}))(x=X, y=0.5)
    expected = jax.hessian(lambda p: jnp.sum(p["x"] ** 3) * jnp.exp(p["y"]))({"x": X, "y": 0.5})
    for row in "xy":
        for column in "xy":
            np.testing.assert_allclose(
                blocks[row][column], expected[row][column], rtol=1e-13, atol=1e-13
            )


def test_hessian_of_a_list_has_the_shapes_of_both_nodes() -> None:
    x, y = gx.input("x", (3,), "float64"), gx.input("y", (2, 2), "float64")
    blocks = gx.hessian(gx.sum(x * x) * gx.sum(gx.sin(y)), [x, y])
    assert [[b.shape for b in row] for row in blocks] == [
        [(3, 3), (3, 2, 2)],
        [(2, 2, 3), (2, 2, 2, 2)],
    ]
    (alone,) = gx.hessian(gx.sum(x * x), [x])[0]
    np.testing.assert_array_equal(gx.evaluate(alone, x=X), 2 * np.eye(3))


@pytest.mark.parametrize("engine", ["reverse", "symbolic", "jax"])
def test_every_engine_that_goes_back_takes_a_cotangent(engine: str) -> None:
    x = gx.input("x", (3,), "float64")
    made = gx.vjp(gx.sin(x) * gx.sum(x * x), x, np.array([1.0, -2.0, 0.5]), engine=engine)
    expected = jax.vjp(lambda v: jnp.sin(v) * jnp.sum(v * v), X)[1](jnp.array([1.0, -2.0, 0.5]))
    np.testing.assert_allclose(gx.compile(made)(x=X), expected[0], rtol=1e-14)


def test_cotangent_of_an_analytic_pass_meets_the_formula() -> None:
    x = gx.input("x", (3,), "float64")
    made = gx.vjp(gx.with_gradient(gx.sin(x), {x: gx.cos(x)}), x, 2.0, engine="analytic")
    np.testing.assert_allclose(gx.evaluate(made, x=X), 2 * np.cos(X), rtol=1e-15)


def test_options_of_a_jacobian_are_those_of_its_engine() -> None:
    x = gx.input("x", (3,), "float64")
    made = gx.jacobian(gx.sin(x), x, "symbolic", budget=0)
    np.testing.assert_allclose(gx.evaluate(made, x=X), np.diag(np.cos(X)), rtol=1e-15)
    with pytest.raises(gx.ArgumentError, match="reverse has no option 'method'"):
        gx.jacobian(gx.sin(x), x, "reverse", method="central")
    with pytest.raises(gx.EngineError, match="there is no engine 'back'"):
        gx.jacobian(gx.sin(x), x, "back")
    with pytest.raises(gx.EngineError, match="forward does not go from the output back"):
        gx.vjp(gx.sin(x), x, 1.0, engine="forward")
