"""From SymPy expressions to graph, without recursion; numbers are rounded once, to the dtype."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.bridge.sympy_names import OWN_FUNCTIONS, Choice, Expression, Sinc, expm1, log1p, sympy
from graphc.bridge.sympy_ops import OpFunction, PartialFunction
from graphc.bridge.sympy_special import special_plan
from graphc.core.calls import guarded
from graphc.core.dtype import DType, bool_, dtype_of
from graphc.core.errors import ArgumentError, BudgetError, EngineError, GraphcError, show_value
from graphc.core.naming import describe_operand
from graphc.core.node import Node, apply_named, make, scalar
from graphc.ops.chain import multiply
from graphc.ops.source import number

#: Different subexpressions in one expression.
MAX_OPERATIONS = 200_000
#: Digits kept of a constant that no float holds: enough for the truth, which has 50.
_DIGITS = 60
#: Denominators up to this are divided by: x / 3 is rounded once, x * 0.333... twice.
_SHORT = 1024

_FUNCTIONS: dict[Any, str] = {
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan",
    sympy.asin: "asin", sympy.acos: "acos", sympy.atan: "atan", sympy.sinh: "sinh",
    sympy.cosh: "cosh", sympy.tanh: "tanh", sympy.asinh: "asinh", sympy.acosh: "acosh",
    sympy.atanh: "atanh", sympy.atan2: "atan2", sympy.erf: "erf", sympy.erfc: "erfc",
    sympy.Abs: "abs", sympy.sign: "sign", sympy.floor: "floor", sympy.ceiling: "ceil",
    sympy.Mod: "mod", log1p: "log1p", expm1: "expm1", **OWN_FUNCTIONS,
}  # fmt: skip
_RECIPROCALS: dict[Any, str] = {
    sympy.sec: "cos", sympy.csc: "sin", sympy.cot: "tan", sympy.sech: "cosh",
    sympy.csch: "sinh", sympy.coth: "tanh",
}  # fmt: skip
_FOLDS: dict[Any, str] = {
    sympy.Max: "maximum", sympy.Min: "minimum", sympy.And: "logical_and", sympy.Or: "logical_or",
    sympy.Xor: "logical_xor",
}  # fmt: skip
_RELATIONS: dict[Any, str] = {
    sympy.StrictLessThan: "less", sympy.LessThan: "less_equal", sympy.StrictGreaterThan: "greater",
    sympy.GreaterThan: "greater_equal", sympy.Equality: "equal", sympy.Unequality: "not_equal",
}  # fmt: skip

#: The subexpressions that one needs, and how its node is made of theirs.
_Plan = tuple[Sequence[Expression], Callable[[Sequence[Node]], Node]]
#: Makes the node of an op's partial derivative: `expand(function, operands)`.
Expand = Callable[[Any, Sequence[Node]], Node]


@guarded("from_sympy")
def from_sympy(
    expression: Expression,
    symbols: Mapping[Any, Node],
    *,
    dtype: Any = None,
    expand: Expand | None = None,
) -> Node:
    """Returns the graph of a SymPy expression.

    Args:
        expression: numbers, symbols, sums, products, powers, SymPy's elementary functions,
            Piecewise, comparisons, and the functions that `to_sympy` makes.
        symbols: what each symbol (or the symbol of that name) stands for; nodes of any shape.
        dtype: of the numbers; by default that of the first float among the nodes.
        expand: how the symbolic engine reads the slopes of ops; users leave it out.

    Raises:
        EngineError: a symbol has no node, or a function has no counterpart.
        BudgetError: there are more than 200,000 different subexpressions.
    """
    if not isinstance(symbols, Mapping):
        raise ArgumentError(
            f"symbols={show_value(symbols)} is no mapping", "write {'x': x}: a node for each symbol"
        )
    for node in symbols.values():
        if not isinstance(node, Node):
            raise ArgumentError(f"{show_value(node)} is no graph value", "write {'x': x}")
    root = _checked(expression)
    known = {sympy.Symbol(s) if isinstance(s, str) else s: n for s, n in symbols.items()}
    target = dtype_of(dtype) if dtype is not None else _dtype_of_nodes(list(known.values()))
    reader = _Reader(target, expand)
    done: dict[Any, Node] = dict(known)
    plans: dict[Any, _Plan] = {}
    stack = [root]
    while stack:
        current = stack[-1]
        if current in done:
            stack.pop()
            continue
        if current not in plans:
            if len(plans) >= MAX_OPERATIONS:
                raise BudgetError(
                    f"the expression has more than {MAX_OPERATIONS:,} different parts",
                    "build the graph in Python, where parts are shared",
                )
            plans[current] = reader.plan(current)
        parts, build = plans[current]
        waiting = [p for p in parts if p not in done]
        if waiting:
            stack.extend(reversed(waiting))
        else:
            done[current] = build([done[p] for p in parts])
            stack.pop()
    return done[root]


def _checked(expression: Any) -> Expression:
    if isinstance(expression, str):
        raise ArgumentError(
            f"{describe_operand(expression)} is text, not a SymPy expression",
            "read it with gx.formula: SymPy would run what it says",
        )
    try:
        return sympy.sympify(expression, strict=True)
    except (sympy.SympifyError, GraphcError, TypeError, ValueError, AttributeError):
        raise ArgumentError(
            f"{describe_operand(expression)} is no SymPy expression", "give what SymPy made"
        ) from None


def _dtype_of_nodes(nodes: Sequence[Node]) -> DType:
    for node in nodes:
        if node.type.dtype.is_inexact:
            return node.type.dtype
    return dtype_of(float)


class _Reader:
    """How each kind of expression becomes a node, for one dtype of numbers."""

    __slots__ = ("dtype", "expand")

    def __init__(self, dtype: DType, expand: Expand | None) -> None:
        self.dtype = dtype
        self.expand = expand

    def plan(self, expression: Expression) -> _Plan:
        """Returns what an expression needs and how its node is made."""
        kind = type(expression)
        if isinstance(expression, sympy.Symbol):
            raise EngineError(f"the symbol {expression} stands for no node", "add it to symbols=")
        if expression in (sympy.true, sympy.false):
            return (), lambda _: scalar(expression is sympy.true, bool_)
        if isinstance(expression, sympy.Expr) and not expression.free_symbols:
            node = self.number(expression)
            if node is not None:
                return (), lambda _: node
        if isinstance(expression, sympy.Add):
            return self.sum(expression)
        if isinstance(expression, sympy.Mul):
            return self.product(expression)
        if isinstance(expression, sympy.Pow):
            return self.power(expression.base, expression.exp)
        if kind is Choice:
            return _choice(*expression.args)
        if kind is Sinc or kind is sympy.sinc:
            return _sinc(*expression.args)
        if isinstance(expression, sympy.Piecewise):
            return self.piecewise(expression)
        if isinstance(expression, OpFunction):
            call = expression.call
            return expression.args, lambda nodes: make(call.op, tuple(nodes), call.params)
        if isinstance(expression, PartialFunction) and self.expand is not None:
            expand = self.expand
            return expression.args, lambda nodes: expand(expression.func, nodes)
        if kind in _FUNCTIONS:
            name = _FUNCTIONS[kind]
            return expression.args, lambda nodes: apply_named(name, *nodes)
        if kind in _RECIPROCALS:
            inner = _RECIPROCALS[kind]
            return expression.args, lambda n: apply_named("reciprocal", apply_named(inner, *n))
        if kind in _RELATIONS:
            relation = _RELATIONS[kind]
            return expression.args, lambda nodes: apply_named(relation, *nodes)
        if kind in _FOLDS:
            joined = _FOLDS[kind]
            return _ordered(expression), lambda nodes: _fold(joined, nodes)
        if kind is sympy.Not:
            return expression.args, lambda nodes: apply_named("logical_not", *nodes)
        special = special_plan(expression)
        if special is not None:
            return special
        raise _no_counterpart(expression)

    # -- numbers --

    def number(self, expression: Expression) -> Node | None:
        """Returns a constant; None where the expression holds functions SymPy can't evaluate."""
        if expression.is_Rational:
            return self.rational(Fraction(int(expression.p), int(expression.q)))
        if expression.is_Float:
            return scalar(float(expression), self.dtype)
        if expression is sympy.pi or expression is sympy.E:
            return number("pi" if expression is sympy.pi else "e", self.dtype)
        value = expression.evalf(_DIGITS)
        if value is sympy.nan:
            return scalar(float("nan"), self.dtype)
        if value in (sympy.oo, -sympy.oo):
            return scalar(float(value), self.dtype)
        if value.is_Float:
            return number(_digits(value), self.dtype)
        if value.is_number and value.has(sympy.I, sympy.zoo):
            raise EngineError(
                f"{_cut(expression)} is {'infinite' if value.has(sympy.zoo) else 'not real'}",
                "graphc computes with real numbers",
            )
        return None

    def rational(self, value: Fraction) -> Node:
        """Returns a constant where the dtype holds the value exactly, else an exact number."""
        if self.holds(value):
            return scalar(value.numerator / value.denominator, self.dtype)
        exact = sympy.Rational(value.numerator, value.denominator).evalf(_DIGITS)
        return number(_digits(exact), self.dtype)

    def holds(self, value: Fraction) -> bool:
        """Tells whether a float of the dtype has this very value."""
        try:
            with np.errstate(over="ignore", under="ignore"):
                rounded = float(self.dtype.numpy.type(value.numerator / value.denominator))
        except OverflowError:
            return False
        return rounded - rounded == 0 and Fraction(rounded) == value

    # -- sums, products, powers --

    def sum(self, expression: Expression) -> _Plan:
        signed = [_split_sign(term) for term in expression.args]
        # A sum starts with a term that is added, so that -x + y is y - x.
        first = next((i for i, (negative, _) in enumerate(signed) if not negative), 0)
        order = [signed[first], *signed[:first], *signed[first + 1 :]]
        if order[0][0]:
            order[0] = (False, expression.args[first])

        def build(nodes: Sequence[Node]) -> Node:
            total = nodes[0]
            for (negative, _), node in zip(order[1:], nodes[1:], strict=True):
                total = apply_named("sub" if negative else "add", total, node)
            return total

        return [term for _, term in order], build

    def product(self, expression: Expression) -> _Plan:
        # min(0, 0) of an op's own stands without symbols and still is no number to SymPy.
        numbers = [f for f in expression.args if not f.free_symbols and self.number(f) is not None]
        factor = sympy.Mul(*numbers)
        above: list[Expression] = []
        below: list[Expression] = []
        for part in expression.args:
            if part not in numbers:
                inverse = _inverse(part)
                (above if inverse is None else below).append(part if inverse is None else inverse)
        negative, above, below = self._place_factor(factor, above, below)
        count = len(above)

        def build(nodes: Sequence[Node]) -> Node:
            top = _fold_product(nodes[:count])
            bottom = _fold_product(nodes[count:])
            if bottom is not None:
                made = apply_named("reciprocal", bottom) if top is None else top / bottom
            else:
                assert top is not None
                made = top
            return apply_named("neg", made) if negative else made

        return [*above, *below], build

    def _place_factor(
        self, factor: Expression, above: list[Expression], below: list[Expression]
    ) -> tuple[bool, list[Expression], list[Expression]]:
        """Puts a product's number above or below the line; tells whether its sign is left over."""
        if factor == 1:
            return False, above, below
        if factor == -1:
            return True, above, below
        if factor.is_Rational:
            top, bottom = int(factor.p), int(factor.q)
            whole = Fraction(top, bottom)
            short = bottom <= _SHORT and self.holds(Fraction(top)) and self.holds(Fraction(bottom))
            if short and not self.holds(whole):
                lead = [sympy.Integer(abs(top))] if abs(top) != 1 else []
                return top < 0, [*lead, *above], [*below, sympy.Integer(bottom)]
        return False, [factor, *above], below

    def power(self, base: Expression, exponent: Expression) -> _Plan:
        if base is sympy.E:
            return (exponent,), lambda nodes: apply_named("exp", *nodes)
        # A float exponent beyond 2**53 is whole as well, and no exponent for `integer_pow`.
        if exponent.is_Integer and abs(int(exponent)) <= 2**53:
            return (base,), lambda nodes: integer_power(nodes[0], int(exponent))
        if exponent.is_Rational and exponent.q == 2:
            twice = int(exponent.p)
            if twice == -1:
                return (base,), lambda nodes: apply_named("rsqrt", *nodes)
            return (base,), lambda n: integer_power(apply_named("sqrt", *n), twice)
        return (base, exponent), lambda nodes: apply_named("pow", *nodes)

    def piecewise(self, expression: Expression) -> _Plan:
        pairs = list(expression.args)
        parts = [part for pair in pairs for part in (pair.expr, pair.cond)]

        def build(nodes: Sequence[Node]) -> Node:
            result: Node | None = None
            for position in reversed(range(len(pairs))):
                value, condition = nodes[2 * position], nodes[2 * position + 1]
                if pairs[position].cond is sympy.true:
                    result = value
                    continue
                rest = scalar(float("nan"), self.dtype) if result is None else result
                result = apply_named("where", condition, value, rest)
            assert result is not None
            return result

        return parts, build


