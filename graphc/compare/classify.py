"""From what was measured to a verdict and its words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.backends.numpy import evaluate
from graphc.compare.flips import flipped
from graphc.compare.measures import Measure, distance, reading
from graphc.compare.problem import Problem
from graphc.compare.rules import MEASURED, RULE_DIGITS, rule_digits
from graphc.compare.run_engines import EngineRun
from graphc.compare.truth import Truth
from graphc.core.graph import holds_op
from graphc.core.naming import describe
from graphc.core.node import Node


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
class Case:
    """A problem with what is known of its truth.

    Attributes:
        problem: the graph with its values.
        truth: None where the graph is too large.
        measures: what is compared with the truth.
        kinks: nodes met exactly at a kink.
        bounds: for each engine its error bounds, one array for each `wrt`.
        sizes: numbers of the named sizes.
    """

    problem: Problem
    truth: Truth | None
    measures: list[Measure]
    kinks: dict[Node, int]
    bounds: dict[str, list[Any]]
    sizes: dict[str, int]

    @property
    def most(self) -> float:
        """The decimal digits of the output's dtype."""
        return self.problem.output.dtype.precision * math.log10(2)


@dataclass(slots=True)
class Seen:
    """What the measures of one engine showed.

    Attributes:
        worst: the largest distance from the truth.
        inside: every distance is within what rounding may do.
        broken: an infinity or NaN stands where the truth is a float.
        beyond: the truth itself is larger than any float, and so is the engine's number.
        without_truth: elements that have no derivative.
    """

    worst: float = 0.0
    inside: bool = True
    broken: bool = False
    beyond: bool = False
    without_truth: int = 0


def classify(entry: Judged, case: Case, seen: Seen) -> tuple[str, str]:
    """Returns the verdict on an engine and a sentence that explains it."""
    name = entry.run.name
    most = case.most
    digits = min(entry.digits.values(), default=most)
    rule_wrong = entry.rule_digits is not None and entry.rule_digits < RULE_DIGITS
    truthful = "the other engines" if case.truth is None else "the truth"
    if name == "numeric":
        return _classify_numeric(entry, case, seen, digits)
    if not rule_wrong and seen.inside and not seen.broken:
        if seen.beyond:
            return "overflow", "the derivative itself lies beyond the range of floats: infinite"
        if digits >= most - _slack(most):
            return "agrees", f"{digits:.1f} of {most:.1f} digits agree with {truthful}"
        if digits >= most / 2:
            return "rounding", (
                f"{digits:.1f} of {most:.1f} digits; the rest is rounding, inside the bound"
            )
        return "cancellation", (
            f"only {digits:.1f} of {most:.1f} digits are right: large contributions cancel, and "
            "the error stays inside the graph's own bound"
        )
    if case.kinks and _agrees_nearby(entry, case):
        return _at_kink(name, case)
    if rule_wrong:
        assert entry.rule_digits is not None
        what = "the author's formula" if name == "analytic" else "the rule"
        worst = min(entry.digits, key=lambda n: entry.digits[n])
        return "defect", (
            f"{what} is wrong: at 50 digits its graph meets the truth to {entry.rule_digits:.1f} "
            f"digits only, worst in {worst}"
        )
    if seen.broken:
        if name == "jax" and holds_op([case.problem.output], "where"):
            return "convention", (
                "JAX forms 0 * inf in the branch of `where` that is not taken: NaN"
            )
        return "overflow", (
            "the rule is right, but its expression leaves the range of floats on the way and gives "
            "an infinity or NaN"
        )
    scale = max((float(np.max(np.abs(v), initial=0.0)) for v in entry.run.values), default=0.0)
    if seen.worst <= 64 * case.problem.output.dtype.epsilon * max(scale, 1.0):
        return "cancellation", (
            f"{digits:.1f} of {most:.1f} digits: the rule is written so that digits cancel"
        )
    turned = None if case.truth is None else flipped(case.problem, case.truth)
    if turned is not None:
        return "kink", (
            f"rounding turns {describe(turned, 3)} over: floats decide otherwise than exact "
            "numbers, and the derivative jumps there"
        )
    return "defect", f"off by {seen.worst:.3g}, beyond what rounding explains"


