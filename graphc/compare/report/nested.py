"""Nested lists as they stand in a record: their shape, their elements and the names of these."""

from __future__ import annotations

import itertools
from typing import Any, cast


def shape_of(value: Any) -> tuple[int, ...]:
    """Returns the sizes of nested lists of equal lengths."""
    sizes: list[int] = []
    while isinstance(value, list | tuple):
        part = cast("list[Any]", value)
        sizes.append(len(part))
        if not part:
            break
        value = part[0]
    return tuple(sizes)


def flat(value: Any) -> list[Any]:
    """Returns the elements in row-major order."""
    level: list[Any] = [value]
    while any(isinstance(item, list | tuple) for item in level):
        lists = [cast("list[Any]", x) if isinstance(x, list | tuple) else [x] for x in level]
        level = [item for part in lists for item in part]
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
