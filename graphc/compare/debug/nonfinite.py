"""Where NaN and infinity are born, why, and how far they spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.backends.mpmath import MpNamespace
from graphc.backends.run import resolve
from graphc.compare.bounds import largest
from graphc.compare.debug.checks import show_at, show_index, show_number
from graphc.compare.debug.record import Birth
from graphc.compare.debug.run import Frame, Lanes, exactly
from graphc.compare.debug.track import Event, Tracker
from graphc.core.errors import show_place
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import TensorType

#: Births told in full.
SHOWN = 50

#: Structural ops with more operand elements than this are not repeated at 50 digits.
_EXAMINED = 4096
#: Nor more often than this.
_TIMES = 20


@dataclass(slots=True, eq=False)
class Note:
    """What is kept of a birth: numbers at its element, and its kind where that can't wait.

    Attributes:
        operands: values at the element; of a structural op the least and the greatest.
        value: what came out.
        kind: as in `Birth.kind`; empty where `operands` suffice to find it.
    """

    operands: tuple[Any, ...]
    value: Any
    kind: str = ""


class NonFinite:
    """Finds elements that are NaN or infinite; `tracker` follows them.

    Args:
        sizes: numbers of the named sizes.
    """

    def __init__(self, sizes: Any) -> None:
        self.tracker = Tracker(not_finite, self._born)
        self._xp = MpNamespace(50, sizes)
        self._examined = 0

    def _born(
        self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes, mask: Any, broken: Any
    ) -> tuple[Note, Any] | None:
        values = [a[0] for a in args]
        if not values:
            at = _first(mask)
            return Note((), value[0][at], "given"), mask
        if node.op.group == "elementwise":
            return self._born_elementwise(values, value[0], mask, broken)
        if broken:
            infinite = all(not np.isnan(v).any() for v in values if _is_float(v))
            where = np.isnan(value[0]) & mask
            if not (infinite and where.any()):
                return None
            return Note(_ranges(values), value[0][_first(where)], "indeterminate"), where
        kind = self._kind_of_structural(node, values, mask)
        return Note(_ranges(values), value[0][_first(mask)], kind), mask

    def _born_elementwise(
        self, values: list[Any], value: Any, mask: Any, broken: Any
    ) -> tuple[Note, Any] | None:
        kind, where = "", mask & ~broken
        if not where.any():
            if any(v.ndim == 0 and _is_float(v) and math.isnan(v) for v in values):
                return None  # it explains every element
            # NaN made of infinities is the second place where something breaks.
            kind, where = "indeterminate", mask & np.isnan(value)
            for v in values:
                if _is_float(v):
                    where = where & ~np.isnan(np.broadcast_to(v, mask.shape))
            if not where.any():
                return None
        at = _first(where)
        operands = tuple([np.broadcast_to(v, mask.shape)[at] for v in values])
        return Note(operands, value[at], kind), where

    def _kind_of_structural(self, node: Node, values: Sequence[Any], mask: Any) -> str:
        self._examined += 1
        if sum(v.size for v in values) > _EXAMINED or self._examined > _TIMES:
            return "unknown"
        params = {k: resolve(v, self._xp.sizes) for k, v in node.params.items()}
        given = [self._xp.convert(v) for v in values]
        exact = exactly(self._xp, node, given, params, mask)
        if isinstance(exact, tuple):
            exact = exact[self.tracker.item or 0]
        return _kind(self._xp, exact[_first(mask)])

    def kind(self, event: Event) -> str:
        """Returns what kind of birth an event is, see `Birth.kind`."""
        note: Note = event.details
        if not note.kind:
            node = event.node
            note.kind = _kind(self._xp, self._exact(node, note))
        return note.kind

    def birth(self, event: Event, reaches: Sequence[str]) -> Birth:
        """Returns an event as a record."""
        note: Note = event.details
        node = event.node
        kind = self.kind(event)
        names = tuple([describe(a, 3) for a in node.args])
        fate = "" if reaches else _fate(event)
        trail = tuple(_with_place(n) for n in event.trail) if reaches else ()
        operands = tuple(
            (name, float(v)) for name, v in zip(names, _flat(note.operands), strict=False)
        )
        return Birth(
            node=describe(node, 4),
            op=node.op.name,
            place=show_place(node.place),
            block=event.frame.words(),
            kind=kind,
            element=event.element,
            operands=operands,
            value=float(note.value),
            count=event.count,
            size=event.size,
            domain=node.op.domain,
            reaches=tuple(reaches),
            fate=fate,
            spread=trail,
            steps=event.steps,
            words=self._words(event, kind, reaches, fate),
        )

    def _words(self, event: Event, kind: str, reaches: Sequence[str], fate: str) -> str:
        node, note = event.node, event.details
        place = show_place(node.place)
        head = describe(node, 4) + (f" at {place}" if place else "")
        if block := event.frame.words():
            head += f" ({block})"
        came = f"{show_number(note.value)}"
        if node.args and node.op.group == "elementwise":
            shown = [
                f"{_operand(a, event.element, event, v)} = {show_number(v)}"
                for a, v in zip(node.args, note.operands, strict=True)
                if a.op.name not in ("constant", "number") or a.shape
            ]
            came += f" from {', '.join(dict.fromkeys(shown))}" if shown else ""
        elif note.operands:
            low, high = note.operands[0]
            came += f" from operands between {show_number(low)} and {show_number(high)}"
        where = f" at element {show_index(event.element)}" if event.element else ""
        more = "" if event.count == 1 else f" ({event.count} of {event.size} elements)"
        text = f"{head} is {came}{where}{more}: {self._reason(event, kind)}"
        if reaches:
            return f"{text}; it reaches {', '.join(reaches)}"
        return f"{text}; harmless: {fate}"

    def _reason(self, event: Event, kind: str) -> str:
        node = event.node
        if kind == "given":
            return "it was given so"
        if kind == "overflow":
            return self._overflow(event)
        if kind == "indeterminate":
            return "infinities have no such value"
        if kind == "unknown":
            return "an overflow or a pole; the operands are too many to repeat it at 50 digits"
        if node.op.group != "elementwise" and not event.details.operands:
            return f"{node.op.name} of no elements"
        what = "a pole" if kind == "pole" else "outside of the domain"
        needs = "" if node.op.domain.startswith("every") else f", {node.op.name} needs "
        return what + (needs + node.op.domain if needs else "")

    def _overflow(self, event: Event) -> str:
        node, note = event.node, event.details
        dtype = event.type.dtype
        limit = f"{dtype.name} ends at {largest(dtype):.4g}"
        if node.op.group != "elementwise":
            return f"overflow, {limit}"
        exact = self._xp.context.nstr(self._exact(node, note), 4)
        return f"overflow, truly {exact} and {limit}"

    def _exact(self, node: Node, note: Note) -> Any:
        operands = [self._xp.convert(v) for v in note.operands]
        params = {k: resolve(v, self._xp.sizes) for k, v in node.params.items()}
        return exactly(self._xp, node, operands, params, np.zeros(())).item()


def not_finite(node: Node, value: Lanes) -> Any:
    """Returns which elements are NaN or infinite, None where none is."""
    if not node.type.dtype.is_inexact:
        return None
    array = value[0]
    if array.ndim == 0 and math.isfinite(array):  # twice as fast, and chains are made of scalars
        return None
    finite = np.isfinite(array)
    return None if finite.all() else ~finite


def _kind(xp: MpNamespace, exact: Any) -> str:
    if isinstance(exact, int):
        return "overflow"
    if xp.context.isnan(exact):
        return "domain"
    return "pole" if xp.context.isinf(exact) else "overflow"


def _first(mask: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def _is_float(value: Any) -> bool:
    return value.dtype.kind not in "biu"


def _ranges(values: Sequence[Any]) -> tuple[Any, ...]:
    floats = [v for v in values if _is_float(v) and v.size]
    return tuple([(float(np.min(v)), float(np.max(v))) for v in floats])


def _flat(operands: Sequence[Any]) -> list[Any]:
    """Returns one number for each operand: the value, or of a range what is larger in size."""
    return [max(v, key=abs) if isinstance(v, tuple) else v for v in operands]


def _operand(node: Node, element: Sequence[int], event: Event, value: Any) -> str:
    shape = node.shape
    lead = len(element) - len(shape)
    own = [
        0 if isinstance(size, int) and size == 1 else element[lead + axis]
        for axis, size in enumerate(shape)
    ]
    return show_at(node, own)


def _with_place(node: Node) -> str:
    place = show_place(node.place)
    return describe(node, 2) + (f" ({place})" if place else "")


def _fate(event: Event) -> str:
    end = event.absorbed
    if end is None:
        return "nothing uses it"
    place = show_place(end.place)
    at = f" at {place}" if place else ""
    if end.op.name == "item":
        return "nothing uses that result of the block"
    if end.op.name == "where":
        return f"the branch of where{at} is not taken"
    if isinstance(end.type, TensorType) and end.type.dtype.kind == "b":
        return f"it only decides {describe(end, 2)}{at}"
    return f"{describe(end, 2)}{at} makes a finite number of it"
