from __future__ import annotations

import pytest

from examples import symmetry


@pytest.fixture(scope="module")
def result() -> dict[str, symmetry.Try]:
    return symmetry.compute(quick=True)


def test_units_that_begin_equal_stay_equal(result: dict[str, symmetry.Try]) -> None:
    assert [one.different for one in result.values()] == [1, 1, 32]


def test_only_chance_learns(result: dict[str, symmetry.Try]) -> None:
    zeros, equal, chance = (one.accuracy[-1] for one in result.values())
    assert zeros < 0.15
    assert zeros < equal < 0.5
    assert chance > 0.9


def test_equal_weights_are_warned_of(result: dict[str, symmetry.Try]) -> None:
    zeros, equal, chance = (one.warned for one in result.values())
    assert "dense1.weight" in zeros
    assert "dense1.weight begin equal" in equal
    assert chance == ""


def test_picture_has_a_row_for_each_start(result: dict[str, symmetry.Try]) -> None:
    axes = symmetry.picture(result).axes
    assert [axis.get_ylabel() for axis in axes if axis.get_ylabel()] == list(symmetry.STARTS)
