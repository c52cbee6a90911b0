"""Formulas in a string, such as `"(x + y) * z"`, read into a graph; nothing of them is ever run."""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.bridge.formula_functions import functions
from graphc.bridge.formula_text import Token, fault, scan
from graphc.bridge.formula_tree import Tree, tree_of
from graphc.core.calls import guarded
from graphc.core.dtype import DType, dtype_of, float64
from graphc.core.errors import DTypeError, FormulaError, GraphcError
from graphc.core.node import Node, apply_named, apply_public, scalar
from graphc.ops import source

_OPERATORS: dict[type, str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Mod: "mod",
    ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal",
    ast.Eq: "equal", ast.NotEq: "not_equal", ast.And: "logical_and", ast.Or: "logical_or",
}  # fmt: skip
_SYMBOLS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod"}
_CONSTANTS = ("pi", "e", "tau", "π")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was read.

    Attributes:
        text: what was given.
        output: its value.
        inputs: its input nodes, in the order in which their names appear in the text.
    """

    text: str
    output: Node
    inputs: tuple[Node, ...]


@guarded("parse")
def parse(
    text: str,
    *,
    dtype: Any = float64,
    shapes: Mapping[str, Any] | None = None,
    names: Collection[str] | None = None,
) -> Node:
    """Returns the graph of a formula; see `read_formula`, which also returns its inputs."""
    return read_formula(text, dtype=dtype, shapes=shapes, names=names).output


def read_formula(
    text: str,
    *,
    dtype: Any = float64,
    shapes: Mapping[str, Any] | None = None,
    names: Collection[str] | None = None,
) -> Formula:
    """Reads a formula: numbers, names, `+ - * / % **`, comparisons, `a if c else b`, functions.

    A whole number as an exponent stays exact (`integer_pow`); every other number is a constant of
    the formula's dtype. `pi`, `e` and `tau` are those numbers unless they are among `names`.

    Args:
        text: the formula, at most 100,000 characters; operations nest at most 500 deep, and a sum
            or product may have any length.
        dtype: a float dtype, of the inputs and constants.
        shapes: the shapes of inputs that are no scalars, by name.
        names: the names that may appear; any name where this is None.

    Raises:
        FormulaError: it is no formula; the text shows the place with a caret.
        BudgetError: it nests too deeply.
        DTypeError: the dtype is no float.
    """
    target = dtype_of(dtype)
    if not target.is_float:
        raise DTypeError(f"a formula's dtype is a float, not {target.name}", "use float64")
    known = functions()
    tokens = scan(text, known)
    leaves = _leaves(text, tokens, target, shapes or {}, names)
    tree = tree_of(text, tokens)
    values: dict[ast.expr, Any] = {}
    for expression in _operands_first(tree):
        try:
            values[expression] = _value(expression, values, leaves, target, tree)
        except FormulaError:
            raise
        except GraphcError as error:
            start, end = tree.span(expression)
            rule = error.rule if not error.call else f"{error.call}: {error.rule}"
            raise fault(text, start, rule, error.mend, end) from None
    inputs = [node for node in leaves.values() if node.op.name == "input"]
    return Formula(text, values[tree.body], tuple(inputs))


#: Functions named by a letter that is as often an input: without brackets it is one.
_LETTERS = ("beta", "gamma", "zeta")


# -- names -----------------------------------------------------------------------------------------


def _leaves(
    text: str,
    tokens: Sequence[Token],
    dtype: DType,
    shapes: Mapping[str, Any],
    names: Collection[str] | None,
) -> dict[str, Node]:
    """Returns what each name of the formula stands for, in order of appearance."""
    leaves: dict[str, Node] = {}
    variables = {
        t.text
        for i, t in enumerate(tokens)
        if t.kind == "name" and not (i + 1 < len(tokens) and tokens[i + 1].kind == "(")
    }
    for position, token in enumerate(tokens):
        if token.kind != "name" or token.text in leaves:
            continue
        if position + 1 < len(tokens) and tokens[position + 1].kind == "(":
            if token.text not in functions():
                raise _no_function(text, token, variables | set(names or ()))
        elif names is not None and token.text in names:
            leaves[token.text] = _input(token.text, dtype, shapes)
        elif token.text in _CONSTANTS and token.text not in shapes:
            leaves[token.text] = _constant(token.text, dtype)
        elif token.text in functions() and token.text not in _LETTERS:
            mend = f"write {token.text}(...); an input of that name needs another one"
            rule = f"`{token.text}` is a function and stands here without brackets"
            raise fault(text, token.start, rule, mend, token.end)
        elif names is not None:
            raise _no_name(text, token, names)
        else:
            leaves[token.text] = _input(token.text, dtype, shapes)
    return leaves


def _input(name: str, dtype: DType, shapes: Mapping[str, Any]) -> Node:
    return source.input(name, shapes.get(name, ()), dtype)


def _constant(name: str, dtype: DType) -> Node:
    exact = source.number("e" if name == "e" else "pi", dtype)
    return apply_named("mul", exact, scalar(2, dtype)) if name == "tau" else exact


def _no_function(text: str, token: Token, variables: Collection[str]) -> GraphcError:
    name = token.text
    if name in variables:
        rule = f"`{name}` is no function"
        return fault(text, token.start, rule, f"write {name}*(...) for a product", token.end)
    if name == "gelu":
        mend = "write gelu_erf(x) or gelu_tanh(x)"
        return fault(text, token.start, "`gelu` has two forms that differ", mend, token.end)
    mend = _closest(name, functions()) or "a product needs its *; `graphc ops` lists the functions"
    return fault(text, token.start, f"there is no function `{name}`", mend, token.end)


def _no_name(text: str, token: Token, names: Collection[str]) -> GraphcError:
    name = token.text
    mend = ""
    for function in functions():
        if name.startswith(function) and name[len(function) :] in names:
            mend = f"write {function}({name[len(function) :]})"
    if len(name) > 1 and all(letter in names for letter in name):
        mend = f"write {'*'.join(name)} for a product"
    mend = mend or _closest(name, names) or f"the names are {', '.join(sorted(names)[:12])}"
    return fault(text, token.start, f"there is no input `{name}`", mend, token.end)


def _closest(name: str, candidates: Collection[str]) -> str:
    by_lower = {c.lower(): c for c in sorted(candidates)}
    close = difflib.get_close_matches(name.lower(), by_lower, 1, 0.6)
    return f"did you mean `{by_lower[close[0]]}`?" if close else ""


# -- the syntax tree -------------------------------------------------------------------------------


def _operands_first(tree: Tree) -> list[ast.expr]:
    order: list[ast.expr] = []
    stack: list[ast.expr] = [tree.body]
    while stack:
        expression = stack.pop()
        order.append(expression)
        stack.extend(_operands(expression, tree))
    order.reverse()
    return order


def _operands(expression: ast.expr, tree: Tree) -> Sequence[ast.expr]:
    """Returns an expression's operands; every kind that is not on this list is refused."""
    match expression:
        case ast.Constant() | ast.Name():
            return ()
        case ast.BinOp():
            return (expression.left, expression.right)
        case ast.UnaryOp():
            return (expression.operand,)
        case ast.Compare():
            return (expression.left, *expression.comparators)
        case ast.BoolOp():
            return expression.values
        case ast.IfExp():
            return (expression.body, expression.test, expression.orelse)
        case ast.Call() if isinstance(expression.func, ast.Name) and not expression.keywords:
            return expression.args
        case ast.List() if expression.col_offset in tree.chains:
            return expression.elts
        case _:
            start, end = tree.span(expression)
            raise fault(tree.text, start, "this is no part of a formula", "see gx.parse", end)


