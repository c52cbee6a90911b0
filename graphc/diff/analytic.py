"""The engine `analytic`: the formulas that the author wrote beside the expression."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.errors import EngineError
from graphc.core.naming import describe
from graphc.core.node import Node, scalar
from graphc.core.walk import topological_order, topological_order_until
from graphc.diff.reverse import full
from graphc.ops.chain import multiply, reshape, sum_to
from graphc.ops.sweep import op_rule, reverse_sweep


def analytic_gradients(
    output: Node, wrt: Sequence[Node], seed: Node | None = None
) -> tuple[list[Node], str]:
    """Returns the gradient by the author's formulas, and in words what was used.

    Where a formula stands beside a part of the expression only, graphc's own rules carry it to the
    output; the words say so.

    Args:
        output: a scalar unless a seed is given.
        wrt: the nodes to differentiate by.
        seed: the output's adjoint; 1 without one.

    Raises:
        EngineError: there is no formula on the way, or it leaves out one of `wrt`.
    """
    marked = [n for n in topological_order([output]) if n.op.name == "with_gradient"]
    if not marked:
        raise EngineError(
            "there is no formula beside the expression",
            "give one with gx.with_gradient(loss, {w: formula}) or Problem(analytic=...)",
        )
    wanted_by = set(wrt)
    used = [0, 0]

    def rule(adjoint: Node, node: Node, wanted: Sequence[int]) -> Sequence[Node | None]:
        if node.op.name != "with_gradient":
            used[1] += 1
            return op_rule(adjoint, node, wanted)
        used[0] += 1
        count = node.params["count"]
        keys = node.args[1 : count + 1]
        _check_covered(node, keys, wanted_by)
        formulas = node.params["graph"].inline(node.args[1:])
        found: list[Node | None] = []
        for index in wanted:
            inside = 1 <= index <= count
            found.append(_times(adjoint, formulas[index - 1], node) if inside else None)
        return found

    start = scalar(1.0, output.dtype) if seed is None else seed
    adjoints = reverse_sweep({output: start}, wrt, rule)
    if not used[0]:
        raise EngineError("no formula lies between the output and what it is differentiated by")
    words = "the author's formula"
    if used[1]:
        words = f"the author's formula at {used[0]} node(s), graphc's rules at {used[1]}"
    return [full(adjoints.get(w), w) for w in wrt], words


def _times(adjoint: Node, formula: Node, node: Node) -> Node:
    if node.ndim:
        return multiply(adjoint, formula)
    scale = reshape(adjoint, (1,) * formula.ndim) if formula.ndim else adjoint
    return sum_to(multiply(scale, formula), formula.shape)


def _check_covered(node: Node, keys: Sequence[Node], wrt: set[Node]) -> None:
    given = set(keys)
    for below in topological_order_until([node.args[0]], dict.fromkeys(given)):
        if below in wrt and below not in given:
            raise EngineError(f"there is no formula for {describe(below)}")