def integer_power(base: Node, exponent: int) -> Node:
    """Returns base ** exponent by the op that people would write."""
    if exponent == 1:
        return base
    if exponent == 2:
        return apply_named("square", base)
    if exponent == -1:
        return apply_named("reciprocal", base)
    if exponent < 0:
        return apply_named("reciprocal", integer_power(base, -exponent))
    return apply_named("integer_pow", base, exponent=exponent)


def _choice(condition: Expression, x: Expression, y: Expression) -> _Plan:
    if x == 0:
        # where(mask, value, 0) is the form in which zeros stay structural.
        def build(nodes: Sequence[Node]) -> Node:
            return apply_named("where", apply_named("logical_not", nodes[0]), nodes[2], nodes[1])
    else:

        def build(nodes: Sequence[Node]) -> Node:
            return apply_named("where", *nodes)

    return (condition, x, y), build


def _sinc(x: Expression, order: Any = 0, scale: Expression = sympy.S.One) -> _Plan:
    params = {"order": int(order), "scale": str(scale)}
    return (x,), lambda nodes: apply_named("sinc", *nodes, **params)


def _split_sign(term: Expression) -> tuple[bool, Expression]:
    """Returns whether a term's number is negative, and the term without that sign."""
    factor, _ = term.as_coeff_Mul()
    if factor.is_Number and factor.is_negative:
        return True, -term
    return False, term


