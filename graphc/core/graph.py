"""Closed graphs: a list of inputs and the outputs made from nothing but them and constants.

A Graph is what is compiled, drawn and compared, and what the sub-graph ops (`call`, `map`, `scan`,
`while_loop`, `switch`, ...) carry as a parameter.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, BudgetError, NameClashError, show_place, show_value
from graphc.core.naming import describe, describe_operand
from graphc.core.node import Node, apply_named
from graphc.core.tree import flatten
from graphc.core.type import TensorType
from graphc.core.walk import rebuild, topological_order

#: Ops whose nodes stand for values given from outside.
LEAF_OPS = frozenset({"input", "param", "formal"})

#: Blocks may nest this deep: evaluators and lowering enter a block by a Python call.
MAX_NESTING = 100


class Graph:
    """A function as a graph: `outputs` computed from `inputs`.

    Two Graphs of the same inputs and outputs are equal. Immutable.

    Args:
        inputs: input, parameter or formal nodes, each once.
        outputs: nodes that need no other inputs than these.
        name: what the block is called in pictures; no part of its identity.

    Raises:
        ArgumentError: an output needs an input that is not listed.
        NameClashError: two inputs share a name.
        BudgetError: blocks nest deeper than 100.
    """

    __slots__ = ("__weakref__", "inputs", "name", "nesting", "outputs", "steps")

    @guarded("Graph", direct=True)
    def __init__(
        self, inputs: Sequence[Node], outputs: Sequence[Node], name: str = "graph"
    ) -> None:
        self.inputs = _nodes(inputs, "inputs", LEAF_OPS)
        self.outputs = _nodes(outputs, "outputs", None)
        self.name = _checked_name(name)
        listed = set(self.inputs)
        nesting = steps = 0
        for node in topological_order(self.outputs):
            if node.op.name in LEAF_OPS and node not in listed:
                raise ArgumentError(
                    f"the graph {show_value(name)} needs {describe(node)}: {node.type}, which is "
                    f"not among its inputs ({', '.join(map(describe, self.inputs)) or 'none'})",
                    f"add {describe(node)} to the inputs",
                )
            steps += 1
            for body in bodies(node):
                nesting = max(nesting, body.nesting + 1)
                steps += body.steps
        check_names(self.inputs)
        if nesting > MAX_NESTING:
            raise BudgetError(f"blocks nest {nesting} deep, above {MAX_NESTING}", "build inline")
        self.nesting = nesting
        #: Nodes that one evaluation visits, each block counted at every call of it.
        self.steps = steps

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.freeze_key == other.freeze_key

    def __hash__(self) -> int:
        return hash(self.freeze_key)

    @property
    def freeze_key(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What identifies the graph within the process."""
        return tuple(n.uid for n in self.inputs), tuple(n.uid for n in self.outputs)

    def __repr__(self) -> str:
        inputs = ", ".join(f"{describe(n)}: {n.type}" for n in self.inputs[:6])
        more = ", ..." if len(self.inputs) > 6 else ""
        return (
            f"<graph {self.name}({inputs}{more}) -> {', '.join(str(n.type) for n in self.outputs)}>"
        )

    def order(self) -> list[Node]:
        """Returns the nodes, operands before users."""
        return topological_order(self.outputs)

    def inline(self, args: Sequence[Node]) -> list[Node]:
        """Returns the outputs with the inputs replaced by `args` (same types)."""
        for formal, arg in zip(self.inputs, args, strict=True):
            if formal.type != arg.type:
                raise ArgumentError(
                    f"{self.name} takes {describe(formal)}: {formal.type}, "
                    f"not {describe(arg)}: {arg.type}"
                )
        return rebuild(self.outputs, dict(zip(self.inputs, args, strict=True)))


def _nodes(given: Any, what: str, ops: frozenset[str] | None) -> tuple[Node, ...]:
    """Returns the nodes given, having seen that they are nodes, of these ops where some are named.

    Raises:
        ArgumentError: they are no list of nodes, or one of them is no input.
    """
    if not isinstance(given, (list, tuple)):
        raise ArgumentError(
            f"{what}={describe_operand(given)} is no list of nodes", f"write {what}=[x, y]"
        )
    for node in given:
        if not isinstance(node, Node):
            raise ArgumentError(
                f"{describe_operand(node)} among the {what} is no graph value",
                "build it from gx.input and ops",
            )
        if ops is not None and node.op.name not in ops:
            raise ArgumentError(
                f"{describe_operand(node)} is no input", "list gx.input and gx.param nodes"
            )
    return tuple(given)


def _checked_name(name: Any) -> str:
    if not isinstance(name, str):
        raise ArgumentError(f"name={describe_operand(name)} is no text", 'for example name="loss"')
    return name


def bodies(node: Node) -> Iterator[Graph]:
    """Yields the graphs that a node carries as parameters."""
    for value in node.params.values():
        if isinstance(value, Graph):
            yield value
        elif isinstance(value, tuple):  # the branches of a choice
            yield from (part for part in value if isinstance(part, Graph))


def nodes_everywhere(roots: Sequence[Node]) -> Iterator[Node]:
    """Yields the nodes that the roots need and then those of their blocks, each once."""
    seen: set[Node] = set()
    graphs: set[Graph] = set()
    todo: list[Sequence[Node]] = [roots]
    for part in todo:  # it grows on the way
        for node in topological_order(part):
            if node in seen:
                continue
            seen.add(node)
            yield node
            for body in bodies(node):
                if body not in graphs:
                    graphs.add(body)
                    todo.append(body.outputs)


