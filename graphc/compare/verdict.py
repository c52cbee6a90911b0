"""The verdict: is each engine's rule right, and how good are its floats?

Two questions are kept apart. The rule: the engine's gradient graph, evaluated with mpmath at 50
digits, against the truth. The floats: the compiled gradient against the truth, with the graph's own
rounding bound as the measure of what may be expected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.backends.run import bind_sizes
from graphc.compare.bounds import rounding_bounds
from graphc.compare.classify import Case, Judged, Seen, classify, without_truth
from graphc.compare.measures import (
    DIRECTIONS,
    Measure,
    against_each_other,
    by_direction,
    by_element,
    distance,
    reading,
)
from graphc.compare.problem import Problem
from graphc.compare.rules import RULE_DIGITS, TRUTH_BUDGET, rule_digits
from graphc.compare.run_engines import EngineRun, Progress, quiet
from graphc.compare.truth import Truth, digits_between
from graphc.core.dim import size_value
from graphc.core.node import Node
from graphc.core.walk import topological_order
from graphc.measure.cost import cost
from graphc.ops.steps import steps_gathered


@dataclass(slots=True)
class Judgement:
    """The verdicts on all engines, and the truth they were judged by.

    Attributes:
        engines: in the order of the runs.
        truth: the truth's engine, for further questions; None where the graph is too large.
        kind: `50 digits`, `50 digits along N directions` or `engines against each other`.
        gradient: for each `wrt` its true derivative by element, or None.
        kinks: nodes met exactly at a kink, with the number of elements.
        sizes: numbers of the named sizes.
        most: the decimal digits of the output's dtype.
    """

    engines: list[Judged]
    truth: Truth | None
    kind: str
    gradient: list[Any] | None
    kinks: dict[Node, int]
    sizes: dict[str, int]
    most: float

    @property
    def agreed(self) -> bool:
        return all(j.verdict != "defect" and j.run.status != "failed" for j in self.engines)


def judge(problem: Problem, runs: Sequence[EngineRun], progress: Progress = quiet) -> Judgement:
    """Returns the verdict on every run."""
    shapes = [np.shape(problem.values[n]) for n in problem.inputs]
    sizes = bind_sizes(problem.inputs, shapes)
    elements = sum(int(np.prod(np.shape(problem.values[w]), dtype=int)) for w in problem.wrt)
    flops = max(size_value(cost([problem.output], sizes).flops, sizes), problem.node_count())
    judged = [Judged(r) for r in runs]
    truth: Truth | None = Truth(problem.output, problem.values, sizes)
    measures: list[Measure]
    gradient: list[Any] | None = None
    if flops * elements * 4 <= TRUTH_BUDGET:
        progress(f"{problem.name}: truth at 50 digits and more, {elements} elements")
        gradient = [truth.gradient(w) for w in problem.wrt]
        measures = by_element(problem, gradient)
        kind = "50 digits"
    elif flops * DIRECTIONS * 4 <= 4 * TRUTH_BUDGET:
        progress(f"{problem.name}: truth at 50 digits and more, along {DIRECTIONS} directions")
        measures = by_direction(problem, truth)
        kind = f"50 digits along {DIRECTIONS} directions"
    else:
        truth, measures, kind = None, [], "engines against each other"
    kinks = truth.kinks() if truth is not None else {}
    for entry in judged:
        if entry.run.status == "ok":
            progress(f"{problem.name}: rule of {entry.run.name}")
            entry.rule_digits = rule_digits(entry.run, problem, measures, problem.values, sizes)
    bounds = _bounds(problem, judged, sizes)
    case = Case(problem, truth, measures, kinks, bounds, sizes)
    for entry in judged:
        if entry.run.status == "ok":
            progress(f"{problem.name}: verdict on {entry.run.name}")
            _judge_one(entry, case, judged)
    return Judgement(judged, truth, kind, gradient, kinks, sizes, case.most)


def _bounds(
    problem: Problem, judged: Sequence[Judged], sizes: Mapping[str, int]
) -> dict[str, list[Any]]:
    """Returns each engine's own bound where that is cheap, and under "" one for all others."""
    found: dict[str, list[Any]] = {}
    base = size_value(cost([problem.output], sizes).flops, sizes) + 1
    for entry in judged:
        name, graphs = entry.run.name, entry.run.gradients
        if entry.run.status != "ok" or name in ("jax", "numeric"):
            continue
        if name == "forward" and size_value(cost(graphs, sizes).flops, sizes) > 50 * base:
            continue
        if len(topological_order(graphs)) <= 20_000:
            with steps_gathered():
                found[name] = rounding_bounds(graphs, problem.values, sizes)
    wrong = {
        j.run.name for j in judged if j.rule_digits is not None and j.rule_digits < RULE_DIGITS
    }
    for name in ("reverse", "forward", "symbolic"):  # a wrong rule says nothing of the others
        if name in found and name not in wrong:
            found.setdefault("", found[name])
    return found


def _judge_one(entry: Judged, case: Case, judged: Sequence[Judged]) -> None:
    name = entry.run.name
    measures = case.measures
    if case.truth is None:
        measures = against_each_other([j.run for j in judged])
    if measures and all(m.truth is None for m in measures):
        entry.verdict, entry.words = without_truth(entry, case, judged)
        return
    bound = case.bounds.get(name) or case.bounds.get("")
    seen = Seen()
    for measure in measures:
        if measure.truth is None:
            seen.without_truth += 1
            continue
        found, allowed = reading(entry.run.values, bound, measure)
        most = case.most
        truth = measure.truth
        if abs(truth) > measure.largest and found == math.copysign(math.inf, truth):
            seen.beyond, truth = True, found  # the infinity is what rounding makes of the truth
        digits = digits_between(found, truth, measure.floor, most)
        label = measure.label
        entry.digits[label] = min(entry.digits.get(label, most), digits)
        scale = max(float(abs(truth)), measure.floor)
        share = allowed / scale if scale < math.inf else 0.0
        promised = -math.log10(min(share, 1.0)) if share else most
        entry.expected[label] = min(entry.expected.get(label, most), max(promised, 0.0))
        # The truth itself is known to 26 digits.
        error = distance(found, truth)
        seen.inside = seen.inside and error <= allowed + abs(float(truth)) * 1e-24
        seen.worst = max(seen.worst, error)
        seen.broken = seen.broken or (not math.isfinite(found) and math.isfinite(float(truth)))
    entry.verdict, entry.words = classify(entry, case, seen)
    if seen.without_truth:
        entry.words += (
            f"; {seen.without_truth} element(s) without a two-sided derivative do not count"
        )
