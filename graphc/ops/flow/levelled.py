"""`levelled`: a large graph of scalars as one op, which a small machine runs inside XLA.

Its block holds elementwise operations on scalars; scalars that are read from vectors, `x[i]`; and
stacks of scalars among the outputs. Nobody writes it: `optimize` puts it where a graph of so many
operations would take XLA minutes to compile. See `backends/jax_parts/machine.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.errors import ArgumentError, ShapeError
from graphc.core.graph import Graph
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, make
from graphc.core.system import GRAPHC, System
from graphc.core.type import TensorType, Type
from graphc.ops.chain import broadcast_to
from graphc.ops.control import (
    NO_FORMULA,
    by_system,
    one_or_tuple,
    pushed_with,
    remembered,
    results_of,
    seeds_of,
    sum_flops,
    vjp_graph,
)
from graphc.ops.define import structural
from graphc.ops.flow.placed import gather_placed


def _infer(*types: TensorType, graph: Graph, mapped: tuple[bool, ...]) -> Type:
    if not len(types) == len(mapped) == len(graph.inputs):
        raise ArgumentError(f"{graph.name} takes {len(graph.inputs)} operands, not {len(types)}")
    lead: tuple[Any, ...] = ()
    for formal, t, moving in zip(graph.inputs, types, mapped, strict=True):
        inner = TensorType(t.shape[1:], t.dtype) if moving and t.shape else t
        if formal.type != inner:
            raise ShapeError(f"{graph.name} takes {describe(formal)}: {formal.type}, not {inner}")
        if moving:
            lead = lead or t.shape[:1]
            if t.shape[:1] != lead:
                raise ShapeError(
                    f"the mapped operands have {lead[0]} and {t.shape[0]} entries",
                    "give all of them one leading size",
                )
    return one_or_tuple([TensorType((*lead, *o.shape), o.dtype) for o in graph.outputs])


@remembered
def backward_graph(
    graph: Graph, wanted: tuple[int, ...], seeded: tuple[int, ...], system: System
) -> Graph:
    """Returns the reverse pass of a levelled block as a levelled block, see `vjp_graph`."""
    body = vjp_graph(graph, wanted, seeded, system)
    return Graph(body.inputs, gather_placed(body.outputs), body.name)


def _vjp(
    adjoint: Any, node: Node, wanted: Sequence[int], system: System = GRAPHC
) -> list[Node | None]:
    seeded, seeds = seeds_of(adjoint)
    mapped = node.params["mapped"]
    body = backward_graph(node.params["graph"], tuple(wanted), seeded, system)
    given = [broadcast_to(s, r.shape) for s, r in zip(seeds, _results(node, seeded), strict=True)]
    params = {"graph": body, "mapped": (*mapped, *[any(mapped)] * len(seeds))}
    results = results_of(make(levelled, (*node.args, *given), params))
    return [
        r if mapped[i] or not any(mapped) else apply_named("sum", r, axis=(0,), keepdims=False)
        for r, i in zip(results, wanted, strict=True)
    ]


def _results(node: Node, chosen: Sequence[int]) -> list[TensorType]:
    types = getattr(node.type, "items", (node.type,))
    return [types[i] for i in chosen]


_pushed = pushed_with(
    lambda node, moving: {
        "mapped": (*node.params["mapped"], *[node.params["mapped"][i] for i in moving])
    }
)


def _flops(node: Node) -> Any:
    once = sum_flops(node.params["graph"])
    pairs = zip(node.args, node.params["mapped"], strict=True)
    sizes = [a.type.shape[0] for a, moving in pairs if moving]
    return sizes[0] * once if sizes else once


levelled = structural(
    "levelled",
    group="control",
    meet="none",
    infer=_infer,
    run=lambda xp, *x, graph, mapped: xp.machine.levelled(xp, graph, x, mapped),
    vjp=_vjp,
    jvp=_pushed("jvp"),
    peers=by_system(_vjp, _pushed),
    latex=r"\operatorname{{{graph}}}({0})",
    flops=_flops,
    domain="where its block is defined",
    ulp=0.0,
    bound=_pushed("bound"),
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns what a block of scalar operations makes of the operands, for each entry of those "
    "that are mapped.",
)
