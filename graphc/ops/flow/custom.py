"""`custom_rule`: a function whose derivative is the one its author gives."""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, GradError, ShapeError
from graphc.core.graph import Graph, close_over, trace_level
from graphc.core.naming import describe, describe_operand
from graphc.core.node import Node, as_node, make
from graphc.core.system import GRAPHC
from graphc.core.tree import flatten
from graphc.core.type import TensorType, Type
from graphc.core.walk import depends_on, topological_order
from graphc.ops.chain import broadcast_to
from graphc.ops.control import (
    NO_FORMULA,
    call,
    fresh_formals,
    jvp_graph,
    one_or_tuple,
    or_zeros,
    remembered,
    results_of,
    spread_results,
    sum_flops,
)
from graphc.ops.define import structural
from graphc.ops.flow.bodies import (
    Nest,
    check_function,
    counted,
    formals_of,
    name_of,
    nest_of,
    tensor_leaves,
)
from graphc.ops.logic import zeros_like
from graphc.ops.sweep import reverse_sweep


def _infer(*types: Type, graph: Graph, back: Graph | None, forward: Graph | None) -> Type:
    for formal, t in zip(graph.inputs, types, strict=True):
        if formal.type != t:
            raise ShapeError(f"{graph.name} takes {describe(formal)}: {formal.type}, not {t}")
    return one_or_tuple([o.type for o in graph.outputs])


def _floats(nodes: Sequence[Node]) -> list[int]:
    return [i for i, n in enumerate(nodes) if n.type.dtype.is_inexact]


def _vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    graph: Graph = node.params["graph"]
    results = results_of(node)
    parts = adjoint if isinstance(adjoint, tuple) else (adjoint,)
    seeds = [or_zeros(parts[i], results[i]) for i in _floats(results)]
    rule = node.params["back"]
    if rule is None:
        rule = _transposed(node.params["forward"], len(graph.inputs) + len(results))
    found = results_of(make(call, (*node.args, *results, *seeds), {"graph": rule}))
    by_operand = dict(zip(_floats(node.args), found, strict=True))
    return [by_operand.get(i) for i in wanted]


def _jvp(tangents: Sequence[Node | None], node: Node) -> Any:
    graph: Graph = node.params["graph"]
    results = results_of(node)
    given = [or_zeros(tangents[i], node.args[i]) for i in _floats(node.args)]
    rule = node.params["forward"]
    if rule is None:
        rule = _transposed(node.params["back"], len(graph.inputs) + len(results))
    found = results_of(make(call, (*node.args, *results, *given), {"graph": rule}))
    return spread_results(found, _floats(results), node)


def _bound(errors: Sequence[Node | None], node: Node) -> Any:
    """Returns the rounding of the function itself: its value is computed by no rule."""
    moving = tuple(i for i, e in enumerate(errors) if e is not None)
    body, alive = jvp_graph(node.params["graph"], moving, "bound", GRAPHC)
    if not alive:
        return None
    given = [broadcast_to(e, node.args[i].shape) for i, e in enumerate(errors) if e is not None]
    results = results_of(make(call, (*node.args, *given), {"graph": body}))
    return spread_results(results, alive, node)


@remembered
def _transposed(graph: Graph, fixed: int) -> Graph:
    """Returns a rule's linear map the other way.

    Args:
        graph: the rule: operands and results first, then what it is linear in.
        fixed: how many operands and results there are.

    Raises:
        GradError: it is not linear in the rest.
    """
    linear = list(graph.inputs[fixed:])
    seeds = fresh_formals(graph, graph.outputs, "∂")
    joined: dict[Node, Node] = {}
    for output, seed in zip(graph.outputs, seeds, strict=True):
        joined[output] = joined[output] + seed if output in joined else seed
    adjoints = reverse_sweep(joined, linear)
    found = [or_zeros(adjoints.get(n), n) for n in linear]
    order = topological_order(found)
    used = depends_on(order, linear)
    if any(f in used for f in found):
        raise GradError(
            f"the rule {graph.name} is not linear in what it passes on, so the rule for the other "
            "direction does not follow from it",
            "give custom_rule both vjp= and jvp=",
        )
    return Graph([*graph.inputs[:fixed], *seeds], found, f"{graph.name} transposed")


