"""What a graph costs: nodes against the written-out tree, flops, bytes, depth; nothing is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.calls import guarded
from graphc.core.dim import Dim, size_value
from graphc.core.errors import ArgumentError
from graphc.core.graph import LEAF_OPS, Graph, bodies
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.type import Size, TupleType, Type, element_count
from graphc.core.walk import topological_order
from graphc.measure import size as sizes_of
from graphc.measure.size import Count
from graphc.ops.flow.inner import bodies_run

#: JAX's derivative of a block costs about three runs of it: forward, and backward twice that.
_REFEREE_RUNS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """What a graph costs, from its records alone.

    Attributes:
        nodes: nodes of the graph and of its blocks, each block once.
        edges: operands of all of them.
        tree_size: nodes of the expression written out without sharing and with every block put in
            its place (a loop or choice counts as one operation): an exact int below 2**20000, from
            there on its base-2 logarithm as a float.
        flops: floating point operations of one run, a block as often as it is called, of several
            branches the dearest one, of a while loop as many steps as its bound allows or one; a
            Dim where a size is named and not given.
        bytes: read and written if every op reads its operands from memory and writes its result
            (an upper estimate: XLA fuses); a Dim likewise.
        depth: operations on the longest path, blocks gone through, a loop as often as it runs (once
            where nobody knows).
        counts: how often each op is there, by name, in the order of the names; blocks once.
    """

    nodes: int
    edges: int
    tree_size: Count
    flops: Size
    bytes: Size
    depth: int
    counts: Mapping[str, int]

    @property
    def tree_log2(self) -> float:
        """The base-2 logarithm of the tree size."""
        return sizes_of.log2(self.tree_size)

    @property
    def swell(self) -> float:
        """Tree size over nodes, as a base-2 logarithm: 0 where nothing is shared."""
        return self.tree_log2 - sizes_of.log2(self.nodes)

    def __str__(self) -> str:
        return (
            f"{self.nodes:,} nodes, {self.edges:,} edges, tree {sizes_of.show(self.tree_size)}, "
            f"depth {self.depth:,}, {_shown(self.flops)} flops, {_shown(self.bytes)} bytes"
        )


@guarded("cost")
def cost(outputs: Any, sizes: Mapping[str, int] | None = None) -> Cost:
    """Returns what a graph costs.

    Args:
        outputs: a node or a nest of nodes.
        sizes: numbers for named sizes; without them flops and bytes are formulas in the names.

    Raises:
        ArgumentError: an output is no node.
        DimError: sizes are given, but not all that are needed.
    """
    nodes, _ = flatten(outputs)
    for node in nodes:
        if not isinstance(node, Node):
            raise ArgumentError(f"{node!r} is no graph value", "cost takes nodes")
    meter = _Meter()
    whole = meter.measure(nodes)
    counts = {name: meter.counts[name] for name in sorted(meter.counts)}
    tree: Count = 0
    for part in meter.trees(nodes):
        tree = sizes_of.add(tree, part)
    flops, moved = whole.flops, whole.bytes
    if sizes is not None:
        flops, moved = size_value(flops, sizes), size_value(moved, sizes)
    return Cost(sum(counts.values()), meter.edges, tree, flops, moved, whole.depth, counts)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a graph: flops, bytes, longest path."""

    flops: Size
    bytes: Size
    depth: int


#: A tree size that depends on the operands: the constant part, and how often each stands in it.
_Affine = tuple[Count, dict[int, Count]]


def _dearest(runs: Sequence[_Run]) -> _Run:
    """Returns the dearest branch, of which one is run; with named sizes, all of them together."""
    depth = max([run.depth for run in runs])
    parts = ([run.flops for run in runs], [run.bytes for run in runs])
    if all(isinstance(v, int) for part in parts for v in part):
        return _Run(max(parts[0]), max(parts[1]), depth)  # pyright: ignore[reportArgumentType]
    return _Run(_joined(runs).flops, _joined(runs).bytes, depth)


def _joined(runs: Sequence[_Run]) -> _Run:
    """Returns a step of a loop: its test and its body."""
    flops: Size = 0
    moved: Size = 0
    for run in runs:
        flops, moved = run.flops + flops, run.bytes + moved
    return _Run(flops, moved, sum([run.depth for run in runs]))


