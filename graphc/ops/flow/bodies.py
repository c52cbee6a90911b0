"""From Python functions to the bodies of loops and branches: formals, nests, captured values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.graph import LEAF_OPS, Graph, close_over
from graphc.core.naming import describe_operand
from graphc.core.node import Node, apply_named, as_node, make
from graphc.core.tree import flatten
from graphc.core.type import Size, TensorType, as_index
from graphc.core.walk import depends_on, rebuild, topological_order

Rest = TypeVar("Rest")

#: Ops that only make a value larger: their operand is what a body takes from outside.
_SPREADING = frozenset({"broadcast_to"})

#: Nodes that a body may have once its blocks are written out; larger ones stay as they are.
MAX_OPENED = 20_000


@dataclass(frozen=True, slots=True)
class Nest:
    """A nest of values without its Nones, and how it is put together again.

    Attributes:
        leaves: what is in it, Nones left out.
        build: makes the nest of other leaves.
        form: the nest in words; equal for nests of one structure.
    """

    leaves: list[Any]
    build: Callable[[Sequence[Any]], Any]
    form: str


def nest_of(tree: Any) -> Nest:
    """Returns a nest's leaves and structure; None is a part without a leaf."""
    parts, rebuilt = flatten(tree)
    spots = [i for i, part in enumerate(parts) if part is not None]

    def build(leaves: Sequence[Any]) -> Any:
        filled: list[Any] = [None] * len(parts)
        for spot, leaf in zip(spots, leaves, strict=True):
            filled[spot] = leaf
        return rebuilt(filled)

    form = repr(build([_Leaf(i) for i in range(len(spots))]))
    return Nest([parts[i] for i in spots], build, form)


class _Leaf:
    """Stands for a leaf where a nest is written down."""

    def __init__(self, index: int) -> None:
        self.index = index

    def __repr__(self) -> str:
        return "*"


def check_function(function: Any, what: str, arguments: int | None) -> None:
    """Raises ArgumentError where something is no function of so many arguments."""
    if not callable(function) or isinstance(function, Node):
        raise ArgumentError(
            f"{what} is {describe_operand(function)}, no function", "pass a Python function"
        )
    if arguments is None:
        return
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):  # some functions of C have none
        return
    try:
        found.bind(*[None] * arguments)
    except TypeError:
        count = counted(arguments, "argument")
        raise ArgumentError(
            f"{what} is called with {count}, and {name_of(function, 'it')} takes {found}",
            f"give it {count}",
        ) from None


def known(size: Size) -> int:
    """Returns a size that was seen to be no name."""
    assert isinstance(size, int)
    return size


def counted(number: int, word: str) -> str:
    """Returns `1 number`, `2 numbers`."""
    return f"{number:,} {word}{'s' * (number != 1)}"


def check_flag(value: Any, what: str) -> None:
    """Raises ArgumentError where a flag is neither True nor False."""
    if not isinstance(value, bool):
        raise ArgumentError(
            f"{what}={describe_operand(value)} is neither True nor False", "say one of them"
        )


def name_of(function: Any, otherwise: str) -> str:
    """Returns what a function is called in pictures."""
    name = getattr(function, "__name__", otherwise)
    return otherwise if name == "<lambda>" else name


def leaf_names(function: Any, nests: Sequence[tuple[str, Nest]]) -> list[str]:
    """Returns names for the leaves of a function's arguments, after its own parameters.

    Args:
        function: what is called with the nests.
        nests: for each argument the word where the function has none, and the nest.
    """
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions of C have none
        found = []
    own = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names: list[str] = []
    for position, (word, nest) in enumerate(nests):
        label = own[position] if position < len(own) else word
        for index in range(len(nest.leaves)):
            name = label if len(nest.leaves) == 1 else f"{label}{index}"
            while name in names:
                name += "'"
            names.append(name)
    return names


def nodes_of(leaves: Sequence[Any]) -> list[Node]:
    """Returns graph values of a nest's leaves: numbers and arrays become constants."""
    return [as_node(leaf) for leaf in leaves]


def is_number(leaf: Any) -> bool:
    """Tells whether a leaf is a plain Python number, which takes the dtype of what it meets."""
    return type(leaf) in (bool, int, float)


def formals_of(types: Sequence[TensorType], names: Sequence[str], level: int) -> list[Node]:
    """Returns the formals of a body that is being traced."""
    return [
        apply_named("formal", name=n, type=t, level=level)
        for n, t in zip(names, types, strict=True)
    ]


