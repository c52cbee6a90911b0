"""What every row shares: interleaved times, ratios, the exponent of growth, peers, and wording.

A busy machine burdens all who are measured in one round alike, so calls take turns, and a ratio is
the median of the ratios of single rounds, never the ratio of two medians taken apart.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

#: Peers of the benchmarks: what people call them, by the name of their module.
PEERS = {"casadi": "CasADi", "pytensor": "PyTensor", "sympy": "SymPy"}
#: A call is repeated within a round until it takes about this many seconds.
ROUND = 0.02


def wait(value: Any) -> Any:
    """Returns a value once it is there: JAX hands arrays out before they are computed."""
    jax = sys.modules.get("jax")
    return value if jax is None else jax.block_until_ready(value)


def interleaved(
    calls: Sequence[Callable[[], Any]], rounds: int, repeats: int | None = None
) -> list[list[float]]:
    """Returns the seconds of each call in each round; who goes first takes turns.

    Args:
        calls: what is measured; each is called once before, unmeasured.
        rounds: how many rounds.
        repeats: how often each is called within a round; without one, as often as fills `ROUND`
            for it.
    """
    counts: list[int] = []
    for call in calls:
        wait(call())
        counts.append(_repeats(call) if repeats is None else repeats)
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds):
        order = range(len(calls)) if turn % 2 else reversed(range(len(calls)))
        for which in order:
            times[which].append(_seconds(calls[which], counts[which]))
    return times


def named(
    calls: Mapping[str, Callable[[], Any]], rounds: int, repeats: int | None = None
) -> dict[str, list[float]]:
    """Returns `interleaved` of named calls, by name."""
    return dict(zip(calls, interleaved(list(calls.values()), rounds, repeats), strict=True))


def _seconds(call: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        wait(call())
    return (time.perf_counter() - start) / count


def _repeats(call: Callable[[], Any]) -> int:
    return max(1, min(1000, int(ROUND / max(_seconds(call, 1), 1e-9))))


def median(times: Iterable[float]) -> float:
    """Returns the median."""
    return statistics.median(times)


def ratio(times: Sequence[float], base: Sequence[float]) -> float:
    """Returns the median of times over base, round by round."""
    return statistics.median(a / b for a, b in zip(times, base, strict=True))


def temporaries(mine: int, hand: Any, values: Sequence[Any]) -> str:
    """Returns the memory that XLA's program takes for temporaries, and JAX's by hand.

    Args:
        mine: graphc's, in bytes.
        hand: a function under `jax.jit`.
        values: what it is called with.
    """
    theirs = hand.lower(*values).compile().memory_analysis().temp_size_in_bytes
    return f"{mine / 2**20:.1f} MiB (JAX {theirs / 2**20:.1f})"


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Returns p of the power law seconds ~ sizes**p fitted by least squares to the logarithms."""
    x = [math.log(s) for s in sizes]
    y = [math.log(max(s, 1e-9)) for s in seconds]
    across, up = statistics.fmean(x), statistics.fmean(y)
    spread = sum((a - across) ** 2 for a in x)
    return sum((a - across) * (b - up) for a, b in zip(x, y, strict=True)) / spread


def installed(name: str) -> bool:
    """Tells whether a peer (a module's name) can be imported."""
    return importlib.util.find_spec(name) is not None


def peer(name: str) -> Any:
    """Returns a peer's module, or None where it is not installed."""
    return importlib.import_module(name) if installed(name) else None


def absent(what: str, name: str) -> tuple[str, str, str]:
    """Returns the row that says that a peer is not there."""
    return f"{what}: {PEERS.get(name, name)}", "not installed", "pip install graphc[peers]"


def shown(seconds: float) -> str:
    """Returns a duration for people, with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{_three(seconds / size)} {unit}"
    return f"{_three(seconds / 1e-9)} ns"


def _three(value: float) -> str:
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}"
