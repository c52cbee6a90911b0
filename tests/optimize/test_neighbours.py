"""One elementwise operation on neighbouring slices of a small array is one operation."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc as gx
from graphc.core.walk import topological_order
from graphc.optimize.family import Context
from graphc.optimize.slices.neighbours import NAME, joined


def count(nodes: Any, name: str) -> int:
    return len([n for n in topological_order(nodes) if n.op.name == name])


def gates(size: int = 8, batch: int = 3) -> tuple[Any, Any]:
    q = gx.input("q", (batch, 4 * size), gx.float64)
    i, f, o, g = (q[:, k * size : (k + 1) * size] for k in range(4))
    return gx.sigmoid(f) * 2.0 + gx.sigmoid(i) * gx.tanh(g) - gx.sigmoid(o), q


def test_three_gates_take_one_sigmoid_and_the_same_bits() -> None:
    y, q = gates()
    context = Context()
    (made,) = joined([y], context)
    assert (count([y], "sigmoid"), count([made], "sigmoid")) == (3, 1)
    assert [c.taken for c in context.choices] == [True]
    given = {"q": np.random.default_rng(0).normal(size=(3, 32))}
    assert np.array_equal(gx.evaluate(made, given), gx.evaluate(y, given))
    exact = np.asarray(gx.evaluate_mpmath(made, given), float)
    np.testing.assert_allclose(gx.evaluate(y, given), exact, rtol=1e-14, atol=1e-16)
    found = gx.evaluate(gx.grad(gx.sum(made**2), q), given)
    wanted = gx.evaluate(gx.grad(gx.sum(y**2), q), given)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)


def test_large_arrays_and_slices_apart_are_left() -> None:
    y, _ = gates(size=1_000)
    assert joined([y], Context())[0] is y
    q = gx.input("q", (20,), gx.float64)
    z = gx.sin(q[:5]) + gx.sin(q[6:11]) + gx.cos(q[5:10]) + gx.sin(q[1:11:2])
    assert joined([z], Context())[0] is z


def test_named_sizes_beside_the_slice_are_left() -> None:
    q = gx.input("q", ("n", 8), gx.float64)
    y = gx.sin(q[:, :4]) + gx.sin(q[:, 4:])
    assert joined([y], Context())[0] is y


def test_bodies_of_loops_are_walked_and_compile_tells() -> None:
    w = gx.input("w", (6, 3), gx.float32)
    x = gx.input("x", (10, 6), gx.float32)

    def body(carry: Any, v: Any) -> Any:
        q = w @ carry + v
        return gx.sigmoid(q[:3]) * carry + gx.sigmoid(q[3:]), None

    last, _ = gx.scan(body, gx.zeros((3,), gx.float32), x)
    compiled = gx.compile(last)
    assert NAME in str(compiled.plan())
    given = {"w": np.ones((6, 3), np.float32), "x": np.ones((10, 6), np.float32)}
    plain = gx.compile(last, optimize=False)
    np.testing.assert_allclose(compiled(given), plain(given), rtol=1e-6)
