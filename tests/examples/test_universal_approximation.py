from __future__ import annotations

import pytest

from examples import universal_approximation


@pytest.fixture(scope="module")
def result() -> universal_approximation.Result:
    return universal_approximation.compute(quick=True)


def test_built_layer_comes_closer_as_it_grows(result: universal_approximation.Result) -> None:
    errors = list(result.built.values())
    assert errors == sorted(errors, reverse=True)
    # A staircase's error goes as the width of a stair.
    assert errors[-1] < errors[0] / 12


def test_training_needs_fewer_neurons(result: universal_approximation.Result) -> None:
    errors = list(result.trained.values())
    assert errors == sorted(errors, reverse=True)
    assert result.trained[8] < result.built[79]


def test_picture_shows_both_and_the_errors(result: universal_approximation.Result) -> None:
    assert [len(axis.lines) for axis in universal_approximation.picture(result).axes] == [2, 2, 2]
