"""`kinks`: which nodes of a graph stand exactly at a kink or tie for given values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.backends.mpmath import MpNamespace
from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import (
    bind_sizes,
    check_nodes,
    merged,
    name_values,
    run,
    spare_inputs,
)
from graphc.backends.values import as_value
from graphc.compare.kinks.record import EXACT, HIDDEN, ROUNDED, KinkElement, KinkMet, KinkReport
from graphc.compare.kinks.sides import DIGITS, Local, sides_of, taken_out
from graphc.core.calls import guarded
from graphc.core.dim import size_value
from graphc.core.errors import show_place
from graphc.core.graph import LEAF_OPS, Graph, leaves
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.type import TensorType
from graphc.core.walk import depends_on, topological_order
from graphc.measure.cost import cost
from graphc.ops.flow.inner import bodies_run

#: Floating point operations up to which a graph is also run at 50 digits: about half a minute.
EXACT_BUDGET = 2_000_000
#: Elements of a node that are shown.
_SHOWN = 4
#: Nodes of which elements are shown; the others are counted.
_DETAILED = 100


@guarded("kinks")
def kinks(outputs: Any, inputs: Mapping[Any, Any] | None = None, /, **named: Any) -> KinkReport:
    """Returns the nodes that are evaluated exactly at a kink or tie, with the slopes beside it.

    There a function has no single derivative: what a gradient says is a convention. The graph is
    run in its own floats and at 50 digits, blocks and maps included, so that a tie that rounding
    alone made, or undid, is told from a true one.

    Args:
        outputs: a node or a nest of nodes.
        inputs: values by name or by node.
        **named: more values, by name.

    Returns:
        A record to print: for each node its place, the elements, and along each operand both
        one-sided derivatives, the slope that graphc promises, and what other systems give.

    Raises:
        ArgumentError: an input is missing, unknown, or no array.
        ShapeError, DimError, DTypeError: a value does not fit its declaration.
    """
    nodes, _ = flatten(outputs)
    check_nodes(nodes, "kinks")
    found = leaves(nodes)
    chosen = name_values(found, merged(inputs, named), spare=spare_inputs(nodes, found))
    values = {n: as_value(n, v) for n, v in chosen.items()}
    sizes = bind_sizes(list(values), [v.shape for v in values.values()])
    return kinks_at(nodes, values, sizes)


def kinks_at(
    nodes: Sequence[Node], values: Mapping[Node, Any], sizes: Mapping[str, int]
) -> KinkReport:
    """Returns the report for values that are arrays of their inputs' types."""
    moving, kinked = _moving(nodes)
    floats = _Watch(kinked)
    with np.errstate(all="ignore"):
        run(nodes, dict(values), _WatchedNumpy(sizes, floats))
    exact: _Watch | None = None
    if kinked and size_value(cost(nodes, sizes).flops, sizes) <= EXACT_BUDGET:
        exact = _Watch(kinked)
        xp = MpNamespace(DIGITS, sizes)
        xp.kinks = exact
        run(nodes, {n: xp.convert(v) for n, v in values.items()}, xp)
    met: list[KinkMet] = []
    for node in kinked:
        made = _met(node, floats, exact, moving, _SHOWN if len(met) < _DETAILED else 0)
        met += [] if made is None else [made]
    return KinkReport(
        kinks=tuple(met),
        looked_at=len(kinked),
        exact=exact is not None or not kinked,
    )


def _moving(nodes: Sequence[Node]) -> tuple[set[Node], dict[Node, None]]:
    """Returns what depends on inputs, and of that, in order, the float nodes with a kink."""
    moving: set[Node] = set()
    kinked: dict[Node, None] = {}
    seen: set[Graph] = set()
    todo: list[Sequence[Node]] = [nodes]
    while todo:
        order = topological_order(todo.pop())
        here = depends_on(order, [n for n in order if n.op.name in LEAF_OPS])
        moving |= here
        for node in order:
            for body in bodies_run(node):
                if body.graph not in seen:
                    seen.add(body.graph)
                    todo.append(body.graph.outputs)
            if _may_bend(node) and node.op.kink is not None and node in here:
                kinked[node] = None
    return moving, kinked


