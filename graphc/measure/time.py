"""Wall time of calls, fit for a noisy machine: interleaved rounds, medians, ratios within a round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one call: the median of the rounds, the least, the greatest, and their number."""

    median: float
    least: float
    greatest: float
    rounds: int


def time_together(
    calls: Mapping[str, Callable[[], Any]], rounds: int = 9, seconds: float = 0.02
) -> dict[str, Timing]:
    """Times several callables in turn, so that a slow moment of the machine meets them all.

    Args:
        calls: each waits for its own result (`jax.block_until_ready`).
        rounds: how often each is measured; the first call of each warms up and does not count.
        seconds: about how long one measurement of one callable lasts; it is repeated to fill it.

    Returns:
        For each its Timing, in seconds a call.
    """
    repeats: dict[str, int] = {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        once = max(time.perf_counter() - start, 1e-7)
        repeats[name] = max(1, min(1000, int(seconds / once)))
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            found[name].append((time.perf_counter() - start) / repeats[name])
    return {
        name: Timing(statistics.median(t), min(t), max(t), rounds) for name, t in found.items()
    }


def ratio(
    first: Callable[[], Any], second: Callable[[], Any], rounds: int = 15, seconds: float = 0.05
) -> float:
    """Returns the median over rounds of the first's time over the second's."""
    ratios: list[float] = []
    for _ in range(rounds):
        both = time_together({"first": first, "second": second}, 1, seconds)
        ratios.append(both["first"].median / both["second"].median)
    return statistics.median(ratios)
