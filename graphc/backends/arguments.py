"""Values given to a compiled graph: matched with its inputs by name or place, and checked."""

from __future__ import annotations

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


def by_name(
    inputs: Sequence[Node], spare: Sequence[Node], args: Sequence[Any], named: dict[str, Any]
) -> dict[Node, Any]:
    """Returns each input's value from one dict or keywords."""
    if len(args) > 1 or (args and not isinstance(args[0], dict)):
        raise ArgumentError(
            "values are passed by name",
            "call it with keywords or one dict, or compile with inputs=[...]",
        )
    return name_values(inputs, {**(args[0] if args else {}), **named}, spare=spare)


def by_place(
    inputs: Sequence[Any], listed: Sequence[Node], args: Sequence[Any], named: dict[str, Any]
) -> dict[Node, Any]:
    """Returns each input's value from nests in the order of the arguments."""
    if named:
        raise ArgumentError(f"{next(iter(named))!r} was passed by name", "pass arguments by place")
    if len(args) != len(inputs):
        raise ArgumentError(
            f"the function takes {len(inputs)} arguments, not {len(args)}",
            "pass one for each entry of inputs=[...]",
        )
    found: dict[Node, Any] = {}
    for position, (pattern, value) in enumerate(zip(inputs, args, strict=True)):
        # JAX sorts the keys of a dict, so both sides go through its own flattening.
        wanted, shape = tree_util.tree_flatten(pattern)
        leaves_, have = tree_util.tree_flatten(value)
        if shape != have:
            raise ArgumentError(
                f"argument {position} has the nest {have}, declared is {shape}",
                "pass the same dicts, lists and tuples",
            )
        found.update(zip(wanted, leaves_, strict=True))
    return found


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
