"""What people call: `block` makes a function a sub-graph, `map` applies one over a batch."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import guarded, public
from graphc.core.const import freeze
from graphc.core.dim import Dim
from graphc.core.dtype import DType
from graphc.core.errors import ArgumentError, ShapeError
from graphc.core.graph import trace, trace_once
from graphc.core.node import Node, as_node, make
from graphc.core.tree import flatten
from graphc.core.type import TensorType
from graphc.ops.control import (
    call,
    map_graph,
    results_of,
)


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
