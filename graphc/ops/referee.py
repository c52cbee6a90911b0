"""The JAX referee's two ops: JAX's own reverse and forward derivative of a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.graph import Graph, close_over
from graphc.core.node import Node, make
from graphc.core.op import Op
from graphc.core.type import Type
from graphc.ops.chain import broadcast_to
from graphc.ops.control import (
    NO_FORMULA,
    one_or_tuple,
    results_of,
    seeds_of,
    spread_results,
    sum_flops,
)
from graphc.ops.define import structural


def _jax_vjp_infer(*types: Type, graph: Graph, wrt: tuple[int, ...]) -> Type:
    return one_or_tuple([graph.inputs[i].type for i in wrt])


def _jax_jvp_infer(*types: Type, graph: Graph, moving: tuple[int, ...]) -> Type:
    return one_or_tuple([o.type for o in graph.outputs])


def _as_graph(node: Node) -> Graph:
    """Returns the node alone as a block of its operands."""
    body, others = close_over(results_of(node), list(dict.fromkeys(node.args)), node.op.name)
    assert not others
    return body


def _referee_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    unique = list(dict.fromkeys(node.args))
    seeded, seeds = seeds_of(adjoint)
    body = _as_graph(node)
    body = Graph(body.inputs, [body.outputs[i] for i in seeded], body.name)
    targets = [_position(unique, node.args[i]) for i in wanted]
    first = tuple(dict.fromkeys(targets))
    made = make(jax_vjp, (*unique, *seeds), {"graph": body, "wrt": first})
    by_target = dict(zip(first, results_of(made), strict=True))
    seen: set[int] = set()
    found: list[Node | None] = []
    for target in targets:  # an operand used twice gets its whole adjoint once
        found.append(None if target in seen else by_target[target])
        seen.add(target)
    return found


def _referee_jvp(tangents: Sequence[Node | None], node: Node) -> Any:
    unique = list(dict.fromkeys(node.args))
    moving: dict[int, Node] = {}
    for tangent, arg in zip(tangents, node.args, strict=True):
        if tangent is not None:
            moving[_position(unique, arg)] = broadcast_to(tangent, arg.shape)
    params = {"graph": _as_graph(node), "moving": tuple(moving)}
    results = results_of(make(jax_jvp, (*unique, *moving.values()), params))
    return spread_results(results, range(len(results)), node)


def _position(nodes: Sequence[Node], node: Node) -> int:
    return next(i for i, other in enumerate(nodes) if other is node)


def _referee(name: str, infer: Any, run: Any, doc: str) -> Op:
    return structural(
        name,
        group="control",
        meet="none",
        infer=infer,
        run=run,
        vjp=_referee_vjp,
        jvp=_referee_jvp,
        latex=r"\operatorname{{jax}}({0})",
        flops=lambda node: sum_flops(node.params["graph"]) * 3,
        domain="under the JAX backend",
        ulp=0.0,
        bound=lambda errors, node: None,
        takes_complex=True,
        formula=NO_FORMULA,
        doc=doc,
    )


jax_vjp = _referee(
    "jax_vjp",
    _jax_vjp_infer,
    lambda xp, *x, graph, wrt: xp.jax_vjp(graph, x, wrt),
    "Returns JAX's own reverse-mode derivative of a block: its inputs, then one adjoint an output.",
)
jax_jvp = _referee(
    "jax_jvp",
    _jax_jvp_infer,
    lambda xp, *x, graph, moving: xp.jax_jvp(graph, x, moving),
    "Returns JAX's own forward-mode derivative of a block: its inputs, then the tangents.",
)
