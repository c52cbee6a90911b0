from __future__ import annotations

import numpy as np
import pytest

from examples import xor

TRUTH = [a ^ b for a in (0, 1) for b in (0, 1)]


@pytest.fixture(scope="module")
def result() -> xor.Result:
    return xor.compute(quick=True)


def test_two_layers_of_thresholds_are_xor(result: xor.Result) -> None:
    assert result.by_threshold == TRUTH


def test_sigmoids_learn_xor(result: xor.Result) -> None:
    assert np.max(np.abs(np.array(result.by_sigmoid) - TRUTH)) < 0.05
    assert result.losses[-1] < result.losses[0] / 10


def test_some_first_values_get_stuck(result: xor.Result) -> None:
    # Two hidden sigmoids are as few as XOR needs, and from some beginnings they never find it.
    assert 0 < result.learned < result.tried


def test_picture_shows_both_networks_and_the_loss(result: xor.Result) -> None:
    assert len(xor.picture(result).axes) == 3
