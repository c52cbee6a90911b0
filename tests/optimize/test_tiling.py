"""Long arrays in blocks of rows: the same numbers, and only where blocks gain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.backends.run import resolve
from graphc.compare.bounds import rounding_bounds
from graphc.core.graph import leaves
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import topological_order
from graphc.optimize.family import Context
from graphc.optimize.price import USUAL
from graphc.optimize.tiling.tiling import NAME, tiled
from tests.benchmarks.adbench import mixture

F = gx.float64
#: Rows that blocks divide, and rows that they do not.
EVEN, PRIME = 96, 101


def blocks(nodes: Sequence[Node], cache: float = 2000.0, forced: bool = True) -> list[Node]:
    """Returns the nodes tiled for a machine of a tiny cache."""
    context = Context(
        machine=replace(USUAL, cache=cache), forced=frozenset([NAME] if forced else [])
    )
    return tiled(nodes, context)


def loops(nodes: Sequence[Node]) -> list[Node]:
    return [n for n in topological_order(nodes) if n.op.name == "scan"]


def values(nodes: Sequence[Node]) -> dict[Node, Any]:
    rng = np.random.default_rng(0)
    return {
        x: rng.uniform(0.2, 1.2, size=resolve(x.shape, {})).astype(x.dtype.numpy)
        for x in leaves(nodes)
    }


def check(nodes: Sequence[Node], made: Sequence[Node]) -> None:
    """Holds tiled nodes against 50 digits: off by no more than the error bound as written."""
    given = values(nodes)
    bounds = rounding_bounds(nodes, given, {})
    exact = [gx.evaluate_mpmath(n, given) for n in nodes]
    found = gx.evaluate(list(made), {x: given[x] for x in leaves(made)})
    for node, new, e, f, b in zip(nodes, made, exact, found, bounds, strict=True):
        assert new.type == node.type
        error = np.abs(np.asarray(e - np.asarray(f, dtype=object), dtype=np.float64))
        assert np.all(error <= b), (node, (error / b).max())


def rows(n: int, *rest: int) -> Node:
    return gx.input("x", (n, *rest), F)


def w(*shape: int) -> Node:
    return gx.input("w", shape, F)


#: What treats the rows of x alike: the expression, and how many of its results are loops'.
ALIKE: dict[str, Callable[[int], Node]] = {
    "elementwise": lambda n: gx.exp(rows(n, 3) * w(3)) + gx.input("y", (n, 1), F),
    "a vector along the last axis": lambda n: gx.sin(rows(n)) * w(4, 1),
    "reduction of another axis": lambda n: gx.max(gx.tanh(rows(n, 4)), axis=1, keepdims=True),
    "reduction before the axis": lambda n: gx.sum(gx.tanh(rows(n, 4).T), axis=0),
    "softmax": lambda n: gx.softmax(rows(n, 4) * 2.0, axis=1),
    "running sum": lambda n: gx.cumsum(gx.exp(rows(n, 4)), axis=1),
    "norm": lambda n: gx.linalg.vector_norm(gx.exp(rows(n, 4)), axis=1),
    "variance": lambda n: gx.var(gx.exp(rows(n, 4)), axis=1, correction=1),
    "reshape": lambda n: gx.reshape(gx.exp(rows(n, 6)), (n, 2, 3)) * w(3),
    "reshape by ones": lambda n: gx.reshape(gx.exp(rows(n, 6)), (1, n, 1, 6)) * w(2, 1, 3, 1),
    "transpose": lambda n: gx.transpose(gx.exp(rows(n, 2, 3)), (2, 0, 1)) * w(1, 2),
    "broadcast": lambda n: gx.broadcast_to(gx.exp(rows(n, 3)), (2, n, 3)) * w(3),
    "slice": lambda n: gx.exp(rows(n, 5))[:, 1:4:2] * 2.0,
    "slice put back": lambda n: gx.grad(gx.sum(gx.exp(rows(n, 5)[:, 1:3])), rows(n, 5)),
    "concat": lambda n: gx.concat([gx.exp(rows(n, 2)), gx.ones((n, 1), F)], 1),
    "stack": lambda n: gx.stack([gx.exp(rows(n, 2)), gx.input("y", (n, 2), F)], 1),
    "stack in front": lambda n: gx.stack([gx.exp(rows(n, 2)), rows(n, 2)], 0),
    "product with a matrix": lambda n: gx.tanh(gx.exp(rows(n, 4)) @ w(4, 3)),
    "product with a vector": lambda n: gx.tanh(gx.exp(rows(n, 4)) @ w(4)),
    "product from the left": lambda n: gx.tanh(w(3, 4) @ gx.exp(rows(n, 4)).T),
    "product of batches": lambda n: gx.exp(rows(n, 2, 4)) @ gx.input("y", (n, 4, 3), F),
    "product of a batch of one": lambda n: w(1, 3, 2) @ gx.exp(rows(n, 2, 4)),
    "product in front of rows": lambda n: gx.einsum("kij,nkj->nki", w(2, 3, 4), rows(n, 2, 4)),
    "outer product": lambda n: gx.einsum("n,k->kn", gx.exp(rows(n)), w(3)),
    "pairs": lambda n: gx.exp(-gx.square(gx.expand_dims(rows(n), 1) - rows(n))),
    "numbers that are repeated": lambda n: gx.exp(rows(n, 3)) * gx.broadcast_to(w(3), (n, 3)),
    "where": lambda n: gx.where(rows(n, 3) > 0.5, gx.exp(rows(n, 3)), w(3)),
}

#: What adds up the rows of x.
ADDED: dict[str, Callable[[int], Node]] = {
    "sum of all": lambda n: gx.sum(gx.exp(rows(n, 3))),
    "sum of the rows": lambda n: gx.sum(gx.exp(rows(n, 3)), axis=0, keepdims=True),
    "product over rows": lambda n: gx.exp(rows(n, 3)).T @ gx.input("y", (n, 2), F),
    "weights of rows": lambda n: gx.input("y", (n,), F) @ gx.exp(rows(n, 3)),
    "einsum over rows": lambda n: gx.einsum("nki,nkj->kij", rows(n, 2, 3), gx.exp(rows(n, 2, 3))),
    "then more": lambda n: gx.log(gx.sum(gx.exp(rows(n, 3)))) * w(2),
}


@pytest.mark.parametrize("n", [EVEN, PRIME])
@pytest.mark.parametrize("name", [*ALIKE, *ADDED])
def test_blocks_of_rows_give_the_same_numbers(name: str, n: int) -> None:
    node = (ALIKE | ADDED)[name](n)
    made = blocks([node])
    (loop,) = loops(made)
    assert 1 < loop.params["length"] < n
    check([node], made)
    # Nothing of the whole array's size is made outside of the loop, but what is stacked.
    if name in ADDED:
        width = max(int(np.prod(resolve(leaf.shape, {}))) for leaf in leaves([node]))
        outside = [n for n in topological_order(made) if n.args and n.op.name != "reshape"]
        wide = [n for n in outside if n.op.name not in ("scan", "item", "slice", "transpose")]
        assert all(np.prod(resolve(n.shape, {})) < width for n in wide)


@pytest.mark.parametrize("name", ["softmax", "product with a matrix", "sum of all", "pairs"])
def test_compiled_blocks_and_their_slopes(name: str) -> None:
    n = PRIME
    node = (ALIKE | ADDED)[name](n)
    wrt = leaves([node])
    slopes = flatten(gx.grad(gx.sum(gx.sin(node)), wrt))[0]
    made = blocks(slopes)
    assert loops(made)
    check(slopes, made)
    given = values(slopes)
    listed = leaves(slopes)
    ours = gx.compile(made, listed)(*[given[x] for x in listed])
    plain = gx.evaluate(slopes, given)
    for a, b, bound in zip(ours, plain, rounding_bounds(slopes, given, {}), strict=True):
        assert np.all(np.abs(a - b) <= 2 * bound)


#: What mixes rows: none of this may be split.
MIXED: dict[str, Callable[[int], Node]] = {
    "running sum of rows": lambda n: gx.cumsum(rows(n, 3), axis=0),
    "softmax over rows": lambda n: gx.softmax(rows(n, 3), axis=0),
    "rows turned round": lambda n: rows(n, 3)[::-1] * 1.0,
    "rows cut off": lambda n: rows(n, 3)[1:],
    "rows and columns in one": lambda n: gx.reshape(rows(n, 3), -1),
    "rows split": lambda n: gx.reshape(rows(n, 3), (n // 2, 2, 3)),
    "rows joined": lambda n: gx.concat([rows(n, 3), gx.ones((2, 3), F)], 0),
    "diagonal": lambda n: gx.einsum("nn->n", gx.input("x", (n, n), F)),
}


@pytest.mark.parametrize("name", list(MIXED))
def test_what_mixes_rows_is_left_whole(name: str) -> None:
    node = MIXED[name](EVEN)
    assert blocks([node])[0] is node


def test_a_mean_over_rows_that_rows_need_again_is_made_before_them() -> None:
    x = rows(EVEN, 3)
    y = gx.exp(x)
    node = gx.sum(gx.square(y - gx.mean(y, axis=0)))
    made = blocks([node])
    check([node], made)


def test_the_gradient_of_a_sum_over_examples_is_one_loop() -> None:
    x, y = rows(EVEN, 5), gx.input("y", (EVEN, 2), F)
    first, second = gx.param("first", (5, 4), F), gx.param("second", (4, 2), F)
    loss = gx.mean(gx.sum(gx.square(gx.tanh(x @ first) @ second - y), axis=1))
    nodes = flatten(gx.value_and_grad(loss, [first, second]))[0]
    made = blocks(nodes)
    (loop,) = loops(made)
    assert loop.params["carries"] >= 2
    check(nodes, made)


def test_rows_within_the_body_of_a_loop_are_blocked_too() -> None:
    x = rows(EVEN, 3)
    start = gx.input("w", (3,), F)

    def body(w: Node, _: Any) -> Any:
        return w - 0.1 * gx.grad(gx.sum(gx.exp(gx.tanh(x * w))), w), None

    last, _ = gx.scan(body, start, length=3)
    made = blocks([last])
    (outer,) = loops(made)
    assert len(loops(outer.params["graph"].outputs)) == 1
    check([last], made)


def test_the_mixture_of_gaussians_takes_blocks_and_a_tenth_of_the_memory() -> None:
    case = mixture.case(4, 5, 4_000)
    machine = replace(USUAL, cache=2**16)
    roots = flatten(case.derivative)[0]
    context = Context(machine=machine)
    made = tiled(roots, context)
    assert [c.taken for c in context.choices] == [True]
    assert "rows" in context.choices[0].after
    whole = gx.compile(roots, case.inputs, optimize=False)
    split = gx.compile(made, case.inputs, optimize=False)
    assert split.memory()["temp"] < whole.memory()["temp"] / 10
    for a, b in zip(split(*case.values), whole(*case.values), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11 * np.abs(b).max())


@pytest.mark.parametrize(
    "node",
    [
        gx.sum(gx.exp(rows(1000, 3))),  # it fits the cache
        gx.sum(gx.exp(rows(1_000_000, 4))),  # XLA writes none of it to memory
        gx.tanh(gx.input("x", (128, 784)) @ gx.input("w", (784, 256))),  # a batch of a network
    ],
)
def test_blocks_are_not_made_where_they_gain_nothing(node: Node) -> None:
    assert blocks([node], USUAL.cache, forced=False)[0] is node


def test_a_machine_that_wants_long_arrays_gets_them() -> None:
    node = gx.sum(gx.exp(rows(EVEN, 3)))
    assert blocks([node], cache=0.0)[0] is node


def test_named_sizes_are_left_whole() -> None:
    x = gx.input("x", ("n", 3), F)
    node = gx.sum(gx.exp(x))
    assert blocks([node])[0] is node


def test_asked_for_by_name() -> None:
    node = gx.sum(gx.square(gx.exp(rows(EVEN, 3)) @ w(3)))
    compiled = gx.compile(node, optimize="tiling")
    (choice,) = compiled.plan().choices
    assert choice.taken and "2 blocks of 48 rows" in choice.after
    with pytest.raises(gx.ArgumentError, match="'tiling' asked for, and nothing"):
        gx.compile(gx.sum(w(3)), optimize="tiling")
