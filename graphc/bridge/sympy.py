"""Graphs of scalars as SymPy expressions; `from_sympy` is the way back.

SymPy's own algorithms recurse and copy: an expression is a tree there, however much the graph
shares. So a graph is measured first, on its nodes, and one above the budget is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from fractions import Fraction

from graphc.bridge.sympy_names import (
    NATIVE,
    ExactNames,
    Expression,
    StandardNames,
    is_short,
    sympy,
)
from graphc.bridge.sympy_ops import op_call, op_function
from graphc.bridge.sympy_read import from_sympy
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, BudgetError, EngineError, show_value
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.ops.source import EXACT_NUMBERS

__all__ = ["from_sympy", "to_sympy"]

#: Operations of the expression written out as a tree.
BUDGET = 2000
#: Levels of an expression. Measured: with Python's usual limit of 1,000 frames SymPy 1.14
#: differentiates 80 levels of products and 100 of functions, and not 120 and 150.
MAX_DEPTH = 64
#: Powers up to this of a product with a number in it are multiplied out, as SymPy always does.
MAX_POWER = 8
#: Denominators up to this are written as fractions.
_SHORT = 1024

_LEAVES = frozenset(("input", "param", "formal"))
_SUMS = frozenset(("add", "sub", "neg"))


@guarded("to_sympy")
def to_sympy(node: Node, *, expand: bool = False, budget: int = BUDGET) -> Expression:
    """Returns a scalar node as a SymPy expression in symbols named as its inputs.

    Args:
        node: a scalar made of scalars by elementwise operations.
        expand: write every op out in SymPy's own functions (sigmoid(x) as 1/(1 + exp(-x)), relu(x)
            as a Piecewise); by default ops that SymPy lacks are functions of their own, which
            `from_sympy` turns back and whose derivatives follow graphc's conventions.
        budget: how many operations the expression may have when it is written out as a tree.

    Raises:
        EngineError: a node on the way is no scalar, or no elementwise operation.
        BudgetError: the expression has more operations than the budget, or more than 64 levels.
    """
    _check_arguments(node, budget)
    order = topological_order([node])
    _check(order, node, budget)
    names = _symbol_names(order)
    given: dict[Node, Expression] = {}
    for leaf in order:
        if leaf.op.name in _LEAVES:
            given[leaf] = sympy.Symbol(names[leaf])
    return expressions([node], given, readable_number, names=StandardNames, expand=expand)[0]


def _check_arguments(node: object, budget: object) -> None:
    if not isinstance(node, Node):
        raise ArgumentError(f"{show_value(node)} is no graph value", "to_sympy takes one node")
    if isinstance(budget, bool) or not isinstance(budget, int):
        raise ArgumentError(f"budget={show_value(budget)} is no count", "for example budget=2000")


def _check(order: Sequence[Node], root: Node, budget: int) -> None:
    for node in order:
        if not isinstance(node.type, TensorType) or node.type.shape:
            raise EngineError(
                f"{describe(node, 3)}: {node.type} is no scalar",
                "SymPy takes scalar graphs; index its elements: x[0], x[1], ...",
            )
        if node.args and node.op.group != "elementwise":
            raise EngineError(
                f"{describe(node, 3)} is no elementwise operation: {node.op.formula}",
                "SymPy takes scalar elementwise graphs",
            )
    size, depth = tree_operations(order)[root], expression_depth(order)[root]
    if size > budget:
        raise BudgetError(
            f"written out as a tree the expression has {size:,} operations, above {budget:,}",
            "raise budget=, or take a part of the graph",
        )
    if depth > MAX_DEPTH:
        raise BudgetError(
            f"the expression has {depth:,} levels, above {MAX_DEPTH}: SymPy recurses",
            "take a part of the graph",
        )


def _symbol_names(order: Sequence[Node]) -> dict[Node, str]:
    names: dict[Node, str] = {}
    taken: set[str] = set()
    for node in order:
        if node.op.name in _LEAVES:
            name = str(node.params["name"])
            while name in taken:
                name += "'"
            taken.add(name)
            names[node] = name
    return names


def expressions(
    nodes: Sequence[Node],
    given: dict[Node, Expression],
    number: Callable[[Node], Expression],
    *,
    names: type[StandardNames] = ExactNames,
    expand: bool = False,
) -> list[Expression]:
    """Returns scalar nodes as SymPy expressions; each shared node is built once.

    Args:
        nodes: scalar elementwise nodes.
        given: the expressions of nodes at which the walk ends.
        number: how a scalar constant is written.
        names: the namespace in which formulas are read.
        expand: see `to_sympy`.
    """
    done = dict(given)
    stack = list(reversed(nodes))
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        waiting = [a for a in node.args if a not in done]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        if node.dtype.kind == "c":
            raise EngineError(
                f"{describe(node, 2)} is complex, and SymPy's symbols here are real",
                "write it with the real and the imaginary part",
            )
        if node.op.name in ("constant", "number"):
            done[node] = number(node)
        else:
            done[node] = _apply(node, [done[a] for a in node.args], names, expand)
    return [done[node] for node in nodes]


def _apply(
    node: Node, args: Sequence[Expression], names: type[StandardNames], expand: bool
) -> Expression:
    formula = node.op.formula
    if callable(formula) and not _multiplies_out(node, args):
        if expand or node.op.name in NATIVE or node.type.dtype.kind == "b":
            return sympy.sympify(formula(names, *args, **node.params), strict=True)
        plain = node.op.name == "pow" and args[1].is_Rational and args[1].q <= _SHORT
        if plain and is_short(args[1]):
            return sympy.Pow(*args)
    return op_function(op_call(node.op, node.params))(*args)


def _multiplies_out(node: Node, args: Sequence[Expression]) -> bool:
    """Tells whether SymPy would draw a number out of a high power: (x/10)**999 has 10**-999."""
    if node.op.name != "integer_pow" or abs(node.params["exponent"]) <= MAX_POWER:
        return False
    return args[0].as_coeff_Mul()[0] != 1


def exact_constant(node: Node) -> Expression:
    """Returns a scalar constant as a rational number with exactly the float's value."""
    array = node.params["value"].array
    if array.dtype.kind == "b":
        return sympy.true if array else sympy.false
    value = float(array) if array.dtype.kind not in "iu" else int(array)
    if math.isnan(value):
        return sympy.nan
    if math.isinf(value):
        return sympy.oo if value > 0 else -sympy.oo
    exact = Fraction(value)
    return sympy.Rational(exact.numerator, exact.denominator)


