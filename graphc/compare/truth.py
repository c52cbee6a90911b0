"""The truth: differences of the forward graph alone at raised precision, never our own rules.

At a kink the forward graph has no derivative; there, and only there, the record's `Kink` says what
the node's straight line is, and the perturbed runs follow that line (see `FrozenKinks`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mpmath.ctx_mp_python import _mpf as mpf  # pyright: ignore[reportPrivateUsage]

from graphc.backends.mpmath import MpNamespace
from graphc.backends.run import run
from graphc.core.node import Node

#: Levels of precision in decimal digits; the answer counts when two levels agree.
LEVELS = (50, 100, 200, 400, 800)

#: Levels above these, for graphs whose numbers lie too far apart for 800 digits.
_BEYOND = (1600, 3200)

#: Numbers of a graph may be this many digits apart before levels of few digits are left out.
_APART = 50

#: Powers of two beyond which numbers count as equally far.
_FURTHEST = 10**6

#: Two levels agree when they share this many digits.
AGREEMENT = 26

#: Inputs below this get steps of their own size where plain ones find no limit.
_SMALL = 1e-6

#: One-sided slopes closer than this, relatively, count as one.
_NEGLIGIBLE = 1e-12


@dataclass(slots=True)
class FrozenKinks:
    """Kinks met in the unperturbed run, and the straight lines that stand for them afterwards.

    The n-th evaluation of a node in a perturbed run belongs to its n-th in the first: bodies of
    loops are run as often, but for a loop that goes on by what it has computed.
    """

    base: dict[Node, list[Any]] = field(default_factory=dict[Node, list[Any]])
    seen: dict[Node, int] = field(default_factory=dict)
    replayed: dict[Node, int] | None = None
    largest: float = 0.0
    smallest: float = 0.0

    def same_places(self, other: FrozenKinks) -> bool:
        """Tells whether another run met its kinks at the same elements."""
        for node in {**self.base, **other.base}:
            runs = itertools.zip_longest(self.base.get(node, []), other.base.get(node, []))
            for mine, theirs in runs:
                if isinstance(mine, tuple) and isinstance(theirs, tuple):
                    if np.any(np.asarray(mine[0]) != np.asarray(theirs[0])):
                        return False
                elif (mine is None or theirs is None) and mine is not theirs:
                    return False
        return True

    def measure(self, value: Any) -> None:
        """Notes how large and how small the numbers of the first run are, as powers of two."""
        parts = value if isinstance(value, tuple) else (value,)  # an op may have several results
        for v in (v for part in parts for v in np.ravel(part)):
            if isinstance(v, mpf) and v and v - v == 0:
                _, _, exponent, bits = v._mpf_  # pyright: ignore[reportPrivateUsage]
                # exp(exp(800)) has an exponent that no float holds.
                power = max(-_FURTHEST, min(exponent + bits, _FURTHEST))
                self.largest = max(self.largest, power)
                self.smallest = min(self.smallest, power)

    def start(self) -> None:
        """Turns from recording to replaying, at the front."""
        self.replayed = {}

    def at(
        self,
        xp: MpNamespace,
        node: Node,
        args: Sequence[Any],
        params: Mapping[str, Any],
        value: Any,
    ) -> Any:
        """Returns the node's value, its kinked elements replaced by their line when replaying."""
        if self.replayed is None:
            self.measure(value)
        kink = node.op.kink
        if kink is None and node.op.name != "stop_gradient":
            return value
        runs = self.base.setdefault(node, [])
        if self.replayed is None:
            if kink is None:  # what the author declares constant stays what it was
                runs.append(value)
                return value
            mask = np.asarray(kink.at(xp, *args, **params)).astype(bool)
            count = int(mask.sum())
            runs.append((mask, list(args), value) if count else None)
            if count:
                self.seen[node] = self.seen.get(node, 0) + count
            return value
        number = self.replayed.get(node, 0)
        self.replayed[node] = number + 1
        if number >= len(runs):  # a step more of a loop than there was
            return value
        entry = runs[number]
        if kink is None:
            return entry
        if entry is None:
            return value
        mask, first, start = entry
        moved = [a - b for a, b in zip(args, first, strict=True)]
        line = start + kink.slope(xp, *moved, *first, **params)
        if node.type.dtype.is_float:  # the modulus of a complex number is real
            line = xp.real(line)
        return np.where(np.broadcast_to(mask, value.shape), line, value)


