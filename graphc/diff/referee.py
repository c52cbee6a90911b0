"""The engine `jax`: JAX's own autodiff of the lowered forward graph, as one sub-graph op."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.errors import EngineError
from graphc.core.graph import LEAF_OPS, close_over
from graphc.core.naming import describe
from graphc.core.node import Node, make, scalar
from graphc.core.walk import topological_order, topological_order_until
from graphc.ops.chain import broadcast_to
from graphc.ops.control import results_of
from graphc.ops.flow.inner import bodies_run
from graphc.ops.referee import jax_vjp


def referee_gradients(output: Node, wrt: Sequence[Node], seed: Node | None = None) -> list[Node]:
    """Returns JAX's reverse-mode derivative by `wrt`; it runs under the JAX backend only.

    Args:
        output: any shape.
        wrt: leaves together take one pass; an inner node takes a pass of its own, cut there.
        seed: the output's adjoint; 1 without one.
    """
    endless = _endless(output)
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


def _endless(output: Node) -> Node | None:
    """Returns a loop without a bound through which JAX would have to go back."""
    todo: list[Sequence[Node]] = [[output]]
    for roots in todo:  # it grows on the way
        # A solution is differentiated through its equation, and not through how it was found.
        found = [n.args[0] for n in topological_order(roots) if n.op.name == "implicit"]
        for node in topological_order_until(roots, dict.fromkeys(found)):
            if node.op.name == "while_loop" and node.params["bound"] is None:
                return node
            todo += [body.graph.outputs for body in bodies_run(node)]
    return None
