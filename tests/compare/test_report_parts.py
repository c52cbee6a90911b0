"""The report's small parts: digits that are marked, numbers as text, cleaned SVG and MathML."""

from __future__ import annotations

import math
import struct
import sys
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compare.report.clean import clean_svg, mathml
from graphc.compare.report.marks import split_digits
from graphc.compare.report.nested import element_name, element_names, flat, shape_of
from graphc.compare.report.numbers import (
    count,
    decimal_text,
    digits,
    float_text,
    notation,
    ratio,
    rough,
    seconds,
    size,
)
from tests.compare.report_samples import HOSTILE_SVG


@pytest.mark.parametrize(
    ("value", "truth", "parts"),
    [
        (-4.0, "-4." + "0" * 49, ("-4", "", "")),
        (1 / 3, "0." + "3" * 50, ("0.3333333333333333", "", "")),
        (3.9999999999872, "4", ("3.9999999999", "872000", "")),
        (0.33333, "0." + "3" * 50, ("0.33333", "000000000002", "")),
        (0.19661193324148188, "0.19661193324148185254", ("0.1966119332414818", "8", "")),
        (1.23456789012e-7, "1.2345678902e-7", ("1.234567890", "1199999", "e-07")),
        (-1.0, "1", ("", "-1.0000000000000000", "")),
        (0.0, "1e-9", ("", "0", "")),
        (math.inf, "2", ("", "inf", "")),
        (2.0, "nan", ("", "2", "")),
        (math.nan, "nan", ("NaN", "", "")),
        (1e-300, "1e300", ("", "1.0000000000000000e-300", "")),
        (5e-324, "4e-324", ("5e-324", "", "")),
    ],
)
def test_digits_are_split_where_they_leave_the_truth(
    value: float, truth: str, parts: tuple[str, str, str]
):
    assert split_digits(value, Decimal(truth), 53) == parts


def test_a_float32_result_is_judged_as_float32():
    third = struct.unpack("f", struct.pack("f", 1 / 3))[0]
    assert split_digits(third, Decimal("0." + "3" * 50), 24) == ("0.33333334", "", "")
    assert split_digits(0.25, Decimal("0.2500001"), 24) == ("0.250000", "000", "")


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_float32_text_reads_back_as_the_same_float32(value: float):
    back = struct.unpack("f", struct.pack("f", float(float_text(value, 24))))[0]
    assert back == value


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-1, 1))
def test_split_digits_never_fails_and_marks_only_what_differs(value: float, change: float):
    truth = Decimal(value) * (1 + Decimal(change))
    right, wrong, tail = split_digits(value, truth, 53)
    assert math.isclose(float(right + wrong + tail), value, rel_tol=1e-15)
    if float(truth) == value:
        assert not wrong


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_notation_reads_back_exactly(value: float):
    assert Decimal(notation(Decimal(repr(value)))) == Decimal(repr(value))


@given(st.integers(1_000_000, 10**40))
def test_large_counts_are_right_to_two_digits(value: int):
    text = count(value)
    assert abs(Decimal(text) - value) <= Decimal(value) * Decimal("0.051")
    assert text[1] == "."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (count(None), "–"),
        (count(0), "0"),
        (count(999_999), "999,999"),
        (count(10**6), "1.0e6"),
        (count(9_990_000), "1.0e7"),
        (count(10**20000), "1.0e20000"),
        (count(10**30 - 1), "1.0e30"),
        (ratio(10, 10), ""),
        (ratio(15, 10), "×1.5"),
        (ratio(2**1000, 3), "×3.6e300"),
        (seconds(6.2e-6), "6.2 µs"),
        (seconds(0.0), "0 ns"),
        (seconds(75.0), "75 s"),
        (seconds(None), "–"),
        (size(182_000), "178 KiB"),
        (size(0), "0 B"),
        (digits(math.inf), "all"),
        (digits(math.nan), "–"),
        (rough(math.nan), "NaN"),
        (rough(1.23456e-9), "1.23e-09"),
        (decimal_text(Decimal("-4." + "0" * 48 + "1")), "-4"),
        (decimal_text(Decimal("0." + "3" * 50)), "0." + "3" * 25 + "…"),
    ],
)
def test_numbers_are_written_for_a_person(text: str, wanted: str):
    assert text == wanted


def test_elements_are_named_in_row_major_order():
    value = [[1, 2, 3], [4, 5, 6]]
    assert shape_of(value) == (2, 3)
    assert flat(value) == [1, 2, 3, 4, 5, 6]
    assert element_names("W", (2, 3), 4) == ["W[0,0]", "W[0,1]", "W[0,2]", "W[1,0]"]
    assert element_name("W", (2, 3), 5) == "W[1,2]"
    assert (shape_of(2.0), flat(2.0), element_name("x", (), 0)) == ((), [2.0], "x")
    assert (shape_of([[], []]), flat([[], []])) == ((2, 0), [])


def test_clean_svg_keeps_the_drawing_and_drops_all_that_runs_or_fetches():
    text = clean_svg(HOSTILE_SVG, "p-", 'a "label"')
    assert text is not None
    for bad in ("alert", "evil", "script", "style", "onload", "foreign", "image", "href"):
        assert bad not in text
    root = ET.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert (root.get("role"), root.get("aria-label")) == ("img", 'a "label"')
    shape = root.find(f"{space}g/{space}rect")
    assert shape is not None
    assert shape.attrib == {
        "id": "p-r", "width": "9", "height": "9", "fill": "url(#p-g)", "stroke-width": "2"
    }  # fmt: skip
    title = root.find(f"{space}g/{space}title")
    assert title is not None
    assert title.text == "a tip"


@pytest.mark.parametrize(
    "text",
    [
        "", "no xml", "<svg", "<html xmlns='http://www.w3.org/1999/xhtml'/>", "<svg/><svg/>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
    ],
)  # fmt: skip
def test_what_is_no_plain_svg_gives_nothing(text: str):
    assert clean_svg(text) is None


def test_a_picture_nested_deeper_than_the_stack_is_read():
    depth = 20 * sys.getrecursionlimit()
    text = '<svg xmlns="http://www.w3.org/2000/svg">' + "<g>" * depth + "</g>" * depth + "</svg>"
    assert clean_svg(text) == text


def test_latex_becomes_mathml():
    text = mathml(r"\frac{x + y}{\sqrt{z}}")
    assert text is not None
    tags = [element.tag.split("}")[1] for element in ET.fromstring(text).iter()]
    assert "mfrac" in tags
    assert "msqrt" in tags


@pytest.mark.parametrize(
    "latex", ["", r"\frac{", "{" * 3000, "x" * 5000, r"\text{</mtext><script>}", r"\left("]
)
def test_latex_that_cannot_be_read_gives_nothing_or_clean_mathml(latex: str):
    text = mathml(latex)
    assert text is None or "script" not in text


def test_mathml_is_cleaned_of_what_the_latex_smuggled_in():
    for latex in (r"\text{<script>alert(1)</script>}", r"\href{javascript:alert(1)}{x}"):
        text = mathml(latex)
        assert text is not None
        assert "alert" not in text