class Truth:
    """Derivatives of one graph at one point, to 25 digits and more.

    Args:
        output: the node that is differentiated; any shape is summed against nothing: a scalar.
        values: for each leaf its float value.
        sizes: numbers of the named sizes.
    """

    def __init__(self, output: Node, values: Mapping[Node, Any], sizes: Mapping[str, int]) -> None:
        self.output = output
        self.values = dict(values)
        self.sizes = dict(sizes)
        self._levels: dict[tuple[int, Any], Any] = {}

    def value(self, digits: int = 50) -> Any:
        """Returns the output's value."""
        return plain(self._base(digits, None)[0])

    def kinks(self) -> dict[Node, int]:
        """Returns the nodes evaluated exactly at a kink, and at how many elements."""
        return self._base(self._first_level(()), None)[1].seen

    def node_values(self, nodes: Sequence[Node], digits: int = 50) -> list[Any]:
        """Returns the values of inner nodes."""
        xp = MpNamespace(digits, self.sizes)
        return [np.asarray(v, dtype=object) for v in run(nodes, self._leaves(xp), xp)]

    def along(self, directions: Mapping[Node, Any], least: int = LEVELS[0]) -> Any:
        """Returns the derivative along a direction, or None where no two levels agree.

        Args:
            directions: for each node (leaf or inner, then cut there) the amount it moves by.
            least: levels of fewer digits are left out; a dispute starts at 400.
        """
        least = max(least, self._first_level(tuple(directions)))
        found = self._limit(directions, 1, least)
        if found is None:
            # A tiny input, log(x) at 1e-30, lies nearer to its edge than the steps are long.
            scale = self._smallest(directions)
            found = None if scale is None else self._limit(directions, scale, least)
        return found

    def _first_level(self, cut: tuple[Node, ...]) -> int:
        """Returns the least level at which the same elements stand at a kink as at the last.

        At 50 digits log(1 + exp(-700)) is 0, and its sign stands at a jump where there is none.
        """
        first = self._base(LEVELS[0], cut)[1]
        apart = (first.largest - first.smallest) * math.log10(2)
        # (10**300 * x + y) - 10**300 * x is 0 at 50 digits and at 100, and they agree on it. Twice
        # a third of the digits must reach from the largest number to the smallest.
        least = LEVELS[0]
        if apart > _APART:
            enough = [n for n in (*LEVELS, *_BEYOND) if 2 * n > 3 * apart]
            least = min(enough, default=LEVELS[-1])
        if not first.seen:
            return least
        last = self._base(LEVELS[-1], cut)[1]
        return max(least, next(n for n in LEVELS if self._base(n, cut)[1].same_places(last)))

    def _limit(self, directions: Mapping[Node, Any], scale: Any, least: int) -> Any:
        """Returns what the differences at steps 10**(-digits / 3) * scale tend to, or None."""
        previous = previous_gap = None
        for digits in [n for n in (*LEVELS, *_BEYOND) if least <= n <= max(least * 2, LEVELS[-1])]:
            if not _is_finite(plain(self._base(digits, tuple(directions))[0])):
                return None
            current, gap = self._difference(digits, directions, scale)
            if not _is_finite(current) or not _is_finite(gap):
                previous = None
                continue
            if previous is not None and _agree(previous, current):
                # At a kink that no record knows, sqrt(x * x) at 0, both central differences are 0;
                # but there the one-sided slopes stay apart, and elsewhere they draw together.
                if gap > abs(current) * _NEGLIGIBLE and gap * 10 > previous_gap:
                    return None
                # Two zeros may be two underflows (log(1 + exp(-200)) is 0 at 50 digits), so a zero
                # must stand at the last level too.
                if current != 0 or self._stays_zero(directions, scale):
                    return current
            previous, previous_gap = current, gap
        return None

    def _stays_zero(self, directions: Mapping[Node, Any], scale: Any) -> bool:
        """Tells whether the difference is 0 at the last level too, at the plain step as well.

        A step of a tiny input's own size may be too short to be seen in the output at all.
        """
        for step in dict.fromkeys((scale, 1)):
            found = self._difference(LEVELS[-1], directions, step)[0]
            if found != 0 and _is_finite(found):
                return False
        return True

    def _smallest(self, directions: Mapping[Node, Any]) -> Any:
        """Returns the least |x / direction| of what moves, None where it is not small."""
        _, _, values, xp = self._base(LEVELS[0], tuple(directions))
        least = None
        for node, direction in directions.items():
            pairs = zip(np.ravel(values[node]), np.ravel(xp.convert(direction)), strict=True)
            for x, d in pairs:
                if x and d and _is_finite(x) and (least is None or abs(x / d) < least):
                    least = abs(x / d)
        return least if least is not None and least < _SMALL else None

    def gradient(self, node: Node) -> np.ndarray[Any, Any]:
        """Returns the derivative by each element of a node; None for elements without one."""
        shape = self._shape(node)
        result = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            direction = np.zeros(shape)
            direction[index] = 1.0
            result[index] = self.along({node: direction})
        return result

    def _shape(self, node: Node) -> tuple[int, ...]:
        if node in self.values:
            return np.asarray(self.values[node]).shape
        return self.node_values([node])[0].shape

    def _leaves(self, xp: MpNamespace) -> dict[Node, Any]:
        return {n: xp.convert(v) for n, v in self.values.items()}

    def _base(self, digits: int, cut: tuple[Node, ...] | None) -> Any:
        key = (digits, cut)
        if key not in self._levels:
            xp = MpNamespace(digits, self.sizes)
            values = self._leaves(xp)
            kinks = FrozenKinks()
            for value in values.values():
                kinks.measure(value)
            if cut:
                inner = [n for n in cut if n not in values]
                values |= dict(zip(inner, run(inner, values, xp), strict=True))
            xp.kinks = kinks
            (value,) = run([self.output], values, xp)
            self._levels[key] = (value, kinks, values, xp)
        return self._levels[key]

    def _difference(
        self, digits: int, directions: Mapping[Node, Any], scale: Any
    ) -> tuple[Any, Any]:
        """Returns the central difference, and how far the two one-sided ones are apart."""
        base, kinks, values, xp = self._base(digits, tuple(directions))
        step = xp.context.mpf(10) ** (-(digits // 3)) * scale
        results: list[Any] = []
        for sign in (1, -1):
            moved = dict(values)
            for node, direction in directions.items():
                here = values[node] + xp.convert(direction) * (step * sign)
                moved[node] = np.asarray(here, dtype=object)  # a scalar comes out bare
            kinks.start()
            (value,) = run([self.output], moved, xp)
            results.append(plain(value))
        up, down, middle = *results, plain(base)
        return (up - down) / (2 * step), abs(up - 2 * middle + down) / step


def plain(value: Any) -> Any:
    """Returns the number in an array without axes."""
    # NumPy makes a plain number of an object array without axes in many operations.
    return value.item() if isinstance(value, np.ndarray) else value


def _is_finite(value: Any) -> bool:
    return bool(value == value and abs(value) != float("inf"))


def _agree(left: Any, right: Any) -> bool:
    if left == right:
        return True
    scale = max(abs(left), abs(right))
    return bool(abs(left - right) <= scale * 10.0 ** (-AGREEMENT)) or bool(scale < 1e-3000)


def digits_between(found: Any, truth: Any, floor: float, most: float) -> float:
    """Returns to how many decimal digits a number is right.

    Args:
        found: the number.
        truth: the true one.
        floor: differences count relative to max(|truth|, floor).
        most: the answer for no difference: the digits of the dtype.
    """
    if found != found or truth != truth:
        return most if found != found and truth != truth else 0.0
    if found == truth:
        return most
    scale = max(abs(truth), floor)
    if scale == 0 or abs(found) == float("inf") or abs(truth) == float("inf"):
        return 0.0
    error = float(abs(found - truth) / scale)
    if error == 0.0:
        return most
    return max(0.0, float(min(-np.log10(error), most)))
