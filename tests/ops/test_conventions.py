"""The derivative conventions at kinks, ties and edges, row by row of the documented table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import mpmath
import numpy as np
import pytest

import graphc as gx

INF, NAN = math.inf, math.nan


def slopes(function: Callable[..., Any], *point: float, engine: str = "reverse") -> list[float]:
    """Returns the gradient of a scalar function, NumPy and JAX agreeing."""
    nodes = [gx.input(f"x{i}", (), "float64") for i in range(len(point))]
    output = function(*nodes)
    gradients = gx.grad(output, nodes, engine=engine, unreachable="zero")
    values = {f"x{i}": v for i, v in enumerate(point)}
    asked = [output + sum(nodes) * 0, gradients]
    by_numpy = [float(g) for g in gx.evaluate(asked, values)[1]]
    by_jax = [float(g) for g in gx.compile(asked)(values)[1]]
    np.testing.assert_allclose(by_numpy, by_jax, rtol=1e-14, atol=1e-307)
    return by_numpy


def gradient(function: Callable[..., Any], point: Any, engine: str = "reverse") -> list[float]:
    """Returns the gradient of a function of one vector, NumPy and JAX agreeing."""
    x = gx.input("x", np.shape(point), "float64")
    made = gx.grad(function(x), x, engine=engine)
    by_numpy = gx.evaluate([made, x], x=point)[0]
    np.testing.assert_allclose(
        by_numpy, gx.compile([made, x])(x=np.asarray(point, float))[0], rtol=1e-14
    )
    return by_numpy.tolist()


def same(found: list[float], expected: list[float]) -> bool:
    """Compares bit for bit but for the sign of zero; NaN equals NaN."""
    return all(f == e or (f != f and e != e) for f, e in zip(found, expected, strict=True))


def elementwise(name: str, **params: Any) -> Callable[..., Any]:
    return lambda *x: getattr(gx, name)(*x, **params)


SELU_LEFT = 1.673263242354377284817 * 1.050700987355480493419

ROWS: list[tuple[str, Callable[..., Any], tuple[float, ...], list[float]]] = [
    ("maximum tie", gx.maximum, (2.0, 2.0), [0.5, 0.5]),
    ("minimum tie", gx.minimum, (2.0, 2.0), [0.5, 0.5]),
    ("abs at 0", gx.abs, (0.0,), [0.0]),
    ("abs(x) - abs(-x) at 0", lambda x: gx.abs(x) - gx.abs(-x), (0.0,), [0.0]),
    ("relu at 0", gx.relu, (0.0,), [0.0]),
    ("leaky relu at 0", elementwise("leaky_relu", slope=0.125), (0.0,), [0.125]),
    ("elu at 0", elementwise("elu", alpha=0.75), (0.0,), [0.75]),
    ("selu at 0", gx.selu, (0.0,), [SELU_LEFT]),
    ("clip at low", lambda x: gx.clip(x, -1.0, 1.0), (-1.0,), [0.5]),
    ("clip at high", lambda x: gx.clip(x, -1.0, 1.0), (1.0,), [0.5]),
    ("clip outside", lambda x: gx.clip(x, -1.0, 1.0), (1.5,), [0.0]),
    ("relu6 at 0", gx.relu6, (0.0,), [0.0]),
    ("relu6 at 6", gx.relu6, (6.0,), [0.0]),
    ("hard tanh at -1", gx.hard_tanh, (-1.0,), [1.0]),
    ("hard sigmoid at 3", gx.hard_sigmoid, (3.0,), [0.0]),
    *[
        (f"copysign({x}, {y})", gx.copysign, (x, y), [math.copysign(1.0, x * y), 0.0])
        for x in (-3.0, 3.0)
        for y in (-2.0, 2.0)
    ],
    ("prelu at 0", gx.prelu, (0.0, 0.25), [0.25, 0.0]),
    ("celu at 0", elementwise("celu", alpha=0.75), (0.0,), [1.0]),
    ("softsign at 0", gx.softsign, (0.0,), [1.0]),
    ("mod", lambda x, y: x % y, (5.5, 2.0), [1.0, -2.0]),
    ("mod of a negative", lambda x, y: x % y, (-5.5, 2.0), [1.0, 3.0]),
    ("mod just below a multiple", lambda x, y: x % y, (0.9999999999999999, 1.0 / 3), [1.0, -2.0]),
    ("sqrt at 0", gx.sqrt, (0.0,), [INF]),
    ("asin at 1", gx.asin, (1.0,), [INF]),
    ("log at 0", gx.log, (0.0,), [INF]),
    ("reciprocal at 0", lambda x: 1 / x, (0.0,), [-INF]),
    ("sqrt(x * x) at 0", lambda x: gx.sqrt(x * x), (0.0,), [NAN]),
    ("hypot at 0", gx.hypot, (0.0, 0.0), [0.0, 0.0]),
    ("hypot of huge", gx.hypot, (3e200, 4e200), [0.6, 0.8]),
    ("x ** 0", lambda x: x**0, (0.0,), [0.0]),
    ("x ** 0.0", lambda x: x**0.0, (0.0,), [0.0]),
    ("x ** 0 at NaN", lambda x: x**0, (NAN,), [0.0]),
    ("x ** y at 0, 0", gx.pow, (0.0, 0.0), [0.0, 0.0]),
    ("x ** y at 0, 1", gx.pow, (0.0, 1.0), [1.0, 0.0]),
    ("x ** y at 0, 2", gx.pow, (0.0, 2.0), [0.0, 0.0]),
    ("x ** y at 0, 1/2", gx.pow, (0.0, 0.5), [INF, 0.0]),
    ("x ** y at 2, 0", gx.pow, (2.0, 0.0), [0.0, math.log(2.0)]),
    ("negative x ** whole y", gx.pow, (-2.0, 3.0), [12.0, NAN]),
    ("x * log x at 0", lambda x: x * gx.log(x), (0.0,), [NAN]),
    ("log of a negative", gx.log, (-1.0,), [NAN]),
    ("sqrt of a negative", gx.sqrt, (-1.0,), [NAN]),
    ("log1p below -1", gx.log1p, (-2.0,), [NAN]),
    ("atanh outside", gx.atanh, (2.0,), [NAN]),
    ("atan2 at the origin", gx.atan2, (0.0, 0.0), [0.0, 0.0]),
    ("atan2 of huge", gx.atan2, (1e200, 1e200), [5e-201, -5e-201]),
]


@pytest.mark.parametrize("engine", ["reverse", "forward"])
@pytest.mark.parametrize(("words", "function", "point", "expected"), ROWS, ids=[r[0] for r in ROWS])
def test_slope_is_the_documented_one(
    words: str,
    function: Callable[..., Any],
    point: tuple[float, ...],
    expected: list[float],
    engine: str,
) -> None:
    found = slopes(function, *point, engine=engine)
    for f, e in zip(found, expected, strict=True):
        assert f == e or (f != f and e != e) or abs(f - e) <= 4e-16 * abs(e), (words, found)


def test_gelu_must_say_which_form() -> None:
    with pytest.raises(gx.ArgumentError, match="approximate"):
        gx.gelu(gx.input("x"))


@pytest.mark.parametrize("name", ["sign", "floor", "ceil", "round", "trunc"])
@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_steps_have_slope_0_and_one_warning(name: str, engine: str) -> None:
    x = gx.input("x", (), "float64")
    with pytest.warns(gx.NonDifferentiableWarning, match=name) as caught:
        made = gx.grad(getattr(gx, name)(x) * x, x, engine=engine)
    assert len(caught) == 1
    assert gx.evaluate(made, x=2.5) == getattr(np, name)(2.5)


def test_round_takes_halves_to_even() -> None:
    x = gx.input("x", (4,), "float64")
    assert gx.evaluate(gx.round(x), x=[0.5, 1.5, 2.5, -0.5]).tolist() == [0.0, 2.0, 2.0, -0.0]


# -- reductions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_ties_of_a_reduction_share_the_slope(engine: str) -> None:
    assert gradient(gx.max, [1.0, 3.0, 3.0], engine) == [0.0, 0.5, 0.5]
    assert gradient(gx.min, [1.0, 3.0, 1.0], engine) == [0.5, 0.0, 0.5]


@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_extreme_of_nan_has_no_finite_slope(engine: str) -> None:
    x = gx.input("x", (3,), "float64")
    assert np.isnan(gx.evaluate(gx.grad(gx.max(x), x, engine=engine), x=[NAN, 1.0, 2.0])).all()


@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_norms_at_0_have_slope_0(engine: str) -> None:
    zeros = [0.0, 0.0]
    for order in (1, 2, 3):
        assert gradient(lambda x, order=order: gx.norm(x, ord=order), zeros, engine) == zeros
    assert gradient(gx.std, [2.0, 2.0], engine) == zeros
    assert gradient(gx.var, [2.0, 2.0], engine) == zeros


def test_norm_does_not_overflow() -> None:
    x = gx.input("x", (2,), "float64")
    value, slope = gx.evaluate([gx.norm(x), gx.grad(gx.norm(x), x)], x=[3e200, 4e200])
    assert abs(value - 5e200) <= 4e-16 * 5e200
    np.testing.assert_allclose(slope, [0.6, 0.8], rtol=4e-16)
    compiled = gx.compile([gx.norm(x), gx.grad(gx.norm(x), x)])(x=np.array([3e200, 4e200]))
    np.testing.assert_allclose(compiled[0], 5e200, rtol=4e-16)
    np.testing.assert_allclose(
        jax.grad(gx.compile(gx.norm(x), inputs=[x]))(np.array([3e200, 4e200])), [0.6, 0.8]
    )


@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_product_with_zeros_never_divides(engine: str) -> None:
    assert gradient(gx.prod, [2.0, 0.0, 3.0], engine) == [0.0, 6.0, 0.0]
    assert gradient(gx.prod, [0.0, 5.0, 0.0], engine) == [0.0, 0.0, 0.0]
    assert gradient(gx.prod, [2.0, 3.0, 5.0, 7.0, 11.0], engine) == [
        1155.0,
        770.0,
        462.0,
        330.0,
        210.0,
    ]


def test_product_with_zeros_never_divides_for_a_named_size() -> None:
    x = gx.input("x", ("n",), "float64")
    assert gx.evaluate(gx.grad(gx.prod(x), x), x=[2.0, 0.0, 3.0]).tolist() == [0.0, 6.0, 0.0]


def test_nothing_sums_to_0_and_multiplies_to_1() -> None:
    x = gx.input("x", (0,), "float64")
    asked = [gx.sum(x), gx.prod(x), gx.mean(x), gx.logsumexp(x), gx.grad(gx.sum(x * x), x)]
    for found in (
        gx.evaluate(asked, x=[]),
        gx.compile(asked)(x=np.zeros(0)),
        gx.evaluate_mpmath(asked, x=[]),
    ):
        total, product, mean, lse, slope = found
        assert (float(total), float(product), float(lse)) == (0.0, 1.0, -INF)
        assert float(mean) != float(mean)
        assert np.shape(slope) == (0,)
    with pytest.raises(gx.ShapeError, match="no extreme of no elements"):
        gx.max(x)


def test_sum_over_no_axes_changes_nothing() -> None:
    x = gx.input("x", (2, 2), "float64")
    assert gx.evaluate(gx.sum(x, axis=()), x=np.eye(2)).tolist() == np.eye(2).tolist()


def test_variance_divides_by_n_unless_told() -> None:
    x = gx.input("x", (4,), "float64")
    values = [1.0, 2.0, 4.0, 8.0]
    assert gx.evaluate(gx.var(x), x=values) == np.var(values)
    assert gx.evaluate(gx.var(x, correction=1), x=values) == np.var(values, ddof=1)


# -- where: a dead branch counts nothing -----------------------------------------------------------


def dead(x: Any) -> Any:
    return gx.where(x > 0, gx.log(x), 0.0)


BRANCHES: list[tuple[str, Callable[[Any], Any]]] = [
    ("plain", dead),
    ("other side", lambda x: gx.where(x <= 0, 0.0, gx.log(x))),
    ("nested", lambda x: gx.where(x > -5, gx.where(x > 0, gx.log(x), x * 0), gx.log(x + 100))),
    ("chain below", lambda x: gx.where(x > 0, gx.exp(gx.sqrt(gx.log(x) ** 2)), x * 0)),
    ("scaled above", lambda x: dead(x) * 3 + gx.sin(dead(x)) - dead(x)),
    ("shared", lambda x: dead(x) + gx.where(x > 0, gx.sqrt(x), 0.0) + gx.where(x > 0, 1 / x, 0.0)),
    (
        "through reshape",
        lambda x: gx.reshape(
            gx.where(gx.reshape(x, (3, 1)) > 0, gx.log(gx.reshape(x, (3, 1))), 0.0), (3,)
        ),
    ),
    ("through slices", lambda x: gx.concat([dead(x[:1]), dead(x[1:])])),
    (
        "through a transpose",
        lambda x: gx.transpose(gx.where((gx.stack([x, x]).T) > 0, gx.log(gx.stack([x, x]).T), 0.0)),
    ),
    (
        "through a cast",
        lambda x: gx.cast(gx.where(x > 0, gx.cast(gx.log(x), "float32"), 0.0), "float64"),
    ),
    ("scalar condition", lambda x: gx.where(gx.constant(np.array(False)), gx.log(x * 0), x)),
]


@pytest.mark.parametrize("engine", ["reverse", "forward"])
@pytest.mark.parametrize("words", [b[0] for b in BRANCHES])
def test_dead_branch_makes_no_nan(words: str, engine: str) -> None:
    function = dict(BRANCHES)[words]
    x = gx.input("x", (3,), "float64")
    made = gx.grad(gx.sum(function(x)), x, engine=engine)
    value = np.array([-1.0, 0.0, 2.0])
    for found in (gx.evaluate(made, x=value), gx.compile(made)(x=value)):
        assert np.isfinite(found).all(), found
        assert words == "scalar condition" or found[0] == found[1] == 0.0
    second = gx.grad(gx.sum(made * gx.constant([1.0, 2.0, 3.0], "float64")), x, unreachable="zero")
    if engine == "reverse":
        assert np.isfinite(gx.evaluate([second, x], x=value)[0]).all()


def test_live_branch_keeps_its_infinite_slope() -> None:
    assert slopes(lambda x: gx.where(x >= 0, gx.sqrt(x), 0.0), 0.0) == [INF]


# -- stable forms, and slopes that keep their digits -----------------------------------------------


def test_stable_cross_entropy_at_0_has_slope_minus_one_half() -> None:
    def bce(z: Any) -> Any:
        return gx.maximum(z, 0.0) - z * 1.0 + gx.log1p(gx.exp(-gx.abs(z)))

    def with_relu(z: Any) -> Any:
        return gx.relu(z) - z * 1.0 + gx.log1p(gx.exp(-gx.abs(z)))

    assert slopes(bce, 0.0) == [-0.5]
    assert slopes(bce, 0.0, engine="forward") == [-0.5]
    assert slopes(lambda z: gx.softplus(z) - z, 0.0) == [-0.5]
    assert slopes(with_relu, 0.0) == [-1.0]


TRUE_SLOPES: list[tuple[str, Callable[[Any], Any], float, Callable[[Any], Any]]] = [
    ("tanh", gx.tanh, 19.0, mpmath.sech),
    ("tanh", gx.tanh, -300.0, mpmath.sech),
    ("sigmoid", gx.sigmoid, 37.0, lambda x: mpmath.exp(-x)),
    ("sigmoid", gx.sigmoid, -40.0, mpmath.exp),
    ("expm1", gx.expm1, -40.0, mpmath.exp),
    ("elu", gx.elu, -40.0, mpmath.exp),
    ("softplus", gx.softplus, -40.0, mpmath.exp),
    ("log_sigmoid", gx.log_sigmoid, 40.0, lambda x: mpmath.exp(-x)),
    ("erf", gx.erf, 5.0, lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)),
    ("erfc", gx.erfc, 5.0, lambda x: -2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)),
    ("atan", gx.atan, 1e8, lambda x: 1 / (1 + x * x)),
    ("log1p", gx.log1p, -1 + 2.0**-50, lambda x: 1 / (1 + x)),
]


@pytest.mark.parametrize(
    ("name", "function", "point", "truth"),
    TRUE_SLOPES,
    ids=[f"{r[0]}-at-{r[2]}" for r in TRUE_SLOPES],
)
def test_slope_keeps_its_digits_where_the_value_saturates(
    name: str, function: Callable[[Any], Any], point: float, truth: Callable[[Any], Any]
) -> None:
    with mpmath.workdps(60):
        x = mpmath.mpf(point)
        expected = truth(x) ** 2 if name == "tanh" else truth(x)
        if name in ("sigmoid", "softplus", "log_sigmoid"):
            s = 1 / (1 + mpmath.exp(-x))
            expected = {"sigmoid": s * (1 - s), "softplus": s, "log_sigmoid": 1 - s}[name]
        (found,) = slopes(function, point)
        assert abs(found - expected) <= 64 * 2.0**-53 * abs(expected)


def test_second_slope_of_tanh_is_0_where_cosh_overflows() -> None:
    x = gx.input("x", (), "float64")
    second = gx.grad(gx.grad(gx.tanh(x), x), x)
    assert gx.evaluate(second, x=800.0) == 0.0
    assert float(gx.compile(second)(x=-800.0)) == 0.0


@pytest.mark.parametrize("big", [1e4, -1e4])
def test_soft_functions_reach_their_limits(big: float) -> None:
    x = gx.input("x", (2,), "float64")
    asked = {
        "softplus": gx.softplus(x),
        "log_sigmoid": gx.log_sigmoid(x),
        "logsumexp": gx.logsumexp(x),
        "log_softmax": gx.log_softmax(x),
        "slope": gx.grad(gx.logsumexp(x), x),
    }
    values = np.array([big, big])
    for found in (gx.evaluate(asked, x=values), gx.compile(asked)(x=values)):
        assert np.array_equal(found["softplus"], np.maximum(values, 0))
        assert np.array_equal(found["log_sigmoid"], np.minimum(values, 0))
        assert float(found["logsumexp"]) == big + math.log(2.0)
        np.testing.assert_allclose(found["log_softmax"], [-math.log(2.0)] * 2, rtol=4e-16)
        assert np.array_equal(found["slope"], [0.5, 0.5])
    apart = gx.evaluate(asked["log_softmax"], x=np.array([big, 0.0]))
    assert np.array_equal(apart, [0.0, -1e4] if big > 0 else [-1e4, 0.0])


# -- indexing --------------------------------------------------------------------------------------


def test_gather_of_duplicates_adds_up() -> None:
    assert gradient(lambda x: gx.sum(x[[0, 0, 1]]), [1.0, 2.0, 3.0]) == [2.0, 1.0, 0.0]
    assert gradient(lambda x: gx.sum(x[[-1, 2, 0]]), [1.0, 2.0, 3.0]) == [1.0, 0.0, 2.0]


def test_index_out_of_range_is_an_error_at_the_line_or_when_evaluated() -> None:
    x = gx.input("x", (3,), "float64")
    with pytest.raises(gx.IndexingError, match=r"test_conventions.py:\d+: index 3 is out of range"):
        x[[0, 3]]
    i = gx.input("i", (1,), "int32")
    with pytest.raises(gx.IndexingError, match="out of range"):
        gx.evaluate(gx.take(x, i), x=[1.0, 2.0, 3.0], i=[5])
    assert np.isnan(gx.compile(gx.take(x, i))(x=np.ones(3), i=np.array([5], "int32")))
    with pytest.raises(gx.IndexingError, match="out of range"):
        gx.evaluate(gx.scatter_add(x, gx.input("j", (3,), "int32"), 2), x=np.ones(3), j=[0, 1, 2])


def test_integer_wrt_and_non_scalar_loss_are_errors() -> None:
    i, x = gx.input("i", (), "int32"), gx.input("x", (2,))
    with pytest.raises(gx.GradError, match="only a float has a derivative"):
        gx.grad(gx.cast(i, "float32"), i)
    with pytest.raises(gx.GradError, match="not a scalar"):
        gx.grad(x * 2, x)


def test_half_precision_sums_are_accumulated_in_float32() -> None:
    x = gx.input("x", (4096,), "float16")
    assert gx.evaluate(gx.sum(x), x=np.ones(4096, "float16")) == 4096.0
    assert float(gx.compile(gx.sum(x))(x=np.ones(4096, "float16"))) == 4096.0


@pytest.mark.parametrize("engine", ["reverse", "forward", "symbolic", "jax"])
@pytest.mark.parametrize(
    ("at", "slopes"),
    [
        ((0.0, 2.0, 1.0), (0.0, 0.0, 1.0)),  # the bounds cross: the value is high
        ((1.5, 2.0, 1.0), (0.0, 0.0, 1.0)),
        ((3.0, 2.0, 1.0), (0.0, 0.0, 1.0)),
        ((0.0, 1.0, 1.0), (0.0, 0.5, 0.5)),  # they meet
        ((1.0, 1.0, 1.0), (0.25, 0.25, 0.5)),
        ((2.0, 1.0, 1.0), (0.0, 0.0, 1.0)),
        ((1.0, 1.0, 2.0), (0.5, 0.5, 0.0)),
        ((2.0, 1.0, 2.0), (0.5, 0.0, 0.5)),
    ],
)
def test_slopes_of_clip_add_up_to_one_where_its_bounds_meet_or_cross(
    engine: str, at: tuple[float, ...], slopes: tuple[float, ...]
) -> None:
    nodes = [gx.input(n, (), "float64") for n in ("x", "low", "high")]
    made = gx.grad(gx.clip(*nodes), nodes, engine=engine)
    found = gx.compile(made)(dict(zip(("x", "low", "high"), at, strict=True)))
    assert tuple(float(f) for f in found) == slopes


# -- what remains of the table ---------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_second_slope_of_relu_at_0_is_0(engine: str) -> None:
    x = gx.input("x", (), "float64")
    assert gx.evaluate([gx.hessian(gx.relu(x) * 1.0, x, engine), x], x=0.0)[0] == 0.0


@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_stable_cross_entropy_has_the_smooth_slope_at_0(engine: str) -> None:
    def stable(z: Any) -> Any:
        return gx.maximum(z, 0.0) - z + gx.log1p(gx.exp(-gx.abs(z)))

    def by_relu(z: Any) -> Any:
        return gx.relu(z) - z + gx.log1p(gx.exp(-gx.abs(z)))

    assert slopes(stable, 0.0, engine=engine) == [-0.5]
    assert slopes(lambda z: gx.softplus(z) - z, 0.0, engine=engine) == [-0.5]
    assert slopes(by_relu, 0.0, engine=engine) == [-1.0]  # relu's own convention: 0 at 0


def test_raw_norm_is_nan_at_0_and_lint_says_what_to_write() -> None:
    x = gx.input("x", (2,), "float64")
    assert np.isnan(gradient(lambda v: gx.sqrt(gx.sum(v * v)), [0.0, 0.0])).all()
    (found,) = gx.lint(gx.sqrt(gx.sum(x * x)))
    assert found.better == "norm(x)"
    (single,) = gx.lint(gx.sqrt(x[0] * x[0]))
    assert single.better.startswith("abs(")


def test_hypot_of_tiny_numbers_keeps_its_slope() -> None:
    found = slopes(gx.hypot, 1e-200, 2e-200)
    np.testing.assert_allclose(found, [0.2**0.5, 0.8**0.5], rtol=4e-16)


@pytest.mark.parametrize("values", [[INF, 1.0], [-INF, -INF], [INF, INF]])
def test_softmax_of_infinities_is_nan(values: list[float]) -> None:
    x = gx.input("x", (2,), "float64")
    assert np.isnan(gx.evaluate(gx.softmax(x), x=values)).all()
    assert np.isnan(gx.compile(gx.softmax(x))(x=np.array(values))).all()


@pytest.mark.parametrize(
    ("values", "value"),
    [
        ([-INF, -INF, -INF], -INF),
        ([INF, 0.0, 1.0], INF),
        ([INF, -INF, INF], INF),
        ([-INF, 5.0, -INF], 5.0),
    ],
)
def test_logsumexp_of_infinities_is_their_limit(values: list[float], value: float) -> None:
    x = gx.input("x", (3,))
    total = gx.logsumexp(x)
    assert gx.compile(total)(x=np.array(values, np.float32)) == value
    assert gx.evaluate(total, x=values) == value


def test_logsumexp_of_infinities_has_no_slope_but_beside_minus_infinity() -> None:
    for values in ([INF, INF], [-INF, -INF], [INF, 0.0]):
        assert np.isnan(gradient(gx.logsumexp, values)).all()
    assert gradient(gx.logsumexp, [-INF, 0.0]) == [0.0, 1.0]


def test_sinc_keeps_its_digits_near_0() -> None:
    assert slopes(gx.sinc, 0.0) == [0.0]
    (found,) = slopes(gx.sinc, 1e-9)
    with mpmath.workdps(60):
        x = mpmath.mpf(1e-9) * mpmath.pi
        true = mpmath.pi * (x * mpmath.cos(x) - mpmath.sin(x)) / x**2
        assert abs(found - true) <= 4 * 2.0**-53 * abs(true)


def test_one_sample_normalised_is_0_with_slope_0() -> None:
    def normalised(x: Any) -> Any:
        return gx.sum((x - gx.mean(x)) / gx.sqrt(gx.var(x) + 1e-5))

    x = gx.input("x", (1,), "float64")
    assert gx.evaluate(normalised(x), x=[3.0]) == 0.0
    assert gradient(normalised, [3.0]) == [0.0]
    assert gradient(gx.std, [3.0]) == [0.0]


def test_scatter_adds_what_falls_on_one_place() -> None:
    x = gx.input("x", (3,), "float64")
    made = gx.scatter_add(x, np.array([0, 0, 1]), 2)
    assert gx.evaluate(made, x=[1.0, 2.0, 4.0]).tolist() == [3.0, 4.0]
    assert gx.compile(made)(x=np.array([1.0, 2.0, 4.0])).tolist() == [3.0, 4.0]


def test_comparison_carries_no_derivative() -> None:
    x = gx.input("x", (), "float64")
    with pytest.raises(gx.GradError, match="only a float has a derivative"):
        gx.grad(x > 1, x)
    assert slopes(lambda x: gx.cast(x > 1, "float64") * x, 2.0) == [1.0]


def test_a_complex_number_for_a_real_input_is_refused() -> None:
    with pytest.raises(gx.DTypeError):
        gx.evaluate(gx.abs(gx.input("x", (), "float64")), x=1 + 2j)


def test_numpy_keeps_subnormal_numbers_and_xla_may_flush_them() -> None:
    x = gx.input("x", (), "float64")
    assert gx.evaluate(x * 1.5, x=1e-310) == 1e-310 * 1.5 > 0.0
    assert float(gx.compile(x * 1.5)(x=1e-310)) in (0.0, 1e-310 * 1.5)
    y = gx.input("y", (), "float32")
    assert gx.evaluate(y * 1.5, y=1e-40) == np.float32(1e-40) * np.float32(1.5)


def test_integer_over_0_is_0_a_wrap_wraps_and_debug_reports_both() -> None:
    i, j = gx.input("i", (), "int32"), gx.input("j", (), "int8")
    assert gx.evaluate(i // 0, i=7) == gx.compile(i // 0)(i=np.int32(7)) == 0
    assert gx.evaluate(j + j, j=100) == gx.compile(j + j)(j=np.int8(100)) == -56
    with pytest.raises(gx.DivisionError):
        gx.debug(gx.cast(i // 0, "float32"), i=7)
    with pytest.raises(gx.RangeError):
        gx.debug(gx.cast(j + j, "float32"), j=100)
