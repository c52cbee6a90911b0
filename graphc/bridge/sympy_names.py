"""SymPy's side of the operations: the namespaces that formulas are read in, and opaque functions.

SymPy rewrites what it knows: sqrt(x**2) may become |x|, Max is reordered, a Piecewise condition is
solved for its symbol. So choices, jumps and graphc's own functions are SymPy functions made here,
which it differentiates and otherwise leaves alone: relu stays relu.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

import sympy
from sympy.codegen.cfunctions import expm1, log1p

from graphc.core.errors import EngineError
from graphc.core.node import freeze
from graphc.core.op import Op
from graphc.ops.source import EXACT_NUMBERS

#: SymPy ships no types: its expressions are `Any` to the type checker.
Expression = Any

#: Ops that SymPy has under the same meaning; every other op is an opaque function with its name.
NATIVE = frozenset(
    (
        "add", "sub", "mul", "div", "neg", "reciprocal", "square", "integer_pow", "exp", "expm1",
        "log", "log1p", "sqrt", "rsqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
        "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "where",
    )
)  # fmt: skip


# -- functions that SymPy leaves as they are -----------------------------------------------------------


class Choice(sympy.Function):
    """`where(condition, x, y)`, whose derivative takes the same branch, so 0 * inf is never formed."""

    nargs = 3
    is_commutative = True

    @classmethod
    def eval(cls, condition: Any, x: Any, y: Any) -> Any:
        if condition is sympy.true or x == y:
            return x
        return y if condition is sympy.false else None

    def _eval_derivative(self, symbol: Any) -> Any:
        condition, x, y = self.args
        return Choice(condition, x.diff(symbol), y.diff(symbol))


class InversePositive(sympy.Function):
    """1 / x for x >= 0 and NaN below: the slope of a logarithm, where it has one."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return -1 / self.args[0] ** 2


class Log(sympy.Function):
    """The logarithm of a real number."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return InversePositive(self.args[0])


class Log1p(sympy.Function):
    """log(1 + x), kept so that it stays accurate near 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return InversePositive(1 + self.args[0])


class Atanh(sympy.Function):
    """The inverse hyperbolic tangent of a real number."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return InversePositive(1 - self.args[0] ** 2)


class Erfc(sympy.Function):
    """1 - erf(x), kept as it is: SymPy turns erfc(-x) into 2 - erfc(x), which loses the tail."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return -2 * sympy.exp(-(self.args[0] ** 2)) / sympy.sqrt(sympy.pi)


class Logistic(sympy.Function):
    """1 / (1 + exp(-x)), which SymPy differentiates into a quotient of two overflows."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return Logistic(self.args[0]) * Logistic(-self.args[0])


class Softplus(sympy.Function):
    """log(1 + exp(x)), for the same reason."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return Logistic(self.args[0])


class Power(sympy.Function):
    """x ** y for any real y; the slope in y is 0 where x is 0."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Any:
        x, y = self.args
        if argindex == 1:
            return y * Power(x, y - 1)
        return Choice(sympy.Ne(x, 0), Power(x, y) * Log(x), 0)


class _Jump(sympy.Function):
    """A step function: its derivative is 0 wherever it has one."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.S.Zero


class Sign(_Jump):
    """-1, 0 or 1."""


class Floor(_Jump):
    """The largest integer not above x."""


class Ceil(_Jump):
    """The smallest integer not below x."""


class Round(_Jump):
    """The nearest integer, halves to even."""


class Trunc(_Jump):
    """x rounded towards 0."""


