"""Debug mode names the first value and adjoint that is no number, at the user's line."""

from __future__ import annotations

import math
import re

import mpmath
import numpy as np
import pytest

import graphc as gx

HERE = r"test_debug\.py:\d+"


# -- values ----------------------------------------------------------------------------------------


def test_first_nan_is_named_with_line_element_operand_and_domain() -> None:
    x = gx.input("x", (4,))
    report = gx.debug(gx.sum(gx.log(x) * 2), x=[1.0, 2.0, 3.0, -0.2])
    first = report.first
    assert first is not None and not report.ok and not report.finite
    assert (first.op, first.kind, first.element) == ("log", "domain", (3,))
    assert first.operands == (("x", pytest.approx(-0.2)),) and math.isnan(first.value)
    assert (first.count, first.size, first.domain) == (1, 4, "x > 0")
    assert re.fullmatch(HERE, first.place)
    assert "log needs x > 0" in first.words and "x[3] = -0.2" in first.words
    assert first.steps == 2 and first.spread[0].startswith("log(x)")


def test_overflow_is_told_from_a_pole() -> None:
    x = gx.input("x", ())
    over = gx.debug(gx.exp(x), x=100.0).first
    pole = gx.debug(gx.log(x), x=0.0).first
    assert over is not None and over.kind == "overflow" and "2.688e+43" in over.words
    assert pole is not None and pole.kind == "pole" and pole.value == -math.inf


def test_overflow_of_a_sum_is_one() -> None:
    x = gx.input("x", (3,))
    first = gx.debug(gx.sum(x), x=[3e38, 3e38, 1.0]).first
    assert first is not None and (first.op, first.kind) == ("sum", "overflow")


def test_difference_of_infinities_follows_the_overflow() -> None:
    x = gx.input("x", ())
    report = gx.debug(gx.exp(x) - gx.exp(x * 2), x=100.0)
    assert [b.kind for b in report.births] == ["overflow", "overflow", "indeterminate"]


def test_what_a_dead_branch_hides_is_harmless() -> None:
    x = gx.input("x", (2,))
    report = gx.debug(gx.sum(gx.where(x > 0, gx.log(x), x)), x=[1.0, -1.0])
    assert report.ok and report.finite and report.first is None
    (birth,) = report.births
    assert not birth.reaches and "is not taken" in birth.fate


def test_infinity_that_a_quotient_absorbs_is_harmless() -> None:
    x = gx.input("x", ())
    report = gx.debug(1 / gx.exp(x), x=100.0, wrt=x)
    (birth,) = report.births
    assert report.finite and birth.kind == "overflow" and "finite number" in birth.fate


def test_where_of_two_bad_branches_blames_the_one_taken() -> None:
    x = gx.input("x", ())
    report = gx.debug(gx.where(x > 0, gx.log(-x), gx.sqrt(-x)), x=2.0)
    assert [b.op for b in report.births if b.reaches] == ["log"]


def test_masks_of_minus_infinity_are_no_births() -> None:
    x, mask = gx.input("x", (3,)), gx.input("mask", (3,), gx.bool_)
    y = gx.sum(gx.softmax(gx.where(mask, x, -np.inf)) * x)
    report = gx.debug(y, x=[1.0, 2.0, 3.0], mask=[True, True, False])
    assert report.ok and not [b for b in report.births if b.reaches]


def test_birth_in_a_block_says_which_call() -> None:
    x = gx.input("x", (3,))

    @gx.block
    def layer(v: gx.Node) -> gx.Node:
        return gx.log(v) - 1

    first = gx.debug(gx.sum(layer(layer(x))), x=[1.0, 20.0, 30.0]).first
    assert first is not None and first.op == "log" and first.element == (0,)
    assert re.search(rf"in block 'layer', call 2 at {HERE}", first.block)
    assert first.operands[0][1] == -1.0


def test_birth_in_a_map_says_which_iteration() -> None:
    x = gx.input("x", (3,))
    first = gx.debug(gx.sum(gx.map(lambda row: gx.log(row) * 2, x)), x=[3.0, -20.0, 30.0]).first
    assert first is not None and first.block.startswith("in iteration 1 of map")
    assert first.operands == (("x0", -20.0),)


def test_harmless_births_in_blocks_stay_harmless() -> None:
    x = gx.input("x", (2,))
    safe = gx.map(lambda row: gx.where(row > 0, gx.log(row), row), x)
    report = gx.debug(gx.sum(safe), x=[1.0, -1.0])
    assert report.ok and [b.op for b in report.births] == ["log"]


def test_given_nan_is_named_as_given() -> None:
    x = gx.input("x", (2,))
    first = gx.debug(gx.sum(x * 2), x=[1.0, np.nan]).first
    assert first is not None and (first.kind, first.node) == ("given", "x")


# -- adjoints --------------------------------------------------------------------------------------


def test_first_bad_adjoint_names_rule_slope_and_incoming() -> None:
    x = gx.input("x", (3,))
    report = gx.debug(gx.sum(gx.sqrt(x)), x=[1.0, 0.0, 4.0])
    fault = report.adjoint
    assert report.finite and not report.ok and fault is not None
    assert (fault.node, fault.rule, fault.element) == ("x", "sqrt", (1,))
    assert (fault.slope, fault.incoming, fault.reaches) == (math.inf, 1.0, ("x",))
    assert re.fullmatch(HERE, fault.rule_place) and fault.operands == (("x", 0.0),)


def test_zero_times_infinity_in_the_reverse_pass_is_found() -> None:
    x = gx.input("x", ())
    fault = gx.debug(gx.square(gx.sqrt(x)), x=0.0).adjoint
    assert fault is not None and (fault.slope, fault.incoming) == (math.inf, 0.0)
    assert math.isnan(fault.result) and fault.rule == "sqrt"


def test_adjoint_that_is_finite_at_fifty_digits_says_so() -> None:
    x = gx.input("x", ())
    fault = gx.debug(gx.log(1 + gx.exp(x)), x=1000.0).adjoint
    assert fault is not None and fault.exact == 1.0 and "at 50 digits it is 1" in fault.words


@pytest.mark.parametrize("mapped", [False, True])
def test_bad_adjoint_in_a_block_names_the_edge_within(mapped: bool) -> None:
    x = gx.input("x", (3,))

    def root(v: gx.Node) -> gx.Node:
        return gx.sqrt(v * v)

    y = gx.map(root, x) if mapped else gx.block(root)(x)
    fault = gx.debug(gx.sum(y), x=[1.0, 0.0, 2.0]).adjoint
    assert fault is not None and fault.rule == "sqrt" and fault.slope == math.inf
    assert fault.block.startswith("in iteration 1 of map" if mapped else "in block 'root backward'")
    assert fault.node.startswith("mul(") and re.fullmatch(HERE, fault.rule_place)


def test_finite_graph_has_no_findings() -> None:
    x = gx.input("x", (3,))
    report = gx.debug(gx.sum(gx.tanh(x)), x=[0.1, 0.2, 0.3])
    assert report.ok and report.adjoint is None and not report.births and not report.vanishing
