"""Shapes and tensor types."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.core.dim import Dim, as_dim
from graphc.core.errors import ShapeError, show_value

if TYPE_CHECKING:
    from graphc.core.dtype import DType

Size = int | Dim
Shape = tuple[Size, ...]

#: One array may not have more elements than this: past it no machine can hold it (2**48 bytes).
MAX_ELEMENTS = 2**48


def shape_of(shape: Any) -> Shape:
    """Returns a shape from an int, a name, a Dim or a sequence of them.

    Raises:
        ShapeError: a size is negative, is no integer, or the product passes 2**48.
    """
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    found: list[Size] = []
    for size in sizes:
        if isinstance(size, str):
            size = as_dim(size)
        if isinstance(size, Dim):
            found.append(size)
            continue
        number = as_index(size)
        if number is None:
            raise ShapeError(
                f"size {show_value(size)} is no integer", "give integers, names or gx.dim(...)"
            )
        size = number
        if size > MAX_ELEMENTS:  # even where another size is 0
            raise ShapeError(f"size {show_value(size)} is above 2**48", "split the array")
        if size < 0:
            raise ShapeError(f"size {show_value(size)} is negative", "sizes are 0 or more")
        found.append(size)
    check_count(found)
    return tuple(found)


def check_count(shape: Sequence[Size]) -> None:
    """Raises ShapeError where an array of that shape has more than 2**48 elements."""
    total = 1
    for size in shape:
        if isinstance(size, int):
            total *= size
    if total > MAX_ELEMENTS:
        raise ShapeError(
            f"shape {show_shape(tuple(shape))} has {total:,} elements, above 2**48",
            "split the array, or reduce before you broadcast",
        )


def as_index(value: Any) -> int | None:
    """Returns an integer of Python, NumPy or JAX as an int; None for all else, True included."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except Exception:  # a graph value, an array, a tracer: each raises its own
        return None


def size_of(value: Any) -> Size:
    """Returns one size from an int, a name or a Dim.

    Raises:
        ShapeError: it is none of these.
    """
    found = shape_of(value)
    if len(found) != 1:
        raise ShapeError(f"{show_value(value)} is no single size", "give one integer or name")
    return found[0]


def show_shape(shape: Shape) -> str:
    """Returns `[3,batch]`; an empty string for a scalar."""
    return f"[{','.join(map(str, shape))}]" if shape else ""


def element_count(shape: Shape) -> Size:
    """Returns the product of the sizes: an int, or a Dim where a size is named."""
    count: Size = 1
    for size in shape:
        count = count * size
    return count


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape and dtype of one array."""

    shape: Shape
    dtype: DType

    def __post_init__(self) -> None:
        if self.shape:
            check_count(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype.short}{show_shape(self.shape)}"

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Size:
        return element_count(self.shape)

    @property
    def is_static(self) -> bool:
        """True where no size is named."""
        return all(isinstance(size, int) for size in self.shape)


@functools.lru_cache(maxsize=4096)
def tensor_type(shape: Shape, dtype: DType) -> TensorType:
    """Returns a TensorType, mostly one made before: a long graph then holds few of them."""
    return TensorType(shape, dtype)


@dataclass(frozen=True, slots=True)
class TupleType:
    """Types of the several results of one op; `item` nodes take them apart."""

    items: tuple[TensorType, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


Type = TensorType | TupleType


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Returns the shape operands broadcast to, by NumPy's rule; a named size meets itself or 1.

    Raises:
        ShapeError: two sizes on one axis differ and neither is 1.
    """
    if len(set(shapes)) == 1:
        return shapes[0]
    ndim = max(map(len, shapes))
    result: list[Size] = []
    for axis in range(-ndim, 0):
        size: Size = 1
        for shape in shapes:
            other = shape[axis] if -axis <= len(shape) else 1
            if isinstance(other, int) and other == 1:
                continue
            if isinstance(size, int) and size == 1:
                size = other
            elif size != other:
                raise ShapeError(
                    f"sizes {size} and {other} on axis {axis} do not broadcast",
                    "make them equal, or one of them 1",
                )
        result.append(size)
    return tuple(result)
