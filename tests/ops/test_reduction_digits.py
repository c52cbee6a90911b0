"""Reductions at points that cost digits: one element dominates, the spread is wide, the range ends.

The truth is mpmath, from the formulas as they stand in books.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gx

TRUTH = mpmath.mp.clone()
TRUTH.dps = 400

DOMINATED = ([0.0, -40.0], [-40.0, 0.0, -38.0], [0.3, -40.1], [40.0, 0.0, 0.0, 1.0])
WIDE = (
    [9.54895, 44.4227, -11.0314, -54.2037],
    [-50.0, -60.1, -70.3, -80.7],
    [-0.3, -40.1, -7.7, -0.31],
    [80.3, 79.1, 9.3, 0.3],
    [1e-5, 2e-5, 3.0, 3.0],
)
NEAR_ZERO = ([0.0, -40.0], [0.0, -30.0, -33.3], [1e-9, -20.1])
TIED = ([1.5, 1.5], [0.0, 0.0, 0.0], [-3.0, -40.0, -3.0])


def exact(values: list[Any]) -> list[Any]:
    return [TRUTH.mpf(float(v)) for v in values]


def softmax(x: list[Any]) -> list[Any]:
    total = TRUTH.fsum(TRUTH.exp(v) for v in x)
    return [TRUTH.exp(v) / total for v in x]


def logsumexp(x: list[Any]) -> list[Any]:
    return [TRUTH.log(TRUTH.fsum(TRUTH.exp(v) for v in x))]


def log_softmax(x: list[Any]) -> list[Any]:
    return [v - logsumexp(x)[0] for v in x]


def std(x: list[Any]) -> list[Any]:
    mean = TRUTH.fsum(x) / len(x)
    return [TRUTH.sqrt(TRUTH.fsum((v - mean) ** 2 for v in x) / len(x))]


def by_numpy(node: gx.Node, x: gx.Node, value: Any) -> Any:
    return gx.evaluate(node, {x: value})


def by_xla(node: gx.Node, x: gx.Node, value: Any) -> Any:
    return np.asarray(gx.compile(node, [x])(value))


EVALUATORS = pytest.mark.parametrize("run", [by_numpy, by_xla], ids=["numpy", "xla"])
DTYPES = pytest.mark.parametrize("dtype", [gx.float64, gx.float32], ids=["float64", "float32"])


def errors_in_ulp(found: Any, truth: list[Any], dtype: Any) -> list[float]:
    form = np.finfo(dtype.numpy)
    ulp, smallest = (TRUTH.mpf(float(v)) for v in (form.eps, form.tiny))
    return [
        float(abs(TRUTH.mpf(float(f)) - t) / (max(abs(t), smallest / ulp) * ulp))
        for f, t in zip(np.ravel(found), truth, strict=True)
    ]


def assert_digits(
    op: Callable[[gx.Node], gx.Node],
    formula: Callable[[list[Any]], list[Any]],
    values: list[float],
    run: Callable[..., Any],
    dtype: Any,
    ulp: float,
) -> None:
    x = gx.input("x", (len(values),), dtype)
    given = np.asarray(values, dtype.numpy)
    found = run(op(x), x, given)
    worst = max(errors_in_ulp(found, formula(exact(list(given))), dtype))
    assert worst <= ulp, (values, np.asarray(found), worst)


@EVALUATORS
@DTYPES
@pytest.mark.parametrize("values", [*DOMINATED, *WIDE, *TIED], ids=str)
def test_softmax_keeps_digits_however_wide_the_spread(
    values: list[float], dtype: Any, run: Callable[..., Any]
) -> None:
    assert_digits(gx.softmax, softmax, values, run, dtype, 4)


@EVALUATORS
@DTYPES
@pytest.mark.parametrize("values", [*DOMINATED, *WIDE, *TIED], ids=str)
def test_log_softmax_keeps_the_digits_of_the_element_that_dominates(
    values: list[float], dtype: Any, run: Callable[..., Any]
) -> None:
    assert_digits(gx.log_softmax, log_softmax, values, run, dtype, 4)


@EVALUATORS
@DTYPES
@pytest.mark.parametrize(
    "values", [[0.0, -40.0], [0.0, -30.0, -33.3], [1e-9, -20.1], *TIED], ids=str
)
def test_logsumexp_keeps_the_digits_near_zero(
    values: list[float], dtype: Any, run: Callable[..., Any]
) -> None:
    assert_digits(gx.logsumexp, logsumexp, values, run, dtype, 4)


@EVALUATORS
@DTYPES
@pytest.mark.parametrize("values", [*DOMINATED, *WIDE, *TIED], ids=str)
def test_logsumexp_slope_is_softmax_to_the_last_digits(
    values: list[float], dtype: Any, run: Callable[..., Any]
) -> None:
    assert_digits(lambda x: gx.grad(gx.logsumexp(x), x), softmax, values, run, dtype, 4)


@EVALUATORS
@pytest.mark.parametrize("top", [700.3, 1e4, -1e4, 1e15, -1e15])
def test_softmax_neither_overflows_nor_loses_what_is_far_from_zero(
    top: float, run: Callable[..., Any]
) -> None:
    values = [top, float(np.nextafter(top, -np.inf))]
    assert_digits(gx.softmax, softmax, values, run, gx.float64, 4)
    assert_digits(gx.logsumexp, logsumexp, values, run, gx.float64, 4)


@EVALUATORS
@DTYPES
@pytest.mark.parametrize("count", [2, 200], ids=["narrow", "wide"])
@pytest.mark.parametrize("dominated", ["none", "one row", "all"])
def test_rows_keep_their_digits_whatever_stands_in_the_others(
    dominated: str, count: int, dtype: Any, run: Callable[..., Any]
) -> None:
    rows = np.linspace(-1.0, 1.0, 3 * count).reshape(3, count)
    rows[{"none": [], "one row": [1], "all": [0, 1, 2]}[dominated], 0] = 25.0
    rows[:, 1:] -= 0.0 if dominated == "none" else 1e-3
    rows = rows.astype(dtype.numpy)
    x = gx.input("x", rows.shape, dtype)
    found = run(gx.log_softmax(x, axis=1), x, rows)
    total = run(gx.logsumexp(x - gx.max(x, axis=1, keepdims=True), axis=1), x, rows)
    for values, row, sum_ in zip(rows, found, np.asarray(total), strict=True):
        given = exact(list(values))
        (whole,) = logsumexp(given)
        assert max(errors_in_ulp(row, [v - whole for v in given], dtype)) <= 4
        top = max(given)
        (truth,) = logsumexp([v - top for v in given])
        # The differences are rounded before.
        assert errors_in_ulp(sum_, [truth], dtype)[0] <= 4 + 2 * float(top - min(given))


@EVALUATORS
def test_softmax_of_a_million_large_elements_does_not_overflow(run: Callable[..., Any]) -> None:
    for dtype, top in ((gx.float32, 88.0), (gx.float64, 709.0)):
        x = gx.input("x", (1_000_000,), dtype)
        found = run(gx.softmax(x), x, np.full(1_000_000, top, dtype.numpy))
        np.testing.assert_allclose(found, 1e-6, rtol=1e-4)


@EVALUATORS
@DTYPES
@pytest.mark.parametrize("power", [-0.9, -0.6, -0.45, 0.45, 0.6, 0.9])
def test_std_neither_overflows_nor_underflows_where_its_square_would(
    power: float, dtype: Any, run: Callable[..., Any]
) -> None:
    size = float(np.finfo(dtype.numpy).max) ** power
    values = [size, 1.5 * size, -size, 3 * size]
    assert_digits(gx.std, std, values, run, dtype, 4)


@EVALUATORS
def test_std_of_nearly_equal_numbers_is_not_hurt_by_the_scale(run: Callable[..., Any]) -> None:
    for size in (1.0, 2.0**600, 2.0**-600, 2.0**900, 2.0**-900):
        values = [size, size * (1 + 2**-50), size * (1 - 2**-50), size * (1 - 2**-49)]
        assert_digits(gx.std, std, values, run, gx.float64, 4)


@EVALUATORS
@DTYPES
@pytest.mark.parametrize("power", [-0.9, -0.6, 0.0, 0.6, 0.9])
def test_std_error_bound_covers_the_error_over_the_whole_range(
    power: float, dtype: Any, run: Callable[..., Any]
) -> None:
    form = np.finfo(dtype.numpy)
    size, eps = float(form.max) ** power, float(form.eps)
    for values in ([1, 1.5, -1, 3], [1, 1 + eps, 1 - eps, 1 + 2 * eps], [1, 0, 0, 0]):
        x = gx.input("x", (4,), dtype)
        given = np.asarray([size * v for v in values], dtype.numpy)
        node = gx.std(x)
        bound = node.op.bound([None], node)
        assert bound is not None
        error = abs(TRUTH.mpf(float(run(node, x, given))) - std(exact(list(given)))[0])
        limit = float(run(bound, x, given))
        # XLA takes subnormal numbers for 0, an error among them.
        assert np.isfinite(limit) and error <= limit + float(form.tiny), (values, error, limit)


@pytest.mark.parametrize("size", [3e10, 7e12, 1.1e17, -1e30])
def test_products_under_exponentials_are_not_joined_with_the_shift(size: float) -> None:
    x = gx.input("x", (2,), "float64")
    square = x * x
    asked = [gx.logsumexp(square), gx.softmax(square), gx.log_softmax(square)]
    total, share, logarithm = gx.compile(asked)(x=np.array([size, size]))
    assert float(total) == size * size
    assert np.array_equal(share, [0.5, 0.5])
    np.testing.assert_allclose(logarithm, [-math.log(2.0)] * 2, rtol=4e-16)
