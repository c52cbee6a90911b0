"""cost: counts, flops, bytes, depth and tree sizes against numbers worked out by hand."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import graphc as gx
from graphc.core.graph import Graph, trace
from graphc.core.node import make
from graphc.core.walk import topological_order
from graphc.measure.cost import cost
from graphc.measure.size import EXACT_BITS, log2, show
from graphc.ops.control import call


def tree_by_recursion(node: gx.Node) -> int:
    return 1 + sum(tree_by_recursion(a) for a in node.args)


def test_a_small_circuit_has_the_counts_of_its_drawing() -> None:
    x, y, z = gx.input("x"), gx.input("y"), gx.input("z")
    found = cost((x + y) * z)
    assert (found.nodes, found.edges, found.tree_size, found.depth) == (5, 4, 5, 2)
    assert found.flops == 2 and found.bytes == 2 * 3 * 4
    assert found.counts == {"add": 1, "input": 3, "mul": 1}
    assert str(found) == "5 nodes, 4 edges, tree 5, depth 2, 2 flops, 24 bytes"


def test_tree_size_equals_the_recursive_count() -> None:
    x = gx.input("x", (3,))
    node = gx.grad(gx.sum(gx.sin(x) * gx.exp(x) / (x + gx.tanh(x))), x)
    assert cost(node).tree_size == tree_by_recursion(node)
    assert cost([node, node]).tree_size == 2 * cost(node).tree_size


def test_sharing_makes_the_tree_exponential_and_exact() -> None:
    node = gx.input("x")
    for _ in range(10_000):
        node = node + node
    found = cost(node)
    assert found.tree_size == 2**10_001 - 1
    assert found.nodes == 10_001
    assert found.swell == pytest.approx(10_001 - log2(10_001))


def test_past_twenty_thousand_bits_the_tree_size_is_a_logarithm() -> None:
    node = gx.input("x")
    for _ in range(EXACT_BITS + 5_000):
        node = node + node
    found = cost(node)
    assert isinstance(found.tree_size, float)
    assert found.tree_size == pytest.approx(EXACT_BITS + 5_001, abs=1e-6)
    assert show(found.tree_size) == "2**25001.0"


def test_a_long_chain_is_measured_without_recursion() -> None:
    node = gx.input("x")
    for _ in range(50_000):
        node = gx.sin(node)
    start = time.perf_counter()
    found = cost(node)
    assert found.depth == 50_000 and found.tree_size == 50_001
    assert time.perf_counter() - start < 20


def test_flops_and_bytes_of_a_matmul_in_named_sizes_are_formulas() -> None:
    x, w = gx.input("x", ("batch", 64), "float64"), gx.param("w", (64, 32), "float64")
    found = cost(x @ w)
    batch = gx.dim("batch")
    assert found.flops == batch * (2 * 32 * 64)
    assert found.bytes == 8 * (batch * 64 + 64 * 32 + batch * 32)
    assert "(4096*batch) flops" in str(found)
    numbers = cost(x @ w, {"batch": 10})
    assert (numbers.flops, numbers.bytes) == (40_960, 8 * (640 + 2048 + 320))
    with pytest.raises(gx.DimError):
        cost(x @ w, {"time": 3})


def test_a_block_counts_once_in_nodes_and_as_often_as_called_in_flops() -> None:
    @gx.block
    def layer(x: gx.Node) -> gx.Node:
        return gx.sin(x) * x

    x = gx.input("x")
    once, thrice = cost(layer(x)), cost(layer(layer(layer(x))))
    assert thrice.nodes == once.nodes + 2
    assert thrice.flops == 3 * once.flops == 3 * 16
    assert thrice.bytes == 3 * once.bytes
    assert thrice.depth == 3 * once.depth == 6


def test_tree_size_of_blocks_is_that_of_the_same_expression_inline() -> None:
    def plain(x: gx.Node, y: gx.Node) -> list[gx.Node]:
        s = gx.sin(x) + y
        return [s * s, s / x]

    blocked = gx.block(plain)
    x, y = gx.input("x"), gx.input("y")
    a, b, c, d = x, y, x, y
    for _ in range(4):
        a, b = blocked(a, b)
        c, d = plain(c, d)
    assert cost(a).tree_size == tree_by_recursion(c)
    assert cost([a, b]).tree_size == tree_by_recursion(c) + tree_by_recursion(d)


def _block(function: Callable[[gx.Node], gx.Node]) -> Graph:
    return trace(function, [gx.input("x").type], ["x"], "block")[0]


def test_tree_size_of_nested_blocks_doubles_a_hundred_times_without_hanging() -> None:
    graph = _block(lambda x: x + x)
    for _ in range(60):
        graph = _block(
            lambda x, g=graph: make(call, (make(call, (x,), {"graph": g}),), {"graph": g})
        )
    node = make(call, (gx.input("x"),), {"graph": graph})
    found = cost(node)
    assert found.tree_size == pytest.approx(2**60 + 1)  # 2**60 doublings: a logarithm
    assert found.flops == 2**60
    assert found.depth == 2**60


def test_a_map_runs_its_block_for_every_entry() -> None:
    x = gx.input("x", ("n",))
    found = cost(gx.map(lambda u: gx.sin(u) * u, x))
    assert found.flops == gx.dim("n") * 16
    assert cost(gx.map(lambda u: gx.sin(u) * u, x), {"n": 5}).flops == 80


def test_edges_are_the_operands() -> None:
    x = gx.input("x", (3,))
    loss = gx.sum(gx.softmax(x) * x)
    order = topological_order([loss])
    assert cost(loss).edges == sum(len(n.args) for n in order)
    assert cost(loss).nodes == len(order) == sum(cost(loss).counts.values())


def test_something_that_is_no_node_is_refused() -> None:
    with pytest.raises(gx.ArgumentError, match=r"test_cost\.py:\d+"):
        cost([1.5])
