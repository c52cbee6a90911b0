"""The verdict: is each engine's rule right, and how good are its floats?

Two questions are kept apart. The rule: the engine's gradient graph, evaluated with mpmath at 50
digits, against the truth. The floats: the compiled gradient against the truth, with the graph's own
rounding bound as the measure of what may be expected.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mpmath.ctx_mp import MPContext

from graphc.backends.mpmath import MpNamespace
from graphc.backends.run import bind_sizes, run
from graphc.compare.bounds import rounding_bounds
from graphc.compare.problem import Problem
from graphc.compare.run_engines import EngineRun, Progress, quiet
from graphc.compare.truth import Truth, digits_between
from graphc.core.errors import NonDifferentiableWarning
from graphc.core.node import Node, as_node
from graphc.core.walk import topological_order
from graphc.diff.forward import push
from graphc.measure.cost import cost

#: A rule is right where its graph meets the truth to this many digits; the truth has 26 and a
#: fault of one part in 1e12 leaves 12.
RULE_DIGITS = 18.0

#: Multiplications mpmath may take for one part of the verdict: about 3 microseconds each.
TRUTH_BUDGET = 4_000_000

#: Directions along which a graph too large for a truth by elements is judged.
DIRECTIONS = 4

_MEASURED = ("analytic", "symbolic", "reverse", "forward")


@dataclass(slots=True)
class Judged:
    """An engine's run with its verdict; see `EngineResult` for the fields' meaning."""

    run: EngineRun
    verdict: str = ""
    words: str = ""
    digits: dict[str, float] = field(default_factory=dict[str, float])
    expected: dict[str, float] = field(default_factory=dict[str, float])
    rule_digits: float | None = None


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
    """

    engines: list[Judged]
    truth: Truth | None
    kind: str
    gradient: list[Any] | None
    kinks: dict[Node, int]
    sizes: dict[str, int]

    @property
    def agreed(self) -> bool:
        return all(j.verdict != "defect" and j.run.status != "failed" for j in self.engines)


def judge(problem: Problem, runs: Sequence[EngineRun], progress: Progress = quiet) -> Judgement:
    """Returns the verdict on every run."""
    shapes = [np.shape(problem.values[n]) for n in problem.inputs]
    sizes = bind_sizes(problem.inputs, shapes)
    elements = sum(int(np.prod(np.shape(problem.values[w]), dtype=int)) for w in problem.wrt)
    flops = max(float(cost([problem.output], sizes).flops), problem.node_count())
    judged = [Judged(r) for r in runs]
    truth: Truth | None = Truth(problem.output, problem.values, sizes)
    measures: list[_Measure]
    gradient: list[Any] | None = None
    if flops * elements * 4 <= TRUTH_BUDGET:
        progress(f"{problem.name}: truth at 50 digits and more, {elements} elements")
        gradient = [truth.gradient(w) for w in problem.wrt]
        measures = _by_element(problem, gradient)
        kind = "50 digits"
    elif flops * DIRECTIONS * 4 <= 4 * TRUTH_BUDGET:
        progress(f"{problem.name}: truth at 50 digits and more, along {DIRECTIONS} directions")
        measures = _by_direction(problem, truth)
        kind = f"50 digits along {DIRECTIONS} directions"
    else:
        truth, measures, kind = None, [], "engines against each other"
    kinks = truth.kinks() if truth is not None else {}
    bounds = _bounds(problem, judged, sizes)
    case = _Case(problem, truth, measures, kinks, bounds, sizes)
    for entry in judged:
        if entry.run.status == "ok":
            progress(f"{problem.name}: verdict on {entry.run.name}")
            _judge_one(entry, case, judged)
    return Judgement(judged, truth, kind, gradient, kinks, sizes)


@dataclass(slots=True)
class _Measure:
    """One linear functional of the gradient and its true value: an element, or a direction."""

    label: str
    weights: list[Any]
    truth: Any
    floor: float


