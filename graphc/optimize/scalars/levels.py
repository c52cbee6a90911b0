"""Large graphs of scalars become one op that a small machine runs inside XLA: the family `levels`.

XLA compiles n scalar operations in a time that grows faster than n; the machine's loop compiles in
a time that does not grow with n. So where a graph has hundreds of elementwise operations of one
shape, they are taken together: everything between two operations of another kind is one block. A
call then costs as much as before at one point, and up to twice as much at many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from graphc.core.dim import Dim
from graphc.core.graph import LEAF_OPS, Graph, close_over
from graphc.core.node import Node, apply_named, as_node, make
from graphc.core.type import Shape, TensorType
from graphc.core.walk import rebuild, topological_order
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.control import results_of
from graphc.ops.flow.levelled import levelled
from graphc.ops.flow.placed import gather_placed
from graphc.optimize.equal_blocks.periods import stretches
from graphc.optimize.family import Context, Family
from graphc.optimize.price import number_of
from graphc.optimize.scalars.costs import FEWEST, load_of, weighed
from graphc.optimize.scalars.maps import with_maps
from graphc.optimize.scalars.members import INSIDE, Members, is_read, members_of

NAME, SCALARS_NAME = "levels", "scalars"

#: Blocks made of one graph at most.
_MOST = 64
#: Results of one block that are handed out one by one; more are packed into a vector.
_SINGLE = 8
#: One entry in so many read one by one: the vector goes in whole.
_DENSE = 4

#: Ops that stand beside scalars, and do not count among what else there is.
_BESIDE = frozenset(
    {
        "constant", "number", "input", "param", "formal", "slice", "reshape", "slice_transpose",
        "stack", "broadcast_to", "stop_gradient",
    }
)  # fmt: skip


def scalars(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns a graph that is mostly scalars with its blocks for the machine; others as they are.

    Every pass over a graph of 100,000 operations takes a second or so of Python. So this comes
    before the other families: they then look at one operation instead.
    """
    forced = SCALARS_NAME in context.forced
    roots = with_maps(roots, context, SCALARS_NAME)
    order = topological_order(roots)
    count = others = 0
    for node in order:
        if node.op.group == "elementwise":
            if node.type.shape:
                others += 1
            else:
                count += 1
        elif node.op.name not in _BESIDE:
            others += 1
    if not forced and (others >= count or _is_recurrence(order)):
        return list(roots)
    context.notes["scalars"] = True
    if count < (1 if forced else FEWEST):
        return list(roots)
    return _with_blocks(gather_placed(roots), (), context, SCALARS_NAME)


def _is_recurrence(order: Sequence[Node]) -> bool:
    """Tells whether it is the same few steps again and again, with nothing new in each of them.

    Then a loop is better: a step of it takes less than the machine's instructions, and it needs no
    table.
    """
    steps = [n.op for n in order if n.op.group == "elementwise"]
    if (len(order) - len(steps)) * 8 > len(order):
        return False
    numbers = {op: i for i, op in enumerate(dict.fromkeys(steps))}
    symbols = np.fromiter(map(numbers.__getitem__, steps), np.int64, len(steps))
    least = max(FEWEST, int(0.4 * len(steps)))
    return any(s.period * 8 <= least for s in stretches(symbols, least, 8))


