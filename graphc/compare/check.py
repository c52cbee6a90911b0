"""`check`: the gradient check, a line for each engine, without timings and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.backends.compile import require_x64
from graphc.compare.partings import first_parting
from graphc.compare.problem import Problem
from graphc.compare.run_engines import Progress, check_call, quiet, run_engines
from graphc.compare.verdict import judge
from graphc.core.calls import guarded
from graphc.diff.engines import ENGINES


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One engine's verdict.

    Attributes:
        engine: its name.
        verdict: one of `record.VERDICTS`, or `not applicable`, or `failed`.
        digits: correct decimal digits of the worst element; None where it did not run.
        rule_digits: digits of its rule at 50 digits; None where not measured.
        words: the verdict in a sentence.
        where: the first node at which it leaves the truth, with the user's place; or empty.
    """

    engine: str
    verdict: str
    digits: float | None
    rule_digits: float | None
    words: str
    where: str


@dataclass(frozen=True, slots=True)
class Check:
    """The verdicts on all engines for one problem; `agreed` is False where one is a defect."""

    problem: str
    truth: str
    lines: tuple[CheckLine, ...]
    agreed: bool


@guarded("check")
def check(problem: Problem, engines: Sequence[str] = ENGINES, progress: Progress = quiet) -> Check:
    """Checks the gradient of a problem by every engine against a truth of 50 digits and more.

    Args:
        problem: the graph with its values.
        engines: which engines to run.
        progress: told what is being done.

    Returns:
        The verdicts. A rule that is wrong by one part in 1e12 is found.

    Raises:
        EngineError: an engine is unknown.
        PrecisionError: the graph holds float64 and JAX's 64-bit types are turned off.
    """
    check_call(problem, engines)
    require_x64([problem.output])
    judgement = judge(problem, run_engines(problem, engines, progress=progress), progress)
    lines: list[CheckLine] = []
    for entry in judgement.engines:
        parting = first_parting(problem, entry, judgement)
        ok = entry.run.status == "ok"
        where = "" if parting is None else parting.words
        if parting is not None and parting.place:
            where += f" ({parting.place})"
        lines.append(
            CheckLine(
                engine=entry.run.name,
                verdict=entry.verdict if ok else entry.run.status,
                digits=min(entry.digits.values(), default=None) if ok else None,
                rule_digits=entry.rule_digits,
                words=entry.words if ok else entry.run.reason,
                where=where,
            )
        )
    return Check(problem.name, judgement.kind, tuple(lines), judgement.agreed)
