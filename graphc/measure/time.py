"""Run times: medians of warm calls with their spread, and comparisons within the same rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds a call took.

    Attributes:
        samples: seconds a call in each round, in the order of the rounds.
        calls: calls in each round; their mean is the round's sample.
    """

    samples: tuple[float, ...]
    calls: int

    @property
    def median(self) -> float:
        """The median of the rounds, in seconds."""
        return statistics.median(self.samples)

    @property
    def low(self) -> float:
        """The lower quartile, in seconds."""
        return _quartile(self.samples, 0.25)

    @property
    def high(self) -> float:
        """The upper quartile, in seconds."""
        return _quartile(self.samples, 0.75)

    @property
    def spread(self) -> float:
        """The distance of the quartiles over the median; 0.1 is 10 %."""
        return (self.high - self.low) / self.median if self.median else 0.0

    def __str__(self) -> str:
        return (
            f"{show_seconds(self.median)} ({show_seconds(self.low)} to {show_seconds(self.high)})"
        )


@dataclass(frozen=True, slots=True)
class Ratio:
    """One timing over another, round by round, so that what slows both at once falls out.

    Attributes:
        median: the median of the rounds' ratios.
        low: the lower quartile.
        high: the upper quartile.
    """

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def time_call(function: Callable[[], Any], *, repeats: int = 9, min_time: float = 0.1) -> Timing:
    """Returns how long a call takes.

    Args:
        function: called without arguments. It must wait for its own result: with JAX, return
            `jax.block_until_ready(f(x))`.
        repeats: how many rounds; the first call, which compiles, is in none of them.
        min_time: seconds for all rounds together, at least.

    Raises:
        ArgumentError: repeats is below 1.
    """
    return time_together({"call": function}, repeats=repeats, min_time=min_time)["call"]


def time_together(
    functions: Mapping[str, Callable[[], Any]], *, repeats: int = 9, min_time: float = 0.1
) -> dict[str, Timing]:
    """Returns how long each of several calls takes, in rounds that hold all of them.

    In each round every function has its turn, the first one changing from round to round, so that
    a busy machine slows all alike and `ratio` of two timings is fair.

    Args:
        functions: by name; see `time_call`.
        repeats: how many rounds.
        min_time: seconds for all rounds of one function together, at least.

    Raises:
        ArgumentError: there is nothing to time, or repeats is below 1.
    """
    if not functions or repeats < 1:
        raise ArgumentError("there is nothing to time", "give functions, and repeats of 1 or more")
    names = list(functions)
    calls = {name: _calls_needed(functions[name], min_time / repeats) for name in names}
    samples: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(repeats):
        first = round_ % len(names)
        for name in [*names[first:], *names[:first]]:
            samples[name].append(_seconds(functions[name], calls[name]) / calls[name])
    return {name: Timing(tuple(samples[name]), calls[name]) for name in names}


def ratio(timing: Timing, base: Timing) -> Ratio:
    """Returns timing / base; both from one call of `time_together`.

    Raises:
        ArgumentError: the rounds are not the same.
    """
    if len(timing.samples) != len(base.samples):
        raise ArgumentError("the timings have different rounds", "take both from one time_together")
    parts = [a / b for a, b in zip(timing.samples, base.samples, strict=True) if b > 0]
    if not parts:
        return Ratio(float("nan"), float("nan"), float("nan"))
    return Ratio(statistics.median(parts), _quartile(parts, 0.25), _quartile(parts, 0.75))


def show_seconds(seconds: float) -> str:
    """Returns `1.23 s`, `4.56 ms`, `7.89 µs` or `12 ns`."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _calls_needed(function: Callable[[], Any], wanted: float) -> int:
    """Warms up, then returns how many calls a round needs to last `wanted` seconds."""
    _seconds(function, 1)
    calls = 1
    while True:
        took = _seconds(function, calls)
        if took >= wanted or calls >= 1_000_000:
            return calls
        # Grow by the measured speed, at most tenfold: a first short call says little.
        calls = min(calls * 10, max(calls + 1, int(calls * wanted / max(took, 1e-9) * 1.1) + 1))


def _seconds(function: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return time.perf_counter() - start


def _quartile(samples: Sequence[float], share: float) -> float:
    ordered = sorted(samples)
    spot = share * (len(ordered) - 1)
    below = int(spot)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (spot - below)