class Magnitude(sympy.Function):
    """|x| of a real number."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return Sign(self.args[0])


#: The op that each of these functions is in a graph.
OWN_FUNCTIONS: dict[Any, str] = {
    Choice: "where", InversePositive: "inverse_positive", Log: "log", Log1p: "log1p",
    Atanh: "atanh", Power: "pow", Sign: "step_sign", Floor: "floor", Ceil: "ceil",
    Round: "round", Trunc: "trunc", Magnitude: "abs", Erfc: "erfc", Logistic: "sigmoid",
    Softplus: "softplus",
}  # fmt: skip


for _own, _name in OWN_FUNCTIONS.items():
    _own.__name__ = _name  # what an expression shows


# -- the namespaces --------------------------------------------------------------------------------------


class StandardNames:
    """The namespace in which an op's formula becomes a SymPy expression of SymPy's own functions."""

    pi = sympy.pi
    nan = sympy.nan
    exp = staticmethod(sympy.exp)
    log = staticmethod(sympy.log)
    sqrt = staticmethod(sympy.sqrt)
    sin = staticmethod(sympy.sin)
    cos = staticmethod(sympy.cos)
    tan = staticmethod(sympy.tan)
    asin = staticmethod(sympy.asin)
    acos = staticmethod(sympy.acos)
    atan = staticmethod(sympy.atan)
    sinh = staticmethod(sympy.sinh)
    cosh = staticmethod(sympy.cosh)
    tanh = staticmethod(sympy.tanh)
    asinh = staticmethod(sympy.asinh)
    acosh = staticmethod(sympy.acosh)
    atanh = staticmethod(sympy.atanh)
    atan2 = staticmethod(sympy.atan2)
    erf = staticmethod(sympy.erf)
    erfc = staticmethod(sympy.erfc)
    expm1 = staticmethod(expm1)
    log1p = staticmethod(log1p)
    abs = staticmethod(sympy.Abs)
    sign = staticmethod(sympy.sign)
    floor = staticmethod(sympy.floor)
    ceil = staticmethod(sympy.ceiling)
    round = Round
    trunc = Trunc
    max = staticmethod(sympy.Max)
    min = staticmethod(sympy.Min)
    equal = staticmethod(sympy.Eq)
    logical_and = staticmethod(sympy.And)
    logical_or = staticmethod(sympy.Or)
    logical_xor = staticmethod(sympy.Xor)
    logical_not = staticmethod(sympy.Not)

    @staticmethod
    def div(x: Any, y: Any) -> Any:
        return sympy.sympify(x) / y

    @staticmethod
    def power(x: Any, y: Any) -> Any:
        return sympy.Pow(x, y)

    @staticmethod
    def where(condition: Any, x: Any, y: Any) -> Any:
        return sympy.Piecewise((x, condition), (y, True), evaluate=False)

    @classmethod
    def number(cls, text: str) -> Any:
        """Returns an exact number from its name or its decimal digits."""
        if text in EXACT_NUMBERS:
            return EXACT_NUMBERS[text][1](cls)
        exact = Fraction(text)
        return sympy.Rational(exact.numerator, exact.denominator)


class ExactNames(StandardNames):
    """The namespace of the symbolic engine: what SymPy would rewrite is left opaque."""

    log = Log
    log1p = Log1p
    atanh = Atanh
    erfc = Erfc
    abs = Magnitude
    sign = Sign
    floor = Floor
    ceil = Ceil

    @staticmethod
    def power(x: Any, y: Any) -> Any:
        return sympy.Pow(x, y) if isinstance(y, int) else Power(x, y)

    @staticmethod
    def where(condition: Any, x: Any, y: Any) -> Any:
        return Choice(condition, x, y)

    @staticmethod
    def max(x: Any, y: Any) -> Any:
        return Choice(x > y, x, y)

    @staticmethod
    def min(x: Any, y: Any) -> Any:
        return Choice(x < y, x, y)


class FormulaNames(ExactNames):
    """The namespace in which an op's own formula is differentiated: two patterns overflow."""

    @staticmethod
    def div(x: Any, y: Any) -> Any:
        inner = _one_plus_exp(y)
        return sympy.sympify(x) / y if inner is None else x * Logistic(-inner)

    @staticmethod
    def log(x: Any) -> Any:
        inner = _one_plus_exp(x)
        return Log(x) if inner is None else Softplus(inner)


def _one_plus_exp(expression: Any) -> Any:
    """Returns u where an expression is 1 + exp(u), else None."""
    rest = expression - 1
    return rest.args[0] if isinstance(rest, sympy.exp) else None


# -- graphc's ops as opaque functions ------------------------------------------------------------------


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

    @classmethod
    def eval(cls, *args: Any) -> Any:
        return None

    def fdiff(self, argindex: int = 1) -> Any:
        call = self.call
        partial = None if isinstance(call.op.formula, str) else self._partial(argindex - 1)
        if partial == 0 and _is_step(call, len(self.args)):
            return sympy.S.Zero
        # A kink needs graphc's convention, and a power of a number must not be multiplied out.
        if call.op.kink is not None or call.op.name == "integer_pow":
            return partial_function(call, argindex - 1)(*self.args)
        assert partial is not None
        return partial

    def _partial(self, index: int) -> Any:
        symbols = operand_symbols(len(self.args))
        partial = partial_expression(self.call, index, len(self.args))
        return partial.xreplace(dict(zip(symbols, self.args, strict=True)))


def _is_step(call: OpCall, count: int) -> bool:
    """Tells whether an op that is flat around its kink is flat at it, by convention, too."""
    kink = call.op.kink
    if kink is None or count != 1:
        return kink is None
    return kink.slope(StandardNames, sympy.S.One, *operand_symbols(1), **call.params) == 0


class PartialFunction(sympy.Function):
    """Base of the functions that stand for an op's partial derivative, kinks included."""

    call: OpCall
    index: int

    @classmethod
    def eval(cls, *args: Any) -> Any:
        return None

    def fdiff(self, argindex: int = 1) -> Any:
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
    formula = sympy.sympify(call.op.formula(FormulaNames, *symbols, **call.params))
    return formula.diff(symbols[index])
