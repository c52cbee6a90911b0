"""Which way a Jacobian is made: the ways there are, what each is predicted to cost, the choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from graphc.core.errors import EngineError, GraphcError
from graphc.core.node import Node
from graphc.core.system import GRAPHC, System
from graphc.core.walk import topological_order
from graphc.diff.elimination import ORDERS, elimination, why_not
from graphc.diff.waist import find_route, mixed_jacobian, number_of_elements
from graphc.measure.cost import cost
from graphc.optimize.price import number_of, seconds

#: The strategies in the order in which they are told; among equals the first is taken.
STRATEGIES = ("reverse", "forward", "mixed", "elimination")
#: The same for Hessians: forward over reverse.
HESSIAN_STRATEGIES = ("forward", "reverse", "mixed", "elimination")
#: Predicted seconds nearer to each other than this are equal.
_EQUAL = 1.05
#: Nodes up to which elimination is tried unasked: it makes a Jacobian of single scalars, which
#: XLA compiles slowly.
_SCALARS = 2_000
#: Elements of a Jacobian up to which it is tried unasked.
_ELEMENTS = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to make a Jacobian.

    Attributes:
        engine: `reverse`, `forward`, `mixed` or `elimination`, as `gx.jacobian` takes it.
        route: what it does, in words; where it does not apply, why.
        applies: whether there is a graph.
        passes: sweeps through the graph or parts of it; 1 for elimination.
        flops: of one run, value included, by the usual counts; named sizes as numbers.
        bytes: likewise, read and written.
        nodes: of the derivative's graph, a block once.
        multiplications: of elimination in each order, those by 1 and -1 not counted; None where
            the count was given up, far behind the best. Empty for the others.
        seconds: predicted.
        measured: median seconds of a warm run, compiled; None where it was not timed.
    """

    engine: str
    route: str
    applies: bool = True
    passes: int = 0
    flops: float = 0.0
    bytes: float = 0.0
    nodes: int = 0
    multiplications: Mapping[str, int | None]
    seconds: float = float("inf")
    measured: float | None = None

    def __str__(self) -> str:
        if not self.applies:
            return f"{self.engine}: does not apply: {self.route}"
        told = f"{self.engine}: {self.route}; {self.flops:,.0f} flops, {self.bytes:,.0f} bytes"
        told += f", {self.nodes:,} nodes, predicted {self.seconds:.2e} s"
        return told if self.measured is None else f"{told}, measured {self.measured:.2e} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivativePlan:
    """How the derivative of one output by one node may be made, and how it is.

    Attributes:
        output: the output in words.
        wrt: what it is differentiated by.
        order: 1 for a Jacobian; 2 for a Hessian, where the output is the gradient by reverse.
        rows: elements of the output.
        columns: elements of `wrt`.
        candidates: the ways weighed, those that do not apply with the reason.
        choice: the engine taken.
        why: what decided, in words.
    """

    output: str
    wrt: str
    order: int
    rows: int
    columns: int
    candidates: tuple[Candidate, ...]
    choice: str
    why: str

    @property
    def fastest(self) -> str | None:
        """The engine with the least measured time; None where nothing was timed."""
        timed = [c for c in self.candidates if c.measured is not None]
        return min(timed, key=lambda c: c.measured or 0.0).engine if timed else None

    def __str__(self) -> str:
        kind = "Jacobian" if self.order == 1 else "Hessian"
        lines = [f"{kind} of {self.output} by {self.wrt}: {self.rows:,} x {self.columns:,}"]
        lines += [f"  {'*' if c.engine == self.choice else ' '} {c}" for c in self.candidates]
        return "\n".join([*lines, f"  {self.choice}: {self.why}"])


#: `one_way(output, wrt)`: the Jacobian by one mode, shape output.shape + wrt.shape.
OneWay = Callable[[Node, Node], Node]


