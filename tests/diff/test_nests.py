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
