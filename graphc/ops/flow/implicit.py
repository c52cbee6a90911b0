"""`root` and `fixed_point`: values that an equation defines, differentiated through the equation.

Where F(x, p) = 0 and dF/dx = J is regular, dx = -J^-1 (dF/dp) dp, however x was found. So the
record holds the equation, its value is found by iteration, and its rules solve with J. The rules
read the value that was found, so that they can be differentiated in their turn.

Source: the implicit function theorem; Christianson, "Reverse accumulation and implicit functions"
(1998).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.core.calls import public
from graphc.core.const import Const
from graphc.core.dtype import join_dtypes
from graphc.core.errors import ArgumentError, DimError, DTypeError, ShapeError
from graphc.core.graph import Graph, trace_level
from graphc.core.naming import describe, describe_operand
from graphc.core.node import Node, apply_named, apply_public, as_node, make
from graphc.core.system import GRAPHC, System
from graphc.core.type import TensorType, as_index
from graphc.ops.chain import add_up, broadcast_to, reshape
from graphc.ops.control import (
    NO_FORMULA,
    by_system,
    jvp_graph,
    map_graph,
    or_zeros,
    results_of,
    sum_flops,
    vjp_graph,
)
from graphc.ops.control import call as call_op
from graphc.ops.define import own_rounding, structural
from graphc.ops.flow.bodies import (
    Nest,
    check_function,
    close_bodies,
    counted,
    formals_of,
    known,
    name_of,
    nest_of,
    tensor_leaves,
)
from graphc.ops.flow.repeat import while_loop

#: Unknowns that an equation may have: its Jacobian is made whole.
MAX_UNKNOWNS = 2_000


def _infer(solution: TensorType, *types: TensorType, graph: Graph) -> TensorType:
    for formal, t in zip(graph.inputs, (solution, *types), strict=True):
        if formal.type != t:
            raise ShapeError(f"{graph.name} takes {describe(formal)}: {formal.type}, not {t}")
    return solution


def _jacobian(graph: Graph, x: Node, others: Sequence[Node], system: System = GRAPHC) -> Node:
    """Returns dF/dx at x: `f[n, n]`."""
    body = vjp_graph(graph, (0,), (0,), system)
    operands = [x, *others, _identity(x)]
    (rows,) = map_graph(body, operands, [False] * (len(operands) - 1) + [True])
    return rows


def _identity(x: Node) -> Node:
    return apply_named("constant", value=Const(np.eye(known(x.shape[0]), dtype=x.dtype.numpy)))


def _solved(matrix: Node, right: Node, transposed: bool) -> Node:
    """Returns the solution of matrix @ x = right."""
    if matrix.shape[0] == 1:
        return apply_named("div", right, reshape(matrix, (1,) * right.ndim))
    if transposed:
        matrix = apply_named("transpose", matrix, axes=(1, 0))
    return apply_public("solve", matrix, right)


def _vjp(
    adjoint: Node, node: Node, wanted: Sequence[int], system: System = GRAPHC
) -> list[Node | None]:
    inner = tuple(i for i in wanted if i)
    if not inner:
        return [None] * len(wanted)
    weight = _solved(
        _jacobian(node.params["graph"], node, node.args[1:], system),
        -broadcast_to(adjoint, node.shape),
        transposed=True,
    )
    body = vjp_graph(node.params["graph"], inner, (0,), system)
    made = make(call_op, (node, *node.args[1:], weight), {"graph": body})
    found = iter(results_of(made))
    return [next(found) if i else None for i in wanted]


def _pushed(rule: str, system: System = GRAPHC) -> Callable[[Sequence[Node | None], Node], Any]:
    def push(tangents: Sequence[Node | None], node: Node) -> Any:
        moving = tuple(i for i, t in enumerate(tangents) if i and t is not None)
        body, alive = jvp_graph(node.params["graph"], moving, rule, system)
        bound = rule == "bound"
        if not alive:
            return own_rounding(node, 1.0) if bound else None
        given = [or_zeros(tangents[i], node.args[i]) for i in moving]
        made = make(call_op, (node, *node.args[1:], *given), {"graph": body})
        slack = broadcast_to(results_of(made)[0], node.shape)
        jacobian = _jacobian(node.params["graph"], node, node.args[1:], system)
        if not bound:
            return _solved(jacobian, -slack, transposed=False)
        # What F is off by at the solution, J^-1 makes of it; the last step adds a few roundings.
        inverse = apply_named("abs", _solved(jacobian, _identity(node), transposed=False))
        return add_up([apply_named("matmul", inverse, slack), own_rounding(node, 4.0)])

    return push


implicit_op = structural(
    "implicit",
    group="control",
    meet="none",
    infer=_infer,
    run=lambda xp, solution, *x, graph: xp.loops.implicit(xp, graph, solution, x),
    vjp=_vjp,
    jvp=_pushed("jvp"),
    peers=by_system(_vjp, _pushed),
    latex=r"\operatorname{{root}}_{{{graph}}}({0})",
    flops=lambda node: 0 * sum_flops(node.params["graph"]),
    domain="where its equation has a regular solution",
    ulp=0.0,
    bound=_pushed("bound"),
    formula=NO_FORMULA,
    doc="Returns its first operand, a solution of an equation in the others.",
)


# -- what people call ------------------------------------------------------------------------------


@public
def root(
    f: Any,
    guess: Any,
    *operands: Any,
    tolerance: Any = None,
    max_steps: Any = 50,
    solve: Any = None,
) -> Any:
    """Returns x with f(x, *operands) = 0, found from a guess by Newton's method.

    The derivative by the operands, and by what `f` uses from outside, is that of the equation
    (implicit function theorem), not that of the iteration: exact, of any order, in both modes, and
    independent of the guess. Where no root is found, x is NaN.

    Args:
        f: `f(x, *operands)` returns as many floats as x has, in any nest.
        guess: where to start: a nest of float graph values, numbers or arrays; 2,000 numbers at
            most, since the Jacobian is made whole.
        operands: passed to `f`.
        tolerance: x is found when a step is at most this times 1 + |x|; without it, when steps get
            no smaller, which is at the last digits of the dtype, or of the digits asked for.
        max_steps: steps of Newton's method at most.
        solve: `solve(g, x0) -> x`, your own way to a root of `g(x)`, of one vector, in place of
            Newton's method.

    Raises:
        ShapeError: f returns another number of values than x has.
        ArgumentError, DTypeError, DimError: something is no function, no float, no count.
    """
    return _solution("root", f, guess, operands, tolerance, max_steps, solve, 0.0)


@public
def fixed_point(
    f: Any,
    guess: Any,
    *operands: Any,
    tolerance: Any = None,
    max_steps: Any = 1000,
    damping: Any = 0.0,
) -> Any:
    """Returns x with x = f(x, *operands), found by iterating f from a guess.

    The derivative is that of the equation x - f(x) = 0, see `root`. Where the iteration does not
    settle within `max_steps`, x is NaN.

    Args:
        f: `f(x, *operands)` returns a value of x's nest and types.
        guess: where to start: a nest of float graph values, numbers or arrays; 2,000 numbers at
            most.
        operands: passed to `f`.
        tolerance: x is found when a step is at most this times 1 + |x|; without it, half the
            digits are found by iteration and the others by Newton's method.
        max_steps: iterations at most.
        damping: the share of the old x in the next one, 0 <= damping < 1.

    Raises:
        ShapeError: f returns another type than x has.
        ArgumentError, DTypeError, DimError: something is no function, no float, no count.
    """
    if isinstance(damping, bool) or not isinstance(damping, (int, float)) or not 0 <= damping < 1:
        raise ArgumentError(
            f"damping={describe_operand(damping)} is no share", "give 0 <= damping < 1"
        )
    return _solution("fixed_point", f, guess, operands, tolerance, max_steps, None, float(damping))


def _solution(
    kind: str,
    f: Any,
    guess: Any,
    operands: Sequence[Any],
    tolerance: Any,
    max_steps: Any,
    solve: Any,
    damping: float,
) -> Any:
    check_function(f, "f", 1 + len(operands))
    steps = as_index(max_steps)
    if steps is None or not 1 <= steps < 2**31:
        raise ArgumentError(
            f"max_steps={describe_operand(max_steps)} is no count of steps",
            "give an int of 1 or more",
        )
    plain = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool)
    if tolerance is not None and not (plain and 0 < tolerance < math.inf):
        raise ArgumentError(
            f"tolerance={describe_operand(tolerance)} is no positive number",
            "leave it out: x is then found to the last digits",
        )
    if solve is not None:
        check_function(solve, "solve", 2)
    nest, start = _unknowns(guess)
    graph, captured, shown = _equation(kind, f, nest, start, operands)
    x0 = _packed(start)

    def equation(x: Node) -> Node:
        return graph.inline([x, *captured])[0]

    if solve is not None:
        x = as_node(solve(equation, x0))
        if x.type != x0.type:
            raise ShapeError(f"solve returned {x.type} where {x0.type} belongs", "return that type")
    else:
        x = x0
        if kind == "fixed_point":
            coarse = math.sqrt(x0.dtype.epsilon) if tolerance is None else float(tolerance)
            x = _iterated(kind, graph, x, captured, coarse, steps, damping)
            steps = 50
        if kind == "root" or tolerance is None:  # the last digits of a fixed point are Newton's
            x = _iterated("root", graph, x, captured, tolerance, steps, 0.0)
    found = make(implicit_op, (x, *captured), {"graph": graph})
    return nest.build(_unpacked(found, shown))


def _unknowns(guess: Any) -> tuple[Nest, list[Node]]:
    """Returns the nest of unknowns, and where they start, in one float dtype."""
    nest = nest_of(guess)
    if not nest.leaves:
        raise ArgumentError("the guess is empty", "give x where to start")
    start = [as_node(leaf) for leaf in nest.leaves]
    for node in start:
        if not node.dtype.is_float:
            raise DTypeError(
                f"the guess {describe(node)} is {node.type}: an unknown is a float",
                "write 1.0 for 1, or cast it",
            )
        if not node.type.is_static:
            raise DimError(
                f"the guess {describe(node)} is {node.type}: the Jacobian needs its size",
                "give it a number",
            )
    dtype = join_dtypes([n.dtype for n in start])
    count = sum([known(n.size) for n in start])
    if not 1 <= count <= MAX_UNKNOWNS:
        raise ArgumentError(
            f"the guess holds {counted(count, 'number')}",
            f"an equation has 1 to {MAX_UNKNOWNS:,} unknowns",
        )
    return nest, [as_node(n, dtype) for n in start]


def _equation(
    kind: str, f: Any, nest: Nest, start: Sequence[Node], operands: Sequence[Any]
) -> tuple[Graph, list[Node], list[TensorType]]:
    """Returns F with F(x) = 0 as a body of one packed x, the outer values it takes, x's types."""
    name = name_of(f, kind)
    types: list[TensorType] = [n.type for n in start]
    for node in (n for operand in operands for n in nest_of(operand).leaves):
        as_node(node)  # an operand that is none is told before f sees it
    with trace_level() as level:
        packed = TensorType((sum([known(n.size) for n in start]),), start[0].dtype)
        (x,) = formals_of([packed], ["x"], level)
        parts = _unpacked(x, types)
        result = nest_of(f(nest.build(parts), *operands))
        made = tensor_leaves(result.leaves, name)
        if kind == "fixed_point" and [m.type for m in made] != types:
            raise ShapeError(
                f"{name} returned {', '.join(str(m.type) for m in made)} for "
                f"{', '.join(map(str, types))}",
                "return values of x's types",
            )
        for value in made:
            if not value.dtype.is_float or not value.type.is_static:
                raise DTypeError(f"{name} returned {value.type}", "return floats of known size")
        values = _packed([as_node(m, x.dtype) for m in made]) if made else x
        if not made or values.shape != x.shape:
            count = sum([known(m.size) for m in made])
            raise ShapeError(
                f"{name} returned {counted(count, 'number')} for "
                f"{counted(known(x.shape[0]), 'unknown')}",
                "return as many as x has",
            )
        residual = x - values if kind == "fixed_point" else values
    (graph,), captured = close_bodies([x], [[residual]], [name], every=True)
    return graph, captured, types


