"""Seconds of each piece of work on each graph bomb, at two sizes, with the exponent of growth."""

from __future__ import annotations

import gc
import math
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax

import graphc as gx
from graphc.core.node import Node
from tests.bombs import BOMBS, WORK

#: Sizes; the last is the one the aim names. `twice` and `nested` are as deep as they may be.
SIZES = {
    "shared": (2000, 10_000), "chain": (100_000, 1_000_000), "wide": (100_000, 1_000_000),
    "row": (20_000, 200_000), "twice": (30, 60), "nested": (45, 90),
}  # fmt: skip
#: Below this many seconds an exponent says nothing.
SHORTEST = 0.05


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields a row for each bomb and piece of work; quick: a tenth of the sizes."""
    jax.config.update("jax_enable_x64", True)
    for bomb, sizes in SIZES.items():
        small, large = (max(s // (10 if quick and s > 100 else 1), 1) for s in sizes)
        yield from rows_of(bomb, small, large)


def rows_of(bomb: str, small: int, large: int) -> Iterator[tuple[str, str, str]]:
    """Yields a row for each piece of work on one bomb: CPU seconds at the larger size, growth."""
    made: dict[int, tuple[Node, Node]] = {}

    def build(size: int) -> None:
        made[size] = BOMBS[bomb](size)

    work: dict[str, Callable[[int], Any]] = {"build": build}
    work |= {name: lambda size, run=run: run(*made[size]) for name, run in WORK.items()}
    work["death"] = made.pop
    for name, run in work.items():
        before, _ = _timed(run, small)
        seconds, answer = _timed(run, large)
        growth = ""
        if before >= SHORTEST and seconds >= SHORTEST:
            growth = f", n^{math.log(seconds / before) / math.log(large / small):.2f}"
        yield f"{bomb} {large:,}: {name}", f"{seconds:.2f} s{growth}", answer or "linear"


def _timed(run: Callable[[int], Any], size: int) -> tuple[float, str]:
    gc.collect()
    start, answer = time.process_time(), ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run(size)
        except (gx.BudgetError, gx.EngineError) as error:
            answer = type(error).__name__
    return time.process_time() - start, answer
