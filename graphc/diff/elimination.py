"""The engine `elimination`: Jacobians of graphs of scalars by eliminating what lies between."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.dtype import DType
from graphc.core.errors import BudgetError, EngineError
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, place_new_nodes, scalar
from graphc.core.system import GRAPHC, System
from graphc.core.type import TensorType
from graphc.core.walk import collection_paused, topological_order
from graphc.diff.tangle import (
    LIMIT,
    Tangle,
    as_dtype,
    count_products,
    eliminate,
    product,
    slopes_between,
)
from graphc.ops.chain import accumulate, broadcast_to, reshape
from graphc.ops.sweep import active_nodes, rule_of
from graphc.optimize.price import number_of

#: Elements of a Jacobian that is made of scalars.
_ELEMENTS = 1_000_000
_ORDERS = ("reverse", "forward", "markowitz")
#: The orders in words.
ORDERS = {
    "markowitz": "greedy (Markowitz)",
    "reverse": "from the outputs back",
    "forward": "from the inputs on",
}


@dataclass(frozen=True, slots=True, eq=False)
class Elimination:
    """What elimination made.

    Attributes:
        jacobians: one for each node differentiated by.
        order: the order taken, a key of ORDERS: the one of fewest multiplications.
        multiplications: for each order how many it takes; None past the limit.
    """

    jacobians: list[Node]
    order: str
    multiplications: Mapping[str, int | None]


def elimination(
    output: Node, wrt: Sequence[Node], *, system: System = GRAPHC, order: str | None = None
) -> Elimination:
    """Returns Jacobians by vertex elimination on the linearised graph.

    Three orders are counted, and the one with the fewest multiplications is made: forward and
    reverse elimination do what the two modes do, the greedy one mixes them across the graph.

    Args:
        output: a scalar, or scalars stacked or joined into an array.
        wrt: scalars, or arrays of which the graph uses single elements.
        system: whose side the slopes take at kinks and edges.
        order: a key of ORDERS, to take that one without counting.

    Raises:
        EngineError: between the two there is arithmetic on arrays, or a block or loop.
        BudgetError: every order fills the graph in too far.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd edition, 2008, chapters 9 and 10.
    """
    with collection_paused():
        linear = _linearise(output, wrt, system)
        counts: dict[str, int | None] = {}
        if order is None:
            known: dict[str, int] = {}
            for name in _ORDERS:
                # What is far behind the best so far need not be counted to its end.
                most = 8 * min(known.values()) + 1_000 if known else None
                found = counts[name] = count_products(linear.tangle, name, most)
                if found is not None:
                    known[name] = found
            if not known:
                raise BudgetError(
                    f"elimination takes more than {LIMIT:,} products on this graph",
                    "use reverse or forward",
                )
            order = min(known, key=lambda name: known[name])
        return Elimination(linear.eliminated(order), order, counts)


def why_not(output: Node, wrt: Sequence[Node]) -> str:
    """Returns why elimination does not apply to a graph, in words; empty where it does.

    It looks at the nodes only; nothing is differentiated.
    """
    try:
        order = topological_order([output])
        active = active_nodes(order, wrt)
        given = set(wrt)
        for node in order:
            if node in active and node not in given:
                _check_scalar(node, active)
        _check_sizes([output, *wrt])
    except EngineError as error:
        return error.rule
    return ""


@dataclass(slots=True, eq=False)
class _Linear:
    """The linearised graph: who stands for which element."""

    tangle: Tangle
    output: Node
    rows: list[int]
    wrt: Sequence[Node]
    sources: dict[Node, Any]
    nodes: dict[int, Node]

    def eliminated(self, order: str) -> list[Node]:
        before = place_new_nodes(None)

        def multiply(vertex: int, upper: Node, lower: Node) -> Node:
            place_new_nodes(self.nodes[vertex].place)
            return product(upper, lower)

        try:
            eliminate(self.tangle, order, multiply, lambda left, right: accumulate([left, right]))
        finally:
            place_new_nodes(before)
        return [self._jacobian(w) for w in self.wrt]

    def _jacobian(self, w: Node) -> Node:
        output = self.output
        shape = (*output.shape, *w.shape)
        columns = [int(c) for c in self.sources[w].flat] if w in self.sources else []
        found = slopes_between(self.rows, columns, self.tangle)
        zero = scalar(0.0, w.dtype)
        if all(value is None for value in found):
            return broadcast_to(zero, shape)
        parts = [zero if v is None else as_dtype(v, w) for v in found]
        return parts[0] if not shape else reshape(apply_named("stack", *parts, axis=0), shape)


def _linearise(output: Node, wrt: Sequence[Node], system: System) -> _Linear:
    _check_sizes([output, *wrt])
    order = topological_order([output])
    active = active_nodes(order, wrt)
    given = set(wrt)
    rule = rule_of(system)
    tangle = Tangle()
    sources: dict[Node, Any] = {}
    #: For each active node the vertices of its elements; -1 where an element is constant.
    elements: dict[Node, Any] = {}
    nodes: dict[int, Node] = {}
    ones: dict[DType, Node] = {}
    before = place_new_nodes(None)
    try:
        for node in order:
            if node not in active:
                continue
            below = any(a in active for a in node.args)
            if below:
                _check_scalar(node, active)
                place_new_nodes(node.place)
                elements[node] = _elements(node, elements, tangle, nodes, rule, ones)
            if node in given:
                place_new_nodes(node.place)
                own = np.array(
                    [tangle.vertex() for _ in range(math.prod(_shape(node)))], dtype=np.int64
                )
                sources[node] = own.reshape(_shape(node))
                if below:  # derivatives by what lies below it pass through it
                    elements[node] = _passed(node, [elements[node], own], tangle, nodes)
                else:
                    elements[node] = sources[node]
    finally:
        place_new_nodes(before)
    rows: list[int] = []
    one = scalar(1.0, output.dtype)
    found = elements.get(output, np.full(_shape(output), -1))
    for vertex in found.flat:
        rows.append(tangle.vertex())
        if vertex >= 0:
            tangle.join(rows[-1], int(vertex), one)
    return _Linear(tangle, output, rows, wrt, sources, nodes)


def _elements(
    node: Node,
    elements: Mapping[Node, Any],
    tangle: Tangle,
    nodes: dict[int, Node],
    rule: Any,
    ones: dict[DType, Node],
) -> Any:
    if node.op.name in _WIRES:
        given = [elements.get(a) for a in node.args]
        filled = [
            np.full(_shape(a), -1) if e is None else e
            for a, e in zip(node.args, given, strict=True)
        ]
        return _WIRES[node.op.name](filled, node)
    vertex = tangle.vertex()
    tangle.inner.append(vertex)
    nodes[vertex] = node
    wanted = [i for i, a in enumerate(node.args) if a in elements and int(elements[a]) >= 0]
    slopes: dict[int, list[Node]] = {}
    if wanted:
        if node.dtype not in ones:
            ones[node.dtype] = scalar(1.0, node.dtype)
        made = rule(ones[node.dtype], node, wanted)
        for index, slope in zip(wanted, made, strict=True):
            if slope is not None:
                slopes.setdefault(int(elements[node.args[index]]), []).append(slope)
    for operand, parts in slopes.items():
        tangle.join(vertex, operand, accumulate(parts))
    return np.array(vertex)


def _passed(node: Node, ways: Sequence[Any], tangle: Tangle, nodes: dict[int, Node]) -> Any:
    """Returns vertices of which each depends on one of each way, with slope 1."""
    one = scalar(1.0, node.dtype)
    made: list[int] = []
    for several in zip(*[w.reshape(-1) for w in ways], strict=True):
        vertex = tangle.vertex()
        tangle.inner.append(vertex)
        nodes[vertex] = node
        for other in several:
            if other >= 0:
                tangle.join(vertex, int(other), one)
        made.append(vertex)
    return np.array(made, dtype=np.int64).reshape(_shape(node))


def _shape(node: Node) -> tuple[int, ...]:
    """Returns a static shape."""
    return tuple(int(number_of(size)) for size in node.shape)


def _sliced(parts: Sequence[Any], node: Node) -> Any:
    bounds = node.params["bounds"]
    return parts[0][tuple(slice(*bound) for bound in bounds)]


#: Operations that move elements and compute nothing: `wire(vertices of the operands, node)`.
_WIRES: dict[str, Any] = {
    "slice": _sliced,
    "reshape": lambda parts, node: parts[0].reshape(_shape(node)),
    "transpose": lambda parts, node: parts[0].transpose(node.params["axes"]),
    "broadcast_to": lambda parts, node: np.broadcast_to(parts[0], _shape(node)),
    "stack": lambda parts, node: np.stack(parts, node.params["axis"]),
    "concat": lambda parts, node: np.concatenate(parts, node.params["axis"]),
}


def _check_scalar(node: Node, active: set[Node]) -> None:
    """Raises EngineError for a node that is neither scalar arithmetic nor moves elements."""
    if node.op.name in _WIRES and node.type.is_static:
        return
    plain = isinstance(node.type, TensorType) and node.ndim == 0
    plain = plain and node.op.group not in ("control",)
    if plain and all(a.ndim == 0 for a in node.args if a in active):
        return
    raise EngineError(
        f"elimination works on graphs of scalars, and {describe(node, 3)} is {node.type}",
        "use reverse or forward; or write it with single elements, x[0] and gx.stack",
        place=node.place,
    )


def _check_sizes(nodes: Sequence[Node]) -> None:
    output, *wrt = nodes
    for node in nodes:
        if not node.type.is_static:
            raise EngineError(
                f"elimination needs numbers for sizes, and {describe(node)} is {node.type}",
                "use reverse or forward",
            )
    for w in wrt:
        if math.prod([*_shape(output), *_shape(w)]) > _ELEMENTS:
            raise EngineError(
                f"a Jacobian of {output.size:,} by {w.size:,} scalars is too large for elimination",
                "use reverse or forward",
            )
