from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import graphc as gx
from examples import linear_regression


@pytest.fixture(scope="module")
def result() -> linear_regression.Result:
    return linear_regression.compute(quick=True)


def test_all_ways_give_the_weights_of_scikit_learn(result: linear_regression.Result) -> None:
    data, target, _ = linear_regression.load()
    expected = LinearRegression().fit(data, target)
    assert len(result.weights) == 3
    for way, weights in result.weights.items():
        np.testing.assert_allclose(weights, expected.coef_, rtol=1e-8, err_msg=way)
        assert result.r2[way] == pytest.approx(expected.score(data, target), rel=1e-12)


def test_gradient_descent_is_as_fast_as_the_flattest_direction(
    result: linear_regression.Result,
) -> None:
    steps = result.steps[8] - result.steps[4]
    factor = (result.distance[8] / result.distance[4]) ** (1 / steps)
    assert 1 - factor == pytest.approx(1 - result.slowest, rel=0.02)


def test_gradient_by_hand_agrees() -> None:
    for problem in linear_regression.problems(patients=8):
        assert gx.check(problem).agreed


def test_picture_has_a_bar_for_each_feature(result: linear_regression.Result) -> None:
    left, _ = linear_regression.picture(result).axes
    assert [label.get_text() for label in left.get_yticklabels()] == result.names
