from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import shift

from examples import augmentation


@pytest.fixture(scope="module")
def result() -> augmentation.Result:
    return augmentation.compute(quick=True)


def test_moving_is_that_of_scipy() -> None:
    images = np.random.default_rng(0).uniform(size=(3, 64))
    found = augmentation.moved(images, [1, 0, -2], [-1, 2, 0])
    for image, got, way in zip(images, found, ((1, -1), (0, 2), (-2, 0)), strict=True):
        assert np.array_equal(got.reshape(8, 8), shift(image.reshape(8, 8), way, order=0))


def test_moved_digits_are_strange_to_a_network_that_saw_none(result: augmentation.Result) -> None:
    plain, helped = result.accuracy.values()
    assert plain[0] > 0.9 and plain[1] < 0.5
    assert helped[1] > plain[1] + 0.3


def test_picture_shows_a_digit_for_each_shift(result: augmentation.Result) -> None:
    titles = [axis.get_title() for axis in augmentation.picture(result).axes]
    assert [t for t in titles if t] == ["moved by 0", "moved by 1", "moved by 2"]