custom_op = structural(
    "custom",
    group="control",
    meet="none",
    infer=_infer,
    run=lambda xp, *x, graph, back, forward: xp.call(graph, x),
    vjp=_vjp,
    jvp=_jvp,
    latex=r"\operatorname{{{graph}}}({0})",
    flops=lambda node: sum_flops(node.params["graph"]),
    domain="where its function is defined",
    ulp=0.0,
    bound=_bound,
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns what a block makes of the operands; beside it stand rules for its derivative.",
)


#: The functions whose rules are being traced; called by its own rule, one is what it is made of.
_tracing: contextvars.ContextVar[frozenset[object]] = contextvars.ContextVar(
    "graphc_custom_rules", default=frozenset()
)


@guarded("custom_rule")
def custom_rule(
    function: Callable[..., Any], vjp: Any = None, jvp: Any = None
) -> Callable[..., Any]:
    """Gives a function its author's own derivative, in place of that of what it is made of.

    The engines reverse, forward and symbolic take the rule, to any order: the rule is graph, and
    is differentiated in its turn. (Where a rule calls its own function, that call is the function
    without its rule; `result` is the one with it.) The engines numeric and jax, and the truth that
    `check` holds all against, take the function, so a wrong rule is found; JAX's transforms of the
    compiled function do too, unless it was compiled with derivative="graphc". (`with_gradient`
    leaves the derivative as it is and puts a formula beside it, for the engine analytic.) One rule
    is enough: the other is its transpose.

    Args:
        function: takes and returns graph values in any nest. It must be given all it uses.
        vjp: `vjp(adjoint, result, *args)` returns, for each argument, the adjoint in the
            argument's nest, None for zero. The adjoint has the result's nest; where the result
            has integers, None is in their place.
        jvp: `jvp(tangents, result, *args)` returns the result's tangent in its nest; `tangents` is
            a tuple with one nest for each argument, None in the place of integers.

    Returns:
        The function; called with graph values in its arguments, it returns graph values.

    Raises:
        ArgumentError: there is no rule; something is no function; the function or a rule uses a
            graph value it was not given.
        ShapeError: what a rule returns does not fit.
        GradError: the missing rule is asked for and the one given is not linear.
    """
    check_function(function, "the function", None)
    if vjp is None and jvp is None:
        raise ArgumentError("there is no rule", "give vjp= or jvp=, or use gx.block")
    for what, rule in (("vjp", vjp), ("jvp", jvp)):
        if rule is not None:
            check_function(rule, what, None)
    name = name_of(function, "custom")
    token = object()

    @functools.wraps(function)
    @guarded(name)
    def called(*args: Any) -> Any:
        if token in _tracing.get():
            return function(*args)
        nests = [flatten(a) for a in args]
        given: list[Node] = [v for leaves, _ in nests for v in leaves if isinstance(v, Node)]
        if not given:
            raise ArgumentError(
                f"{name} was called without a graph value", "pass nodes, or call it plainly"
            )
        types: list[TensorType] = [as_node(g).type for g in given]
        with trace_level() as level:
            formals = formals_of(types, [f"x{i}" for i in range(len(given))], level)
            inner = _filled(nests, formals)
            result = nest_of(function(*inner))
            outputs = tensor_leaves(result.leaves, name)
            shown = formals_of([o.type for o in outputs], _names("y", outputs), level)
            built = result.build(shown)
            floats, made = _floats(formals), _floats(outputs)
            own = _tracing.set(_tracing.get() | {token})
            try:
                seeds = formals_of([outputs[i].type for i in made], _names("∂y", made), level)
                tangents = formals_of([types[i] for i in floats], _names("dx", floats), level)
                back = forward = None
                if vjp is not None:
                    adjoint = _spread(result, len(outputs), made, seeds)
                    found = vjp(adjoint, built, *inner)
                    back = _adjoints(found, nests, formals, floats, name)
                if jvp is not None:
                    moved: list[Any] = [None] * len(formals)
                    for i, t in zip(floats, tangents, strict=True):
                        moved[i] = t
                    pushed = jvp(tuple(_filled(nests, moved, static=None)), built, *inner)
                    forward = _tangents(pushed, result, outputs, made, name)
            finally:
                _tracing.reset(own)
        if not outputs:
            raise ArgumentError(f"{name} returned no graph value", "let it return its results")
        graph = _closed(formals, outputs, name, name)
        back_graph = forward_graph = None
        if back is not None:
            back_graph = _closed([*formals, *shown, *seeds], back, f"{name} backward", name)
        if forward is not None:
            forward_graph = _closed([*formals, *shown, *tangents], forward, f"{name} forward", name)
        params = {"graph": graph, "back": back_graph, "forward": forward_graph}
        return result.build(results_of(make(custom_op, tuple(given), params)))

    return called


