from __future__ import annotations

import numpy as np
import pytest

from examples import activations
from examples.activations import POINTS, Result
from graphc.nn import activation_of


@pytest.fixture(scope="module")
def result() -> dict[str, Result]:
    return activations.compute(quick=True)


def test_network_learns_with_each(result: dict[str, Result]) -> None:
    for name, one in result.items():
        assert one.accuracy > 0.85, name


def test_sigmoid_is_slower_than_relu(result: dict[str, Result]) -> None:
    relu, sigmoid = result["relu"].epochs, result["sigmoid"].epochs
    assert relu is not None
    assert sigmoid is None or sigmoid > relu


def test_slopes_are_those_of_differences() -> None:
    for name in activations.NAMES:
        values, slopes = activations.curve(name)
        scale = max(1.0, float(np.abs(slopes).max()))
        # Between two points the chord's slope is the mean of those at its ends, to second order,
        # but where a kink lies between them.
        chords = np.diff(values) / np.diff(POINTS)
        means = (slopes[1:] + slopes[:-1]) / 2
        smooth = np.abs(np.diff(slopes)) < 0.1 * scale
        assert np.sum(~smooth) <= 2, name
        assert np.all(np.abs(chords - means)[smooth] < 1e-3 * scale), name


def test_every_name_is_an_activation() -> None:
    for name in activations.NAMES:
        assert callable(activation_of(name))


def test_picture_shows_each_with_its_slope(result: dict[str, Result]) -> None:
    axes = activations.picture(result).axes
    assert [axis.get_title(loc="left") for axis in axes] == list(result)
    assert all(len(axis.lines) == 2 for axis in axes)
