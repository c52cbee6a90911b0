"""Recipes of branches, loops, recomputing blocks, rules given by hand and equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.dtype import float32, float64
from graphc.core.graph import Graph
from graphc.core.node import Node, apply_named
from graphc.core.type import TensorType
from graphc.ops.flow.choice import cond
from graphc.ops.flow.custom import custom_rule
from graphc.ops.flow.implicit import fixed_point
from graphc.ops.flow.remat import checkpoint
from graphc.ops.flow.repeat import while_loop
from graphc.ops.flow.scan import scan

#: A loop whose entries have more elements than this takes the checks too long.
_MOST = 24


def _block(pool: Any, args: list[Node]) -> tuple[Graph, list[Node]]:
    """Returns a random block of one result, and the values of its other inputs."""
    graph = pool.make_block(args, 1)
    rest = [pool.pick_shaped(f.shape, f.dtype) for f in graph.inputs[len(args) :]]
    return graph, rest


def _tamed(value: Node, like: Node) -> Node:
    """Returns a value of the type of `like` in -1..1, in which a block's result takes part."""
    total = apply_named("sum", value, axis=tuple(range(value.ndim)), keepdims=False)
    return apply_named("tanh", apply_named("cast", total, dtype=like.dtype) + like)


def _switch(op: Any, pool: Any) -> Node | None:
    x = pool.pick()
    graph, rest = _block(pool, [x])
    test = pool.pick_test(x)
    axes = tuple(range(test.ndim))
    held = apply_named("cast", test, dtype=x.dtype)
    chosen = apply_named("sum", held, axis=axes, keepdims=False) > 0.5

    def first(*args: Node) -> Node:
        return _tamed(graph.inline(args)[0], args[0])

    return cond(chosen, first, lambda *args: apply_named("sin", args[0]) * 0.5, x, *rest)


def _scan(op: Any, pool: Any) -> Node | None:
    x = pool.pick_ranked(1, 2)
    if x is None or sum(pool.size_of(s) for s in x.shape) > _MOST:
        return None
    start = pool.pick_shaped(x.shape[1:], x.dtype)
    row = apply_named("sum", x, axis=(0,), keepdims=False)
    graph, rest = _block(pool, [start, row])

    def step(carry: Node, entry: Node) -> Any:
        after = _tamed(graph.inline([carry, entry, *rest])[0], carry * 0.5)
        return after, after * entry

    last, rows = scan(step, start, x, reverse=bool(pool.generator.random() < 0.5))
    return rows + last


def _while(op: Any, pool: Any) -> Node | None:
    x = pool.pick()
    graph, rest = _block(pool, [x])
    steps = int(pool.generator.integers(0, 4))

    def body(state: Any) -> Any:
        value, count = state
        return _tamed(graph.inline([value, *rest])[0], value), count + 1

    return while_loop(lambda state: state[1] < steps, body, (x, 0), bound=4)[0]


def _recompute(op: Any, pool: Any) -> Node | None:
    x = pool.pick()
    graph, rest = _block(pool, [x])
    return checkpoint(lambda *args: graph.inline(args)[0])(x, *rest)


def _levelled(op: Any, pool: Any) -> Node | None:
    x = pool.pick()
    if x.dtype not in (float32, float64) or len(x.shape) > 1:
        return None
    y, z = (apply_named("formal", name=n, type=TensorType((), x.dtype), level=0) for n in "yz")
    made = apply_named("where", y > z, apply_named("sin", y) * z, apply_named("tanh", z))
    graph = Graph([y, z], [made], "scalars")
    total = apply_named("sum", x, axis=tuple(range(len(x.shape))), keepdims=False)
    return apply_named("levelled", x, total, graph=graph, mapped=(bool(x.shape), False))


def _custom(op: Any, pool: Any) -> Node | None:
    x = pool.pick()

    def function(u: Node) -> Node:
        return apply_named("sin", u) * u

    def slope(u: Node) -> Node:
        return apply_named("cos", u) * u + apply_named("sin", u)

    if pool.generator.random() < 0.5:
        return custom_rule(function, vjp=lambda adjoint, _, u: adjoint * slope(u))(x)
    return custom_rule(function, jvp=lambda tangents, _, u: tangents[0] * slope(u))(x)


def _implicit(op: Any, pool: Any) -> Node | None:
    x = pool.pick()
    if x.dtype not in (float32, float64) or not all(isinstance(s, int) for s in x.shape):
        return None
    if not 1 <= x.size <= 6:
        return None
    return fixed_point(lambda u: apply_named("sin", u) * 0.25 + x, apply_named("tanh", x))


RECIPES: dict[str, Callable[[Any, Any], Node | None]] = {
    "switch": _switch,
    "scan": _scan,
    "while_loop": _while,
    "recompute": _recompute,
    "levelled": _levelled,
    "custom": _custom,
    "implicit": _implicit,
}
