"""Seconds of each piece of work on each graph bomb, at two sizes, with the exponent of growth."""

from __future__ import annotations

import gc
import math
import time
import warnings

import jax

import graphc as gx
from tests.bombs import BOMBS, WORK

#: Sizes; the last is the one the aim names. `twice` and `nested` are as deep as they may be.
SIZES = {
    "shared": (2000, 10_000), "chain": (100_000, 1_000_000), "wide": (100_000, 1_000_000),
    "row": (20_000, 200_000), "twice": (30, 60), "nested": (45, 90),
}  # fmt: skip
#: Below this many seconds an exponent says nothing.
SHORTEST = 0.05


def rows(quick: bool) -> list[tuple[str, str, str]]:
    """Returns a row for each bomb and piece of work; quick: a tenth of the sizes."""
    jax.config.update("jax_enable_x64", True)
    lines: list[tuple[str, str, str]] = []
    for bomb, sizes in SIZES.items():
        small, large = (max(s // (10 if quick and s > 100 else 1), 1) for s in sizes)
        first, last = _measure(bomb, small), _measure(bomb, large)
        for work, (seconds, answer) in last.items():
            before = first[work][0]
            growth = ""
            if before >= SHORTEST and seconds >= SHORTEST:
                growth = f", n^{math.log(seconds / before) / math.log(large / small):.2f}"
            lines.append(
                (f"{bomb} {large:,}: {work}", f"{seconds:.2f} s{growth}", answer or "linear")
            )
    return lines


def _measure(bomb: str, size: int) -> dict[str, tuple[float, str]]:
    start = time.process_time()
    x, y = BOMBS[bomb](size)
    found = {"build": (time.process_time() - start, "")}
    for work, run in WORK.items():
        gc.collect()
        start, answer = time.process_time(), ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                run(x, y)
            except (gx.BudgetError, gx.EngineError) as error:
                answer = type(error).__name__
        found[work] = (time.process_time() - start, answer)
    start = time.process_time()
    del x, y
    gc.collect()
    return {**found, "death": (time.process_time() - start, "")}
