"""How each engine's graph grows as the problem grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.compare.problem import Problem
from graphc.compare.record import Swell
from graphc.core.errors import GraphcError
from graphc.core.node import Node
from graphc.diff.engines import differentiate
from graphc.measure.cost import cost
from graphc.ops.steps import steps_gathered

#: Engines whose graphs say something about growth; JAX's is one node to us.
_ENGINES = ("analytic", "numeric", "symbolic", "reverse", "forward")


def swell_curves(problem: Problem, progress: Callable[[str], None]) -> tuple[Swell, ...]:
    """Returns the sizes of the forward graph and of each engine's gradient at growing n."""
    if problem.grow is None or not problem.sizes:
        return ()
    grown: list[Problem] = []
    for n in problem.sizes:
        grown.append(problem.grow(n))
    curves = [_curve("problem", problem.sizes, grown, lambda p: [p.plain])]
    for engine in _ENGINES:
        progress(f"{problem.name}: growth of {engine}")

        def build(p: Problem, engine: str = engine) -> Sequence[Node]:
            with steps_gathered():
                return differentiate(p.output, p.wrt, engine).gradients

        curves.append(_curve(engine, problem.sizes, grown, build))
    return tuple(curves)


def _curve(
    name: str,
    sizes: Sequence[int],
    grown: Sequence[Problem],
    build: Callable[[Problem], Sequence[Node]],
) -> Swell:
    nodes: list[int | None] = []
    trees: list[int | None] = []
    reasons: list[str] = []
    for problem in grown:
        try:
            found = cost(list(build(problem)))
        except GraphcError as error:
            nodes.append(None)
            trees.append(None)
            reasons.append(error.rule)
            continue
        nodes.append(found.nodes)
        trees.append(
            min(found.tree_size, 1 << 14_000) if isinstance(found.tree_size, int) else None
        )
        reasons.append("")
    return Swell(
        engine=name, sizes=tuple(sizes), nodes=tuple(nodes), tree_sizes=tuple(trees),
        reasons=tuple(reasons),
    )  # fmt: skip
