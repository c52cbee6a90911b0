from __future__ import annotations

import pytest

from examples import batch_norm


@pytest.fixture(scope="module")
def result() -> batch_norm.Result:
    return batch_norm.compute(quick=True)


def test_without_batch_norm_ten_sigmoids_stay_at_chance(result: batch_norm.Result) -> None:
    assert result.accuracy[False].max() < 0.2
    assert (result.losses[False][:, -1] > 2.0).all()  # log 10 is that of chance


def test_with_batch_norm_most_rates_learn(result: batch_norm.Result) -> None:
    assert (result.accuracy[True] > 0.5).all()
    assert (result.accuracy[True] > 0.85).sum() >= 2


def test_picture_shows_both(result: batch_norm.Result) -> None:
    titles = [axis.get_title(loc="left") for axis in batch_norm.picture(result).axes]
    assert titles == ["batch-norm off", "batch-norm on"]
