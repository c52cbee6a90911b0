"""A graph of named sizes, with numbers put in their place: the same function of those sizes."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from jax import export

import graphc as gx
from graphc.core.graph import nodes_everywhere
from graphc.core.node import Node
from graphc.core.type import TupleType
from graphc.optimize.sizes import with_sizes

F = gx.float64
x = gx.input("rows", ("n", 3), F)
w = gx.input("scales", (3,), F)


def looped() -> Node:
    def body(carry: Node, row: Node) -> Any:
        new = gx.cond(gx.sum(row) > 0.0, lambda c: c * row, lambda c: c - row, carry)
        return new, gx.sum(x @ new)

    last, ys = gx.scan(body, w, x)
    return gx.sum(last) + gx.sum(ys * gx.arange(x.shape[0], dtype=F))


GRAPHS = {
    "mean over a named axis": lambda: gx.mean(gx.exp(x), axis=0),
    "shape in parameters": lambda: gx.reshape(gx.broadcast_to(w, (2, *x.shape)) * x, (-1,)),
    "slices by a named size": lambda: gx.concat([x[1:], x[:1]], 0)[::-1],
    "loop, branches, a size as a number": looped,
    "a gradient": lambda: gx.grad(looped(), x),
    "mapped rows": lambda: gx.map(lambda row: gx.softmax(row * w), x),
}


@pytest.mark.parametrize("size", [2, 7])
@pytest.mark.parametrize("name", list(GRAPHS))
def test_the_graph_with_numbers_computes_the_same(name: str, size: int) -> None:
    node = GRAPHS[name]()
    (made,), leaves = with_sizes([node], {"n": size})
    for inner in nodes_everywhere([made]):
        kinds = inner.type.items if isinstance(inner.type, TupleType) else (inner.type,)
        assert all(kind.is_static for kind in kinds)
    generator = np.random.default_rng(size)
    given = {x: generator.normal(size=(size, 3)), w: generator.normal(size=3)}
    wanted = gx.evaluate(node, {n: v for n, v in given.items() if n in leaves})
    found = gx.evaluate(made, {leaves[n]: v for n, v in given.items() if n in leaves})
    np.testing.assert_array_equal(found, wanted)
    assert made.place == node.place


def test_a_compiled_graph_is_planned_for_the_sizes_it_gets() -> None:
    apart = gx.expand_dims(x, 1) - x
    slope = gx.grad(gx.sum(gx.exp(-gx.sum(apart * apart, axis=2))), x)
    compiled = gx.compile(slope)
    generator = np.random.default_rng(0)
    few, many = generator.normal(size=(5, 3)), generator.normal(size=(1500, 3))
    assert not [c for c in compiled.plan(rows=few).choices if c.family == "tiling" and c.taken]
    plain = gx.compile(slope, optimize=False)
    forced = gx.compile(slope, optimize="tiling")
    assert [c.taken for c in forced.plan(rows=many).choices] == [True]
    for values in (few, many):
        np.testing.assert_allclose(
            compiled(rows=values), plain(rows=values), rtol=1e-12, atol=1e-12
        )
    np.testing.assert_allclose(forced(rows=many), plain(rows=many), rtol=1e-12, atol=1e-12)


def test_what_does_not_fit_the_sizes_is_told_as_ever() -> None:
    compiled = gx.compile(x[4:])
    assert compiled(rows=np.ones((6, 3))).shape == (2, 3)
    with pytest.raises(gx.IndexingError, match="out of range"):
        compiled(rows=np.ones((2, 3)))


def test_a_program_exported_with_an_open_size_serves_every_size() -> None:
    loss = gx.mean(gx.square(gx.exp(x) @ w))
    function = gx.compile(gx.value_and_grad(loss, w), [x, w]).function
    (n,) = export.symbolic_shape("n")
    shapes = jax.ShapeDtypeStruct((n, 3), np.float64), jax.ShapeDtypeStruct((3,), np.float64)
    exported = export.export(jax.jit(function))(*shapes)
    for size in (1, 4, 9):
        rows, weights = np.random.default_rng(size).normal(size=(size, 3)), np.ones(3)
        value, slope = exported.call(rows, weights)
        sums = np.exp(rows).sum(axis=1)
        np.testing.assert_allclose(value, np.mean(sums**2), rtol=1e-14)
        np.testing.assert_allclose(slope, 2 * sums @ np.exp(rows) / size, rtol=1e-13)


def test_derivatives_by_graphc_of_a_compiled_graph_with_named_sizes() -> None:
    loss = gx.sum(gx.exp(x) @ w)
    own = gx.compile(loss, [x, w], derivative="graphc")
    values = np.random.default_rng(0).normal(size=(4, 3)), np.ones(3)
    found = jax.grad(own.function, (0, 1))(*map(jax.numpy.asarray, values))
    np.testing.assert_allclose(found[0], np.exp(values[0]), rtol=1e-14)
    np.testing.assert_allclose(found[1], np.exp(values[0]).sum(axis=0), rtol=1e-14)
