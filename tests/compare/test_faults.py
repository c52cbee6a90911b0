"""A rule that is wrong by one part in 1e12 is found, in the right engine and at the right op."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.compare.check import CheckLine
from graphc.compare.problem import Problem
from tests.compare.faults import planted, scaled

TINY = scaled(1 + 1e-12)


def lines(problem: Problem) -> dict[str, CheckLine]:
    """Returns the lines of a check, by engine."""
    return {n.engine: n for n in gx.check(problem).lines}


def build(op: str, dtype: str = "float64") -> Problem:
    """Returns a problem in whose derivative the op has a part."""
    rng = np.random.default_rng(5)
    x, w = gx.input("x", (3, 4), dtype), gx.input("w", (4, 2), dtype)
    xv = rng.normal(size=(3, 4))
    weights = gx.constant(rng.normal(size=(3, 4)), dtype)
    made: dict[str, Any] = {
        "sin": lambda: gx.sum(gx.sin(x) * weights),
        "sigmoid": lambda: gx.sum(gx.sigmoid(x) * weights),
        "matmul": lambda: gx.sum(gx.square(x @ w)),
        "sum": lambda: gx.square(gx.sum(x * weights)),
        "softmax": lambda: gx.sum(gx.softmax(x, axis=1) * weights),
        "gather": lambda: gx.sum(gx.square(x[np.array([0, 0, 2])])),
        "where": lambda: gx.sum(gx.where(x > 0, x * x, gx.cos(x))),
        "transpose": lambda: gx.sum(gx.transpose(gx.exp(x)) @ weights),
        "div": lambda: gx.sum(weights / gx.cosh(x)),
    }
    output = made[op]()
    values = {"x": xv, "w": rng.normal(size=(4, 2))} if op == "matmul" else {"x": xv}
    return Problem(output, values)


OPS = ["sin", "sigmoid", "matmul", "sum", "softmax", "gather", "where", "transpose", "div"]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("direction", ["vjp", "jvp"])
def test_fault_of_1e_12_is_found_and_blamed_on_its_op(op: str, direction: str) -> None:
    with planted(op, direction, TINY):
        found = lines(build(op))
    guilty = "reverse" if direction == "vjp" else "forward"
    innocent = "forward" if direction == "vjp" else "reverse"
    assert found[guilty].verdict == "defect"
    assert 10 < (found[guilty].rule_digits or 0) < 14
    assert f"rule of {op}" in found[guilty].where
    assert "test_faults.py:" in found[guilty].where
    assert found[innocent].verdict == "agrees"
    assert found["jax"].verdict == "agrees"
    assert found["numeric"].verdict in ("truncation", "agrees")


@pytest.mark.parametrize("op", ["sin", "matmul"])
def test_without_the_fault_all_agree(op: str) -> None:
    found = lines(build(op))
    assert {found[n].verdict for n in ("symbolic", "reverse", "forward", "jax")} == {"agrees"}


def test_truth_knows_none_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = build("sigmoid")
    before = gx.compare(problem, engines=("jax",), memory=False, pictures=False).truth
    with planted("sigmoid", "vjp", scaled(2.0)), planted("sigmoid", "jvp", scaled(2.0)):
        after = gx.compare(problem, engines=("jax",), memory=False, pictures=False).truth
    assert before == after


@pytest.mark.parametrize("factor", [1 + 1e-4, -1.0, 0.0, 2.0])
def test_fault_in_float32_is_found(factor: float) -> None:
    with planted("sigmoid", "vjp", scaled(factor)):
        found = lines(build("sigmoid", "float32"))
    assert found["reverse"].verdict == "defect"
    assert found["forward"].verdict == "agrees"
    assert found["jax"].verdict == "agrees"


def test_kink_elsewhere_hides_no_fault() -> None:
    x = gx.input("x", (4,), "float64")
    problem = Problem(gx.sum(gx.relu(x) + gx.sin(x)), {"x": [0.0, 1.0, 0.0, 2.0]})
    assert lines(problem)["reverse"].verdict == "agrees"
    with planted("sin", "vjp", TINY):
        found = lines(problem)
    assert found["reverse"].verdict == "defect"
    assert "rule of sin" in found["reverse"].where


def test_fault_inside_a_block_is_blamed_on_the_op_in_it() -> None:
    x = gx.input("x", (4,), "float64")

    @gx.block
    def layer(a: Any) -> Any:
        return gx.cosh(a) * a

    with planted("cosh", "vjp", TINY):
        found = lines(Problem(gx.sum(layer(x) + layer(2 * x)), {"x": [0.1, 0.2, 0.3, 0.4]}))
    assert found["reverse"].verdict == "defect"
    assert "rule of cosh" in found["reverse"].where


def test_fault_inside_a_map_is_blamed_on_the_map() -> None:
    x = gx.input("x", (4,), "float64")
    with planted("cosh", "vjp", TINY):
        found = lines(Problem(gx.sum(gx.map(gx.cosh, x)), {"x": [0.1, 0.2, 0.3, 0.4]}))
    assert found["reverse"].verdict == "defect"
    assert "rule of map" in found["reverse"].where


def test_fault_in_one_element_of_many_is_found() -> None:
    x = gx.input("x", (40,), "float64")
    hot = np.zeros(40)
    hot[17] = 1e-11

    with planted("cosh", "vjp", lambda value: value * gx.constant(1 + hot)):
        found = lines(Problem(gx.sum(gx.cosh(x)), {"x": np.linspace(0.1, 1, 40)}))
    assert found["reverse"].verdict == "defect"


def test_fault_along_directions_is_found(rng: np.random.Generator) -> None:
    w, u = gx.input("w", (30, 30), "float64"), gx.input("u", (8, 30), "float64")
    values = {"w": rng.normal(size=(30, 30)), "u": rng.normal(size=(8, 30))}
    problem = Problem(gx.sum(gx.tanh(u @ w) ** 2), values)
    with planted("tanh", "vjp", TINY):
        result = gx.check(problem, ("reverse", "jax"))
    assert result.truth == "50 digits along 4 directions"
    assert result.lines[0].verdict == "defect"
    assert not result.agreed
    assert "rule of tanh" in result.lines[0].where


def test_engines_against_each_other_find_a_gross_fault(rng: np.random.Generator) -> None:
    w, u = gx.input("w", (300, 300), "float64"), gx.input("u", (100, 300), "float64")
    values = {"w": rng.normal(size=(300, 300)), "u": rng.normal(size=(100, 300))}
    with planted("tanh", "vjp", scaled(1 + 1e-5)):
        result = gx.check(Problem(gx.sum(gx.tanh(u @ w) ** 2), values), ("reverse", "jax"))
    assert [n.verdict for n in result.lines] == ["defect", "agrees"]


def test_rule_that_raises_is_a_failure_and_no_agreement() -> None:
    def broken(_: Any) -> Any:
        raise gx.ShapeError("planted")

    with planted("cosh", "jvp", broken):
        result = gx.check(build("div"), ("forward", "jax"))
    assert [n.verdict for n in result.lines] == ["failed", "agrees"]
    assert not result.agreed
