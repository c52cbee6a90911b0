"""Debug mode names the first value and adjoint that is no number, at the user's line."""

from __future__ import annotations

import itertools
import math
import re

import mpmath
import numpy as np
import pytest

import graphc as gx
from tests.every_op_cases import Case, all_cases

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


# -- vanishing -------------------------------------------------------------------------------------


def test_thirty_sigmoids_vanish_truly_layer_by_layer() -> None:
    x = gx.input("x", (4,))
    y = x
    for _ in range(30):
        y = gx.sigmoid(y)
    at = np.asarray([0.1, 0.2, 1.0, -3.0], np.float32)
    report = gx.debug(gx.sum(y), x=at)
    (one,) = report.vanishing
    assert report.ok and (one.kind, one.node, one.lost, one.true_tiny) == ("true", "x", 0, 4)
    with mpmath.workdps(50):
        slopes = []
        for value in at:
            v, slope = mpmath.mpf(float(value)), mpmath.mpf(1)
            for _ in range(30):
                v = 1 / (1 + mpmath.exp(-v))
                slope *= v * (1 - v)
            slopes.append(slope)
        norm = float(mpmath.norm(slopes))
    last = report.levels[-1]
    assert last.wanted and last.depth == 31 and last.exact == pytest.approx(norm, rel=1e-14)
    # Each sigmoid has a slope of 1/4 at most: the norms fall at every layer.
    norms = [level.norm for level in report.levels[1:]]
    assert all(b < a / 3.9 for a, b in itertools.pairwise(norms))


def test_tanh_by_exponentials_loses_its_gradient_artificially() -> None:
    x = gx.input("x", ())
    y = (gx.exp(x) - gx.exp(-x)) / (gx.exp(x) + gx.exp(-x))
    report = gx.debug(y, x=10.0)
    one = report.vanishing[0]
    assert not report.ok and (one.kind, one.cause, one.lost) == ("artificial", "cancellation", 1)
    assert one.example is not None and one.judged == "50 digits"
    with mpmath.workdps(30):
        true = mpmath.sech(10) ** 2
    assert float(one.example[2]) == pytest.approx(float(true), rel=1e-5)
    assert re.search(rf"lost in add.* at {HERE}", one.born)


def test_one_minus_square_of_tanh_is_lost_by_saturation() -> None:
    x = gx.input("x", ())
    t = gx.tanh(x)
    report = gx.debug(gx.log(2 - gx.square(t)) * (1 - t * t), x=20.0)
    assert not report.ok and report.vanishing[0].wanted
    product = gx.debug(x * (1 - t * t) ** 2, x=20.0).vanishing[0]
    assert (product.kind, product.cause) == ("artificial", "saturation")
    assert "lost in sub(1.0, mul(" in product.born


def test_underflow_of_exp_is_artificial_below_the_range() -> None:
    x = gx.input("x", ())
    one = gx.debug(gx.exp(-x * x), x=11.0).vanishing[0]
    assert (one.kind, one.cause, one.underflow, one.lost) == ("artificial", "underflow", 1, 0)
    assert one.example is not None
    assert float(one.example[2]) == pytest.approx(-22 * math.exp(-121), rel=1e-5)


def test_value_within_range_lost_by_an_underflow_on_the_way() -> None:
    x = gx.input("x", ())
    report = gx.debug(x * 1e25 * 1e-25 * 1e-25, x=1.0)  # the reverse pass forms 1e-50 first
    one = report.vanishing[0]
    assert (one.node, one.kind, one.cause, one.lost) == ("x", "artificial", "underflow", 1)
    assert one.example is not None and float(one.example[2]) == pytest.approx(1e-25, rel=1e-5)


def test_zero_that_fifty_digits_can_not_tell_is_judged_at_four_hundred() -> None:
    x = gx.input("x", (), gx.float64)
    t = gx.tanh(x)
    report = gx.debug(x * (1 - t * t) ** 2, x=100.0)
    one = report.vanishing[0]
    assert (one.judged, one.kind, one.lost) == ("400 digits", "artificial", 1)
    with mpmath.workdps(600):
        true = mpmath.diff(lambda v: v * mpmath.sech(v) ** 4, 100)
    assert one.example is not None and float(one.example[2]) == pytest.approx(float(true), rel=1e-5)


def test_dead_relu_gives_a_true_zero() -> None:
    x = gx.input("x", (2,))
    report = gx.debug(gx.sum(gx.relu(x)), x=[-1.0, 2.0])
    (one,) = [v for v in report.vanishing if v.wanted]
    assert report.ok and (one.kind, one.true_zeros, one.underflow) == ("true", 1, 0)


