"""The parameters of a graph as a plain nest: which there are, their first and their next values."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.const import Const
from graphc.core.dtype import uint32
from graphc.core.errors import ArgumentError, NameClashError, ShapeError, show_value, user_place
from graphc.core.graph import check_names, nodes_everywhere
from graphc.core.literals import array_of
from graphc.core.naming import describe_operand
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import depends_on, topological_order
from graphc.nn.init import from_spec, key_of
from graphc.ops.assign import assign_op
from graphc.ops.source import input as input_node
from graphc.ops.source import is_spec, is_trainable, param_op


class SymmetryWarning(UserWarning):
    """The weights of hidden units are all equal at first: the units will stay equal for ever."""


@guarded("nn.key")
def key() -> Node:
    """Returns the input `key`, `u32[2]`, that dropout in training draws its numbers from."""
    return input_node("key", (2,), uint32)


@guarded("nn.parameters")
def parameters(nodes: Any) -> dict[str, Any]:
    """Returns the trainable parameters of a graph, as a nest of dicts.

    Args:
        nodes: a node or a nest of nodes.

    Returns:
        A nest by the parts of the names: "dense1.weight" stands at ["dense1"]["weight"]. The order
        is that in which the graph uses them.

    Raises:
        NameClashError: two layers gave their parameters one name; or a name goes on after the
            whole name of another parameter.
    """
    return nest([(str(n.name), n) for n in _params(nodes) if is_trainable(n)])


@guarded("nn.state")
def state(nodes: Any) -> dict[str, Any]:
    """Returns the parameters of a graph that are not trained, see `parameters`."""
    return nest([(str(n.name), n) for n in _params(nodes) if not is_trainable(n)])


@guarded("nn.updates")
def updates(nodes: Any) -> dict[str, Any]:
    """Returns the next values of a graph's state, as `gx.assign` said them, see `parameters`.

    A state that is assigned twice goes from the first value to the second: batch-norm called twice
    moves its mean twice. What is assigned within a block, a loop or a branch is not found here.

    Raises:
        NameClashError: as for `parameters`.
        ArgumentError: a state is assigned within a block.
    """
    roots = roots_of(nodes)
    found: dict[Node, Node] = {}
    for node in nodes_everywhere(roots):
        if node.op is not assign_op:
            continue
        target = node.args[1]
        if target.op is not param_op:
            raise ArgumentError(
                f"the state {describe_operand(target)} is assigned within a block or a loop",
                "return its value from there, and assign it outside",
            )
        if target in found and found[target] is not node.args[2]:
            raise ArgumentError(
                f"the state {describe_operand(target)} is assigned two values",
                "assign it once",
            )
        found[target] = node.args[2]
    check_names(list(found))
    return nest([(str(target.name), value) for target, value in found.items()])


@guarded("nn.initialise")
def initialise(nodes: Any, seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns first values: of the parameters and of the state of a graph, as nests of arrays.

    Each parameter draws from the seed and its own name, so a layer more changes no other's numbers.

    Args:
        nodes: a node or a nest of nodes.
        seed: a whole number from 0 to 2**63 - 1.

    Raises:
        ArgumentError: a parameter has no first value; or its function gave none of its shape.
        NameClashError: as for `parameters`.

    Warns:
        SymmetryWarning: the weights below and above a hidden layer are all equal.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ArgumentError(f"seed={show_value(seed)} is no whole number from 0 to 2**63 - 1")
    trained: list[tuple[str, Any]] = []
    kept: list[tuple[str, Any]] = []
    values = {node: first_value(node, seed) for node in _params(nodes)}
    for node, value in values.items():
        (trained if is_trainable(node) else kept).append((str(node.name), value))
    warn_of_symmetry(roots_of(nodes), values)
    return nest(trained), nest(kept)


def warn_of_symmetry(roots: Sequence[Node], values: Mapping[Node, Any]) -> None:
    """Tells, at the user's line, of hidden units that begin alike and so stay alike for ever."""
    equal = [
        node
        for node, value in values.items()
        if is_trainable(node) and node.ndim >= 2 and np.size(value) > 1 and np.ptp(value) == 0
    ]
    alike = _of_units_alike(equal, roots)
    if alike:
        _tell_symmetry(alike)


