"""What an expression would cost SymPy, counted on the graph before SymPy sees any of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from graphc.bridge import sympy as bridge
from graphc.bridge.sympy_ops import op_call
from graphc.bridge.sympy_slopes import slope_size
from graphc.core.node import Node

#: A derivative may have this many times the operations that its expression may have.
DERIVATIVE_FACTOR = 10
#: SymPy draws numbers together: (x/8)**5 * (x/9)**7 holds one number. It must stay in this range
#: of powers of two on either side of 1, so that no product below overflows that did not before.
_EXPONENTS = {"float64": 1022, "float32": 126, "bfloat16": 126, "float16": 14}
_DRAWN_OUT = frozenset(
    ("mul", "div", "neg", "reciprocal", "square", "sqrt", "rsqrt", "integer_pow", "pow")
)


def shown_count(number: int) -> str:
    """Returns a count as text, a huge one as a power of ten."""
    if number < 10**9:
        return f"{number:,}"
    return f"about 10**{round((number.bit_length() - 1) * math.log10(2))}"


def past_budget(
    order: Sequence[Node], active: set[Node], cut: Mapping[Node, Any], output: Node, budget: int
) -> str:
    """Returns in what the expression passes the budget, counted on the graph; or nothing."""
    alive = [n for n in order if n in active]
    sizes = dict.fromkeys(order, 0)
    for node in alive:
        if node not in cut:
            sizes[node] = 1 + sum([sizes[a] for a in node.args])
    if sizes[output] > budget:
        grown = shown_count(sizes[output])
        return f"the expression has {grown} operations, above the budget of {budget:,}"
    depth = bridge.expression_depth(order, cut)[output]
    if depth > bridge.MAX_DEPTH:
        return f"the expression has {depth:,} levels, above {bridge.MAX_DEPTH}"
    if _number_scale(order, active, cut) > _EXPONENTS[output.dtype.name]:
        return f"its numbers, drawn together, could leave the range of {output.dtype.name}"
    total, limit = 0, DERIVATIVE_FACTOR * budget
    for source in cut:
        total += _derivative_size(alive, source, cut, sizes, output)
        if total > limit:
            return f"its derivatives have more than {limit:,} operations, the budget's tenfold"
    return ""


def _derivative_size(
    alive: Sequence[Node],
    source: Node,
    cut: Mapping[Node, Any],
    sizes: Mapping[Node, int],
    output: Node,
) -> int:
    """Returns at most how many operations SymPy writes for the derivative by one source."""
    grown: dict[Node, int] = {source: 0}
    for node in alive:
        if node in cut:
            continue
        total = 0
        reached = False
        for index, arg in enumerate(node.args):
            if arg not in grown:
                continue
            reached = True
            own, appearances = slope_size(op_call(node.op, node.params), index, len(node.args))
            copies = [n * sizes[a] for n, a in zip(appearances, node.args, strict=True)]
            total += grown[arg] + own + sum(copies) + (2 if own or sum(copies) else 1)
        if reached:
            grown[node] = total
    return grown.get(output, 0)


def _number_scale(order: Sequence[Node], active: set[Node], cut: Mapping[Node, Any]) -> int:
    """Returns at most how many powers of two lie between 1 and the numbers of the last expression.

    A product draws the numbers of its factors together (`lead`), and multiplies a sum out by them
    (`inner`); nothing leaves a sum or a function.
    """
    lead: dict[Node, int] = {}
    inner: dict[Node, int] = {}
    for node in order:
        lead[node] = inner[node] = 0
        if node.op.name == "constant" and not node.type.shape and node.type.dtype.kind == "f":
            lead[node] = abs(math.frexp(float(node.params["value"].array))[1])
        if node not in active or node in cut:
            continue
        within = max([inner[a] for a in node.args])
        if node.op.name in _DRAWN_OUT:
            times = {"square": 2, "integer_pow": node.params.get("exponent", 1)}.get(
                node.op.name, 1
            )
            lead[node] = min(abs(times), bridge.MAX_POWER) * sum([lead[a] for a in node.args])
            inner[node] = within + lead[node]
        else:
            inner[node] = max(within, *[lead[a] for a in node.args]) + 1
    return max(lead[order[-1]], inner[order[-1]])
