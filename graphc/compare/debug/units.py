"""Dead and saturated units: activations counted by the slope that their own records give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compare.debug.record import Units
from graphc.compare.debug.run import Frame, Lanes, Watcher
from graphc.compare.debug.slopes import Slopes
from graphc.compare.debug.text import ALIVE
from graphc.core.errors import show_place
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import TupleType

#: A slope below this part of the operation's largest counts as saturated.
FLAT = 2.0**-10

#: Where an operation is probed to learn how its slope behaves: 0, and both signs of these.
_SIZES = 10.0 ** np.arange(-3.0, 6.25, 0.25)
_GRID = np.concatenate([-_SIZES[::-1], [0.0], _SIZES])
#: Elements whose slopes are taken at once: a graph of many small values costs few calls.
_TOGETHER = 2**14

#: Points at either end that have to be flat, and how far the value may still move there.
_ENDS, _MOVES = 9, 0.01


@dataclass(frozen=True, slots=True)
class Shape:
    """How an activation behaves, seen from its record.

    Attributes:
        largest: the largest slope.
        least: the slope on the flat side of a kink, where it has a constant one; else None.
        limits: the values it tends to at the flat ends, in the node's dtype.
        gate: the slope is constant on either side of a kink: flat elements are its purpose.
    """

    largest: float
    least: float | None
    limits: tuple[float, ...]
    gate: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A value whose slopes are still to be taken."""

    frame: Frame
    node: Node
    index: int
    shape: Shape
    operands: list[Any]
    value: Any


@dataclass(slots=True, eq=False)
class _Counted:
    frame: Frame
    node: Node
    shape: Shape
    batch: int
    flat: Any
    beyond: Any
    small: Any
    elements: int = 0
    saturated: int = 0
    rounded: int = 0


class UnitCounter(Watcher):
    """Counts units over a run; a `map` is a batch.

    Args:
        forward: the nodes to look at outside of blocks, and whose blocks to look into.
    """

    def __init__(self, forward: set[Node]) -> None:
        self.forward = forward
        self.slopes = Slopes()
        self._shapes: dict[Any, Shape | None] = {}
        self._found: dict[Any, _Counted] = {}
        self._on: list[bool] = []
        self._order: dict[Any, int] = {}
        self._waiting: dict[Any, list[_Seen]] = {}
        self._elements = 0

    def enter(self, frame: Frame) -> None:
        outer = frame.users
        self._on.append(not outer or outer[0] in self.forward)

    def leave(self, frame: Frame, roots: Sequence[Node]) -> None:
        self._on.pop()

    def see(self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes) -> None:
        if not self._on[-1] or isinstance(node.type, TupleType) or not node.dtype.is_float:
            return
        if frame.user is None and node not in self.forward:
            return
        if node.op.name == "softmax":
            self._softmax(frame, node, value[0])
            return
        index = _moving(node)
        if index is None:
            return
        values = [a[0] for a in args]
        shape, key = self._shape(node, index, values)
        if shape is None or not value[0].size:
            return
        operands = [np.broadcast_to(v, value[0].shape) for v in values]
        self._order.setdefault((frame.users, node), len(self._order))
        self._waiting.setdefault(key, []).append(
            _Seen(frame, node, index, shape, operands, value[0])
        )
        self._elements += value[0].size
        if self._elements > _TOGETHER:
            self._work_off()

    def _work_off(self) -> None:
        """Takes the slopes of all that waits, those of one operation at once."""
        waiting, self._waiting, self._elements = self._waiting, {}, 0
        for seen in waiting.values():
            slopes, start = self._slopes_of(seen), 0
            for one in seen:
                shape = one.value.shape
                slope = slopes[start : start + one.value.size].reshape(shape)
                start += one.value.size
                rounded = np.zeros(shape, bool)
                for limit in one.shape.limits:
                    rounded |= one.value.astype(np.float64) == limit
                self._count(one.frame, one.node, one.shape, slope, rounded)

    def _slopes_of(self, seen: Sequence[_Seen]) -> Any:
        """Returns |slope| at every element of every value, one after the other."""
        node, index = seen[0].node, seen[0].index
        count = len(node.args)
        flat = [np.concatenate([one.operands[k].ravel() for one in seen]) for k in range(count)]
        if node.op.name == "where":
            chosen = flat[0].astype(bool)
            return (chosen if index == 1 else ~chosen).astype(np.float64)
        slope = self.slopes.at(node, index, flat)
        return np.abs(np.broadcast_to(slope, flat[0].shape).astype(np.float64))

    def _softmax(self, frame: Frame, node: Node, value: Any) -> None:
        axis = node.params["axis"]
        part = value.astype(np.float64)
        self._order.setdefault((frame.users, node), len(self._order))
        # The largest slope of a row; 1/4 where two classes share it evenly.
        slope = np.max(part * (1 - part), axis=axis) if value.size else np.zeros(0)
        rounded = np.max(part, axis=axis) == 1.0 if value.size else np.zeros(0, bool)
        self._count(frame, node, Shape(0.25, None, ()), slope[..., None], rounded[..., None])

    def _count(self, frame: Frame, node: Node, shape: Shape, slope: Any, rounded: Any) -> None:
        if slope.ndim == 0:
            slope, rounded = slope[None], rounded[None]
        axes = tuple(range(slope.ndim - 1))
        small = slope < FLAT * shape.largest
        flat = np.all(slope == 0, axis=axes)
        beyond = np.all(slope <= shape.least, axis=axes) if shape.least else np.zeros_like(flat)
        batch = int(np.prod(slope.shape[:-1], dtype=int))
        key = (frame.users, node)
        one = self._found.get(key)
        if one is None:
            one = _Counted(frame, node, shape, 0, flat, beyond, np.all(small, axis=axes))
            self._found[key] = one
        else:
            one.flat = one.flat & flat
            one.beyond = one.beyond & beyond
            one.small = one.small & np.all(small, axis=axes)
        one.batch += batch
        one.elements += int(slope.size)
        one.saturated += int(np.sum(small))
        one.rounded += int(np.sum(rounded))

    def _shape(self, node: Node, index: int, values: Sequence[Any]) -> tuple[Shape | None, Any]:
        """Returns how an op behaves along one operand, and what it shares that with."""
        if node.op.name == "where":
            return Shape(1.0, None, (), gate=True), (node.op, index)
        fixed = tuple(
            float(np.ravel(v)[0]) if i != index and np.size(v) else None
            for i, v in enumerate(values)
        )
        key = (node.op, tuple(node.params.items()), node.dtype, index, fixed)
        if key not in self._shapes:
            self._shapes[key] = _probe(self.slopes, node, index, fixed)
        return self._shapes[key], key

    def records(self) -> tuple[Units, ...]:
        """Returns what was counted, in evaluation order."""
        self._work_off()
        ordered = sorted(self._found.items(), key=lambda item: self._order[item[0]])
        return tuple(_record(one) for _, one in ordered)


