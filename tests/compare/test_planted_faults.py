"""Every rule of every op, made wrong one way at a time: all are caught, none is accused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.compare.bounds import rounding_bounds
from graphc.compare.problem import Problem
from graphc.core.op import Op, all_ops
from graphc.fuzz.generate import KINDS, Case, generate
from tests.compare.planted import Outcome, has_rule, judge_op

OPS = [op for op in all_ops() if has_rule(op)]

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_every_fault_in_a_rule_is_caught_and_no_right_rule_accused(op: Op) -> None:
    outcome = Outcome()
    judge_op(op, outcome)
    assert not outcome.missed, outcome.missed
    assert not outcome.accused, outcome.accused
    assert outcome.judged
    # What changes nothing at the point is no fault there: a symmetric share, a share of 0.
    assert sum(outcome.changeless.values()) <= max(4, sum(outcome.caught.values()) / 4)


def test_nearly_all_faults_that_are_planted_change_a_gradient() -> None:
    outcome = Outcome()
    for op in OPS:
        if op.name in ("add", "mul", "div", "hypot", "where", "matmul", "logsumexp", "tanh"):
            judge_op(op, outcome)
    caught, changeless = sum(outcome.caught.values()), sum(outcome.changeless.values())
    assert caught > 200
    assert changeless <= 0.05 * caught
    assert outcome.changeless.get("times 1 + 1e-12", 0) == 0


# -- the converse: nothing right is accused --------------------------------------------------------


def checked(case: Case) -> dict[str, str]:
    """Returns the verdicts of `check` on a random graph, by engine."""
    problem = Problem(case.output, {n.name: v for n, v in case.values.items()}, wrt=case.wrt)
    lines = gx.check(problem, ("reverse", "forward", "symbolic", "jax")).lines
    return {line.engine: line.verdict for line in lines}


@pytest.mark.parametrize("kind", KINDS)
def test_check_accuses_nobody_over_random_graphs(kind: str) -> None:
    for index in range(12 if kind == "scalar" else 6):
        verdicts = checked(generate(kind, 1, index))
        accused = [e for e, v in verdicts.items() if v in ("defect", "failed") and e != "jax"]
        assert not accused, (index, verdicts)


# -- the bound holds the sum of absolute path contributions --


def gradient_bound(output: gx.Node, x: gx.Node, at: float) -> tuple[float, float, float]:
    """Returns the float gradient, its bound and the largest float one path contributes."""
    (gradient,) = [gx.grad(output, x)]
    (bound,) = rounding_bounds([gradient], {x: np.asarray(at)}, {})
    return float(gx.evaluate(gradient, {x: at})), float(bound), abs(at)


@pytest.mark.parametrize("scale", [1e8, 1e12, 1e15])
def test_bound_grows_with_paths_that_cancel(scale: float) -> None:
    x = gx.input("x", (), "float64")
    third = x / 3.0
    output: Any = third * scale * x - x * scale * third + x
    found, bound, _ = gradient_bound(output, x, 0.7)
    # The two paths bring scale * 0.47 each and cancel; what rounding leaves of them is allowed.
    assert abs(found - 1.0) <= bound
    assert bound >= scale * 0.4 * np.finfo(np.float64).eps
    assert bound <= scale * 200 * np.finfo(np.float64).eps
    verdict = gx.check(Problem(output, {"x": 0.7}), ("reverse", "forward")).lines
    assert {line.verdict for line in verdict} <= {"agrees", "rounding", "cancellation"}


def test_bound_stays_small_where_nothing_cancels() -> None:
    x = gx.input("x", (), "float64")
    _, bound, _ = gradient_bound(gx.exp(x) * x + gx.sin(x), x, 0.7)
    assert bound < 100 * np.finfo(np.float64).eps * 5


def test_a_fault_beside_paths_that_cancel_is_still_found() -> None:
    from tests.compare.faults import planted, scaled

    x = gx.input("x", (), "float64")
    output = gx.sin(x) * 1e12 - gx.sin(x) * 1e12 + gx.tanh(x)
    with planted("tanh", "vjp", scaled(1 + 1e-12)):
        lines = gx.check(Problem(output, {"x": 0.7}), ("reverse", "forward")).lines
    assert lines[0].verdict == "defect"
    assert lines[1].verdict != "defect"