def _may_bend(node: Node) -> bool:
    """Tells whether a node's value is a float, or decided by floats."""
    decides = isinstance(node.type, TensorType) and node.type.dtype.kind == "b" and node.args
    made = node.args[0].type if decides else node.type
    return isinstance(made, TensorType) and made.dtype.is_float


@dataclass(slots=True)
class _Visit:
    """One evaluation of a node: where it stands at its kink, and the first such elements."""

    mask: np.ndarray[Any, Any]
    operands: list[Any]
    params: Mapping[str, Any]


@dataclass(slots=True)
class _Watch:
    """Told of every node's value during a run; keeps the evaluations of nodes with a kink.

    Operands are kept only where the mask holds somewhere.
    """

    nodes: Mapping[Node, None]
    visits: dict[Node, list[_Visit]] = field(default_factory=dict[Node, list[_Visit]])

    def at(
        self, xp: Any, node: Node, args: Sequence[Any], params: Mapping[str, Any], value: Any
    ) -> Any:
        """Returns the value as it is."""
        if node in self.nodes:
            kink = node.op.kink
            assert kink is not None
            held = np.asarray(kink.at(xp, *args, **params)).astype(bool)
            any_held = bool(held.any())
            mask = np.broadcast_to(held if any_held else np.False_, np.shape(value))
            kept = _Visit(mask, list(args) if any_held else [], params)
            self.visits.setdefault(node, []).append(kept)
        return value


class _WatchedNumpy(NumpyNamespace):
    """The NumPy evaluator that tells a watch of every node."""

    def __init__(self, sizes: Mapping[str, int], watch: _Watch) -> None:
        super().__init__(sizes)
        self.watch = watch
        self.joins_loops = False

    def apply(self, node: Node, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Runs the record and tells the watch."""
        return self.watch.at(self, node, args, params, super().apply(node, args, params))


def _met(
    node: Node, floats: _Watch, exact: _Watch | None, moving: set[Node], shown: int
) -> KinkMet | None:
    """Returns what is reported of a node; None where it is at no kink."""
    runs = floats.visits.get(node, [])
    count = rounded = hidden = size = 0
    chosen: list[tuple[int, tuple[int, ...], str, Local]] = []
    twins = [] if exact is None else exact.visits.get(node, [])
    for number, visit in enumerate(runs):
        # A loop that goes on by what it has computed may take another number of steps exactly.
        twin = twins[number] if number < len(twins) else visit
        kinds = (
            (EXACT, visit.mask & twin.mask, twin),
            (ROUNDED, visit.mask & ~twin.mask, visit),
            (HIDDEN, ~visit.mask & twin.mask, twin),
        )
        size += visit.mask.size
        count += int(visit.mask.sum())
        rounded += int(kinds[1][1].sum())
        hidden += int(kinds[2][1].sum())
        for kind, mask, source in kinds:
            for index in _first(mask, shown - len(chosen)):
                local = taken_out(node, source.operands, source.params, index)
                chosen.append((number, index, kind, local))
    if not count and not hidden:
        return None
    kink = node.op.kink
    assert kink is not None
    can_move = [a in moving and a.dtype.is_float for a in node.args]
    return KinkMet(
        node=describe(node, 6),
        op=node.op.name,
        place=show_place(node.place),
        where=kink.where,
        departs=kink.departs,
        count=count,
        rounded=rounded,
        hidden=hidden,
        size=size,
        runs=len(runs),
        elements=tuple(
            [
                KinkElement(index=index, run=number, kind=kind, sides=sides_of(local, can_move))
                for number, index, kind, local in chosen
            ]
        ),
    )


def _first(mask: np.ndarray[Any, Any], most: int) -> list[tuple[int, ...]]:
    """Returns the first few indices at which a mask holds."""
    if most <= 0:
        return []
    flat = np.flatnonzero(mask)[:most]
    return [tuple(int(i) for i in np.unravel_index(f, mask.shape)) for f in flat]
