"""Values, slopes and slopes of slopes of elementwise ops to the last digits, at hard points.

The truth is mpmath's, by formulas written here or by differences at 100 digits and more; nothing of
graphc's own derivative rules is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gx


def derivatives(function: Callable[[Any], Any], points: Any, order: int) -> list[Any]:
    """Returns NumPy's and XLA's values of the derivative of that order at points."""
    values = np.asarray(points, "float64")
    x = gx.input("x", values.shape, "float64")
    made = function(x)
    for _ in range(order):
        made = gx.grad(gx.sum(made), x)
    return [gx.evaluate(made, x=values), np.asarray(gx.compile(made)(x=values))]


def assert_digits(
    function: Callable[[Any], Any],
    truth: Callable[[Any], Any],
    points: Any,
    order: int,
    ulps: float,
    digits: int = 700,
) -> None:
    """Fails where a derivative is off by more than that many ulp of the truth."""
    with mpmath.workdps(digits):
        expected = [truth(mpmath.mpf(float(p))) for p in points]
        for words, found in zip(
            ("numpy", "xla"), derivatives(function, points, order), strict=True
        ):
            for point, f, t in zip(points, found, expected, strict=True):
                unit = mpmath.mpf(float(np.spacing(abs(float(t)))))
                assert abs(mpmath.mpf(float(f)) - t) <= ulps * unit, (words, point, f, float(t))


def sinc_truth(order: int, normalized: bool) -> Callable[[Any], Any]:
    """Returns a derivative of sin(s x) / (s x), by the power series: no recurrence, no quotient."""

    def truth(x: Any) -> Any:
        s = mpmath.pi if normalized else mpmath.mpf(1)
        terms = [
            (-1) ** k * s ** (2 * k) / mpmath.factorial(2 * k + 1)
            * mpmath.ff(2 * k, order) * x ** (2 * k - order)
            for k in range((order + 1) // 2, 60)
        ]  # fmt: skip
        return sum(terms, mpmath.mpf(0))

    return truth


SINC_POINTS = [1e-300, 1e-160, 1e-9, 1e-5, 0.01, 0.3, 0.9, 1.2, 1.49, 1.51, 1.9, 2.5, 3.7, -0.4]


@pytest.mark.parametrize("order", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("normalized", [True, False])
def test_sinc_and_its_derivatives_keep_their_digits(order: int, normalized: bool) -> None:
    assert_digits(
        lambda x: gx.sinc(x, normalized=normalized),
        sinc_truth(order, normalized),
        SINC_POINTS,
        order,
        (4, 4, 16, 32, 0, 64)[order],
        digits=100,
    )


def test_sinc_at_0_and_at_integers_is_exact() -> None:
    points = [0.0, 1.0, -2.0, 3e8]
    for found in derivatives(gx.sinc, points, 0):
        assert found.tolist() == [1.0, 0.0, 0.0, 0.0]
    for found in derivatives(gx.sinc, [0.0], 1):
        assert found.tolist() == [0.0]
    for found in derivatives(lambda x: gx.sinc(x, normalized=False), [0.0], 2):
        assert found.tolist() == [-1 / 3]


def test_numpy_sinc_of_a_node_is_the_normalised_one() -> None:
    x = gx.input("x", (3,), "float64")
    assert np.sinc(x) is gx.sinc(x)
    values = [0.3, 0.75, -2.1]
    np.testing.assert_allclose(gx.evaluate(gx.sinc(x), x=values), np.sinc(values), atol=4e-16)


def test_sinc_wants_a_truth_value() -> None:
    with pytest.raises(gx.ArgumentError, match="normalized=1 is neither True nor False"):
        gx.sinc(gx.input("x"), normalized=1)  # pyright: ignore[reportArgumentType]


ISRU: list[Callable[[Any], Any]] = [
    lambda x: x / mpmath.sqrt(1 + x * x),
    lambda x: (1 + x * x) ** mpmath.mpf("-1.5"),
    lambda x: -3 * x * (1 + x * x) ** mpmath.mpf("-2.5"),
]


@pytest.mark.parametrize("order", [0, 1, 2])
def test_isru_keeps_its_digits_from_1e_minus_300_to_1e300(order: int) -> None:
    points = [1e-300, 1e-20, 1e-9, 0.3, 0.99, 1.01, 7.3, 1e4, 1e8, 1e20, 1e70, -3.3]
    points += [1e100, 1e200, 1e300] if order == 0 else []  # below, the slope itself underflows
    assert_digits(gx.isru, ISRU[order], points, order, (4, 4, 16)[order])


def test_isru_reaches_its_limits() -> None:
    for found in derivatives(gx.isru, [np.inf, -np.inf], 0):
        assert found.tolist() == [1.0, -1.0]
    for found in derivatives(gx.isru, [np.inf, -np.inf], 1):
        assert found.tolist() == [0.0, 0.0]
