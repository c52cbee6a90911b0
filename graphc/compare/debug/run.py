"""The watched run: a graph evaluated in several number systems side by side, told node by node."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import Namespace, check_bound, resolve
from graphc.core.dtype import DType
from graphc.core.errors import show_place
from graphc.core.graph import Graph
from graphc.core.node import Node
from graphc.core.type import TupleType
from graphc.core.walk import fold
from graphc.ops.flow.inner import bodies_run, is_running

#: A node's value in each number system: an array, or a tuple of arrays for several results.
Lanes = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Where nodes are evaluated: in the graph itself, or within one run of a block.

    Attributes:
        user: the `call`, `map`, loop or choice that runs the block; None for the graph itself.
        graph: the block.
        number: which call of this block it is within `parent`, from 1.
        iteration: which entry of a `map` or step of a loop, from 0; None for a call.
        parent: where the user stands.
    """

    user: Node | None = None
    graph: Graph | None = None
    number: int = 1
    iteration: int | None = None
    parent: Frame | None = None

    @property
    def key(self) -> tuple[tuple[Node, int | None], ...]:
        """The calls and maps on the way with their iterations, outermost first."""
        steps: list[tuple[Node, int | None]] = []
        frame: Frame | None = self
        while frame is not None and frame.user is not None:
            steps.append((frame.user, frame.iteration))
            frame = frame.parent
        return tuple(reversed(steps))

    @property
    def ids(self) -> tuple[tuple[int, int | None], ...]:
        """`key` by serial numbers, which compare."""
        return tuple((user.uid, iteration) for user, iteration in self.key)

    @property
    def users(self) -> tuple[Node, ...]:
        """The calls and maps on the way, outermost first, whatever the iteration."""
        return tuple(user for user, _ in self.key)

    def words(self) -> str:
        """Returns where it is in words, innermost first; empty for the graph itself."""
        parts: list[str] = []
        frame: Frame | None = self
        while frame is not None and frame.user is not None and frame.graph is not None:
            place = show_place(frame.user.place)
            at = f" at {place}" if place else ""
            name = frame.user.op.name
            if name == "switch":
                parts.append(f"in branch {frame.graph.name!r}, choice {frame.number}{at}")
            elif frame.iteration is None:
                parts.append(f"in block {frame.graph.name!r}, call {frame.number}{at}")
            elif name in ("scan", "while_loop"):
                parts.append(f"in step {frame.iteration} of loop {frame.graph.name!r}{at}")
            else:
                parts.append(f"in iteration {frame.iteration} of map {frame.graph.name!r}{at}")
            frame = frame.parent
        return ", ".join(parts)


class Watcher:
    """What is told of a run; each pass overrides what it needs."""

    def enter(self, frame: Frame) -> None:
        """A run of the graph or of a block begins."""

    def before(self, frame: Frame, node: Node, args: Sequence[Lanes]) -> None:
        """A node is about to be computed; leaves are not told."""

    def see(self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes) -> None:
        """A node has its value."""

    def leave(self, frame: Frame, roots: Sequence[Node]) -> None:
        """The run has ended; `roots` are the block's outputs."""