@dataclass(slots=True)
class _Case:
    problem: Problem
    truth: Truth | None
    measures: list[_Measure]
    kinks: dict[Node, int]
    bounds: dict[str, list[Any]]
    sizes: dict[str, int]

    @property
    def most(self) -> float:
        return self.problem.output.dtype.precision * math.log10(2)


def _by_element(problem: Problem, gradient: Sequence[Any]) -> list[_Measure]:
    measures: list[_Measure] = []
    for position, (w, true) in enumerate(zip(problem.wrt, gradient, strict=True)):
        known = [abs(t) for t in true.flat if t is not None]
        floor = float(max(known, default=0)) * w.dtype.epsilon
        for index in np.ndindex(*true.shape):
            weights: list[Any] = [None] * len(problem.wrt)
            weights[position] = index
            measures.append(_Measure(w.params["name"], weights, true[index], floor))
    return measures


def _by_direction(problem: Problem, truth: Truth) -> list[_Measure]:
    generator = np.random.default_rng(0)
    measures: list[_Measure] = []
    for number in range(DIRECTIONS):
        parts = [
            generator.choice([-1.0, 1.0], size=np.shape(problem.values[w])) for w in problem.wrt
        ]
        value = truth.along(dict(zip(problem.wrt, parts, strict=True)))
        measures.append(_Measure(f"direction {number}", list(parts), value, 0.0))
    return measures


def _bounds(
    problem: Problem, judged: Sequence[Judged], sizes: Mapping[str, int]
) -> dict[str, list[Any]]:
    """Returns each engine's own bound where that is cheap, the reverse pass's elsewhere."""
    found: dict[str, list[Any]] = {}
    base = float(cost([problem.output], sizes).flops) + 1
    for entry in judged:
        name, graphs = entry.run.name, entry.run.gradients
        if entry.run.status != "ok" or name in ("jax", "numeric"):
            continue
        if name == "forward" and float(cost(graphs, sizes).flops) > 50 * base:
            continue
        if len(topological_order(graphs)) <= 20_000:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NonDifferentiableWarning)
                found[name] = rounding_bounds(graphs, problem.values, sizes)
    return found


def _judge_one(entry: Judged, case: _Case, judged: Sequence[Judged]) -> None:
    name = entry.run.name
    if case.measures and name in _MEASURED:
        entry.rule_digits = _rule_digits(entry.run, case)
    measures = case.measures or _against_each_other(case, judged)
    bound = case.bounds.get(name) or case.bounds.get("reverse")
    worst, inside = 0.0, True
    for measure in measures:
        if measure.truth is None:
            continue
        found, allowed = _reading(entry.run.values, bound, measure)
        most = case.most
        digits = digits_between(found, measure.truth, measure.floor, most)
        label = measure.label
        entry.digits[label] = min(entry.digits.get(label, most), digits)
        scale = max(float(abs(measure.truth)), measure.floor)
        promised = (
            most if not allowed or not scale else -math.log10(min(allowed / scale, 1.0) or 1e-99)
        )
        entry.expected[label] = min(entry.expected.get(label, most), max(promised, 0.0), most)
        # The truth itself is known to 26 digits.
        allowed += abs(float(measure.truth)) * 1e-24
        error = _error(found, measure.truth)
        inside = inside and error <= allowed
        worst = max(worst, error)
    entry.verdict, entry.words = _classify(entry, case, inside, worst)


def _error(found: Any, truth: Any) -> float:
    if found != found or truth != truth:
        return 0.0 if found != found and truth != truth else math.inf
    return 0.0 if found == truth else float(abs(found - truth))


