from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import jax
import mpmath
import numpy as np
import pytest

import graphc as gx


def newton(bound: int | None) -> tuple[list[gx.Node], gx.Node, gx.Node]:
    """Returns (start, number), its root by iteration, and the number of steps."""
    x, a = gx.input("x", (), "float64"), gx.input("a", (), "float64")
    root, steps = gx.while_loop(
        lambda s: gx.abs(s[0] * s[0] - a) > 1e-12,
        lambda s: (0.5 * (s[0] + a / s[0]), s[1] + 1),
        (x, 0),
        bound,
    )
    return [x, a], root, steps


AT = {"x": 1.0, "a": 2.0}


@pytest.mark.parametrize("bound", [None, 10])
def test_loop_runs_until_its_test_fails(bound: int | None) -> None:
    _, root, steps = newton(bound)
    for found in (gx.evaluate([root, steps], AT), gx.compile([root, steps])(AT)):
        np.testing.assert_allclose(found[0], np.sqrt(2.0), rtol=1e-15)
        assert found[1] == 5


def test_forward_mode_goes_through_a_loop_of_any_length() -> None:
    wrt, root, _ = newton(None)
    slopes = gx.grad(root, wrt, engine="forward")
    for found in (gx.evaluate(slopes, AT), gx.compile(slopes)(AT)):
        np.testing.assert_allclose(found, [0.0, 0.5 / np.sqrt(2.0)], atol=1e-15)


def test_reverse_mode_goes_back_through_a_loop_with_a_bound() -> None:
    wrt, root, _ = newton(10)
    made = [*gx.grad(root, wrt), *gx.grad(root, wrt, engine="symbolic"), gx.hessian(root, wrt[1])]
    truth = [0.0, 0.5 / np.sqrt(2.0)] * 2 + [-0.25 * 2**-1.5]
    for found in (gx.evaluate(made, AT), gx.compile(made)(AT)):
        np.testing.assert_allclose(found, truth, rtol=1e-14, atol=1e-15)
    by_jax = jax.grad(gx.compile(root, wrt), 1)(1.0, 2.0)
    np.testing.assert_allclose(by_jax, truth[1], rtol=1e-14)


def test_engines_agree_about_a_loop_with_a_bound() -> None:
    p = gx.input("p", (), "float64")
    out = gx.while_loop(lambda s: s < 3.0, lambda s: s * s * p, p * 1.5, bound=9)
    assert gx.check(gx.Problem(out, {"p": 1.3})).agreed


def test_without_a_bound_the_way_back_is_an_error_with_the_mend() -> None:
    wrt, root, _ = newton(None)
    with pytest.raises(gx.GradError, match=r"test_repeat.py:\d+: .*give the loop a bound="):
        gx.grad(root, wrt)


def test_behind_its_bound_a_loop_is_an_error_in_numpy_and_nan_compiled() -> None:
    wrt, root, steps = newton(2)
    with pytest.raises(gx.BudgetError, match="goes on beyond its bound of 2 steps"):
        gx.evaluate(root, AT)
    with pytest.raises(gx.BudgetError, match="goes on beyond its bound of 2 steps"):
        gx.evaluate_mpmath(root, AT)
    with pytest.raises(gx.BudgetError, match="goes on beyond its bound of 2 steps"):
        gx.debug(root, AT)
    value, count, slope = gx.compile([root, steps, gx.grad(root, wrt[1])])(AT)
    assert np.isnan(value) and np.isnan(slope)
    assert count == 2  # integers stay what they were at the bound
    assert np.isnan(gx.evaluate(gx.grad(root, wrt[1]), AT))


def test_loop_that_never_starts_leaves_its_carry() -> None:
    x = gx.input("x", (), "float64")
    out = gx.while_loop(lambda s: s < 0.0, lambda s: gx.log(s), x, bound=3)
    made = [out, gx.grad(out, x)]
    for found in (gx.evaluate(made, x=0.0), gx.compile(made)(x=0.0)):
        np.testing.assert_array_equal(found, [0.0, 1.0])


def test_iteration_at_fifty_digits() -> None:
    x, a = gx.input("x", (), "float64"), gx.input("a", (), "float64")
    state = (x, gx.constant(0, "int32"))
    root, _ = gx.while_loop(
        lambda s: s[1] < 8, lambda s: (0.5 * (s[0] + a / s[0]), s[1] + 1), state
    )
    with mpmath.workdps(60):
        assert abs(gx.evaluate_mpmath(root, AT) - mpmath.sqrt(2)) < mpmath.mpf(10) ** -49


