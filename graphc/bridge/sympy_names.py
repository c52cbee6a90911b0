"""The namespaces that formulas are read in by SymPy, and the functions that it leaves alone.

SymPy rewrites what it knows: sqrt(x**2) may become |x|, Max is reordered, a Piecewise condition is
solved for its symbol. So choices, jumps and graphc's own functions are SymPy functions made here,
which it differentiates and otherwise leaves alone: relu stays relu.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy as _sympy
from sympy.codegen import cfunctions

from graphc.bridge.sympy_special import EXACT, STANDARD
from graphc.ops.source import EXACT_NUMBERS

#: SymPy's annotations are partial and in places wrong, so to the type checker it is `Any`.
sympy: Any = _sympy
expm1: Any = cfunctions.expm1
log1p: Any = cfunctions.log1p
Expression = Any

#: Ops that SymPy has under the same meaning; every other op is an opaque function with its name.
NATIVE = frozenset(
    (
        "add", "sub", "mul", "div", "neg", "reciprocal", "square", "integer_pow", "exp", "expm1",
        "log", "log1p", "sqrt", "rsqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
        "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "where",
    )
)  # fmt: skip


# -- functions that SymPy leaves as they are -------------------------------------------------------


class Choice(sympy.Function):
    """`where(condition, x, y)`; its derivative takes the same branch: 0 * inf is never formed."""

    nargs = 3
    is_commutative = True

    @classmethod
    def eval(cls, condition: Any, x: Any, y: Any) -> Any:
        """Returns a branch where there is nothing to choose."""
        if condition is sympy.true or x == y:
            return x
        return y if condition is sympy.false else None

    def _eval_derivative(self, symbol: Any) -> Any:
        condition, x, y = self.args
        return Choice(condition, x.diff(symbol), y.diff(symbol))


class Power(sympy.Function):
    """x ** y for any real y; the slope in y is 0 where x is 0."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Any:
        """Returns the slope in x (1) or in y (2)."""
        x, y = self.args
        if argindex == 1:
            return y * Power(x, y - 1)
        return Choice(sympy.Ne(x, 0), Power(x, y) * Log(x), 0)


