from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import graphc as gx
from graphc.core.walk import topological_order
from graphc.ops.flow.join import join_loops

rng = np.random.default_rng(0)
VALUES = {"x": rng.normal(size=(5, 3)), "h": rng.normal(size=3), "w": rng.normal(size=(3, 3)) * 0.3}


def network(reverse: bool = False) -> tuple[gx.Node, list[gx.Node]]:
    x = gx.input("x", (5, 3), "float64")
    h = gx.input("h", (3,), "float64")
    w = gx.input("w", (3, 3), "float64")

    def step(state: gx.Node, row: gx.Node) -> Any:
        state = gx.tanh(gx.exp(w) @ state + row * gx.sigmoid(state))
        return state, {"squares": state * state}

    last, rows = gx.scan(step, h, x, reverse=reverse)
    return gx.sum(rows["squares"] ** 2) + gx.sum(gx.sin(last)), [x, h, w]


def by_hand(reverse: bool = False) -> Any:
    def loss(x: Any, h: Any, w: Any) -> Any:
        def step(state: Any, row: Any) -> Any:
            state = jnp.tanh(jnp.exp(w) @ state + row * jax.nn.sigmoid(state))
            return state, state * state

        last, rows = jax.lax.scan(step, h, x, reverse=reverse)
        return jnp.sum(rows**2) + jnp.sum(jnp.sin(last))

    return loss


def loops(nodes: list[gx.Node]) -> list[gx.Node]:
    return [n for n in topological_order(nodes) if n.op.name == "scan"]


