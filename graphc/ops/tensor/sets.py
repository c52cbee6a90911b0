"""The Array API's set functions.

The number of results is given, as in JAX: a graph's shapes are known before its values.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from graphc.core.calls import public
from graphc.core.node import Node
from graphc.ops.tensor.counting import unique


class UniqueAllResult(NamedTuple):
    """The different elements, where each first stands, which each element is, and how often."""

    values: Node
    indices: Node
    inverse_indices: Node
    counts: Node


class UniqueCountsResult(NamedTuple):
    """The different elements and how often each stands there."""

    values: Node
    counts: Node


class UniqueInverseResult(NamedTuple):
    """The different elements and for each element which of them it is."""

    values: Node
    inverse_indices: Node


@public
def unique_all(x: Any, size: Any = None, fill_value: Any = None) -> UniqueAllResult:
    """Returns all that `gx.unique` knows: values, indices, inverse_indices, counts.

    Args:
        x: `[...]`, of one element or more.
        size: how many come out, see `gx.unique`; it must be given.
        fill_value: what stands where there are no more.

    Raises:
        ArgumentError: there is no size.
    """
    found = unique(x, size, fill_value, return_index=True, return_inverse=True, return_counts=True)
    return UniqueAllResult(*found)


@public
def unique_counts(x: Any, size: Any = None, fill_value: Any = None) -> UniqueCountsResult:
    """Returns the different elements of x, `size` of them, and how often each stands in x.

    Args:
        x: `[...]`, of one element or more.
        size: how many come out, see `gx.unique`; it must be given.
        fill_value: what stands where there are no more.

    Raises:
        ArgumentError: there is no size.
    """
    return UniqueCountsResult(*unique(x, size, fill_value, return_counts=True))


@public
def unique_inverse(x: Any, size: Any = None, fill_value: Any = None) -> UniqueInverseResult:
    """Returns the different elements of x, `size` of them, and which of them each element is.

    Args:
        x: `[...]`, of one element or more.
        size: how many come out, see `gx.unique`; it must be given.
        fill_value: what stands where there are no more.

    Raises:
        ArgumentError: there is no size.
    """
    return UniqueInverseResult(*unique(x, size, fill_value, return_inverse=True))


@public
def unique_values(x: Any, size: Any = None, fill_value: Any = None) -> Node:
    """Returns the different elements of x, sorted, `size` of them.

    Args:
        x: `[...]`, of one element or more.
        size: how many come out, see `gx.unique`; it must be given.
        fill_value: what stands where there are no more.

    Raises:
        ArgumentError: there is no size.
    """
    return unique(x, size, fill_value)
