"""The engine `symbolic`: SymPy differentiates, the result comes back as graph.

Small scalar expressions are differentiated whole. SymPy writes a shared part out each time it is
used, so the work can grow as 2**n; it is counted on the graph before SymPy sees any of it. Past the
budget, and for tensors, SymPy differentiates each op's own formula, and the chain rule is applied
in reverse order. Nothing is simplified: SymPy's expand and simplify lose digits.
"""

from __future__ import annotations

import contextvars
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from graphc.bridge import sympy as bridge
from graphc.bridge.sympy_names import Expression, sympy
from graphc.bridge.sympy_ops import op_call
from graphc.bridge.sympy_slopes import slope, slope_node
from graphc.core.errors import EngineError, GradError
from graphc.core.naming import describe
from graphc.core.node import Node, make, scalar
from graphc.core.type import TensorType, broadcast_shapes
from graphc.core.walk import rebuild, topological_order, topological_order_until
from graphc.diff.reverse import full
from graphc.diff.symbolic_budget import DERIVATIVE_FACTOR, past_budget, shown_count
from graphc.ops.chain import broadcast_to, chain, sum_to
from graphc.ops.sweep import active_nodes, op_rule, reverse_sweep

Result = TypeVar("Result")

#: Nodes that a graph may have once its blocks are written out.
MAX_OPENED = 20_000
_WHOLE, _LOCAL = "whole expression", "local partials"


@dataclass(frozen=True, slots=True, eq=False)
class SymbolicResult:
    """What the engine made and how.

    Attributes:
        gradients: of `wrt`, in their shapes.
        route: `"whole expression"` or `"local partials"`.
        reason: why the whole expression was not differentiated; empty where it was.
        expression: operations of the differentiated expression, written out as a tree.
        operations: operations of the gradients: each shared one once, or, with `sharing=False`,
            written out as trees.
        tree: operations of the gradients written out as trees.
        swell: tree / expression; infinite where it passes the floats.
        partials: how many nodes' formulas SymPy differentiated one by one.
        structural: how many nodes passed their adjoint on by their own rule, by op.
        words: all of this in a sentence.
    """

    gradients: list[Node]
    route: str
    reason: str
    expression: int
    operations: int
    tree: int
    swell: float
    partials: int
    structural: Mapping[str, int]
    words: str


def symbolic_gradient(
    output: Node,
    wrt: Sequence[Node],
    *,
    seed: Node | None = None,
    budget: int = bridge.BUDGET,
    sharing: bool = True,
) -> SymbolicResult:
    """Differentiates with SymPy.

    Args:
        output: a float node; a scalar unless a seed is given.
        wrt: float nodes.
        seed: the output's adjoint; 1 without one.
        budget: operations that the expression may have as a tree to be differentiated whole; its
            derivatives may have ten times as many. 0 asks for local partials.
        sharing: count the gradients' shared operations once; else as trees. The graph is the same.

    Raises:
        EngineError: SymPy can't differentiate an op on the way, and the op has no rule of its own.
        GradError: the output is no scalar and there is no seed.
    """
    if seed is None and (not isinstance(output.type, TensorType) or output.type.shape):
        raise GradError(
            f"{describe(output, 3)} is {output.type}, not a scalar", "sum it, or give a seed"
        )
    output = _opened(output, wrt)
    order = topological_order([output])
    inner = next((n for n in order if getattr(n.type, "dtype", output.dtype).kind == "c"), None)
    if inner is not None:
        raise EngineError(
            f"symbolic does not apply: {describe(inner, 2)} is complex, and it knows real numbers",
            "use reverse or forward",
        )
    size = bridge.tree_operations(order)[output]
    reason = "a seed is given" if seed is not None else ""
    partials, structural = 0, {}
    found: list[Node] | str = reason or _whole(output, wrt, budget)
    if isinstance(found, str):
        reason = found
        start = scalar(1.0, output.dtype) if seed is None else seed
        found, partials, structural = _local(output, wrt, start)
    made = topological_order(found)
    counts = bridge.tree_operations(made)
    tree = sum(counts[g] for g in found)
    shared = len([n for n in made if n.args])
    return SymbolicResult(
        gradients=found,
        route=_LOCAL if reason else _WHOLE,
        reason=reason,
        expression=size,
        operations=shared if sharing else tree,
        tree=tree,
        swell=_ratio(tree, size),
        partials=partials,
        structural=structural,
        words=_words(reason, size, tree, shared, partials, structural),
    )