def levels(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with their large scalar parts as blocks for the machine."""
    fewest = 1 if NAME in context.forced else FEWEST
    shapes = _shapes_of(topological_order(roots))
    if "scalars" in context.notes and NAME not in context.forced:
        shapes.pop((), None)  # they have been weighed
    if max(shapes.values(), default=0) < fewest:
        return list(roots)
    made = gather_placed(roots)
    if any(new is not old for new, old in zip(made, roots, strict=True)):
        shapes = _shapes_of(topological_order(made))
    for shape in [s for s, count in shapes.items() if count >= fewest]:
        made = _with_blocks(made, shape, context, NAME)
    return made


def _shapes_of(order: Sequence[Node]) -> dict[Shape, int]:
    """Returns how many elementwise operations there are of each shape that a block can have."""
    found: dict[Shape, int] = {}
    for node in order:
        if node.op.group == "elementwise":
            shape = node.type.shape
            found[shape] = found.get(shape, 0) + 1
    return {s: c for s, c in found.items() if len(s) < 2 or all(isinstance(n, int) for n in s)}


def _with_blocks(roots: Sequence[Node], shape: Shape, context: Context, name: str) -> list[Node]:
    members = members_of(topological_order(roots), shape)
    stages = members.stages
    least = 1 if name in context.forced else FEWEST
    large = [level for level, nodes in stages.items() if len(nodes) >= least]
    large = sorted(sorted(large, key=lambda level: -len(stages[level]))[:_MOST])
    replace: dict[Node, Node] = {}
    outside = _used_outside(members, roots)
    for level in large:
        block = _Block(stages[level], shape, outside.get(level, []))
        if block.outputs and block.pays(context, name):
            replace.update(block.replaced(replace))
    return rebuild(roots, replace) if replace else list(roots)


def _used_outside(members: Members, roots: Sequence[Node]) -> dict[int, list[Node]]:
    """Returns for each stage the members that others read, or stacks of nothing but members."""
    inside, late = members.inside, members.late
    found: dict[int, dict[Node, None]] = {}
    for root in roots:
        if root in inside:
            found.setdefault(late.get(root, 0), {})[root] = None
    for node in members.rest:
        if node in inside:
            for arg in node.args:
                if arg in inside and late.get(arg, 0) != late[node]:
                    found.setdefault(late.get(arg, 0), {})[arg] = None
            continue
        read = [a for a in node.args if a in inside]
        if _is_stack(node, inside) and len({late.get(a, 0) for a in read}) == 1:
            found.setdefault(late.get(read[0], 0), {})[node] = None
        else:
            for arg in read:
                found.setdefault(late.get(arg, 0), {})[arg] = None
    return {level: list(nodes) for level, nodes in found.items()}


def _is_stack(node: Node, member: set[Node]) -> bool:
    if node.op.name != "stack" or node.args[0].type.shape or len(node.args) < _SINGLE:
        return False
    return any(a in member for a in node.args) and all(
        a in member or a.op.name in INSIDE or is_read(a) for a in node.args
    )


class _Block:
    """The members of one stage: what they read, what others read of them."""

    def __init__(self, nodes: Sequence[Node], shape: Shape, outputs: Sequence[Node]) -> None:
        self.nodes = nodes
        self.shape = shape
        self.outputs = list(outputs)

    def pays(self, context: Context, name: str) -> bool:
        """Weighs compiling and running them one by one against the machine."""
        points = math.prod([number_of(s, context.sizes) for s in self.shape])
        load = load_of([n for n in self.nodes if n.op.group == "elementwise"])
        return weighed(context, name, load, points, self.shape, self.nodes[-1].place)

    def replaced(self, earlier: Mapping[Node, Node]) -> dict[Node, Node]:
        """Returns the block's results for the nodes that others read."""
        singles = [n for n in self.outputs if n.op.name != "stack"]
        packs = _packs(singles) if not self.shape else []
        packed = {n for pack in packs for n in pack}
        rest = [n for n in self.outputs if n not in packed]
        outputs = [*rest, *[apply_named("stack", *pack, axis=0) for pack in packs]]
        graph, args = self._scalar(outputs) if not self.shape else self._mapped(outputs)
        mapped = tuple(bool(self.shape) and a.type.shape != () for a in args)
        results = results_of(
            make(levelled, tuple(rebuild(args, earlier)), {"graph": graph, "mapped": mapped})
        )
        found = dict(zip(rest, results, strict=False))
        if any(mapped):
            found = {n: reshape(r, n.type.shape) for n, r in found.items()}
        else:  # of arrays it may read nothing but repeated numbers
            found = {n: broadcast_to(r, n.type.shape) for n, r in found.items()}
        for pack, result in zip(packs, results[len(rest) :], strict=True):
            for i, node in enumerate(pack):
                cut = make_slice(result, i)
                found[node] = reshape(cut, ())
        return found

    def _scalar(self, outputs: Sequence[Node]) -> tuple[Graph, list[Node]]:
        """Returns a block of scalars as a graph, and what to call it with."""
        inside = set(self.nodes)
        scalars: dict[Node, None] = {}
        reads: dict[Node, list[Node]] = {}
        packed = [a for o in outputs if o.op.name == "stack" for a in o.args]
        for arg in [*[a for n in self.nodes for a in n.args], *packed]:
            if arg in inside or arg.op.name in INSIDE:
                continue
            if is_read(arg):
                reads.setdefault(arg.args[0].args[0], []).append(arg)
            else:
                scalars[arg] = None
        cut: list[Node] = [n for n in scalars if n.op.name not in LEAF_OPS]
        given: dict[Node, Node] = {}  # what a gather of the entries stands for
        for whole, found in reads.items():
            entries = list(dict.fromkeys(found))
            if len(entries) * _DENSE >= whole.type.size:
                if whole.op.name not in LEAF_OPS:
                    cut.append(whole)
            elif len(entries) >= _SINGLE:
                part, names = _gathered(whole, entries)
                given.update(names)
                cut.append(part)
            else:
                cut += entries
        if given:
            outputs = rebuild(outputs, given)
        if not cut:
            inputs = [n for n in topological_order(outputs) if n.op.name in LEAF_OPS]
            return Graph(inputs, outputs, "scalars"), inputs
        graph, others = close_over(outputs, cut, "scalars")
        return graph, [*cut, *others]

    def _mapped(self, outputs: Sequence[Node]) -> tuple[Graph, list[Node]]:
        """Returns a block on arrays of one shape as a graph of scalars, and its operands."""
        done: dict[Node, Node] = {}
        inside = set(self.nodes)
        formals: list[Node] = []
        args: list[Node] = []
        for node in self.nodes:
            for arg in node.args:
                if arg in done or arg in inside:
                    continue
                if arg.op.name in INSIDE and not arg.type.shape:
                    done[arg] = arg
                    continue
                formal = apply_named(
                    "formal", name=f"v{len(args)}", type=TensorType((), arg.type.dtype), level=0
                )
                done[arg] = formal
                formals.append(formal)
                args.append(arg)
            if node.op.group == "elementwise":
                done[node] = make(node.op, tuple([done[a] for a in node.args]), node.params)
            else:
                done[node] = done[node.args[0]]
        graph = Graph(formals, [done[o] for o in outputs], "scalars")
        size = (
            self.shape[0] if len(self.shape) == 1 else math.prod(number_of(s) for s in self.shape)
        )
        flat = [
            reshape(a, (size if isinstance(size, Dim) else int(size),)) if a.type.shape else a
            for a in args
        ]
        return graph, flat


def _packs(nodes: Sequence[Node]) -> list[list[Node]]:
    """Returns results of one type that are so many that they are handed out in one vector."""
    by_type: dict[str, list[Node]] = {}
    for node in nodes:
        by_type.setdefault(node.type.dtype.name, []).append(node)
    return [found for found in by_type.values() if len(found) > _SINGLE]


def _gathered(whole: Node, entries: Sequence[Node]) -> tuple[Node, dict[Node, Node]]:
    """Returns a vector of the entries read, and each entry as read from that."""
    flat = [_flat_index(e) for e in entries]
    part = apply_named(
        "gather", reshape(whole, (whole.type.size,)), as_node(np.asarray(flat, np.int32)), axis=0
    )
    return part, {e: reshape(make_slice(part, i), ()) for i, e in enumerate(entries)}


def _flat_index(read: Node) -> int:
    cut = read.args[0]
    flat = 0
    for size, bound in zip(cut.args[0].type.shape, cut.params["bounds"], strict=True):
        flat = flat * size + (0 if bound is None else bound[0])
    return flat


def make_slice(vector: Node, index: int) -> Node:
    """Returns entry `index` of a vector, as a vector of one element."""
    return apply_named("slice", vector, bounds=((index, index + 1, 1),))


LEVELS = Family(
    NAME,
    "a large graph of scalars becomes one loop over a table of instructions",
    "everywhere: the same operations on the same operands",
    levels,
)
SCALARS = Family(
    SCALARS_NAME,
    "a graph of mostly scalars becomes one loop over a table of instructions, first of all",
    "everywhere: the same operations on the same operands",
    scalars,
)
