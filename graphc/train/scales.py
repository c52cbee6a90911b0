"""Numbers on an axis: its ends, round ticks, and how a number is written there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def edges(points: Any) -> Any:
    """Returns the n + 1 edges of cells around n points."""
    if len(points) < 2:
        return np.array([points[0] - 0.5, points[0] + 0.5])
    middle = (points[1:] + points[:-1]) / 2
    return np.concatenate([[2 * points[0] - middle[0]], middle, [2 * points[-1] - middle[-1]]])


def range_of(
    arrays: Sequence[Any], log: bool, room: float, zero: bool = False
) -> tuple[float, float]:
    """Returns the ends of an axis that holds all finite numbers, with room on both sides."""
    values = np.concatenate([np.ravel(a) for a in arrays]) if arrays else np.zeros(0)
    values = values[np.isfinite(values)]
    if log:
        values = values[values > 0]
    if not len(values):
        return (0.1, 10.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if zero and not log:
        low, high = min(low, 0.0), max(high, 0.0)
    if log:
        low, high = (low / 1.2, high * 1.2) if low == high else (low, high)
        grow = (high / low) ** room
        return low / grow, high * grow
    if low == high:
        low, high = low - (abs(low) or 1.0) * 0.5, high + (abs(high) or 1.0) * 0.5
    extra = (high - low) * room
    return (low if zero else low - extra), high + extra


def share(value: Any, ends: tuple[float, float], log: bool) -> Any:
    """Returns where numbers stand between the ends of an axis, from 0 to 1."""
    low, high = ends
    if log:
        value = np.maximum(value, low * 1e-3)  # a bar from 0 on begins left of the axis
        return (np.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return (value - low) / (high - low)


def ticks(low: float, high: float, *, log: bool = False) -> list[float]:
    """Returns about five round numbers from low to high."""
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        if last - first >= 1:
            step = max(1, round((last - first) / 5))
            return [10.0**p for p in range(first, last + 1, step)]
        marks = [m * 10.0**p for p in range(first - 1, last + 2) for m in (1, 2, 3, 5)]
        return [m for m in marks if low * 0.999 <= m <= high * 1.001]
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    for factor in (1, 2, 2.5, 5, 10):
        if (high - low) / (step * factor) <= 6:
            step *= factor
            break
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def number(value: float) -> str:
    """Returns a short text of a number on an axis."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if abs(value) >= 1e5 or abs(value) < 1e-3:
        power = math.floor(math.log10(abs(value)) + 1e-9)
        lead = f"{value / 10.0**power:.3g}".replace("-", "−")
        raised = "".join(_RAISED[c] for c in str(power))
        return f"10{raised}" if lead == "1" else f"{lead}·10{raised}"
    return f"{value:.6g}".replace("-", "−")


_RAISED = dict(zip("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", strict=True))