def _inverse(part: Expression) -> Expression | None:
    """Returns the denominator that a factor stands for, None where it is none."""
    if isinstance(part, sympy.Pow) and part.exp.is_Rational and part.exp.is_negative:
        return sympy.Pow(part.base, -part.exp)
    return None


def _fold_product(nodes: Sequence[Node]) -> Node | None:
    result: Node | None = None
    for node in nodes:
        result = node if result is None else multiply(result, node)
    return result


def _fold(name: str, nodes: Sequence[Node]) -> Node:
    result = nodes[0]
    for node in nodes[1:]:
        result = apply_named(name, result, node)
    return result


def _ordered(expression: Expression) -> Sequence[Expression]:
    """Returns the operands of Max, And and the like, kept as a set by SymPy, in a fixed order."""
    return sorted(expression.args, key=sympy.default_sort_key)


def _digits(value: Expression) -> str:
    text = str(value)
    if "e" in text or "." not in text:
        return text
    return text.rstrip("0").rstrip(".")


def _cut(expression: Expression) -> str:
    text = str(expression)
    return text if len(text) <= 60 else text[:57] + "..."


def _no_counterpart(expression: Expression) -> EngineError:
    kind = type(expression).__name__
    mend = "write it with functions that `graphc ops` lists"
    if isinstance(expression, (sympy.Derivative, sympy.Integral, sympy.Subs, sympy.Limit)):
        mend = "let SymPy work it out first: expression.doit()"
    return EngineError(f"SymPy's {kind} has no counterpart in graphc: {_cut(expression)}", mend)
