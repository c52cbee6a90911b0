"""Graphc's ops as SymPy functions of their own: relu stays relu, and knows its slope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphc.bridge.sympy_names import FormulaNames, StandardNames, sympy
from graphc.core.const import freeze
from graphc.core.errors import EngineError
from graphc.core.op import Op


@dataclass(frozen=True, slots=True)
class OpCall:
    """An op with its parameters; two are equal where the parameters agree in type and bits."""

    op: Op
    key: Any
    params: Mapping[str, Any] = field(compare=False)

    @property
    def title(self) -> str:
        """The name that an expression shows."""
        if not self.params:
            return self.op.name
        return f"{self.op.name}[{', '.join(f'{k}={v!r}' for k, v in self.params.items())}]"


def op_call(op: Op, params: Mapping[str, Any]) -> OpCall:
    """Returns an op with its parameters, as a key."""
    return OpCall(op, tuple((k, freeze(v)) for k, v in params.items()), params)


class OpFunction(sympy.Function):
    """Base of the functions that stand for one op; SymPy differentiates the op's formula."""

    call: OpCall

    def fdiff(self, argindex: int = 1) -> Any:
        """Returns the slope in one operand, counted from 1."""
        call, count, index = self.call, len(self.args), argindex - 1
        # A power of a number must not be multiplied out, a kink needs graphc's convention, ...
        if isinstance(call.op.formula, str) or call.op.name == "integer_pow":
            return partial_function(call, index)(*self.args)
        partial = partial_expression(call, index, count)
        # ... but what is flat around its kink and at it is flat.
        flat = partial.is_zero is True and _is_step(call, count)
        if call.op.kink is not None and not flat:
            return partial_function(call, index)(*self.args)
        return partial.xreplace(dict(zip(operand_symbols(count), self.args, strict=True)))


def _is_step(call: OpCall, count: int) -> bool:
    """Tells whether an op that is flat around its kink is flat at it, by convention, too."""
    kink = call.op.kink
    return (
        count == 1
        and kink is not None
        and kink.slope(StandardNames, sympy.S.One, *operand_symbols(1), **call.params) == 0
    )


class PartialFunction(sympy.Function):
    """Base of the functions that stand for an op's partial derivative, kinks included."""

    call: OpCall
    index: int

    def fdiff(self, argindex: int = 1) -> Any:
        """Refuses: slopes of slopes are taken on the graph."""
        raise EngineError(
            f"SymPy would differentiate {self.func.__name__} twice",
            "apply the engine twice: gx.grad of a gradient",
        )


@cache
def op_function(call: OpCall) -> Any:
    """Returns the SymPy function that stands for an op with its parameters."""
    return type(call.title, (OpFunction,), {"call": call})


@cache
def partial_function(call: OpCall, index: int) -> Any:
    """Returns the SymPy function that stands for an op's slope in its operand `index`."""
    name = f"{call.title}_{index + 1}"
    return type(name, (PartialFunction,), {"call": call, "index": index})


@cache
def operand_symbols(count: int) -> tuple[Any, ...]:
    """Returns the symbols in which formulas are differentiated."""
    return tuple(sympy.Symbol(f"x{i + 1}") for i in range(count))


@cache
def partial_expression(call: OpCall, index: int, count: int) -> Any:
    """Returns what SymPy makes of an op's formula, differentiated in its operand `index`.

    Raises:
        EngineError: the op has no scalar formula.
    """
    if isinstance(call.op.formula, str):
        raise EngineError(f"SymPy can't differentiate {call.op.name}: {call.op.formula}")
    symbols = operand_symbols(count)
    formula = sympy.sympify(call.op.formula(FormulaNames, *symbols, **call.params), strict=True)
    return formula.diff(symbols[index])
