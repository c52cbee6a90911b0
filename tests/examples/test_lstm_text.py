from __future__ import annotations

import numpy as np
import pytest

import graphc as gx
from examples import lstm_text
from graphc import nn


@pytest.fixture(scope="module")
def result() -> lstm_text.Result:
    return lstm_text.compute(quick=True)


def test_held_back_text_is_not_among_what_is_trained_on() -> None:
    known, held = lstm_text.pieces()
    assert len(known["text"]) > 300
    seen = {tuple(row) for row in known["text"]}
    assert not any(tuple(row) in seen for row in held["text"])
    np.testing.assert_array_equal(known["text"][:, 1:], known["following"][:, :-1])


def test_letters_to_come_do_not_matter() -> None:
    text, logits, _ = lstm_text.build(lstm_text.MODEL)
    values = nn.flat(nn.initialise(logits, seed=3)[0])
    rows = lstm_text.pieces()[0]["text"][:1]
    other = rows.copy()
    other[:, 20:] = 0
    first, second = (gx.evaluate(logits, {text: r, **values}) for r in (rows, other))
    np.testing.assert_array_equal(first[:, :20], second[:, :20])
    assert np.abs(first[:, 20:] - second[:, 20:]).max() > 1e-3


def test_learns_more_than_how_frequent_letters_are(result: lstm_text.Result) -> None:
    assert 3.5 < result.frequencies < np.log2(len(lstm_text.LETTERS))
    assert min(result.bits["held back"]) < result.frequencies - 0.5


def test_words_appear_by_training(result: lstm_text.Result) -> None:
    words = set(lstm_text.TEXT.split())

    def known(text: str) -> int:
        return sum(word in words for word in text.split()[1:-1])

    assert known(result.after) > known(result.before)


def test_picture_shows_both_texts(result: lstm_text.Result) -> None:
    title = lstm_text.picture(result).axes[0].get_title(loc="left")
    assert result.before in title
    assert result.after in title
