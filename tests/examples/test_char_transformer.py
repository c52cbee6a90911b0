from __future__ import annotations

import numpy as np
import pytest

from examples import char_transformer, lstm_text


@pytest.fixture(scope="module")
def result() -> char_transformer.Result:
    return char_transformer.compute(quick=True)


def test_both_learn_more_than_how_frequent_letters_are(result: char_transformer.Result) -> None:
    assert list(result.bits) == ["LSTM", "transformer"]
    assert max(min(bits) for bits in result.bits.values()) < lstm_text.frequencies() - 0.2


def test_no_letter_looks_at_what_comes_after_it(result: char_transformer.Result) -> None:
    assert result.shares.shape == (char_transformer.HEADS, lstm_text.LENGTH, lstm_text.LENGTH)
    np.testing.assert_allclose(result.shares.sum(axis=-1), 1, rtol=1e-5)
    assert np.all(result.shares[:, *np.triu_indices(lstm_text.LENGTH, 1)] == 0)


def test_each_block_has_its_shares() -> None:
    assert len(char_transformer.looks(lstm_text.build(char_transformer.MODEL)[1])) == 2


def test_picture_shows_the_letters(result: char_transformer.Result) -> None:
    axis = char_transformer.picture(result).axes[1]
    shown = "".join(label.get_text() for label in axis.get_xticklabels())
    assert shown.replace("␣", " ") == char_transformer.WATCHED