def test_graph_above_the_budget_is_judged_in_float64_and_says_so() -> None:
    x = gx.input("x", ())
    report = gx.debug(gx.exp(-x * x), x=11.0, budget=3)
    one = report.vanishing[0]
    assert one.judged == "float64" and (one.kind, one.cause) == ("artificial", "underflow")
    assert any("above the budget of 3: judged in float64" in note for note in report.notes)


def test_float64_graph_above_the_budget_is_left_unjudged_and_says_so() -> None:
    x = gx.input("x", (), gx.float64)
    report = gx.debug(gx.exp(-x * x), x=30.0, budget=3)
    assert report.vanishing[0].kind == "unjudged"
    assert any("above the budget of 3" in note for note in report.notes)


def test_zero_in_float64_too_is_not_called_true() -> None:
    x = gx.input("x", ())
    assert gx.debug(gx.exp(-x * x), x=40.0, budget=3).vanishing[0].kind == "unjudged"


def test_norms_by_depth_agree_with_the_gradient() -> None:
    x, w = gx.input("x", (3, 2)), gx.param("w", (2, 4))
    loss = gx.sum(gx.tanh(x @ w))
    values = {"x": np.ones((3, 2), np.float32), "w": np.full((2, 4), 0.3, np.float32)}
    report = gx.debug(loss, values)
    slope = np.asarray(gx.evaluate(gx.grad(loss, w), values), np.float64)
    (level,) = [level for level in report.levels if level.wanted]
    assert level.norm == pytest.approx(np.linalg.norm(slope), rel=1e-12)
    assert (level.node, level.depth, level.size) == ("w", 3, 8)


# -- units -----------------------------------------------------------------------------------------


def layer_inputs(rng: np.random.Generator) -> tuple[gx.Node, dict[str, object]]:
    x, w, b = gx.input("x", ("batch", 4)), gx.param("w", (4, 5)), gx.param("b", (5,))
    values: dict[str, object] = {
        "x": rng.normal(size=(7, 4)).astype(np.float32),
        "w": rng.normal(size=(4, 5)).astype(np.float32),
        "b": np.asarray([0, -100, 0, -100, 0], np.float32),
    }
    return x @ w + b, values


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("relu", gx.relu),
        ("maximum", lambda z: gx.maximum(z, 0.0)),
        ("maximum", lambda z: gx.maximum(0.0, z)),
        ("clip", lambda z: gx.clip(z, -50.0, 50.0)),
        ("where", lambda z: gx.where(z > 0, z, 0.0)),
    ],
)
def test_dead_columns_are_counted(name: str, function: object, rng: np.random.Generator) -> None:
    z, values = layer_inputs(rng)
    assert callable(function)
    report = gx.debug(gx.sum(function(z)), values)
    (one,) = [u for u in report.units if u.op == name]
    assert (one.dead, one.units, one.batch, one.elements) == (2, 5, 7, 35)
    assert report.ok and "2 of 5 units dead" in str(report)


def test_leaky_units_on_the_lesser_slope_are_counted(rng: np.random.Generator) -> None:
    z, values = layer_inputs(rng)
    (one,) = gx.debug(gx.sum(gx.leaky_relu(z)), values).units
    assert (one.dead, one.beyond, one.saturated) == (0, 2, 0)


@pytest.mark.parametrize("function", [gx.elu, gx.selu, gx.tanh, gx.sigmoid, gx.erf, gx.softplus])
def test_saturated_units_are_counted(function: object, rng: np.random.Generator) -> None:
    z, values = layer_inputs(rng)
    assert callable(function)
    (one,) = gx.debug(gx.sum(function(z)), values).units
    assert one.saturated_units == 2 and one.saturated >= 14


def test_saturation_starts_where_the_slope_falls_below_the_threshold() -> None:
    x = gx.input("x", (4,))
    # sigmoid'(x) < 2**-12 from x = 8.3175 on; sigmoid(x) rounds to 1 in float32 from 16.6 on.
    (one,) = gx.debug(gx.sum(gx.sigmoid(x)), x=[8.31, 8.32, 16.0, 18.0]).units
    assert one.threshold == 2.0**-12 and (one.saturated, one.rounded) == (3, 1)


def test_softmax_rows_saturate() -> None:
    x = gx.input("x", (2, 3))
    y = gx.sum(gx.softmax(x) * x)
    (one,) = gx.debug(y, x=[[0.0, 1.0, 2.0], [0.0, 50.0, 0.0]]).units
    assert (one.op, one.saturated, one.rounded, one.elements) == ("softmax", 1, 1, 2)


