"""`stable=True`: one flag makes value and derivatives keep their digits, in every function."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import graphc as gx

X = gx.input("x", (), "float64")
SOFTPLUS = gx.log(1 + gx.exp(X))


def at(node: Any, x: float) -> Any:
    with np.errstate(all="ignore"):
        return gx.evaluate(node, x=x)


@pytest.mark.parametrize("engine", ["reverse", "forward", "symbolic"])
def test_gradient_of_naive_softplus_is_one_at_800_by_every_engine(engine: str) -> None:
    assert np.isnan(at(gx.grad(SOFTPLUS, X, "reverse"), 800.0))
    assert at(gx.grad(SOFTPLUS, X, engine, stable=True), 800.0) == 1.0


def test_referee_and_differences_see_the_stable_graph_and_keep_their_own_form() -> None:
    referee = gx.compile(gx.grad(SOFTPLUS, X, "jax", stable=True))
    assert referee(x=np.float64(800.0)) == 1.0
    numeric = gx.grad(SOFTPLUS, X, "numeric", stable=True)
    assert at(numeric, 800.0) == pytest.approx(1.0, rel=1e-8)


def test_value_and_grad_gives_the_stable_value_too() -> None:
    value, slope = gx.value_and_grad(SOFTPLUS, X, stable=True)
    assert value is gx.softplus(X) and slope is gx.sigmoid(X)


def test_vjp_jvp_jacobian_hessian_and_hvp_take_the_flag() -> None:
    for made in (
        gx.vjp(SOFTPLUS, X, 1.0, stable=True),
        gx.jvp(SOFTPLUS, X, 1.0, stable=True),
        gx.jacobian(SOFTPLUS, X, stable=True),
        gx.jacobian(SOFTPLUS, X, "forward", stable=True),
    ):
        assert at(made, 800.0) == 1.0 and at(made, -700.0) == pytest.approx(np.exp(-700.0))
    for made in (gx.hessian(SOFTPLUS, X, stable=True), gx.hvp(SOFTPLUS, X, 1.0, stable=True)):
        assert at(made, 30.0) == pytest.approx(np.exp(-30.0), rel=1e-12)
        assert at(made, 800.0) == 0.0


def test_keyword_calls_and_nests_work() -> None:
    y = gx.input("y", (), "float64")
    loss = gx.log(gx.exp(X) + gx.exp(y))
    made = gx.grad(loss=loss, wrt={"x": X, "y": y}, stable=True)
    found = gx.evaluate(made, x=800.0, y=800.0)
    assert found["x"] == 0.5 and found["y"] == 0.5


def test_without_the_flag_nothing_changes() -> None:
    assert gx.grad(SOFTPLUS, X, stable=False) is gx.grad(SOFTPLUS, X)


def test_a_node_inside_the_graph_stays_what_one_differentiates_by() -> None:
    e = gx.exp(X)
    slope = gx.grad(gx.log(1 + e), e, stable=True)
    assert at(slope, 0.0) == 0.5
    assert at(gx.grad(gx.log(1 + gx.exp(e)), e, stable=True), 7.0) == 1.0


def test_an_input_that_cancels_has_slope_zero_and_not_an_error() -> None:
    y = gx.input("y", (), "float64")
    made = gx.grad(y * gx.exp(X) / gx.exp(X), [X, y], stable=True)
    found = gx.evaluate(made, x=2.0, y=3.0)
    assert found[0] == pytest.approx(0.0, abs=1e-15) and found[1] == pytest.approx(1.0)


def test_flag_is_true_or_false_and_is_in_the_signature() -> None:
    words = r"grad\(log\(.*, x: f64, stable='yes'\) at test_stable\.py:\d+: stable='yes' is neither"
    with pytest.raises(gx.ArgumentError, match=words):
        gx.grad(SOFTPLUS, X, stable="yes")
    for function in (gx.grad, gx.value_and_grad, gx.vjp, gx.jvp, gx.jacobian, gx.hessian, gx.hvp):
        assert inspect.signature(function).parameters["stable"].default is False


def test_wrong_calls_are_told_as_without_the_flag() -> None:
    with pytest.raises(gx.ArgumentError, match="wrt"):
        gx.grad(SOFTPLUS, stable=True)
    with pytest.raises(gx.ArgumentError, match="no graph value"):
        gx.grad(3.0, X, stable=True)
    with pytest.raises(gx.GradError, match="does not depend"):
        gx.grad(SOFTPLUS, gx.input("other", (), "float64"), stable=True)
