"""What a graph costs to run, in predicted seconds: operations, bytes moved, and calls of a kernel.

A product of matrices runs near the machine's peak, an elementwise operation at the speed of memory,
and not even that where XLA fuses it into what reads it. The speeds are medians of warm calls under
`jax.jit` (JAX 0.10.2, float32, two cores of a server, several processes beside it), each of plain
JAX: `a @ b` of n = 256 to 1,024 (62 to 163e9 flops/s), `a @ v` and `sum(a)` of n = 2,000 (17 to
32e9 bytes/s read), `a + b` of that size (15e9 bytes/s, read and written), `a.T + 0` (2.5e9
bytes/s), `exp(a)` (0.8e9 elements/s, ten flops each by its record); a gather counts as a transpose,
a factorisation as 5e9 flops/s. Only their ratios decide, and a ratio of 1.2 is no promise.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphc.core.dim import Dim
from graphc.core.graph import LEAF_OPS, Graph, bodies
from graphc.core.node import Node
from graphc.core.type import TupleType, Type
from graphc.core.walk import topological_order_until
from graphc.ops.flow.inner import bodies_run


@dataclass(frozen=True, slots=True)
class Machine:
    """Speeds of a machine; only their ratios decide.

    Attributes:
        flops: operations a second in a matrix product, in 32 bits; in 64 bits half of it.
        moved: bytes a second between memory and processor.
        launch: seconds that starting one operation takes.
        scalar_flops: operations a second in an elementwise operation.
        strided: bytes a second where elements move to other places: transposes, gathers.
        factored: operations a second in a factorisation.
        cache: bytes that stay near the cores; 0 for a machine that wants long arrays.
        cached: bytes a second between these and a processor.
        fresh: bytes a second where an array is written that no cache holds: to new memory.
    """

    flops: float = 1e11
    moved: float = 2e10
    launch: float = 1e-6
    scalar_flops: float = 1e10
    strided: float = 5e9
    factored: float = 5e9
    cache: float = 2**21
    cached: float = 1e11
    fresh: float = 4e9


#: Two cores of a server, about; the ratios of a GPU differ less from it than sizes do.
USUAL = Machine()


def this_machine() -> Machine:
    """Returns the speeds of this machine's processor: each core brings a cache of its own."""
    return replace(USUAL, cache=2**20 * max(os.cpu_count() or 2, 2))


#: What a named size counts as where nobody has said.
UNKNOWN_SIZE = 128

#: Ops that cost nothing: they are given, or another view of the same elements.
_FREE = LEAF_OPS | {"constant", "number", "item", "reshape", "assume", "stop_gradient"}
#: Ops that XLA writes into whatever reads them, and those that read that way.
_FUSED = frozenset({"elementwise", "source"})
_READING = frozenset({"elementwise", "reduction"})
_SPREAD = frozenset({"broadcast_to", "slice"})
_VIEWS = _SPREAD | {"reshape", "assume", "stop_gradient"}
_GIVEN = LEAF_OPS | {"constant"}


def seconds(
    roots: Sequence[Node],
    sizes: Mapping[str, int] | None = None,
    machine: Machine = USUAL,
    given: Iterable[Node] = (),
) -> float:
    """Returns the predicted seconds of one run of a graph; shared parts count once.

    Args:
        roots: what is computed.
        sizes: numbers of named sizes.
        machine: the speeds.
        given: nodes that are there already and cost nothing.
    """
    return Prices(sizes, machine).of(roots, given)


