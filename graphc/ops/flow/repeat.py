"""`while_loop` and `fori_loop`: a body run as long as a test holds, or a number of times."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dim import Dim
from graphc.core.dtype import DEFAULT_INT, bool_
from graphc.core.errors import ArgumentError, DTypeError, GradError, RangeError, ShapeError
from graphc.core.graph import Graph, trace_level
from graphc.core.naming import describe, describe_operand
from graphc.core.node import Node, apply_named, as_node, make
from graphc.core.system import GRAPHC, System
from graphc.core.type import TensorType, Type, as_index
from graphc.core.walk import rebuild
from graphc.ops.chain import broadcast_to
from graphc.ops.control import (
    NO_FORMULA,
    by_system,
    one_or_tuple,
    results_of,
    spread_results,
    sum_flops,
)
from graphc.ops.define import structural
from graphc.ops.flow.bodies import (
    carried_on,
    check_carry_types,
    check_counts,
    check_function,
    close_bodies,
    formals_of,
    leaf_names,
    name_of,
    nest_of,
    opened,
    settled,
    tensor_leaves,
)
from graphc.ops.flow.choice import switch_op
from graphc.ops.flow.scan import looped, scan_op
from graphc.ops.flow.scan_rules import push_plan, scan_vjp
from graphc.ops.logic import zeros_like
from graphc.ops.source import iota_op


def _infer(*types: TensorType, test: Graph, graph: Graph, carries: int, bound: int | None) -> Type:
    check_counts(graph, carries=carries)
    for inner in (test, graph):
        for formal, t in zip(inner.inputs, types, strict=True):
            if formal.type != t:
                raise ShapeError(f"{inner.name} takes {describe(formal)}: {formal.type}, not {t}")
    if [o.type for o in test.outputs] != [TensorType((), bool_)]:
        raise DTypeError(f"{test.name} returns {test.outputs[0].type}, no boolean scalar")
    for formal, output in zip(graph.inputs, graph.outputs, strict=False):
        if formal.type != output.type:
            raise ShapeError(f"{describe(formal)} is {formal.type} and becomes {output.type}")
    return one_or_tuple([o.type for o in graph.outputs[:carries]])


def bounded(node: Node) -> tuple[Node, list[Node]]:
    """Returns a loop with a bound as a scan of so many steps, and its results.

    A step after the last does nothing. Where the test still holds behind the bound, results that
    are floats are NaN.
    """
    params, args = node.params, node.args
    carries = params["carries"]
    whole = make(
        scan_op,
        args,
        {
            "graph": guarded_body(params["graph"], params["test"], carries),
            "carries": carries,
            "scanned": 0,
            "length": params["bound"],
            "reverse": False,
        },
    )
    results = results_of(whole)[:carries]
    (more,) = params["test"].inline([*results, *args[carries:]])
    return whole, [_spoilt(r, more) for r in results]


def _spoilt(value: Node, where: Node) -> Node:
    if not value.dtype.is_inexact:
        return value
    return apply_named("where", where, as_node(float("nan"), value.dtype), value)


def guarded_body(graph: Graph, test: Graph, carries: int) -> Graph:
    """Returns a body that leaves its carries as they are where the test does not hold.

    It holds the body, so it is not remembered beside it: neither would ever be gone.
    """
    (more,) = test.inline(graph.inputs)
    rest = Graph(graph.inputs, graph.inputs[:carries], "rest")
    node = make(switch_op, (more, *graph.inputs), {"branches": (rest, graph)})
    return Graph(graph.inputs, results_of(node), graph.name)


def _vjp(
    adjoint: Any, node: Node, wanted: Sequence[int], system: System = GRAPHC
) -> list[Node | None]:
    if node.params["bound"] is None:
        raise GradError(
            f"{describe(node, 3)} has no reverse derivative: the number of steps is not known, so "
            "what the backward pass needs has no size",
            "give the loop a bound=, or differentiate forward: engine='forward'",
            place=node.place,
        )
    whole, _ = bounded(node)
    carries = node.params["carries"]
    results = results_of(whole)[:carries]
    (more,) = node.params["test"].inline([*results, *node.args[carries:]])
    parts = adjoint if isinstance(adjoint, tuple) else (adjoint,)
    spoilt = tuple(None if a is None else _spoilt(a, more) for a in parts)
    return scan_vjp(spoilt, whole, wanted, system)


def _pushed(rule: str, system: System = GRAPHC) -> Callable[[Sequence[Node | None], Node], Any]:
    def push(tangents: Sequence[Node | None], node: Node) -> Any:
        params, args = node.params, node.args
        graph, carries = params["graph"], params["carries"]
        given = tuple(i for i, t in enumerate(tangents) if t is not None)
        plan = push_plan(graph, carries, 0, given, rule, system)
        if plan is None:
            return None
        body, moving, _ = plan
        inner = dict(zip(params["test"].inputs, graph.inputs, strict=True))
        test = Graph(body.inputs, rebuild(params["test"].outputs, inner), params["test"].name)
        full: list[Node] = []
        for first, last in ((0, carries), (carries, len(args))):
            full += args[first:last]
            for i in moving:
                if first <= i < last:
                    t = tangents[i]
                    full.append(
                        zeros_like(args[i]) if t is None else broadcast_to(t, args[i].shape)
                    )
        places = [i for i in moving if i < carries]
        made = {**params, "test": test, "graph": body, "carries": carries + len(places)}
        results = results_of(make(node.op, tuple(full), made))
        return spread_results(results[carries:], places, node)

    return push


def _flops(node: Node) -> Any:
    """Returns the operations of as many steps as the bound allows; of one, where there is none."""
    params = node.params
    once = sum_flops(params["graph"]) + sum_flops(params["test"])
    return once * (1 if params["bound"] is None else params["bound"])


while_op = structural(
    "while_loop",
    group="control",
    meet="none",
    infer=_infer,
    run=lambda xp, *x, test, graph, carries, bound: xp.loops.while_loop(
        xp, x, test, graph, carries, bound
    ),
    vjp=_vjp,
    jvp=_pushed("jvp"),
    peers=by_system(_vjp, _pushed),
    latex=r"\operatorname{{while}}_{{{graph}}}({0})",
    flops=_flops,
    domain="where the loop ends",
    ulp=0.0,
    bound=_pushed("bound"),
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns what is carried when the test first fails.",
)


@public
def while_loop(test: Any, body: Any, init: Any, bound: Any = None) -> Any:
    """Returns what is carried when `test` first fails: `while test(carry): carry = body(carry)`.

    Every engine that goes forward differentiates it. Going backward needs what each step has left,
    and so a `bound` on the number of steps: the steps are then a scan of that length, in which
    those behind the last do nothing. A loop that would go on behind its bound is a BudgetError in
    NumPy and at 50 digits; compiled, its floats are NaN.

    Args:
        test: `test(carry) -> bool[]`.
        body: `body(carry) -> carry`, of the same nest and types.
        init: the first carry: a nest of graph values, numbers or arrays.
        bound: at most how many steps the loop takes; None for any number.

    Raises:
        ShapeError: the test is no scalar, or a carry changes its shape.
        DTypeError: the test is no boolean, or a carry changes its dtype.
        ArgumentError: a function is none, the carry changes its nest, or the bound is no count.
    """
    check_function(test, "the test", 1)
    check_function(body, "the body", 1)
    if bound is not None:
        count = as_index(bound)
        if count is None or count < 1:
            raise ArgumentError(
                f"bound={describe_operand(bound)} is no count of steps", "give an int of 1 or more"
            )
        bound = count
    carry = nest_of(init)
    if not carry.leaves:
        raise ArgumentError("there is nothing to carry", "give init a graph value")
    name = name_of(body, "while")
    names = leaf_names(body, [("carry", carry)])

    def attempt(start: Sequence[Node]) -> tuple[list[Node], tuple[list[Node], Node]]:
        with trace_level() as level:
            formals = formals_of([n.type for n in start], names, level)
            more = _checked_test(test(carry.build(formals)))
            carried = carried_on(carry, start, body(carry.build(formals)), name)
            return carried, (formals, more)

    start, carried, (formals, more) = settled(carry, attempt)
    check_carry_types(start, carried, names, name)
    outputs = opened([more, *carried])
    graphs, captured = close_bodies(
        formals, [outputs[:1], outputs[1:]], [name_of(test, "test"), name], every=True
    )
    params = {"test": graphs[0], "graph": graphs[1], "carries": len(start), "bound": bound}
    return carry.build(results_of(make(while_op, (*start, *captured), params)))


def _checked_test(made: Any) -> Node:
    (node,) = tensor_leaves([made], "the test")
    if node.dtype is not bool_:
        raise DTypeError(f"the test returns {node.type}, no boolean", "compare: carry < 10")
    if node.shape != ():
        raise ShapeError(f"the test returns {node.type}, no scalar", "join it: gx.all or gx.any")
    return node


@public
def fori_loop(lower: Any, upper: Any, body: Any, init: Any, bound: Any = None) -> Any:
    """Returns `init` after `carry = body(i, carry)` for i = lower, ..., upper - 1.

    With both ends known when the graph is built (ints, named sizes) it is a scan, which every
    engine differentiates; with graph values as ends it is a while_loop.

    Args:
        lower: an integer.
        upper: an integer; the loop is empty where it is not above `lower`.
        body: `body(i, carry) -> carry`, of the same nest and types.
        init: the first carry: a nest of graph values, numbers or arrays.
        bound: at most how many steps there are, where the ends are graph values: what the backward
            pass then needs.

    Raises:
        ArgumentError: an end is no integer, or the body no function.
        ShapeError: a carry changes its shape.
        DTypeError: a carry changes its dtype.
    """
    check_function(body, "the body", 2)
    ends = [_end(lower, "lower"), _end(upper, "upper")]
    if not any(isinstance(end, Node) for end in ends):
        first, last = ends
        length = last - first if isinstance(last - first, Dim) else max(last - first, 0)
        if isinstance(length, int) and max(abs(first), abs(last)) > 2**31 - 1:
            raise RangeError("the steps of a loop are counted in int32", "nest two loops")
        steps = iota_op(size=length, dtype=DEFAULT_INT)
        steps = steps if isinstance(first, int) and not first else steps + first
        carry = nest_of(init)

        @functools.wraps(body)
        def step(carried: Any, i: Any) -> tuple[Any, None]:
            return body(i, carried), None

        names = name_of(body, "fori")
        del step.__wrapped__
        done, _ = looped(step, carry, nest_of(steps), [steps], length, False, names)
        return done
    low, high = [as_node(end) for end in ends]
    dtype = low.dtype if isinstance(ends[0], Node) else high.dtype
    low, high = as_node(low, dtype), as_node(high, dtype)

    @functools.wraps(body)
    def advance(state: Any) -> Any:
        i, carried = state
        return (i + 1, body(i, carried))

    del advance.__wrapped__
    _, done = while_loop(lambda state: state[0] < high, advance, (low, init), bound)
    return done


def _end(value: Any, what: str) -> Any:
    if isinstance(value, Node):
        if not value.dtype.is_integer:
            raise DTypeError(
                f"{what}={describe(value)} is {value.type}, no integer",
                "cast it: gx.cast(n, 'int32')",
            )
        if value.shape != ():
            raise ShapeError(
                f"{what}={describe(value)} is {value.type}, no scalar", "take one: n[0]"
            )
        return value
    if isinstance(value, Dim):
        return value
    index = as_index(value)
    if index is None:
        raise ArgumentError(f"{what}={describe_operand(value)} is no integer", "give an int")
    return index
