from __future__ import annotations

import numpy as np
import pytest

from examples import weight_penalties


@pytest.fixture(scope="module")
def result() -> weight_penalties.Result:
    return weight_penalties.compute(quick=True)


def test_weights_of_the_square_penalty_solve_its_normal_equations(
    result: weight_penalties.Result,
) -> None:
    x, y = weight_penalties.data(weight_penalties.ROWS, 0)
    for strength, found in zip(result.penalties["L2"], result.weights["L2"], strict=True):
        gram = x.T @ x / len(x) + strength * np.eye(x.shape[1])
        assert np.allclose(found, np.linalg.solve(gram, x.T @ y / len(x)), atol=1e-4)


def test_only_the_absolute_penalty_gives_exact_zeros(result: weight_penalties.Result) -> None:
    zeros = {name: np.sum(found == 0, axis=1) for name, found in result.weights.items()}
    assert not zeros["L2"].any()
    assert zeros["L1"][-1] >= weight_penalties.FEATURES - weight_penalties.RELEVANT


def test_relevant_weights_outlast_the_others(result: weight_penalties.Result) -> None:
    middle = result.weights["L1"][len(result.weights["L1"]) // 2]
    relevant = np.abs(middle[: weight_penalties.RELEVANT])
    assert relevant.min() > np.abs(middle[weight_penalties.RELEVANT :]).max()


def test_both_penalties_help_on_new_data(result: weight_penalties.Result) -> None:
    assert all(errors.min() < result.plain for errors in result.errors.values())


def test_picture_has_a_column_for_each_penalty(result: weight_penalties.Result) -> None:
    titles = [axis.get_title(loc="left") for axis in weight_penalties.picture(result).axes]
    assert titles[0].startswith("L1") and titles[1].startswith("L2")