def _slack(most: float) -> float:
    """Returns the digits that may be lost in `agrees`: 2.5 of float64's 16, fewer of fewer."""
    return min(2.5, most / 4)


def _at_kink(name: str, case: Case) -> tuple[str, str]:
    node = next(iter(case.kinks))
    if name == "jax":
        node = next((n for n in case.kinks if n.op.kink and n.op.kink.departs), node)
    kink = node.op.kink
    assert kink is not None
    if name == "jax" and kink.departs:
        return "convention", f"at {kink.where} of {node.op.name}: {kink.departs}"
    return "kink", f"{node.op.name} is evaluated exactly at its kink ({kink.where})"


def _classify_numeric(entry: Judged, case: Case, seen: Seen, digits: float) -> tuple[str, str]:
    if seen.inside and digits >= case.most - _slack(case.most):
        return "agrees", f"{digits:.1f} of {case.most:.1f} digits"
    if case.kinks and digits < 3 and _agrees_nearby(entry, case, loose=True):
        return "kink", f"{_at_kink('numeric', case)[1]}: a difference across it is no derivative"
    if digits < 3 and holds_op([case.problem.output], "stop_gradient"):
        return "convention", "a difference quotient sees through stop_gradient"
    words = f"{digits:.1f} of {case.most:.1f} digits; the rest is lost to the step"
    return "truncation", words


def _agrees_nearby(entry: Judged, case: Case, loose: bool = False) -> bool:
    """Tells whether the engine is right a little aside, where nothing sits at a kink."""
    problem = case.problem
    generator = np.random.default_rng(1)
    moved: dict[Node, Any] = {}
    for node, value in problem.values.items():
        if node.dtype.is_float:
            noise = generator.uniform(0.5, 1.0, np.shape(value)) * 2.0**-8
            value = value + noise * np.maximum(np.abs(value), 1)
        moved[node] = np.asarray(value).astype(node.dtype.numpy)
    aside = Truth(problem.output, moved, case.sizes)
    weights = [generator.choice([-1.0, 1.0], size=np.shape(moved[w])) for w in problem.wrt]
    true = aside.along(dict(zip(problem.wrt, weights, strict=True)))
    if true is None:
        return False
    measure = Measure("aside", list(weights), true, 0.0)
    if entry.run.name in MEASURED:
        # The rule is asked, not the floats: in 16 bits these would hide any fault.
        digits = rule_digits(entry.run, problem, [measure], moved, case.sizes)
        return digits is not None and digits >= RULE_DIGITS
    if entry.run.compiled is None:
        return False
    results = entry.run.compiled(*[moved[n] for n in entry.run.compiled.inputs])
    values = [np.asarray(r) for r in results]
    found, _ = reading(values, None, measure)
    rough = 2.0**-6 if loose else 1e4 * problem.output.dtype.epsilon
    total = sum(float(np.sum(np.abs(v.astype(np.float64)))) for v in values)
    return distance(found, true) <= rough * max(total, float(abs(true)))


def without_truth(entry: Judged, case: Case, judged: Sequence[Judged]) -> tuple[str, str]:
    """Returns the verdict where no element has a finite two-sided derivative."""
    value = float(evaluate(case.problem.output, case.problem.values))
    given = _first_number(entry.run)
    if math.isfinite(value):
        why = "no finite two-sided derivative exists here"
    else:
        why = f"the value itself is {value} here, so there is no derivative"
    words = f"{why}; this engine gives {given}"
    reverse = next((j.run for j in judged if j.run.name == "reverse" and j.run.values), None)
    if entry.run.name == "jax" and reverse is not None and _first_number(reverse) != given:
        return "convention", f"{words}, graphc {_first_number(reverse)}"
    return "kink", words


def _first_number(made: EngineRun) -> str:
    values = [v for v in made.values if v.size]
    return f"{float(values[0].flat[0]):.6g}" if values else "nothing"
