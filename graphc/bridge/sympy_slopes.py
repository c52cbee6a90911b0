"""The slope of one op in one operand, as graph: SymPy differentiates the op's formula.

At a kink the slope is the record's own convention. Nothing of an op's reverse or forward rule is
read, so a wrong rule shows as a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from graphc.bridge.sympy_names import Choice, Expression, StandardNames, sympy
from graphc.bridge.sympy_ops import OpCall, operand_symbols, partial_expression
from graphc.bridge.sympy_read import from_sympy
from graphc.core.errors import EngineError
from graphc.core.node import Node, apply_named, apply_public, scalar
from graphc.ops.chain import Partial, both, masked, split_mask


def slope(call: OpCall, index: int, operands: Sequence[Node]) -> Partial:
    """Returns the partial derivative of an op in operand `index`: a node, a factor, None for zero.

    Raises:
        EngineError: the op has no scalar formula.
    """
    expression = partial_expression(call, index, len(operands))
    symbols = operand_symbols(len(operands))
    dtype = operands[index].type.dtype
    smooth: Partial = None
    if expression.is_Integer:
        smooth = float(expression) if expression != 0 else None
    else:
        smooth = from_sympy(expression, dict(zip(symbols, operands, strict=True)), dtype=dtype)
    if call.op.kink is None:
        return smooth
    given = _KinkNames()
    deltas = [sympy.Integer(int(i == index)) for i in range(len(operands))]
    promised: Expression = sympy.sympify(
        call.op.kink.slope(given, *deltas, *operands, **call.params)
    )
    flat = bool(promised == 0)
    if flat and smooth is None:
        return None
    if isinstance(smooth, float) and promised.is_number and float(promised) == smooth:
        return smooth
    at = call.op.kink.at(_GraphNames, *operands, **call.params)
    if flat:
        mask, value = split_mask(_as_node(smooth, operands[index]))
        return masked(both(apply_named("logical_not", at), mask), value)
    convention = from_sympy(promised, given.conditions, dtype=dtype)
    if smooth is None:
        return masked(at, convention)
    mask, value = split_mask(_as_node(smooth, operands[index]))
    chosen = apply_named("where", at, convention, value)
    return chosen if mask is None else masked(apply_named("logical_or", mask, at), chosen)


def slope_node(function: Any, operands: Sequence[Node]) -> Node:
    """Returns the slope that a PartialFunction stands for, as a node."""
    index = function.index
    made = slope(function.call, index, operands)
    return _as_node(0.0 if made is None else made, operands[index])


@cache
def slope_size(call: OpCall, index: int, count: int) -> tuple[int, tuple[int, ...]]:
    """Returns how many operations an op's slope has, and how often each operand stands in it."""
    if call.op.kink is not None or call.op.name == "integer_pow":
        return 1, (1,) * count
    expression = partial_expression(call, index, count)
    appearances = tuple(int(expression.count(s)) for s in operand_symbols(count))
    return int(sympy.count_ops(expression)), appearances


def _as_node(partial: Partial, like: Node) -> Node:
    if isinstance(partial, Node):
        return partial
    return scalar(0.0 if partial is None else partial, like.type.dtype)


class _GraphNames:
    """The array functions that kinks are written with, on nodes."""

    @staticmethod
    def where(condition: Any, x: Any, y: Any) -> Node:
        return apply_public("where", condition, x, y)

    @staticmethod
    def mod(x: Any, y: Any) -> Node:
        return apply_named("mod", x, y)

    floor = staticmethod(lambda x: apply_named("floor", x))
    ceil = staticmethod(lambda x: apply_named("ceil", x))
    round = staticmethod(lambda x: apply_named("round", x))
    trunc = staticmethod(lambda x: apply_named("trunc", x))


class _KinkNames:
    """The functions that a kink's slope is written with: numbers exact, conditions as symbols."""

    def __init__(self) -> None:
        self.conditions: dict[Expression, Node] = {}

    def number(self, text: str, like: Any) -> Expression:
        return StandardNames.number(text)

    def where(self, condition: Any, x: Any, y: Any) -> Expression:
        if not isinstance(condition, Node):
            raise EngineError("a kink's slope chooses by something that is no graph value")
        symbol = sympy.Symbol(f"condition{len(self.conditions)}")
        self.conditions[symbol] = condition
        return Choice(symbol, x, y)
