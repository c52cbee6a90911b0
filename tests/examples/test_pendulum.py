from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import graphc as gx
from examples import pendulum


@pytest.fixture(scope="module")
def result() -> pendulum.Result:
    return pendulum.compute(quick=True)


def test_integrator_agrees_with_scipy() -> None:
    times = np.arange(1, 21) * pendulum.BETWEEN * pendulum.STEP
    ours = gx.evaluate(pendulum.angles(pendulum.parameters(), 20), pendulum.TRUE)
    pull = pendulum.GRAVITY / pendulum.TRUE["length"]

    def slope(_: float, state: tuple[float, float]) -> tuple[float, float]:
        return state[1], -pull * np.sin(state[0]) - pendulum.TRUE["damping"] * state[1]

    start = (pendulum.TRUE["angle"], 0.0)
    theirs = solve_ivp(slope, (0, times[-1]), start, t_eval=times, rtol=1e-11, atol=1e-12).y[0]
    # The method's own error, of the order of the step's fourth power.
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_finds_the_parameters_within_their_errors(result: pendulum.Result) -> None:
    for name, true in pendulum.TRUE.items():
        assert abs(result.found[name] - true) < 3 * result.errors[name]
        assert result.errors[name] < 0.05 * true
        assert abs(pendulum.GUESS[name] - true) > 5 * result.errors[name]


def test_what_is_left_is_the_noise(result: pendulum.Result) -> None:
    assert result.spread == pytest.approx(pendulum.NOISE, rel=0.2)


def test_standard_errors_are_those_of_differences(result: pendulum.Result) -> None:
    unknown = pendulum.parameters()
    swing = pendulum.angles(unknown, len(result.times))
    columns: list[np.ndarray] = []
    for name in pendulum.NAMES:
        ends = [
            np.asarray(gx.evaluate(swing, result.found | {name: result.found[name] + change}))
            for change in (1e-5, -1e-5)
        ]
        columns.append((ends[0] - ends[1]) / 2e-5)
    inverse = np.linalg.inv(np.array(columns) @ np.array(columns).T)
    np.testing.assert_allclose(
        list(result.errors.values()), result.spread * np.sqrt(np.diag(inverse)), rtol=1e-6
    )


def test_picture_names_every_parameter(result: pendulum.Result) -> None:
    title = pendulum.picture(result).axes[0].get_title(loc="left")
    assert all(name in title for name in pendulum.NAMES)
