"""What no later step of a scan needs is computed after it, for all steps at once.

A loop's stacked results are often made of its carries by operations that no carry waits for: an
output layer over every hidden state, a loss, the slopes that the backward pass will read. They are
taken out: the loop stacks what they are made of, and a map over the steps makes them. One product
of matrices then stands where each step had its own, and one elementwise operation over long arrays
where each step had a start of its own. A carry that only adds up small terms is their sum, taken
after the loop too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from graphc.core.graph import Graph
from graphc.core.node import Node, make
from graphc.core.type import TensorType, TupleType
from graphc.core.walk import depends_on, rebuild, topological_order, topological_order_until
from graphc.ops.control import fresh_formals, item, map_graph, results_of
from graphc.ops.flow.join import join_loops
from graphc.ops.flow.scan import scan_op
from graphc.ops.reduction import sum as reduce_sum
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import with_scans
from graphc.optimize.price import Prices

NAME = "after the loop"

#: Elements up to which a value of one step counts as small: computed again rather than stacked.
_SMALL = 256
#: Ops that cost next to nothing.
_CHEAP = frozenset({"slice", "reshape", "transpose", "broadcast_to", "concat", "stack", "cast"})
#: What starting an operation takes within a loop, of what it takes alone (XLA on a CPU).
_WITHIN = 0.2
#: Numbers that may be stacked beyond those that are stacked as it is.
_MORE = 2**24
#: What a rewrite must gain: predicted ratios nearer to 1 mean nothing.
_GAIN = 0.95
#: Ops that may stand in a map: plain array functions.
_GROUPS = frozenset({"elementwise", "shape", "reduction", "contraction", "source", "indexing"})


def after_loops(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with every scan relieved of what its carries do not wait for."""
    if not any(n.op is scan_op for n in topological_order(roots)):
        return list(roots)
    roots = join_loops(roots)
    order = topological_order(roots)
    used: dict[Node, set[int]] = {}
    for node in order:
        if node.op is item and node.args[0].op is scan_op:
            used.setdefault(node.args[0], set()).add(node.params["index"])
    launch = context.machine.launch * _WITHIN
    prices = Prices(context.sizes, replace(context.machine, launch=launch))

    def change(made: Node, node: Node) -> Mapping[int, Node] | None:
        return _taken_out(made, used[node], prices, context) if node in used else None

    return with_scans(roots, change)


@dataclass(slots=True)
class _Parts:
    """A body apart: what each step stacks, and what is made of that for all steps at once."""

    stored: list[Node]
    read: list[int]
    results: list[int]


def _taken_out(
    node: Node, used: set[int], prices: Prices, context: Context
) -> Mapping[int, Node] | None:
    """Returns the results that are used, by their place; None where the loop stays as it is."""
    if not isinstance(node.type, TupleType):
        return None
    graph: Graph = node.params["graph"]
    carries, scanned = node.params["carries"], node.params["scanned"]
    length = prices.number(node.params["length"])
    sums = _sums(graph, carries, used) if context.memory is None else {}
    parts = _apart(graph, carries, scanned, used, sums)
    if parts is None:
        return None
    more = sum(map(_size, parts.stored)) - sum(
        [_size(graph.outputs[i]) for i in used if i >= carries]
    )
    if more * length > _MORE:
        return None
    left = [i for i in range(carries) if i not in sums]
    loop = Graph(
        [n for i, n in enumerate(graph.inputs) if i not in sums],
        [*[graph.outputs[i] for i in left], *parts.stored],
        f"{graph.name} without the rest",
    )
    formals = fresh_formals(graph, parts.stored, "s")
    ends = [sums[i] if i in sums else graph.outputs[i] for i in parts.results]
    outputs = rebuild(ends, dict(zip(parts.stored, formals, strict=True)))
    inputs = [*formals, *[graph.inputs[i] for i in parts.read]]
    rest = Graph(inputs, outputs, f"{graph.name} after")

    dropped = [o for i, o in enumerate(graph.outputs) if i < carries or i in used]
    before = prices.of(dropped) * length
    free = Prices(context.sizes, replace(context.machine, launch=0.0))
    starts = len([n for n in topological_order(outputs) if n.args]) * context.machine.launch
    after = prices.of(loop.outputs) * length + free.of(outputs) * length + starts
    if NAME not in context.forced and not after < _GAIN * before:
        return None
    words = f"{graph.name}: {len(parts.results)} results made in each of its steps"
    if not context.weigh(NAME, words, "made after it", before, after, place=node.place):
        return None

    kept = [n for i, n in enumerate(node.args) if i not in sums]
    changed = {**node.params, "graph": loop, "carries": len(left)}
    stacked = results_of(make(node.op, tuple(kept), changed))
    mapped = [True] * len(formals) + [carries <= i < carries + scanned for i in parts.read]
    args = [*stacked[len(left) :], *[node.args[i] for i in parts.read]]
    found: dict[int, Node] = dict(zip(left, stacked, strict=False))
    for i, made in zip(parts.results, map_graph(rest, args, mapped), strict=True):
        found[i] = made if i not in sums else node.args[i] + reduce_sum(made, axis=0)
    place = {n: k for k, n in enumerate(parts.stored)}
    for i in used:
        if i not in found:
            end = sums[i] if i in sums else graph.outputs[i]
            whole = stacked[len(left) + place[end]]
            found[i] = node.args[i] + reduce_sum(whole, axis=0) if i in sums else whole
    return found


