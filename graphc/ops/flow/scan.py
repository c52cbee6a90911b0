"""`scan`: a body run once for each entry, carrying values along; and the record behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, ShapeError
from graphc.core.graph import Graph, trace_level
from graphc.core.naming import describe, describe_operand
from graphc.core.node import Node, make
from graphc.core.type import Size, TensorType, Type
from graphc.ops.control import NO_FORMULA, by_system, one_or_tuple, results_of, sum_flops
from graphc.ops.define import structural
from graphc.ops.flow.bodies import (
    Nest,
    carried_on,
    check_carry_types,
    check_counts,
    check_flag,
    check_function,
    close_bodies,
    formals_of,
    leaf_names,
    name_of,
    nest_of,
    nodes_of,
    opened,
    settled,
    tensor_leaves,
)
from graphc.ops.flow.scan_rules import scan_pushed, scan_vjp


def _infer(
    *types: TensorType, graph: Graph, carries: int, scanned: int, length: Size, reverse: bool
) -> Type:
    check_counts(graph, carries=carries, scanned=scanned)
    for position, (formal, t) in enumerate(zip(graph.inputs, types, strict=True)):
        inner = t
        if carries <= position < carries + scanned:
            inner = TensorType(t.shape[1:], t.dtype)
            if t.shape[0] != length:
                raise ShapeError(f"a loop of {length} steps has an operand of {t.shape[0]} entries")
        if formal.type != inner:
            raise ShapeError(f"{graph.name} takes {describe(formal)}: {formal.type}, not {inner}")
    for formal, output in zip(graph.inputs, graph.outputs[:carries], strict=False):
        if formal.type != output.type:
            raise ShapeError(f"{describe(formal)} is {formal.type} and becomes {output.type}")
    made = [o.type for o in graph.outputs[:carries]]
    made += [TensorType((length, *o.shape), o.dtype) for o in graph.outputs[carries:]]
    return one_or_tuple(made)


scan_op = structural(
    "scan",
    group="control",
    meet="none",
    infer=_infer,
    run=lambda xp, *x, graph, carries, scanned, length, reverse: xp.loops.scan(
        xp, x, graph, carries, scanned, length, reverse
    ),
    vjp=scan_vjp,
    jvp=scan_pushed("jvp"),
    peers=by_system(scan_vjp, scan_pushed),
    latex=r"\operatorname{{scan}}_{{{graph}}}({0})",
    flops=lambda node: node.params["length"] * sum_flops(node.params["graph"]),
    domain="where its body is defined",
    ulp=0.0,
    bound=scan_pushed("bound"),
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns what a body carries on after the last entry, and its other results, stacked.",
)


@public
def scan(
    body: Any, init: Any, xs: Any = None, length: Any = None, reverse: bool = False
) -> tuple[Any, Any]:
    """Runs `carry, y = body(carry, x)` for each entry of `xs` and returns (last carry, all ys).

    One body, however long the loop: it is traced, compiled, drawn and differentiated once. The
    backward pass keeps from the forward pass what it needs, as a stack of one entry a step. What
    the body takes from outside and does not change is computed once. Blocks in the body are
    written out.

    Args:
        body: `body(carry, x) -> (carry, y)`; nests of graph values, each of which may be None.
        init: the first carry: a nest of graph values, numbers or arrays.
        xs: a nest of graph values whose leading axes are one size; None where the body needs none.
        length: the number of steps, where `xs` does not tell it; an int or a named size.
        reverse: run from the last entry to the first; ys keep the places of their entries.

    Returns:
        The last carry, and the nest of ys, each with a new leading axis.

    Raises:
        ShapeError: the entries differ in number, or a carry changes its shape.
        DTypeError: a carry changes its dtype.
        ArgumentError: the body is no function of two arguments, or returns no pair, or a carry of
            another nest.
    """
    check_function(body, "the body", 2)
    check_flag(reverse, "reverse")
    carry, entries = nest_of(init), nest_of(xs)
    operands = nodes_of(entries.leaves)
    steps = _length(operands, length)
    return looped(body, carry, entries, operands, steps, reverse, name_of(body, "scan"))


def looped(
    body: Callable[[Any, Any], Any],
    carry: Nest,
    entries: Nest,
    operands: Sequence[Node],
    length: Size,
    reverse: bool,
    name: str,
) -> tuple[Any, Any]:
    """Returns what `scan` returns, for operands that have been looked at."""
    names = leaf_names(body, [("carry", carry), ("x", entries)])
    rows = [TensorType(n.shape[1:], n.dtype) for n in operands]
    count = len(carry.leaves)

    def attempt(start: Sequence[Node]) -> tuple[list[Node], tuple[list[Node], list[Node], Nest]]:
        with trace_level() as level:
            formals = formals_of([*[n.type for n in start], *rows], names, level)
            result = body(carry.build(formals[:count]), entries.build(formals[count:]))
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise ArgumentError(
                    f"the body {name} returned {describe_operand(result)}, no pair",
                    "return carry, y; y may be None",
                )
            carried = carried_on(carry, start, result[0], name)
            made = nest_of(result[1])
            return carried, (formals, tensor_leaves(made.leaves, name), made)

    start, carried, (formals, ys, made) = settled(carry, attempt)
    check_carry_types(start, carried, names, name)
    outputs = opened([*carried, *ys])
    (graph,), captured = close_bodies(formals, [outputs], [name], every=True)
    params = {
        "graph": graph,
        "carries": len(start),
        "scanned": len(operands),
        "length": length,
        "reverse": reverse,
    }
    if not outputs:
        return carry.build([]), made.build([])
    found = results_of(make(scan_op, (*start, *operands, *captured), params))
    return carry.build(found[: len(start)]), made.build(found[len(start) :])


def _length(operands: Sequence[Node], length: Any) -> Size:
    """Returns the number of steps."""
    counted = isinstance(length, int) and not isinstance(length, bool) and length >= 0
    if length is not None and not isinstance(length, Dim) and not counted:
        raise ArgumentError(
            f"length={describe_operand(length)} is no count of steps",
            "give an int of 0 or more, or a named size",
        )
    found: Size | None = length
    for position, node in enumerate(operands):
        if not node.ndim:
            raise ShapeError(
                f"xs has the scalar {describe(node)}: {node.type} as its leaf {position}",
                "scan goes over the leading axis; what stays the same need not be passed",
            )
        size = node.shape[0]
        if found is not None and size != found:
            other = f"length={found}" if length is not None else f"another of xs has {found}"
            raise ShapeError(
                f"{describe(node)} has {size} entries, {other}",
                "give all of them one leading size",
            )
        found = size
    if found is None:
        raise ArgumentError("neither xs nor length tells the number of steps", "give length=10")
    return found
