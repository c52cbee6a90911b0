"""Special functions against mpmath and SciPy: values, slopes, edges, and the ways out of graphc."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import mpmath
import numpy as np
import pytest
import scipy.special as scipy_special
import sympy

import graphc as gx

INF, NAN = np.inf, np.nan


def both(function: Callable[..., Any], *operands: Any) -> list[Any]:
    """Returns NumPy's and XLA's values of a function of float64 arrays."""
    arrays = [np.asarray(o, "float64") for o in operands]
    nodes = [gx.input(f"x{i}", a.shape, "float64") for i, a in enumerate(arrays)]
    made, given = function(*nodes), {f"x{i}": a for i, a in enumerate(arrays)}
    return [gx.evaluate(made, given), np.asarray(gx.compile(made)(given))]


def slope(function: Callable[[Any], Any], order: int = 1) -> Callable[[Any], Any]:
    """Returns the derivative of a function of one operand."""

    def made(x: Any) -> Any:
        value = function(x)
        for _ in range(order):
            value = gx.grad(gx.sum(value), x)
        return value

    return made


def assert_ulps(found: Any, truth: list[Any], ulps: float) -> None:
    for f, t in zip(np.ravel(found), truth, strict=True):
        assert abs(mpmath.mpf(float(f)) - t) <= ulps * np.spacing(abs(float(t))), (f, t)


#: Function, mpmath's truth, points, ulp.
VALUES: dict[str, tuple[Any, Any, list[float], float]] = {
    "gamma": (gx.gamma, mpmath.gamma, [1e-300, 0.3, 5.5, 170.3, -0.5, -7.3, -150.37], 6),
    "lgamma": (
        gx.lgamma,
        lambda x: mpmath.log(abs(mpmath.gamma(x))),
        [1e-300, 0.3, 1 - 1e-9, 1 + 1e-12, 2 - 1e-9, 2 + 1e-12, 3.2, 1e5, -0.3, -40.3],
        6,
    ),
    "digamma": (gx.digamma, mpmath.digamma, [1e-300, 0.3, 1.2, 2.0, 7.7, 1e300, -0.7], 4),
    "erfinv": (gx.erfinv, mpmath.erfinv, [1e-300, 0.2, -0.6, 0.99, 1 - 1e-13], 4),
    "i0": (gx.i0, lambda x: mpmath.besseli(0, x), [0.0, 1e-9, -2.5, 30.0, 700.0], 5),
    "i1": (gx.i1, lambda x: mpmath.besseli(1, x), [1e-9, -2.5, 30.0, 700.0], 9),
}


@pytest.mark.parametrize("name", VALUES)
def test_value_keeps_its_digits(name: str) -> None:
    function, truth, points, ulps = VALUES[name]
    with mpmath.workdps(60):
        exact = [truth(mpmath.mpf(p)) for p in points]
        for found in both(function, points):
            assert_ulps(found, exact, ulps)


def test_erfcinv_and_the_normal_quantile_keep_their_tails() -> None:
    with mpmath.workdps(60):
        for p in (1e-300, 1e-20, 0.01, 0.3, 0.7):
            for z in both(gx.normal_quantile, p):
                back = mpmath.erfc(-mpmath.mpf(float(z)) / mpmath.sqrt(2)) / 2
                # One ulp of z moves p by z**2 ulp.
                assert abs(back / p - 1) < 4e-16 * (2 + float(z) ** 2 * 2)
            for z in both(gx.erfcinv, p):
                back = mpmath.erfc(mpmath.mpf(float(z)))
                assert abs(back / p - 1) < 4e-16 * (2 + float(z) ** 2 * 4)


def test_slope_of_erfinv_keeps_its_digits_at_the_ends() -> None:
    x = 1 - 1e-13
    with mpmath.workdps(60):
        y = mpmath.findroot(lambda v: mpmath.erfc(v) - (1 - mpmath.mpf(x)), 5.2)
        truth = mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(y * y)
        for found in both(slope(gx.erfinv), x):
            assert_ulps(found, [truth], 6)


def test_slope_of_i0e_does_not_cancel() -> None:
    x = 1e6
    with mpmath.workdps(60):
        truth = mpmath.diff(lambda v: mpmath.besseli(0, v) * mpmath.exp(-v), mpmath.mpf(x))
        for found in both(slope(gx.i0e), x):
            assert_ulps(found, [truth], 16)
    own = jax.grad(jax.scipy.special.i0e)(x)
    assert abs(float(own) / float(truth) - 1) > 1e-12  # which is what this is for


def test_logarithm_of_beta_keeps_digits_where_jax_has_seven() -> None:
    with mpmath.workdps(60):
        truth = mpmath.log(mpmath.beta(mpmath.mpf(12), mpmath.mpf(0.3)))
        for found in both(gx.betaln, 12.0, 0.3):
            assert_ulps(found, [truth], 30)
        (by_x,) = [mpmath.digamma(mpmath.mpf(1e8)) - mpmath.digamma(mpmath.mpf(1e8) + 1)]
        for found in both(lambda x, y: gx.grad(gx.betaln(x, y), x), 1e8, 1.0):
            assert_ulps(found, [by_x], 4)


def test_zeta_has_slopes_by_both_operands() -> None:
    with mpmath.workdps(40):
        for order in (1, 2):
            truth = mpmath.zeta(mpmath.mpf(2.5), mpmath.mpf(0.75), order)
            for found in both(
                lambda s, q, order=order: slope(lambda v: gx.zeta(v, q), order)(s), 2.5, 0.75
            ):
                assert_ulps(found, [truth], 6)
        by_q = -mpmath.mpf(2.5) * mpmath.zeta(mpmath.mpf(3.5), mpmath.mpf(0.75))
        for found in both(lambda s, q: gx.grad(gx.zeta(s, q), q), 2.5, 0.75):
            assert_ulps(found, [by_q], 6)
    for found in both(gx.zeta, 2.0):
        assert found == pytest.approx(np.pi**2 / 6, rel=1e-15)


def test_igamma_has_slopes_by_its_shape() -> None:
    with mpmath.workdps(50):

        def lower(a: Any) -> Any:
            return mpmath.gammainc(a, 0, 2.25, regularized=True)

        for order in (1, 2):
            truth = mpmath.diff(lower, mpmath.mpf(1.5), order)
            for found in both(slope(lambda a: gx.igamma(a, 2.25), order), 1.5):
                assert_ulps(found, [truth], 40)
            for found in both(slope(lambda a: gx.igammac(a, 2.25), order), 1.5):
                assert_ulps(found, [-truth], 40)


#: Function, points, values there.
EDGES: list[tuple[Any, Any, Any]] = [
    (gx.gamma, [0.0, -1.0, -2.0, INF, NAN, 172.0, -INF], [INF, NAN, NAN, INF, NAN, INF, NAN]),
    (gx.lgamma, [0.0, -1.0, 1.0, 2.0, INF, NAN], [INF, INF, 0.0, 0.0, INF, NAN]),
    (gx.digamma, [0.0, -1.0, INF, NAN], [-INF, NAN, INF, NAN]),
    (gx.erfinv, [1.0, -1.0, 0.0, 1.5, NAN], [INF, -INF, 0.0, NAN, NAN]),
    (gx.erfcinv, [0.0, 2.0, 1.0, -0.1, 2.5], [INF, -INF, 0.0, NAN, NAN]),
    (gx.normal_quantile, [0.0, 1.0, 0.5, -0.1, 1.5], [-INF, INF, 0.0, NAN, NAN]),
    (gx.entr, [0.0, 1.0, -1.0, NAN], [0.0, 0.0, -INF, NAN]),
    (gx.logit, [0.0, 1.0, 0.5, 2.0], [-INF, INF, 0.0, NAN]),
    (gx.cbrt, [0.0, -8.0, INF, NAN], [0.0, -2.0, INF, NAN]),
    (gx.log2, [8.0, 0.0, -1.0], [3.0, -INF, NAN]),
    (gx.exp2, [10.0, -1074.0 + 60, 1024.0], [1024.0, 2.0**-1014, INF]),
    (gx.gammasgn, [2.5, -0.5, -1.5, -1.0], [1.0, -1.0, 1.0, NAN]),
    (gx.signbit, [-0.0, 0.0, -2.0, INF], [1.0, 0.0, 1.0, 0.0]),
    (gx.nan_to_num, [NAN, 1.0, INF], [0.0, 1.0, np.finfo(float).max]),
    (lambda x: gx.fmod(x, 2.0), [5.5, -5.5, 4.0], [1.5, -1.5, 0.0]),
    (lambda x: gx.xlogy(x, 0.0), [0.0, 1.0], [0.0, -INF]),
    (lambda x: gx.zeta(x, 1.0), [1.0, 0.5], [INF, NAN]),
    (lambda x: gx.logaddexp(x, x), [INF, -INF, 1e4], [INF, -INF, 1e4 + np.log(2)]),
]


@pytest.mark.parametrize("number", range(len(EDGES)))
def test_value_at_an_edge(number: int) -> None:
    function, points, expected = EDGES[number]
    for found in both(function, points):
        np.testing.assert_array_max_ulp(np.asarray(found, float), np.asarray(expected), 1)


def test_bits_of_integers_are_numpys() -> None:
    rng = np.random.default_rng(5)
    for dtype in ("int8", "uint8", "int32", "uint64"):
        limits = np.iinfo(dtype)
        p, q = rng.integers(limits.min, limits.max, (2, 40), dtype=dtype, endpoint=True)
        x, y = gx.input("x", (40,), dtype), gx.input("y", (40,), dtype)
        made = [x & y, x | y, x ^ y, ~x, x << 3, x >> 2, np.bitwise_and(x, y), np.invert(x)]
        truth = [p & q, p | q, p ^ q, ~p, p << 3, p >> 2, p & q, ~p]
        given = {"x": p, "y": q}
        used = gx.compile(made)(given)
        for found, compiled, expected in zip(gx.evaluate(made, given), used, truth, strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(np.asarray(compiled), expected)


def test_shift_past_the_width_leaves_zeros_or_sign_bits() -> None:
    x, count = gx.input("x", (2,), "int8"), gx.input("n", (), "int8")
    made = [x << count, x >> count]
    for n in (8, 100, -1):
        for run in (gx.evaluate, lambda m, g: gx.compile(m)(g)):
            left, right = run(made, {"x": np.array([5, -5], "int8"), "n": np.int8(n)})
            assert np.asarray(left).tolist() == [0, 0]
            assert np.asarray(right).tolist() == [0, -1]


def test_angles() -> None:
    for found in both(gx.radians, [180.0, 90.0]):
        np.testing.assert_array_max_ulp(np.asarray(found), np.deg2rad([180.0, 90.0]), 1)
    for found in both(np.rad2deg, [np.pi]):
        np.testing.assert_array_max_ulp(np.asarray(found), np.rad2deg([np.pi]), 1)


def test_graph_goes_to_a_file_and_back(tmp_path: Path) -> None:
    x = gx.input("x", (2,), "float64")
    made = gx.polygamma(3, x) + gx.zeta(x + 1.0, x) + gx.igamma(x, x) + gx.i1(x) + gx.erfinv(x / 9)
    gx.save(tmp_path / "special.json", made)
    back = gx.load(tmp_path / "special.json")
    assert (
        back is made
        or gx.evaluate(back, x=[0.5, 2.0]).tolist() == gx.evaluate(made, x=[0.5, 2.0]).tolist()
    )


@pytest.mark.parametrize(
    ("function", "at"),
    [
        (lambda x: gx.gamma(x) + gx.lgamma(x), 2.3),
        (lambda x: gx.digamma(x) * gx.polygamma(2, x), 2.3),
        (lambda x: gx.erfinv(x) + gx.normal_quantile(x) + gx.erfcinv(x), 0.3),
        (lambda x: gx.i0(x) + gx.i1e(x), 1.7),
        (lambda x: gx.betaln(x, 2.5) + gx.zeta(x, 0.5), 2.3),
        (lambda x: gx.xlogy(x, x) + gx.entr(x) + gx.logit(x), 0.3),
        (lambda x: gx.logaddexp(x, 1.0) + gx.exp2(x) + gx.log2(x) + gx.cbrt(x), 2.3),
    ],
)
def test_engines_agree(function: Callable[[Any], Any], at: float) -> None:
    x = gx.input("x", (), "float64")
    report = gx.check(gx.Problem(function(x), {"x": at}))
    assert report.agreed, str(report)


def test_jax_differentiates_the_compiled_graph() -> None:
    x = gx.input("x", (), "float64")
    made = gx.lgamma(x) + gx.igamma(x, 2.0) + gx.zeta(x, 0.5) + gx.i0e(x) + gx.erfinv(x / 5)
    run = gx.compile(made)
    for order, function in ((1, jax.grad(run_of(run))), (2, jax.grad(jax.grad(run_of(run))))):
        truth = gx.evaluate(slope(lambda _: made, order)(x), x=2.3)
        assert float(function(2.3)) == pytest.approx(float(truth), rel=1e-12)


def run_of(run: Any) -> Callable[[float], Any]:
    return lambda value: run(x=value)


def test_sympy_reads_and_writes_them() -> None:
    x = gx.input("x", (), "float64")
    t = sympy.Symbol("x")
    written = {
        gx.gamma(x): sympy.gamma(t), gx.lgamma(x): sympy.loggamma(t),
        gx.digamma(x): sympy.polygamma(0, t), gx.polygamma(2, x): sympy.polygamma(2, t),
        gx.i0(x): sympy.besseli(0, t), gx.erfinv(x): sympy.erfinv(t),
    }  # fmt: skip
    for node, expression in written.items():
        assert gx.to_sympy(node, expand=True) == expression
        assert gx.from_sympy(expression, {"x": x}) is node
        assert gx.from_sympy(gx.to_sympy(node), {"x": x}) is node
    assert gx.parse("gamma(x) + erfinv(x) + zeta(x, 2) + i0(x)") is not None


def test_values_are_scipys_in_float32() -> None:
    points = np.array([0.2, 0.7, 1.5, 3.25, 8.0], "float32")
    x = gx.input("x", (5,), "float32")
    for own, theirs in (
        (gx.gamma, scipy_special.gamma), (gx.lgamma, scipy_special.gammaln),
        (gx.digamma, scipy_special.digamma), (gx.i0, scipy_special.i0),
        (lambda v: gx.erfinv(v / 10), lambda v: scipy_special.erfinv(v / np.float32(10))),
    ):  # fmt: skip
        found = [gx.evaluate(own(x), x=points), np.asarray(gx.compile(own(x))(x=points))]
        for value in found:
            assert value.dtype == np.float32
            np.testing.assert_allclose(value, theirs(points.astype(float)), rtol=2e-6)