@pytest.mark.parametrize("function", [gx.exp, gx.sin, gx.square, gx.sqrt, gx.log, gx.abs, gx.neg])
def test_operations_that_do_not_saturate_are_left_out(function: object) -> None:
    x = gx.input("x", (2,))
    assert callable(function)
    assert gx.debug(gx.sum(function(x)), x=[1.0, 2.0]).units == ()


def test_iterations_of_a_map_are_a_batch() -> None:
    x = gx.input("x", (4, 2))
    at = [[1.0, -1.0], [-1.0, -2.0], [3.0, -1.0], [1.0, -5.0]]
    (one,) = gx.debug(gx.sum(gx.map(gx.relu, x)), x=at).units
    assert (one.units, one.batch, one.dead) == (2, 4, 1)


# -- checks ----------------------------------------------------------------------------------------


def integers(*shape: int) -> tuple[gx.Node, gx.Node]:
    return gx.input("i", shape, gx.int32), gx.input("j", shape, gx.int32)


def test_index_out_of_range_names_index_position_size_and_both_lines() -> None:
    ids = gx.input("ids", (3,), gx.int32)
    table = gx.input("table", (5, 4))
    y = gx.sum(gx.take(table, ids, axis=0))
    with pytest.raises(gx.IndexingError) as caught:
        gx.debug(y, ids=[0, 7, 1], table=np.ones((5, 4)))
    words = str(caught.value)
    assert "index 7 at ids[1] is out of range for axis 0 of size 5" in words
    assert re.search(rf"gather\(table: f32\[5,4\], ids: i32\[3\]\) at {HERE}", words)
    assert re.search(rf"ids: i32\[3\] is declared at {HERE}", words)


@pytest.mark.parametrize("wrong", [4, -5])
def test_one_of_several_indices_is_checked_by_its_own_axis(wrong: int) -> None:
    i, j = integers(3)
    table = gx.input("table", (5, 4))
    at = {"i": [0, 1, 1], "j": [0, wrong, -1], "table": np.arange(20.0).reshape(5, 4)}
    with pytest.raises(gx.IndexingError, match="out of range"):
        gx.evaluate(table[i, j], at)
    with pytest.raises(gx.IndexingError, match=rf"index {wrong} at j\[1\] .* axis 1 of size 4"):
        gx.debug(gx.sum(table[i, j]), at)
    assert gx.debug(gx.sum(table[i, j]), {**at, "j": [0, 3, -4]}).ok


def test_scatter_out_of_range_is_an_error() -> None:
    i, _ = integers(3)
    y = gx.sum(gx.scatter_add(gx.input("u", (3,)), i, 2))
    with pytest.raises(gx.IndexingError, match=r"index 2 at i\[2\] .* axis 0 of size 2"):
        gx.debug(y, i=[0, 1, 2], u=np.ones(3))


@pytest.mark.parametrize("operation", ["//", "%"])
def test_integer_division_by_zero_is_an_error(operation: str) -> None:
    i, j = integers(3)
    y = i // j if operation == "//" else i % j
    with pytest.raises(gx.DivisionError, match=r"7 is divided by 0 at element \[1\]") as caught:
        gx.debug(y, i=[0, 7, 1], j=[1, 0, 2])
    assert isinstance(caught.value, ZeroDivisionError) and re.search(HERE, str(caught.value))