def _packed(nodes: Sequence[Node]) -> Node:
    flat = [reshape(n, (known(n.size),)) for n in nodes]
    return flat[0] if len(flat) == 1 else apply_named("concat", *flat, axis=0)


def _unpacked(x: Node, types: Sequence[TensorType]) -> list[Node]:
    parts: list[Node] = []
    start = 0
    for t in types:
        count = known(t.size)
        part = x if count == x.shape[0] else apply_public("index", x, slice(start, start + count))
        parts.append(reshape(part, t.shape))
        start += count
    return parts


def _iterated(
    kind: str,
    graph: Graph,
    x0: Node,
    captured: Sequence[Node],
    tolerance: float | None,
    steps: int,
    damping: float,
) -> Node:
    """Returns x when its steps are small enough, NaN where they never are."""
    dtype = x0.dtype
    small = math.sqrt(dtype.epsilon) if tolerance is None else float(tolerance)

    def size(x: Node) -> Node:
        return apply_named("max", apply_named("abs", x), axis=(0,), keepdims=False)

    def test(state: Any) -> Node:
        x, change, before, count = state
        near = change <= (size(x) + 1.0) * small
        ended = near if tolerance is not None else near & (change >= before)
        # A NaN compares as False: it ends the loop.
        alive = (change < math.inf) | (count == 0)
        return (count < steps) & alive & ~(ended & (count > 0))

    def body(state: Any) -> Any:
        x, change, _, count = state
        (residual,) = graph.inline([x, *captured])
        if kind == "root":
            step = _solved(_jacobian(graph, x, captured), residual, transposed=False)
        else:
            step = residual if not damping else residual * (1.0 - damping)
        after = x - step
        return after, size(step), change, count + 1

    test.__name__ = "not settled"
    body.__name__ = "Newton step" if kind == "root" else "iteration"
    infinite = as_node(math.inf, dtype)
    x, change, _, _ = while_loop(test, body, (x0, infinite, infinite, 0))
    found = (change <= (size(x) + 1.0) * small) & (change < math.inf)
    return apply_named("where", found, x, as_node(math.nan, dtype))
