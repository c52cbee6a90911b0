from __future__ import annotations

from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gx
from graphc.backends.mpmath import MpNamespace
from graphc.backends.run import name_values

HERE = Path(__file__).name
BOTH = [gx.evaluate, gx.evaluate_mpmath]


@pytest.mark.parametrize("run", BOTH)
def test_values_come_by_name_by_node_and_by_keyword(run: Any) -> None:
    x, y = gx.input("x", (), "float64"), gx.param("y", (2,), "float64")
    asked = {"sum": x + y, "nest": [(x, y)]}
    for given, named in (
        ({"x": 1.5, "y": [1.0, 2.0]}, {}),
        ({x: 1.5}, {"y": np.array([1.0, 2.0])}),
        ({x: 1.5, y: [1, 2]}, {}),
    ):
        found = run(asked, given, **named)
        assert [float(v) for v in found["sum"]] == [2.5, 3.5]
        assert float(found["nest"][0][0]) == 1.5


@pytest.mark.parametrize("run", BOTH)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no value for x: f64"),
        ({"x": 1.0, "z": 1.0}, "no input named 'z'; the inputs are x"),
        ({"x": "word"}, "x|'x'"),
        ({"x": [[1.0], [1.0, 2.0]]}, "x is no array"),
        ({"x": 1j}, "x is declared f64"),
        ({"x": np.ones(3)}, r"x is declared f64\[2\], the value has shape \[3\]"),
    ],
)
def test_wrong_values_are_errors_at_the_line(run: Any, given: Any, words: str) -> None:
    x = gx.input("x", (2,), "float64")
    with pytest.raises(gx.GraphcError, match=rf"{HERE}:\d+: .*({words})"):
        run(x * 2, given)


def test_something_else_than_a_node_is_an_error() -> None:
    for run in BOTH:
        with pytest.raises(gx.ArgumentError, match="is no graph value"):
            run([3.0])
    with pytest.raises(gx.ArgumentError, match="is no input of this graph"):
        name_values([gx.input("x")], {gx.input("x") * 2: 1.0})


def test_result_is_no_view_of_what_was_given() -> None:
    x = gx.input("x", (3,), "float64")
    values = np.ones(3)
    found = gx.evaluate(x, x=values)
    found[0] = 7.0
    assert values[0] == 1.0


def test_numbers_of_50_digits_are_right_to_50_digits() -> None:
    x = gx.input("x", (), "float64")
    with mpmath.workdps(60):
        t = mpmath.mpf(0.3)
        pairs = [
            (gx.exp(x), mpmath.exp(t)),
            (gx.erfc(x * 10), mpmath.erfc(t * 10)),
            (gx.gelu(x, approximate=False), t * mpmath.erfc(-t / mpmath.sqrt(2)) / 2),
            (gx.atan2(x, -1.0), mpmath.atan2(t, -1)),
            (gx.norm(gx.stack([x, x * 2]), ord=3), t * mpmath.cbrt(9)),
        ]
        for node, truth in pairs:
            assert abs(gx.evaluate_mpmath(node, x=0.3) - truth) < mpmath.mpf(10) ** -48
        assert (
            abs(gx.evaluate_mpmath(gx.exp(x), x=0.3, digits=200) - mpmath.exp(t))
            < mpmath.mpf(10) ** -58
        )


def test_decimal_strings_carry_more_digits_than_floats() -> None:
    x = gx.input("x", (), "float64")
    with mpmath.workdps(50):
        assert gx.evaluate_mpmath(x * 3, x="0.1") == mpmath.mpf("0.1") * 3
        assert gx.evaluate_mpmath(x * 3, x=0.1) != mpmath.mpf("0.1") * 3
    with pytest.raises(gx.ArgumentError, match="is no number"):
        gx.evaluate_mpmath(x * 3, x="0.1.2")


EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 710.0, -746.0, 1e300]
NAMES = (
    "exp expm1 log log1p sqrt rsqrt reciprocal square sin cos tan asin acos atan "
    "sinh cosh tanh asinh acosh atanh "
    "erf erfc sigmoid softplus log_sigmoid relu silu selu abs sign floor ceil round trunc neg"
).split()