class Prices:
    """Prices for one set of sizes: an element count is worked out once for each shape."""

    def __init__(self, sizes: Mapping[str, int] | None = None, machine: Machine = USUAL) -> None:
        self.sizes = dict(sizes or {})
        self.machine = machine
        self._counts: dict[Any, float] = {}
        self._graphs: dict[Graph, float] = {}

    def of(self, roots: Sequence[Node], given: Iterable[Node] = ()) -> float:
        """Returns the predicted seconds of the roots, where `given` is there already."""
        stop = dict.fromkeys(given)
        order = topological_order_until(roots, stop)
        stored = self.stored(order, roots)
        stored.update(stop)
        total = 0.0
        for node in order:
            total += self.node(node, node in stored, stored)
        return total

    def node(self, node: Node, is_stored: bool, stored: Mapping[Node, Any]) -> float:
        """Returns the seconds of one node.

        Args:
            node: what is computed.
            is_stored: whether its result goes to memory; else XLA fuses it into its readers.
            stored: the nodes that are read from memory.
        """
        op, machine = node.op, self.machine
        name, group = op.name, op.group
        if name in _FREE:
            return 0.0
        if node.op.group == "control" and bodies(node):
            return self._loop(node) + machine.launch
        taken = machine.launch if is_stored else 0.0
        if is_stored:
            taken += self.bytes(node.type) / machine.moved
        if name in _SPREAD or group == "source":
            return taken
        if name == "transpose" and not self._is_view(node):
            return taken + self.bytes(node.type) / machine.strided
        for arg in dict.fromkeys(node.args):
            taken += self._read(arg, stored) / machine.moved
        if group == "indexing":
            return taken + self.bytes(node.type) / machine.strided
        speed = machine.scalar_flops
        if group == "contraction":
            speed = machine.flops * min(1.0, 4.0 / self.width(node.type))
        elif group == "linalg":
            speed = machine.factored
        return taken + self.number(op.flops(node)) / speed

    def product(self, summed: float, left: float, right: float, made: float, width: float) -> float:
        """Returns the seconds of one product of two arrays.

        Args:
            summed: multiplications in it.
            left: elements of one operand.
            right: elements of the other.
            made: elements of the result.
            width: bytes of an element.
        """
        machine = self.machine
        moved = (left + right + made) * width / machine.moved
        speed = machine.flops * min(1.0, 4.0 / width)
        return 2 * summed / speed + moved + machine.launch

    def number(self, size: Any) -> float:
        """Returns a size as a number; a name nobody has bound counts as `UNKNOWN_SIZE`."""
        return number_of(size, self.sizes) if isinstance(size, Dim) else float(size)

    def elements(self, shape: Sequence[Any]) -> float:
        """Returns how many elements a shape has."""
        count = 1.0
        for size in shape:
            count *= self.number(size)
        return count

    def bytes(self, made: Type) -> float:
        """Returns the bytes of a value."""
        found = self._counts.get(made)
        if found is None:
            types = made.items if isinstance(made, TupleType) else (made,)
            found = sum([self.elements(t.shape) * self.width(t) for t in types])
            self._counts[made] = found
        return found

    @staticmethod
    def width(made: Any) -> float:
        """Returns the bytes of an element."""
        return (made.dtype.bits + 7) // 8

    def _read(self, node: Node, stored: Mapping[Node, Any]) -> float:
        """Returns the bytes that reading an operand takes: none where it is fused."""
        base = node
        while base not in stored and base.op.name in _VIEWS and base.args:
            base = base.args[0]
        if base not in stored and base.op.name not in _GIVEN:
            return 0.0
        whole = self.bytes(node.type)
        return whole if base is node else min(whole, self.bytes(base.type))

    def _is_view(self, node: Node) -> bool:
        """Tells whether a transpose moves nothing: all but one of the axes moved have size 1."""
        shape = node.args[0].type.shape
        wide = [a for a in node.params["axes"] if not (isinstance(shape[a], int) and shape[a] == 1)]
        return wide == sorted(wide)

    def stored(self, order: Sequence[Node], roots: Sequence[Node]) -> dict[Node, Any]:
        """Returns the nodes whose results go to memory: the rest is fused into what reads them."""
        stored: dict[Node, Any] = dict.fromkeys(roots)
        for node in order:
            reads = node.op.group in _READING or node.op.name in _VIEWS
            for arg in node.args:
                if not reads or not self._fuses(arg):
                    stored[arg] = None
        return stored

    @staticmethod
    def _fuses(node: Node) -> bool:
        name = node.op.name
        return node.op.group in _FUSED or name in _SPREAD or name == "transpose" or name in _FREE

    def _loop(self, node: Node) -> float:
        inner = bodies_run(node)
        if not inner:
            return sum([self._graph(graph) for graph in bodies(node)]) * 3
        parts = [self._graph(body.graph) * self.number(body.times) for body in inner]
        return max(parts) if node.op.name == "switch" else sum(parts)

    def _graph(self, graph: Graph) -> float:
        if graph not in self._graphs:
            self._graphs[graph] = self.of(graph.outputs)
        return self._graphs[graph]


def number_of(size: Any, sizes: Mapping[str, int] | None = None) -> float:
    """Returns a size as a number; a name nobody has bound counts as `UNKNOWN_SIZE`."""
    if not isinstance(size, Dim):
        return float(size)
    known = dict.fromkeys(size.names, UNKNOWN_SIZE)
    return float(size.value({**known, **(sizes or {})}))