def _value(
    expression: ast.expr,
    values: Mapping[ast.expr, Node],
    leaves: Mapping[str, Node],
    dtype: DType,
    tree: Tree,
) -> Node:
    match expression:
        case ast.Constant():
            return _number(expression.value, dtype)
        case ast.Name():
            return leaves[expression.id]
        case ast.UnaryOp():
            return _unary(expression, values[expression.operand], dtype)
        case ast.BinOp(op=ast.Pow()):
            exponent = _whole_number(expression.right)
            base = values[expression.left]
            if exponent is not None:
                return apply_public("pow", base, exponent)
            power = expression.right
            half = isinstance(power, ast.Constant) and power.value == 0.5
            return apply_public("pow", base, 0.5 if half else values[power])
        case ast.BinOp():
            name = _OPERATORS[type(expression.op)]
            return apply_named(name, values[expression.left], values[expression.right])
        case ast.List():
            result = values[expression.elts[0]]
            symbols = tree.chains[expression.col_offset]
            for symbol, term in zip(symbols, expression.elts[1:], strict=True):
                result = apply_named(_SYMBOLS[symbol], result, values[term])
            return result
        case ast.Compare():
            return _comparison(expression, values)
        case ast.BoolOp():
            parts = [values[v] for v in expression.values]
            result = parts[0]
            for part in parts[1:]:
                result = apply_named(_OPERATORS[type(expression.op)], result, part)
            return result
        case ast.IfExp():
            condition = values[expression.test]
            if condition.dtype.kind != "b":
                start, end = tree.span(expression.test)
                rule = "what stands between `if` and `else` is no comparison"
                raise fault(tree.text, start, rule, "write `x > 0`, for example", end)
            branches = values[expression.body], values[expression.orelse]
            return apply_public("where", condition, *branches)
        case _:
            assert isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name)
            return _call(expression.func.id, [values[a] for a in expression.args])


