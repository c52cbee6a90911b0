"""Why floats may leave their rounding bound without a fault, decided from the bounds themselves.

The bound is of first order: it says nothing where a comparison or a jump lies within rounding of
its turning point, where a value leaves the range of floats, or where all digits of a value are
lost on the way; and numbers of any precision know one zero, where floats know two. Each of these
is looked for, node by node, in the graph that is judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backends.mpmath import MpNamespace
from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import resolve, run
from graphc.compare.bounds import SAFETY, largest, rounding_bounds, smallest
from graphc.core.node import Node, apply_named, make
from graphc.core.type import TensorType, TupleType
from graphc.core.walk import rebuild, topological_order
from graphc.ops.control import results_of
from graphc.ops.flow.inner import is_running
from graphc.ops.steps import steps_gathered

#: Past this share of its value, a node's error is no longer small: squares of errors count.
_LOST = 1 / 16

TURNED = "rounding turns a comparison or a jump over"
BEYOND = "a value leaves the range of floats"
LOST = "all digits of a value are lost on the way"
CLOSED = "a loop, a branch or a map over a named size is not looked into"
SIGNED = "the sign of a zero decides, as on the cut of atan2"


#: Blocks that are written out as they stand.
_INLINE = ("call", "recompute", "custom")


def opened(nodes: Sequence[Node], sizes: Mapping[str, int]) -> list[Node]:
    """Returns graphs without blocks: calls written out, maps written out entry by entry."""
    while True:
        order = topological_order(nodes)
        if not any(n.op.name in (*_INLINE, "map") for n in order):
            return list(nodes)
        results: dict[Node, list[Node]] = {}

        def step(node: Node, args: tuple[Node, ...], results: Any = results) -> Node:
            if node.op.name in (*_INLINE, "map"):
                found = _opened(node, args, sizes)
                results[node] = found
                return found[0]
            if node.op.name == "item" and node.args[0] in results:
                return results[node.args[0]][node.params["index"]]
            return make(node.op, args, node.params)

        nodes = rebuild(nodes, {}, step)


def _opened(node: Node, args: tuple[Node, ...], sizes: Mapping[str, int]) -> list[Node]:
    graph = node.params["graph"]
    if node.op.name in _INLINE:
        return graph.inline(args)
    mapped = node.params["mapped"]
    length = next(a.shape[0] for a, m in zip(args, mapped, strict=True) if m)
    count = int(resolve(length, sizes))
    rows = [
        graph.inline([_entry(a, i) if m else a for a, m in zip(args, mapped, strict=True)])
        for i in range(count)
    ]
    columns = [apply_named("stack", *parts, axis=0) for parts in zip(*rows, strict=True)]
    wanted = [t.type for t in results_of(node)]
    return [
        c if c.type == t else apply_named("broadcast_to", c, shape=t.shape)
        for c, t in zip(columns, wanted, strict=True)
    ]


def _entry(x: Node, index: int) -> Node:
    bounds = ((index, index + 1, 1), *[None] * (x.ndim - 1))
    return apply_named("reshape", apply_named("slice", x, bounds=bounds), shape=x.shape[1:])


class _PositiveZeros(NumpyNamespace):
    """NumPy's evaluator in which no zero has a sign."""

    def apply(self, node: Node, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Runs the record and turns -0.0 into 0.0."""
        value = super().apply(node, args, params)
        real = isinstance(node.type, TensorType) and node.type.dtype.is_float
        return value + value.dtype.type(0) if real else value


class Explained:
    """Every node of a graph with its exact value and its bound.

    Args:
        root: the graph.
        values: numbers of the leaves.
        sizes: numbers of the named sizes.
    """

    def __init__(self, root: Node, values: Mapping[Node, Any], sizes: Mapping[str, int]) -> None:
        self.whole = not any(
            is_running(n)
            and n.op.name not in _INLINE
            and (n.op.name != "map" or not all(t.is_static for t in _types(n)))
            for n in topological_order([root])
        )
        (self.root,) = opened([root], sizes) if self.whole else (root,)
        self.values = dict(values)
        order = topological_order([self.root])
        self.nodes = [n for n in order if isinstance(n.type, TensorType)]
        self.xp = MpNamespace(60, sizes)
        self.sizes = sizes
        leaves = {n: self.xp.convert(v) for n, v in values.items()}
        self.exact = dict(zip(self.nodes, run(self.nodes, leaves, self.xp), strict=True))
        smooth = [n for n in self.nodes if n.type.dtype.is_float]
        with steps_gathered():
            bounds = rounding_bounds(smooth, values, sizes)
        self.bounds: dict[Node, Any] = {}
        for node, bound in zip(smooth, bounds, strict=True):
            own = np.asarray(bound) - smallest(node.dtype)  # what is flushed to 0 is no rounding
            self.bounds[node] = np.maximum(own, 0.0)

    def bound_at_exact(self) -> Any:
        """Returns the root's bound with all slopes taken at the exact values, as floats."""
        nearest: dict[Node, Any] = {}
        with np.errstate(all="ignore"), steps_gathered():
            for node in self.nodes:
                if node.type.dtype.is_float and node.args:
                    wide = np.asarray(self.exact[node]).astype(np.float64)
                    nearest[node] = wide.astype(node.type.dtype.numpy)
            (bound,) = rounding_bounds([self.root], {**nearest, **self.values}, self.sizes)
        return bound

    def reason(self) -> str:
        """Returns why the first-order bound does not hold here; empty where nothing explains it."""
        jumps = [n for n in self.nodes if _jumps(n)]
        others = [n for n in self.nodes if not _jumps(n)]
        if any(self._beyond(n) for n in self.nodes):
            return BEYOND
        if any(self._turned(n) for n in jumps):
            return TURNED
        if self._decided_by_zero():
            return SIGNED
        if any(self._lost(n) or self._turned(n) for n in others):
            return LOST
        return "" if self.whole else CLOSED

    def _decided_by_zero(self) -> bool:
        """Tells whether the floats are others where every zero is made a positive one."""
        positive = {n: v + 0 if n.type.dtype.is_float else v for n, v in self.values.items()}
        with np.errstate(all="ignore"):
            (plain,) = run([self.root], self.values, NumpyNamespace(self.sizes))
            (other,) = run([self.root], positive, _PositiveZeros(self.sizes))
        return not np.array_equal(plain, other, equal_nan=True)

    def _beyond(self, node: Node) -> bool:
        dtype = node.type.dtype
        if not dtype.is_float:
            return False
        low, high = smallest(dtype), largest(dtype)
        for value in np.ravel(self.exact[node]):
            if value != value:
                continue
            size = abs(value)
            if size > high or 0 < size < low:
                return True
        return False

    def _turned(self, node: Node) -> bool:
        """Tells whether a value moves by more than its bound within its operands' bounds."""
        operands = [self.bounds.get(a) for a in node.args]
        if not node.args or not any(b is not None and np.any(b > 0) for b in operands):
            return False
        if node.op.group != "elementwise" or not any(a.type.dtype.is_float for a in node.args):
            return False
        if len(node.args) == 2 and node.args[0] is node.args[1]:
            return False
        if len(node.args) == 2 and not node.type.dtype.is_float:
            return self._near(*node.args)
        return any(self._differs(node, operands, signs) for signs in _corners(len(node.args)))

    def _near(self, left: Node, right: Node) -> bool:
        """Tells whether two compared values lie within their bounds of each other."""
        room = sum(
            self.xp.convert(np.broadcast_to(b, np.shape(self.exact[a])))
            for a in (left, right)
            if (b := self.bounds.get(a)) is not None
        )
        gap = abs(np.asarray(self.exact[left]) - np.asarray(self.exact[right]))
        return bool(np.any((gap <= room) & (np.asarray(room) > 0)))

    def _differs(self, node: Node, operands: Sequence[Any], signs: Sequence[int]) -> bool:
        moved: list[Any] = []
        for arg, bound, sign in zip(node.args, operands, signs, strict=True):
            value = self.exact[arg]
            if bound is not None:
                value = value + self.xp.convert(np.broadcast_to(bound, np.shape(value))) * sign
            moved.append(value)
        found = self.xp.apply(
            node, moved, {k: resolve(v, self.sizes) for k, v in node.params.items()}
        )
        if not node.type.dtype.is_float:
            return bool(np.any(np.asarray(found) != np.asarray(self.exact[node])))
        allowed = self.xp.convert(np.broadcast_to(self.bounds[node], np.shape(found)))
        gap = np.abs(np.asarray(found) - self.exact[node])
        return bool(np.any(gap > allowed * 8))

    def _lost(self, node: Node) -> bool:
        bound = self.bounds.get(node)
        if bound is None:
            return False
        pairs = zip(np.ravel(self.exact[node]), np.ravel(bound), strict=True)
        for value, allowed in pairs:
            if not allowed < float("inf"):
                return True
            if value == value and allowed / SAFETY > _LOST * abs(value) and allowed > 0:
                return True
        return False


def _types(node: Node) -> Sequence[TensorType]:
    """Returns the types of a node's operands and results."""
    own = node.type.items if isinstance(node.type, TupleType) else (node.type,)
    return [*own, *[a.type for a in node.args if isinstance(a.type, TensorType)]]


def _jumps(node: Node) -> bool:
    """Tells whether an op has jumps: a comparison, a rounding to integers."""
    if node.type.dtype.kind != "f":
        return True
    return node.op.kink is not None and "jump" in node.op.kink.where


def _corners(count: int) -> list[tuple[int, ...]]:
    """Returns every way to move operands down and up by their bounds."""
    found: list[tuple[int, ...]] = [()]
    for _ in range(count):
        found = [(*c, s) for c in found for s in (-1, 1)]
    return found