class _Meter:
    """Measures a graph and, once each, the blocks in it; it enters a block by a call, 100 deep."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.edges = 0
        self._runs: dict[Graph, _Run] = {}
        self._forms: dict[Graph, list[_Affine]] = {}

    # -- one run ----------------

    def measure(self, roots: Sequence[Node]) -> _Run:
        """Returns the cost of one run, and counts the nodes."""
        # Equal sizes are gathered first: adding formulas in names a million times would be slow.
        flops: dict[Size, Size] = {}
        moved: dict[tuple[Size, int], Size] = {}
        depth: dict[Node, int] = {}
        counts = self.counts
        deepest = 0
        for node in topological_order(roots):
            name = node.op.name
            counts[name] = counts.get(name, 0) + 1
            args = node.args
            if not args and name in _GIVEN:
                depth[node] = 0
                continue
            self.edges += len(args)
            below = max([depth[a] for a in args], default=0)
            inner, times = self._inner(node)
            if inner is None:
                used = node.op.flops(node)
                flops[used] = flops.get(used, 0) + 1
                for t in [node.type, *[a.type for a in args]]:
                    _gather(moved, t)
                depth[node] = below + (0 if name == "item" else 1)
            else:
                flops[inner.flops] = flops.get(inner.flops, 0) + times
                moved[inner.bytes, 1] = moved.get((inner.bytes, 1), 0) + times
                loop = name in ("scan", "while_loop")
                steps = times if loop and isinstance(times, int) else 1
                depth[node] = below + inner.depth * steps
            deepest = max(deepest, depth[node])
        total_flops: Size = 0
        for used, times in flops.items():
            total_flops = used * times + total_flops
        total_bytes: Size = 0
        for (count, width), times in moved.items():
            total_bytes = count * (width * times) + total_bytes
        return _Run(total_flops, total_bytes, deepest)

    def _inner(self, node: Node) -> tuple[_Run | None, Size]:
        """Returns a block's run and how often it is done; None for a block that is not run."""
        runs = [self._run(graph) for graph in bodies(node)]
        inner = bodies_run(node)
        if inner:
            made = [self._run(body.graph) for body in inner]
            if node.op.name == "switch":
                return _dearest(made), 1
            return _joined(made), inner[0].times
        if node.op.name in ("jax_vjp", "jax_jvp"):
            return runs[0], _REFEREE_RUNS
        return None, 1

    def _run(self, graph: Graph) -> _Run:
        if graph not in self._runs:
            self._runs[graph] = self.measure(graph.outputs)
        return self._runs[graph]

    # -- the written-out tree ----------------

    def trees(self, roots: Sequence[Node]) -> list[Count]:
        """Returns the size of each root's expression, written out in full."""
        found: dict[Node, Any] = {}
        for node in topological_order(roots):
            form = self._form(node)
            if form is not None:
                parts = [_filled(part, [found[a] for a in node.args]) for part in form]
                found[node] = parts if isinstance(node.type, TupleType) else parts[0]
                continue
            if node.op.name == "item":
                found[node] = found[node.args[0]][node.params["index"]]
                continue
            total: Count = 1
            for arg in node.args:
                part = found[arg]
                if isinstance(part, list):
                    part = _sum(part)
                # Small integers are nearly all there is: they are added without a call.
                total = (
                    total + part if type(part) is type(total) is int else sizes_of.add(total, part)
                )
            if node.op.name in ("jax_vjp", "jax_jvp"):  # at least the graph that JAX differentiates
                total = sizes_of.add(total, _sum(self.trees(node.params["graph"].outputs)))
            if isinstance(total, int) and total.bit_length() > sizes_of.EXACT_BITS:
                total = sizes_of.log2(total)
            count = len(node.type.items) if isinstance(node.type, TupleType) else 0
            found[node] = [total] * count if count else total
        return [_sum(v) if isinstance(v, list) else v for v in (found[root] for root in roots)]

    def _form(self, node: Node) -> list[_Affine] | None:
        if node.op.name not in ("call", "map", "recompute", "custom"):
            return None
        graph: Graph = node.params["graph"]
        if graph not in self._forms:
            self._forms[graph] = self._forms_of(graph)
        return self._forms[graph]

    def _forms_of(self, graph: Graph) -> list[_Affine]:
        """Returns each output's tree size as a function of the inputs'."""
        found: dict[Node, Any] = {}
        for position, formal in enumerate(graph.inputs):
            found[formal] = (0, {position: 1})
        for node in topological_order(graph.outputs):
            if node in found:
                continue
            if node.op.name == "item":
                found[node] = found[node.args[0]][node.params["index"]]
                continue
            form = self._form(node)
            args = [found[a] for a in node.args]
            if form is None:
                made = _combined((1, dict.fromkeys(range(len(args)), 1)), args)
                count = len(node.type.items) if isinstance(node.type, TupleType) else 0
                found[node] = [made] * count if count else made
            else:
                parts = [_combined(part, args) for part in form]
                found[node] = parts if isinstance(node.type, TupleType) else parts[0]
        return [found[output] for output in graph.outputs]


#: Leaves: they are nodes, but nothing is computed for them.
_GIVEN = LEAF_OPS | {"constant", "number"}


def _filled(form: _Affine, args: Sequence[Count]) -> Count:
    total, factors = form
    for position, times in factors.items():
        total = sizes_of.add(total, sizes_of.multiply(times, args[position]))
    return total


def _combined(form: _Affine, args: Sequence[_Affine]) -> _Affine:
    total, factors = form
    result: dict[int, Count] = {}
    for position, times in factors.items():
        constant, inner = args[position]
        total = sizes_of.add(total, sizes_of.multiply(times, constant))
        for key, count in inner.items():
            more = sizes_of.multiply(times, count)
            result[key] = sizes_of.add(result[key], more) if key in result else more
    return total, result


def _sum(parts: Sequence[Count]) -> Count:
    total: Count = 0
    for part in parts:
        total = sizes_of.add(total, part)
    return total


def _gather(moved: dict[tuple[Size, int], Size], made: Type) -> None:
    for t in made.items if isinstance(made, TupleType) else (made,):
        key = (element_count(t.shape), (t.dtype.bits + 7) // 8)
        moved[key] = moved.get(key, 0) + 1


def _shown(count: Size) -> str:
    return f"({count})" if isinstance(count, Dim) else f"{count:,}"
