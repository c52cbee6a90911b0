"""The slope of one op in one operand, as graph: SymPy differentiates the op's formula.

At a kink the slope is the record's own convention. Nothing of an op's reverse or forward rule is
read, so a wrong rule shows as a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from graphc.bridge.sympy_names import sympy
from graphc.bridge.sympy_ops import OpCall, operand_symbols, partial_expression
from graphc.bridge.sympy_read import from_sympy
from graphc.core.dtype import DType
from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.walk import rebuild
from graphc.ops.chain import Partial, both, is_constant, masked, split_mask
from graphc.ops.source import number


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
    names = _KinkNames(dtype)
    deltas = [1.0 if i == index else 0.0 for i in range(len(operands))]
    promised = _tidy(call.op.kink.slope(names, *deltas, *operands, **call.params))
    plain = promised if isinstance(promised, float) else None
    if plain is not None and not isinstance(smooth, Node) and plain == (smooth or 0.0):
        return smooth
    at = call.op.kink.at(names, *operands, **call.params)
    if smooth is None:
        return masked(at, _as_node(promised, operands[index]))
    mask, value = split_mask(_as_node(smooth, operands[index]))
    if plain == 0.0:
        return masked(both(apply_named("logical_not", at), mask), value)
    chosen = apply_named("where", at, _as_node(promised, operands[index]), value)
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


class _KinkNames:
    """The array functions that kinks are written with, on nodes and plain numbers."""

    def __init__(self, dtype: DType) -> None:
        self.dtype = dtype

    def number(self, text: str, like: Any) -> Node:
        return number(text, self.dtype)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        if not isinstance(condition, Node):
            return x if condition else y
        if not isinstance(x, Node) and not isinstance(y, Node) and x == y:
            return x
        return apply_named("where", condition, self._node(x), self._node(y))

    def real(self, x: Any) -> Any:
        return x  # SymPy's graphs hold no complex numbers

    def divide(self, x: Any, y: Any) -> Any:
        return apply_named("div", self._node(x), self._node(y))

    def sign(self, x: Any) -> Any:
        return apply_named("step_sign", x) if isinstance(x, Node) else float(np.sign(x))

    def _node(self, value: Any) -> Node:
        return value if isinstance(value, Node) else scalar(float(value), self.dtype)

    copysign = staticmethod(lambda x, y: apply_named("copysign", x, y))
    mod = staticmethod(lambda x, y: apply_named("mod", x, y))
    floor = staticmethod(lambda x: apply_named("floor", x))
    ceil = staticmethod(lambda x: apply_named("ceil", x))
    round = staticmethod(lambda x: apply_named("round", x))
    trunc = staticmethod(lambda x: apply_named("trunc", x))


def _tidy(value: Any) -> Node | float:
    """Returns a kink's slope without the sums, products and choices by the deltas' 0 and 1."""
    if not isinstance(value, Node):
        return float(value)

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        for position, arg in enumerate(args[:2]):
            other = args[1 - position] if len(args) == 2 else arg
            match node.op.name:
                case "add" if is_constant(arg, 0.0):
                    return other
                case "sub" if position == 1 and is_constant(arg, 0.0):
                    return other
                case "mul" if is_constant(arg, 1.0):
                    return other
                case "mul" if is_constant(arg, 0.0):
                    return arg
                case "logical_and" if is_constant(arg, True):
                    return other
                case "logical_and" if is_constant(arg, False):
                    return arg
                case _:
                    pass
        if node.op.name == "where" and args[0].op.name == "constant":
            return args[1] if args[0].params["value"].array else args[-1]
        return make(node.op, args, node.params)

    (tidy,) = rebuild([value], {}, step)
    if tidy.op.name == "constant" and not tidy.type.shape:
        return float(tidy.params["value"].array)
    return tidy
