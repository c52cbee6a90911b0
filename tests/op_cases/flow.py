"""Cases of branches, loops, recomputing blocks, rules given by hand and equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graphc as gx
from graphc.core.node import Node, apply_named
from graphc.ops.flow.levelled import levelled
from tests.every_op_cases import Case, case


def _cond(chosen: bool) -> Callable[..., Node]:
    def build(x: Node, y: Node) -> Node:
        pred = gx.sum(x) < 1e3 if chosen else gx.sum(x) > 1e3
        found = gx.cond(pred, lambda a, b: (gx.sin(a) * b, a), lambda a, b: (a / 2.0 - b, b), x, y)
        return found[0] * 2.0 + found[1]

    return build


def _switch(index: Node, x: Node) -> Node:
    branches = [gx.sin, lambda v: v * v * x, gx.exp]
    return gx.switch(index, branches, x)


def _scan(reverse: bool) -> Callable[..., Node]:
    def build(x: Node, h: Node, w: Node) -> Node:
        def step(carry: Any, row: Node) -> Any:
            state, total = carry
            state = gx.tanh(w * state + row * gx.cos(w))
            return (state, total + gx.sum(state)), {"state": state * row}

        (last, total), rows = gx.scan(step, (h, gx.zeros((), h.dtype)), x, reverse=reverse)
        return rows["state"] + total * 0.5 + last

    return build


def _fori(x: Node) -> Node:
    return gx.fori_loop(1, 4, lambda i, v: gx.sin(v) * i + x, x)


def _while(x: Node, y: Node) -> Node:
    def step(state: Any) -> Any:
        value, count = state
        return value * y + gx.cos(value), count + 1

    return gx.while_loop(lambda state: state[1] < 3, step, (x, 0), bound=5)[0]


def _recompute(x: Node, y: Node) -> Node:
    return gx.checkpoint(lambda a: gx.tanh(gx.sin(a) * y))(x)


def _levelled(x: Node, y: Node) -> Node:
    """A block of scalars, some of them entries of a vector, and a stack of them."""
    a, b = (apply_named("formal", name=n, type=v.type, level=0) for n, v in (("a", x), ("b", y)))
    kept = gx.where(a[0] > a[1], a[2] * b, gx.sin(a[3]))
    outputs = [gx.exp(kept) * b, gx.stack([a[0] * a[1], b, kept, kept * b])]
    graph = gx.Graph([a, b], outputs, "scalars")
    first, rest = levelled(x, y, graph=graph, mapped=(False, False))
    return first + gx.sum(gx.sin(rest))


def _levelled_entries(x: Node, y: Node) -> Node:
    """A block of scalars for each entry of a vector."""
    a, b = (apply_named("formal", name=n, type=y.type, level=0) for n in "ab")
    graph = gx.Graph([a, b], [gx.sin(a) * b + a / (b + 3.0)], "scalars")
    return levelled(x, y, graph=graph, mapped=(True, False))


def _custom(**rules: Any) -> Callable[..., Node]:
    return lambda x, y: gx.custom_rule(lambda a, b: gx.sin(a) * b, **rules)(x, y)


def _sine_vjp(adjoint: Node, result: Node, x: Node, y: Node) -> Any:
    return adjoint * gx.cos(x) * y, adjoint * gx.sin(x)


def _sine_jvp(tangents: Any, result: Node, x: Node, y: Node) -> Any:
    return tangents[0] * gx.cos(x) * y + tangents[1] * gx.sin(x)


def _root(x: Node, y: Node) -> Node:
    return gx.root(lambda v: v * v * v + v - x - gx.sum(y), x * 0.5)


def _scalar_root(x: Node) -> Node:
    return gx.root(lambda v: v * v - x, x)


def _fixed_point(x: Node) -> Node:
    return gx.fixed_point(lambda v: 0.2 * gx.sin(v) + x, x)


_STEPS = ((2, 2), (2,), (2,))

BUILDERS: dict[str, Callable[[], list[Case]]] = {
    "switch": lambda: [
        case("switch", _cond(True), (2,), (2,), label="switch-true"),
        case("switch", _cond(False), (2,), (2,), label="switch-false"),
        *[
            case(
                "switch",
                _switch,
                (),
                (2,),
                label=f"switch-{i}",
                ranges=((i, i + 0.5), (-2.0, 2.0)),
                dtypes=("int32", "float"),
                named=False,
            )
            for i in (-1, 0, 1, 5)
        ],
    ],
    "scan": lambda: [
        case("scan", _scan(False), *_STEPS, named=False),
        case("scan", _scan(True), *_STEPS, label="scan-reverse", named=False),
        case("scan", _fori, (2,), label="scan-fori"),
    ],
    "while_loop": lambda: [case("while_loop", _while, (2,), (2,))],
    "recompute": lambda: [case("recompute", _recompute, (2,), (2,))],
    "levelled": lambda: [
        case("levelled", _levelled, (4,), ()),
        case("levelled", _levelled_entries, (3,), (), label="levelled-entries"),
    ],
    "custom": lambda: [
        case("custom", _custom(vjp=_sine_vjp), (2,), (2,), label="custom-vjp"),
        case("custom", _custom(jvp=_sine_jvp), (2,), (2,), label="custom-jvp"),
        case("custom", _custom(vjp=_sine_vjp, jvp=_sine_jvp), (2,), (2,), label="custom-both"),
    ],
    "implicit": lambda: [
        case("implicit", _root, (2,), (2,), named=False),
        case("implicit", _scalar_root, (), label="implicit-scalar", ranges=((0.5, 2.0),)),
        case("implicit", _fixed_point, (2,), label="implicit-fixed", named=False),
    ],
}