def _reading(
    values: Sequence[Any], bound: Sequence[Any] | None, measure: _Measure
) -> tuple[Any, float]:
    """Returns the measured number and how far rounding may carry it."""
    context = MPContext()
    context.dps = 60
    total, allowed = context.zero, 0.0
    for position, weight in enumerate(measure.weights):
        if weight is None:
            continue
        value = np.asarray(values[position])
        limit = None if bound is None else bound[position]
        if isinstance(weight, tuple):
            limit_here = 0.0 if limit is None else float(limit[weight])
            return context.mpf(float(value[weight])), limit_here
        for w, v in zip(weight.flat, value.flat, strict=True):
            total += context.mpf(float(v)) * float(w)
        allowed += 0.0 if limit is None else float(np.sum(np.abs(weight) * limit))
    return total, allowed


def _against_each_other(case: _Case, judged: Sequence[Judged]) -> list[_Measure]:
    """Returns measures whose truth is another engine's float, where there is no better."""
    ok = {j.run.name: j.run for j in judged if j.run.status == "ok"}
    reference = next((ok[n] for n in ("jax", "reverse", "forward") if n in ok), None)
    if reference is None:
        return []
    generator = np.random.default_rng(0)
    measures: list[_Measure] = []
    for number in range(DIRECTIONS):
        parts = [generator.choice([-1.0, 1.0], size=v.shape) for v in reference.values]
        value = sum(
            float(np.sum(p * v.astype(np.float64)))
            for p, v in zip(parts, reference.values, strict=True)
        )
        measures.append(_Measure(f"direction {number}", list(parts), value, 0.0))
    return measures


def _rule_digits(engine: EngineRun, case: _Case) -> float | None:
    """Returns the digits to which the engine's own graph at 50 digits meets the truth."""
    by_direction = not isinstance(next(w for w in case.measures[0].weights if w is not None), tuple)
    xp = MpNamespace(60, case.sizes)
    leaves = {n: xp.convert(v) for n, v in case.problem.values.items()}
    if by_direction and engine.name == "forward":
        return _forward_rule_digits(case, leaves, xp)
    if float(cost(engine.gradients, case.sizes).flops) > 4 * TRUTH_BUDGET:
        return None
    values = run(engine.gradients, leaves, xp)
    worst = math.inf
    for measure in case.measures:
        if measure.truth is None:
            continue
        total = xp.context.zero
        for weight, value in zip(measure.weights, values, strict=True):
            if isinstance(weight, tuple):
                total = value[weight]
            elif weight is not None:
                total = total + np.sum(value * xp.convert(weight))
        worst = min(worst, digits_between(total, measure.truth, measure.floor, 50.0))
    return None if worst == math.inf else worst


def _forward_rule_digits(case: _Case, leaves: dict[Node, Any], xp: MpNamespace) -> float | None:
    worst = math.inf
    for measure in case.measures:
        if measure.truth is None:
            continue
        wrt = case.problem.wrt
        directions = [
            as_node(np.asarray(w), n.dtype) for w, n in zip(measure.weights, wrt, strict=True)
        ]
        (value,) = run([push(case.problem.output, wrt, directions)], leaves, xp)
        worst = min(worst, digits_between(value.item(), measure.truth, 0.0, 50.0))
    return None if worst == math.inf else worst