def _ratio(tree: int, size: int) -> float:
    try:
        return tree / max(size, 1)
    except OverflowError:
        return math.inf


def _words(
    reason: str, size: int, tree: int, shared: int, partials: int, structural: Mapping[str, int]
) -> str:
    growth = _ratio(tree, size)
    times = f"{growth:,.1f}×" if growth < 10**6 else f"{shown_count(tree // max(size, 1))}×"
    swell = (
        f"{shown_count(size)} operation{'s' if size != 1 else ''} written out became "
        f"{shown_count(tree)} (swell {times}), {shared:,} different one{'s' if shared != 1 else ''}"
    )
    if not reason:
        return f"whole expression by SymPy: {swell}"
    words = f"local partials ({reason}): SymPy differentiated the formulas of {partials:,} "
    words += "node" if partials == 1 else "nodes"
    if structural:
        total = sum(structural.values())
        names = ", ".join(f"{name} {count}" for name, count in structural.items())
        words += f", {total:,} passed their adjoint on by their structural rule ({names})"
    return f"{words}; {swell}"


def _opened(output: Node, wrt: Sequence[Node]) -> Node:
    """Returns the output with its blocks written out, where they are not too large.

    A block's own backward graph is made by graphc's rules; written out, SymPy sees its formulas.
    """
    if any(w.args for w in wrt):
        return output
    while True:
        order = topological_order([output])
        calls = [n for n in order if n.op.name == "call"]
        bodies = [topological_order(n.params["graph"].outputs) for n in calls]
        if not calls or len(order) + sum(map(len, bodies)) > MAX_OPENED:
            return output
        output = _opened_once(output)


def _opened_once(output: Node) -> Node:
    results: dict[Node, list[Node]] = {}

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        if node.op.name == "item" and node.args[0] in results:
            return results[node.args[0]][node.params["index"]]
        if node.op.name != "call":
            return make(node.op, args, node.params)
        results[node] = node.params["graph"].inline(args)
        return results[node][0]

    return rebuild([output], {}, step)[0]


# -- the whole expression --------------------------------------------------------------------------


def _whole(output: Node, wrt: Sequence[Node], budget: int) -> list[Node] | str:
    """Returns the gradients, or the reason why SymPy should not see the whole expression."""
    cut = dict.fromkeys(wrt)
    order = [*cut, *topological_order_until([output], cut)]
    active = active_nodes(order, list(cut))
    reason = (
        _no_scalar_expression(order, active, cut)
        or _nested(wrt)
        or past_budget(order, active, cut, output, budget)
    )
    if reason:
        return reason
    given, nodes = _symbols(order, active, cut)
    (expression,) = bridge.expressions([output], given, bridge.exact_constant)
    try:
        found = _on_fresh_stack(lambda: _differentiate(expression, [given[w] for w in wrt], budget))
    except RecursionError:
        return "SymPy recursed deeper than Python goes here"
    if isinstance(found, str):
        return found
    read = [bridge.from_sympy(d, nodes, dtype=output.dtype, expand=slope_node) for d in found]
    return [full(r, w) for r, w in zip(read, wrt, strict=True)]


def _no_scalar_expression(order: Sequence[Node], active: set[Node], cut: Mapping[Node, Any]) -> str:
    for node in order:
        if node in active and (not isinstance(node.type, TensorType) or node.type.shape):
            return f"{describe(node, 1)} is {node.type}, not a scalar"
        if node in active and node not in cut and not _has_formula(node):
            return f"{node.op.name} has no scalar formula"
    return ""