@pytest.mark.parametrize("name", NAMES)
def test_edges_are_those_of_ieee_in_every_evaluator(name: str) -> None:
    x = gx.input("x", (len(EDGES),), "float64")
    node = getattr(gx, name)(x)
    by_numpy = gx.evaluate(node, x=EDGES)
    by_jax = np.asarray(gx.compile(node)(x=np.array(EDGES)))
    exact = gx.evaluate_mpmath(node, x=EDGES)
    for position, edge in enumerate(EDGES):
        n, j, e = by_numpy[position], by_jax[position], exact[position]
        assert n == pytest.approx(j, rel=1e-13, abs=1e-300, nan_ok=True), edge
        if np.isinf(edge) or abs(edge) > 1e20:
            continue  # beyond 1e20 the evaluator of 50 digits takes limits, as it does at infinity
        if e != e:
            assert n != n, edge
        elif abs(e) > 1.7e308:
            assert np.isinf(n) or abs(n) > 1e307, edge
        else:
            assert float(n) == pytest.approx(float(e), rel=1e-14, abs=1e-300), edge


def test_integers_are_exact_in_every_evaluator() -> None:
    i, j = gx.input("i", (4,), "int32"), gx.input("j", (4,), "int32")
    node = [
        i + j,
        i * j,
        i - j,
        i % j,
        i**3,
        gx.sum(i),
        gx.max(i),
        gx.prod(j),
        gx.minimum(i, j),
        abs(i),
        i < j,
        gx.sum(i < j),
    ]
    values = {"i": np.array([-7, 5, 0, 9], "int32"), "j": np.array([3, -2, 4, 9], "int32")}
    by_numpy, by_jax, exact = (
        gx.evaluate(node, values),
        gx.compile(node)(values),
        gx.evaluate_mpmath(node, values),
    )
    for n, j_, e in zip(by_numpy, by_jax, exact, strict=True):
        assert np.array_equal(n, j_) and np.array_equal(
            n, np.asarray(e, dtype=object).astype(n.dtype)
        )


def test_booleans_add_as_booleans() -> None:
    p, q = gx.input("p", (), "bool"), gx.input("q", (), "bool")
    for found in (
        gx.evaluate(p + q, p=True, q=True),
        gx.compile(p + q)(p=True, q=True),
        gx.evaluate_mpmath(p + q, p=True, q=True),
    ):
        assert bool(found) is True and int(found) == 1


def test_subnormals_are_kept_by_numpy() -> None:
    x = gx.input("x", (), "float64")
    assert abs(gx.evaluate(x * 1.5, x=1e-310) - 1.5e-310) <= 5e-324


def test_jaxs_own_derivative_runs_under_jax_alone() -> None:
    x = gx.input("x", (), "float64")
    made = gx.grad(gx.sin(x), x, engine="jax")
    for run in BOTH:
        with pytest.raises(gx.EngineError, match="JAX"):
            run(made, x=0.5)


def test_evaluation_prints_no_warning() -> None:
    x = gx.input("x", (3,), "float64")
    gx.evaluate(
        [gx.log(x), 1 / x, gx.exp(x * 1000), gx.sqrt(-x), gx.mean(x[:0])], x=[0.0, -1.0, 2.0]
    )


def _compiled(node: Any, **values: Any) -> Any:
    return gx.compile(node)(**values)


@pytest.mark.parametrize("run", [*BOTH, _compiled])
@pytest.mark.parametrize(
    ("dtype", "value", "error", "words"),
    [
        ("int8", [1, 300], gx.DTypeError, r"v\[1\] is 300, which does not fit into int8"),
        ("uint16", [-1, 0], gx.DTypeError, r"v\[0\] is -1, which does not fit into uint16"),
        ("int32", np.array([0, 2**40]), gx.DTypeError, r"v\[1\] is 1099511627776"),
        ("int64", np.array([2**64 - 1, 0], np.uint64), gx.DTypeError, "is 18446744073709551615"),
        ("float32", [1e300, 0.0], gx.PrecisionError, r"v\[0\] is 1e\+300"),
        ("float16", [70000, 0], gx.PrecisionError, r"v\[0\] is 70000"),
    ],
)
def test_number_that_the_dtype_can_not_hold_is_an_error(
    run: Any, dtype: str, value: Any, error: Any, words: str
) -> None:
    v = gx.input("v", (2,), dtype)
    with pytest.raises(error, match=rf"{HERE}:\d+: .*{words}"):
        run(v + 1, v=value)


