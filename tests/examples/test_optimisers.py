from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen

from examples import optimisers


@pytest.fixture(scope="module")
def result() -> dict[str, optimisers.Way]:
    return optimisers.compute(quick=True)


def test_every_optimiser_arrives_and_stays(result: dict[str, optimisers.Way]) -> None:
    for name, way in result.items():
        assert 0 < way.steps < optimisers.STEPS, name
        last = way.path[-1]
        # SciPy's function has a hundredfold wall, this one a tenfold one.
        assert rosen(last) < 10 * optimisers.GOAL, name


def test_those_that_know_the_curvature_need_fewest_steps(
    result: dict[str, optimisers.Way],
) -> None:
    second = [result[name].steps for name in ("L-BFGS", "BFGS", "Newton-CG")]
    assert max(second) < min(result[name].steps for name in optimisers.FIRST_ORDER)


def test_momentum_is_quicker_than_plain_descent(result: dict[str, optimisers.Way]) -> None:
    plain = result["gradient descent"].steps
    assert max(result[name].steps for name in ("momentum", "Nesterov", "Adam")) < plain / 2


def test_plain_descent_is_that_by_hand(result: dict[str, optimisers.Way]) -> None:
    way = result["gradient descent"]
    (x, y), rate = optimisers.START, way.rate
    for at in way.path[:20]:
        assert np.allclose(at, (x, y), rtol=1e-9)
        across = y - x * x
        x, y = x - rate * (-2 * (1 - x) - 40 * x * across), y - rate * 20 * across


def test_picture_has_a_panel_for_each(result: dict[str, optimisers.Way]) -> None:
    assert len(optimisers.picture(result).axes) == len(result) == 9