@pytest.mark.parametrize("ends", [(0, 5), (2, 4), (3, 3), (4, 1), (-2, 1)])
def test_fori_loop_with_known_ends_and_with_values_is_pythons(ends: tuple[int, int]) -> None:
    x, a = gx.input("x", (), "float64"), gx.input("a", (), "float64")
    low, high = gx.input("low", (), "int32"), gx.input("high", (), "int32")
    step: Any = lambda i, c: c * a + i
    known = gx.fori_loop(*ends, step, x)
    valued = gx.fori_loop(low, high, step, x, bound=9)
    expected, slope = 1.5, 1.0
    for i in range(*ends):
        expected, slope = expected * 2.0 + i, slope * 2.0
    values = {"x": 1.5, "a": 2.0}
    found = gx.evaluate([known, gx.grad(known, x)], values)
    np.testing.assert_array_equal(found, [expected, slope])
    values |= {"low": ends[0], "high": ends[1]}
    made = [valued, gx.grad(valued, x), gx.grad(valued, x, engine="forward")]
    np.testing.assert_array_equal(gx.evaluate(made, values), [expected, slope, slope])


def test_fori_loop_over_a_named_size() -> None:
    x = gx.input("x", ("n",), "float64")
    out = gx.fori_loop(0, x.shape[0], lambda i, c: c + gx.take(x, i) * i, 0.0)
    made = [out, gx.grad(out, x)]
    value, slope = gx.evaluate(made, x=[5.0, 6.0, 7.0])
    assert value == 20.0
    np.testing.assert_array_equal(slope, [0.0, 1.0, 2.0])


def test_saved_loop_comes_back_the_same(tmp_path: Path) -> None:
    wrt, root, steps = newton(7)
    nodes = [root, steps, *gx.grad(root, wrt)]
    gx.save(tmp_path / "graph", nodes)
    assert all(a is b for a, b in zip(gx.load(tmp_path / "graph"), nodes, strict=True))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan_is_that_of_jax(size: int, reverse: bool) -> None:
    values = np.random.default_rng(size).normal(size=(2, size, 2, 2))
    x = gx.input("x", values.shape, "float64")
    made = gx.associative_scan(lambda a, b: a @ b, x, reverse=reverse, axis=1)
    expected = values
    if size:
        expected = jax.lax.associative_scan(lambda a, b: a @ b, values, reverse=reverse, axis=1)
    np.testing.assert_allclose(gx.evaluate(made, x=values), expected, rtol=1e-11, atol=1e-12)


def test_associative_scan_of_a_nest_is_differentiated_by_every_engine() -> None:
    a, b = gx.input("a", (5,), "float64"), gx.input("b", (5,), "float64")

    def combine(left: Any, right: Any) -> Any:
        return left[0] * right[0], left[1] * right[0] + right[1]

    _, states = gx.associative_scan(combine, (a, b))
    looped, _ = gx.scan(lambda c, t: (c * t[0] + t[1], None), 0.0, (a, b))
    rng = np.random.default_rng(3)
    values = {"a": rng.normal(size=5), "b": rng.normal(size=5)}
    np.testing.assert_allclose(*gx.evaluate([states[-1], looped], values), rtol=1e-14)
    assert gx.check(gx.Problem(gx.sum(states * states), values)).agreed


@pytest.mark.parametrize("kind", ["while", "scan", "cond", "root", "checkpoint"])
def test_the_bodies_of_differentiated_loops_are_gone_with_them(kind: str) -> None:
    s = gx.input("s", ())

    def slope(number: float) -> gx.Node:
        made = {
            "while": lambda: gx.while_loop(lambda c: c < number, lambda c: c * s, s, bound=3),
            "scan": lambda: gx.scan(lambda c, _: (gx.sin(c * number), None), s, length=3)[0],
            "cond": lambda: gx.cond(s > 0, lambda a: gx.sin(a * number), gx.exp, s),
            "root": lambda: gx.root(lambda u: u * u - s * number, gx.constant(1.0)),
            "checkpoint": lambda: gx.checkpoint(lambda a: gx.sin(a * number))(s),
        }[kind]()
        return gx.grad(made, s)

    def bodies() -> int:
        gc.collect()
        return sum(isinstance(found, gx.Graph) for found in gc.get_objects())

    slope(1.0)
    before = bodies()
    for number in range(2, 7):
        slope(float(number))
    assert bodies() <= before
