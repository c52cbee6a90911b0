"""The engine `numeric`: forward, central, complex-step and Richardson differences, as graph.

The step of each element is a formula in the element and the unit in the last place; its constants
balance truncation against rounding (Dennis and Schnabel, Numerical Methods for Unconstrained
Optimization, section 5.4; Press et al., Numerical Recipes, section 5.7).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from graphc.core.dtype import complex_with
from graphc.core.errors import ArgumentError, DTypeError, EngineError
from graphc.core.graph import Graph
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.type import TensorType
from graphc.core.walk import topological_order_until
from graphc.diff.columns import closed, map_columns
from graphc.ops.control import results_of
from graphc.ops.flow.inner import Body, bodies_run, is_running, with_bodies

METHODS = ("forward", "central", "complex-step", "richardson")

#: Levels of Richardson's table: the error falls as step**(2 * LEVELS).
LEVELS = 4


def relative_step(method: str, epsilon: float) -> float:
    """Returns the step for |x| <= 1 that balances truncation and rounding at a machine epsilon."""
    if method == "forward":
        return epsilon ** (1 / 2)
    if method == "central":
        return epsilon ** (1 / 3)
    if method == "complex-step":
        return epsilon**2  # no difference is taken, so no digits are lost: the smaller the better
    return 2 * epsilon ** (1 / (2 * LEVELS + 1))


def numeric_jacobian(
    output: Node,
    wrt: Node,
    method: str = "central",
    step: float | None = None,
    search: bool = False,
    chunk: int = 64,
) -> Node:
    """Returns the Jacobian by differences: shape output.shape + wrt.shape.

    Args:
        output: any shape.
        wrt: any shape.
        method: one of METHODS.
        step: relative step; `relative_step(method, epsilon)` unless given. The step of an element
            x is this times max(|x|, 1), a power of two away from losing digits in x + h. Made for
            a first derivative: where central differences are taken n times over, rounding grows as
            epsilon / step**n, and epsilon**(1 / (n + 2)) is the better step for each of them.
        search: for forward and central, try eight steps for each element when the graph runs and
            keep the one that changed least.
        chunk: elements perturbed at once.

    Raises:
        EngineError: the method is unknown, or complex-step meets an op that is not holomorphic.
    """
    if method not in METHODS:
        raise EngineError(f"there is no numeric method {method!r}", f"use {', '.join(METHODS)}")
    if search and method not in ("forward", "central"):
        raise ArgumentError(f"a search for the step is for forward and central, not {method}")
    if step is not None and not (isinstance(step, (int, float)) and 0 < step < float("inf")):
        raise ArgumentError(
            f"step={step!r} is no positive number", "leave it out: the step is then chosen"
        )
    relative = relative_step(method, wrt.dtype.epsilon) if step is None else float(step)
    scale = apply_named("maximum", apply_named("abs", wrt), 1.0)
    size = scale * relative
    graph, args = closed(output, wrt)
    others = args[1:]
    if method == "complex-step":
        return _complex_step(output, wrt, graph, others, size, chunk)

    def at(value: Node, hot: Node, entry: Node) -> Node:
        moved = entry if value.ndim == 0 else apply_named("where", hot, entry, value)
        return graph.inline([moved, *others])[0]

    if method == "forward":

        def difference(value: Node, hot: Node, x: Node, h: Node) -> Node:
            plus = x + h
            return (at(value, hot, plus) - at(value, hot, x)) / (plus - x)
    else:

        def difference(value: Node, hot: Node, x: Node, h: Node) -> Node:
            plus, minus = x + h, x - h
            return (at(value, hot, plus) - at(value, hot, minus)) / (plus - minus)

    def column(value: Node, hot: Node, entries: Sequence[Node]) -> Node:
        x, h = entries
        if search:
            return _least_change([difference(value, hot, x, h * 4.0 ** (2 - k)) for k in range(8)])
        if method == "richardson":
            return _richardson([difference(value, hot, x, h * 0.5**k) for k in range(LEVELS)])
        return difference(value, hot, x, h)

    return map_columns(output, wrt, column, [wrt, size], chunk)


def _richardson(row: Sequence[Node]) -> Node:
    """Returns the corner of Richardson's table of central differences at h, h/2, h/4, ....

    Source: Richardson and Gaunt (1927); each column cancels the next even power of h.
    """
    current = list(row)
    for order in range(1, len(current)):
        weight = 4.0**order
        current = [
            fine + (fine - coarse) * (1 / (weight - 1))
            for coarse, fine in itertools.pairwise(current)
        ]
    return current[0]


def _least_change(row: Sequence[Node]) -> Node:
    """Returns the difference quotient that differs least from that with the next larger step."""
    changes = [apply_named("abs", b - a) for a, b in itertools.pairwise(row)]
    best, least = row[1], changes[0]
    for value, change in zip(row[2:], changes[1:], strict=True):
        better = change < least
        best = apply_named("where", better, value, best)
        least = apply_named("where", better, change, least)
    return best


# -- the complex step ------------------------------------------------------------------------------


def _complex_step(
    output: Node, wrt: Node, graph: Graph, others: Sequence[Node], size: Node, chunk: int
) -> Node:
    function = complexified(graph)

    def column(value: Node, hot: Node, entries: Sequence[Node]) -> Node:
        (h,) = entries
        imaginary = h if value.ndim == 0 else apply_named("where", hot, h, scalar(0.0, h.dtype))
        moved = apply_named("complex", value, imaginary)
        return apply_named("imag", function([moved, *others])) / h

    return map_columns(output, wrt, column, [size], chunk)


def complexified(graph: Graph) -> Callable[[Sequence[Node]], Node]:
    """Returns the block's first output as a function of a complex first operand.

    Raises:
        EngineError: an op on the way is not holomorphic, or the dtype has no complex partner.
    """
    source = graph.inputs[0]
    if source.dtype.bits < 32:
        raise EngineError(f"complex-step does not apply: there is no complex {source.dtype.name}")

    def function(args: Sequence[Node]) -> Node:
        return _rebuild_complex(graph, args)[0]

    probe = apply_named(
        "formal",
        name="z·",
        type=TensorType(source.shape, complex_with(source.dtype)),
        level=source.params.get("level", 0) + 1,
    )
    function([probe, *graph.inputs[1:]])  # fails here, with the op's name, and not inside a map
    return function


def _rebuild_complex(graph: Graph, args: Sequence[Node]) -> list[Node]:
    done = dict(zip(graph.inputs, args, strict=True))
    tuples: dict[Node, list[Node]] = {}
    for node in topological_order_until(graph.outputs, done):
        if node.op.name == "item" and node.args[0] in tuples:
            done[node] = tuples[node.args[0]][node.params["index"]]
            continue
        new = tuple(done[a] for a in node.args)
        if not any(_is_complex(a) for a in new):
            done[node] = make(node.op, new, node.params)
        elif node.op.name in ("call", "recompute", "custom"):
            results = _rebuild_complex(node.params["graph"], new)
            tuples[node] = results
            done[node] = results[0]
        elif is_running(node) and node.op.name != "map":
            results = results_of(_complex_bodies(node, new))
            tuples[node] = results
            done[node] = results[0]
        else:
            done[node] = _make_complex(node, new)
    return [done[o] for o in graph.outputs]


def _complex_bodies(node: Node, args: Sequence[Node]) -> Node:
    """Returns a loop or a choice of complex operands: its bodies with complex inputs."""
    carries = node.params.get("carries", 0)
    turned = {i for i, a in enumerate(args) if _is_complex(a)}
    while True:
        made = [_complex_body(body, turned) for body in bodies_run(node)]
        outputs = made[-1].outputs
        more = turned | {i for i in range(carries) if _is_complex(outputs[i])}
        if more == turned:
            break
        turned = more
    if node.op.name == "switch":
        alive = {i for graph in made for i, o in enumerate(graph.outputs) if _is_complex(o)}
        made = [_as_complex(graph, alive) for graph in made]
    else:
        made[-1] = _as_complex(made[-1], {i for i in turned if i < carries})
    full = [_cast_complex(a) if i in turned else a for i, a in enumerate(args)]
    return make(node.op, tuple(full), with_bodies(node, made))


def _complex_body(body: Body, turned: set[int]) -> Graph:
    graph = body.graph
    inputs = [
        make(f.op, (), {**f.params, "type": TensorType(f.shape, complex_with(f.dtype))})
        if i in turned and f.dtype.is_float
        else f
        for i, f in zip(body.operands, graph.inputs, strict=True)
    ]
    return Graph(inputs, _rebuild_complex(graph, inputs), graph.name)


def _as_complex(graph: Graph, outputs: set[int]) -> Graph:
    made = [_cast_complex(o) if i in outputs else o for i, o in enumerate(graph.outputs)]
    return Graph(graph.inputs, made, graph.name)


def _cast_complex(node: Node) -> Node:
    if _is_complex(node) or not node.dtype.is_float:
        return node
    return apply_named("cast", node, dtype=complex_with(node.dtype))


def _make_complex(node: Node, args: tuple[Node, ...]) -> Node:
    try:
        if node.op.name == "cast" and node.params["dtype"].is_float:
            return make(node.op, args, {"dtype": complex_with(node.params["dtype"])})
        if not node.op.holomorphic:
            raise DTypeError(f"{node.op.name} is not holomorphic, so it has no complex operand")
        if node.op.name == "cast" or "graph" in node.params:
            raise DTypeError(f"{node.op.name} has no complex form")
        target = next(a.dtype for a in args if _is_complex(a))
        same = [apply_named("cast", a, dtype=target) if a.dtype.is_float else a for a in args]
        return make(node.op, tuple(same), node.params)
    except DTypeError as error:
        raise EngineError(
            f"complex-step does not apply: {describe(node, 2)} is in the way, {error.rule}",
            "use central or richardson",
        ) from None


def _is_complex(node: Node) -> bool:
    return isinstance(node.type, TensorType) and node.type.dtype.kind == "c"
