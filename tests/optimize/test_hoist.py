"""Hoisting out of scans: the same numbers, taken where it pays and left where it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.walk import topological_order


def body_of(node: gx.Node) -> list[str]:
    """Returns the names of the ops in the one scan of a graph."""
    (scan,) = [n for n in topological_order([node]) if n.op.name == "scan"]
    return [n.op.name for n in scan.params["graph"].order()]


def values(rng: np.random.Generator, *nodes: gx.Node) -> dict[str, Any]:
    return {n.params["name"]: rng.normal(size=n.shape) / 4 for n in nodes}


def same(node: gx.Node, given: dict[str, Any], scale: float = 1.0) -> gx.Node:
    """Holds the rewritten graph against the one as written, both by NumPy in float64."""
    better = gx.optimize(node)
    left, right = gx.evaluate(better, given), gx.evaluate(node, given)
    np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-12 * scale)
    return better


def least_squares(rows: int, columns: int, steps: int) -> tuple[gx.Node, list[gx.Node]]:
    x = gx.input("x", (rows, columns), gx.float64)
    y = gx.input("y", (rows,), gx.float64)
    w = gx.input("w", (columns,), gx.float64)
    found, _ = gx.scan(lambda v, _: (v - 1e-3 * (x.T @ (x @ v - y)), None), w, length=steps)
    return found, [x, y, w]


def test_one_product_serves_a_hundred_steps_of_least_squares(rng: np.random.Generator) -> None:
    node, given = least_squares(400, 6, 100)
    assert body_of(node).count("matmul") == 2
    better = same(node, values(rng, *given))
    assert body_of(better).count("matmul") == 1
    assert any(choice.taken and "once" in choice.after for choice in gx.plan(node).choices)


def test_one_step_and_square_data_keep_their_two_products() -> None:
    # One product of matrices costs more than what one step, or a few of square data, can save.
    for rows, columns, steps in ((400, 300, 2), (60, 60, 3)):
        node, _ = least_squares(rows, columns, steps)
        assert body_of(gx.optimize(node)).count("matmul") == 2
        assert not [c for c in gx.plan(node).choices if c.taken and "product" in c.before]


def test_the_gradient_of_a_loss_is_seen_through(rng: np.random.Generator) -> None:
    x = gx.input("x", (300, 4), gx.float64)
    y = gx.input("y", (300,), gx.float64)
    w = gx.input("w", (4,), gx.float64)

    def step(v: gx.Node, _: Any) -> tuple[gx.Node, None]:
        return v - 1e-2 * gx.grad(gx.mean(gx.square(x @ v - y)) / 2, v), None

    node, _ = gx.scan(step, w, length=200)
    assert body_of(same(node, values(rng, x, y, w))).count("matmul") == 1


@pytest.mark.parametrize("side", ["left", "right"])
def test_matrices_on_either_side(side: str, rng: np.random.Generator) -> None:
    a, b = gx.input("a", (5, 200), gx.float64), gx.input("b", (200, 5), gx.float64)
    w = gx.input("w", (5, 3) if side == "left" else (3, 5), gx.float64)

    def step(v: gx.Node, _: Any) -> tuple[gx.Node, None]:
        return 0.1 * (a @ (b @ v) if side == "left" else (v @ a) @ b) - v / 2, None

    node, _ = gx.scan(step, w, length=50)
    assert body_of(same(node, values(rng, a, b, w))).count("matmul") == 1


def test_a_residual_that_is_read_elsewhere_stays(rng: np.random.Generator) -> None:
    x = gx.input("x", (400, 6), gx.float64)
    w = gx.input("w", (6,), gx.float64)

    def step(v: gx.Node, _: Any) -> tuple[gx.Node, gx.Node]:
        residual = x @ v
        return v - 1e-3 * (x.T @ residual), gx.sum(residual * residual)

    last, losses = gx.scan(step, w, length=100)
    same(last + losses[0], values(rng, x, w))
    assert body_of(gx.optimize(losses)).count("matmul") == 2


def test_gradients_of_what_was_rewritten_are_those_of_what_was_written(
    rng: np.random.Generator,
) -> None:
    node, given_nodes = least_squares(100, 4, 30)
    given = values(rng, *given_nodes)
    better = gx.optimize(gx.sum(node * node))
    assert body_of(better).count("matmul") == 1
    plain = gx.grad(gx.sum(node * node), given_nodes)
    for left, right in zip(gx.grad(better, given_nodes), plain, strict=True):
        expected = gx.evaluate(right, given)
        np.testing.assert_allclose(gx.evaluate(left, given), expected, rtol=1e-10, atol=1e-13)
        same(right, given)


def test_steps_of_a_named_number_and_carries_of_several_kinds(rng: np.random.Generator) -> None:
    x = gx.input("x", ("n", 3), gx.float64)
    scale = gx.input("s", (), gx.float64)

    def step(carry: Any, row: gx.Node) -> tuple[Any, gx.Node]:
        total, count = carry
        return (total + gx.exp(scale) * row, count + 1), row * gx.exp(scale)

    (total, count), rows = gx.scan(step, (gx.zeros((3,), gx.float64), 0), x)
    given = {"x": rng.normal(size=(7, 3)), "s": 0.3}
    for node in (total, count, rows):
        better = gx.optimize(node, sizes={"n": 7})
        np.testing.assert_allclose(gx.evaluate(better, given), gx.evaluate(node, given), rtol=1e-14)
    assert "exp" not in body_of(gx.optimize(rows, sizes={"n": 7}))


def test_a_family_can_be_left_out_and_asked_for() -> None:
    node, _ = least_squares(60, 60, 3)
    assert gx.optimize(node, rewrites=False) is node
    assert body_of(gx.optimize(node, rewrites="hoist")).count("matmul") == 1
    with pytest.raises(gx.ArgumentError, match="no family of rewrites 'hoisting'"):
        gx.optimize(node, rewrites="hoisting")
    with pytest.raises(gx.ArgumentError, match="memory='much'"):
        gx.optimize(node, memory="much")  # pyright: ignore[reportArgumentType]