def _nested(wrt: Sequence[Node]) -> str:
    if all(not w.args for w in wrt):
        return ""
    below = topological_order([a for w in wrt for a in w.args])
    return "one of `wrt` lies below another" if any(w in set(below) for w in wrt) else ""


def _has_formula(node: Node) -> bool:
    return node.op.group == "elementwise" and callable(node.op.formula)


def _symbols(
    order: Sequence[Node], active: set[Node], cut: Mapping[Node, Any]
) -> tuple[dict[Node, Expression], dict[Expression, Node]]:
    """Returns a symbol for every node that SymPy takes as given, and the nodes of the symbols.

    Given are the nodes of `wrt`, and all that does not depend on them smoothly: conditions, other
    inputs, whole constant parts. Literal numbers are numbers.
    """
    given: dict[Node, Expression] = {}
    nodes: dict[Expression, Node] = {}
    for position, node in enumerate(order):
        literal = node.op.name == "constant" and not node.type.shape and node.type.dtype.kind == "f"
        if node in cut or (node not in active and not literal):
            symbol = sympy.Symbol(f"{node.params.get('name', 'v')}.{position}")
            given[node], nodes[symbol] = symbol, node
    return given, nodes


def _differentiate(
    expression: Expression, symbols: Sequence[Expression], budget: int
) -> list[Expression] | str:
    if expression.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I):
        return "SymPy folds a constant of it to infinity or off the real line"
    found: list[Expression] = []
    total, limit = 0, DERIVATIVE_FACTOR * budget
    for symbol in symbols:
        derivative = expression.diff(symbol)
        if derivative.has(sympy.Derivative, sympy.Subs, sympy.zoo, sympy.nan, sympy.I):
            return "SymPy leaves a derivative of it undone or infinite"
        total += int(sympy.count_ops(derivative))
        if total > limit:
            return f"its derivatives have more than {limit:,} operations, the budget's tenfold"
        found.append(derivative)
    return found


def _on_fresh_stack(work: Callable[[], Result]) -> Result:
    """Runs SymPy's recursion on a thread of its own, so that the caller's depth does not matter."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    context = contextvars.copy_context()  # who gathers warnings of steps gathers this thread's too
    thread = threading.Thread(target=context.run, args=(run,), name="graphc symbolic")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


# -- local partials --------------------------------------------------------------------------------


def _local(output: Node, wrt: Sequence[Node], seed: Node) -> tuple[list[Node], int, dict[str, int]]:
    """Returns the gradients by the chain rule over SymPy's partials, and what was used."""
    structural: dict[str, int] = {}
    partials = 0

    def rule(adjoint: Any, node: Node, wanted: Sequence[int]) -> Sequence[Node | None]:
        nonlocal partials
        if _has_formula(node):
            partials += 1
            return [_contribution(adjoint, node, index) for index in wanted]
        if isinstance(node.op.vjp, str):
            shown = describe(node, 3)
            raise EngineError(
                f"{shown} has neither a scalar formula nor a reverse rule: {node.op.vjp}",
                "leave it out of the path, or use gx.stop_gradient",
                place=node.place,
            )
        structural[node.op.name] = structural.get(node.op.name, 0) + 1
        return op_rule(adjoint, node, wanted)

    adjoints = reverse_sweep({output: seed}, wrt, rule)
    gradients = [full(adjoints.get(w), w) for w in wrt]
    return gradients, partials, dict(sorted(structural.items()))


def _contribution(adjoint: Node, node: Node, index: int) -> Node | None:
    operand = node.args[index]
    value = chain(adjoint, slope(op_call(node.op, node.params), index, node.args))
    if value is None:
        return None
    shape = operand.type.shape
    value = broadcast_to(value, broadcast_shapes(value.type.shape, shape))
    return broadcast_to(sum_to(value, shape), shape)