def jacobian_by_cost(
    output: Node,
    wrt: Node,
    one_way: Mapping[str, OneWay],
    *,
    engines: Sequence[str] = STRATEGIES,
    sizes: Mapping[str, int] | None = None,
    system: System = GRAPHC,
    loss: Node | None = None,
) -> tuple[dict[str, Node], list[Candidate], str, str]:
    """Returns the Jacobian in every way that applies, what each costs, the choice, and why.

    Args:
        output: a float node.
        wrt: a float node.
        one_way: the functions of the modes `forward` and `reverse`.
        engines: which ways are weighed; one that is named alone raises where it does not apply.
        sizes: numbers of named sizes.
        system: whose side elimination takes at kinks.
        loss: where the output is a gradient by `wrt`, of what: elimination makes its own.
    """
    made: dict[str, Node] = {}
    found: list[Candidate] = []
    for engine in engines:
        try:
            graph, told = (
                _eliminated(output, wrt, system, loss, asked=len(engines) == 1)
                if engine == "elimination"
                else _swept(engine, output, wrt, one_way, sizes)
            )
        except GraphcError as error:
            if len(engines) == 1:
                raise
            why = Candidate(engine=engine, route=error.rule, applies=False, multiplications={})
            found.append(why)
            continue
        made[engine] = graph
        if len(engines) > 1:
            spent = cost([graph])
            told = replace(
                told,
                flops=number_of(spent.flops, sizes),
                bytes=number_of(spent.bytes, sizes),
                nodes=spent.nodes,
                seconds=seconds([graph], sizes),
            )
        found.append(told)
    least = min(c.seconds for c in found if c.applies)
    taken = next(c for c in found if c.applies and c.seconds <= least * _EQUAL)
    return made, found, taken.engine, _why(taken, found)


def _swept(
    engine: str,
    output: Node,
    wrt: Node,
    one_way: Mapping[str, OneWay],
    sizes: Mapping[str, int] | None,
) -> tuple[Node, Candidate]:
    if engine in one_way:
        end = output if engine == "reverse" else wrt
        passes = number_of_elements(end, sizes)
        what = "output" if engine == "reverse" else "input"
        route = (
            f"{passes:,} {engine} pass{'es' if passes != 1 else ''}, one for each {what} element"
        )
        graph = one_way[engine](output, wrt)
        return graph, Candidate(engine=engine, route=route, passes=passes, multiplications={})
    way = find_route(output, wrt, sizes)
    if way is None:
        raise EngineError(
            "the graph has no waist narrower than both its ends", "use reverse or forward"
        )
    graph = mixed_jacobian(way, one_way)
    told = Candidate(engine=engine, route=way.words(), passes=way.leg.passes, multiplications={})
    return graph, told


def _eliminated(
    output: Node, wrt: Node, system: System, loss: Node | None, asked: bool
) -> tuple[Node, Candidate]:
    if not asked:
        _check_small(output if loss is None else loss, output, wrt)
    if loss is not None:
        output = elimination(loss, [wrt], system=system).jacobians[0]
    result = elimination(output, [wrt], system=system)
    told = Candidate(
        engine="elimination",
        route=f"vertices eliminated {ORDERS[result.order]}: {_counts(result.multiplications)}",
        passes=1,
        multiplications=dict(result.multiplications),
    )
    return result.jacobians[0], told


def _check_small(graph: Node, output: Node, wrt: Node) -> None:
    """Raises EngineError where elimination is not worth a try."""
    reason = why_not(graph, [wrt])
    if reason:
        raise EngineError(reason)
    count = len(topological_order([graph]))
    elements = number_of_elements(output) * number_of_elements(wrt)
    if count > _SCALARS or elements > _ELEMENTS:
        raise EngineError(
            f"with {count:,} nodes and {elements:,} elements it is not tried unasked",
            "say engine='elimination'",
        )


def _counts(counts: Mapping[str, int | None]) -> str:
    known = {name: n for name, n in counts.items() if n is not None}
    parts = [f"{n:,} {ORDERS[name]}" for name, n in sorted(known.items(), key=lambda p: p[1])]
    parts += [f"many more {ORDERS[name]}" for name, n in counts.items() if n is None]
    return f"multiplications: {', '.join(parts)}"


def _why(taken: Candidate, found: Sequence[Candidate]) -> str:
    others = [c for c in found if c.applies and c.engine != taken.engine]
    if not others:
        return "no other way applies" if len(found) > 1 else "asked for"
    next_best = min(others, key=lambda c: c.seconds)
    times = next_best.seconds / taken.seconds if taken.seconds else float("inf")
    if times < _EQUAL:
        return f"predicted to cost as much as {next_best.engine}"
    return f"predicted to take {times:.3g} times less than {next_best.engine}"
