"""Depth is no limit: long chains and deep sharing through every walk there is."""

from __future__ import annotations

import copy
import gc
import sys

import numpy as np
import pytest

import graphc as gx
from graphc.core.node import intern_table_size
from graphc.core.walk import fold, rebuild, topological_order, users


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