def _moving(node: Node) -> int | None:
    """Returns the operand of an elementwise op that is no constant, where it is the only one."""
    if node.op.group != "elementwise":
        return None
    if node.op.name == "where":
        return _gated(node)
    moving = [i for i, a in enumerate(node.args) if not _is_constant(a)]
    if len(moving) != 1 or not node.args[moving[0]].dtype.is_float:
        return None
    return moving[0]


def _gated(node: Node) -> int | None:
    """Returns the operand that `where` lets through by its own sign: `where(x > 0, x, 0)`."""
    condition, *branches = node.args
    if condition.op.name not in ("less", "less_equal", "greater", "greater_equal"):
        return None
    for index, branch in enumerate(branches, 1):
        gates = any(a is branch for a in condition.args) and any(map(_is_constant, condition.args))
        if gates and _is_constant(branches[2 - index]):
            return index
    return None


def _is_constant(node: Node) -> bool:
    while node.op.name in ("broadcast_to", "cast", "reshape"):
        node = node.args[0]
    return node.op.name in ("constant", "number")


def _probe(slopes: Slopes, node: Node, index: int, fixed: Sequence[float | None]) -> Shape | None:
    """Returns how an op behaves along one operand; None where it neither dies nor saturates."""
    grid = _GRID.astype(node.args[index].dtype.numpy)
    operands = [grid if v is None else np.full(grid.shape, v) for v in fixed]
    slope = slopes.at(node, index, operands)
    if slope is None:
        return None
    slope = np.abs(np.asarray(slope).astype(np.float64))
    value = np.asarray(slopes.value(node, operands)).astype(np.float64)
    largest = float(np.max(slope))
    middle = slope[np.abs(_GRID) <= 1e3]
    if not np.isfinite(largest) or not largest or largest > 1.5 * float(np.max(middle)):
        return None
    ends = (slice(0, _ENDS), slice(-_ENDS, None))
    flat = [
        bool(np.all(slope[e] < FLAT * largest)) and abs(value[e][0] - value[e][-1]) < _MOVES
        for e in ends
    ]
    limits = tuple(float(value[k]) for k, f in zip((0, -1), flat, strict=True) if f)
    if any(flat):
        # 0, 1 and the 1/2 that is promised at a kink.
        gate = node.op.kink is not None and len(np.unique(slope)) <= 3
        return Shape(largest, None, limits, gate)
    if node.op.kink is not None:
        sides = [s for e in ends if (s := float(slope[e][0])) < largest and np.all(slope[e] == s)]
        return Shape(largest, min(sides), ()) if sides else None
    return None


def _record(one: _Counted) -> Units:
    node, shape = one.node, one.shape
    dead, beyond = int(np.sum(one.flat)), int(np.sum(one.beyond))
    units, small = int(np.size(one.flat)), int(np.sum(one.small))
    parts: list[str] = []
    if dead:
        parts.append(f"{dead} of {units} units dead (slope 0 for all of a batch of {one.batch})")
    if beyond:
        parts.append(f"{beyond} of {units} units on the slope {shape.least:.3g} for all of a batch")
    if one.saturated and not shape.gate:
        parts.append(
            f"{one.saturated} of {one.elements} elements flat (slope below "
            f"{FLAT * shape.largest:.3g}), {one.rounded} of them at the limit to the last bit"
        )
    place = show_place(node.place)
    block = one.frame.words() if one.frame.iteration is None else _in_map(one.frame)
    head = describe(node, 2) + (f" at {place}" if place else "") + (f" ({block})" if block else "")
    return Units(
        node=describe(node, 2),
        op=node.op.name,
        place=place,
        block=block,
        units=units,
        batch=one.batch,
        dead=dead,
        beyond=beyond,
        saturated_units=small,
        elements=one.elements,
        saturated=one.saturated,
        rounded=one.rounded,
        threshold=FLAT * shape.largest,
        words=f"{head}: {', '.join(parts) or ALIVE}",
    )


def _in_map(frame: Frame) -> str:
    assert frame.graph is not None
    looped = frame.user is not None and frame.user.op.name in ("scan", "while_loop")
    return f"in {'loop' if looped else 'map'} {frame.graph.name!r}"
