"""How a problem's Jacobians and Hessian were planned: predicted and measured, for the report."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compare.problem import Problem
from graphc.compare.record import PlanSeen, WaySeen
from graphc.compare.run_engines import Progress
from graphc.core.node import Node
from graphc.diff.plan import derivative_plan
from graphc.diff.strategy import Candidate, DerivativePlan


def derivative_plans(problem: Problem, progress: Progress) -> tuple[PlanSeen, ...]:
    """Returns a plan for each vector output and `wrt`, and for the Hessian's diagonal blocks.

    Every way is compiled and timed, so this is done only for what the problem names.
    """
    found: list[PlanSeen] = []
    for name, output in problem.vectors.items():
        progress(f"{problem.name}: plans of the Jacobian of {name}")
        found += _plans(problem, name, output, problem.wrt, 1)
    if problem.hessian:
        progress(f"{problem.name}: plans of the Hessian")
        found += _plans(problem, problem.name, problem.plain, problem.wrt, 2)
    return tuple(found)


def _plans(
    problem: Problem, name: str, output: Node, wrt: Sequence[Node], order: int
) -> list[PlanSeen]:
    made: list[PlanSeen] = []
    for w in wrt:
        plan = derivative_plan(output, w, order=order, measure=problem.values)
        assert isinstance(plan, DerivativePlan)
        made.append(
            PlanSeen(
                kind="Jacobian" if order == 1 else "Hessian",
                output=name,
                wrt=str(w.params["name"]),
                rows=plan.rows,
                columns=plan.columns,
                choice=plan.choice,
                fastest=plan.fastest or "",
                why=plan.why,
                ways=tuple(_way(c) for c in plan.candidates),
            )
        )
    return made


def _way(candidate: Candidate) -> WaySeen:
    if not candidate.applies:
        return WaySeen(engine=candidate.engine, route=candidate.route, applies=False)
    return WaySeen(
        engine=candidate.engine,
        route=candidate.route,
        passes=candidate.passes,
        flops=round(candidate.flops),
        bytes=round(candidate.bytes),
        nodes=candidate.nodes,
        multiplications=dict(candidate.multiplications),
        predicted_seconds=candidate.seconds,
        measured_seconds=candidate.measured,
    )