@pytest.mark.parametrize("run", [gx.evaluate, _compiled])
def test_integer_of_more_than_64_bits_is_refused_or_rounded(run: Any) -> None:
    i, d = gx.input("i", (), "int64"), gx.input("d", (), "float64")
    with pytest.raises(gx.DTypeError, match="i is 1180591620717411303424, which does not fit"):
        run(i, i=2**70)
    with pytest.raises(gx.DTypeError, match=r"too large|is declared i64"):
        run(i + gx.input("j", (2,), "int64"), i=0, j=[2**64 - 1, 0])
    with pytest.raises(gx.PrecisionError, match=r"d is 1000.*\.\.\., which does not fit"):
        run(d, d=10**400)


@pytest.mark.parametrize("run", [gx.evaluate, _compiled])
def test_limits_of_a_dtype_and_what_is_infinite_already_pass(run: Any) -> None:
    i, u = gx.input("i", (2,), "int8"), gx.input("u", (3,), "float32")
    assert run(i, i=[-128, 127]).tolist() == [-128, 127]
    found = run(u, u=np.array([np.inf, -np.inf, np.nan])).tolist()
    assert found[:2] == [np.inf, -np.inf]
    assert found[2] != found[2]
    assert float(run(u, u=[3.4028234e38, 0.0, 0.0])[0]) == float(np.finfo(np.float32).max)


def test_number_of_a_problem_that_does_not_fit_is_an_error() -> None:
    x = gx.input("x")
    with pytest.raises(gx.PrecisionError, match=r"x is 1e\+300, which does not fit into float32"):
        gx.Problem(x * 2, values={"x": 1e300})


def test_row_without_a_finite_element_is_nan_in_every_evaluator() -> None:
    x = gx.input("x", (3,), "float64")
    row = np.full(3, -np.inf)
    asked = [gx.softmax(x), gx.log_softmax(x)]
    for run in (gx.evaluate, gx.evaluate_mpmath, lambda nodes, x: gx.compile(nodes)(x=x)):
        for found in run(asked, x=row):
            assert all(v != v for v in np.asarray(found).ravel())


def test_numbers_of_endless_exponents_take_no_endless_time() -> None:
    x = gx.input("x", (), "float64")
    big = gx.exp(gx.exp(x))  # 10 ** (5.6 * 10**18) at 44: its last place is beyond any memory
    for node in (gx.sin(big), gx.tan(big), gx.sinc(big)):
        found = gx.evaluate_mpmath(node, x=44.0)
        assert found != found
    assert gx.evaluate_mpmath(gx.tanh(-big), x=44.0) == -1
    assert gx.evaluate_mpmath(gx.cosh(-big), x=44.0) == mpmath.inf
    assert gx.evaluate_mpmath(gx.pow(big, -big), x=44.0) == 0
    slope = gx.grad(gx.sinc(1 / big), x)
    assert abs(gx.evaluate_mpmath([slope, x], x=44.0)[0]) < 1e-300


def test_function_of_mpmaths_that_fails_leaves_the_precision_as_it_was() -> None:
    x = gx.input("x", (), "float64")
    xp = MpNamespace(50)
    xp.context.prec = 10**6
    assert MpNamespace(50).context.dps == 50
    assert abs(gx.evaluate_mpmath(gx.sin(x), x=1.0) - mpmath.sin(1)) < 1e-15


def test_two_values_for_one_input_are_an_error() -> None:
    x = gx.input("x", (), "float64")
    for wrong in (
        lambda: gx.evaluate(x * 2, {x: 1.0}, x=2.0),
        lambda: gx.evaluate(x * 2, {x: 1.0, "x": 2.0}),
    ):
        with pytest.raises(gx.ArgumentError, match=rf"{HERE}:\d+: there are two values for '?x'?"):
            wrong()


def test_sum_does_not_depend_on_how_an_array_lies_in_memory(rng: np.random.Generator) -> None:
    x, row = gx.input("x", (300, 40), "float32"), gx.input("row", (40,), "float32")
    values = rng.normal(size=(300, 40)).astype("float32")
    for reduce in (gx.sum, gx.mean, gx.prod, gx.var, gx.logsumexp):
        plain = gx.evaluate(reduce(x, axis=0), x=values)
        turned = gx.evaluate(reduce(x, axis=0), x=np.asfortranarray(values))
        assert plain.tobytes() == turned.tobytes()
    wide = gx.broadcast_to(row, (300, 40))
    copied = np.ascontiguousarray(np.broadcast_to(values[0], (300, 40)))
    assert (
        gx.evaluate(gx.sum(wide, axis=0), row=values[0]).tobytes()
        == gx.evaluate(gx.sum(x, axis=0), x=copied).tobytes()
    )
