"""What no later step of a scan needs is computed after it, for all steps at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.tree import flatten
from graphc.core.walk import topological_order
from graphc.optimize.family import Context
from graphc.optimize.loops.after_loop import NAME, after_loops


def recurrent(steps: Any = 50, units: int = 6, reverse: bool = False) -> tuple[Any, dict[str, Any]]:
    """Returns the results of a loop with an output layer, and its inputs."""
    nodes = {
        "w": gx.input("w", (units, units), gx.float64),
        "v": gx.input("v", (3, units), gx.float64),
        "h": gx.input("h", (units,), gx.float64),
        "x": gx.input("x", (steps, units), gx.float64),
    }

    def body(carry: Any, x: Any) -> Any:
        new = gx.tanh(nodes["w"] @ carry + x)
        return new, gx.softmax(nodes["v"] @ (new * carry)) * gx.sum(x)

    return gx.scan(body, nodes["h"], nodes["x"], reverse=reverse), nodes


def values(steps: int = 50, units: int = 6) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    shapes = {"w": (units, units), "v": (3, units), "h": (units,), "x": (steps, units)}
    return {name: generator.normal(size=s) * 0.5 for name, s in shapes.items()}


def loops(nodes: Any) -> list[Any]:
    return [n for n in topological_order(nodes) if n.op.name == "scan"]


def names_in(loop: Any) -> set[str]:
    return {n.op.name for n in topological_order(loop.params["graph"].outputs)}


@pytest.mark.parametrize("reverse", [False, True])
def test_an_output_layer_is_applied_to_all_states_at_once(reverse: bool) -> None:
    (last, outs), _ = recurrent(reverse=reverse)
    context = Context()
    made = after_loops([last, outs], context)
    assert [c.taken for c in context.choices] == [True]
    (loop,) = loops(made)
    assert "softmax" not in names_in(loop)
    wanted = gx.evaluate([last, outs], values())
    for one, other in zip(gx.evaluate(made, values()), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14, atol=1e-16)


def test_slopes_and_sums_of_the_backward_pass_are_taken_out() -> None:
    (last, outs), nodes = recurrent()
    loss = gx.sum(outs * outs) + gx.sum(last)
    gradients = flatten(gx.grad(loss, nodes))[0]
    context = Context()
    made = after_loops(gradients, context)
    assert len(context.choices) == 2
    forward, back = loops(made)
    assert not names_in(forward) & {"softmax", "sech_squared"}
    before = loops(gradients)
    assert back.params["carries"] < before[-1].params["carries"]
    wanted = gx.evaluate(gradients, values())
    for one, other in zip(gx.evaluate(made, values()), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_it_equals_50_digits_within_rounding() -> None:
    (last, outs), _ = recurrent(4, 2)
    given = values(4, 2)
    made = after_loops([last, outs], Context(forced=frozenset({NAME})))
    exact = gx.evaluate_mpmath([last, outs], given)
    for one, other in zip(gx.evaluate(made, given), exact, strict=True):
        np.testing.assert_allclose(one, np.asarray(other, float), rtol=1e-14)


def test_a_loop_whose_results_are_its_carries_is_left() -> None:
    x = gx.input("x", (50, 4), gx.float64)
    _, outs = gx.scan(lambda c, v: (c + v, c + v), gx.zeros((4,), gx.float64), x)
    assert after_loops([outs], Context())[0] is outs
    last, _ = gx.scan(lambda c, v: (gx.sin(c) * v, None), gx.zeros((4,), gx.float64), x)
    assert after_loops([last], Context())[0] is last


def test_large_values_are_not_stacked_to_save_small_ones() -> None:
    h = gx.input("h", (400, 400), gx.float64)

    def body(carry: Any, _: Any) -> Any:
        new = gx.sin(carry)
        return new, gx.sum(new * carry)

    _, outs = gx.scan(body, h, length=1_000)
    assert after_loops([outs], Context())[0] is outs


def test_gradients_through_what_was_taken_out_are_the_same() -> None:
    (last, outs), nodes = recurrent(8, 3)
    made = after_loops([last, outs], Context(forced=frozenset({NAME})))
    wrt = list(nodes.values())
    found = gx.grad(gx.sum(made[1] ** 2) + gx.sum(made[0]), wrt)
    wanted = gx.grad(gx.sum(outs**2) + gx.sum(last), wrt)
    given = values(8, 3)
    for one, other in zip(gx.evaluate(found, given), gx.evaluate(wanted, given), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_named_lengths_are_weighed_by_their_numbers() -> None:
    (last, outs), _ = recurrent(gx.dim("t"))
    made = after_loops([last, outs], Context(sizes={"t": 50}))
    assert made[1] is not outs
    np.testing.assert_allclose(
        gx.evaluate(made[1], values()), gx.evaluate(outs, values()), rtol=1e-14
    )


def test_compile_does_it_and_can_be_told_not_to() -> None:
    x = gx.input("x", (64, 5), gx.float32)
    w = gx.input("w", (5, 5), gx.float32)

    def body(carry: Any, v: Any) -> Any:
        new = gx.tanh(w @ carry + v)
        return new, gx.sigmoid(gx.exp(-new) + v)

    _, outs = gx.scan(body, gx.zeros((5,), gx.float32), x)
    given = {"x": np.ones((64, 5), np.float32) * 0.1, "w": np.eye(5, dtype=np.float32) * 0.3}
    compiled = gx.compile(outs)
    assert NAME in str(compiled.plan())
    plain = gx.compile(outs, optimize=False)
    np.testing.assert_allclose(compiled(given), plain(given), rtol=1e-6)
