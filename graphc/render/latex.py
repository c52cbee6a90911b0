r"""Nodes as LaTeX, from the templates in the records: `\left(x + y\right) \, z`."""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import cache
from typing import Any

from graphc.core.const import Const
from graphc.core.dtype import DType
from graphc.core.graph import LEAF_OPS, Graph
from graphc.core.node import Node
from graphc.render.expression import Part, expression
from graphc.render.labels import clean, number
from graphc.render.text import (
    ATOM,
    CHOICE,
    COMPARE,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Piece,
    definitions,
    write,
)

#: How tightly the templates bind that are not closed by themselves.
_TIGHTNESS = {
    "add": SUM, "sub": SUM, "expm1": SUM, "mul": PRODUCT, "matmul": PRODUCT, "mod": PRODUCT,
    "neg": SUM, "pow": POWER, "integer_pow": POWER, "square": POWER, "transpose": POWER,
    "exp": POWER, "sum": SUM, "prod": SUM, "logsumexp": SUM, "equal": COMPARE,
    "not_equal": COMPARE, "less": COMPARE, "less_equal": COMPARE, "greater": COMPARE,
    "greater_equal": COMPARE, "logical_and": COMPARE, "logical_or": COMPARE,
    "logical_xor": COMPARE, "logical_not": SIGN, "iota": COMPARE, "number": PRODUCT,
}  # fmt: skip
#: What operands need where the template alone does not tell.
_NEEDS = {
    "add": (SUM, PRODUCT), "sub": (SUM, PRODUCT), "mod": (PRODUCT, SIGN), "neg": (PRODUCT,),
    "equal": (SUM, SUM), "not_equal": (SUM, SUM),
    "less": (SUM, SUM), "less_equal": (SUM, SUM), "greater": (SUM, SUM),
    "greater_equal": (SUM, SUM), "logical_and": (SUM, SUM), "logical_or": (SUM, SUM),
    "logical_xor": (SUM, SUM), "logical_not": (ATOM,), "sum": (PRODUCT,), "prod": (PRODUCT,),
}  # fmt: skip
#: Ops whose template is the operand itself.
_TRANSPARENT = "{0}"

_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
_ESCAPES = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    " ": r"\ ", "_": r"\_", "^": r"\hat{\ }", "~": r"\sim ",
}  # fmt: skip
_NUMBERS = {
    "2/sqrt(pi)": r"\frac{2}{\sqrt{\pi}}", "sqrt(8/pi)": r"\sqrt{\frac{8}{\pi}}",
    "0.134145*sqrt(8/pi)": r"0.134145 \sqrt{\frac{8}{\pi}}",
    "1/sqrt(2*pi)": r"\frac{1}{\sqrt{2 \pi}}", "-1/sqrt(2)": r"-\frac{1}{\sqrt{2}}", "pi": r"\pi",
    "e": "e",
}  # fmt: skip


def latex(node: Node, budget: int = 40, names: Mapping[Node, str] | None = None) -> str:
    r"""Returns a node as LaTeX.

    Args:
        node: the node.
        budget: operations shown; what lies deeper is `\ldots`.
        names: nodes that a name, LaTeX, stands for.
    """
    tree = expression(node, budget, names)
    return write(tree, _pieces, r"\left(", r"\right)", r"\ldots ")


def latex_lines(node: Node, budget: int = 40, count: int = 20) -> list[tuple[str, str]]:
    """Returns a node as definitions: (name, formula) of what is used again, then ("", the node).

    Args:
        node: the node.
        budget: operations shown on each line.
        count: shared operations that get a line.
    """
    return definitions(node, budget, count, "t_{{{}}}", latex)


def latex_name(name: str) -> str:
    r"""Returns a name as LaTeX: `w0` is w with index 0, `alpha` the letter, `loss` upright."""
    shown = clean(name, 40)
    head, _, tail = shown.partition("_")
    if head and tail and "_" not in tail:
        return f"{latex_name(head)}_{{{_word(tail)}}}"
    letters = shown.rstrip("0123456789")
    digits = shown[len(letters) :]
    if letters and digits and letters.isalpha():
        return f"{_word(letters)}_{{{digits}}}"
    return _word(shown)


def _word(text: str) -> str:
    if text in _GREEK:
        return f"\\{text} "
    if (len(text) == 1 and text.isalnum()) or text.isdigit():
        return text
    escaped = "".join(_ESCAPES.get(char, char) for char in text)
    return f"\\mathrm{{{escaped}}}"


