"""Where a sequence of operations repeats: periods and the stretches that have them.

A window of a few operations is told by a hash; the distance to the last equal window is the period
wherever the sequence repeats. Several lengths of window are tried, because a block may itself
repeat within. All of it is done on arrays, so that a graph that does not repeat costs little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Lengths of windows; a block may be as long as the largest several times over.
_WINDOWS = (1, 2, 4, 16, 64, 256)
#: Periods tried for each length of window.
_TRIED = 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a sequence in which each entry equals that one period before.

    Attributes:
        period: the distance of equal entries.
        start: the first entry.
        stop: one behind the last.
    """

    period: int
    start: int
    stop: int


def stretches(symbols: np.ndarray[Any, Any], least: int, repeats: int) -> list[Stretch]:
    """Returns the stretches that repeat, the longest first and of equal ones the shortest period.

    Args:
        symbols: `i64[n]`, one number for each kind of entry.
        least: entries that a stretch has at least.
        repeats: times that its period is repeated at least.
    """
    found: list[Stretch] = []
    for period in _periods(symbols, least):
        if period * repeats > len(symbols):
            continue
        equal = np.concatenate(([False], symbols[period:] == symbols[:-period], [False]))
        edges = np.flatnonzero(equal[1:] != equal[:-1])
        begins, ends = edges[::2], edges[1::2]
        long = ends - begins + period >= max(least, period * repeats)
        for begin, end in zip(begins[long].tolist(), ends[long].tolist(), strict=True):
            found.append(Stretch(period, begin, end + period))
    found.sort(key=lambda s: (s.start - s.stop, s.period, s.start))
    return found


def _periods(symbols: np.ndarray[Any, Any], least: int) -> list[int]:
    """Returns the periods worth trying."""
    tried: dict[int, None] = {}
    mixed = (symbols.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    hashed, width = mixed, 1
    for window in _WINDOWS:
        while width < window:  # a window of twice the width is two neighbours
            if len(hashed) <= width:
                return list(tried)
            hashed = hashed[:-width] * np.uint64(0xBF58476D1CE4E5B9) + hashed[width:]
            hashed ^= hashed >> np.uint64(31)
            width *= 2
        order = np.argsort(hashed, kind="stable")
        ranked = hashed[order]
        distance = (order[1:] - order[:-1])[ranked[1:] == ranked[:-1]]
        if not len(distance):
            return list(tried)
        values, counts = np.unique(distance, return_counts=True)
        often = counts >= max(least // 4, 2)
        values, counts = values[often], counts[often]
        best = np.argsort(-counts, kind="stable")[:_TRIED]
        tried.update(dict.fromkeys(int(v) for v in values[best]))
    return list(tried)
