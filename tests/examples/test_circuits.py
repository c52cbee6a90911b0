"""The circuits against the gradients that the lectures print."""

from __future__ import annotations

import math
from typing import Any

import pytest

import graphc as gx
from examples import circuits

SUM = -1.0 * 2 + -2.0 * -3 - 3  # the neuron's weighted sum is exactly 1
S = 1 / (1 + math.exp(-SUM))
SLOPE = math.exp(-SUM) / (1 + math.exp(-SUM)) ** 2
EXPECTED = {
    "sum times": (-12.0, [-4.0, -4.0, 3.0]),
    "sum times difference": (-3.0, [-1.0, 2.0, -3.0]),
    "shared operand": (6.0, [2.0, 5.0]),
    "sigmoid neuron": (S, [-SLOPE, 2 * SLOPE, -2 * SLOPE, -3 * SLOPE, SLOPE]),
}


def by_name(name: str) -> gx.Problem:
    return next(p for p in circuits.problems() if p.name == name)


def ulps(got: Any, expected: float) -> float:
    return abs(float(got) - expected) / math.ulp(expected)


@pytest.mark.parametrize("name", EXPECTED)
def test_circuit_has_the_lectures_value(name: str) -> None:
    problem = by_name(name)
    assert ulps(gx.evaluate(problem.output, problem.values), EXPECTED[name][0]) <= 2


@pytest.mark.parametrize("engine", ["analytic", "symbolic", "reverse", "forward"])
@pytest.mark.parametrize("name", EXPECTED)
def test_circuit_has_the_lectures_gradient(name: str, engine: str) -> None:
    problem = by_name(name)
    wrt = list(problem.wrt)
    made = gx.evaluate(gx.grad(problem.output, wrt, engine=engine), problem.values)
    for got, expected in zip(made, EXPECTED[name][1], strict=True):
        # Small integers are exact; the neuron's slope loses a few ulp in s (1 - s).
        assert ulps(got, expected) <= (8 if "neuron" in name else 0)
