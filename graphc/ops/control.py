"""Sub-graph ops: `call` a block, `map` a block over a batch, and `item` of several results.

They carry a closed Graph as a parameter. Its derivative is a Graph again, made once per block and
called, so a block used many times is differentiated once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from graphc.core.errors import ArgumentError, ShapeError
from graphc.core.graph import Graph
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, make
from graphc.core.op import Jvp, Peer
from graphc.core.system import GRAPHC, PEERS, SYSTEMS, System
from graphc.core.type import Size, TensorType, TupleType, Type
from graphc.core.walk import topological_order
from graphc.ops.chain import broadcast_to
from graphc.ops.define import structural
from graphc.ops.logic import zeros_like
from graphc.ops.sweep import forward_sweep, reverse_sweep, rule_of

NO_FORMULA = "it carries a graph, not a scalar form"


# -- derivative graphs of a block ------------------------------------------------------------------

_derived: WeakKeyDictionary[Graph, dict[Any, Any]] = WeakKeyDictionary()


def remembered(build: Callable[..., Any]) -> Callable[..., Any]:
    """Keeps what `build(graph, ...)` returns for as long as the graph lives."""

    @functools.wraps(build)
    def get(graph: Graph, *key: Any) -> Any:
        known = _derived.setdefault(graph, {})
        if (build.__name__, key) not in known:
            known[build.__name__, key] = build(graph, *key)
        return known[build.__name__, key]

    return get


def fresh_formals(graph: Graph, like: Sequence[Node], mark: str) -> list[Node]:
    """Returns formals of the nodes' types whose names, the mark before theirs, are new."""
    taken = {n.params["name"] for n in graph.inputs}
    level = max([n.params.get("level", 0) for n in graph.inputs], default=0)
    made: list[Node] = []
    for position, node in enumerate(like):
        name = f"{mark}{node.params.get('name', position)}"
        while name in taken:
            name += "'"
        taken.add(name)
        made.append(apply_named("formal", name=name, type=node.type, level=level))
    return made


@remembered
def vjp_graph(
    graph: Graph, wanted: tuple[int, ...], seeded: tuple[int, ...], system: System
) -> Graph:
    """Returns the block's reverse pass as a block, by graphc's rules or another system's.

    Its inputs are the block's, then one adjoint for each output in `seeded`; its outputs the
    adjoints of the inputs in `wanted`.
    """
    outputs = [graph.outputs[i] for i in seeded]
    seeds = fresh_formals(graph, outputs, "∂")
    joined: dict[Node, Node] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        known = joined.get(output)
        joined[output] = seed if known is None else known + seed
    wrt = [graph.inputs[i] for i in wanted]
    adjoints = reverse_sweep(joined, wrt, rule_of(system))
    results = [or_zeros(adjoints.get(node), node) for node in wrt]
    return Graph([*graph.inputs, *seeds], results, f"{graph.name} backward")


@remembered
def jvp_graph(
    graph: Graph, moving: tuple[int, ...], rule: str, system: System
) -> tuple[Graph, tuple[int, ...]]:
    """Returns the block's forward pass as a block, and which outputs' tangents it gives.

    Its inputs are the block's, then one tangent for each input in `moving`. The rule is `"jvp"`,
    or `"bound"` for rounding errors; the derivatives are by graphc's rules or another system's.
    """
    sources = [graph.inputs[i] for i in moving]
    tangents = fresh_formals(graph, sources, "d")
    found = forward_sweep(graph.outputs, dict(zip(sources, tangents, strict=True)), rule, system)
    alive = tuple(i for i, t in enumerate(found) if t is not None)
    name = f"{graph.name} {'forward' if rule == 'jvp' else 'rounding'}"
    return Graph([*graph.inputs, *tangents], [found[i] for i in alive], name), alive


def or_zeros(value: Node | None, like: Node) -> Node:
    """Returns a value in the shape of another; zeros where it is structurally zero."""
    return zeros_like(like) if value is None else broadcast_to(value, like.shape)


