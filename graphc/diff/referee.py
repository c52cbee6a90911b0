"""The engine `jax`: JAX's own autodiff of the lowered forward graph, as one sub-graph op."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.errors import EngineError
from graphc.core.graph import LEAF_OPS, close_over, nodes_everywhere
from graphc.core.naming import describe
from graphc.core.node import Node, make, scalar
from graphc.ops.chain import broadcast_to
from graphc.ops.control import results_of
from graphc.ops.referee import jax_vjp


def referee_gradients(output: Node, wrt: Sequence[Node], seed: Node | None = None) -> list[Node]:
    """Returns JAX's reverse-mode derivative by `wrt`; it runs under the JAX backend only.

    Args:
        output: any shape.
        wrt: leaves together take one pass; an inner node takes a pass of its own, cut there.
        seed: the output's adjoint; 1 without one.
    """
    endless = next((n for n in nodes_everywhere([output]) if _is_endless(n)), None)
    if endless is not None:
        raise EngineError(
            f"JAX has no reverse derivative of {describe(endless, 2)}, a loop without a bound",
            "give while_loop a bound=",
        )
    start = scalar(1.0, output.dtype) if seed is None else seed
    start = broadcast_to(start, output.shape)
    unique = list(dict.fromkeys(wrt))
    groups = [unique] if all(w.op.name in LEAF_OPS for w in unique) else [[w] for w in unique]
    found: dict[Node, Node] = {}
    for group in groups:
        graph, others = close_over([output], group, "f")
        positions = tuple(range(len(group)))
        made = make(jax_vjp, (*group, *others, start), {"graph": graph, "wrt": positions})
        found.update(zip(group, results_of(made), strict=True))
    return [found[w] for w in wrt]


def _is_endless(node: Node) -> bool:
    return node.op.name == "while_loop" and node.params["bound"] is None
