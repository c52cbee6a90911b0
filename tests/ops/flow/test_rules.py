from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import mpmath
import numpy as np
import pytest

import graphc as gx

ENGINES = ("reverse", "forward", "symbolic")
x, a = gx.input("x", (), "float64"), gx.input("a", (), "float64")
AT = {"x": 0.3, "a": 2.0}

# -- checkpoint ---------------------------------------------------------------------------------


def chain(recomputing: bool) -> tuple[gx.Node, list[gx.Node]]:
    h = gx.input("h", (256, 256))
    ws = [gx.input(f"w{i}", (256, 256)) for i in range(4)]

    def part(h: gx.Node, w: gx.Node) -> gx.Node:
        for _ in range(4):
            h = gx.sin(h @ w)
        return h

    layer = gx.checkpoint(part) if recomputing else part
    for w in ws:
        h = layer(h, w)
    return gx.sum(h), ws


def test_checkpoint_changes_neither_value_nor_derivatives() -> None:
    plain = lambda u: gx.sin(gx.exp(u) * a)
    made = gx.checkpoint(plain)
    out, same = made(x) + made(x * 2.0), plain(x) + plain(x * 2.0)
    for engine in (*ENGINES, "jax"):
        pair = [gx.grad(out, [x, a], engine=engine), gx.grad(same, [x, a], engine=engine)]
        mine, theirs = gx.compile(pair)(AT)
        np.testing.assert_allclose(mine, theirs, rtol=1e-13)
    second = gx.evaluate([gx.hessian(out, x), gx.hessian(same, x)], AT)
    np.testing.assert_allclose(*second, rtol=1e-13)
    assert gx.check(gx.Problem(out, AT)).agreed


def test_checkpoint_lowers_the_memory_of_a_gradient() -> None:
    plain, recomputing = [
        gx.compile(gx.value_and_grad(*chain(c))).memory()["temp"] for c in (False, True)
    ]
    assert recomputing < 0.5 * plain


def test_checkpoint_in_a_scan_keeps_its_operands_alone() -> None:
    def layers(recomputing: bool) -> int:
        h, w = gx.input("h", (64, 64)), gx.input("w", (64, 64))

        def part(h: gx.Node) -> gx.Node:
            for _ in range(6):
                h = gx.sin(h @ w)
            return h

        layer = gx.checkpoint(part) if recomputing else part
        last, _ = gx.scan(lambda h, _: (layer(h), None), h, length=16)
        return gx.compile(gx.value_and_grad(gx.sum(last), w)).memory()["temp"]

    assert layers(True) < 0.3 * layers(False)


# -- custom_rule --------------------------------------------------------------------------------


def softplus(**rules: Any) -> Any:
    return gx.custom_rule(lambda u: gx.log1p(gx.exp(u)), **rules)


def back(adjoint: gx.Node, result: gx.Node, u: gx.Node) -> gx.Node:
    return adjoint * gx.sigmoid(u)


def forward(tangents: Any, result: gx.Node, u: gx.Node) -> gx.Node:
    return tangents[0] * gx.sigmoid(u)


@pytest.mark.parametrize("rules", [{"vjp": back}, {"jvp": forward}, {"vjp": back, "jvp": forward}])
def test_one_rule_serves_both_directions_and_every_order(rules: Any) -> None:
    out = softplus(**rules)(x * a) * 2.0
    same = gx.softplus(x * a) * 2.0
    made, truth = [
        [
            *[g for e in ENGINES for g in gx.grad(node, [x, a], engine=e)],
            gx.hessian(node, x),
            gx.grad(gx.hessian(node, x), x),
            gx.grad(gx.hessian(node, x), x, engine="forward"),
        ]
        for node in (out, same)
    ]
    np.testing.assert_allclose(gx.evaluate(made, AT), gx.evaluate(truth, AT), rtol=1e-13)
    np.testing.assert_allclose(gx.compile(made)(AT), gx.evaluate(truth, AT), rtol=1e-12)
    assert gx.check(gx.Problem(out, AT)).agreed


def test_the_rule_and_not_the_function_is_what_engines_take() -> None:
    rounded = gx.custom_rule(gx.round, vjp=lambda adjoint, result, u: adjoint)
    out = rounded(x * 3.0) ** 2
    slopes = [gx.grad(out, x, engine=e) for e in ENGINES]
    # 2 * round(0.9) * 3, straight through.
    np.testing.assert_array_equal(gx.evaluate([out, *slopes], x=0.3), [1.0, 6.0, 6.0, 6.0])