def results_of(node: Node) -> list[Node]:
    """Returns the results of a sub-graph op one by one."""
    if isinstance(node.type, TupleType):
        return [make(item, (node,), {"index": i}) for i in range(len(node.type.items))]
    return [node]


def one_or_tuple(types: Sequence[TensorType]) -> Type:
    """Returns the type of an op of these results: the one type, or a tuple of several."""
    return types[0] if len(types) == 1 else TupleType(tuple(types))


def seeds_of(adjoint: Any) -> tuple[tuple[int, ...], list[Node]]:
    """Returns which results have an adjoint, and those adjoints."""
    parts = adjoint if isinstance(adjoint, tuple) else (adjoint,)
    present = [(i, a) for i, a in enumerate(parts) if a is not None]
    return tuple(i for i, _ in present), [a for _, a in present]


def spread_results(results: Sequence[Node], alive: Sequence[int], node: Node) -> Any:
    """Puts tangents back at the outputs they belong to; None elsewhere."""
    if not isinstance(node.type, TupleType):
        return results[0] if alive else None
    parts: list[Node | None] = [None] * len(node.type.items)
    for position, result in zip(alive, results, strict=True):
        parts[position] = result
    return tuple(parts)


def _item_infer(x: Type, index: int) -> TensorType:
    if not isinstance(x, TupleType):
        raise ArgumentError("item takes apart an op of several results")
    return x.items[index]


item = structural(
    "item",
    group="control",
    meet="none",
    infer=_item_infer,
    run=lambda xp, x, index: x[index],
    vjp="the sweep hands its adjoint to the op it takes apart",
    jvp="the sweep picks its tangent from the op it takes apart",
    latex="{0}_{{{index}}}",
    flops=lambda node: 0,
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: None,
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns one of the results of an op of several.",
)


def by_system(vjp: Callable[..., Any], pushed: Callable[..., Any]) -> dict[str, Peer]:
    """Returns a sub-graph op's rules for every other system: that system's own, in its body."""
    return {
        name: Peer(
            functools.partial(vjp, system=SYSTEMS[name]), pushed("jvp", system=SYSTEMS[name])
        )
        for name in PEERS
    }


def pushed_with(
    params: Callable[[Node, Sequence[int]], Mapping[str, Any]],
) -> Callable[..., Jvp]:
    """Returns the forward rule of an op that runs one block: the same op over the block's tangent.

    Args:
        params: `params(node, moving)`: the other parameters of the new node, which takes the
            node's operands and then a tangent for each operand in `moving`.

    Returns:
        `pushed(rule, system)`, which `jvp`, `bound` and `by_system` take.
    """

    def pushed(rule: str, system: System = GRAPHC) -> Jvp:
        def push(tangents: Sequence[Node | None], node: Node) -> Any:
            moving = tuple(i for i, t in enumerate(tangents) if t is not None)
            body, alive = jvp_graph(node.params["graph"], moving, rule, system)
            if not alive:
                return None
            given = [t for t in tangents if t is not None]
            full = [broadcast_to(t, node.args[i].shape) for t, i in zip(given, moving, strict=True)]
            made = make(node.op, (*node.args, *full), {**params(node, moving), "graph": body})
            return spread_results(results_of(made), alive, node)

        return push

    return pushed


# -- call ------------------------------------------------------------------------------------------


def _call_infer(*types: Type, graph: Graph) -> Type:
    if len(types) != len(graph.inputs):
        raise ArgumentError(f"{graph.name} takes {len(graph.inputs)} operands, not {len(types)}")
    for formal, t in zip(graph.inputs, types, strict=True):
        if formal.type != t:
            raise ShapeError(f"{graph.name} takes {describe(formal)}: {formal.type}, not {t}")
    return one_or_tuple([o.type for o in graph.outputs])


def _call_vjp(
    adjoint: Any, node: Node, wanted: Sequence[int], system: System = GRAPHC
) -> list[Node | None]:
    seeded, seeds = seeds_of(adjoint)
    body = vjp_graph(node.params["graph"], tuple(wanted), seeded, system)
    return list(results_of(make(call, (*node.args, *seeds), {"graph": body})))