class Sinc(sympy.Function):
    """A derivative of sin(s x) / (s x), as in the record of that name: x, its order, s."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> Any:
        """Returns the next derivative."""
        x, order, scale = self.args
        return Sinc(x, order + 1, scale)


def _own(name: str, slope: Callable[[Any], Any]) -> Any:
    """Returns a function of one operand that SymPy differentiates by `slope` and never rewrites."""

    def fdiff(self: Any, argindex: int = 1) -> Any:
        return sympy.sympify(slope(self.args[0]), strict=True)

    return type(name, (sympy.Function,), {"nargs": 1, "fdiff": fdiff})


# Real functions: where the value is NaN so is the slope.
InversePositive = _own("inverse_positive", lambda x: -1 / x**2)
Log = _own("log", lambda x: InversePositive(x))
Log1p = _own("log1p", lambda x: InversePositive(1 + x))
Atanh = _own("atanh", lambda x: InversePositive(1 - x**2))
# SymPy turns erfc(-x) into 2 - erfc(x), which loses the tail.
Erfc = _own("erfc", lambda x: -2 * sympy.exp(-(x**2)) / sympy.sqrt(sympy.pi))
# SymPy differentiates 1 / (1 + exp(-x)) and log(1 + exp(x)) into quotients of two overflows.
Logistic = _own("sigmoid", lambda x: Logistic(x) * Logistic(-x))
Softplus = _own("softplus", lambda x: Logistic(x))
Magnitude = _own("abs", lambda x: Sign(x))
# Steps: the slope is 0 wherever there is one.
Sign = _own("step_sign", lambda x: 0)
Floor = _own("floor", lambda x: 0)
Ceil = _own("ceil", lambda x: 0)
Round = _own("round", lambda x: 0)
Trunc = _own("trunc", lambda x: 0)

#: The op that each of these functions is in a graph, and the name that it shows.
OWN_FUNCTIONS: dict[Any, str] = {Choice: "where", Power: "pow"} | {
    function: function.__name__
    for function in (
        InversePositive, Log, Log1p, Atanh, Erfc, Logistic, Softplus, Magnitude, Sign, Floor, Ceil,
        Round, Trunc,
    )
}  # fmt: skip
for _function, _name in OWN_FUNCTIONS.items():
    _function.__name__ = _name


# -- the namespaces --------------------------------------------------------------------------------


def is_short(exponent: Any) -> bool:
    """Tells whether a number to this power can be written out."""
    number = isinstance(exponent, (int, sympy.Number))
    return not number or abs(exponent) <= 1024


class StandardNames:
    """The namespace in which a formula becomes an expression of SymPy's own functions."""

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
        """Returns x / y."""
        return sympy.sympify(x, strict=True) / y

    @staticmethod
    def power(x: Any, y: Any) -> Any:
        """Returns x ** y; SymPy would write the powers of numbers out, however long."""
        return sympy.Pow(x, y, evaluate=is_short(y))

    @staticmethod
    def sinc(x: Any, order: int, scale: str) -> Any:
        """Returns a derivative of sin(s x) / (s x)."""
        inner, factor = sympy.Dummy(), sympy.pi if scale == "pi" else sympy.S.One
        return sympy.sinc(factor * inner).diff(inner, order).xreplace({inner: x})

    @staticmethod
    def real(x: Any) -> Any:
        """Returns x: symbols here are real."""
        return x

    @staticmethod
    def where(condition: Any, x: Any, y: Any) -> Any:
        """Returns x where the condition holds, else y."""
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
        """Returns x ** y, opaque unless y is a Python integer of a few digits."""
        return sympy.Pow(x, y) if isinstance(y, int) and is_short(y) else Power(x, y)

    @staticmethod
    def sinc(x: Any, order: int, scale: str) -> Any:
        """Returns the opaque function; differentiated, a quotient is noise near 0."""
        return Sinc(x, order, sympy.pi if scale == "pi" else sympy.S.One)

    @staticmethod
    def where(condition: Any, x: Any, y: Any) -> Any:
        """Returns an opaque choice."""
        return Choice(condition, x, y)

    @staticmethod
    def max(x: Any, y: Any) -> Any:
        """Returns the larger one, as a choice."""
        return Choice(x > y, x, y)

    @staticmethod
    def min(x: Any, y: Any) -> Any:
        """Returns the smaller one, as a choice."""
        return Choice(x < y, x, y)


EXACT.update({
    "logaddexp": lambda x, y: y + Softplus(x - y),
    "logaddexp2": lambda x, y: y + Softplus((x - y) * Log(2)) / Log(2),
    "xlogy": lambda x, y: x * Log(y),
    "xlog1py": lambda x, y: x * Log1p(y),
    "entr": lambda x: -x * Log(x),
})  # fmt: skip
for _name, _function in STANDARD.items():
    setattr(StandardNames, _name, staticmethod(_function))
for _name, _function in EXACT.items():
    setattr(ExactNames, _name, staticmethod(_function))


class FormulaNames(ExactNames):
    """The namespace in which an op's own formula is differentiated: two patterns overflow."""

    @staticmethod
    def div(x: Any, y: Any) -> Any:
        """Returns x / y, and x * sigmoid(-u) for y = 1 + exp(u)."""
        inner = _one_plus_exp(y)
        return sympy.sympify(x, strict=True) / y if inner is None else x * Logistic(-inner)

    @staticmethod
    def log(x: Any) -> Any:
        """Returns the logarithm of x, and softplus(u) where x is 1 + exp(u)."""
        inner = _one_plus_exp(x)
        return Log(x) if inner is None else Softplus(inner)


def _one_plus_exp(expression: Any) -> Any:
    """Returns u where an expression is 1 + exp(u), else None."""
    rest = expression - 1
    return rest.args[0] if isinstance(rest, sympy.exp) else None
