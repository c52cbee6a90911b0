"""The accuracy atlas: its meter, its points, its truth, and that it exposes a bad rule."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable
from typing import Any

import click.testing
import ml_dtypes
import mpmath
import numpy as np
import pytest

import graphc as gx
from graphc.cli import main
from graphc.compare.atlas.cases import NAMED, Case, case_of, cases_of, orders_of, why_not
from graphc.compare.atlas.measure import Row, Zeros, measure, survey
from graphc.compare.atlas.page import misses, page, point_words, summary, ulp_words
from graphc.compare.atlas.pitfalls import PLACES, Pitfall, losses, pitfalls
from graphc.compare.atlas.points import (
    QUICK,
    Density,
    events,
    from_ordinals,
    line,
    neighbours,
    ordinals,
    pairs,
    rounded,
)
from graphc.compare.atlas.run import DTYPES, Atlas, atlas
from graphc.compare.atlas.truth import Truth
from graphc.compare.atlas.ulp import errors, format_of, target_of
from graphc.compare.atlas.vectors import FORMULAS, hard_vectors, vector_cases
from graphc.core.dtype import DType, bfloat16, float32, float64
from graphc.core.errors import ArgumentError
from graphc.core.node import make
from graphc.core.op import Op, all_ops, op_named

#: Few points, for tests that go over all ops.
FEW = Density(wide=5, small=3, tail=7, ordinary=6, events=1, pairs=6, random=8)

ELEMENTWISE = [c for op in all_ops() for c in cases_of(op)]


def ulps(found: float, truth: str, dtype: DType = float64) -> tuple[float, bool]:
    """Returns the error of one result in ulp, and whether nothing of it is left."""
    measured = errors(np.array([found]), target_of([mpmath.mp.mpf(truth)], format_of(dtype)))
    return float(measured.ulp[0]), bool(measured.lost[0])


# -- the meter -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_exact_results_have_no_error_and_neighbours_have_one_ulp(dtype: DType) -> None:
    step = dtype.epsilon
    for scale in (1.0, 2.0**-30, 2.0**100, -(2.0**7)):
        exact = mpmath.mp.mpf(1.5) * scale
        target = target_of([exact] * 3, format_of(dtype))
        found = np.array([1.5, 1.5 + step, 1.5 - 3 * step]) * scale
        assert errors(found, target).ulp.tolist() == [0.0, 1.0, 3.0]


def test_the_unit_is_that_of_the_truth_across_a_power_of_two() -> None:
    below = 1 - 2.0**-53  # one unit of the numbers below 1, half of one of those above
    assert ulps(below, "1") == (0.5, False)
    assert errors(np.array([1.0]), target_of([mpmath.mp.mpf(below)], format_of(float64))).ulp == 1.0


def test_a_correctly_rounded_result_is_within_half_an_ulp() -> None:
    with mpmath.workdps(60):
        truths = [mpmath.sqrt(n) for n in range(2, 200) if math.isqrt(n) ** 2 != n]
        found = np.array([float(t) for t in truths])
        measured = errors(found, target_of(truths, format_of(float64))).ulp
        assert 0.4 < measured.max() <= 0.5
        once_more = np.nextafter(found, np.inf)
        assert errors(once_more, target_of(truths, format_of(float64))).ulp.min() >= 0.5


def test_a_silent_zero_is_lost_with_all_digits() -> None:
    error, lost = ulps(0.0, "1.7e-17")
    assert lost and 2.0**52 <= error < 2.0**53


def test_a_nan_is_lost_and_infinitely_wrong() -> None:
    assert ulps(math.nan, "1") == (math.inf, True)
    assert ulps(math.nan, "0") == (math.inf, True)
    assert ulps(math.nan, "1e400") == (math.inf, True)


def test_infinity_is_right_where_the_truth_overflows() -> None:
    assert ulps(math.inf, "1e400") == (0.0, False)
    assert ulps(-math.inf, "-1e400") == (0.0, False)
    assert ulps(-math.inf, "1e400")[1]
    assert ulps(math.inf, "3.5e38", float32) == (0.0, False)
    assert ulps(math.inf, "1e300")[1]
    assert ulps(0.0, "1e400")[1]


def test_infinity_just_below_overflow_counts_in_ulp() -> None:
    largest = np.finfo(np.float64).max
    error, lost = ulps(math.inf, repr(float(largest)))
    assert error == 1.0 and not lost
    assert ulps(float(largest), "1.7976931348623159e308")[0] <= 2.0


def test_subnormal_results_may_be_flushed() -> None:
    tiny = float(np.finfo(np.float64).tiny)
    assert ulps(0.0, "1e-310") == (0.0, False)
    assert ulps(0.0, "1e-500") == (0.0, False)
    assert ulps(5e-324, "0") == (0.0, False)
    assert ulps(tiny, "2.3e-308") == (0.0, False)
    assert ulps(0.0, "1e-307")[1]
    assert ulps(1e-300, "0")[0] > 1e7


def test_the_edge_of_underflow_is_told_from_a_loss() -> None:
    found = [0.0, 0.0, 1e-306, 0.0]
    truths = [mpmath.mp.mpf(t) for t in ("1e-306", "1e-300", "1.1e-306", "1e-310")]
    measured = errors(np.array(found), target_of(truths, format_of(float64)))
    assert measured.edge.tolist() == [True, False, True, False]
    assert measured.lost.tolist() == [True, True, False, False]


def test_no_truth_means_no_error() -> None:
    measured = errors(np.array([1.0, math.nan]), target_of([None, None], format_of(float64)))
    assert np.isnan(measured.ulp).all() and not measured.lost.any()


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_formats_are_those_of_numpy(dtype: DType) -> None:
    form, known = format_of(dtype), ml_dtypes.finfo(dtype.numpy)
    assert (form.tiny, form.largest) == (float(known.tiny), float(known.max))


# -- the points ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_ordinals_count_the_floats(dtype: DType) -> None:
    values = np.array([-3.0, -1.0, -0.0, 0.0, 1.0, 3.0]).astype(dtype.numpy)
    order = ordinals(values)
    assert (np.diff(order) >= 0).all() and order[2] == order[3]
    assert (from_ordinals(order, dtype) == values).all()
    after = from_ordinals(ordinals(np.array([1.0]).astype(dtype.numpy)) + 1, dtype)
    assert float(after[0]) == 1 + dtype.epsilon


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_the_line_covers_the_whole_range_with_both_signs(dtype: DType) -> None:
    form, points = format_of(dtype), line(dtype, QUICK)
    assert (points == rounded(points, dtype)).all()  # every point is a number of the dtype
    for side in (points[points > 0], -points[points < 0]):
        exponents = np.sort(np.log2(side))
        assert exponents[0] == form.bottom and exponents[-1] > form.top
        widest = np.diff(exponents).max()
        assert widest <= 2 * (form.top + 1 - form.bottom) / QUICK.wide
        assert ((side > 1) & (side < 1000)).sum() >= QUICK.tail
    assert 0.0 in points and 0.5 in points and 7.0 in points and 1.0 in points
    assert ((points != 0) & (np.abs(points) < form.tiny)).sum() == 0


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_neighbours_stand_one_ulp_and_a_quarter_away(dtype: DType) -> None:
    found, step = neighbours(1.0, dtype), dtype.epsilon
    for offset in (0, step, 2 * step, -step / 2, -step):
        assert 1 + offset in found
    assert found.min() <= 0.94 and found.max() >= 1.12


def test_events_are_found_to_the_ulp() -> None:
    values = np.array([-3.0, -1.0, 0.5, 1.0, 2.0, 4.0])

    def kind(x: float) -> int:
        return 1 if x * x > 2 else -1

    found = events(values, [kind(x) for x in values], kind, float64, 5, set())
    root = math.sqrt(2.0)  # rounded above the root
    assert {root, np.nextafter(root, 0), -root, -np.nextafter(root, 0)} <= set(found.tolist())


def test_zeros_poles_and_ends_of_the_domain_are_points_of_the_survey() -> None:
    tan = survey(case_of(op_named("tan"), {}), float64, QUICK).points.ravel()
    assert np.abs(tan - np.pi / 2).min() <= 2.3e-16
    log1p = survey(case_of(op_named("log1p"), {}), float32, QUICK).points.ravel()
    assert np.float32(-1) + np.float32(2.0**-24) in log1p
    gelu = survey(case_of(op_named("gelu"), {"approximate": False}), float64, QUICK).points
    assert np.abs(gelu - -0.7517915246935645).min() < 1e-15  # the zero of the slope


def test_pairs_hold_extremes_and_numbers_that_nearly_meet() -> None:
    found = pairs(float64, QUICK, 2)
    sizes = np.abs(found)
    assert ((sizes[:, 0] > 1e100) & (sizes[:, 1] < 1e-20)).any()
    first, second = found[sizes.min(axis=1) > 0.01].T
    apart = np.abs(first - second) / second
    assert ((apart < 1e-8) & (apart > 0)).any()
    assert found.shape[1] == 2 and len(np.unique(found, axis=0)) == len(found)


def test_hard_vectors_are_numbers_of_the_dtype() -> None:
    for dtype in DTYPES:
        found = hard_vectors(dtype, QUICK)
        assert np.isfinite(found).all() and found.shape[1] == 4
        assert (found == found.astype(dtype.numpy).astype(np.float64)).all()


# -- the truth -------------------------------------------------------------------------------------

Closed = Callable[[Any], Any]

#: Op, its parameters, point, order, and the derivative in closed form.
CLOSED: list[tuple[str, dict[str, Any], float, int, Closed]] = [
    ("tanh", {}, 20.0, 1, lambda x: mpmath.sech(x) ** 2),
    ("tanh", {}, 300.0, 2, lambda x: -2 * mpmath.tanh(x) * mpmath.sech(x) ** 2),
    ("exp", {}, 1e-300, 2, mpmath.exp),
    ("exp", {}, -700.0, 1, mpmath.exp),
    ("expm1", {}, -40.0, 1, mpmath.exp),
    ("log", {}, 1e-300, 1, lambda x: 1 / x),
    ("log", {}, 1e300, 1, lambda x: 1 / x),
    ("log", {}, 1e-150, 2, lambda x: -1 / x**2),
    ("log1p", {}, -1 + 2.0**-53, 1, lambda x: 1 / (1 + x)),
    ("sin", {}, 1e22, 1, mpmath.cos),
    ("sin", {}, 1e300, 2, lambda x: -mpmath.sin(x)),
    ("sigmoid", {}, 700.0, 1, lambda x: mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2),
    ("softplus", {}, -745.0, 1, lambda x: 1 / (1 + mpmath.exp(-x))),
    ("log_sigmoid", {}, 700.0, 0, lambda x: -mpmath.log1p(mpmath.exp(-x))),
    ("erf", {}, 26.0, 1, lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)),
    ("erf", {}, 26.0, 2, lambda x: -4 * x / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)),
    ("gelu", {"approximate": False}, -30.0, 1,
     lambda x: mpmath.ncdf(x) + x * mpmath.npdf(x)),
    ("acosh", {}, 1 + 2.0**-52, 1, lambda x: 1 / mpmath.sqrt(x * x - 1)),
    ("atan", {}, 1e150, 1, lambda x: 1 / (1 + x * x)),
    ("abs", {}, 1e-300, 1, lambda x: 1),
    ("sinc", {"order": 0, "scale": "1"}, 1e-9, 2,
     lambda x: 2 * mpmath.sin(x) / x**3 - 2 * mpmath.cos(x) / x**2 - mpmath.sin(x) / x),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "params", "x", "order", "closed"),
    CLOSED,
    ids=[f"{name}-at-{x}-order-{order}" for name, _, x, order, _ in CLOSED],
)
def test_truth_is_the_closed_form(
    name: str, params: dict[str, Any], x: float, order: int, closed: Closed
) -> None:
    case = case_of(op_named(name), params)
    found = Truth(case.formula, format_of(float64).tiny).at((x,), [(order,)])[order,]
    with mpmath.workdps(800):
        expected = closed(mpmath.mpf(x))
        assert abs(mpmath.mpf(found) - expected) <= abs(expected) * mpmath.mpf(10) ** -20


def test_truth_of_two_operands_holds_all_partials() -> None:
    truth = Truth(case_of(op_named("pow"), {}).formula, format_of(float64).tiny)
    x, y = mpmath.mpf(1.75), mpmath.mpf(-3.5)
    orders = [o for group in orders_of(2) for o in group]
    found = truth.at((float(x), float(y)), orders)
    with mpmath.workdps(60):
        log = mpmath.log(x)
        closed = [
            x**y,
            y * x ** (y - 1),
            x**y * log,
            y * (y - 1) * x ** (y - 2),
            x ** (y - 1) * (1 + y * log),
            x**y * log**2,
        ]
        for o, expected in zip(orders, closed, strict=True):
            assert abs(mpmath.mpf(found[o]) / expected - 1) < 1e-20


def test_truth_underflows_to_less_than_the_smallest_normal_number() -> None:
    truth = Truth(case_of(op_named("tanh"), {}).formula, format_of(float64).tiny)
    found = truth.at((1e5,), [(1,), (2,)])
    assert all(abs(v) < format_of(float64).tiny for v in found.values())


def test_there_is_no_truth_outside_of_the_domain_nor_at_its_end() -> None:
    tiny = format_of(float64).tiny
    assert Truth(case_of(op_named("log"), {}).formula, tiny).at((-1.0,), [(0,)])[0,] is None
    assert Truth(case_of(op_named("sqrt"), {}).formula, tiny).at((0.0,), [(1,)])[1,] is None
    assert Truth(case_of(op_named("reciprocal"), {}).formula, tiny).at((0.0,), [(1,)])[1,] is None
    root = Truth(case_of(op_named("sqrt"), {}).formula, tiny)
    assert root.at((0.0,), [(0,)])[0,] == 0


def test_truth_of_mod_sees_each_jump_however_close_they_are() -> None:
    for name, slope in (("mod", 1), ("floor_divide", 0)):
        case = case_of(op_named(name), {})
        truth = Truth(case.formula, format_of(float64).tiny, jumps=case.jumps)
        found = truth.at((1e300, 0.7), [(1, 0)])[1, 0]
        assert abs(found - slope) < 1e-20


def test_kinks_are_left_out_and_their_neighbours_are_not() -> None:
    found = survey(case_of(op_named("relu"), {}), float64, QUICK)
    at = int(np.flatnonzero(found.points.ravel() == 0)[0])
    assert found.truths[0,][at] == 0 and found.truths[1,][at] is None
    assert found.truths[1,][at - 1] == 0 and abs(found.truths[1,][at + 1] - 1) < 1e-20


# -- near a zero -----------------------------------------------------------------------------------


def test_near_a_zero_is_where_newtons_step_is_short() -> None:
    zeros = Zeros(Truth(case_of(op_named("cos"), {}).formula, format_of(float64).tiny))
    assert zeros.near((1.57,), (0,), 4.0) and zeros.near((1.3,), (0,), 4.0)
    assert not zeros.near((1.0,), (0,), 4.0)
    assert zeros.near((3.1,), (1,), 4.0)


@pytest.mark.parametrize(
    ("name", "x"), [("exp", -700.0), ("tanh", 300.0), ("erf", 26.0), ("log1p", -1 + 2.0**-50)]
)
def test_tails_and_poles_are_not_near_a_zero(name: str, x: float) -> None:
    zeros = Zeros(Truth(case_of(op_named(name), {}).formula, format_of(float64).tiny))
    assert not zeros.near((x,), (1,), 4.0) and not zeros.near((x,), (2,), 16.0)


# -- the whole -------------------------------------------------------------------------------------


def test_every_op_has_a_row_or_a_reason() -> None:
    for op in all_ops():
        reason = why_not(op)
        if op.name in FORMULAS or op.name in ("matmul", "einsum"):
            assert vector_cases((op.name,))
        elif reason and op.name not in NAMED:
            assert op.group not in ("reduction", "contraction"), f"{op.name}: add it to vectors.py"
        else:
            assert reason or cases_of(op)


def test_an_op_with_unknown_parameters_is_refused_by_name() -> None:
    op = op_named("elu")
    unknown = dataclasses.replace(op, name="unheard_of")
    with pytest.raises(ArgumentError, match="unheard_of"):
        cases_of(unknown)


#: Functions that JAX has not, so that there is no third column.
NOT_IN_JAX = {
    "inverse_positive", "sech_squared", "step_sign", "isru", "one_plus_square",
    "one_minus_square", "square_minus_one",
}  # fmt: skip


@pytest.mark.parametrize("case", ELEMENTWISE, ids=lambda c: c.label)
def test_jaxs_function_is_the_same_function(case: Case) -> None:
    function, name = case.jax()
    if function is None:
        assert name in (
            "JAX has no such function",
            "JAX's function has no second derivative",
            "JAX's function has no derivative",
        )
        return
    points = np.array([[0.3, 0.6, 0.8], [0.9, 0.2, 0.5]])[:, : case.count]
    points = points + (case.op in ("acosh", "square_minus_one", "zeta"))
    truth = Truth(case.formula, format_of(float64).tiny)
    for row, value in zip(points, np.asarray(function(*points.T)), strict=True):
        (expected,) = truth.at(tuple(row.tolist()), [(0,) * case.count]).values()
        assert float(value) == pytest.approx(float(expected), rel=1e-12)


@functools.cache
def rows_of(label: str) -> dict[int, Row]:
    """Returns the float64 rows of a case, at few points and without JAX, by order."""
    case = next(c for c in (*ELEMENTWISE, *vector_cases()) if c.label == label)
    return {r.order: r for r in measure(case, float64, FEW, ("xla", "numpy"))}


def planted(op: Op, slope: Callable[[Any, Any], Any]) -> Case:
    """Returns the case of an op whose rules are replaced by a slope of (out, x)."""

    def jvp(tangents: Any, node: Any) -> Any:
        return tangents[0] * slope(node, node.args[0])

    record = dataclasses.replace(
        op,
        vjp=lambda adjoint, node, wanted: [adjoint * slope(node, node.args[0])],
        jvp=jvp,
    )
    return dataclasses.replace(case_of(op, {}), build=lambda x: make(record, (x,), {}))


def test_a_slope_that_cancels_is_exposed() -> None:
    case = planted(op_named("tanh"), lambda out, x: 1 - out * out)
    first = {r.order: r for r in measure(case, float64, FEW, ("numpy",))}[1].worst["numpy"]
    assert first.lost > 0 and abs(first.lost_at[0]) > 19
    assert first.away > 2.0**51


def test_a_slope_wrong_by_one_part_in_1e12_is_exposed() -> None:
    case = planted(op_named("sin"), lambda out, x: gx.cos(x) * (1 + 1e-12))
    for backend in ("xla", "numpy"):
        first = measure(case, float64, FEW, (backend,))[1].worst[backend]
        assert 4000 < first.away < 10000 and not first.lost


BOTH = {"xla", "numpy"}

#: What misses the aim in float64 at these points: where, and why. What no longer does must go.
MISSES: dict[str, tuple[set[str], str]] = {
    "gelu approximate=True": (
        BOTH,
        "at -21.17 a factor of the tail is subnormal, and x**5 makes a normal number of it",
    ),
    "integer_pow exponent=-2": ({"xla"}, "XLA flushes x**3 to 0 where 1 / x**3 is a number"),
    "bessel_i order=0": (BOTH, "its slopes are sums of two orders, and past 713 those overflow"),
    "bessel_i order=1": (BOTH, "its slopes are sums of two orders, and past 713 those overflow"),
    "cbrt": (BOTH, "the second slope at 0, -infinity, is the quotient 0 / 0"),
    "erfinv": ({"numpy"}, "4.1 ulp: one rounding too many"),
    "exp2": (BOTH, "at 1024.96 the value overflows and log(2)**2 times it would not"),
    "gamma": (BOTH, "the product of gamma and psi: 5 ulp"),
    "i0e": (BOTH, "some ninety roundings of its series where x is 15 to 30"),
    "i1e": (BOTH, "some ninety roundings of its series, and a difference of two moments"),
    "igamma order=0": (BOTH, "the exponent of the density is rounded, and reaches hundreds"),
    "igammac": (BOTH, "the exponent of the density is rounded, and reaches hundreds"),
    "logaddexp": (BOTH, "the operands' difference is rounded before it is an exponent"),
    "logaddexp2": (BOTH, "the operands' difference is rounded before it is an exponent"),
    "logit": (BOTH, "at 2e-308 the second slope leaves the floats on the way"),
    "polygamma order=2": (BOTH, "pi times the rest of x is rounded before a fourth power"),
    "zeta order=0": (BOTH, "10 ulp: the power of q, and sums of terms of either sign"),
    "polygamma order=5": (BOTH, "pi times the rest of x is rounded before a seventh power"),
}


@pytest.mark.parametrize("label", [c.label for c in ELEMENTWISE if not c.inner])
def test_derivatives_of_elementwise_ops_keep_the_aim(label: str) -> None:
    rows = [r for order, r in rows_of(label).items() if order]
    missed = {b: misses(rows, b) for b in ("xla", "numpy")}
    expected, _ = MISSES.get(label, (set[str](), ""))
    assert {b for b, found in missed.items() if found} == expected, missed


@pytest.mark.parametrize("label", [c.label for c in ELEMENTWISE if not c.inner])
def test_values_of_elementwise_ops_keep_their_records_bound(label: str) -> None:
    row = rows_of(label)[0]
    for backend, worst in row.worst.items():
        assert worst.away <= max(op_named(row.op).ulp, 0.5), f"{backend} {worst}"


@pytest.mark.parametrize("label", [c.label for c in vector_cases()])
def test_reductions_are_measured_in_all_orders(label: str) -> None:
    rows = rows_of(label)
    assert [rows[k].points > 0 for k in (0, 1, 2)] == [True] * 3
    assert rows[0].op in FORMULAS


# -- pitfalls --------------------------------------------------------------------------------------


def pitfalls_of(name: str) -> dict[str, Pitfall]:
    """Returns what was found at the places of one function, by derivative and first operand."""
    chosen = [p for p in PLACES if p.name == name]
    return {f"{p.name} {p.at[0]:g}": p for p in pitfalls(chosen)}


def test_pitfalls_hold_graphcs_and_jaxs_answers_and_the_truth() -> None:
    found = pitfalls_of("tanh")
    at_20 = found["tanh' 20"]
    with mpmath.workdps(60):
        assert at_20.truth == float(mpmath.sech(20) ** 2)
    assert at_20.found["jax"] == 0.0 and at_20.lost["jax"]
    assert at_20.relative["jax"] == 1.0
    assert at_20.relative["xla"] < 1e-14 and at_20.relative["numpy"] < 1e-15
    assert losses([at_20]) == {"xla": 0, "numpy": 0, "jax": 1}


def test_graphc_keeps_its_digits_at_every_saturated_activation() -> None:
    for name in ("sigmoid", "expm1", "elu", "selu", "x/sqrt(1+x^2)"):
        for place in pitfalls_of(name).values():
            assert place.relative["xla"] < 1e-14 and place.relative["numpy"] < 1e-14
            assert place.relative["jax"] >= 1.0


# -- how it is shown -------------------------------------------------------------------------------


@functools.cache
def small_atlas() -> Atlas:
    """Returns the atlas of a few ops."""
    return atlas(("relu", "atan2", "where", "sum"), dtypes=(float32, bfloat16), density=FEW)


def test_the_atlas_holds_rows_vectors_and_reasons() -> None:
    found = small_atlas()
    assert [(r.op, r.dtype, r.order) for r in found.rows] == [
        (op, dtype, order)
        for op in ("relu", "atan2")
        for dtype in ("float32", "bfloat16")
        for order in (0, 1, 2)
    ]
    assert {r.op for r in found.vectors} == {"sum"}
    assert set(found.reasons) == {"where"}
    assert not found.complete and not found.pitfalls
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["rows"][0]["op"] == "relu"


def test_two_processes_find_what_one_finds() -> None:
    one = atlas(("relu",), dtypes=(float32, float64), density=FEW)
    assert atlas(("relu",), dtypes=(float32, float64), density=FEW, jobs=2) == one


def test_the_page_shows_each_figure_with_its_place() -> None:
    found = small_atlas()
    text = page(found, "graphc atlas")
    assert text.startswith("# ") and "`graphc atlas`" in text
    for heading in ("## In short", "## First derivative in bfloat16", "## Ops without a row"):
        assert f"\n{heading}\n" in text
    row = next(r for r in found.rows if r.op == "atan2" and r.order == 1)
    (line,) = [
        entry
        for entry in text.partition("## First derivative in float32")[2].splitlines()
        if entry.startswith("| atan2 |")
    ][:1]
    assert f"| {row.points} | {ulp_words(row.worst['xla'].away, 'float32')} |" in line
    for table in text.split("\n\n"):
        lines = [entry for entry in table.splitlines() if entry.startswith("|")]
        assert len({entry.count("|") for entry in lines}) <= 1
    assert summary(found)[0][0] == "float32"


def test_errors_are_shown_in_few_letters() -> None:
    assert [ulp_words(u, "float64") for u in (0.0, 1e-5, 0.5, 3.14159, 31.4, 4321.0)] == [
        "0", "0", "0.5", "3.1", "31", "4321",
    ]  # fmt: skip
    assert ulp_words(123456.0, "float64") == "1e5"
    assert ulp_words(123456.0, "bfloat16") == "**all**"
    assert ulp_words(math.inf, "float64") == "**all**"
    assert point_words((1e-300,)) == "1e-300"
    assert point_words((0.5, -2.0)) == "(0.5, -2)"
    assert point_words((1 - 2.0**-40,)) == "1 - 9.09e-13"
    assert point_words((-1 + 2.0**-40, 0.0)) == "(-1 + 9.09e-13, 0)"


def test_the_command_prints_tables_and_writes_page_and_json(tmp_path: Any) -> None:
    out, figures = tmp_path / "accuracy.md", tmp_path / "accuracy.json"
    command = ["atlas", "square", "--dtype", "float32", "--quick", "--quiet"]
    ran = click.testing.CliRunner().invoke(
        main, [*command, "--out", str(out), "--json", str(figures)]
    )
    assert ran.exit_code == 0, ran.output
    assert "First derivative in float32" in ran.output and "square" in ran.output
    assert "graphc atlas square --dtype float32 --quick" in out.read_text()
    assert {r["dtype"] for r in json.loads(figures.read_text())["rows"]} == {"float32"}


def test_the_command_refuses_an_unknown_op() -> None:
    ran = click.testing.CliRunner().invoke(main, ["atlas", "tanhh", "--quiet"])
    assert ran.exit_code == 2 and "tanhh" in ran.output
