"""Faults planted into every rule, one at a time, and what the check says; also a command.

`python -m tests.compare.planted` prints how many were planted, caught, and how many change nothing.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import graphc as gx
from graphc.backends.mpmath import MpNamespace
from graphc.backends.run import run
from graphc.compare.measures import Measure
from graphc.compare.problem import Problem
from graphc.compare.rules import RULE_DIGITS, rule_digits
from graphc.compare.run_engines import EngineRun
from graphc.compare.truth import Truth
from graphc.core.errors import NonDifferentiableWarning
from graphc.core.node import Node, as_node
from graphc.core.op import Op, all_ops
from graphc.diff.forward import push
from graphc.diff.reverse import reverse_gradients
from tests.compare.faults import (
    exchanged,
    negated,
    planted,
    rewired,
    scaled,
    transposed,
    without,
)
from tests.every_op_cases import Case, cases_of, weights

#: A fault: a name, and what plants it into the rule of an op in a direction.
Fault = tuple[str, Callable[[str, str], AbstractContextManager[None]]]

#: Operands of one op that are dropped or exchanged at most.
OPERANDS = 3


def faults() -> Iterator[Fault]:
    """Yields every kind of fault."""
    yield "times 1 + 1e-12", lambda op, way: planted(op, way, scaled(1 + 1e-12))
    yield "sign turned", lambda op, way: planted(op, way, negated)
    yield "axes exchanged", lambda op, way: planted(op, way, transposed)
    for i in range(OPERANDS):
        yield f"operand {i} dropped", lambda op, way, i=i: rewired(op, way, without(i))
        for j in range(i):
            yield (
                f"operands {j} and {i} exchanged",
                lambda op, way, i=i, j=j: rewired(op, way, exchanged(i, j)),
            )


@dataclass(slots=True)
class Outcome:
    """What became of the faults.

    Attributes:
        caught: by kind of fault, how many were found.
        changeless: by kind, how many give the very gradient of the right rule at 60 digits.
        missed: those that change the gradient and were not found.
        accused: right rules that were said to be wrong.
        judged: right rules that were judged.
    """

    caught: dict[str, int] = field(default_factory=dict[str, int])
    changeless: dict[str, int] = field(default_factory=dict[str, int])
    missed: list[str] = field(default_factory=list[str])
    accused: list[str] = field(default_factory=list[str])
    judged: int = 0


def has_rule(op: Op) -> bool:
    """Tells whether an op has a rule that contributes to operands, and a truth to judge it by."""
    if not callable(op.vjp) or op.group == "source":
        return False
    return any(case.floats() and case.twin is None for case in cases_of(op))


class Subject:
    """One case of an op as a problem with its truth along a direction.

    Args:
        case: how the op is called.
    """

    def __init__(self, case: Case) -> None:
        nodes = case.inputs()
        values = case.values(np.random.default_rng(3))
        made = case.build(*nodes)
        if made.dtype.kind == "b":
            made = gx.cast(made, "float64")
        self.output = gx.sum(made * gx.constant(weights(made.shape), made.dtype))
        self.wrt = [nodes[i] for i in case.floats()]
        self.values = {n: np.asarray(values[n.name or ""]) for n in nodes}
        self.directions = [weights(w.shape, 7 + i) for i, w in enumerate(self.wrt)]
        truth = Truth(self.output, self.values, {})
        self.true = truth.along(dict(zip(self.wrt, self.directions, strict=True)))
        self.measure = Measure("direction", list(self.directions), self.true, 0.0)
        self.problem = Problem(self.output, self.values, wrt=self.wrt)

    def gradient(self, direction: str) -> list[Node]:
        """Returns the gradient by the reverse rules, or the slope along by the forward ones."""
        if direction == "vjp":
            return reverse_gradients(self.output, self.wrt)
        amounts = [
            as_node(np.asarray(d), w.dtype) for d, w in zip(self.directions, self.wrt, strict=True)
        ]
        return [push(self.output, self.wrt, amounts)]

    def digits(self, direction: str, gradient: list[Node]) -> float:
        """Returns the digits to which the check says a rule is right."""
        engine = EngineRun("reverse" if direction == "vjp" else "forward")
        engine.gradients = gradient
        found = rule_digits(engine, self.problem, [self.measure], self.values, {})
        assert found is not None
        return found

    def exact(self, gradient: list[Node]) -> list[Any]:
        """Returns the elements of a gradient at 60 digits."""
        xp = MpNamespace(60)
        leaves = {n: xp.convert(v) for n, v in self.values.items()}
        return [v for array in run(gradient, leaves, xp) for v in np.ravel(array)]


def judge_op(op: Op, outcome: Outcome) -> None:
    """Plants every fault into both rules of an op, in each of its cases."""
    for case in cases_of(op):
        if not case.floats() or case.twin is not None:
            continue
        subject = Subject(case)
        assert subject.true is not None, case.label
        for direction in ("vjp", "jvp"):
            _judge_rule(op, case, subject, direction, outcome)


def _judge_rule(op: Op, case: Case, subject: Subject, direction: str, outcome: Outcome) -> None:
    right = subject.gradient(direction)
    outcome.judged += 1
    if subject.digits(direction, right) < RULE_DIGITS:
        outcome.accused.append(f"{case.label} {direction}")
    numbers = subject.exact(right)
    for name, plant in faults():
        with plant(op.name, direction):
            try:
                wrong = subject.gradient(direction)
            except gx.GradError:  # it sends an adjoint where there is no way back
                outcome.caught[name] = outcome.caught.get(name, 0) + 1
                continue
            if all(a is b for a, b in zip(wrong, right, strict=True)):
                continue  # nothing was there to be changed: no such operand, no square
            found = subject.digits(direction, wrong)
        if found < RULE_DIGITS:
            outcome.caught[name] = outcome.caught.get(name, 0) + 1
        elif _same(subject.exact(wrong), numbers):
            outcome.changeless[name] = outcome.changeless.get(name, 0) + 1
        else:
            outcome.missed.append(f"{case.label} {direction}: {name}")


def _same(left: list[Any], right: list[Any]) -> bool:
    largest = max((abs(v) for v in right), default=0)
    return all(abs(a - b) <= largest * 10.0**-50 for a, b in zip(left, right, strict=True))


def main() -> int:
    """Plants all faults and prints what became of them."""
    outcome = Outcome()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonDifferentiableWarning)
        for op in all_ops():
            if has_rule(op):
                judge_op(op, outcome)
    caught, changeless = sum(outcome.caught.values()), sum(outcome.changeless.values())
    for name in sorted({*outcome.caught, *outcome.changeless}):
        print(
            f"{name:<30} caught {outcome.caught.get(name, 0):>5}, "
            f"without effect {outcome.changeless.get(name, 0):>4}"
        )
    for words in outcome.missed + outcome.accused:
        print(f"FAILED {words}")
    print(
        f"{caught + changeless + len(outcome.missed)} faults planted: {caught} caught, "
        f"{changeless} change no gradient, {len(outcome.missed)} missed; "
        f"{outcome.judged} right rules, {len(outcome.accused)} accused"
    )
    return 1 if outcome.missed or outcome.accused else 0


if __name__ == "__main__":
    sys.exit(main())