class Run:
    """One evaluation in every lane at once; blocks are entered, so watchers see their nodes too.

    Args:
        lanes: the number systems; the first is the one people compute in.
        watchers: told of every node, in evaluation order.
    """

    def __init__(self, lanes: Sequence[Namespace], watchers: Sequence[Watcher]) -> None:
        self.lanes = tuple(lanes)
        self.watchers = tuple(watchers)
        self.sizes = self.lanes[0].sizes

    def evaluate(
        self, roots: Sequence[Node], values: Mapping[Node, Lanes], keep: Sequence[Node]
    ) -> list[Lanes]:
        """Computes the roots in order and returns the values of those in `keep`."""
        with np.errstate(all="ignore"):
            return self._frame(Frame(), roots, values, keep)

    def _frame(
        self, frame: Frame, roots: Sequence[Node], values: Mapping[Node, Lanes],
        keep: Sequence[Node],
    ) -> list[Lanes]:  # fmt: skip
        counts: dict[Graph, int] = {}

        def step(node: Node, args: list[Lanes]) -> Lanes:
            if node in values:
                value = values[node]
            else:
                for watcher in self.watchers:
                    watcher.before(frame, node, args)
                value = self._apply(frame, counts, node, args)
            for watcher in self.watchers:
                watcher.see(frame, node, args, value)
            return value

        for watcher in self.watchers:
            watcher.enter(frame)
        found = fold(roots, step, keep)
        for watcher in self.watchers:
            watcher.leave(frame, roots)
        return found

    def _apply(
        self, frame: Frame, counts: dict[Graph, int], node: Node, args: list[Lanes]
    ) -> Lanes:
        if is_running(node):
            graph = bodies_run(node)[-1].graph
            counts[graph] = counts.get(graph, 0) + 1
            number = counts[graph]
            if node.op.name == "map":
                return self._map(frame, number, node, args)
            if node.op.name == "scan":
                return self._scan(frame, number, node, args)
            if node.op.name == "while_loop":
                return self._while(frame, number, node, args)
            if node.op.name == "switch":
                branches = node.params["branches"]
                chosen = min(max(int(args[0][0]), 0), len(branches) - 1)
                inner = Frame(node, branches[chosen], number, None, frame)
                return _join(self._block(inner, args[1:]))
            return _join(self._block(Frame(node, graph, number, None, frame), args))
        params = node.params
        if params:
            params = {name: resolve(value, self.sizes) for name, value in params.items()}
        first = self.lanes[0].apply(node, [a[0] for a in args], params)
        rest = [
            exactly(xp, node, [a[k] for a in args], params, first)
            for k, xp in enumerate(self.lanes[1:], 1)
        ]
        return (first, *rest)

    def _block(self, frame: Frame, args: Sequence[Lanes]) -> list[Lanes]:
        assert frame.graph is not None
        values = dict(zip(frame.graph.inputs, args, strict=True))
        return self._frame(frame, frame.graph.outputs, values, frame.graph.outputs)

    def _map(self, frame: Frame, number: int, node: Node, args: list[Lanes]) -> Lanes:
        graph, mapped = node.params["graph"], node.params["mapped"]
        size = next(a[0].shape[0] for a, m in zip(args, mapped, strict=True) if m)
        rows: list[list[Lanes]] = []
        for i in range(size):
            given = [
                tuple([np.asarray(v[i]) for v in a]) if m else a
                for a, m in zip(args, mapped, strict=True)
            ]
            rows.append(self._block(Frame(node, graph, number, i, frame), given))
        columns = [
            tuple([self._stack([row[k][lane] for row in rows], output) for lane in self._counted()])
            for k, output in enumerate(graph.outputs)
        ]
        return _join(columns)

    def _scan(self, frame: Frame, number: int, node: Node, args: list[Lanes]) -> Lanes:
        params = {name: resolve(value, self.sizes) for name, value in node.params.items()}
        graph, carries, length = params["graph"], params["carries"], params["length"]
        last = carries + params["scanned"]
        carry, entries, fixed = args[:carries], args[carries:last], args[last:]
        rows: list[list[Lanes]] = [[]] * length
        for i in reversed(range(length)) if params["reverse"] else range(length):
            own = [tuple([np.asarray(v[i]) for v in a]) for a in entries]
            results = self._block(Frame(node, graph, number, i, frame), [*carry, *own, *fixed])
            carry, rows[i] = results[:carries], results[carries:]
        columns = [
            tuple([self._stack([row[k][lane] for row in rows], output) for lane in self._counted()])
            for k, output in enumerate(graph.outputs[carries:])
        ]
        return _join([*carry, *columns])

    def _while(self, frame: Frame, number: int, node: Node, args: list[Lanes]) -> Lanes:
        params = node.params
        test, graph, carries = params["test"], params["graph"], params["carries"]
        carry, fixed = args[:carries], args[carries:]
        step = 0
        while True:
            (more,) = self._block(Frame(node, test, number, step, frame), [*carry, *fixed])
            if not bool(more[0]):
                return _join(carry)
            check_bound(graph, params["bound"], step)
            carry = self._block(Frame(node, graph, number, step, frame), [*carry, *fixed])
            step += 1

    def _counted(self) -> range:
        return range(len(self.lanes))

    def _stack(self, parts: list[Any], output: Node) -> Any:
        if parts:
            return np.stack(parts)
        shape = (0, *resolve(output.type.shape, self.sizes))
        return np.zeros(shape, output.type.dtype.numpy)


def exactly(xp: Namespace, node: Node, args: Sequence[Any], params: Any, like: Any) -> Any:
    """Returns a node's value in mpmath; NaN of the shape of `like` where Python raises.

    Where IEEE has 0/0 or infinity - infinity, mpmath's own operators raise.
    """
    try:
        return xp.apply(node, args, params)
    except (ArithmeticError, ValueError):
        if isinstance(like, tuple):
            return tuple([np.full(v.shape, math.nan, object) for v in like])  # pyright: ignore[reportUnknownVariableType]
        return np.full(np.shape(like), math.nan, object)


def _join(results: list[Lanes]) -> Lanes:
    """Returns one value in each lane; a tuple of values where there are several results."""
    return results[0] if len(results) == 1 else tuple(zip(*results, strict=True))


class WideNamespace(NumpyNamespace):
    """NumPy with every float in float64, whatever the node's dtype: a second opinion on float32."""

    def apply(self, node: Node, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Runs the record and rounds to float64 where the node is a float."""
        result = node.op.run(self, *args, **params)
        if isinstance(node.type, TupleType):
            pairs = zip(result, node.type.items, strict=True)
            return tuple([np.asarray(r, dtype=_wide(t.dtype)) for r, t in pairs])
        return np.asarray(result, dtype=_wide(node.type.dtype))

    def convert(self, array: Any) -> Any:
        """Returns an array with its floats in float64."""
        made = np.asarray(array)
        return made.astype(np.float64) if made.dtype.kind in "fV" else made

    def asarray(self, x: Any) -> Any:
        """Returns a constant, in float64 where it is a float."""
        return self.convert(x)

    def astype(self, x: Any, dtype: DType) -> Any:
        """Casts to the wide dtype."""
        return np.asarray(x).astype(_wide(dtype))

    def zeros(self, shape: Any, dtype: DType) -> Any:
        """Returns zeros of the wide dtype."""
        return np.zeros(shape, _wide(dtype))

    def full(self, shape: Any, value: Any, dtype: DType) -> Any:
        """Returns a filled array of the wide dtype."""
        return np.full(shape, value, _wide(dtype))

    def arange(self, size: int, dtype: DType) -> Any:
        """Returns 0, 1, ..., in the wide dtype."""
        return np.arange(size).astype(_wide(dtype))


def _wide(dtype: DType) -> Any:
    return np.float64 if dtype.is_float else dtype.numpy
