"""Artificial against true vanishing: adjoints that are 0 or tiny, held against 50 digits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compare.bounds import smallest
from graphc.compare.debug.checks import show_index, show_number
from graphc.compare.debug.record import Vanishing
from graphc.compare.debug.run import Frame, Lanes, Watcher
from graphc.compare.debug.track import Event, Tracker
from graphc.core.errors import show_place
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import TensorType, TupleType

#: An element counts as lost where it is off by more than this part of its true value.
_LOST = 0.5

#: Operations that add with either sign, so that digits can cancel.
_SUMS = frozenset({"add", "sub", "sum", "mean", "matmul", "einsum", "scatter_add", "var"}) | {
    "index_add",
    "add_along_axis",
    "cumsum",
    "linear_recurrence",
}

#: Products of float64 below this lose digits, and then all of them.
_LEAST = float(np.finfo(np.float64).tiny)

#: What a graph is judged in where 50 digits are above the budget.
FLOAT64 = "float64"

#: Adjoints explained beside those asked for.
EXPLAINED = 40


@dataclass(slots=True, eq=False)
class Loss:
    """What is kept of a value that was lost: numbers at its element, as computed and truly."""

    operands: tuple[tuple[float, str], ...]
    computed: float
    true: str
    cause: str


class Lost:
    """Follows elements whose computed value is off by more than half; `tracker` follows them."""

    def __init__(self) -> None:
        self.tracker = Tracker(off_by_half, self._born)

    def _born(
        self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes, mask: Any, broken: Any
    ) -> tuple[Loss, Any] | None:
        elementwise = node.op.group == "elementwise"
        where = mask & ~broken if elementwise else mask
        if not args or not where.any() or (not elementwise and broken):
            return None
        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(where)), where.shape))
        computed, true = float(value[0][at]), value[1][at]
        operands: list[tuple[float, str]] = []
        for lanes in args if elementwise else ():
            low, high = (np.broadcast_to(lane, where.shape)[at] for lane in lanes[:2])
            operands.append((float(low), _digits(high)))
        cause = _cause(node, computed, true)
        return Loss(tuple(operands), computed, _digits(true), cause), where


class Judge(Watcher):
    """Holds adjoints outside of blocks against the exact lane.

    Attributes:
        norms, counts: of the adjoints.
        cancelled: a sum came out as exactly 0: with more digits it may not.
        sure: no 0 in the second lane stands for a number below its range (mpmath has no end).

    Args:
        asked: for each adjoint node whether all of its elements are in question, or those that
            are 0 or tiny, or (None) none.
    """

    def __init__(self, asked: Mapping[Node, bool | None]) -> None:
        self.asked = dict(asked)
        self.norms: dict[Node, float] = {}
        self.counts: dict[Node, Counts] = {}
        self.cancelled = False
        self.sure = True

    def see(self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes) -> None:
        if self.sure and isinstance(node.type, TensorType):
            self.sure = not _may_underflow(node, [a[1] for a in args], value[1])
        if node.op.name in ("add", "sub") and node.dtype.is_float:
            zero = _is_zero(value[1])
            if zero.any():
                first = np.broadcast_to(args[0][1], zero.shape)
                self.cancelled |= bool((zero & ~_is_zero(first)).any())
        if frame.user is not None or node not in self.asked:
            return
        exact = np.asarray(value[1])
        self.norms[node] = norm_exact(exact)
        asked = self.asked[node]
        if asked is not None:
            self.counts[node] = _count(node, value[0], exact, asked)


@dataclass(frozen=True, slots=True)
class Counts:
    """How the elements in question of one adjoint stand against the truth."""

    true_zeros: int
    true_tiny: int
    underflow: int
    lost: int
    example: tuple[tuple[int, ...], float, str] | None


def _count(node: Node, computed: Any, exact: Any, all_asked: bool) -> Counts:
    size = np.abs(computed.astype(np.float64))
    least = smallest(node.dtype)
    asked = np.isfinite(size) & (all_asked | (size < least))
    true_zero = _is_zero(exact)
    true = np.abs(as_floats(exact))
    known = asked & np.isfinite(true)
    off = off_by_half(node, (computed, exact))
    off = np.zeros(size.shape, bool) if off is None else off
    lost = known & ~true_zero & off & (true >= least)
    under = known & ~true_zero & (size < least) & (true < least) & (off | (size == 0))
    zeros = known & true_zero & (size == 0)
    tiny = known & ~lost & ~under & ~zeros
    example = None
    shown = lost if lost.any() else under if under.any() else tiny
    if shown.any():
        ranked = np.where(shown, true, -1.0)
        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(ranked)), ranked.shape))
        example = (at, float(computed[at]), _digits(exact[at]))
    sums = [int(np.sum(part)) for part in (zeros, tiny, under, lost)]
    return Counts(sums[0], sums[1], sums[2], sums[3], example)


def vanishing(
    node: Node, wanted: bool, sums: Any, counts: Counts | None, event: Event | None,
    judged: str, ratio: float, sure: bool,
) -> Vanishing:  # fmt: skip
    """Returns the record of one adjoint.

    Args:
        node: the value whose adjoint it is.
        wanted: it is a gradient that was asked for.
        sums: its figures, see `levels.Sums`.
        counts: how it stands against the truth; None where it was not judged.
        event: where its value was lost, as far as known.
        judged: by what, or why not.
        ratio: its norm over that of the loss's own adjoint.
        sure: what was judged to be 0 is no number below the range it was judged in.
    """
    kind, cause, born = "unjudged", "", ""
    if counts is not None:
        kind = "artificial" if counts.lost or counts.underflow else "true"
        if kind == "true" and counts.true_zeros and not sure:
            kind = "unjudged"
        if kind == "artificial":
            cause = event.details.cause if event is not None else "underflow"
            born = "" if event is None else _born_words(event)
    words = _words(node, sums, counts, kind, cause, born, judged, ratio)
    zero = Counts(0, 0, 0, 0, None) if counts is None else counts
    return Vanishing(
        node=describe(node, 3),
        place=show_place(node.place),
        wanted=wanted,
        size=sums.size,
        zeros=sums.zeros,
        tiny=sums.tiny,
        true_zeros=zero.true_zeros,
        true_tiny=zero.true_tiny,
        underflow=zero.underflow,
        lost=zero.lost,
        kind=kind,
        cause=cause,
        example=zero.example,
        born=born,
        judged=judged,
        words=words,
    )


def _words(
    node: Node, sums: Any, counts: Counts | None, kind: str, cause: str, born: str, judged: str,
    ratio: float,
) -> str:  # fmt: skip
    what = f"the adjoint of {describe(node, 3)}"
    flat = [f"{n} {w}" for n, w in ((sums.zeros, "zero"), (sums.tiny, "subnormal")) if n]
    have = f"{' and '.join(flat)} of {sums.size} elements" if flat else f"norm {sums.norm:.3g}"
    if counts is None:
        return f"{what}: {have}, not judged: {judged}"
    if kind == "unjudged":
        return f"{what}: {have}, 0 in float64 too: below its range or truly 0"
    if kind == "true":
        if not counts.true_tiny:
            return f"{what}: {have}, truly 0 at {judged}"
        return f"{what}: {have}, truly: it is {ratio:.2g} of the loss's own adjoint ({judged})"
    parts = [
        f"{n} {w}"
        for n, w in (
            (counts.lost, "lost though within range"),
            (counts.underflow, "below the range"),
            (counts.true_zeros, "truly 0"),
        )
        if n
    ]
    text = f"{what}: {have}, artificially, by {cause} ({', '.join(parts)}; {judged})"
    if counts.example is not None:
        at, computed, true = counts.example
        where = f" at {show_index(at)}" if at else ""
        text += f"; computed {show_number(computed)}, truly {true}{where}"
    return text + (f"; {born}" if born else "")


def _born_words(event: Event) -> str:
    loss: Loss = event.details
    node = event.node
    place = show_place(node.place)
    head = describe(node, 3) + (f" at {place}" if place else "")
    if block := event.frame.words():
        head += f" ({block})"
    operands = ", ".join(f"{show_number(v)} (truly {true})" for v, true in loss.operands)
    made = f" of {operands}" if operands else ""
    return f"lost in {head}: {show_number(loss.computed)}{made} is truly {loss.true}"


def _may_underflow(node: Node, operands: Sequence[Any], value: Any) -> bool:
    """Tells whether a float64 result holds a 0 that is none, or was made of such products."""
    if value.dtype != np.float64 or not operands or node.op.name == "where":
        return False
    floats = [np.abs(o) for o in operands if o.dtype == np.float64]
    if node.op.group == "elementwise":
        # At a kink, as of relu, 0 is the value; elsewhere only 0 makes 0.
        if node.op.kink is not None or not (zero := value == 0).any():
            return False
        return bool(np.any(zero & np.all([np.broadcast_to(f, zero.shape) for f in floats], axis=0)))
    least = [float(np.min(f[f > 0])) for f in floats if (f > 0).any()]
    with np.errstate(all="ignore"):
        return bool(np.prod(least) < _LEAST)


def _cause(node: Node, computed: float, true: Any) -> str:
    first = node.type.items[0] if isinstance(node.type, TupleType) else node.type
    if abs(true) < smallest(first.dtype):
        return "underflow"
    if node.op.name in _SUMS:
        constant = any(_is_constant(a) for a in node.args)
        return "saturation" if computed == 0 and constant else "cancellation"
    return "rounding"


def _is_constant(node: Node) -> bool:
    while node.op.name in ("broadcast_to", "cast", "reshape"):
        node = node.args[0]
    return node.op.name in ("constant", "number")


def off_by_half(node: Node, value: Lanes) -> Any:
    """Returns which finite elements are off by more than half of their true value, or None."""
    if not node.type.dtype.is_float:
        return None
    if value[0].ndim == 0 and not _scalar_is_off(float(value[0]), value[1].item()):
        return None
    computed = np.asarray(value[0]).astype(np.float64)
    true = as_floats(value[1])
    with np.errstate(all="ignore"):
        off = np.abs(computed - true) > _LOST * np.abs(true)
    zero = _is_zero(value[1])
    off = (off | (computed == 0)) & ~zero & np.isfinite(computed) & np.isfinite(true)
    return off if off.any() else None


def _scalar_is_off(computed: float, exact: Any) -> bool:
    # Chains are made of scalars, and arrays of one element cost ten times as much.
    true = float(exact)
    return exact != 0 and (computed == 0 or abs(computed - true) > _LOST * abs(true))


def as_floats(exact: Any) -> Any:
    """Returns exact numbers rounded to float64; what lies below its range becomes 0."""
    return np.asarray(exact).astype(np.float64)


def norm_exact(exact: Any) -> float:
    """Returns the Euclidean norm of exact numbers; 0.0 where it lies below float64's range."""
    array = np.asarray(exact)
    if array.ndim == 0:
        return abs(float(array.item()))
    if not array.size:
        return 0.0
    top = np.max(np.abs(array))
    if not top or not math.isfinite(float(top)):
        return float(top)
    return float(top) * math.sqrt(float(np.sum((array / top) ** 2)))


def _is_zero(exact: Any) -> Any:
    return np.asarray(exact == 0).astype(bool)


def _digits(number: Any) -> str:
    if isinstance(number, (int, float, np.floating)):
        return f"{float(number):.6g}"
    context = getattr(number, "context", None)
    return str(number) if context is None else context.nstr(number, 6)
