from __future__ import annotations

import numpy as np
import pytest

import graphc as gx
from examples import softmax_regression


@pytest.fixture(scope="module")
def result() -> softmax_regression.Result:
    return softmax_regression.compute(quick=True)


def test_nine_of_ten_new_digits_are_told_right(result: softmax_regression.Result) -> None:
    assert result.accuracy["not seen"] > 0.9
    assert np.all(result.by_class > 0.7)


def test_ink_in_the_middle_speaks_against_zero(result: softmax_regression.Result) -> None:
    middle = result.weights[:, 3:5, 3:5].mean(axis=(1, 2))
    assert middle[0] < -0.3
    assert np.argmin(middle) == 0


def test_gradient_by_hand_agrees() -> None:
    (problem,) = softmax_regression.problems(images=8)
    assert gx.check(problem).agreed


def test_picture_has_an_image_for_each_class(result: softmax_regression.Result) -> None:
    titles = [axis.get_title(loc="left") for axis in softmax_regression.picture(result).axes]
    assert [title[:1] for title in titles[:10]] == list("0123456789")
