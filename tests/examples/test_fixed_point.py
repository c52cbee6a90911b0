from __future__ import annotations

import math

import numpy as np
import pytest

import graphc as gx
from examples import fixed_point


@pytest.fixture(scope="module")
def result() -> fixed_point.Result:
    return fixed_point.compute(quick=True)


def test_slope_by_the_equation_is_right_to_the_last_digits(result: fixed_point.Result) -> None:
    assert max(result.implicit.values()) < 1e-12


def test_slope_of_few_steps_trails_behind(result: fixed_point.Result) -> None:
    few = fixed_point.STEPS.index(5)
    for name, errors in result.unrolled.items():
        assert errors[few] > 1e4 * result.implicit[name]
        assert errors[-1] < 1e-10


def test_anomaly_solves_keplers_equation() -> None:
    mean = gx.input("mean", (), gx.float64)
    angle = float(gx.evaluate(fixed_point.anomaly(mean, 0.6), mean=1.0))
    assert abs(angle - 0.6 * math.sin(angle) - 1.0) < 4 * np.finfo(float).eps


def test_graph_by_the_equation_does_not_grow_with_steps(result: fixed_point.Result) -> None:
    unrolled, implicit = result.nodes
    assert unrolled > 10 * implicit


def test_picture_names_the_orbits(result: fixed_point.Result) -> None:
    texts = [text.get_text() for text in fixed_point.picture(result).axes[0].texts]
    assert texts == list(fixed_point.ORBITS)
