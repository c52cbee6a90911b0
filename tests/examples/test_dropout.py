from __future__ import annotations

import numpy as np
import pytest

from examples import dropout
from examples.digits_mlp import load


@pytest.fixture(scope="module")
def result() -> dropout.Result:
    return dropout.compute(quick=True)


def test_a_fifth_of_the_labels_is_wrong() -> None:
    data = load()
    wrong = dropout.few(data)["labels"] != data.train_labels[: dropout.ROWS]
    assert np.mean(wrong) == dropout.WRONG


def test_without_dropout_the_loss_on_new_digits_turns_and_climbs(
    result: dropout.Result,
) -> None:
    unknown = result.unknown[0.0]
    assert unknown[-1] > 1.2 * unknown.min()
    assert result.known[0.0][-1] < 0.5 * result.known[0.5][-1]


def test_dropout_holds_it_down(result: dropout.Result) -> None:
    assert result.unknown[0.5][-1] < 0.8 * result.unknown[0.0][-1]
    assert result.accuracy[0.5] > result.accuracy[0.0]


def test_picture_shows_both(result: dropout.Result) -> None:
    titles = [axis.get_title(loc="left") for axis in dropout.picture(result).axes]
    assert [title.split(":")[0] for title in titles] == ["no dropout", "dropout 0.5"]
