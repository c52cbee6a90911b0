"""The pattern of a whole graph: the rules of its operations, applied in order; nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.core.dtype import DType
from graphc.core.errors import DimError
from graphc.core.graph import Graph
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named
from graphc.core.type import TensorType, TupleType
from graphc.core.walk import fold
from graphc.ops.contraction.matrices import matmul_letters
from graphc.ops.contraction.sums import parse_subscripts
from graphc.ops.steps import steps_gathered
from graphc.sparse.arguments import require_room
from graphc.sparse.contraction import contracted
from graphc.sparse.pattern import NOTHING, Pattern, TooManyEntries, sizes, union, whole
from graphc.sparse.rules import everything, is_static, known, rule_of, several

#: Blocks that are gone through as if they were written out.
_INLINE = ("call", "recompute")


def trace_patterns(output: Node, wrt: Node) -> tuple[Pattern, list[str]]:
    """Returns what each element of the output depends on, and why that may be more than it need be.

    Raises:
        DimError: a size on the way is only named.
        BudgetError: an array on the way has too many elements to follow each.
    """
    reasons: dict[str, None] = {}
    inner = _Walk(lambda why: reasons.setdefault(why))
    found = inner.patterns([output], {wrt: whole(_sizes(wrt))})
    return found[0], list(reasons)


def _sizes(node: Node) -> tuple[int, ...]:
    if not is_static(node):
        raise DimError(
            f"{describe(node, 3)} is {node.type}: the structure hangs on the named size",
            "declare the sizes as numbers",
        )
    return sizes(node.shape)


class _Walk:
    """One walk over a graph and, by calls of itself, its blocks (which nest 100 deep at most)."""

    def __init__(self, tell: Callable[[str], Any]) -> None:
        self.tell = tell
        self._slopes: dict[str, bool] = {}

    def patterns(self, outputs: Sequence[Node], given: Mapping[Node, Any]) -> list[Any]:
        """Returns the outputs' patterns, given those of some nodes; others depend on nothing."""

        def step(node: Node, args: list[Any]) -> Any:
            if node in given:
                return given[node]
            if not any(args):
                return NOTHING
            return self.one(node, args)

        return fold(outputs, step)

    def one(self, node: Node, args: list[Any]) -> Any:
        """Returns a node's pattern from those of its operands."""
        if node.op.name == "item":
            return args[0][node.params["index"]] if args[0] else NOTHING
        if not isinstance(node.type, TupleType) and not node.type.dtype.is_inexact:
            return NOTHING  # integers and booleans do not move
        if not is_static(node):
            _sizes(node)
        require_room(node)
        try:
            return self._exact(node, args)
        except TooManyEntries:
            self.tell(f"the sets of {node.op.name} would take too much memory")
            if isinstance(node.type, TupleType):
                return tuple(everything(node, args, item.shape) for item in node.type.items)
            return everything(node, args, node.shape)

    def _exact(self, node: Node, args: list[Any]) -> Any:
        name = node.op.name
        if node.op.group == "elementwise":
            return union(args, node.shape) if self._has_slope(node) else NOTHING
        if name in _INLINE:
            return self._body(node, node.params["graph"], args)
        if name == "switch":
            branches = [self._body(node, b, args[1:]) for b in node.params["branches"]]
            if not isinstance(node.type, TupleType):
                return union(branches, node.shape)
            parts = zip(*[b or [NOTHING] * len(node.type.items) for b in branches], strict=True)
            return tuple(
                union(part, item.shape) for part, item in zip(parts, node.type.items, strict=True)
            )
        if isinstance(node.type, TupleType):
            return several(node, args, self.tell)
        if name in ("matmul", "einsum"):
            terms, result = (
                matmul_letters(node)
                if name == "matmul"
                else parse_subscripts(node.params["subscripts"], len(node.args))
            )
            # A constant's zeros count only where the other operand is the one that moves.
            values = [None if p else known(a) for p, a in zip(args, node.args, strict=True)]
            return contracted(node, list(terms), result, args, values)
        return rule_of(node)(node, args, self.tell)

    def _body(self, node: Node, graph: Graph, args: Sequence[Any]) -> Any:
        found = self.patterns(graph.outputs, dict(zip(graph.inputs, args, strict=True)))
        return tuple(found) if isinstance(node.type, TupleType) else found[0]

    def _has_slope(self, node: Node) -> bool:
        """Tells whether an elementwise op has a derivative that is not 0 everywhere."""
        name = node.op.name
        if name not in self._slopes:
            self._slopes[name] = _reverse_rule_gives(node)
        return self._slopes[name]


def _reverse_rule_gives(node: Node) -> bool:
    if isinstance(node.op.vjp, str):
        return True
    assert isinstance(node.type, TensorType)
    seed = apply_named("formal", name="adjoint", type=node.type, level=0)
    with steps_gathered():
        wanted = [i for i, a in enumerate(node.args) if _moves(a.type.dtype)]
        return any(part is not None for part in node.op.vjp(seed, node, wanted))


def _moves(dtype: DType) -> bool:
    return dtype.is_inexact


def is_empty(pattern: Pattern) -> bool:
    """Tells whether no element depends on anything."""
    return not any(np.any(term.pick) for term in pattern)
