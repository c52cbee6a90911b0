"""Sub-graph ops: `call` a block, `map` a block over a batch, and the JAX referee's two.

They carry a closed Graph as a parameter. Its derivative is a Graph again, made once per block and
called, so a block used many times is differentiated once.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from graphc.core.calls import guarded
from graphc.core.const import freeze
from graphc.core.dim import Dim
from graphc.core.dtype import DType
from graphc.core.errors import ArgumentError, DTypeError, ShapeError
from graphc.core.graph import Graph, close_over, trace, trace_once
from graphc.core.node import Node, apply_named, as_node, describe, make, public
from graphc.core.op import Op
from graphc.core.tree import flatten
from graphc.core.type import Size, TensorType, TupleType, Type
from graphc.core.walk import rebuild, topological_order
from graphc.ops.chain import broadcast_to
from graphc.ops.define import structural
from graphc.ops.logic import zeros_like
from graphc.ops.sweep import forward_sweep, reverse_sweep

_NO_FORMULA = "it carries a graph, not a scalar form"


# -- derivative graphs of a block ------------------------------------------------------------------

_derived: WeakKeyDictionary[Graph, dict[Any, Any]] = WeakKeyDictionary()


def _remembered(build: Callable[..., Any]) -> Callable[..., Any]:
    """Keeps what `build(graph, ...)` returns for as long as the graph lives."""

    @functools.wraps(build)
    def get(graph: Graph, *key: Any) -> Any:
        known = _derived.setdefault(graph, {})
        if (build.__name__, key) not in known:
            known[build.__name__, key] = build(graph, *key)
        return known[build.__name__, key]

    return get


def _fresh_formals(graph: Graph, like: Sequence[Node], mark: str) -> list[Node]:
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


@_remembered
def vjp_graph(graph: Graph, wanted: tuple[int, ...], seeded: tuple[int, ...]) -> Graph:
    """Returns the block's reverse pass as a block.

    Its inputs are the block's, then one adjoint for each output in `seeded`; its outputs the
    adjoints of the inputs in `wanted`.
    """
    outputs = [graph.outputs[i] for i in seeded]
    seeds = _fresh_formals(graph, outputs, "∂")
    joined: dict[Node, Node] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        known = joined.get(output)
        joined[output] = seed if known is None else known + seed
    wrt = [graph.inputs[i] for i in wanted]
    adjoints = reverse_sweep(joined, wrt)
    results = [_or_zeros(adjoints.get(node), node) for node in wrt]
    return Graph([*graph.inputs, *seeds], results, f"{graph.name} backward")


@_remembered
def jvp_graph(graph: Graph, moving: tuple[int, ...], rule: str) -> tuple[Graph, tuple[int, ...]]:
    """Returns the block's forward pass as a block, and which outputs' tangents it gives.

    Its inputs are the block's, then one tangent for each input in `moving`. The rule is `"jvp"`,
    or `"bound"` for rounding errors.
    """
    sources = [graph.inputs[i] for i in moving]
    tangents = _fresh_formals(graph, sources, "d")
    found = forward_sweep(graph.outputs, dict(zip(sources, tangents, strict=True)), rule)
    alive = tuple(i for i, t in enumerate(found) if t is not None)
    name = f"{graph.name} {'forward' if rule == 'jvp' else 'rounding'}"
    return Graph([*graph.inputs, *tangents], [found[i] for i in alive], name), alive


def _or_zeros(value: Node | None, like: Node) -> Node:
    return zeros_like(like) if value is None else broadcast_to(value, like.shape)


def results_of(node: Node) -> list[Node]:
    """Returns the results of a sub-graph op one by one."""
    if isinstance(node.type, TupleType):
        return [make(item, (node,), {"index": i}) for i in range(len(node.type.items))]
    return [node]


def _one_or_tuple(types: Sequence[TensorType]) -> Type:
    return types[0] if len(types) == 1 else TupleType(tuple(types))


def _seeds(adjoint: Any) -> tuple[tuple[int, ...], list[Node]]:
    parts = adjoint if isinstance(adjoint, tuple) else (adjoint,)
    present = [(i, a) for i, a in enumerate(parts) if a is not None]
    return tuple(i for i, _ in present), [a for _, a in present]


def _spread_results(results: Sequence[Node], alive: Sequence[int], node: Node) -> Any:
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
    formula=_NO_FORMULA,
    doc="Returns one of the results of an op of several.",
)


# -- call ------------------------------------------------------------------------------------------


def _call_infer(*types: Type, graph: Graph) -> Type:
    if len(types) != len(graph.inputs):
        raise ArgumentError(f"{graph.name} takes {len(graph.inputs)} operands, not {len(types)}")
    for formal, t in zip(graph.inputs, types, strict=True):
        if formal.type != t:
            raise ShapeError(f"{graph.name} takes {describe(formal)}: {formal.type}, not {t}")
    return _one_or_tuple([o.type for o in graph.outputs])


def _call_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    seeded, seeds = _seeds(adjoint)
    body = vjp_graph(node.params["graph"], tuple(wanted), seeded)
    return list(results_of(make(call, (*node.args, *seeds), {"graph": body})))


def _pushed(rule: str) -> Callable[[Sequence[Node | None], Node], Any]:
    def push(tangents: Sequence[Node | None], node: Node) -> Any:
        moving = tuple(i for i, t in enumerate(tangents) if t is not None)
        body, alive = jvp_graph(node.params["graph"], moving, rule)
        if not alive:
            return None
        given = [t for t in tangents if t is not None]
        full = [broadcast_to(t, node.args[i].shape) for t, i in zip(given, moving, strict=True)]
        results = results_of(make(call, (*node.args, *full), {"graph": body}))
        return _spread_results(results, alive, node)

    return push


call = structural(
    "call",
    group="control",
    meet="none",
    infer=_call_infer,
    run=lambda xp, *x, graph: xp.call(graph, x),
    vjp=_call_vjp,
    jvp=_pushed("jvp"),
    latex=r"\operatorname{{{graph}}}({0})",
    flops=lambda node: sum_flops(node.params["graph"]),
    domain="where its block is defined",
    ulp=0.0,
    bound=_pushed("bound"),
    holomorphic=True,
    formula=_NO_FORMULA,
    doc="Returns what a block makes of the operands.",
)


@_remembered
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
    return _one_or_tuple([TensorType((size, *o.shape), o.dtype) for o in graph.outputs])


def _map_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    seeded, seeds = _seeds(adjoint)
    mapped = node.params["mapped"]
    body = vjp_graph(node.params["graph"], tuple(wanted), seeded)
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


def _map_pushed(rule: str) -> Callable[[Sequence[Node | None], Node], Any]:
    def push(tangents: Sequence[Node | None], node: Node) -> Any:
        moving = tuple(i for i, t in enumerate(tangents) if t is not None)
        body, alive = jvp_graph(node.params["graph"], moving, rule)
        if not alive:
            return None
        mapped = node.params["mapped"]
        given = [t for t in tangents if t is not None]
        full = [broadcast_to(t, node.args[i].shape) for t, i in zip(given, moving, strict=True)]
        params = {
            "graph": body,
            "mapped": (*mapped, *[mapped[i] for i in moving]),
            "chunk": node.params["chunk"],
        }
        results = results_of(make(map_op, (*node.args, *full), params))
        return _spread_results(results, alive, node)

    return push


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
    latex=r"\operatorname{{map}}_{{{graph}}}({0})",
    flops=_map_flops,
    domain="where its block is defined",
    ulp=0.0,
    bound=_map_pushed("bound"),
    holomorphic=True,
    formula=_NO_FORMULA,
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


# -- the referee -----------------------------------------------------------------------------------


def _jax_vjp_infer(*types: Type, graph: Graph, wrt: tuple[int, ...]) -> Type:
    return _one_or_tuple([graph.inputs[i].type for i in wrt])


def _jax_jvp_infer(*types: Type, graph: Graph, moving: tuple[int, ...]) -> Type:
    return _one_or_tuple([o.type for o in graph.outputs])


def _as_graph(node: Node) -> Graph:
    """Returns the node alone as a block of its operands."""
    body, others = close_over(results_of(node), list(dict.fromkeys(node.args)), node.op.name)
    assert not others
    return body


def _referee_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    unique = list(dict.fromkeys(node.args))
    seeded, seeds = _seeds(adjoint)
    body = _as_graph(node)
    body = Graph(body.inputs, [body.outputs[i] for i in seeded], body.name)
    targets = [_position(unique, node.args[i]) for i in wanted]
    first = tuple(dict.fromkeys(targets))
    made = make(jax_vjp, (*unique, *seeds), {"graph": body, "wrt": first})
    by_target = dict(zip(first, results_of(made), strict=True))
    seen: set[int] = set()
    found: list[Node | None] = []
    for target in targets:  # an operand used twice gets its whole adjoint once
        found.append(None if target in seen else by_target[target])
        seen.add(target)
    return found


def _referee_jvp(tangents: Sequence[Node | None], node: Node) -> Any:
    unique = list(dict.fromkeys(node.args))
    moving: dict[int, Node] = {}
    for tangent, arg in zip(tangents, node.args, strict=True):
        if tangent is not None:
            moving[_position(unique, arg)] = broadcast_to(tangent, arg.shape)
    params = {"graph": _as_graph(node), "moving": tuple(moving)}
    results = results_of(make(jax_jvp, (*unique, *moving.values()), params))
    return _spread_results(results, range(len(results)), node)


def _position(nodes: Sequence[Node], node: Node) -> int:
    return next(i for i, other in enumerate(nodes) if other is node)


def _referee(name: str, infer: Any, run: Any, doc: str) -> Op:
    return structural(
        name,
        group="control",
        meet="none",
        infer=infer,
        run=run,
        vjp=_referee_vjp,
        jvp=_referee_jvp,
        latex=r"\operatorname{{jax}}({0})",
        flops=lambda node: sum_flops(node.params["graph"]) * 3,
        domain="under the JAX backend",
        ulp=0.0,
        bound=lambda errors, node: None,
        formula=_NO_FORMULA,
        doc=doc,
    )


jax_vjp = _referee(
    "jax_vjp",
    _jax_vjp_infer,
    lambda xp, *x, graph, wrt: xp.jax_vjp(graph, x, wrt),
    "Returns JAX's own reverse-mode derivative of a block: its inputs, then one adjoint an output.",
)
jax_jvp = _referee(
    "jax_jvp",
    _jax_jvp_infer,
    lambda xp, *x, graph, moving: xp.jax_jvp(graph, x, moving),
    "Returns JAX's own forward-mode derivative of a block: its inputs, then the tangents.",
)


# -- a gradient written by hand --------------------------------------------------------------------


def _first(tangents: Sequence[Node | None], node: Node) -> Node | None:
    return tangents[0]


with_gradient_op = structural(
    "with_gradient",
    group="control",
    meet="none",
    infer=lambda value, *rest, graph, count: value,
    run=lambda xp, value, *rest, graph, count: value,
    vjp=lambda adjoint, node, wanted: [adjoint if i == 0 else None for i in wanted],
    jvp=_first,
    latex="{0}",
    flops=lambda node: 0,
    domain="every x",
    ulp=0.0,
    bound=_first,
    holomorphic=True,
    formula=_NO_FORMULA,
    doc="Returns its first operand; beside it stands the author's formula for the gradient.",
)


@public
def with_gradient(value: Any, formulas: dict[Node, Any]) -> Node:
    """Returns `value` with the author's own formulas for its derivatives beside it.

    The engine `analytic` uses them; every other engine differentiates `value` itself, so a wrong
    formula is found by comparison. Where `value` is no scalar, a formula is the elementwise slope
    and must have the shape of both.

    Args:
        value: the expression.
        formulas: for each node it is differentiated by, the derivative as a graph.

    Raises:
        ShapeError: a formula's shape is not that of its node.
        ArgumentError: there is no formula, or a key is no node.
    """
    node = as_node(value)
    if not isinstance(formulas, dict) or not formulas:
        raise ArgumentError("there is no formula", "gx.with_gradient(loss, {w: formula})")
    made: list[Node] = []
    for wrt, formula in formulas.items():
        if not isinstance(wrt, Node):
            raise ArgumentError(f"{wrt!r} is no graph value", "use the nodes as keys: {w: formula}")
        if not wrt.dtype.is_float:
            raise DTypeError(
                f"{describe(wrt)} is {wrt.type}: only a float has a derivative",
                "leave it out of the formulas",
            )
        given = as_node(formula, wrt.dtype)
        if node.ndim and node.shape != wrt.shape:
            raise ShapeError(
                f"the value is {node.type} and {describe(wrt)} is {wrt.type}: a formula beside a "
                "value that is no scalar is its elementwise slope, so both must have one shape"
            )
        if given.shape not in (wrt.shape, ()):
            raise ShapeError(
                f"the formula for {describe(wrt)}: {wrt.type} is {given.type}",
                "give it the shape of its node",
            )
        made.append(broadcast_to(given, wrt.shape))
    keys = list(formulas)
    graph, others = close_over(made, keys, "formula")
    return make(with_gradient_op, (node, *keys, *others), {"graph": graph, "count": len(keys)})


def without_formulas(nodes: Sequence[Node]) -> list[Node]:
    """Returns the nodes without the author's formulas beside them: what all other engines see."""
    order = topological_order(nodes)
    if not any(node.op is with_gradient_op for node in order):
        return list(nodes)

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        return args[0] if node.op is with_gradient_op else make(node.op, args, node.params)

    return rebuild(nodes, {}, step)


