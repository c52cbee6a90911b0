"""Comparisons of row and column numbers: masks of triangles, identities, rows with a single 1."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.core.node import Node
from graphc.core.type import Size
from graphc.ops.chain import reshape

_COMPARING = {
    "equal": "==", "not_equal": "!=", "greater": ">", "greater_equal": ">=", "less": "<",
    "less_equal": "<=",
}  # fmt: skip
_MIRRORED = {"==": "==", "!=": "!=", ">": "<", ">=": "<=", "<": ">", "<=": ">="}


@dataclass(frozen=True, slots=True)
class Band:
    """A mask that is true where `row number + shift` compares so with the column's number.

    Attributes:
        relation: one of `== != > >= < <=`.
        shift: what is added to the row's number.
    """

    relation: str
    shift: int

    def inside(self) -> tuple[bool, bool]:
        """Returns whether all that is true lies on or below the diagonal, on or above it."""
        k = self.shift
        return {
            "==": (k <= 0, k >= 0), "!=": (False, False), ">=": (k <= 0, False),
            ">": (k <= 1, False), "<=": (False, k >= 0), "<": (False, k >= -1),
        }[self.relation]  # fmt: skip

    def outside(self) -> tuple[bool, bool]:
        """Returns the same of all that is false."""
        turned = {"==": "!=", "!=": "==", ">=": "<", ">": "<=", "<=": ">", "<": ">="}
        return Band(turned[self.relation], self.shift).inside()

    @property
    def is_diagonal(self) -> bool:
        return self.relation == "==" and self.shift == 0


def band_of(mask: Node) -> Band | None:
    """Returns the band that a mask is, None where it is none."""
    relation = _COMPARING.get(mask.op.name)
    if relation is None:
        return None
    left, right = (_counter(a) for a in mask.args)
    if left is None or right is None or left[0] == right[0]:
        return None
    if left[0] == "across":
        left, right, relation = right, left, _MIRRORED[relation]
    return Band(relation, left[1] - right[1])


def _without_numbers(node: Node) -> tuple[Node, int] | None:
    """Returns what numbers are added to, and their sum; None where something else is added."""
    shift = 0
    while node.op.name in ("add", "sub"):
        plus, number = _with_number(node)
        if plus is None:
            return None
        shift += number
        node = plus
    return node, shift


def _counter(node: Node) -> tuple[str, int] | None:
    """Returns (`down` or `across`, what is added) of the numbers of rows or columns."""
    found = _without_numbers(node)
    if found is None:
        return None
    node, shift = found
    shape = node.shape
    if node.op.name == "reshape":
        inner = _without_numbers(node.args[0])
        if inner is None:
            return None
        node, shift = inner[0], shift + inner[1]
    if node.op.name != "iota" or not shape or any(not _is_one(s) for s in shape[:-2]):
        return None
    if not _is_one(shape[-1]):
        return ("across", shift) if len(shape) == 1 or _is_one(shape[-2]) else None
    return ("down", shift) if len(shape) > 1 and not _is_one(shape[-2]) else None


def _with_number(node: Node) -> tuple[Node | None, int]:
    """Returns (x, k) of x + k and x - k."""
    left, right = node.args
    if not node.dtype.is_integer:
        return None, 0
    sign = -1 if node.op.name == "sub" else 1
    if right.op.name == "constant" and not right.shape:
        return left, sign * int(right.params["value"].array)
    if sign > 0 and left.op.name == "constant" and not left.shape:
        return right, int(left.params["value"].array)
    return None, 0


def _is_one(size: Size) -> bool:
    return isinstance(size, int) and size == 1


@dataclass(frozen=True, slots=True)
class OneHot:
    """Rows with a 1 at a place each, 0 else; with no 1 where the place is out of range.

    Attributes:
        places: where the 1 is, integers `[..., m]`.
        classes: how many columns there are.
        columns: it is the columns instead that have a single 1.
    """

    places: Node
    classes: Size
    columns: bool


def one_hot_of(node: Node) -> OneHot | None:
    """Returns which rows or columns of a matrix have a single 1; None where nobody knows."""
    while node.op.name in ("cast", "assume", "stop_gradient"):
        node = node.args[0]
    if node.op.name != "equal" or node.ndim < 2:
        return None
    found: OneHot | None = None
    for numbers, other in (node.args, node.args[::-1]):
        counter = _counter(numbers)
        if counter is None or counter[1] or other.ndim != node.ndim or not other.dtype.is_integer:
            continue
        if counter[0] == "across" and _is_one(other.shape[-1]):
            return OneHot(_dropped(other, -1), numbers.shape[-1], columns=False)
        if counter[0] == "down" and _is_one(other.shape[-2]):
            found = OneHot(_dropped(other, -2), numbers.shape[-2], columns=True)
    return found


def _dropped(node: Node, axis: int) -> Node:
    shape = list(node.shape)
    del shape[axis]
    return reshape(node, tuple(shape))
