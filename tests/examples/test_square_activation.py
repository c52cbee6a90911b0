from __future__ import annotations

import pytest

from examples import square_activation
from examples.square_activation import DEPTHS, TARGETS


@pytest.fixture(scope="module")
def result() -> square_activation.Result:
    return square_activation.compute(quick=True)


def test_two_squares_multiply_exactly(result: square_activation.Result) -> None:
    assert result.product_error == 0


def test_no_network_beats_the_polynomial_of_its_degree(result: square_activation.Result) -> None:
    for fit in result.fits.values():
        assert fit.network > fit.polynomial * (1 - 1e-9)


def test_training_finds_the_best_polynomial(result: square_activation.Result) -> None:
    for fit in result.fits.values():
        assert fit.network < fit.polynomial * 1.02


def test_only_depth_brings_the_error_down(result: square_activation.Result) -> None:
    for name in TARGETS:
        errors = [result.fits[name, depth].network for depth in DEPTHS]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < errors[0] / 4


def test_picture_shows_both_targets_and_the_errors(result: square_activation.Result) -> None:
    figure = square_activation.picture(result)
    assert [len(axis.lines) for axis in figure.axes] == [4, 4, 4]