def test_wrong_rule_is_found() -> None:
    out = gx.custom_rule(gx.sin, vjp=lambda adjoint, result, u: adjoint * gx.sin(u))(x)
    assert not gx.check(gx.Problem(out, {"x": 0.3})).agreed


def test_rule_may_use_the_result_and_is_differentiated_in_its_turn() -> None:
    out = gx.custom_rule(gx.exp, vjp=lambda adjoint, result, u: adjoint * result)(x)
    third = gx.grad(gx.hessian(out, x), x)
    np.testing.assert_allclose(gx.evaluate(third, x=0.3), np.exp(0.3), rtol=1e-15)


def test_rule_that_calls_its_own_function_comes_to_an_end() -> None:
    made: Any = gx.custom_rule(gx.exp, vjp=lambda adjoint, result, u: adjoint * made(u))
    second = gx.hessian(made(x), x)
    np.testing.assert_allclose(gx.evaluate(second, x=0.3), np.exp(0.3), rtol=1e-15)


def test_nests_integers_and_zeros_in_rules() -> None:
    i = gx.input("i", (), "int32")

    def power(values: Any, n: gx.Node) -> Any:
        return {"value": values[0] * n + values[1], "double": n * 2}

    def rule(adjoint: Any, result: Any, values: Any, n: gx.Node) -> Any:
        assert adjoint["double"] is None
        return [adjoint["value"] * n, None], None

    out = gx.custom_rule(power, vjp=rule)([x, a], i)
    loss = out["value"] * 2.0
    found = gx.evaluate([loss, out["double"], *gx.grad(loss, [x, a])], {**AT, "i": 3})
    np.testing.assert_allclose(found, [5.8, 6, 6.0, 0.0])
    tangent = gx.evaluate(gx.grad(loss, x, engine="forward"), {**AT, "i": 3})
    assert tangent == 6.0


def test_rule_works_within_blocks_loops_and_maps() -> None:
    made = softplus(vjp=back)
    values = gx.input("v", (3,), "float64")
    mapped = gx.sum(gx.map(made, values))
    looped, _ = gx.scan(lambda c, t: (made(c) * t, None), x, values)
    blocked = gx.block(lambda u: made(u) * u)(x)
    same_loop, _ = gx.scan(lambda c, t: (gx.softplus(c) * t, None), x, values)
    at = {"x": 0.3, "v": [0.1, -0.5, 2.0]}
    spread = 0.0 * x * gx.sum(values)
    pairs = [
        (gx.grad(mapped, values), gx.sigmoid(values)),
        (gx.grad(looped, x), gx.grad(same_loop, x)),
        (gx.grad(blocked, x), gx.grad(gx.softplus(x) * x, x)),
    ]
    for mine, theirs in pairs:
        np.testing.assert_allclose(*gx.evaluate([mine + spread, theirs + spread], at), rtol=1e-13)


def test_saved_rule_comes_back_the_same(tmp_path: Path) -> None:
    nodes = [softplus(vjp=back)(x), gx.checkpoint(gx.sin)(x)]
    gx.save(tmp_path / "graph", nodes)
    assert all(a is b for a, b in zip(gx.load(tmp_path / "graph"), nodes, strict=True))


# -- root and fixed_point -----------------------------------------------------------------------


def cubic(guess: Any = 2.0) -> gx.Node:
    return gx.root(lambda u: u * u * u - a * u - x, gx.cast(gx.constant(guess), "float64"))


def test_root_has_the_derivatives_of_its_equation_to_any_order() -> None:
    out = cubic()
    u = float(gx.evaluate(out, AT))
    slope = 3 * u * u - 2.0
    first = [1 / slope, u / slope]
    second = (first[1] * slope - u * (6 * u * first[1] - 1)) / slope**2
    for engine in (*ENGINES, "jax"):
        found = gx.compile(gx.grad(out, [x, a], engine=engine))(AT)
        np.testing.assert_allclose(found, first, rtol=1e-12)
    hessian = gx.hessian(out, a)
    np.testing.assert_allclose(gx.evaluate(hessian, AT), second, rtol=1e-12)
    np.testing.assert_allclose(gx.compile(hessian)(AT), second, rtol=1e-12)


def test_engines_agree_about_a_root_and_a_fixed_point() -> None:
    assert gx.check(gx.Problem(cubic(), AT)).agreed
    settled = gx.fixed_point(lambda u: gx.tanh(x * u + a), gx.constant(0.0, "float64"))
    assert gx.check(gx.Problem(settled**2, AT)).agreed


