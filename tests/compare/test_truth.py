"""The truth against mpmath's own derivatives, and where it must say that there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gx
from graphc.compare.truth import Truth
from graphc.core.graph import leaves

Closed = Callable[..., Any]

CLOSED: list[tuple[str, Closed, dict[str, float]]] = [
    ("sin(x)*y", lambda x, y: mpmath.sin(x) * y, {"x": 0.5, "y": 3.0}),
    ("x**y", lambda x, y: mpmath.power(x, y), {"x": 2.5, "y": -1.25}),
    ("1/(1+exp(-(a*b+c)))", lambda a, b, c: 1 / (1 + mpmath.exp(-(a * b + c))),
     {"a": 2.0, "b": -3.0, "c": 0.5}),
    ("log(1+exp(x))", lambda x: mpmath.log(1 + mpmath.exp(x)), {"x": -200.0}),
    ("log(1+exp(x))", lambda x: mpmath.log(1 + mpmath.exp(x)), {"x": 800.0}),
    ("tanh(x)", mpmath.tanh, {"x": 19.0}),
    ("erf(x)", mpmath.erf, {"x": 5.0}),
    ("exp(x)", mpmath.exp, {"x": 1000.0}),
    ("exp(x)", mpmath.exp, {"x": -1000.0}),
    ("(1-cos(x))/x**2", lambda x: (1 - mpmath.cos(x)) / x**2, {"x": 1e-8}),
    ("sin(x)", mpmath.sin, {"x": 1e22}),
    ("x*x*x", lambda x: x**3, {"x": 1e-100}),
    ("x**2 + y**2", lambda x, y: x**2 + y**2, {"x": 1e-60, "y": 1.0}),
    ("log(x)", mpmath.log, {"x": 1e-20}),
    ("atan2(x, y)", lambda x, y: mpmath.atan2(x, y), {"x": 1e-20, "y": -1.0}),
    ("x", lambda x: x, {"x": 3.0}),
]  # fmt: skip


def truth_of(formula: str, values: dict[str, float]) -> dict[str, Any]:
    """Returns the true derivative by each name of a formula."""
    output = gx.parse(formula)
    given = {n: np.float64(values[n.params["name"]]) for n in leaves([output])}
    truth = Truth(output, given, {})
    return {n.params["name"]: truth.gradient(n).item() for n in given}


@pytest.mark.parametrize(("formula", "closed", "values"), CLOSED, ids=lambda v: str(v)[:24])
def test_truth_meets_closed_forms_to_24_digits(
    formula: str, closed: Closed, values: dict[str, float]
) -> None:
    found = truth_of(formula, values)
    with mpmath.workdps(700):
        point = [mpmath.mpf(v) for v in values.values()]
        for position, name in enumerate(values):
            order = tuple(int(i == position) for i in range(len(point)))
            expected = mpmath.diff(closed, tuple(point), order) if len(point) > 1 else mpmath.diff(
                closed, point[0]
            )  # fmt: skip
            assert abs(found[name] - expected) <= abs(expected) * mpmath.mpf(10) ** -24


@pytest.mark.parametrize(
    ("formula", "values", "expected"),
    [
        ("abs(x)", {"x": 0.0}, {"x": 0}),
        ("relu(x)", {"x": 0.0}, {"x": 0}),
        ("max(x, y)", {"x": 1.0, "y": 1.0}, {"x": 0.5, "y": 0.5}),
        ("relu(x) - relu(-x)", {"x": 0.0}, {"x": 0}),
        ("floor(x)", {"x": 2.0}, {"x": 0}),
        ("hypot(x, y)", {"x": 0.0, "y": 0.0}, {"x": 0, "y": 0}),
        ("abs(x)**1.5", {"x": 0.0}, {"x": 0}),
        ("x*abs(x)", {"x": 0.0}, {"x": 0}),
        ("x - x", {"x": 3.0}, {"x": 0}),
    ],
)
def test_kinks_follow_the_convention(
    formula: str, values: dict[str, float], expected: dict[str, float]
) -> None:
    found = truth_of(formula, values)
    assert {n: abs(found[n] - v) < 1e-24 for n, v in expected.items()} == dict.fromkeys(
        expected, True
    )


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("sqrt(x)", 0.0),
        ("sqrt(x*x)", 0.0),
        ("1/x", 0.0),
        ("log(x)", -1.0),
        ("log(x)", 0.0),
        ("x*log(x)", 0.0),
        ("sin(x)/x", 0.0),
        ("asin(x)", 1.0),
        ("x*x", float("inf")),
        ("x*x", float("nan")),
    ],
)
def test_no_derivative_is_said_and_not_guessed(formula: str, value: float) -> None:
    assert truth_of(formula, {"x": value}) == {"x": None}


def test_kink_nearby_does_not_disturb() -> None:
    assert abs(truth_of("abs(x)", {"x": 1e-200})["x"] - 1) < 1e-24
    assert abs(truth_of("abs(x)", {"x": -1e-60})["x"] + 1) < 1e-24
    found = truth_of("log(x)", {"x": 1e-300})["x"]
    assert abs(found * mpmath.mpf(1e-300) - 1) < 1e-14


def test_direction_is_the_sum_over_elements(rng: np.random.Generator) -> None:
    x = gx.input("x", (2, 3), "float64")
    w = gx.input("w", (3,), "float64")
    output = gx.sum(gx.tanh(x @ w) * gx.sum(gx.square(x), axis=1))
    values = {x: rng.normal(size=(2, 3)), w: rng.normal(size=3)}
    truth = Truth(output, values, {})
    direction = {x: rng.normal(size=(2, 3)), w: rng.normal(size=3)}
    with mpmath.workdps(40):
        total = sum(
            mpmath.mpf(d) * t
            for n in (x, w)
            for d, t in zip(direction[n].flat, truth.gradient(n).flat, strict=True)
        )
        assert abs(truth.along(direction) - total) < mpmath.mpf(10) ** -22


def test_inner_node_is_cut_from_what_made_it() -> None:
    x = gx.input("x", (), "float64")
    inner = gx.sin(x)
    truth = Truth(inner * x, {x: np.float64(0.5)}, {})
    assert abs(truth.along({inner: np.float64(1.0)}) - 0.5) < 1e-20


def test_kinks_are_counted_by_node() -> None:
    x = gx.input("x", (4,), "float64")
    node = gx.relu(x)
    truth = Truth(gx.sum(node), {x: np.array([0.0, 1.0, 0.0, -1.0])}, {})
    assert [(n is node, c) for n, c in truth.kinks().items()] == [(True, 2)]


def test_blocks_and_maps_are_seen_through(rng: np.random.Generator) -> None:
    x = gx.input("x", (3,), "float64")

    @gx.block
    def layer(a: Any) -> Any:
        return gx.relu(a) * a

    looped = gx.sum(gx.map(lambda v: layer(v), x))
    value = np.array([0.0, 2.0, -1.0])
    found = Truth(looped, {x: value}, {}).gradient(x)
    assert [abs(f - e) < 1e-24 for f, e in zip(found, [0, 4, 0], strict=True)] == [True] * 3


def test_stopped_gradient_counts_as_constant() -> None:
    x = gx.input("x", (2,), "float64")

    @gx.block
    def held(a: Any) -> Any:
        return gx.stop_gradient(a) * a

    output = gx.sum(held(x) + gx.relu(gx.stop_gradient(x)))
    found = Truth(output, {x: np.array([2.0, 3.0])}, {}).gradient(x)
    assert [abs(f - e) < 1e-24 for f, e in zip(found, [2, 3], strict=True)] == [True] * 2


def test_numbers_far_apart_lose_no_contribution() -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
    output = (x * 1e300 + y) - x * 1e300 + y  # at 50 digits and at 100 the first y is lost
    truth = Truth(output, {x: np.asarray(1.5), y: np.asarray(0.25)}, {})
    assert abs(truth.along({x: 1.0, y: -0.5}) + 1) < 1e-26


def test_a_step_is_seen_beside_the_largest_float() -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
    truth = Truth(x - 8.98e307 - y, {x: np.asarray(8.98e307), y: np.asarray(0.0)}, {})
    assert abs(truth.along({x: 1.0, y: 0.25}) - 0.75) < 1e-26


def test_a_kink_that_only_few_digits_see_is_none() -> None:
    x = gx.input("x", (), "float64")
    # log(1 + exp(-700)) is 0 at 50 digits and at 100, and above 0 in truth.
    truth = Truth(x * gx.sign(gx.softplus(x)), {x: np.asarray(-700.0)}, {})
    assert not truth.kinks()
    assert abs(truth.along({x: 1.0}) - 1) < 1e-26


def test_a_zero_at_a_tiny_step_is_not_believed() -> None:
    x = gx.input("x", (), "float64")
    # The slope is 6e-308; a step of the size of x is too short to be seen at 800 digits.
    output = gx.acos(gx.cos(x) * gx.atan(gx.cos(x)))
    found = Truth(output, {x: np.asarray(2.2250738585072014e-308)}, {}).along({x: 1.0})
    assert found is None or abs(found) > 0
