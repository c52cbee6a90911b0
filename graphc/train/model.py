"""What training reads off the graph of a loss: parameters, state, its updates, inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.const import Const
from graphc.core.dim import Dim
from graphc.core.dtype import DType
from graphc.core.errors import ArgumentError, GradError, ShapeError, show_value
from graphc.core.graph import Graph, leaves
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.nn.parameters import flat as flat_names
from graphc.nn.parameters import nest as nest_of
from graphc.nn.parameters import updates as next_state
from graphc.ops.source import is_trainable

#: The input that a fresh random key is passed to at every step.
KEY = "key"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The parts of a loss and of what is measured beside it, each by name.

    Attributes:
        loss: the scalar that training makes small.
        measures: scalars that are measured.
        parameters: what training changes.
        state: what stays, or what the graph itself gives new values (`gx.assign`).
        updates: the new values of state, as graph.
        inputs: all inputs, the key too.
        keyed: whether there is an input for a random key.
    """

    loss: Node
    measures: dict[str, Node]
    parameters: dict[str, Node]
    state: dict[str, Node]
    updates: dict[str, Node]
    inputs: dict[str, Node]
    keyed: bool

    @property
    def leaves(self) -> dict[str, Node]:
        """Parameters and state together."""
        return {**self.parameters, **self.state}


def read_model(loss: Any, measures: Any, frozen: Sequence[str] = ()) -> Model:
    """Returns the parts of a loss and of the nodes measured beside it.

    Raises:
        ArgumentError: one of them is no node, or the loss has no parameter.
        ShapeError: one of them is no scalar.
        GradError: the loss is no float.
    """
    scalar_node(loss, "the loss")
    if not loss.dtype.is_float:
        raise GradError(f"the loss {describe(loss, 3)} is {loss.type}", "make it a float scalar")
    if isinstance(measures, Node):
        raise ArgumentError("what is measured has no name", 'write evaluate={"loss": node}')
    if not isinstance(measures, Mapping):
        raise ArgumentError(
            f"evaluate={show_value(measures)} is no dict of nodes", 'write evaluate={"loss": node}'
        )
    for name, node in measures.items():
        if not isinstance(name, str) or not name:
            raise ArgumentError(f"{show_value(name)} names a measure", "use a text as its name")
        scalar_node(node, f"what is measured as {name!r}")
    roots = [loss, *measures.values()]
    updates = flat_names(next_state(loss))
    found = {str(n.name): n for n in leaves([*roots, *updates.values()])}
    own = {str(n.name) for n in leaves([loss])}
    check_frozen(frozen, [n for n, p in found.items() if p.op.name == "param"])
    trained = {n: p for n, p in found.items() if _is_trained(p, frozen)}
    for name in trained:
        if name not in own:
            raise ArgumentError(
                f"what is measured needs the parameter {name!r}, which the loss does not have",
                "measure the network that is trained",
            )
    if not trained:
        rest = [n for n, p in found.items() if p.op.name == "param"]
        words = f"all of {', '.join(rest[:6])} are frozen" if rest else "it has no gx.param"
        raise ArgumentError(
            f"the loss has no parameter to train: {words}", "declare one with gx.param"
        )
    inputs = {n: p for n, p in found.items() if p.op.name == "input"}
    state = {n: p for n, p in found.items() if p.op.name == "param" and n not in trained}
    keyed = KEY in inputs and inputs[KEY].type.dtype.name == "uint32" and inputs[KEY].shape == (2,)
    return Model(
        loss, dict(measures), trained, state,
        {n: v for n, v in updates.items() if n in state}, inputs, keyed,
    )  # fmt: skip


def scalar_node(node: Any, what: str) -> Node:
    """Returns the node, having seen that it is a scalar of the graph."""
    if not isinstance(node, Node):
        raise ArgumentError(f"{what} is {show_value(node)}, no graph value", "pass a node")
    if not isinstance(node.type, TensorType) or node.shape != ():
        raise ShapeError(
            f"{what} {describe(node, 3)} is {node.type}, no scalar", "take gx.mean of it"
        )
    return node


def frozen_names(given: Any) -> tuple[str, ...]:
    """Returns the names of what stays as it is, of which one may be given without a list.

    Raises:
        ArgumentError: they are no names.
    """
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, (list, tuple)):
        raise ArgumentError(
            f"frozen={show_value(given)} is no list of names", 'for example frozen=["dense1"]'
        )
    return tuple(given)


