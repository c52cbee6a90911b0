"""Is an engine's rule right? Its gradient graph, evaluated with mpmath, against the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backends.mpmath import MpNamespace
from graphc.backends.run import run
from graphc.compare.measures import Measure
from graphc.compare.problem import Problem
from graphc.compare.run_engines import EngineRun
from graphc.compare.truth import digits_between, plain
from graphc.core.dim import size_value
from graphc.core.node import Node, as_node
from graphc.diff.forward import push
from graphc.measure.cost import cost

#: A rule is right where its graph meets the truth to this many digits; the truth has 26 and a
#: fault of one part in 1e12 leaves 12.
RULE_DIGITS = 18.0

#: Digits at which rules are evaluated, and those to which disputes go.
DIGITS, MOST_DIGITS = 60, 800

#: Multiplications mpmath may take for one part of the verdict: about 3 microseconds each.
TRUTH_BUDGET = 4_000_000


#: Engines whose gradient is a graph of graphc's ops; JAX's is not, and the numeric one has no rule.
MEASURED = ("analytic", "symbolic", "reverse", "forward")


def rule_digits(
    engine: EngineRun,
    problem: Problem,
    measures: Sequence[Measure],
    values: Mapping[Node, Any],
    sizes: Mapping[str, int],
) -> float | None:
    """Returns the digits to which the engine's own graph meets the truth, None where not measured.

    Args:
        engine: its run.
        problem: what was differentiated.
        measures: what is looked at.
        values: the inputs' values at which the measures hold.
        sizes: numbers of the named sizes.
    """
    known = [m for m in measures if m.truth is not None]
    if engine.name not in MEASURED or not known:
        return None
    by_direction = not isinstance(next(w for w in known[0].weights if w is not None), tuple)
    flops = size_value(cost(engine.gradients, sizes).flops, sizes)
    along = by_direction and engine.name == "forward"
    if flops > 4 * TRUTH_BUDGET and not along:
        return None
    found = 0.0
    for digits in (DIGITS, MOST_DIGITS):
        # 1 + exp(-200) is 1 at 60 digits: whoever is accused there is heard again at 800.
        xp = MpNamespace(digits, sizes)
        leaves = {n: xp.convert(v) for n, v in values.items()}
        if along:
            found = min(_forward_digits(problem, m, leaves, xp) for m in known)
        else:
            found = _worst(engine, known, leaves, xp)
        if found >= RULE_DIGITS or flops > TRUTH_BUDGET:
            break
    return found


def _worst(
    engine: EngineRun, known: Sequence[Measure], leaves: dict[Node, Any], xp: MpNamespace
) -> float:
    """Returns the digits of the worst measure of an engine's gradient."""
    found = run(engine.gradients, leaves, xp)
    worst = math.inf
    for measure in known:
        total = xp.context.zero
        for weight, value in zip(measure.weights, found, strict=True):
            if isinstance(weight, tuple):
                total = np.asarray(value)[weight]
            elif weight is not None:
                total = total + np.sum(value * xp.convert(weight))
        worst = min(worst, digits_between(total, measure.truth, measure.floor, 50.0))
    return worst


def _forward_digits(
    problem: Problem, measure: Measure, leaves: dict[Node, Any], xp: MpNamespace
) -> float:
    # One sweep along the direction, instead of one for each element.
    directions = [
        as_node(np.asarray(w), n.dtype) for w, n in zip(measure.weights, problem.wrt, strict=True)
    ]
    (value,) = run([push(problem.output, problem.wrt, directions)], leaves, xp)
    return digits_between(plain(value), measure.truth, measure.floor, 50.0)
