"""Laws that hyper-parameters are drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value


@dataclass(frozen=True, slots=True)
class Distribution:
    """A law that `search` draws a hyper-parameter from; made by `train.uniform` and the like."""

    kind: str
    low: Any
    high: Any
    choices: tuple[Any, ...] = ()

    def draw(self, generator: np.random.Generator) -> Any:
        """Returns one number, or one of the choices."""
        if self.kind == "choice":
            return self.choices[int(generator.integers(len(self.choices)))]
        if self.kind == "integers":
            return int(generator.integers(self.low, self.high + 1))
        if self.kind == "log_uniform":
            return float(np.exp(generator.uniform(math.log(self.low), math.log(self.high))))
        return float(generator.uniform(self.low, self.high))


def _ends(low: Any, high: Any, least: float, whole: bool = False) -> tuple[Any, Any]:
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
            raise ArgumentError(f"{name}={show_value(value)} is no number", "give two numbers")
    if not least < low <= high:
        above = f"above {least:g}, " if math.isfinite(least) else ""
        raise ArgumentError(
            f"{show_value(low)} to {show_value(high)} is no range", f"give {above}low <= high"
        )
    return low, high


@guarded("train.uniform")
def uniform(low: float, high: float) -> Distribution:
    """Returns the law of numbers spread evenly from low to high."""
    return Distribution("uniform", *_ends(low, high, -math.inf))


@guarded("train.log_uniform")
def log_uniform(low: float, high: float) -> Distribution:
    """Returns the law of numbers whose logarithm is spread evenly; low is above 0."""
    return Distribution("log_uniform", *_ends(low, high, 0.0))


@guarded("train.integers")
def integers(low: int, high: int) -> Distribution:
    """Returns the law of integers from low to high, both included."""
    return Distribution("integers", *_ends(low, high, -math.inf, whole=True))


@guarded("train.choice")
def choice(choices: Sequence[Any]) -> Distribution:
    """Returns the law that takes each of the choices alike."""
    if not isinstance(choices, (list, tuple)) or not choices:
        raise ArgumentError(f"{show_value(choices)} is no list of choices", "give a list")
    return Distribution("choice", 0, len(choices), tuple(choices))