@pytest.mark.parametrize(
    ("build", "i", "j", "true"),
    [
        (lambda i, j: i + j, 2**31 - 1, 1, 2**31),
        (lambda i, j: i - j, -(2**31), 1, -(2**31) - 1),
        (lambda i, j: i * j, 2**20, 2**20, 2**40),
        (lambda i, j: -i + j, -(2**31), 0, 2**31),
        (lambda i, j: i // j, -(2**31), -1, 2**31),
        (lambda i, j: i**3 + j, 2000, 0, 8 * 10**9),
        (lambda i, j: gx.sum(gx.stack([i, i, j])), 2**30, 2**30, 3 * 2**30),
    ],
)
def test_integer_overflow_is_an_error(build: object, i: int, j: int, true: int) -> None:
    nodes = integers()
    assert callable(build)
    with pytest.raises(gx.RangeError, match=rf"is {true} and wraps around to"):
        gx.debug(build(*nodes), i=i, j=j)


def test_integers_that_fit_pass() -> None:
    i, j = gx.input("i", (2,), gx.int64), gx.input("j", (2,), gx.int64)
    y = gx.sum(i * j) + gx.max(i) // 3 - gx.min(j) % 5
    assert gx.debug(y, i=[2**62, 1], j=[1, -(2**62)]).ok


@pytest.mark.parametrize(
    ("value", "dtype", "words"),
    [
        (300.0, gx.int8, "x[1] is 300, which int8 can't hold"),
        (float("nan"), gx.int64, "x[1] is nan, which int64 can't hold"),
        (-1.5, gx.uint8, "x[1] is -1.5, which uint8 can't hold"),
        (2.0**63, gx.int64, "x[1] is 9.223372e+18, which int64 can't hold"),
    ],
)
def test_cast_that_loses_is_an_error(value: float, dtype: gx.DType, words: str) -> None:
    x = gx.input("x", (2,))
    with pytest.raises(gx.RangeError, match=re.escape(words)):
        gx.debug(gx.cast(x, dtype), x=[1.0, value])


def test_negative_size_is_an_error() -> None:
    x = gx.input("x", ("n",))
    y = gx.sum(gx.arange(gx.dim("n") - 3, gx.float32)) + gx.sum(x)
    with pytest.raises(gx.DimError, match=r"its size n-3 is -1 for n = 2"):
        gx.debug(y, x=[1.0, 2.0])


def test_unchecked_failures_are_listed() -> None:
    i, j = integers(2)
    report = gx.debug(i * j, i=[1, 2**20], j=[1, 2**20], checked=False)
    (failure,) = report.failures
    assert not report.ok and failure.kind == "RangeError" and re.fullmatch(HERE, failure.place)


def test_check_within_a_block_says_where() -> None:
    i, j = integers(2)
    y = gx.map(lambda a, b: a // b, i, j)
    with pytest.raises(gx.DivisionError, match=r"in iteration 1 of map"):
        gx.debug(y, i=[1, 5], j=[1, 0])


# -- the call --------------------------------------------------------------------------------------


def test_chain_of_a_hundred_thousand_nodes_is_debugged() -> None:
    x = gx.input("x", ())
    y = gx.log(x)
    for _ in range(100_000):
        y = -y
    w = gx.input("w", ())
    report = gx.debug(y * w, x=-1.0, w=1.0, wrt=w)
    first = report.first
    assert first is not None and (first.op, first.steps) == ("log", 100_001)
    assert report.adjoint is not None and report.adjoint.node == "w"
    assert len(str(report).splitlines()) < 60


def test_adjoints_of_a_long_chain_are_followed() -> None:
    x = gx.input("x", ())
    y = gx.sqrt(x)
    for _ in range(20_000):
        y = -y
    report = gx.debug(y, x=0.0)
    assert report.adjoint is not None and report.adjoint.rule == "sqrt"
    assert len(report.levels) == 20_002 and len(str(report).splitlines()) < 60


def test_seed_gives_adjoints_to_outputs_that_are_no_scalars() -> None:
    x = gx.input("x", (2,))
    plain = gx.debug(gx.sqrt(x), x=[0.0, 1.0])
    assert plain.adjoint is None and any("seed" in note for note in plain.notes)
    fault = gx.debug({"y": gx.sqrt(x)}, x=[0.0, 1.0], seed=1.0).adjoint
    assert fault is not None and fault.element == (0,)


def test_problem_brings_its_values() -> None:
    x = gx.input("x", ())
    assert gx.debug(gx.Problem(gx.log(x), {"x": -1.0})).first is not None


def test_wrong_arguments_are_refused() -> None:
    x, n = gx.input("x", ()), gx.input("n", (), gx.int32)
    with pytest.raises(gx.ArgumentError, match="no value for x"):
        gx.debug(gx.log(x))
    with pytest.raises(gx.ArgumentError, match="budget=-1 is no count"):
        gx.debug(gx.log(x), x=1.0, budget=-1)
    with pytest.raises(gx.ArgumentError, match="checked='no' is neither"):
        gx.debug(gx.log(x), x=1.0, checked="no")  # pyright: ignore[reportArgumentType]
    with pytest.raises(gx.ArgumentError, match="xla=1 is neither"):
        gx.debug(gx.log(x), x=1.0, xla=1)  # pyright: ignore[reportArgumentType]
    with pytest.raises(gx.GradError, match="nothing to differentiate"):
        gx.debug(n + 1, n=1, wrt=n)
    with pytest.raises(gx.ArgumentError, match="does not depend on"):
        gx.debug(gx.log(x), x=1.0, wrt=gx.input("other", ()))
    with pytest.raises(gx.ArgumentError, match="no graph value"):
        gx.debug(3.0)


def test_xla_that_flushes_a_subnormal_number_is_named() -> None:
    x = gx.input("x", ())
    report = gx.debug(gx.exp(-x), x=90.0, xla=True)
    assert ("exp(neg(x))", "flushed") in [(d.what, d.kind) for d in report.differences]


def test_step_function_on_the_way_is_noted() -> None:
    x = gx.input("x", ())
    report = gx.debug(gx.floor(x) + 0 * x, x=1.5)
    assert any("piecewise constant" in note for note in report.notes)


def test_bad_adjoint_that_a_mask_stops_is_harmless() -> None:
    x = gx.input("x", ())
    report = gx.debug(gx.sqrt(gx.where(x > 0, x, 0.0)), x=-1.0)
    assert report.ok and report.adjoint is not None and report.adjoint.reaches == ()
    assert "harmless" in report.adjoint.words


def test_bad_adjoint_that_reaches_a_gradient_comes_before_a_harmless_one() -> None:
    x, y = gx.input("x", ()), gx.input("y", ())
    loss = gx.sqrt(gx.where(x > 0, x, 0.0)) + gx.sqrt(y)
    fault = gx.debug(loss, x=-1.0, y=0.0).adjoint
    assert fault is not None and (fault.node, fault.reaches) == ("y", ("y",))


def test_row_without_any_score_is_found_and_survives_fifty_digits() -> None:
    scores = gx.input("scores", (2, 2))
    y = gx.sum(gx.softmax(gx.where(scores > 0, scores, -np.inf)))
    report = gx.debug(y, scores=[[1.0, 2.0], [-1.0, -2.0]])
    assert [b.op for b in report.births if b.reaches] == ["constant", "softmax"]
    assert report.adjoint is not None


def test_mean_of_nothing_is_named_as_such() -> None:
    first = gx.debug(gx.mean(gx.input("x", (0,))), x=[]).first
    assert first is not None and "mean of no elements" in first.words


def test_network_judged_in_float64_knows_its_true_zeros(rng: np.random.Generator) -> None:
    z, values = layer_inputs(rng)
    report = gx.debug(gx.sum(gx.square(gx.relu(z))), values, budget=10)
    assert {v.kind for v in report.vanishing} == {"true"} and "judged in float64" in report.notes[0]


def test_backward_block_stands_at_the_users_call() -> None:
    x = gx.input("x", (2,))
    square = gx.block(lambda v: gx.sqrt(v * v))
    called = square(x)
    report = gx.debug(gx.sum(called), x=[0.0, 1.0])
    assert report.adjoint is not None and called.place is not None
    assert report.adjoint.block.endswith(f"test_debug.py:{called.place[1]}")


EXTREMES = [math.nan, math.inf, -math.inf, 0.0, -1.0, 3e38, 1e-40, 1.0]
#: JAX's own derivative runs under JAX only, and complex numbers are refused.
LEFT_OUT = ("complex", "conj", "dft", "imag", "irdft", "jax_jvp", "jax_vjp", "rdft", "real")
CASES = [case for case in all_cases() if case.op.name not in LEFT_OUT]


@pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_every_op_is_debugged_at_extremes(case: Case, rng: np.random.Generator) -> None:
    dtypes = ["float32" if d == "float" else d for d in case.dtypes]
    pairs = zip(case.shapes, dtypes, strict=True)
    inputs = [gx.input(f"x{i}", s, d) for i, (s, d) in enumerate(pairs)]
    node = case.build(*inputs)
    values: dict[gx.Node, object] = {}
    for x, shape, (low, high) in zip(inputs, case.shapes, case.ranges, strict=True):
        drawn = rng.uniform(low, high, size=shape)
        if x.dtype.is_float:
            values[x] = rng.choice(EXTREMES, size=shape).astype(np.float32)
        else:  # indices and conditions, in range
            whole = np.floor(drawn).clip(low, high - 1 if high > 1 else high)
            values[x] = whole.astype(x.dtype.numpy)
    smooth = node.dtype.is_float and any(x.dtype.is_float for x in inputs)
    smooth = smooth and callable(case.op.vjp)
    report = gx.debug(node, values, seed=1.0 if smooth else None, checked=False)
    value = np.asarray(gx.evaluate(node, values))
    assert report.finite == bool(np.isfinite(value).all()) and str(report)
    # Whatever is not finite has a birth that reaches it.
    assert report.finite or report.first is not None