_pushed = pushed_with(lambda node, moving: {})

call = structural(
    "call",
    group="control",
    meet="none",
    infer=_call_infer,
    run=lambda xp, *x, graph: xp.call(graph, x),
    vjp=_call_vjp,
    jvp=_pushed("jvp"),
    peers=by_system(_call_vjp, _pushed),
    latex=r"\operatorname{{{graph}}}({0})",
    flops=lambda node: sum_flops(node.params["graph"]),
    domain="where its block is defined",
    ulp=0.0,
    bound=_pushed("bound"),
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns what a block makes of the operands.",
)


@remembered
def sum_flops(graph: Graph) -> Any:
    """Returns the floating point operations of one run of a block."""
    total: Any = 0
    for node in topological_order(graph.outputs):
        total = total + node.op.flops(node)
    return total


# -- map -------------------------------------------------------------------------------------------


def _map_size(types: Sequence[TensorType], mapped: tuple[bool, ...]) -> Size:
    sizes = [t.shape[0] for t, m in zip(types, mapped, strict=True) if m]
    if any(s != sizes[0] for s in sizes):
        raise ShapeError(
            f"the mapped operands have {', '.join(str(s) for s in sizes)} entries",
            "give all of them one leading size",
        )
    return sizes[0]


def _map_infer(*types: TensorType, graph: Graph, mapped: tuple[bool, ...], chunk: int) -> Type:
    size = _map_size(types, mapped)
    for formal, t, m in zip(graph.inputs, types, mapped, strict=True):
        inner = TensorType(t.shape[1:], t.dtype) if m else t
        if formal.type != inner:
            raise ShapeError(f"{graph.name} takes {describe(formal)}: {formal.type}, not {inner}")
    return one_or_tuple([TensorType((size, *o.shape), o.dtype) for o in graph.outputs])


def _map_vjp(
    adjoint: Any, node: Node, wanted: Sequence[int], system: System = GRAPHC
) -> list[Node | None]:
    seeded, seeds = seeds_of(adjoint)
    mapped = node.params["mapped"]
    body = vjp_graph(node.params["graph"], tuple(wanted), seeded, system)
    params = {
        "graph": body,
        "mapped": (*mapped, *[True] * len(seeds)),
        "chunk": node.params["chunk"],
    }
    results = results_of(make(map_op, (*node.args, *seeds), params))
    return [
        r if mapped[i] else apply_named("sum", r, axis=(0,), keepdims=False)
        for r, i in zip(results, wanted, strict=True)
    ]


_map_pushed = pushed_with(
    lambda node, moving: {
        "mapped": (*node.params["mapped"], *[node.params["mapped"][i] for i in moving]),
        "chunk": node.params["chunk"],
    }
)


def _map_flops(node: Node) -> Any:
    types = [a.type for a in node.args]
    return _map_size(types, node.params["mapped"]) * sum_flops(node.params["graph"])


map_op = structural(
    "map",
    group="control",
    meet="none",
    infer=_map_infer,
    run=lambda xp, *x, graph, mapped, chunk: xp.map(graph, x, mapped, chunk),
    vjp=_map_vjp,
    jvp=_map_pushed("jvp"),
    peers=by_system(_map_vjp, _map_pushed),
    latex=r"\operatorname{{map}}_{{{graph}}}({0})",
    flops=_map_flops,
    domain="where its block is defined",
    ulp=0.0,
    bound=_map_pushed("bound"),
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns the results of a block for each entry of the mapped operands, stacked.",
)


def map_graph(
    graph: Graph, args: Sequence[Node], mapped: Sequence[bool], chunk: int = 0
) -> list[Node]:
    """Returns the results of a block over the leading axis of the mapped operands.

    Args:
        graph: the block; mapped inputs lack the leading axis.
        args: the operands.
        mapped: which operands are taken apart.
        chunk: how many entries are computed at once; 0 for all.
    """
    params = {"graph": graph, "mapped": tuple(mapped), "chunk": chunk}
    return results_of(make(map_op, tuple(args), params))
