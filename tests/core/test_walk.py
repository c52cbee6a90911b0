"""Depth is no limit: long chains and deep sharing through every walk there is."""

from __future__ import annotations

import copy
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.node import intern_table_size
from graphc.core.walk import fold, orders_shared, rebuild, topological_order, users


def chain(length: int) -> tuple[gx.Node, gx.Node]:
    """Returns an input and a chain of that many nodes above it."""
    x = node = gx.input("x", (), "float64")
    half = gx.constant(0.5, "float64")
    for i in range(length // 2):
        node = gx.sin(node) if i % 2 else gx.cos(node)
        node = node * half
    return x, node


@pytest.mark.parametrize("length", [200_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_long_chain_is_built_walked_read_evaluated_and_forgotten(length: int) -> None:
    gc.collect()
    before = intern_table_size()
    limit = sys.getrecursionlimit()
    _, node = chain(length)
    assert intern_table_size() >= before + length - 2  # x and 0.5 may be there already
    assert len(repr(node)) < 500
    assert copy.copy(node) is copy.deepcopy(node) is node
    assert len(topological_order([node])) >= length
    value = 0.3
    for i in range(length // 2):
        value = (np.sin(value) if i % 2 else np.cos(value)) * 0.5
    assert abs(gx.evaluate(node, x=0.3) - value) <= 1e-15
    del node, _
    gc.collect()
    assert intern_table_size() <= before + 1
    assert sys.getrecursionlimit() == limit


def test_long_chain_is_differentiated_and_evaluated_by_mpmath() -> None:
    x, node = chain(20_000)
    gradient = gx.grad(node, x)
    forward = gx.grad(node, x, engine="forward")
    by_reverse, by_forward = gx.evaluate([gradient, forward], x=0.3)
    assert by_reverse == pytest.approx(by_forward, rel=1e-12, abs=1e-300)
    exact = gx.evaluate_mpmath(node, x=0.3, digits=30)
    assert abs(float(exact) - float(gx.evaluate(node, x=0.3))) <= 1e-15
    del node, gradient, forward


def test_sharing_of_depth_10000_costs_10000_steps() -> None:
    x = node = gx.input("x", (), "float64")
    for _ in range(10_000):
        node = (node + node) * 0.5
    gradient = gx.grad(node, x)
    assert gx.evaluate([node, gradient], x=1.25) == [1.25, 1.0]
    assert float(gx.evaluate_mpmath(node, x=1.25)) == 1.25


def test_order_puts_operands_first_and_left_to_right() -> None:
    x, y = gx.input("x"), gx.input("y")
    a, b = gx.sin(y), gx.cos(x)
    order = topological_order([b * a])
    assert [n.op.name for n in order] == ["input", "cos", "input", "sin", "mul"]
    assert [n.name for n in order if n.name] == ["x", "y"]
    used = users(order)
    assert [u.op.name for u in used[a]] == ["mul"]


def test_fold_and_rebuild_are_what_recursion_would_give() -> None:
    x, y = gx.input("x"), gx.input("y")
    node = gx.sin(x) * y + gx.sin(x)
    (depth,) = fold([node], lambda n, below: 1 + max(below, default=0))
    assert depth == 4
    (swapped,) = rebuild([node], {x: y, y: x})
    assert swapped is gx.sin(y) * x + gx.sin(y)
    (same,) = rebuild([node], {})
    assert same is node


def test_parts_of_a_pass_share_the_walk_of_a_long_graph_and_of_no_other() -> None:
    _, node = chain(3000)
    other = gx.tanh(node)
    alone = topological_order([node])
    with orders_shared():
        first = topological_order([node])
        assert first == alone and topological_order([node]) is first
        with orders_shared():
            assert topological_order([node]) is first
            assert len(topological_order([other])) == len(first) + 1
            short = topological_order([node.args[1]])
            assert topological_order([node.args[1]]) is not short
        assert topological_order([other, node])[:-1] == first
    assert topological_order([node]) is not first


def calls(work: Callable[[], object]) -> int:
    """How many functions of Python are called."""
    count = 0

    def tell(frame: object, event: str, value: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def calls_of_all_work(length: int, path: Path) -> list[int]:
    """How many functions each part of the work on a chain calls."""
    held: list[Any] = []
    return [
        calls(lambda: held.extend(chain(length))),
        calls(lambda: held.append(gx.grad(held[1], held[0]))),
        calls(lambda: held.append(gx.simplify(held[2]))),
        calls(lambda: gx.optimize(held[2])),
        calls(lambda: gx.save(path, held[2])),
        calls(lambda: gx.load(path)),
    ]


def test_work_grows_with_the_graph_and_no_faster(tmp_path: Path) -> None:
    calls_of_all_work(100, tmp_path / "first.json")  # loads what is loaded when it is first used
    few, many = (calls_of_all_work(n, tmp_path / f"{n}.json") for n in (1000, 4000))
    for before, after in zip(few, many, strict=True):
        assert after < 4.4 * before
        assert after < 100 * 4000