def _number(value: Any, dtype: DType) -> Node:
    """Returns a constant, unless the dtype turns it into infinity or into 0."""
    try:
        with np.errstate(over="ignore", under="ignore"):
            rounded = float(dtype.numpy.type(value))
    except OverflowError:
        rounded = math.inf
    if math.isinf(rounded):
        raise GraphcError(f"the number is too large for {dtype.name}", "write a smaller one")
    if value and not rounded:
        raise GraphcError(f"the number is too small for {dtype.name}: it becomes 0", "write 0")
    return scalar(value, dtype)


def _whole_number(expression: ast.expr) -> int | None:
    """Returns the value of an integer literal with or without a sign, None for anything else."""
    sign = 1
    while isinstance(expression, ast.UnaryOp) and isinstance(expression.op, (ast.USub, ast.UAdd)):
        sign = -sign if isinstance(expression.op, ast.USub) else sign
        expression = expression.operand
    if isinstance(expression, ast.Constant) and type(expression.value) is int:
        return sign * expression.value
    return None


def _unary(expression: ast.UnaryOp, operand: Node, dtype: DType) -> Node:
    if isinstance(expression.op, ast.UAdd):
        return operand
    if isinstance(expression.op, ast.Not):
        return apply_named("logical_not", operand)
    literal = expression.operand
    value = literal.value if isinstance(literal, ast.Constant) else 0
    if isinstance(value, (int, float)) and value:
        return scalar(-value, dtype)
    return apply_named("neg", operand)


def _comparison(expression: ast.Compare, values: Mapping[ast.expr, Node]) -> Node:
    result: Node | None = None
    left = values[expression.left]
    for operator, operand in zip(expression.ops, expression.comparators, strict=True):
        right = values[operand]
        step = apply_named(_OPERATORS[type(operator)], left, right)
        result = step if result is None else apply_named("logical_and", result, step)
        left = right
    assert result is not None
    return result


def _call(name: str, operands: Sequence[Node]) -> Node:
    function = functions()[name]
    if not function.least <= len(operands) <= function.most:
        least, most = function.least, function.most
        wanted = f"{least}" if least == most else f"{least} to {most}"
        plural = "" if wanted == "1" else "s"
        raise GraphcError(
            f"{name} takes {wanted} operand{plural}, not {len(operands)}",
            "separate operands by commas",
        )
    return function.build(*operands)
