"""Learning rates that change as training goes on: annealing, warm-up, reaction to a plateau."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value


@dataclass(frozen=True, slots=True)
class Schedule:
    """A learning rate over time; call it with the time, which counts epochs, or steps.

    Attributes:
        kind: what it is called.
        start: the rate at its beginning.
        settings: its other numbers, by name.
        unit: "epoch" (fractions of one count) or "step".
        inner: for a warm-up the schedule that follows it.
    """

    kind: str
    start: float
    settings: tuple[tuple[str, Any], ...] = ()
    unit: str = "epoch"
    inner: Schedule | None = None

    def __call__(self, time: float) -> float:
        """Returns the rate at a time; a plateau's is that before any reduction."""
        given = dict(self.settings)
        if self.kind == "warm_up":
            assert self.inner is not None
            length = given["length"]
            if time >= length:
                return self.inner(time - length)
            # The first step already moves: a rate of 0 would waste it.
            return self.inner.start * max(time, length * 1e-3) / length
        if self.kind == "exponential":
            passed = time / given["every"]
            power = math.floor(passed) if given["stairs"] else passed
            return self.start * given["factor"] ** power
        if self.kind == "steps":
            return self.start * given["factor"] ** sum(time >= at for at in given["at"])
        if self.kind == "cosine":
            part = min(time / given["length"], 1.0)
            return given["end"] + (self.start - given["end"]) * 0.5 * (1 + math.cos(math.pi * part))
        return self.start

    @property
    def plateau(self) -> dict[str, Any] | None:
        """The settings of the plateau in it, or None."""
        if self.kind == "plateau":
            return dict(self.settings)
        return None if self.inner is None else self.inner.plateau


def _number(value: Any, name: str, low: float = 0.0, high: float = math.inf) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or not low < value <= high:
        edge = f" and at most {high:g}" if high < math.inf else ""
        raise ArgumentError(
            f"{name}={show_value(value)} is no number above {low:g}{edge}", "give such a number"
        )
    return float(value)


def _unit(unit: Any) -> str:
    if not isinstance(unit, str) or unit not in ("epoch", "step"):
        raise ArgumentError(f"unit={show_value(unit)} is neither epoch nor step", "say one of them")
    return unit


@guarded("train.constant")
def constant(rate: float) -> Schedule:
    """Returns a rate that stays."""
    return Schedule("constant", _number(rate, "rate"))


@guarded("train.exponential")
def exponential(
    start: float, factor: float, every: float = 1.0, *, stairs: bool = False, unit: str = "epoch"
) -> Schedule:
    """Returns `start * factor ** (time / every)`.

    Args:
        start: the first rate, above 0.
        factor: what it is multiplied by in each `every`, above 0, by custom below 1.
        every: epochs (or steps, see `unit`).
        stairs: True lets it fall at once after each `every` instead of smoothly.
        unit: what time counts: "epoch" or "step".
    """
    settings = (
        ("factor", _number(factor, "factor")), ("every", _number(every, "every")),
        ("stairs", bool(stairs)),
    )  # fmt: skip
    return Schedule("exponential", _number(start, "start"), settings, _unit(unit))


@guarded("train.steps")
def steps(start: float, factor: float, at: Sequence[float], *, unit: str = "epoch") -> Schedule:
    """Returns a rate that is multiplied by `factor` at each of the times `at`."""
    if not isinstance(at, Sequence) or isinstance(at, str) or not at:
        raise ArgumentError(f"at={show_value(at)} is no list of times", "for example at=[30, 60]")
    times = tuple(_number(t, "at", -1e-300) for t in at)
    settings = (("factor", _number(factor, "factor")), ("at", times))
    return Schedule("steps", _number(start, "start"), settings, _unit(unit))


@guarded("train.cosine")
def cosine(start: float, length: float, end: float = 0.0, *, unit: str = "epoch") -> Schedule:
    """Returns half a cosine from `start` at time 0 to `end` at `length`, and `end` from there on.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017,
    equation 5, without restarts.
    """
    settings = (("length", _number(length, "length")), ("end", _number(end, "end", -1e-300)))
    return Schedule("cosine", _number(start, "start"), settings, _unit(unit))


@guarded("train.warm_up")
def warm_up(after: Any, length: float) -> Schedule:
    """Returns a rate that rises linearly to that of a schedule, which then begins.

    Args:
        after: a schedule, or a number for a constant rate.
        length: how long it rises, in the schedule's unit.
    """
    inner = after if isinstance(after, Schedule) else Schedule("constant", _number(after, "after"))
    settings = (("length", _number(length, "length")),)
    return Schedule("warm_up", inner.start, settings, inner.unit, inner)


@guarded("train.plateau")
def plateau(
    start: float,
    factor: float = 0.5,
    patience: int = 5,
    *,
    min_delta: float = 0.0,
    minimum: float = 0.0,
    monitor: str | None = None,
) -> Schedule:
    """Returns a rate that is multiplied by `factor` when a measure has stopped improving.

    Args:
        start: the first rate.
        factor: above 0 and at most 1.
        patience: epochs without improvement after which it falls.
        min_delta: a change below this is no improvement.
        minimum: it does not fall below this.
        monitor: a column of the history; by default that of `fit`'s early stopping.
    """
    if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
        raise ArgumentError(f"patience={show_value(patience)} is no count of epochs", "say 5")
    if monitor is not None and not isinstance(monitor, str):
        raise ArgumentError(f"monitor={show_value(monitor)} is no text", 'say "validation.loss"')
    settings = (
        ("factor", _number(factor, "factor", 0.0, 1.0)), ("patience", patience),
        ("min_delta", _number(min_delta, "min_delta", -1e-300)),
        ("minimum", _number(minimum, "minimum", -1e-300)), ("monitor", monitor),
    )  # fmt: skip
    return Schedule("plateau", _number(start, "start"), settings)
