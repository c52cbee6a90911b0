"""Nested dicts, lists and tuples of nodes, flattened and put together again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.node import Node


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """Returns the leaves of a nest of dicts, lists and tuples, and how to rebuild the nest.

    Dicts keep their own order; None is a leaf.
    """
    if isinstance(tree, dict):
        keys, children = list(tree), list(tree.values())
        make: Callable[[list[Any]], Any] = lambda parts: dict(zip(keys, parts, strict=True))
    elif isinstance(tree, (list, tuple)) and not isinstance(tree, Node):
        children = list(tree)
        kind = type(tree)
        named = hasattr(kind, "_fields")
        make = (lambda parts: kind(*parts)) if named else kind
    else:
        return [tree], lambda leaves: leaves[0]
    flat = [flatten(child) for child in children]
    counts = [len(leaves) for leaves, _ in flat]

    def rebuild(leaves: list[Any]) -> Any:
        parts, start = [], 0
        for (_, inner), count in zip(flat, counts, strict=True):
            parts.append(inner(leaves[start : start + count]))
            start += count
        return make(parts)

    return [leaf for leaves, _ in flat for leaf in leaves], rebuild
