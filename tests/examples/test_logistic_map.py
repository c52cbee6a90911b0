"""The logistic map's slope against its definition in exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from numpy.polynomial import Polynomial

import graphc as gx
from examples import logistic_map


def exact(n: int, at: Fraction) -> tuple[Fraction, Fraction]:
    """Returns l(n) and its slope by the recurrence l' = 4 l' (1 - 2 l)."""
    value, slope = at, Fraction(1)
    for _ in range(n - 1):
        value, slope = 4 * value * (1 - value), 4 * slope * (1 - 2 * value)
    return value, slope


@pytest.mark.parametrize("n", range(1, 13))
def test_program_gives_the_exact_value_to_its_conditioning(n: int) -> None:
    at = Fraction(0.2)
    value, slope = exact(n, at)
    got = float(gx.evaluate(logistic_map.iterate(gx.constant(0.2, gx.float64), n)))
    # Each step may round three times, and later steps magnify an error by up to 4.
    assert abs(Fraction(got) - value) <= 3 * 4**n * Fraction(2) ** -53
    assert slope != 0


@pytest.mark.parametrize("way", ["by hand", "symbolic", "algorithmic"])
@pytest.mark.parametrize("n", range(2, 9))
def test_way_meets_the_exact_slope(way: str, n: int) -> None:
    _, slope = exact(n, Fraction(0.2))
    got = gx.evaluate(logistic_map.slope(way, n), {"x": 0.2})
    # The angle 2**n asin(sqrt x) and the program lose n bits; the slope itself is of size 2**n.
    assert abs(Fraction(float(got)) - slope) <= 64 * 4**n * Fraction(2) ** -53


def test_differences_meet_the_exact_slope_to_their_own_precision() -> None:
    _, slope = exact(4, Fraction(0.2))
    program = Polynomial([0, 1])
    for _ in range(3):
        program = 4 * program * (1 - program)
    got = float(gx.evaluate(logistic_map.slope("differences", 4), {"x": 0.2}))
    epsilon = 2.0**-52
    step = epsilon ** (1 / 3)
    truncation = step**2 / 6 * abs(program.deriv(3)(0.2))
    rounding = 4 * 4**4 * epsilon / 2 / step
    assert abs(got - float(slope)) <= 1.01 * truncation + rounding


def test_problem_grows() -> None:
    problem = logistic_map.problem(4)
    assert problem.grow is not None
    assert list(problem.sizes) == list(range(1, 13))
    assert problem.grow(7).node_count() > problem.node_count()


def test_algorithmic_slope_grows_linearly() -> None:
    sizes = [count(logistic_map.slope("algorithmic", n)) for n in (4, 6, 8, 10)]
    steps = [b - a for a, b in pairwise(sizes)]
    assert len(set(steps)) == 1


def count(node: gx.Node) -> int:
    return gx.cost([node]).nodes