def _pieces(part: Part) -> tuple[int, list[Piece]]:
    node = part.node
    if part.name:
        return ATOM, [part.name]
    if not node.args:
        return _leaf(node)
    if node.op.latex == _TRANSPARENT:
        return CHOICE, [(part.parts[0], CHOICE)]
    if node.op.name in ("mul", "matmul"):
        return PRODUCT, _product(part)
    if node.op.name == "pow" and _is_half(node.args[1]):
        return ATOM, [r"\sqrt{", (part.parts[0], CHOICE), "}"]
    found: list[Piece] = []
    needs = _NEEDS.get(node.op.name, ())
    fields = _template(node.op.latex)
    shown = max([position for _, position, _, _ in fields if position is not None], default=-1)
    for literal, position, field, need in fields:
        found.append(literal)
        if position is not None and position < len(part.parts):
            wanted = needs[position] if position < len(needs) else need
            found.append((part.parts[position], wanted))
            if position == shown:  # more operands than the template names
                for extra in part.parts[shown + 1 :] if wanted == CHOICE else ():
                    found += [", ", (extra, CHOICE)]
        elif field:
            found.append(_option(node.params.get(field)))
    return _TIGHTNESS.get(node.op.name, ATOM), found


def _product(part: Part) -> list[Piece]:
    """Returns a product; a point stands where two numbers would run together."""
    left, right = part.parts[0], part.parts[1]
    first, second = [part.node.params.get(k) for k in ("transpose_x", "transpose_y")]
    numeric = right.node.op.name in ("constant", "number") and not right.name
    found: list[Piece] = [(left, ATOM if first else PRODUCT), r"^{\top}" if first else ""]
    found += [r" \cdot " if numeric else r" \, ", (right, ATOM if second else SIGN)]
    return [*found, r"^{\top}" if second else ""]


def _is_half(node: Node) -> bool:
    if node.op.name != "constant" or node.type.shape:
        return False
    return bool(node.params["value"].array == 0.5)


@cache
def _template(latex: str) -> list[tuple[str, int | None, str, int]]:
    """Returns a template as (text before, operand's position, parameter, tightness needed)."""
    # The formatter gives text up to a doubled brace as a piece without a field: join these.
    joined: list[tuple[str, str]] = []
    pending = ""
    for literal, field, _, _ in string.Formatter().parse(latex):
        pending += literal
        if field is not None:
            joined.append((pending, field))
            pending = ""
    after = [text for text, _ in joined[1:]] + [pending]
    found: list[tuple[str, int | None, str, int]] = []
    for (literal, field), following in zip(joined, after, strict=True):
        if field.isdigit():
            found.append((literal, int(field), "", _need(literal, following)))
        else:
            found.append((literal, None, field, CHOICE))
    return [*found, (pending, None, "", CHOICE)]


def _need(before: str, after: str) -> int:
    """Returns how tightly an operand must bind between two pieces of a template."""
    if after[:1] in ("^", "_", "["):
        return ATOM
    start = before.rstrip()
    if start.endswith(("(", "{", "|", ",", "[", r"\lfloor", r"\lceil", r"\|")):
        return CHOICE
    if start.endswith(("+", ":", "?", r"\;")):
        return SUM
    return ATOM


def _option(value: Any) -> str:
    if isinstance(value, Graph):
        return latex_name(value.name).removeprefix("\\mathrm{").removesuffix("}")
    if isinstance(value, DType):
        return rf"\mathrm{{{value.name}}}"
    if isinstance(value, (int, float)):
        return _number(value)
    return _word(clean(value, 40))


def _leaf(node: Node) -> tuple[int, list[Piece]]:
    if node.op.name in LEAF_OPS:
        return ATOM, [latex_name(node.params["name"])]
    if node.op.name == "constant":
        value: Const = node.params["value"]
        if value.array.ndim:
            sizes = r" \times ".join(map(str, value.array.shape))
            return ATOM, [rf"\mathrm{{const}}_{{{sizes}}}"]
        shown = _number(value.array.item())
        return (SUM if shown.startswith("-") else PRODUCT if "cdot" in shown else ATOM), [shown]
    if node.op.name == "number":
        name = str(node.params["name"])
        return PRODUCT, [_NUMBERS.get(name) or _word(clean(name, 40))]
    found: list[Piece] = []
    for literal, _, field, _ in _template(node.op.latex):
        found += [literal, _option(node.params.get(field)) if field else ""]
    return _TIGHTNESS.get(node.op.name, ATOM), found


def _number(value: Any) -> str:
    shown = number(value, 6).replace("−", "-")
    if shown in ("∞", "-∞"):
        return shown.replace("∞", r"\infty ")
    mantissa, _, exponent = shown.partition("e")
    if exponent and mantissa.lstrip("-").replace(".", "").isdigit():
        factor = "" if mantissa == "1" else mantissa + r" \cdot "
        return f"{factor}10^{{{exponent}}}"
    return shown if not shown.isalpha() else rf"\mathrm{{{shown}}}"
