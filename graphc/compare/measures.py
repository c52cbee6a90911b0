"""What is measured of a gradient: its elements, or sums of it along directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath.ctx_mp import MPContext

from graphc.compare.bounds import largest, smallest
from graphc.compare.problem import Problem
from graphc.compare.run_engines import EngineRun
from graphc.compare.truth import Truth

#: Directions along which a graph too large for a truth by elements is judged.
DIRECTIONS = 4


#: For differences between floats and the truth.
_CONTEXT = MPContext()
_CONTEXT.dps = 60


@dataclass(slots=True)
class Measure:
    """One linear functional of the gradient and its true value: an element, or a direction.

    Attributes:
        label: what the digits are listed under.
        weights: for each `wrt` an index, an array of factors, or None.
        truth: None where there is no derivative.
        floor: errors count relative to max(|truth|, floor).
        largest: the largest float of its dtype.
    """

    label: str
    weights: list[Any]
    truth: Any
    floor: float
    largest: float = math.inf


def by_element(problem: Problem, gradient: Sequence[Any]) -> list[Measure]:
    """Returns a measure for each element of the true gradient."""
    measures: list[Measure] = []
    for position, (w, true) in enumerate(zip(problem.wrt, gradient, strict=True)):
        known = [abs(t) for t in true.flat if t is not None]
        # Below the smallest normal number XLA flushes to 0.
        floor = max(float(max(known, default=0)) * w.dtype.epsilon, smallest(w.dtype))
        for index in np.ndindex(*true.shape):
            weights: list[Any] = [None] * len(problem.wrt)
            weights[position] = index
            measures.append(
                Measure(w.params["name"], weights, true[index], floor, largest(w.dtype))
            )
    return measures


def by_direction(problem: Problem, truth: Truth) -> list[Measure]:
    """Returns the gradient's sums along random directions of plus and minus one."""
    generator = np.random.default_rng(0)
    floor = smallest(problem.output.dtype)
    measures: list[Measure] = []
    for number in range(DIRECTIONS):
        parts = [
            generator.choice([-1.0, 1.0], size=np.shape(problem.values[w])) for w in problem.wrt
        ]
        value = truth.along(dict(zip(problem.wrt, parts, strict=True)))
        measures.append(Measure(f"direction {number}", list(parts), value, floor))
    return measures


def against_each_other(runs: Sequence[EngineRun]) -> list[Measure]:
    """Returns measures whose truth is another engine's float, where there is no better."""
    ok = {r.name: r for r in runs if r.status == "ok"}
    reference = next((ok[n] for n in ("jax", "reverse", "forward") if n in ok), None)
    if reference is None:
        return []
    generator = np.random.default_rng(0)
    measures: list[Measure] = []
    for number in range(DIRECTIONS):
        parts = [generator.choice([-1.0, 1.0], size=v.shape) for v in reference.values]
        measure = Measure(f"direction {number}", list(parts), None, 0.0)
        measure.truth, _ = reading(reference.values, None, measure)
        measures.append(measure)
    return measures


def reading(
    values: Sequence[Any], bound: Sequence[Any] | None, measure: Measure
) -> tuple[Any, float]:
    """Returns the measured number and how far rounding may carry it.

    Without a bound half of the digits of every summand count as rounding.
    """
    total, allowed = _CONTEXT.zero, 0.0
    for position, weight in enumerate(measure.weights):
        if weight is None:
            continue
        value = np.asarray(values[position])
        wide = value.astype(np.float64)
        if bound is None:
            precision = 8 if value.dtype.name == "bfloat16" else np.finfo(value.dtype).nmant + 1
            limit = np.abs(wide) * 2.0 ** (-precision / 2)
        else:
            limit = np.broadcast_to(bound[position], wide.shape)
        if isinstance(weight, tuple):
            return _CONTEXT.mpf(float(wide[weight])), float(limit[weight])
        total += _CONTEXT.mpf(_exact_sum(wide * weight))
        allowed += float(np.sum(np.abs(weight) * limit))
    return total, allowed


def _exact_sum(values: Any) -> float:
    """Returns the sum of float64 numbers, rounded once."""
    if not np.all(np.isfinite(values)):
        with np.errstate(all="ignore"):
            return float(np.sum(values))
    return math.fsum(values.flat)


def distance(found: Any, truth: Any) -> float:
    """Returns |found - truth|; 0 where both are NaN."""
    if found != found or truth != truth:
        return 0.0 if found != found and truth != truth else math.inf
    return 0.0 if found == truth else float(abs(found - truth))