@pytest.mark.parametrize("reverse", [False, True])
def test_value_and_gradients_are_those_of_jax_written_by_hand(reverse: bool) -> None:
    loss, wrt = network(reverse)
    truth = jax.value_and_grad(by_hand(reverse), (0, 1, 2))(*VALUES.values())
    made = gx.value_and_grad(loss, wrt)
    for found in (gx.evaluate(made, VALUES), gx.compile(made)(VALUES)):
        np.testing.assert_allclose(found[0], truth[0], rtol=1e-14)
        for mine, theirs in zip(found[1], truth[1], strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def test_every_engine_differentiates_a_scan() -> None:
    loss, _ = network()
    assert gx.check(gx.Problem(loss, VALUES)).agreed


def test_second_derivatives_in_every_mode_are_those_of_jax() -> None:
    loss, (_, h, w) = network()
    mixed = jax.jacobian(jax.grad(by_hand(), 1), 2)(*VALUES.values())
    hessian = jax.hessian(by_hand(), 1)(*VALUES.values())
    made = [
        gx.hessian(loss, h),
        gx.jacobian(gx.grad(loss, h), w),
        gx.jacobian(gx.grad(loss, h), w, engine="forward"),
    ]
    found = gx.evaluate(made, VALUES)
    np.testing.assert_allclose(found[0], hessian, rtol=1e-11)
    np.testing.assert_allclose(found[1], mixed, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(found[2], mixed, rtol=1e-10, atol=1e-13)


def test_value_residuals_and_tangents_run_in_one_loop() -> None:
    loss, wrt = network()
    ones = [gx.ones_like(w) for w in wrt]
    for made, before, after in (
        ([loss, *gx.grad(loss, wrt)], 3, 2),
        ([loss, gx.jvp(loss, wrt, ones)], 2, 1),
        ([loss, gx.hvp(loss, wrt[2], ones[2])], 6, 2),
    ):
        nodes = [n for part in made for n in (part if isinstance(part, tuple) else [part])]
        assert (len(loops(nodes)), len(loops(join_loops(nodes)))) == (before, after)


def test_loops_over_different_values_stay_apart() -> None:
    x = gx.input("x", (3,), "float64")
    step = lambda c, t: (c * t, c)
    first, _ = gx.scan(step, 1.0, x)
    second, _ = gx.scan(step, 2.0, x)
    third, _ = gx.scan(step, gx.cast(first, "float64"), x)
    assert len(loops(join_loops([first, second, third]))) == 3
    assert gx.evaluate([first, second, third], x=[2.0, 3.0, 4.0]) == [24.0, 48.0, 576.0]


def test_what_a_step_does_not_change_is_computed_once_and_not_stacked() -> None:
    loss, wrt = network()
    forward, back = loops(join_loops([loss, *gx.grad(loss, wrt)]))
    inside = {n.op.name for n in forward.params["graph"].order()}
    assert "exp" not in inside  # exp(w) is an operand
    assert forward.params["carries"] == 1
    stacked = [t.shape for t in forward.type.items[1:]]
    assert (5, 3, 3) not in stacked
    # The adjoint of exp(w) is added up in the carry.
    assert [t.shape for t in back.type.items[: back.params["carries"]]] == [(3,), (3, 3)]


def test_adjoint_of_a_matrix_times_few_rows_is_one_product_behind_the_loop() -> None:
    x = gx.input("x", (4, 2, 3), "float64")
    w, u = gx.input("w", (3, 5), "float64"), gx.input("u", (5, 5), "float64")

    def step(h: gx.Node, row: gx.Node) -> Any:
        h = gx.tanh(row @ w + h @ u)
        return h, h

    _, rows = gx.scan(step, gx.zeros((2, 5), "float64"), x)
    loss = gx.sum(rows**2)
    slopes = gx.grad(loss, [w, u])
    _, back = loops(join_loops([loss, *slopes]))
    shapes = [t.shape for t in getattr(back.type, "items", (back.type,))]
    assert shapes == [(2, 5), (4, 2, 5)]  # the carry's adjoint, and one factor for both products

    def by_jax(w: Any, u: Any, x: Any) -> Any:
        def inner(h: Any, row: Any) -> Any:
            h = jnp.tanh(row @ w + h @ u)
            return h, h

        return jnp.sum(jax.lax.scan(inner, jnp.zeros((2, 5)), x)[1] ** 2)

    values = [rng.normal(size=s) for s in ((3, 5), (5, 5), (4, 2, 3))]
    truth = jax.grad(by_jax, (0, 1))(*values)
    found = gx.evaluate(slopes, dict(zip(("w", "u", "x"), values, strict=True)))
    for mine, theirs in zip(found, truth, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-13)
    second = jax.jacobian(jax.grad(by_jax, 1), 0)(*values)
    made = gx.jacobian(gx.grad(loss, u), w, engine="forward")
    found = gx.evaluate(made, dict(zip(("w", "u", "x"), values, strict=True)))
    np.testing.assert_allclose(found, second, rtol=1e-10, atol=1e-12)


def test_first_carry_may_be_a_plain_number_of_the_dtype_that_the_body_makes() -> None:
    x = gx.input("x", ("n",), "float64")
    total, before = gx.scan(lambda c, t: (c + t * t, c), 0.0, x)
    assert total.dtype is gx.float64
    found = gx.evaluate([total, before, gx.grad(total, x)], x=[1.0, 2.0, 3.0])
    np.testing.assert_array_equal(found[1], [0.0, 1.0, 5.0])
    np.testing.assert_array_equal(found[2], [2.0, 4.0, 6.0])


def test_no_entries_leave_the_carry_and_give_no_rows() -> None:
    x = gx.input("x", ("n", 2), "float64")
    last, rows = gx.scan(lambda c, t: (c + t, c * t), gx.zeros(2, "float64") + 3.0, x)
    made = [last, rows, gx.grad(gx.sum(last) + gx.sum(rows), x)]
    for run in (gx.evaluate, lambda n, v: gx.compile(n)(v)):
        found = run(made, {"x": np.zeros((0, 2))})
        np.testing.assert_array_equal(found[0], [3.0, 3.0])
        assert found[1].shape == found[2].shape == (0, 2)


def test_length_alone_nests_and_none() -> None:
    a = gx.input("a", (), "float64")
    carry = {"value": a, "steps": 0, "nothing": None}

    def step(c: Any, x: None) -> Any:
        assert x is None
        return {"value": c["value"] * a, "steps": c["steps"] + 1, "nothing": None}, None

    last, rows = gx.scan(step, carry, length=4)
    assert rows is None
    assert last["nothing"] is None
    found = gx.evaluate([last["value"], last["steps"], gx.grad(last["value"], a)], a=2.0)
    assert found == [32.0, 4, 80.0]


def test_named_length_is_bound_where_it_runs() -> None:
    x = gx.input("x", ("n",), "float64")
    last, _ = gx.scan(lambda c, _: (c * 2.0, None), gx.sum(x), length=x.shape[0])
    assert gx.evaluate(last, x=[1.0, 1.0, 1.0]) == 24.0
    assert gx.compile(last)(x=np.ones(2)) == 8.0
    assert gx.cost(last).flops != gx.cost(last, {"n": 3}).flops


def test_a_scan_in_a_scan_and_under_a_map() -> None:
    x = gx.input("x", (2, 3), "float64")

    def outer(c: gx.Node, row: gx.Node) -> Any:
        inner, _ = gx.scan(lambda d, t: (gx.sin(d * t) + c, None), c, row)
        return inner, inner

    start = gx.input("s", (), "float64")
    last, rows = gx.scan(outer, start, x)
    twice = gx.map(lambda s: outer(s, x[0])[0], gx.stack([start, last]))
    loss = gx.sum(rows) + gx.sum(twice) * last
    assert gx.check(gx.Problem(loss, {"x": rng.normal(size=(2, 3)), "s": 0.4})).agreed


def test_fifty_digits_go_through_the_loop() -> None:
    a = gx.input("a", (), "float64")
    value, _ = gx.scan(lambda c, _: (c * (1 - c) * a, None), gx.constant(0.25, "float64"), length=6)
    with mpmath.workdps(60):
        truth = mpmath.mpf("0.25")
        for _ in range(6):
            truth = truth * (1 - truth) * mpmath.mpf(3.7)
        assert abs(gx.evaluate_mpmath(value, a=3.7) - truth) < mpmath.mpf(10) ** -48


def test_saved_graph_comes_back_the_same(tmp_path: Path) -> None:
    loss, wrt = network()
    nodes = [loss, *gx.grad(loss, wrt)]
    gx.save(tmp_path / "graph", nodes)
    assert all(a is b for a, b in zip(gx.load(tmp_path / "graph"), nodes, strict=True))


def test_own_derivative_inside_jax_is_that_of_jax() -> None:
    loss, wrt = network()
    step = gx.compile(loss, wrt, derivative="graphc")
    found = jax.grad(step, (0, 1, 2))(*VALUES.values())
    truth = jax.grad(by_hand(), (0, 1, 2))(*VALUES.values())
    for mine, theirs in zip(found, truth, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def test_simplify_drops_rows_and_carries_that_nobody_uses() -> None:
    x = gx.input("x", (4,), "float64")

    def step(c: Any, t: gx.Node) -> Any:
        used, unused = c
        return (used + t, unused * gx.exp(t)), (gx.cos(t) * 1.0, used)

    (last, _), _ = gx.scan(step, (0.0, 1.0), x)
    made = gx.simplify(last)
    assert {"exp", "cos"} & {n.op.name for n in loops([made])[0].params["graph"].order()} == set()
    assert gx.evaluate(made, x=np.arange(4.0)) == 6.0


def test_cost_counts_a_step_as_often_as_it_is_taken() -> None:
    x = gx.input("x", (7, 2), "float64")
    last, _ = gx.scan(lambda c, t: (c + t, None), gx.zeros(2, "float64"), x)
    assert gx.cost(last).flops == 14
    assert gx.cost(last).depth == 8


def test_debug_says_in_which_step_a_value_goes_bad() -> None:
    x = gx.input("x", (4,), "float64")
    last, _ = gx.scan(lambda c, t: (c + gx.log(t), None), 0.0, x)
    text = str(gx.debug(last, x=[1.0, 2.0, -1.0, 3.0]))
    assert "in step 2 of loop 'scan'" in text


def test_kinks_are_found_in_every_step() -> None:
    x = gx.input("x", (3,), "float64")
    last, _ = gx.scan(lambda c, t: (c + gx.abs(t), None), 0.0, x)
    (found,) = gx.kinks(last, x=[0.0, 1.0, 0.0]).kinks
    assert (found.op, found.count, found.runs) == ("abs", 2, 3)


def test_picture_shows_the_body_once_with_its_steps() -> None:
    loss, _ = network()
    text = gx.draw(loss).dot
    assert "5 steps" in text
    assert "×5" in text
