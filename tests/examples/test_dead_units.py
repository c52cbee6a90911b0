from __future__ import annotations

import numpy as np
import pytest

from examples import dead_units
from examples.dead_units import Trained


@pytest.fixture(scope="module")
def result() -> dict[tuple[str, float], Trained]:
    return dead_units.compute(quick=True)


def test_large_rates_kill_relu_units(result: dict[tuple[str, float], Trained]) -> None:
    dead = [one.dead for (name, _), one in result.items() if name == "relu"]
    assert dead[0] < 0.15
    assert dead[-1] > 0.5


def test_leaky_units_live(result: dict[tuple[str, float], Trained]) -> None:
    leaky = {rate: one for (name, rate), one in result.items() if name == "leaky_relu"}
    assert all(one.dead == 0 for one in leaky.values())
    # As many are on the lesser slope for every image as would be dead without it.
    assert leaky[max(leaky)].beyond > 0.5


def test_share_of_dead_units_counts_whole_units(
    result: dict[tuple[str, float], Trained],
) -> None:
    for one in result.values():
        assert np.isclose(one.dead * 2 * dead_units.UNITS, round(one.dead * 2 * dead_units.UNITS))


def test_picture_shows_deaths_and_accuracy(result: dict[tuple[str, float], Trained]) -> None:
    axes = dead_units.picture(result).axes
    titles = [axis.get_title(loc="left") for axis in axes]
    assert titles == ["dead hidden units", "accuracy on new images"]
    assert [len(axis.lines) for axis in axes] == [2, 2]
