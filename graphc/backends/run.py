"""The fold every backend shares: bind sizes, walk the graph, let the namespace run each record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, BudgetError, DimError, ShapeError
from graphc.core.graph import Graph
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import Shape, show_shape
from graphc.core.walk import fold
from graphc.ops.flow.join import join_loops, joined_outputs

#: Steps of one call of a block: hours of work for NumPy, and far above what XLA compiles.
MAX_STEPS = 10**9


class Namespace(Protocol):
    """What a backend gives: array functions for `Op.run`, and how one node is computed."""

    sizes: Mapping[str, int]
    #: Whether loops that take the same steps are run as one; False where each node is watched.
    joins_loops: bool
    #: Whether while loops that have a bound are run as scans.
    scans_loops: bool

    def apply(self, node: Node, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Returns the node's value from its operands' values."""
        ...


def run(outputs: Sequence[Node], values: Mapping[Node, Any], xp: Namespace) -> list[Any]:
    """Returns the outputs' values, given those of the leaves or of any nodes that cut the graph."""

    def step(node: Node, args: list[Any]) -> Any:
        if node in values:
            return values[node]
        params = node.params
        if params and any(_mentions_dim(v) for v in params.values()):
            params = {k: resolve(v, xp.sizes) for k, v in params.items()}
        return xp.apply(node, args, params)

    return fold(outputs, step)


def run_joined(outputs: Sequence[Node], values: Mapping[Node, Any], xp: Namespace) -> list[Any]:
    """Returns what `run` returns, with loops that take the same steps run as one."""
    return run(join_loops(outputs, values, xp.scans_loops), values, xp)


def check_steps(graph: Graph, times: int) -> None:
    """Raises BudgetError where a body would be run so often that it takes days."""
    if graph.steps * times > MAX_STEPS:
        raise BudgetError(
            f"{graph.name} is run {times:,} times: {graph.steps * times:,} steps, above "
            f"{MAX_STEPS:,}",
            "compile it, or make the loop shorter",
        )


def check_bound(graph: Graph, bound: int | None, steps: int) -> None:
    """Raises BudgetError where a loop takes one step more than it may.

    Args:
        graph: its body.
        bound: how many it may take; None for any number that NumPy can run.
        steps: how many it has taken.
    """
    if bound is not None and steps >= bound:
        raise BudgetError(
            f"the loop {graph.name} goes on beyond its bound of {bound:,} steps",
            "give while_loop a larger bound",
        )
    check_steps(graph, steps)


def run_graph(graph: Graph, args: Sequence[Any], xp: Namespace) -> list[Any]:
    """Returns the outputs of a block for the given inputs.

    Raises:
        BudgetError: blocks that call blocks would be run for days.
    """
    if graph.steps > MAX_STEPS:
        raise BudgetError(
            f"{graph.name} calls blocks that call blocks: {graph.steps:,} steps, above "
            f"{MAX_STEPS:,}",
            "build fewer levels, or call each block less often",
        )
    outputs = joined_outputs(graph, xp.scans_loops) if xp.joins_loops else graph.outputs
    return run(outputs, dict(zip(graph.inputs, args, strict=True)), xp)


def _mentions_dim(value: Any) -> bool:
    if isinstance(value, Dim):
        return True
    return isinstance(value, tuple) and any(map(_mentions_dim, value))


def resolve(value: Any, sizes: Mapping[str, int]) -> Any:
    """Returns a parameter with every named size replaced by its number."""
    if isinstance(value, Dim):
        return value.value(sizes)
    return tuple([resolve(v, sizes) for v in value]) if isinstance(value, tuple) else value


