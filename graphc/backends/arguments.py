"""Values given to a compiled graph: matched with its inputs by name or place, and checked."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import tree_util

from graphc.backends.run import name_values
from graphc.backends.values import check_kind, check_range
from graphc.core.errors import ArgumentError
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.tree import flatten


def as_declared(node: Node, value: Any) -> Any:
    """Returns a value as a JAX array of the input's dtype."""
    try:
        if isinstance(value, (list, tuple)):  # JAX took a list apart: these are traced numbers
            value = jnp.asarray(value)
        dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
        check_kind(node, dtype)
        return jnp.asarray(value, node.type.dtype.numpy)
    except (TypeError, ValueError) as error:
        if isinstance(error, ArgumentError) or hasattr(error, "rule"):
            raise
        raise ArgumentError(
            f"the value of {describe(node)} is no array: {error}", "give rows of one length"
        ) from None


def check_ranges(given: dict[Node, Any]) -> None:
    """Raises DTypeError or PrecisionError for a number that an input's dtype can't hold."""
    for node, value in given.items():
        nest = isinstance(value, (list, tuple))
        if nest and any(isinstance(v, jax.Array) for v in tree_util.tree_leaves(value)):
            continue
        if nest or isinstance(value, (int, float, np.ndarray, np.generic)):
            try:
                array = np.asarray(value)
            except ValueError:  # ragged rows, which the call itself tells
                continue
            check_range(node, array)


def names_for_nodes(given: dict[Any, Any]) -> dict[Any, Any]:
    """Returns values by name from values by node."""
    found: dict[Any, Any] = {}
    for key, value in given.items():
        if isinstance(key, Node) and key.name is None:
            raise ArgumentError(f"{describe(key)} is no input", "pass values for inputs")
        found[key.name if isinstance(key, Node) else key] = value
    return found


def check_arrays(values: Any) -> None:
    """Raises ArgumentError for a value that is no array: JAX's own error names our internals."""
    for path, leaf in tree_util.tree_flatten_with_path(values)[0]:
        try:
            known = hasattr(leaf, "dtype") or np.asarray(leaf).dtype.kind in "biufcV"
        except (TypeError, ValueError):
            known = False
        if not known:
            names = [str(getattr(k, "key", getattr(k, "idx", k))) for k in path[1:]]
            raise ArgumentError(
                f"the value of {'.'.join(names)} is {leaf!r}, no array", "pass numbers or arrays"
            )


class Signature:
    """How a compiled graph takes its values: by name, or by place in nests.

    Attributes:
        inputs: the input nodes in the order in which JAX flattens the arguments.
    """

    __slots__ = ("_holders", "_names", "_places", "_spare", "_tree", "inputs")

    def __init__(
        self, listed: Sequence[Node], places: Sequence[Any] | None, spare: Sequence[Node]
    ) -> None:
        self._places = None if places is None else list(places)
        self._spare = spare
        self._tree = None
        self.inputs = list(listed)
        if places is not None:
            self.inputs, self._tree = tree_util.tree_flatten(tuple(places))
        self._holders = [_holder(node) for node in self.inputs]
        names = [node.params["name"] for node in self.inputs]
        self._names = dict(zip(names, self._holders, strict=True))

    def match(self, args: Sequence[Any], named: dict[str, Any]) -> dict[Node, Any]:
        """Returns each input's value.

        Raises:
            ArgumentError: there are others than the inputs, or they are nested otherwise.
        """
        if self._places is None:
            return self._by_name(args, named)
        if not named:
            # JAX sorts the keys of a dict, so both sides go through its own flattening.
            values, tree = tree_util.tree_flatten(tuple(args))
            if tree == self._tree:
                return dict(zip(self.inputs, values, strict=True))
        raise self._misplaced(self._places, args, named)

    def holds(self, args: Sequence[Any], named: dict[str, Any]) -> bool:
        """Tells whether each value is an array or a number that fits its input's dtype for certain.

        This looks at types alone, in a microsecond; where it is not told, `check_ranges` tells.
        """
        if self._places is not None:
            values = tree_util.tree_leaves(args)
            if named or len(values) != len(self._holders):
                return False
            return all(map(_holds, self._holders, values))
        given = {**args[0], **named} if args and isinstance(args[0], dict) else named
        return all(n in self._names and _holds(self._names[n], v) for n, v in given.items())

    def structs(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Returns arguments that are no more than the declared types."""
        made = {n: struct(n) for n in self.inputs}
        if self._places is None:
            return ({n.params["name"]: s for n, s in made.items()},), {}
        return tuple([fill(place, made) for place in self._places]), {}

    def _by_name(self, args: Sequence[Any], named: dict[str, Any]) -> dict[Node, Any]:
        if len(args) > 1 or (args and not isinstance(args[0], dict)):
            raise ArgumentError(
                "values are passed by name",
                "call it with keywords or one dict, or compile with inputs=[...]",
            )
        return name_values(self.inputs, {**(args[0] if args else {}), **named}, spare=self._spare)

    def _misplaced(
        self, places: Sequence[Any], args: Sequence[Any], named: dict[str, Any]
    ) -> ArgumentError:
        if named:
            return ArgumentError(
                f"{next(iter(named))!r} was passed by name", "pass arguments by place"
            )
        if len(args) != len(places):
            return ArgumentError(
                f"the function takes {len(places)} arguments, not {len(args)}",
                "pass one for each entry of inputs=[...]",
            )
        trees = [[tree_util.tree_structure(v) for v in side] for side in (args, places)]
        at = next(i for i, (have, wanted) in enumerate(zip(*trees, strict=True)) if have != wanted)
        return ArgumentError(
            f"argument {at} has the nest {trees[0][at]}, declared is {trees[1][at]}",
            "pass the same dicts, lists and tuples",
        )


#: A dtype, and the least and largest number of Python that surely fits it.
_Holder = tuple[Any, float, float]


def _holder(node: Node) -> _Holder:
    made = node.type.dtype
    if made.is_integer:
        limits = np.iinfo(made.numpy)
        return made.numpy, int(limits.min), int(limits.max)
    largest = float(jnp.finfo(made.numpy).max) if made.is_float else -1.0
    return made.numpy, -largest, largest


@functools.cache
def _has(kind: type) -> str:
    """Returns what a type's values are: of JAX, of NumPy, a plain number, or anything else."""
    if issubclass(kind, jax.Array):
        return "jax"
    if issubclass(kind, (np.ndarray, np.generic)):
        return "numpy"
    return "number" if kind in (int, float) else "other"


def _holds(holder: _Holder, value: Any) -> bool:
    kind = _has(type(value))
    if kind == "jax":
        return True
    if kind == "numpy":
        return value.dtype == holder[0]
    return kind == "number" and holder[1] <= value <= holder[2]


def fill(pattern: Any, values: dict[Node, Any]) -> Any:
    """Returns a nest of nodes with values in their places."""
    nodes, rebuild = flatten(pattern)
    return rebuild([values[n] for n in nodes])


def struct(node: Node) -> jax.ShapeDtypeStruct:
    """Returns an input's shape and dtype as JAX has them."""
    shape = node.type.shape
    if not node.type.is_static:
        raise ArgumentError(
            f"{describe(node)} is {node.type}: a named size must be known here",
            "pass values, for example compiled.hlo(x=x)",
        )
    return jax.ShapeDtypeStruct(shape, node.type.dtype.numpy)