# -- blocks ----------------------------------------------------------------------------------------


@guarded("block")
def block(function: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a Python function one sub-graph: called often, it is drawn and differentiated once.

    Graph values among the arguments become the block's inputs; everything else is passed as it is.
    Graph values the function takes from outside become inputs too.
    """
    _check_callable(function, "gx.block")
    name = getattr(function, "__name__", "block")

    @functools.wraps(function)
    @guarded(name)
    def called(*args: Any, **options: Any) -> Any:
        _check_arguments(function, args, options)
        leaves, rebuild = flatten([list(args), options])
        spots = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Node)]
        if not spots:
            raise ArgumentError(
                f"the block {name} was called without a graph value",
                "pass nodes, or call it plainly",
            )
        given = [leaves[i] for i in spots]

        def body(*formals: Node) -> Any:
            filled = list(leaves)
            for spot, formal in zip(spots, formals, strict=True):
                filled[spot] = formal
            again, named = rebuild(filled)
            result = function(*again, **named)
            return result

        names = _argument_names(function, args, options)
        fixed = [None if i in spots else leaf for i, leaf in enumerate(leaves)]
        plain = all(_is_plain(leaf) for leaf in fixed)
        nest = repr(rebuild(list(range(len(leaves)))))
        key = (function, nest, tuple(spots), freeze(fixed)) if plain else None
        types = [g.type for g in given]
        graph, captured, result = trace_once(key, body, types, names, name)
        outputs = results_of(make(call, (*given, *captured), {"graph": graph}))
        return flatten(result)[1](outputs)

    return called


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, DType, Dim))


def _check_callable(function: Any, caller: str) -> None:
    if not callable(function):
        raise ArgumentError(f"{function!r} is no function", f"{caller} takes a Python function")


def _check_arguments(function: Any, args: Sequence[Any], options: dict[str, Any]) -> None:
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):  # some functions of C have none
        return
    try:
        found.bind(*args, **options)
    except TypeError as error:
        raise ArgumentError(str(error), f"it takes {found}") from None


def _argument_names(function: Any, args: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """Returns the function's own names for the graph values among its arguments.

    Not the callers' names: a block called with x and then with y must be one block.
    """
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions of C have none
        found = ()
    own = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    labels = [*own[: len(args)], *[f"x{i}" for i in range(len(own), len(args))], *options]
    names: list[str] = []
    for label, value in zip(labels, [*args, *options.values()], strict=True):
        count = len([leaf for leaf in flatten(value)[0] if isinstance(leaf, Node)])
        for index in range(count):
            name = label if count == 1 else f"{label}{index}"
            while name in names:
                name += "'"
            names.append(name)
    return names


@public
def map(function: Callable[..., Any], *operands: Any, chunk: int = 0) -> Any:
    """Returns what a function makes of each entry along the operands' leading axis, stacked.

    Args:
        function: takes one entry of each operand; returns nodes in any nest. What it uses from
            outside is the same for every entry.
        operands: graph values or arrays with one leading size.
        chunk: how many entries are computed at once (bounds the memory); 0 for all.

    Raises:
        ShapeError: an operand is a scalar, or the leading sizes differ.
    """
    _check_callable(function, "gx.map")
    nodes = [as_node(o) for o in operands]
    if not nodes:
        raise ArgumentError("map has nothing to map over", "gx.map(function, x)")
    for position, node in enumerate(nodes):
        if node.ndim == 0:
            raise ShapeError(f"operand {position} is a scalar", "map goes over the leading axis")
    if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 0:
        raise ArgumentError(f"chunk={chunk!r} is no count", "give 0 for all at once, or more")
    types = [TensorType(n.shape[1:], n.dtype) for n in nodes]
    name = getattr(function, "__name__", "map")
    names = [f"x{i}" for i in range(len(nodes))]
    graph, captured, result = trace(function, types, names, name)
    mapped = [True] * len(nodes) + [False] * len(captured)
    outputs = map_graph(graph, [*nodes, *captured], mapped, chunk)
    return flatten(result)[1](outputs)