def _classify(entry: Judged, case: _Case, inside: bool, worst: float) -> tuple[str, str]:
    name = entry.run.name
    most = case.most
    digits = min(entry.digits.values(), default=most)
    rule_wrong = entry.rule_digits is not None and entry.rule_digits < RULE_DIGITS
    truthful = "the truth" if case.measures else "the other engines"
    if name == "numeric":
        return _classify_numeric(entry, case, inside, digits)
    if not rule_wrong and inside:
        if digits >= most - 2.5:
            return "agrees", f"{digits:.1f} of {most:.1f} digits agree with {truthful}"
        if digits >= most / 2:
            return (
                "rounding",
                f"{digits:.1f} of {most:.1f} digits; the rest is rounding, inside the bound",
            )
        return "cancellation", (
            f"only {digits:.1f} of {most:.1f} digits are right: large contributions cancel, and the "
            "error stays inside the graph's own bound"
        )
    if case.kinks and _agrees_nearby(entry, case):
        departing = [n for n in case.kinks if n.op.kink and n.op.kink.departs]
        if name == "jax" and departing:
            kink = departing[0].op.kink
            assert kink is not None
            return "convention", f"at {kink.where} of {departing[0].op.name}: {kink.departs}"
        node = next(iter(case.kinks))
        assert node.op.kink is not None
        return "kink", f"{node.op.name} is evaluated exactly at its kink ({node.op.kink.where})"
    finite_truth = any(m.truth is not None and m.truth == m.truth for m in case.measures)
    broken = any(not np.all(np.isfinite(v)) for v in entry.run.values)
    if rule_wrong:
        assert entry.rule_digits is not None
        return "defect", (
            f"the rule is wrong: at 50 digits its graph meets the truth to {entry.rule_digits:.1f} "
            "digits only"
        )
    if broken and finite_truth:
        if name == "jax" and _has_dead_branch(case.problem):
            return "convention", "JAX forms 0 * inf in the branch of `where` that is not taken: NaN"
        return "overflow", (
            "the rule is right, but its expression leaves the range of floats on the way and gives "
            "an infinity or NaN"
        )
    scale = max((float(np.max(np.abs(v), initial=0.0)) for v in entry.run.values), default=0.0)
    if worst <= 64 * case.problem.output.dtype.epsilon * max(scale, 1.0):
        return "cancellation", (
            f"{digits:.1f} of {most:.1f} digits: the rule is written so that digits cancel"
        )
    return "defect", f"off by {worst:.3g}, beyond what rounding explains"


def _classify_numeric(entry: Judged, case: _Case, inside: bool, digits: float) -> tuple[str, str]:
    if inside and digits >= case.most - 2.5:
        return "agrees", f"{digits:.1f} of {case.most:.1f} digits"
    if case.kinks and digits < 3 and _agrees_nearby(entry, case, loose=True):
        node = next(iter(case.kinks))
        assert node.op.kink is not None
        return "kink", (
            f"{node.op.name} is evaluated exactly at its kink ({node.op.kink.where}): a difference "
            "across it is no derivative"
        )
    words = f"{digits:.1f} of {case.most:.1f} digits: what the step's truncation and rounding leave"
    return "truncation", words


def _has_dead_branch(problem: Problem) -> bool:
    return any(n.op.name == "where" for n in topological_order([problem.output]))


def _agrees_nearby(entry: Judged, case: _Case, loose: bool = False) -> bool:
    """Tells whether the engine is right a little aside, where nothing sits at a kink."""
    problem = case.problem
    generator = np.random.default_rng(1)
    moved: dict[Node, Any] = {}
    for node, value in problem.values.items():
        if node.dtype.is_float:
            noise = generator.uniform(0.5, 1.0, np.shape(value)) * 2.0**-8
            value = (value + noise * np.maximum(np.abs(value), 1)).astype(node.dtype.numpy)
        moved[node] = value
    aside = Truth(problem.output, moved, case.sizes)
    weights = [generator.choice([-1.0, 1.0], size=np.shape(moved[w])) for w in problem.wrt]
    true = aside.along(dict(zip(problem.wrt, weights, strict=True)))
    if true is None or entry.run.compiled is None:
        return False
    names = {n.params["name"] for n in entry.run.compiled.inputs}
    given = {n.params["name"]: v for n, v in moved.items()}
    results = entry.run.compiled({k: v for k, v in given.items() if k in names})
    values = [np.asarray(r) for r in results]
    bound = (
        rounding_bounds(entry.run.gradients, moved, case.sizes)
        if entry.run.name in _MEASURED
        else None
    )
    measure = _Measure("aside", list(weights), true, 0.0)
    found, allowed = _reading(values, bound, measure)
    if bound is None:
        rough = 2.0**-6 if loose else 1e4 * problem.output.dtype.epsilon
        total = sum(float(np.sum(np.abs(v))) for v in values)
        allowed = rough * max(total, float(abs(true)))
    return _error(found, true) <= allowed