def holds_op(roots: Sequence[Node], name: str) -> bool:
    """Tells whether the roots need an op, in their graph or in one of its blocks."""
    return any(node.op.name == name for node in nodes_everywhere(roots))


def leaves(roots: Iterable[Node]) -> list[Node]:
    """Returns the inputs, parameters and formals that the roots need, in topological order.

    Raises:
        NameClashError: two of them share a name.
    """
    found = [node for node in topological_order(roots) if node.op.name in LEAF_OPS]
    check_names(found)
    return found


def check_names(nodes: Sequence[Node]) -> None:
    """Raises NameClashError where two different leaves share a name."""
    seen: dict[str, Node] = {}
    for node in nodes:
        name = node.params["name"]
        first = seen.setdefault(name, node)
        if first is not node:
            what = f"{first.op.name} {first.type} at {show_place(first.place)}"
            raise NameClashError(
                f"the name {show_value(name)} stands for two inputs: {what} and {node.op.name} "
                f"{node.type} at {show_place(node.place)}",
                "rename one, or declare it once and use it twice",
            )


_level: contextvars.ContextVar[int] = contextvars.ContextVar("graphc_trace_level", default=0)

#: What the outermost trace in progress has traced already, by function, level, types and options:
#: a block that calls another twice, 60 deep, is 60 traces and not 2**60.
_traced: contextvars.ContextVar[dict[Any, Any] | None] = contextvars.ContextVar(
    "graphc_traced", default=None
)


@contextmanager
def trace_level() -> Generator[int]:
    """Gives the nesting level of a trace, so that formals of nested blocks never coincide.

    Raises:
        BudgetError: blocks nest deeper than 100; each level takes frames of Python.
    """
    if _level.get() > MAX_NESTING:
        raise BudgetError(f"blocks nest deeper than {MAX_NESTING}", "build inline")
    token = _level.set(_level.get() + 1)
    outermost = _traced.set({}) if _traced.get() is None else None
    try:
        yield _level.get()
    finally:
        _level.reset(token)
        if outermost is not None:
            _traced.reset(outermost)


def trace_once(
    key: Any,
    function: Callable[..., Any],
    types: Sequence[TensorType],
    names: Sequence[str],
    name: str,
) -> tuple[Graph, list[Node], Any]:
    """Returns `trace`, or what it returned for the same key earlier in the outermost trace."""
    known = _traced.get()
    if known is None or key is None:
        return trace(function, types, names, name)
    full = (key, _level.get(), tuple(types))
    if full not in known:
        known[full] = trace(function, types, names, name)
    return known[full]


def trace(
    function: Callable[..., Any], types: Sequence[TensorType], names: Sequence[str], name: str
) -> tuple[Graph, list[Node], Any]:
    """Builds the graph of a Python function by calling it once on formal inputs.

    Args:
        function: takes as many nodes as there are types; returns nodes in any nest.
        types: the types of the formals.
        names: their names.
        name: the block's name.

    Returns:
        The closed graph; the outer leaves it captured (extra inputs, after the formals); and the
        nest that the function returned.
    """
    with trace_level() as level:
        formals = [
            apply_named("formal", name=n, type=t, level=level)
            for n, t in zip(names, types, strict=True)
        ]
        result = function(*formals)
    outputs, _ = flatten(result)
    for output in outputs:
        if not isinstance(output, Node):
            raise ArgumentError(
                f"{name} returned {describe_operand(output)}, something that is no graph value",
                "return nodes; gx.constant makes one of a number",
            )
    own = set(formals)
    captured = [
        node for node in topological_order(outputs) if node.op.name in LEAF_OPS and node not in own
    ]
    return close(formals, outputs, captured, level, name), captured, result


def close(
    formals: Sequence[Node],
    outputs: Sequence[Node],
    captured: Sequence[Node],
    level: int,
    name: str,
) -> Graph:
    """Returns the graph over `formals` and, for each captured outer leaf, one more formal."""
    taken = {f.params["name"] for f in formals}
    extra: list[Node] = []
    for leaf in captured:
        label = leaf.params["name"]
        while label in taken:
            label += "'"
        taken.add(label)
        extra.append(apply_named("formal", name=label, type=leaf.type, level=level))
    closed = rebuild(outputs, dict(zip(captured, extra, strict=True)))
    return Graph([*formals, *extra], closed, name)


def close_over(
    outputs: Sequence[Node], inputs: Sequence[Node], name: str
) -> tuple[Graph, list[Node]]:
    """Returns the outputs as a closed graph of fresh formals, and the leaves to call it with.

    Args:
        outputs: nodes of the surrounding graph.
        inputs: nodes (leaves or not) that become the first formals, cut from what made them.
        name: the block's name.

    Returns:
        The graph, whose formals stand for `inputs` and then for the other leaves; and those leaves.
    """
    # Deeper than any formal in sight: formals of one name and level would be one node.
    seen = [n.params["level"] for n in topological_order(outputs) if n.op.name == "formal"]
    level = max([_level.get(), *seen]) + 1
    formals = [
        apply_named("formal", name=label, type=n.type, level=level)
        for n, label in zip(inputs, _labels(inputs), strict=True)
    ]
    cut = rebuild(outputs, dict(zip(inputs, formals, strict=True)))
    own = set(formals)
    others = [n for n in topological_order(cut) if n.op.name in LEAF_OPS and n not in own]
    return close(formals, cut, others, level, name), others


def _labels(nodes: Sequence[Node]) -> list[str]:
    labels: list[str] = []
    for position, node in enumerate(nodes):
        label = node.params.get("name") if node.op.name in LEAF_OPS else None
        label = str(label) if label is not None else f"v{position}"
        while label in labels:
            label += "'"
        labels.append(label)
    return labels
