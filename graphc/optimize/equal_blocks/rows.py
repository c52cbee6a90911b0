"""Rows of stacked values: entry k of an array with a leading axis, as a graph has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.core.node import Node, make
from graphc.core.type import TensorType
from graphc.ops.indexing import slice_op
from graphc.ops.shaping import reshape_op


def row(stack: Node, index: int) -> Node:
    """Returns entry `index` of the leading axis, without that axis."""
    rest = stack.shape[1:]
    part = make(slice_op, (stack,), {"bounds": ((index, index + 1, 1), *[None] * len(rest))})
    return make(reshape_op, (part,), {"shape": rest})


def row_of(node: Node) -> tuple[Node, int] | None:
    """Returns the array and the place of which a node is one entry; None where it is none."""
    if node.op is not reshape_op:
        return None
    part = node.args[0]
    if part.op is not slice_op:
        return None
    stack = part.args[0]
    first, *others = part.params["bounds"]
    if first is None or any(bound is not None for bound in others):
        return None
    start, stop, _ = first
    if type(start) is not int or type(stop) is not int or stop - start != 1:
        return None
    if part.shape[:1] != (1,) or node.type.shape != stack.shape[1:]:
        return None
    return stack, start


def rows(stack: Node, first: int, step: int, count: int) -> Node:
    """Returns entries first, first + step, ... of the leading axis: the array itself where all."""
    if first == 0 and step == 1 and stack.shape[0] == count:
        return stack
    behind = first + step * (count - 1) + (1 if step > 0 else -1)
    bound = (first, None if behind < 0 else behind, step)
    return make(slice_op, (stack,), {"bounds": (bound, *[None] * (len(stack.shape) - 1))})


def entry_type(stack: Node) -> TensorType:
    """Returns the type of one entry of the leading axis."""
    return TensorType(stack.shape[1:], stack.dtype)


def affine(indices: Sequence[int]) -> tuple[int, int] | None:
    """Returns first and step of indices that are evenly spaced and not all one; None otherwise."""
    first = indices[0]
    step = indices[1] - first if len(indices) > 1 else 1
    if not step:
        return None
    if any(index != first + step * k for k, index in enumerate(indices)):
        return None
    return first, step


@dataclass(slots=True)
class Entries:
    """Values of which each block takes one.

    Attributes:
        values: one for each block.
        stack: the array that has them as rows, where there is one.
        first: the row of the first block.
        step: rows from one block to the next.
        loose: how many operations stacking them takes, where they are not stacked.
    """

    values: Sequence[Node]
    stack: Node | None = None
    first: int = 0
    step: int = 1
    loose: int = 0

    @property
    def kind(self) -> str:
        """What kind of values they are."""
        return self.values[0].op.name if not self.values[0].args else "value"