def _of_units_alike(equal: Sequence[Node], roots: Sequence[Node]) -> list[str]:
    """Returns the names of weights whose units are alike in what they take and in what they give.

    Both weights must be equal in themselves: a hidden layer of zeros below drawn weights gets other
    gradients for each unit, and so does an output layer of zeros.
    """
    order = topological_order(roots) if len(equal) > 1 else []
    names: list[str] = []
    for weight in equal:
        if not order or weight.shape[-1] == 1:
            continue
        above = depends_on(order, [weight])
        others = {other for other in equal if other is not weight}
        if any(node in above and others.intersection(node.args) for node in order):
            names.append(str(weight.name))
    return names


def _tell_symmetry(names: Sequence[str]) -> None:
    place = user_place()
    message = (
        f"all elements of {', '.join(names)} begin equal, and so do the weights above: units of a "
        "layer get equal gradients and stay equal; draw the weights, say weight_init='he'"
    )
    if place is None:
        warnings.warn(message, SymmetryWarning, stacklevel=3)
    else:
        warnings.warn_explicit(message, SymmetryWarning, place[0], place[1])


def first_value(node: Node, seed: int) -> np.ndarray[Any, Any]:
    """Returns the first value of one parameter.

    Raises:
        ArgumentError: it was declared without `init`, or `init` gave something else.
        ShapeError: it has a named size.
    """
    init, dtype = node.params["init"], node.dtype
    shape = tuple(_plain(size, node) for size in node.shape)
    if init is None:
        raise ArgumentError(
            f"the parameter {node.name!r} has no first value", "declare it with init="
        )
    if isinstance(init, Const):
        return np.array(np.broadcast_to(init.array, shape))
    function = from_spec(init) if is_spec(init) else init
    value = np.asarray(function(key_of(seed, str(node.name)), shape, dtype), dtype=dtype.numpy)
    if value.shape != shape:
        raise ArgumentError(
            f"init of {node.name!r} gave the shape {list(value.shape)} for {list(shape)}"
        )
    return np.array(value)


@guarded("nn.count")
def count(nodes: Any) -> int:
    """Returns how many numbers the trainable parameters of a graph or a nest of arrays hold."""
    leaves, _ = flatten(nodes)
    if leaves and not any(isinstance(leaf, Node) for leaf in leaves):
        return sum(array_of(leaf).size for leaf in leaves)
    found = [n for n in _params(nodes) if is_trainable(n)]
    return sum(math.prod(_plain(size, node) for size in node.shape) for node in found)


def _plain(size: Any, node: Node) -> int:
    if not isinstance(size, int):
        raise ShapeError(
            f"the parameter {describe_operand(node)} has the named size {size}", "give a number"
        )
    return size


# -- nests -----------------------------------------------------------------------------------------


def nest(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Returns a nest of dicts by the parts of names.

    Raises:
        NameClashError: a name goes on after the whole of another.
    """
    whole: dict[str, Any] = {}
    for name, value in pairs:
        *parents, last = name.split(".")
        inner: Any = whole
        for part in parents:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise _goes_on(name)
        if last in inner:
            raise _goes_on(name)
        inner[last] = value
    return whole


def _goes_on(name: str) -> NameClashError:
    return NameClashError(
        f"the name {name!r} begins with, or is the beginning of, another parameter's name",
        "rename one",
    )


def flat(nested: Any, prefix: str = "") -> dict[str, Any]:
    """Returns a nest of dicts as one dict by whole names, as `gx.evaluate` takes values."""
    found: dict[str, Any] = {}
    todo: list[tuple[str, Any]] = [(prefix, nested)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            inner = [(f"{path}.{k}" if path else str(k), v) for k, v in value.items()]
            todo.extend(reversed(inner))
        else:
            found[path] = value
    return found


def roots_of(nodes: Any) -> list[Node]:
    """Returns the nodes of a nest.

    Raises:
        ArgumentError: it holds something that is no node.
    """
    leaves, _ = flatten(nodes)
    for leaf in leaves:
        if not isinstance(leaf, Node):
            raise ArgumentError(f"{describe_operand(leaf)} is no graph value", "pass nodes")
    return leaves


def _params(nodes: Any) -> list[Node]:
    found = [n for n in nodes_everywhere(roots_of(nodes)) if n.op is param_op]
    check_names(found)
    return found
