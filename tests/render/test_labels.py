from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.render.labels import NAMELESS, array, clean, html, number


@given(st.text())
def test_cleaned_text_has_no_control_characters_and_is_short(text):
    shown = clean(text, 20)
    assert 0 < len(shown) <= 20
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn") for c in shown)
    shown.encode("utf-8")


@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=10))
def test_ordinary_text_is_shown_as_it_is(text):
    assert clean(text, 20) == unicodedata.normalize("NFC", text)


def test_names_of_nothing_visible_have_a_stand_in():
    assert clean("") == clean("\x00\u202e\ud800") == NAMELESS


def test_a_megabyte_is_cut():
    assert clean("x" * 1_000_000, 10) == "x" * 9 + "…"


def test_piles_of_accents_are_cut():
    assert len(clean("a" + "\u0301" * 100 + "b")) <= 4


def test_markup_and_backslashes_are_escaped():
    assert html('<b>&"\\N') == "&lt;b&gt;&amp;&quot;\\\\N"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-2, "−2"), (0.2689414213699951, "0.2689"), (1.5e-8, "1.5e−8"), (float("nan"), "NaN"),
        (float("-inf"), "−∞"), (True, "true"), (1e300, "1e300"),
        (10**400, "huge"), (1 - 2j, "1 − 2i"),
        (-0.0, "−0"), (12345678, "12345678"),
    ],
)  # fmt: skip
def test_numbers_are_short(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.float32(0.5), "0.5"), ([1.0, 2.0], "[1, 2]"), (np.arange(10.0), "0 … 9"),
        (np.zeros((3, 3)), "all 0"), (np.zeros((0, 3)), "[ ]"),
        (np.array([True, False, True, True]), "3 of 4 true"),
        (np.array([1.0, np.nan, 2.0, 3.0]), "NaN in 1 of 4"), (object(), "…"),
    ],
)  # fmt: skip
def test_arrays_are_shown_in_a_few_characters(value, shown):
    assert array(value) == shown
