"""Values, slopes and slopes of slopes of elementwise ops to the last digits, at hard points.

The truth is mpmath's, by formulas written here or by differences at 100 digits and more; nothing of
graphc's own derivative rules is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import mpmath
import numpy as np
import pytest

import graphc as gx
from graphc.core.op import op_named


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


# -- every elementwise op: values within 5 ulp, first slopes within 4, second within 16 ------------

#: Each function with where it is hard: tails, the neighbourhood of 0, ends of the domain, and edges
#: of the forms that its record takes. Zeros of a derivative are left out, for there no sum of
#: rounded terms keeps relative accuracy.
HARD: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "exp": (gx.exp, [-700.0, -1e-9, 1e-300, 0.7, 88.3, 700.0]),
    "expm1": (gx.expm1, [-700.0, -40.0, -1e-9, 1e-300, 0.3, 88.3, 700.0]),
    "log": (gx.log, [1e-300, 0.3, 1 - 1e-9, 1 + 1e-9, 7.7, 1e300]),
    "log1p": (gx.log1p, [-1 + 2.0**-50, -0.6, -0.41, -0.3807, 1e-300, 1e-9, 0.3, 0.43, 1e200]),
    "sqrt": (gx.sqrt, [1e-200, 0.3, 7.7, 1e200]),
    "rsqrt": (gx.rsqrt, [1e-120, 0.3, 7.7, 1e120]),
    "reciprocal": (gx.reciprocal, [1e-100, -0.3, 7.7, 1e100]),
    "sin": (gx.sin, [1e-300, 1e-9, 0.3, 1.5, 22.0, 1e5]),
    "cos": (gx.cos, [1e-300, 1e-9, 0.3, 1.5, 22.0, 1e5]),
    "tan": (gx.tan, [1e-300, 1e-9, 0.3, 1.5707, 1.5708, 22.0]),
    "asin": (gx.asin, [1e-300, 1e-17, 1e-9, 0.3, 0.999, 1 - 2.0**-53, -1 + 2.0**-52]),
    "acos": (gx.acos, [1e-300, 1e-17, 1e-9, 0.3, 0.999, 1 - 2.0**-53, -1 + 2.0**-52]),
    "atan": (gx.atan, [1e-300, 1e-9, 0.3, 1.1, 1e8, 1e90, -1e100]),
    "sinh": (gx.sinh, [1e-300, 1e-9, 0.3, 22.0, 600.0, -705.5, 710.2]),
    "cosh": (gx.cosh, [1e-300, 1e-9, 0.3, 22.0, 600.0, -705.5, 710.2]),
    "tanh": (gx.tanh, [1e-300, 1e-9, 0.3, 1.1, 20.0, -300.0, 350.0]),
    "asinh": (gx.asinh, [1e-300, 1e-9, 0.3, 1.1, 1e8, 1e150, -1e100]),
    "acosh": (gx.acosh, [1 + 2.0**-52, 1 + 1e-9, 1.3, 7.7, 1e8, 1e150]),
    "atanh": (gx.atanh, [1e-300, 1e-17, 1e-9, 0.3, 0.4057, -0.41, 0.999, 1 - 2.0**-53]),
    "erf": (gx.erf, [1e-300, 1e-9, 0.3, 1.1, 5.0, 23.66, -26.1]),
    "erfc": (gx.erfc, [1e-300, 1e-9, 0.3, 0.51, 1.1, 5.0, 23.66, 26.1, -5.0]),
    "normal_cdf": (gx.normal_cdf, [1e-300, 1e-9, 0.3, -0.71, -1.1, -5.0, -23.66, -37.1, 5.0]),
    "sigmoid": (gx.sigmoid, [1e-300, 1e-9, 0.3, -1.1, 40.0, -40.0, 37.0, 300.0, -700.0]),
    "softplus": (gx.softplus, [1e-300, 1e-9, 0.3, -1.1, 40.0, -40.0, 300.0, -700.0]),
    "log_sigmoid": (gx.log_sigmoid, [1e-300, 1e-9, 0.3, -1.1, 40.0, -40.0, 300.0, 700.0]),
    "silu": (gx.silu, [1e-300, 1e-9, 0.3, -0.7, 40.0, -40.0, 300.0, -690.0]),
    "elu": (gx.elu, [1e-300, -1e-9, 0.3, -1.1, -40.0, -300.0, -700.0]),
    "selu": (gx.selu, [1e-300, -1e-9, 0.3, -1.1, -40.0, -300.0, -700.0]),
    "gelu": (lambda x: gx.gelu(x, approximate=False), [1e-9, 0.3, -2.1, -5.0, 8.0, -23.6, -37.1]),
    "gelu_tanh": (
        lambda x: gx.gelu(x, approximate=True), [1e-9, 0.3, -2.1, -5.0, 8.0, -12.3, -20.7],
    ),
    "x**3": (lambda x: x**3, [1e-90, -0.3, 7.7, 1e90]),
    "x**-7": (lambda x: x**-7, [1e-30, -0.3, 7.7, 1e30]),
    "x**50": (lambda x: x**50, [1e-5, -0.38274, 3.4477, 107.86, 1e6]),
    "x**0.3": (lambda x: x**0.3, [1e-300, 1e-170, 0.3, 1 + 1e-9, 1e300]),
    "x**-2.1": (lambda x: x**-2.1, [1e-70, 0.3, 214.4553275471689, 1e70]),
}  # fmt: skip
#: The step of the differences that are the truth, relative to x.
STEP = mpmath.mpf(10) ** -30


def exact(function: Callable[[Any], Any], point: float, order: int) -> Any:
    """Returns the value, or the first or second derivative by its central differences.

    tanh(350) is 1 - 1e-304, and the differences take 60 digits; a step of 1e-330 takes 660.
    """
    digits = 420 if abs(point) > 1e-20 else 800
    x = gx.input("x", (), "float64")
    made = function(x)

    def value(at: Any) -> Any:
        return mpmath.mpf(gx.evaluate_mpmath(made, x=mpmath.nstr(at, digits), digits=digits))

    with mpmath.workdps(digits):
        middle = mpmath.mpf(point)
        if order == 0:
            return value(middle)
        step = STEP * abs(middle)
        below, above = value(middle - step), value(middle + step)
        if order == 1:
            return (above - below) / (2 * step)
        return (below - 2 * value(middle) + above) / step**2


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", HARD)
def test_value_and_slopes_keep_their_digits(name: str, order: int) -> None:
    function, points = HARD[name]
    expected = [exact(function, p, order) for p in points]
    for words, found in zip(("numpy", "xla"), derivatives(function, points, order), strict=True):
        for point, f, t in zip(points, found, expected, strict=True):
            true = float(t)
            if not 1e-305 < abs(true) < 1e308:  # XLA sets subnormal numbers to 0
                continue
            off = float(abs(mpmath.mpf(float(f)) - t) / mpmath.mpf(float(np.spacing(abs(true)))))
            assert off <= (5, 4, 16)[order], (words, point, off, float(f), true)


# -- what goes with it -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["erf", "erfc", "normal_cdf", "gelu", "gelu_tanh", "tanh", "isru"])
@pytest.mark.parametrize("order", [1, 2])
def test_slopes_are_no_nan_for_the_largest_floats(name: str, order: int) -> None:
    largest = np.finfo("float64").max
    for found in derivatives(
        HARD[name][0] if name in HARD else gx.isru, [largest, -largest], order
    ):
        assert np.isfinite(found).all()


@pytest.mark.parametrize("name", ["erfc", "normal_cdf", "log1p", "atanh", "sinh", "cosh", "x**50"])
def test_jax_differentiates_the_lowered_form_twice(name: str) -> None:
    function, _ = HARD[name]
    x = gx.input("x", (), "float64")
    run = gx.compile(function(x))
    for point in (0.37, 0.71, -0.29):
        first = jax.grad(lambda v: run(x=v))(point)
        second = jax.grad(jax.grad(lambda v: run(x=v)))(point)
        for found, order in ((first, 1), (second, 2)):
            true = float(exact(function, point, order))
            assert abs(float(found) - true) <= 64 * np.spacing(abs(true)), (point, order)


@pytest.mark.parametrize("name", ["sigmoid", "gelu", "gelu_tanh", "silu", "sinh", "erfc", "tanh"])
def test_bfloat16_values_are_rounded_once_by_both_evaluators(name: str) -> None:
    function, _ = HARD[name]
    values = np.linspace(-5.0, 5.0, 41).astype(gx.bfloat16.numpy)
    short, wide = gx.input("x", (41,), "bfloat16"), gx.input("x", (41,), "float64")
    true = gx.evaluate(function(wide), x=values.astype("float64"))
    unit = 2.0 ** (np.floor(np.log2(np.abs(np.where(true == 0, 1, true)))) - 7)
    for found in (gx.evaluate(function(short), x=values), gx.compile(function(short))(x=values)):
        off = np.abs(np.asarray(found).astype("float64") - true) / unit
        assert off.max() <= 0.51  # 1/2 for the rounding, and what float32 leaves


def test_values_of_one_op_agree_between_evaluators_beyond_the_range_of_squares() -> None:
    big = [1e200, -1e300, 1e-200, 3e-308]
    for function in (gx.asinh, gx.atan, gx.isru):
        for order in (0, 1):
            by_numpy, by_xla = derivatives(function, big, order)
            np.testing.assert_allclose(by_xla, by_numpy, rtol=1e-15, atol=1e-305)
    x, y = gx.input("x", (4,), "float64"), gx.input("y", (4,), "float64")
    for made in (gx.hypot(x, y), gx.atan2(x, y)):
        slopes = gx.grad(gx.sum(made), [x, y])
        given = {"x": np.asarray(big), "y": np.asarray(big) * 0.75}
        by_numpy, by_xla = gx.evaluate(slopes, given), gx.compile(slopes)(given)
        for left, right in zip(by_numpy, by_xla, strict=True):
            assert np.isfinite(left).all()
            np.testing.assert_allclose(right, left, rtol=1e-15, atol=1e-305)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 8, 16, 32, 64, 99])
def test_every_order_of_sinc_keeps_its_digits(order: int, rng: np.random.Generator) -> None:
    values = np.concatenate([10.0 ** rng.uniform(-12, 0, 20), rng.uniform(-110, 110, 80)])
    x = gx.input("x", values.shape, "float64")
    node, above = (op_named("sinc")(x, order=order + k, scale="1") for k in (0, 1))
    truth, slope = gx.evaluate_mpmath([node, above], x=values)
    for found in (gx.evaluate(node, x=values), np.asarray(gx.compile(node)(x=values))):
        for f, t, d, v in zip(found, truth, slope, values, strict=True):
            # Beside a zero of f_n the last place of x counts, as far as its slope is steep.
            scale = abs(t) + min(1.0, abs(v)) * abs(d)
            assert abs(f - t) <= 4 * 2.0**-52 * scale, (order, v)


def test_derivative_of_sinc_of_a_huge_order_is_refused() -> None:
    x = gx.input("x", (), "float64")
    with pytest.raises(gx.ArgumentError, match="up to 100"):
        op_named("sinc")(x, order=2**62, scale="1")


def test_slope_of_a_quotient_by_a_tiny_number_is_no_infinity() -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
    slope = gx.grad(x / y, y)
    at = {"x": 1e-300, "y": 1e-200}
    for found in (gx.evaluate(slope, at), gx.compile(slope)(at)):
        assert abs(float(found) + 1e100) <= 4 * np.spacing(1e100)


def test_slope_of_hypot_by_a_tiny_side_is_no_zero() -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
    slope = gx.grad(gx.hypot(x, y), x)
    at = {"x": 2.0**-500, "y": 2.0**500}
    for found in (gx.evaluate(slope, at), gx.compile(slope)(at)):
        assert float(found) == 2.0**-1000


def test_high_power_of_a_small_number_keeps_its_digits_down_to_the_end() -> None:
    x = gx.input("x", (), "float64")
    for at in (8e-7, 7.5e-7, 1e-6):
        found = float(gx.compile(x**50)(x=at))
        exact = gx.evaluate_mpmath(x**50, x=at)
        # Half an ulp a product where the doubled digits would be flushed to 0.
        assert abs(found - exact) <= 26 * 2.0**-52 * exact
