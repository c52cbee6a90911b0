"""Keys of random numbers: made of a seed, split, and joined with a number or a name."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.const import Const
from graphc.core.dtype import bool_, uint32
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node
from graphc.core.type import as_index, shape_of
from graphc.ops.random.bits import KEY_MEND, random_fold_in, random_split, require_key


def as_key(value: Any) -> Node:
    """Returns a key as a node.

    Raises:
        DTypeError, ShapeError, ArgumentError: it is no key; the mend says how to make one.
    """
    if as_index(value) is not None or isinstance(value, (bool, float, str)) or value is None:
        raise ArgumentError(f"{show_value(value)} is no random key", KEY_MEND)
    if type(value).__name__ == "PRNGKeyArray":
        raise ArgumentError(
            "a typed key of JAX is no array", "pass its numbers: jax.random.key_data(key)"
        )
    node = as_node(value)
    require_key(node.type)
    return node


@guarded("random.key")
def key(seed: Any) -> Node:
    """Returns the key of a seed: `u32[2]`, the same as `jax.random.key_data(jax.random.key(seed))`.

    Args:
        seed: an integer of 64 bits, -2**63 to 2**63 - 1; or a graph value, an integer scalar of at
            most 32 bits, of which a negative one counts as its two's complement.

    Raises:
        ArgumentError: it is no integer, or too large.
        DTypeError, ShapeError: a graph value that is no integer scalar of at most 32 bits.
    """
    number = as_index(seed)
    if number is not None:
        if not -(2**63) <= number < 2**63:
            raise ArgumentError(
                f"the seed {show_value(number)} has more than 64 bits",
                "take one in -2**63 to 2**63 - 1",
            )
        halves = np.asarray([(number >> 32) & 0xFFFFFFFF, number & 0xFFFFFFFF], np.uint32)
        return apply_named("constant", value=Const(halves))
    if not isinstance(seed, Node):
        raise ArgumentError(f"the seed {show_value(seed)} is no integer", "for example key(0)")
    node = _number_node(seed, "seed")
    return apply_named("stack", as_node(0, uint32), node, axis=0)


def _number_node(value: Node, word: str) -> Node:
    """Returns an integer scalar as uint32."""
    node = as_node(value)
    if not (node.dtype.is_integer or node.dtype is bool_):
        raise DTypeError(f"the {word} is {node.type}, no integer", "cast it: gx.cast(x, 'uint32')")
    if node.shape:
        raise ShapeError(f"the {word} is {node.type}, no scalar", "take one element, or gx.map")
    if node.dtype.bits > 32:
        raise DTypeError(
            f"the {word} is {node.type}, and 32 bits go in", "cast it: gx.cast(x, 'uint32')"
        )
    return node if node.dtype is uint32 else apply_named("cast", node, dtype=uint32)


@guarded("random.split")
def split(key: Any, num: Any = 2) -> Node:
    """Returns new keys, whose numbers have nothing to do with each other or with the old key's.

    Args:
        key: `u32[2]`; draw nothing from it afterwards.
        num: how many: an integer, a named size, or a shape.

    Returns:
        `u32[num, 2]`; `first, second = gx.random.split(key)` takes them apart.
    """
    node = as_key(key)
    return random_split(node, shape=shape_of(num))


@guarded("random.fold_in")
def fold_in(key: Any, data: Any) -> Node:
    """Returns the key that a key and a number or a name make together.

    Args:
        key: `u32[2]`.
        data: an integer from 0 to 2**32 - 1, for example the number of a training step; a text,
            for example a layer's name, which counts as the first 4 bytes of its SHA-256 in UTF-8,
            the first the lowest; or a graph value, an integer scalar of at most 32 bits.

    Raises:
        ArgumentError: the data are neither, or out of range.
    """
    node = as_key(key)
    if isinstance(data, str):
        import hashlib  # loads OpenSSL, which `import graphc` goes without

        digest = hashlib.sha256(data.encode("utf-8", "surrogatepass")).digest()
        return random_fold_in(node, as_node(int.from_bytes(digest[:4], "little"), uint32))
    if isinstance(data, Node):
        return random_fold_in(node, _number_node(data, "number"))
    number = as_index(data)
    if number is None:
        raise ArgumentError(
            f"{show_value(data)} is neither an integer nor a name", "fold in a step's number"
        )
    if not 0 <= number < 2**32:
        raise ArgumentError(
            f"{show_value(number)} is not in 0 to 2**32 - 1", "fold in a smaller number, or a name"
        )
    return random_fold_in(node, as_node(number, uint32))
