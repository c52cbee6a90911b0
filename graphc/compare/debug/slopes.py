"""The slope of one elementwise op at given operand values, from its record and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import run
from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.type import TensorType, TupleType
from graphc.ops.steps import steps_gathered


class Slopes:
    """Slopes of elementwise ops, each derived once: the record's reverse rule on scalars.

    Elementwise rules take no notice of shapes, so the scalar slope runs over whole arrays.
    """

    def __init__(self) -> None:
        self._known: dict[Any, tuple[list[Node], Node, list[Node | None]] | None] = {}
        self._xp = NumpyNamespace()

    def at(self, node: Node, index: int, operands: Sequence[Any]) -> Any:
        """Returns d node / d operand `index` over arrays; None where the record has no slope.

        Args:
            node: an elementwise node.
            index: the operand's position.
            operands: the operands' values, in their dtypes, broadcast to one shape.
        """
        found = self._scalar_form(node)
        if found is None or found[2][index] is None:
            return None
        inputs, _, slopes = found
        return self._run(slopes[index], inputs, operands)

    def value(self, node: Node, operands: Sequence[Any]) -> Any:
        """Returns the op itself over arrays of its operands' values."""
        found = self._scalar_form(node)
        return None if found is None else self._run(found[1], found[0], operands)

    def _run(self, root: Node | None, inputs: list[Node], operands: Sequence[Any]) -> Any:
        assert root is not None
        shape = np.broadcast_shapes(*[np.shape(o) for o in operands])
        given = {
            i: np.asarray(o).astype(i.dtype.numpy) for i, o in zip(inputs, operands, strict=True)
        }
        with np.errstate(all="ignore"):
            (value,) = run([root], given, self._xp)
        return np.broadcast_to(value, shape)

    def _scalar_form(self, node: Node) -> tuple[list[Node], Node, list[Node | None]] | None:
        if isinstance(node.type, TupleType) or node.op.group != "elementwise":
            return None
        dtypes = tuple([a.dtype for a in node.args])
        key = (node.op, tuple(node.params.items()), dtypes)
        if key not in self._known:
            self._known[key] = self._derived(node)
        return self._known[key]

    def _derived(self, node: Node) -> tuple[list[Node], Node, list[Node | None]] | None:
        if not callable(node.op.vjp) or not node.type.dtype.is_float:
            return None
        inputs = [
            apply_named("input", name=f"operand {i}", type=TensorType((), a.dtype))
            for i, a in enumerate(node.args)
        ]
        made = make(node.op, tuple(inputs), node.params)
        wanted = [i for i, a in enumerate(inputs) if a.dtype.is_float]
        with steps_gathered():
            rules = node.op.vjp(scalar(1.0, made.dtype), made, wanted)
        slopes: list[Node | None] = [None] * len(inputs)
        for index, slope in zip(wanted, rules, strict=True):
            slopes[index] = slope
        return inputs, made, slopes
