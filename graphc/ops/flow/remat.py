"""`checkpoint`: a function whose backward pass computes its inner values again, and keeps none."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, ShapeError
from graphc.core.graph import Graph, trace_level
from graphc.core.naming import describe
from graphc.core.node import Node, make
from graphc.core.system import GRAPHC, System
from graphc.core.tree import flatten
from graphc.core.type import TensorType, Type
from graphc.ops.control import (
    NO_FORMULA,
    by_system,
    one_or_tuple,
    pushed_with,
    results_of,
    seeds_of,
    sum_flops,
    vjp_graph,
)
from graphc.ops.define import structural
from graphc.ops.flow.bodies import (
    check_function,
    close_bodies,
    formals_of,
    name_of,
    nest_of,
    tensor_leaves,
)


def _infer(*types: Type, graph: Graph, held: int) -> Type:
    for formal, t in zip(graph.inputs, types, strict=True):
        if formal.type != t:
            raise ShapeError(f"{graph.name} takes {describe(formal)}: {formal.type}, not {t}")
    return one_or_tuple([o.type for o in graph.outputs])


def _vjp(
    adjoint: Any, node: Node, wanted: Sequence[int], system: System = GRAPHC
) -> list[Node | None]:
    seeded, seeds = seeds_of(adjoint)
    body = vjp_graph(node.params["graph"], tuple(wanted), seeded, system)
    params = {"graph": body, "held": len(seeds)}
    return list(results_of(make(recompute, (*node.args, *seeds), params)))


_pushed = pushed_with(lambda node, moving: {"held": 0})

recompute = structural(
    "recompute",
    group="control",
    meet="none",
    infer=_infer,
    run=lambda xp, *x, graph, held: xp.loops.recompute(xp, graph, x, held),
    vjp=_vjp,
    jvp=_pushed("jvp"),
    peers=by_system(_vjp, _pushed),
    latex=r"\operatorname{{{graph}}}({0})",
    flops=lambda node: sum_flops(node.params["graph"]),
    domain="where its block is defined",
    ulp=0.0,
    bound=_pushed("bound"),
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns what a block makes of the operands; going back, it is run again, and not before "
    "the last `held` operands, the adjoints, are there.",
)


@guarded("checkpoint")
def checkpoint(function: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function keep nothing but its operands for the backward pass.

    Values and derivatives are those of the function itself. The backward pass computes the inner
    values again, which costs the function's flops once more and saves the memory of all of them:
    for a chain of n layers in groups of sqrt(n), the memory of about 2 sqrt(n) of them.

    Args:
        function: takes and returns graph values in any nest. What it uses from outside counts as
            an operand.

    Returns:
        The function; it can be used as a decorator.

    Raises:
        ArgumentError: it is no function, or is called without a graph value.

    Source: Griewank and Walther, "Revolve" (2000); Chen et al., "Training deep nets with sublinear
    memory cost" (2016).
    """
    check_function(function, "the function", None)
    name = name_of(function, "checkpoint")

    @functools.wraps(function)
    @guarded(name)
    def called(*args: Any, **options: Any) -> Any:
        leaves, rebuild = flatten([list(args), options])
        spots = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Node)]
        if not spots:
            raise ArgumentError(
                f"{name} was called without a graph value", "pass nodes, or call it plainly"
            )
        given: list[Node] = [leaves[i] for i in spots]
        types: list[TensorType] = [g.type for g in given]
        with trace_level() as level:
            formals = formals_of(types, [f"x{i}" for i in range(len(given))], level)
            filled = list(leaves)
            for spot, formal in zip(spots, formals, strict=True):
                filled[spot] = formal
            again, named = rebuild(filled)
            result = nest_of(function(*again, **named))
            outputs = tensor_leaves(result.leaves, name)
        if not outputs:
            raise ArgumentError(f"{name} returned no graph value", "let it return its results")
        (graph,), captured = close_bodies(formals, [outputs], [name], every=True)
        return result.build(
            results_of(make(recompute, (*given, *captured), {"graph": graph, "held": 0}))
        )

    return called
