"""The numeric engine's error against its step: the U-curve."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import run
from graphc.compare.problem import Problem
from graphc.compare.record import StepCurve
from graphc.compare.verdict import Judgement
from graphc.core.errors import EngineError
from graphc.core.graph import close_over
from graphc.core.node import Node, apply_named, as_node
from graphc.diff.numeric import LEVELS, complexified, relative_step

#: The curves take some 300 evaluations: larger graphs go without them.
NODE_BUDGET = 20_000

_TITLES = {
    "forward": "forward", "central": "central", "complex-step": "complex-step",
    "richardson": "Richardson",
}  # fmt: skip


def step_curves(problem: Problem, judgement: Judgement) -> tuple[StepCurve, ...]:
    """Returns, for each numeric method, the error of one directional derivative at falling steps.

    The direction moves every element of `wrt` by half to the whole of max(|x|, 1), at random but
    always alike, so the step means about the same as in the engine.
    """
    truth = judgement.truth
    if truth is None or problem.node_count() > NODE_BUDGET:
        return ()
    generator = np.random.default_rng(3)
    direction = {
        w: generator.uniform(0.5, 1.0, size=np.shape(problem.values[w]))
        * np.maximum(np.abs(problem.values[w].astype(np.float64)), 1.0)
        for w in problem.wrt
    }
    true = truth.along(direction)
    if true is None or true == 0:
        return ()
    along = _Along(problem, judgement, direction, float(true))
    digits = math.ceil(problem.output.dtype.precision * math.log10(2))
    steps = tuple(10.0 ** (-k / 2) for k in range(2, 2 * digits + 5))
    curves: list[StepCurve] = []
    for method, title in _TITLES.items():
        chosen = relative_step(method, problem.output.dtype.epsilon)
        grid = (
            steps
            if method != "complex-step"
            else tuple(10.0**-k for k in range(1, digits * 2 + 1, 2))
        )
        try:
            errors = tuple(along.error(method, s) for s in grid)
            at_chosen = along.error(method, chosen)
        except EngineError as error:
            curves.append(
                StepCurve(
                    method=title,
                    steps=(),
                    errors=(),
                    chosen_step=chosen,
                    chosen_error=math.nan,
                    reason=error.rule,
                )
            )
            continue
        curves.append(
            StepCurve(
                method=title, steps=grid, errors=errors, chosen_step=chosen, chosen_error=at_chosen
            )
        )
    return tuple(curves)


class _Along:
    """The output as a function of one number, t: wrt + t * direction, in the graph's own dtype."""

    def __init__(
        self, problem: Problem, judgement: Judgement, direction: dict[Node, Any], true: float
    ) -> None:
        self.problem, self.direction, self.true = problem, direction, true
        self.xp = NumpyNamespace(judgement.sizes)
        self._complex: Any = None

    def value(self, t: float) -> float:
        moved = dict(self.problem.values)
        for node, part in self.direction.items():
            moved[node] = (moved[node].astype(np.float64) + t * part).astype(node.dtype.numpy)
        with np.errstate(all="ignore"):
            (value,) = run([self.problem.output], moved, self.xp)
        return float(value)

    def error(self, method: str, step: float) -> float:
        found = self._difference(method, step)
        error = abs(found - self.true) / abs(self.true)
        return error if math.isfinite(error) else math.nan

    def _difference(self, method: str, h: float) -> float:
        if method == "forward":
            return (self.value(h) - self.value(0.0)) / h
        if method == "central":
            return (self.value(h) - self.value(-h)) / (2 * h)
        if method == "complex-step":
            return self._complex_step(h)
        row = [self._difference("central", h / 2**k) for k in range(LEVELS)]
        for order in range(1, LEVELS):
            row = [b + (b - a) / (4.0**order - 1) for a, b in itertools.pairwise(row)]
        return row[0]

    def _complex_step(self, h: float) -> float:
        total = 0.0
        for node, part in self.direction.items():
            total += float(np.sum(self._complex_part(node, part * h))) / h
        return total

    def _complex_part(self, node: Node, imaginary: Any) -> Any:
        graph, others = close_over([self.problem.plain], [node], "f")
        moved = apply_named("complex", node, as_node(imaginary.astype(node.dtype.numpy)))
        result = apply_named("imag", complexified(graph)([moved, *others]))
        with np.errstate(all="ignore"):
            (value,) = run([result], dict(self.problem.values), self.xp)
        return value