def close_bodies(
    formals: Sequence[Node], results: Sequence[Sequence[Node]], name: Sequence[str], every: bool
) -> tuple[list[Graph], list[Node]]:
    """Returns closed graphs of one list of inputs, and the outer values to call them with.

    A value that does not depend on the formals is computed once, outside. Of branches, of which
    one alone is run, only what all of them need is.

    Args:
        formals: what the bodies were traced on.
        results: the outputs of each body.
        name: what each body is called.
        every: whether all bodies run (a loop's), or one of them (branches).
    """
    orders = [topological_order(outputs) for outputs in results]
    outer: list[set[Node]] = []
    for order in orders:
        given = depends_on(order, [n for n in order if n.op.name in LEAF_OPS])
        inner = depends_on(order, formals)
        outer.append({n for n in order if n in given and n not in inner})
    shared = set[Node]().union(*outer) if every else set[Node].intersection(*outer)
    cut: dict[Node, None] = {}
    for order, outputs in zip(orders, results, strict=True):
        if not every:  # an item goes with the op it takes apart
            shared |= {n for n in order if n.op.name == "item" and n.args[0] in shared}
        for node in order:
            if node not in shared:
                cut.update(dict.fromkeys(_source(a, shared) for a in node.args if a in shared))
        cut.update(dict.fromkeys(_source(o, shared) for o in outputs if o in shared))
    flat = [output for outputs in results for output in outputs]
    whole, others = close_over(flat, [*formals, *cut], name[0])
    graphs: list[Graph] = []
    start = 0
    for label, outputs in zip(name, results, strict=True):
        part = whole.outputs[start : start + len(outputs)]
        graphs.append(Graph(whole.inputs, part, label))
        start += len(outputs)
    return graphs, [*cut, *others]


def _source(node: Node, shared: set[Node]) -> Node:
    """Returns the value of which a captured one is a mere enlargement."""
    while node.op.name in _SPREADING and node.args[0] in shared:
        node = node.args[0]
    return node


def tensor_leaves(leaves: Sequence[Any], what: str) -> list[Node]:
    """Returns a body's results as graph values.

    Raises:
        ArgumentError: one of them is neither a graph value nor a number.
    """
    made: list[Node] = []
    for leaf in leaves:
        try:
            made.append(as_node(leaf))
        except ArgumentError:
            raise ArgumentError(
                f"{what} returned {describe_operand(leaf)}, something that is no graph value",
                "return nodes, numbers, or nests of them",
            ) from None
    return made


def opened(outputs: Sequence[Node]) -> list[Node]:
    """Returns nodes with every `call` among them written out; they come back where there is none.

    What a block keeps for its backward pass can then be told from what it need not.
    """
    while True:
        order = topological_order(outputs)
        calls = [n for n in order if n.op.name == "call"]
        size = len(order) + sum(n.params["graph"].steps for n in calls)
        if not calls or size > MAX_OPENED:
            return list(outputs)
        results: dict[Node, list[Node]] = {}

        def step(
            node: Node, args: tuple[Node, ...], results: dict[Node, list[Node]] = results
        ) -> Node:
            if node.op.name == "item" and node.args[0] in results:
                return results[node.args[0]][node.params["index"]]
            if node.op.name != "call":
                return make(node.op, args, node.params)
            results[node] = node.params["graph"].inline(args)
            return results[node][0]

        outputs = rebuild(outputs, {}, step)


def carried_on(carry: Nest, start: Sequence[Node], result: Any, name: str) -> list[Node]:
    """Returns what a body carries on, as graph values.

    Raises:
        ArgumentError: it is of another nest than what the body got, or no graph value.
    """
    after = nest_of(result)
    if carry.form != after.form:
        raise ArgumentError(
            f"the carry is {carry.form}, and {name} returns {after.form} for it",
            "return the same nest",
        )
    return [
        as_node(leaf, node.dtype) if is_number(leaf) else tensor_leaves([leaf], name)[0]
        for leaf, node in zip(after.leaves, start, strict=True)
    ]


def settled(
    carry: Nest, attempt: Callable[[Sequence[Node]], tuple[list[Node], Rest]]
) -> tuple[list[Node], list[Node], Rest]:
    """Returns the first carries, what the body makes of them, and what else the attempt returned.

    A plain number as a first carry starts in its default dtype and then takes the one that the body
    makes of it, so that a sum of float64 may start from 0.
    """
    start = nodes_of(carry.leaves)
    carried, rest = attempt(start)
    weak = [
        is_number(leaf) and old.dtype is not new.dtype and not new.shape
        for leaf, old, new in zip(carry.leaves, start, carried, strict=True)
    ]
    if any(weak):
        start = [
            as_node(leaf, new.dtype) if w else old
            for leaf, old, new, w in zip(carry.leaves, start, carried, weak, strict=True)
        ]
        carried, rest = attempt(start)
    return start, carried, rest


def check_carry_types(
    before: Sequence[Node], after: Sequence[Node], names: Sequence[str], name: str
) -> None:
    """Raises ShapeError or DTypeError where a body changes the type of what it carries."""
    for label, old, new in zip(names, before, after, strict=False):
        if old.type != new.type:
            cast = old.shape == new.shape
            mend = f"start from gx.cast(..., '{new.dtype.name}')" if cast else "keep its shape"
            kind = DTypeError if cast else ShapeError
            raise kind(
                f"the carry {label} is {old.type}, and {name} returns {new.type} for it", mend
            )


def check_counts(graph: Graph, **counts: int) -> None:
    """Raises ArgumentError where the numbers of a loop's carries and entries are none of its body.

    Functions count them right; a saved file may say anything.
    """
    for name, count in counts.items():
        if as_index(count) is None or count < 0:
            raise ArgumentError(f"{name}={show_value(count)} is no count")
    if sum(counts.values()) > len(graph.inputs) or counts["carries"] > len(graph.outputs):
        raise ArgumentError(f"{graph.name} has fewer inputs or results than {counts}")
