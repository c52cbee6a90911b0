"""Nested lists as they stand in a record: their shape, their elements and the names of these."""

from __future__ import annotations

import itertools
from typing import Any


def shape_of(value: Any) -> tuple[int, ...]:
    """Returns the sizes of nested lists of equal lengths."""
    sizes: list[int] = []
    while isinstance(value, list | tuple):
        sizes.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(sizes)


def flat(value: Any) -> list[Any]:
    """Returns the elements in row-major order."""
    level = [value]
    while any(isinstance(item, list | tuple) for item in level):
        level = [
            part for item in level for part in (item if isinstance(item, list | tuple) else [item])
        ]
    return level


def element_names(name: str, shape: tuple[int, ...], limit: int) -> list[str]:
    """Returns `W[0,1]` for the first elements, at most `limit`; the bare name for a scalar."""
    if not shape:
        return [name]
    indices = itertools.islice(itertools.product(*map(range, shape)), limit)
    return [f"{name}[{','.join(map(str, index))}]" for index in indices]


def element_name(name: str, shape: tuple[int, ...], position: int) -> str:
    """Returns the name of the element at a row-major position."""
    index: list[int] = []
    for length in reversed(shape):
        position, part = divmod(position, max(length, 1))
        index.append(part)
    return f"{name}[{','.join(map(str, reversed(index)))}]" if shape else name
