"""`debug`: watched runs of a graph and its reverse pass, and a report of what went wrong where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphc.backends.mpmath import MpNamespace
from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import bind_sizes, check_nodes, merged, name_values, spare_inputs
from graphc.backends.values import as_value
from graphc.compare.debug.adjoint import Backward, FirstFault, go_back
from graphc.compare.debug.checks import Checks
from graphc.compare.debug.levels import Norms, levels
from graphc.compare.debug.nonfinite import SHOWN, NonFinite
from graphc.compare.debug.record import AdjointFault, Birth, DebugReport, Difference, Vanishing
from graphc.compare.debug.run import Lanes, Run, WideNamespace
from graphc.compare.debug.track import Event
from graphc.compare.debug.units import UnitCounter
from graphc.compare.debug.vanish import EXPLAINED, FLOAT64, Judge, Lost, vanishing
from graphc.compare.problem import Problem
from graphc.core.calls import guarded
from graphc.core.dim import size_value
from graphc.core.errors import (
    ArgumentError,
    BudgetError,
    DTypeError,
    GradError,
    GraphcError,
    ShapeError,
    show_value,
)
from graphc.core.graph import leaves
from graphc.core.naming import describe
from graphc.core.node import Node, as_node, scalar
from graphc.core.tree import flatten
from graphc.core.type import TensorType, element_count
from graphc.core.walk import topological_order
from graphc.ops.chain import broadcast_to
from graphc.ops.steps import steps_gathered

#: Operations at 50 digits that a report may take: 1.5 million took 1.9 s of one core.
BUDGET = 2_000_000

#: With `xla=True` graphs up to this many nodes are compiled: beyond, that takes minutes.
_XLA_NODES = 5_000

#: Digits of the first judgement, and of the second where a sum cancels to 0 at the first.
_DIGITS = (50, 400)


@guarded("debug")
def debug(
    outputs: Any,
    inputs: Mapping[Any, Any] | None = None,
    /,
    *,
    wrt: Any = None,
    seed: Any = None,
    checked: bool = True,
    budget: int = BUDGET,
    xla: bool = False,
    **named: Any,
) -> DebugReport:
    """Runs a graph and its reverse pass with NumPy and reports what goes wrong where.

    The report names the first value and the first adjoint that is NaN or infinite with the user's
    line; tells gradients that vanish only in floats from those that truly do; and counts dead and
    saturated units. It costs a few runs of the graph, and at most `budget` operations at 50 digits.

    Args:
        outputs: a node, a nest of nodes, or a `gx.Problem`, which brings its values along.
        inputs: values by name or by node.
        wrt: nodes to differentiate by; all float parameters, or where there are none all float
            inputs, unless given.
        seed: the adjoint of the outputs, in their nest, or one number for all of them. Without
            one the float scalars among the outputs are added up and differentiated.
        checked: raise where an index is out of range, an integer is divided by 0 or wraps around,
            or a cast loses a number; False lists them in `failures`, but for an index that is
            out of range of its array and a negative size, after which nothing can be computed.
        budget: operations at 50 digits; a graph that needs more is judged in float64 where it is
            narrower, and the report says so.
        xla: also compile and name what XLA flushes to 0 or makes infinite.
        **named: more values, by name.

    Returns:
        The report; `print` it, or read its fields.

    Raises:
        IndexingError: an index is out of range.
        DivisionError: an integer is divided by 0.
        RangeError: an integer wraps around, or a cast can't hold a number.
        DimError: a size is negative.
        BudgetError: `xla` of a graph of more than 5,000 nodes.
        ArgumentError, ShapeError, DTypeError, GradError: as for `gx.evaluate` and `gx.grad`.
    """
    if isinstance(outputs, Problem):
        problem = outputs
        given = dict(problem.values)
        outputs, wrt = problem.output, list(problem.wrt) if wrt is None else wrt
        inputs = {**given, **(inputs or {})}
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 0:
        raise ArgumentError(f"budget={budget!r} is no count of operations", "for example 10**6")
    for name, value in (("checked", checked), ("xla", xla)):
        if not isinstance(value, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentError(
                f"{name}={show_value(value)} is neither True nor False", "say one of them"
            )
    nodes, _ = flatten(outputs)
    if not nodes:
        raise ArgumentError("there is no output", "give a node or a nest of nodes")
    check_nodes(nodes, "debug")
    for node in topological_order(nodes):
        if isinstance(node.type, TensorType) and node.type.dtype.kind == "c":
            raise DTypeError(
                f"{describe(node, 3)} is complex, and debug follows real numbers",
                "debug the real graph on either side of it",
            )
    found = leaves(nodes)
    chosen = name_values(found, merged(inputs, named), spare=spare_inputs(nodes, found))
    values = {n: as_value(n, v) for n, v in chosen.items()}
    sizes = bind_sizes(list(values), [v.shape for v in values.values()])
    work = _Work(list(dict.fromkeys(nodes)), values, sizes, budget)
    work.differentiate(wrt, seed)
    return work.report(checked, xla)


@dataclass(slots=True, eq=False)
class _Work:
    """One call of `debug` at work."""

    outputs: list[Node]
    values: dict[Node, Any]
    sizes: dict[str, int]
    budget: int
    notes: list[str] = field(default_factory=list)
    seeds: dict[Node, Node] = field(default_factory=dict)
    wrt: list[Node] = field(default_factory=list)
    backward: Backward = field(default_factory=lambda: Backward({}, {}, {}))

    def differentiate(self, wrt: Any, seed: Any) -> None:
        """Makes the reverse pass, or notes why there is none."""
        self.seeds = _seeds(self.outputs, seed)
        explicit = wrt is not None or seed is not None
        if not self.seeds:
            if explicit:
                raise GradError(
                    "no output is a float scalar, so there is nothing to differentiate",
                    "take gx.sum of it, or give seed=1.0",
                )
            self.notes.append(
                "no adjoints: no output is a float scalar; give seed=1.0 for those of the sum"
            )
            return
        self.wrt = _wrt(list(self.seeds), wrt)
        try:
            with steps_gathered() as steps:
                self.backward = go_back(self.seeds, self.wrt)
        except GraphcError as error:
            if explicit:
                raise
            self.notes.append(f"no adjoints: {error}")
            self.seeds, self.wrt = {}, []
            return
        self.notes += list(dict.fromkeys(steps))[:3]
        for node in self.wrt:
            if node not in self.backward.adjoints:
                self.notes.append(
                    f"the gradient by {describe(node)} is structurally 0: nothing smooth leads to "
                    "it"
                )

    def report(self, checked: bool, xla: bool) -> DebugReport:
        """Runs the graph, once or twice, and puts the report together."""
        adjoints = self.backward.adjoints
        order = topological_order(self.outputs)
        forward = set(order)
        checks = Checks(self.sizes, strict=checked)
        bad = NonFinite(self.sizes)
        norms, units = Norms(list(adjoints.values())), UnitCounter(forward)
        gradients = [adjoints[w] for w in self.wrt if w in adjoints]
        keep = [*self.outputs, *gradients]
        results = self._run([NumpyNamespace(self.sizes)], [checks, bad.tracker, norms, units], keep)
        births, total = self._births(bad, forward)
        fault = FirstFault(self.backward, bad.tracker, forward, gradients)
        finite = not any(o in bad.tracker.top.entries for o in self.outputs)
        judged = self._judge(norms, fault, finite)
        reaches = [describe(w) for w in self.wrt if adjoints.get(w) in bad.tracker.top.entries]
        adjoint = fault.fault(reaches)
        table = levels(adjoints, list(self.seeds), self.wrt, norms.found, judged.norms)
        differ = self._xla(keep, [r[0] for r in results], order) if xla else ()
        return DebugReport(
            outputs=tuple(describe(o, 4) for o in self.outputs),
            finite=finite,
            births=births,
            births_total=total,
            adjoint=adjoint,
            levels=table,
            vanishing=judged.found,
            units=units.records(),
            failures=tuple(checks.failures),
            differences=differ,
            notes=tuple(self.notes),
            findings=_findings(births, adjoint, judged.found, checks.failures, differ),
        )

    def _run(
        self, lanes: Sequence[Any], watchers: Sequence[Any], keep: Sequence[Node]
    ) -> list[Lanes]:
        backward = self.backward
        edges = [e.value for es in backward.edges.values() for e in es]
        roots = [*self.outputs, *backward.adjoints.values(), *edges]
        values = {
            n: tuple([lane.convert(v) if hasattr(lane, "convert") else v for lane in lanes])
            for n, v in self.values.items()
        }
        return Run(lanes, watchers).evaluate(roots, values, keep)

    def _births(self, bad: NonFinite, forward: set[Node]) -> tuple[tuple[Birth, ...], int]:
        names = [describe(o, 4) for o in self.outputs]
        reached, _ = bad.tracker.resolve(bad.tracker.top, self.outputs)
        bits = dict(reached)
        found: list[Event] = []
        for event in bad.tracker.events:
            key = event.frame.key
            if (key[0][0] if key else event.node) not in forward:
                continue
            # A constant of -inf that reaches nothing is a mask, and meant.
            if event in bits or event.node.op.name not in ("constant", "number"):
                found.append(event)
        found.sort(key=lambda e: e not in bits)  # what does harm comes first
        made = [
            bad.birth(e, [n for i, n in enumerate(names) if bits.get(e, 0) >> i & 1])
            for e in found[:SHOWN]
        ]
        return tuple(made), len(found)

    def _judge(self, norms: Norms, fault: FirstFault, finite: bool) -> _Judged:
        adjoints = self.backward.adjoints
        top = max((norms.found[adjoints[o]].norm for o in self.seeds if o in adjoints), default=0.0)
        wanted = set(self.wrt)
        asked: dict[Node, bool | None] = dict.fromkeys(adjoints.values())
        flat: list[Node] = []
        for node, adjoint in adjoints.items():
            one = norms.found[adjoint]
            vanished = node in wanted and one.norm < top * node.dtype.epsilon
            if one.zeros or one.tiny or vanished:
                flat.append(node)
                asked[adjoint] = vanished or bool(asked[adjoint])
        flat.sort(key=lambda n: n not in wanted)
        if not finite:
            flat = []
        if not flat and fault.node is None:
            return _Judged((), {})
        lane, words = self._exact_lane()
        judge, lost = Judge(asked), Lost()
        watchers: list[Any] = list(fault.capture)
        if lane is not None:
            watchers += [judge, lost.tracker]
        plain = NumpyNamespace(self.sizes)
        self._run([plain, *([] if lane is None else [lane])], watchers, [])
        if isinstance(lane, MpNamespace):
            zeros = any(c.true_zeros for c in judge.counts.values())
            if flat and judge.cancelled and zeros:
                judge, lost = Judge(asked), Lost()
                words = f"{_DIGITS[1]} digits"
                again = [plain, MpNamespace(_DIGITS[1], self.sizes)]
                self._run(again, [judge, lost.tracker], [])
        shown = flat[: len(self.wrt) + EXPLAINED]
        targets = [adjoints[n] for n in shown]
        events, _ = lost.tracker.resolve(lost.tracker.top, targets)
        made: list[Vanishing] = []
        for position, node in enumerate(shown):
            adjoint = adjoints[node]
            event = next((e for e, b in events if b >> position & 1), None)
            counts = judge.counts.get(adjoint) if lane is not None else None
            ratio = norms.found[adjoint].norm / (top or 1.0)
            sums = norms.found[adjoint]
            sure = judge.sure
            made.append(vanishing(node, node in wanted, sums, counts, event, words, ratio, sure))
        if len(flat) > len(shown):
            self.notes.append(
                f"{len(flat) - len(shown)} more inner adjoints have elements that are 0 or tiny"
            )
        if lane is None:
            self.notes.append(words)
        exact = judge.norms if isinstance(lane, MpNamespace) else {}
        return _Judged(tuple(made), exact)

    def _exact_lane(self) -> tuple[Any, str]:
        """Returns what to judge with, and its name; or None and why not."""
        edges = [e.value for es in self.backward.edges.values() for e in es]
        order = topological_order([*self.outputs, *self.backward.adjoints.values(), *edges])
        work = sum(_operations(n, self.sizes) for n in order)
        if work <= self.budget:
            return MpNamespace(_DIGITS[0], self.sizes), f"{_DIGITS[0]} digits"
        wide = any(
            isinstance(n.type, TensorType) and n.type.dtype.is_float and n.type.dtype.bits > 32
            for n in order
        )
        words = (
            f"{work:,} operations at {_DIGITS[0]} digits are above the budget of {self.budget:,}"
        )
        if wide:
            return None, words
        self.notes.append(f"{words}: judged in {FLOAT64}")
        return WideNamespace(self.sizes), FLOAT64

    def _xla(
        self, roots: Sequence[Node], found: Sequence[Any], order: Sequence[Node]
    ) -> tuple[Difference, ...]:
        count = len(topological_order(roots))
        if count > _XLA_NODES:
            raise BudgetError(
                f"the graph has {count} nodes, above the {_XLA_NODES} that xla=True compiles",
                "leave xla out, or debug a part of the graph",
            )
        from graphc.compare.debug.xla import differences  # JAX takes half a second to load

        names = [describe(o, 4) for o in self.outputs]
        names += [f"the gradient by {describe(w)}" for w in self.wrt if w in self.backward.adjoints]
        return differences(names, roots, self.values, found)


@dataclass(frozen=True, slots=True)
class _Judged:
    found: tuple[Vanishing, ...]
    norms: Mapping[Node, float]


def _operations(node: Node, sizes: Mapping[str, int]) -> int:
    """Returns about how many operations a node takes in mpmath, where exp costs little more."""
    elements = 1
    if isinstance(node.type, TensorType):
        elements = size_value(element_count(node.type.shape), sizes)
    if node.op.group == "elementwise":
        return elements
    return max(elements, int(size_value(node.op.flops(node), sizes)))


def _seeds(outputs: Sequence[Node], seed: Any) -> dict[Node, Node]:
    floats = [n for n in outputs if isinstance(n.type, TensorType) and n.type.dtype.is_float]
    if seed is None:
        return {n: scalar(1.0, n.dtype) for n in floats if not n.ndim}
    given, _ = flatten(seed)
    if len(given) == 1:
        given = given * len(floats)
    if len(given) != len(floats):
        raise ArgumentError(
            f"there are {len(given)} seeds for {len(floats)} float outputs", "give one for each"
        )
    made: dict[Node, Node] = {}
    for node, value in zip(floats, given, strict=True):
        one = as_node(value, node.dtype)
        if one.shape not in ((), node.shape):
            raise ShapeError(f"the seed of {describe(node, 3)} is {one.type}, not {node.type}")
        made[node] = broadcast_to(one, node.shape)
    return made


def _wrt(outputs: Sequence[Node], wrt: Any) -> list[Node]:
    order = topological_order(outputs)
    if wrt is None:
        floats = [n for n in order if n.op.name in ("input", "param") and n.dtype.is_float]
        return [n for n in floats if n.op.name == "param"] or floats
    known, names = set(order), {n.name: n for n in order if n.name is not None}
    found: list[Node] = []
    for node in flatten(wrt)[0]:
        node = names.get(node, node) if isinstance(node, str) else node
        if not isinstance(node, Node) or node not in known:
            what = describe(node, 3) if isinstance(node, Node) else repr(node)
            raise ArgumentError(
                f"the output does not depend on {what}", f"its inputs are {', '.join(names)}"
            )
        if not isinstance(node.type, TensorType) or not node.type.dtype.is_float:
            raise GradError(
                f"{describe(node)} is {node.type}: only a float has a derivative",
                "leave it out of wrt",
            )
        found.append(node)
    return list(dict.fromkeys(found))


def _findings(
    births: Sequence[Birth],
    adjoint: AdjointFault | None,
    vanished: Sequence[Vanishing],
    failures: Sequence[Any],
    differ: Sequence[Difference],
) -> tuple[str, ...]:
    found = [b.words for b in births if b.reaches][:1]
    if adjoint is not None and adjoint.reaches:
        found.append(adjoint.words)
    for one in vanished:
        flat = one.zeros + one.tiny == one.size
        if one.wanted and (one.lost or (one.underflow and flat)):
            found.append(one.words)
    found += [f.words for f in failures]
    found += [f"{d.what} is {d.kind} with XLA only" for d in differ if d.kind != "flushed"]
    return tuple(found)