def readable_number(node: Node) -> Expression:
    """Returns a constant as a person writes it: whole numbers and short fractions stay exact."""
    if node.op.name == "number":
        name = node.params["name"]
        return StandardNames.number(name) if name in EXACT_NUMBERS else sympy.Float(name, 17)
    exact = exact_constant(node)
    if not exact.is_Rational or exact.q <= _SHORT:
        return exact
    return sympy.Float(float(node.params["value"].array))


def tree_operations(order: Sequence[Node]) -> dict[Node, int]:
    """Returns, for each node of a topological order, how many operations its tree has.

    It is counted on the nodes: a tree of 2**10000 operations costs 10,000 steps.
    """
    counts: dict[Node, int] = {}
    for node in order:
        counts[node] = sum([counts[a] for a in node.args], 1) if node.args else 0
    return counts


def expression_depth(order: Sequence[Node], cut: Container[Node] = ()) -> dict[Node, int]:
    """Returns for each node how many levels its SymPy expression has at most.

    A sum of any number of terms is one level there, and so is a product; a node in `cut` is a
    symbol.
    """
    levels: dict[Node, int] = {}
    for node in order:
        depth = 0
        for arg in node.args if node not in cut else ():
            same = _kind(node) is not None and _kind(node) == _kind(arg)
            depth = max(depth, levels[arg] + (0 if same else 1))
        levels[node] = depth
    return levels


def _kind(node: Node) -> str | None:
    return "sum" if node.op.name in _SUMS else "product" if node.op.name == "mul" else None