def test_fixed_point_of_several_unknowns_has_the_slopes_of_its_equation() -> None:
    m, b = gx.input("m", (2, 2), "float64"), gx.input("b", (2,), "float64")
    settled = gx.fixed_point(lambda u: gx.tanh(m @ u + b), gx.zeros(2, "float64"))
    values = {"m": np.array([[0.3, -0.2], [0.1, 0.4]]), "b": np.array([0.2, -0.1])}
    u, found = gx.evaluate([settled, gx.jacobian(settled, b)], values)
    np.testing.assert_allclose(u, np.tanh(values["m"] @ u + values["b"]), rtol=1e-15)
    bend = np.diag(1 - u * u)
    np.testing.assert_allclose(found, np.linalg.solve(np.eye(2) - bend @ values["m"], bend))


def test_root_does_not_depend_on_its_guess() -> None:
    guess = gx.input("g", (), "float64")
    out = gx.root(lambda u: u * u - a, guess)
    found = gx.evaluate([out, *gx.grad(out, [guess, a])], g=1.0, a=2.0)
    np.testing.assert_allclose(found, [np.sqrt(2), 0.0, 0.5 / np.sqrt(2)], rtol=1e-15)


def test_root_is_found_to_the_digits_asked_for() -> None:
    out = gx.root(lambda u: u * u - a, gx.constant(1.0, "float64"))
    with mpmath.workdps(60):
        value, slope = gx.evaluate_mpmath([out, gx.grad(out, a)], a=2.0)
        assert abs(value - mpmath.sqrt(2)) < mpmath.mpf(10) ** -48
        assert abs(slope - 1 / (2 * mpmath.sqrt(2))) < mpmath.mpf(10) ** -48


def test_root_that_is_not_there_is_nan() -> None:
    out = gx.root(lambda u: u * u + a, gx.constant(1.0, "float64"))
    made = [out, gx.grad(out, a)]
    assert np.isnan(gx.evaluate(made, a=2.0)).all()
    assert np.isnan(gx.compile(made)(a=2.0)).all()
    slow = gx.fixed_point(lambda u: 0.99 * u + a, gx.constant(0.0, "float64"), max_steps=5)
    assert np.isnan(gx.evaluate(slow, a=2.0))


def test_several_unknowns_in_a_nest() -> None:
    def equation(u: Any, scale: gx.Node) -> Any:
        return [u["p"] + gx.sum(u["q"]) - scale, u["q"] * 2.0 - u["p"]]

    guess = {"p": gx.constant(0.0, "float64"), "q": np.zeros(2)}
    found = gx.root(equation, guess, a)
    # p + 2 q = a, q = p / 2.
    values = gx.evaluate([found["p"], found["q"], gx.grad(found["p"], a)], a=3.0)
    np.testing.assert_allclose(values[0], 1.5)
    np.testing.assert_allclose(values[1], [0.75, 0.75])
    np.testing.assert_allclose(values[2], 0.5)


def test_own_solver_and_damping() -> None:
    def bisect(g: Any, start: gx.Node) -> gx.Node:
        def halve(_: Any, ends: Any) -> Any:
            low, high = ends
            middle = (low + high) * 0.5
            left = gx.sum(g(middle)) > 0
            return gx.where(left, low, middle), gx.where(left, middle, high)

        return gx.fori_loop(0, 60, halve, (start, start + 4.0))[0]

    out = gx.root(lambda u: u * u - a, gx.constant(0.0, "float64"), solve=bisect)
    np.testing.assert_allclose(
        gx.evaluate([out, gx.grad(out, a)], a=2.0), [np.sqrt(2), 0.5 / np.sqrt(2)], rtol=1e-14
    )
    # u = 2.5 cos u swings about its fixed point; with damping it settles.
    plain, damped = [
        gx.fixed_point(lambda u: gx.cos(u) * a, gx.constant(1.0, "float64"), damping=d)
        for d in (0.0, 0.6)
    ]
    first, second = gx.evaluate([plain, damped], a=2.5)
    assert np.isnan(first)
    np.testing.assert_allclose(second, 2.5 * np.cos(second), rtol=1e-14)


def test_root_inside_jax_has_the_derivative_of_its_equation() -> None:
    step = gx.compile(cubic(), [x, a])
    found = jax.grad(step, (0, 1))(0.3, 2.0)
    truth = gx.evaluate(gx.grad(cubic(), [x, a]), AT)
    np.testing.assert_allclose(found, truth, rtol=1e-12)
