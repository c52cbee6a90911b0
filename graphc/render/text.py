"""Nodes as infix text: `(x + y)*z`, `exp(-x)`, `sum(a@b, axis=0)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphc.core.const import Const
from graphc.core.dim import Dim
from graphc.core.dtype import DType
from graphc.core.graph import LEAF_OPS, Graph
from graphc.core.node import Node
from graphc.render.expression import Part, expression, shared
from graphc.render.labels import array, clean

#: How tightly an operation binds: higher is tighter.
CHOICE, COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(7)

#: Infix operations: (how tight, sign, what the left and the right operand need at least).
INFIX = {
    "add": (SUM, " + ", SUM, PRODUCT),
    "sub": (SUM, " - ", SUM, PRODUCT),
    "mul": (PRODUCT, "*", PRODUCT, SIGN),
    "div": (PRODUCT, "/", PRODUCT, SIGN),
    "mod": (PRODUCT, " % ", PRODUCT, SIGN),
    "matmul": (PRODUCT, " @ ", PRODUCT, SIGN),
    "pow": (POWER, "**", ATOM, SIGN),
    "equal": (COMPARE, " == ", SUM, SUM),
    "not_equal": (COMPARE, " != ", SUM, SUM),
    "less": (COMPARE, " < ", SUM, SUM),
    "less_equal": (COMPARE, " <= ", SUM, SUM),
    "greater": (COMPARE, " > ", SUM, SUM),
    "greater_equal": (COMPARE, " >= ", SUM, SUM),
    "logical_and": (PRODUCT, " & ", SIGN, SIGN),
    "logical_or": (SUM, " | ", PRODUCT, PRODUCT),
    "logical_xor": (SUM, " ^ ", PRODUCT, PRODUCT),
}  # fmt: skip

Piece = str | tuple[Part, int]


def text(
    node: Node, budget: int = 40, names: Mapping[Node, str] | None = None, need: int = CHOICE
) -> str:
    """Returns a node as an infix formula.

    Args:
        node: the node.
        budget: operations shown; what lies deeper is an ellipsis.
        names: nodes that a name stands for.
        need: how tightly the whole must bind to stand without parentheses.
    """
    return write(expression(node, budget, names), _pieces, "(", ")", "…", need)


def lines(node: Node, budget: int = 40, count: int = 20) -> list[tuple[str, str]]:
    """Returns a node as definitions: (name, formula) of what is used again, then the whole.

    Args:
        node: the node.
        budget: operations shown on each line.
        count: shared operations that get a line; beyond them formulas repeat.

    Returns:
        Pairs whose last has an empty name: the node itself.
    """
    return definitions(node, budget, count, "t{}", text)


def definitions(
    node: Node, budget: int, count: int, label: str, writer: Callable[..., str]
) -> list[tuple[str, str]]:
    """Returns the lines of `lines` with a writer of choice."""
    names: dict[Node, str] = {}
    found: list[tuple[str, str]] = []
    for one in shared(node)[:count]:
        found.append((label.format(len(names) + 1), writer(one, budget, names)))
        names[one] = found[-1][0]
    return [*found, ("", writer(node, budget, names))]


def write(
    root: Part,
    pieces: Callable[[Part], tuple[int, list[Piece]]],
    left: str,
    right: str,
    cut: str,
    need: int = CHOICE,
) -> str:
    """Returns an expression as text, with parentheses where an operand binds less than it must.

    Args:
        root: the expression.
        pieces: gives how tightly a part binds, and what it is written with: text, and operands
            with the tightness they need.
        left: the opening parenthesis.
        right: the closing one.
        cut: what stands for a part that is left out.
        need: how tightly the whole must bind to stand without parentheses.
    """
    found: list[str] = []
    stack: list[Piece] = [(root, need)]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.append(item)
            continue
        part, least = item
        if part.cut:
            found.append(cut)
            continue
        tightness, content = pieces(part)
        if tightness < least:
            content = [left, *content, right]
        stack.extend(reversed(content))
    return "".join(found)


def _pieces(part: Part) -> tuple[int, list[Piece]]:
    node = part.node
    name = node.op.name
    if part.name:
        return ATOM, [part.name]
    if not node.args:
        return _leaf(node)
    if name in INFIX and len(part.parts) == 2 and not _has_options(node):
        tightness, sign, left, right = INFIX[name]
        return tightness, [(part.parts[0], left), sign, (part.parts[1], right)]
    if name == "neg":
        return SIGN, ["-", (part.parts[0], SIGN)]
    if name == "logical_not":
        return SIGN, ["~", (part.parts[0], SIGN)]
    if name == "integer_pow":
        return POWER, [(part.parts[0], ATOM), f"**{_option(node.params.get('exponent'))}"]
    if name == "square":
        return POWER, [(part.parts[0], ATOM), "**2"]
    if name == "reciprocal":
        return PRODUCT, ["1/", (part.parts[0], SIGN)]
    if name == "slice":
        return ATOM, [(part.parts[0], ATOM), f"[{_bounds(node.params.get('bounds', ()))}]"]
    if name == "transpose" and tuple(node.params.get("axes") or ()) == (1, 0):
        return ATOM, [(part.parts[0], ATOM), ".T"]
    return ATOM, _call(part)


def _bounds(bounds: Any) -> str:
    found: list[str] = []
    for bound in bounds:
        if not isinstance(bound, tuple):
            found.append(":")
            continue
        start, stop, *step = (_option(v) for v in bound)
        found.append(f"{start}:{stop}" + (f":{step[0]}" if step and step[0] != "1" else ""))
    return ", ".join(found)


def _has_options(node: Node) -> bool:
    return any(node.params.get(key) for key in ("transpose_x", "transpose_y"))


#: Parameters that only count a block's inputs.
_COUNTS = frozenset({"carries", "scanned", "held", "branches"})


def _called(node: Node) -> str:
    """Returns what is called: a block by its own name, of several branches all of them."""
    body = node.params.get("graph")
    if node.op.name == "switch":
        return f"switch[{', '.join([branch.name for branch in node.params['branches']])}]"
    return body.name if isinstance(body, Graph) else node.op.name


def _call(part: Part) -> list[Piece]:
    node = part.node
    found: list[Piece] = [clean(_called(node)), "("]
    for position, operand in enumerate(part.parts):
        if position:
            found.append(", ")
        found.append((operand, CHOICE))
    for key, value in node.params.items():
        if key in _COUNTS or isinstance(value, Graph):
            continue
        if value is None or value is False or callable(value):
            continue
        found.append(f", {key}={_option(value)}")
    return [*found, ")"]


def _option(value: Any) -> str:
    if isinstance(value, DType):
        return value.name
    if isinstance(value, Const):
        return array(value.array)
    if isinstance(value, tuple):
        shown = [_option(v) for v in value[:8]] + (["…"] if len(value) > 8 else [])
        return shown[0] if len(shown) == 1 else f"({', '.join(shown)})"
    if isinstance(value, Dim):
        return str(value)
    return clean(value if isinstance(value, str) else repr(value), 40)


def _leaf(node: Node) -> tuple[int, list[Piece]]:
    if node.op.name in LEAF_OPS:
        return ATOM, [clean(node.params["name"])]
    if node.op.name == "constant":
        value = node.params["value"].array
        if value.ndim:
            return ATOM, [f"constant[{','.join(map(str, value.shape))}]"]
        shown = short_number(value.item())
        return (SIGN if shown.startswith("-") else ATOM), [shown]
    if node.op.name == "number":
        return PRODUCT, [clean(node.params["name"])]
    return ATOM, [f"{node.op.name}({_option(node.params.get('size', ''))})"]


def short_number(value: Any) -> str:
    """Returns a number as plain text: integers without a point, floats to 6 significant digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