def _sums(graph: Graph, carries: int, used: set[int]) -> dict[int, Node]:
    """Returns, for each carry that only adds up small terms, the term of a step."""
    count: dict[Node, int] = {}
    for node in topological_order(graph.outputs):
        for arg in node.args:
            count[arg] = count.get(arg, 0) + 1
    for output in graph.outputs:
        count[output] = count.get(output, 0) + 1
    found: dict[int, Node] = {}
    for i in range(carries):
        carry, output = graph.inputs[i], graph.outputs[i]
        if i not in used or output.op.name != "add" or count[output] != 1 or count[carry] != 1:
            continue
        terms = [a for a in output.args if a is not carry]
        fits = len(terms) == 1 and terms[0].type == carry.type and terms[0].type.dtype.is_float
        if fits and _size(carry) <= _SMALL:
            found[i] = terms[0]
    return found


def _apart(
    graph: Graph, carries: int, scanned: int, used: set[int], sums: Mapping[int, Node]
) -> _Parts | None:
    inputs = graph.inputs
    outputs = [sums.get(i, output) for i, output in enumerate(graph.outputs)]
    wanted = [i for i in sorted(used) if i >= carries or i in sums]
    if not wanted:
        return None
    loop = set(topological_order([outputs[i] for i in range(carries) if i not in sums]))
    ends = [outputs[i] for i in wanted]
    varying = depends_on(topological_order(ends), inputs[: carries + scanned])
    outside = {n: i for i, n in enumerate(inputs) if i >= carries}
    if not all(n in varying and isinstance(n.type, TensorType) for n in ends):
        return None
    stop = dict.fromkeys((*loop, *inputs))
    rest = topological_order_until(ends, stop)
    if any(n.op.group not in _GROUPS for n in rest):
        return None
    # What the rest reads of the loop is stacked, and results that the loop makes anyway.
    stored = {n: None for n in ends if n in loop and n not in outside}
    for n in rest:
        stored.update({a: None for a in n.args if a in stop and a not in outside})
    kept = _fewest(list(stored), set(outside))
    if any(not isinstance(n.type, TensorType) for n in kept):
        return None
    known = set(kept)
    results = [i for i in wanted if outputs[i] not in known]
    if not results:
        return None
    made = topological_order_until([outputs[i] for i in results], dict.fromkeys([*kept, *inputs]))
    if not kept or any(n.op.group not in _GROUPS for n in made):
        return None
    present = {a for n in made for a in n.args} | {outputs[i] for i in results}
    return _Parts(kept, [i for n, i in outside.items() if n in present], results)


def _fewest(stored: Sequence[Node], given: set[Node]) -> list[Node]:
    """Returns what to stack so that all that is wanted can be made of it.

    A small value that one elementwise operation makes of one that is no larger is made again, and
    slices give way to the whole they are cut from.
    """
    order = topological_order(stored)
    position = {n: i for i, n in enumerate(order)}
    kept = set(stored)
    queue = sorted(kept, key=lambda n: position[n])
    while queue:
        node = queue.pop()
        if node not in kept or not node.args or not _is_small(node):
            continue
        more = [a for a in dict.fromkeys(node.args) if a not in kept and a not in given]
        more = [a for a in more if a.op.name != "constant"]
        if not more or (len(more) == 1 and _size(more[0]) <= _size(node)):
            kept.discard(node)
            kept.update(more)
            queue = sorted([*queue, *more], key=lambda n: position[n])
    slices: dict[Node, list[Node]] = {}
    for node in sorted(kept, key=lambda n: position[n]):
        if node.op.name == "slice" and node.args[0] not in given:
            slices.setdefault(node.args[0], []).append(node)
    for whole, parts in slices.items():
        if whole in kept or (len(parts) > 1 and sum(map(_size, parts)) >= _size(whole)):
            kept.difference_update(parts)
            kept.add(whole)
    return sorted(kept, key=lambda n: position[n])


def _is_small(node: Node) -> bool:
    cheap = node.op.name in _CHEAP or node.op.group == "elementwise"
    return cheap and isinstance(node.type, TensorType) and _size(node) <= _SMALL


def _size(node: Node) -> float:
    count = 1.0
    assert isinstance(node.type, TensorType)
    for size in node.type.shape:
        count *= size if isinstance(size, int) else 1e9
    return count


AFTER_LOOP = Family(
    name=NAME,
    doc="what no later step of a scan needs is computed after it, for all steps at once",
    valid="results of a scan that no carry is made of, by operations on arrays: the same ones on "
    "the same numbers; sums in another order, within the bound of any order",
    apply=after_loops,
)