def check_frozen(frozen: Sequence[str], names: Sequence[str]) -> None:
    """Raises ArgumentError for a name that freezes nothing: it would be trained, silently."""
    for name in frozen:
        if not any(n == name or n.startswith(f"{name}.") for n in names):
            raise ArgumentError(
                f"frozen has {show_value(name)}, which is no parameter and no layer",
                f"they are {', '.join(names[:12])}" if names else "leave it out",
            )


def _is_trained(node: Node, frozen: Sequence[str]) -> bool:
    if node.op.name != "param" or not is_trainable(node):
        return False
    name = str(node.name)
    return not any(name == f or name.startswith(f"{f}.") for f in frozen)


# -- values by name, and as a nest -----------------------------------------------------------------


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a nest of dicts: the names split at their dots."""
    return nest_of(list(flat.items()))


def flat(values: Any, names: Sequence[str], what: str) -> dict[str, Any]:
    """Returns values by full name, given by full name or as the nest of `nest`.

    Raises:
        ArgumentError: they are no mapping, or one is of no name listed.
    """
    if not isinstance(values, Mapping):
        raise ArgumentError(
            f"{what} is {show_value(values)}, no dict", "give arrays by the parameters' names"
        )
    found: dict[str, Any] = {}
    todo: list[tuple[str, Any, int]] = [("", values, 0)]
    for prefix, part, depth in todo:
        for key, value in part.items():
            name = f"{prefix}{key.name if isinstance(key, Node) else key}"
            if isinstance(value, Mapping) and depth < 50:
                todo.append((f"{name}.", value, depth + 1))
            elif name in names:
                found[name] = value
            else:
                raise ArgumentError(
                    f"{what} has {show_value(name)}, which is none of the parameters",
                    f"they are {', '.join(list(names)[:12])}",
                )
    return found


# -- identity --------------------------------------------------------------------------------------


def fingerprint(roots: Sequence[Node], *, here: bool = False) -> str:
    """Returns 32 hexadecimal digits that tell one graph from another.

    First values and owners of parameters are left out: they are no part of the model.

    Args:
        roots: the graph.
        here: True tells functions and other objects among the parameters apart, which makes digits
            that mean nothing outside of this process; False knows them by their names.
    """
    return _digest(roots, {}, here).hex()


def _digest(roots: Sequence[Node], known: dict[Graph, bytes], here: bool) -> bytes:
    numbers: dict[Node, int] = {}
    total = hashlib.blake2b(digest_size=16)
    for node in topological_order(roots):
        numbers[node] = len(numbers)
        params = [
            f"{k}={_parameter(v, known, here)}"
            for k, v in sorted(node.params.items())
            if not (node.op.name == "param" and k in ("init", "owner"))
        ]
        args = [str(numbers[a]) for a in node.args]
        line = "\x1f".join([node.op.name, *args, str(node.type), *params])
        total.update(line.encode("utf-8", "replace") + b"\n")
    total.update(",".join(str(numbers[r]) for r in roots).encode())
    return total.digest()


def _parameter(value: Any, known: dict[Graph, bytes], here: bool) -> str:
    if isinstance(value, Const):
        return repr(value.key)
    if isinstance(value, Graph):  # blocks nest 100 deep at most
        if value not in known:
            known[value] = _digest([*value.inputs, *value.outputs], known, here)
        return known[value].hex()
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, (tuple, list)):
        return f"({','.join(_parameter(v, known, here) for v in value)})"
    kind = type(value).__name__
    if value is None or isinstance(value, (bool, int, str, slice, DType, Dim, TensorType)):
        return f"{kind}:{value}"
    name = str(getattr(value, "__qualname__", kind))
    return f"{name}:{id(value)}" if here else name


def is_finite(array: Any) -> bool:
    """Tells whether all elements are finite; integers and booleans are."""
    found = np.asarray(array)
    if found.dtype.kind in "biu":
        return True
    return bool(np.isfinite(found.astype(np.float64) if found.dtype.itemsize < 4 else found).all())


def map_values(function: Callable[[Any], Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the mapping with a function applied to each value."""
    return {name: function(value) for name, value in values.items()}