def _names(mark: str, like: Sequence[Any]) -> list[str]:
    return [f"{mark}{i}" for i in range(len(like))]


_SAME = object()


def _filled(nests: Sequence[Any], values: Sequence[Any], static: Any = _SAME) -> list[Any]:
    """Returns the arguments with other values in the place of graph values."""
    rest = iter(values)
    filled: list[Any] = []
    for leaves, rebuild in nests:
        filled.append(
            rebuild(
                [
                    next(rest) if isinstance(v, Node) else (v if static is _SAME else static)
                    for v in leaves
                ]
            )
        )
    return filled


def _spread(result: Nest, count: int, places: Sequence[int], values: Sequence[Node]) -> Any:
    spread: list[Any] = [None] * count
    for place, value in zip(places, values, strict=True):
        spread[place] = value
    return result.build(spread)


def _adjoints(
    found: Any, nests: Sequence[Any], formals: Sequence[Node], floats: Sequence[int], name: str
) -> list[Node]:
    """Returns the adjoint of each float operand."""
    if len(nests) == 1 and not (isinstance(found, (tuple, list)) and len(found) == 1):
        found = (found,)
    if not isinstance(found, (tuple, list)) or len(found) != len(nests):
        raise ArgumentError(
            f"the vjp of {name} returned {describe_operand(found)} for "
            f"{counted(len(nests), 'argument')}",
            "return a tuple with the adjoint of each, None for zero",
        )
    parts: list[Any] = []
    for part, (leaves, _) in zip(found, nests, strict=True):
        mine = flatten(part)[0] if part is not None else [None] * len(leaves)
        if len(mine) != len(leaves):
            raise ArgumentError(
                f"the vjp of {name} returned {describe_operand(part)} for an argument of "
                f"{len(leaves)} values",
                "return the argument's nest",
            )
        parts += [p for p, leaf in zip(mine, leaves, strict=True) if isinstance(leaf, Node)]
    return [_like(parts[i], formals[i], f"the vjp of {name}") for i in floats]


def _tangents(
    pushed: Any, result: Nest, outputs: Sequence[Node], made: Sequence[int], name: str
) -> list[Node]:
    """Returns the tangent of each float result."""
    parts = flatten(pushed)[0] if pushed is not None else [None] * len(outputs)
    if len(parts) != len(outputs):
        raise ArgumentError(
            f"the jvp of {name} returned {describe_operand(pushed)} for "
            f"{counted(len(outputs), 'result')}",
            "return the result's nest",
        )
    return [_like(parts[i], outputs[i], f"the jvp of {name}") for i in made]


def _like(value: Any, node: Node, what: str) -> Node:
    if value is None:
        return zeros_like(node)
    made = as_node(value, None if isinstance(value, Node) else node.dtype)
    if made.dtype is not node.dtype or made.shape not in (node.shape, ()):
        raise ShapeError(
            f"{what} returned {made.type} where {node.type} belongs", "give it that type"
        )
    return broadcast_to(made, node.shape)


def _closed(formals: Sequence[Node], outputs: Sequence[Node], label: str, name: str) -> Graph:
    graph, others = close_over(outputs, formals, label)
    if others:
        raise ArgumentError(
            f"{label} uses {describe(others[0])}, which {name} was not given",
            "pass it as an argument",
        )
    return graph