def bind_sizes(inputs: Sequence[Node], shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """Returns the numbers that named sizes have, and checks every shape against its declaration.

    Raises:
        ShapeError: a shape differs from the declared one.
        DimError: one name would stand for two numbers, or for none.
    """
    sizes: dict[str, tuple[int, Node]] = {}
    open_ends: list[tuple[Dim, int, Node, int]] = []
    for node, shape in zip(inputs, shapes, strict=True):
        declared: Shape = node.type.shape
        fits = len(declared) == len(shape) and all(
            isinstance(d, Dim) or d == s for d, s in zip(declared, shape, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"{describe(node)} is declared {node.type}, the value has shape "
                f"{show_shape(tuple(shape)) or '[]'}",
                "pass a value of that shape, or declare another",
            )
        for axis, (size, number) in enumerate(zip(declared, shape, strict=True)):
            if isinstance(size, Dim):
                name = _plain_name(size)
                if name is None:
                    open_ends.append((size, number, node, axis))
                    continue
                known, first = sizes.setdefault(name, (number, node))
                if known != number:
                    raise DimError(
                        f"the size {name!r} is {known} in {describe(first)} and {number} in "
                        f"{describe(node)}",
                        "pass arrays that agree in it",
                    )
    found = {name: number for name, (number, _) in sizes.items()}
    for _ in open_ends:  # one may need what another gives
        for size, number, _, _ in open_ends:
            _solve(size, number, found)
    for size, number, node, axis in open_ends:
        _check_size(size, number, node, axis, found)
    return found


def _check_size(size: Dim, number: int, node: Node, axis: int, found: Mapping[str, int]) -> None:
    """Raises DimError where an axis can't have the number it has."""
    words = f"axis {axis} of {describe(node)} is declared {size}, the value has {number}"
    unknown = [n for n in size.names if n not in found]
    if len(unknown) == 1 and _is_linear(size, unknown[0]):
        raise DimError(
            f"{words}, which no {unknown[0]} of 0 or more gives",
            "pass an array of such a size, or declare another",
        )
    if size.value(found) != number:  # value() raises where names are unknown
        bound = ", ".join(f"{n} = {found[n]}" for n in size.names)
        raise DimError(
            f"{words}, but it is {size.value(found)} for {bound}", "pass arrays that agree in it"
        )


def _is_linear(size: Dim, name: str) -> bool:
    return all(p == 1 for monomial, _ in size.terms for n, p in monomial if n == name)


def _plain_name(size: Dim) -> str | None:
    if len(size.names) == 1 and size.terms == ((((size.names[0], 1),), 1),):
        return size.names[0]
    return None


def _solve(size: Dim, number: int, found: dict[str, int]) -> None:
    """Binds the name of c * name + d where it alone is unknown."""
    unknown = [n for n in size.names if n not in found]
    if len(unknown) != 1 or not _is_linear(size, unknown[0]):
        return
    at_zero = size.value({**found, unknown[0]: 0})
    slope = size.value({**found, unknown[0]: 1}) - at_zero
    if slope and (number - at_zero) % slope == 0 and (number - at_zero) // slope >= 0:
        found[unknown[0]] = (number - at_zero) // slope


def spare_inputs(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """Returns the inputs that derivatives among the outputs came from and no longer need.

    The gradient of 3 x is 3, and passing x to it is no mistake; that of a mean needs no data, but
    the data tell its named size.
    """
    found = dict.fromkeys(n for output in outputs for n in output.origin)
    for node in inputs:
        found.pop(node, None)
    return list(found)


def check_nodes(values: Sequence[Any], caller: str) -> None:
    """Raises ArgumentError where one of the values is no node."""
    for value in values:
        if not isinstance(value, Node):
            raise ArgumentError(f"{value!r} is no graph value", f"{caller} takes nodes")


def merged(inputs: Any, named: Mapping[str, Any]) -> dict[Any, Any]:
    """Returns the values given in one mapping and by keyword together.

    Raises:
        ArgumentError: what was given is no mapping.
    """
    if inputs is None:
        return dict(named)
    if not isinstance(inputs, Mapping):
        raise ArgumentError(
            f"the values {inputs!r} are no mapping", "write {'x': 1.0}, by name or by node"
        )
    twice = [k for k in inputs if (k.name if isinstance(k, Node) else k) in named]
    if twice:
        key = twice[0].name if isinstance(twice[0], Node) else twice[0]
        raise ArgumentError(f"there are two values for {key!r}", "give it one")
    return {**inputs, **named}


def name_values(
    inputs: Sequence[Node],
    given: Mapping[Any, Any],
    spare: Sequence[Node] = (),
) -> dict[Node, Any]:
    """Returns the value of each input from a mapping by name or by node.

    Args:
        inputs: the nodes that need a value.
        given: the values.
        spare: nodes that may have a value too.

    Raises:
        ArgumentError: a value is missing, or there is one for no input.
    """
    if not isinstance(given, Mapping):
        raise ArgumentError(
            f"the values {given!r} are no mapping", "write {'x': 1.0}, by name or by node"
        )
    names = {n.params["name"]: n for n in (*spare, *inputs)}
    found: dict[Node, Any] = {}
    for key, value in given.items():
        if isinstance(key, Node):
            node = key
            if key.args or names.get(key.params.get("name", "")) is not key:
                raise ArgumentError(f"{describe(key)} is no input of this graph", _known(names))
        else:
            node = names.get(key)
            if node is None:
                raise ArgumentError(f"there is no input named {key!r}", _known(names))
        if node in found:
            raise ArgumentError(f"there are two values for {describe(node)}", "give it one")
        found[node] = value
    missing = [n for n in inputs if n not in found]
    if missing:
        listed = ", ".join(f"{describe(n)}: {n.type}" for n in missing[:6])
        raise ArgumentError(f"no value for {listed}", "pass every input by name")
    return found


def _known(names: Mapping[str, Node]) -> str:
    return "the inputs are " + (", ".join(list(names)[:12]) or "none")
