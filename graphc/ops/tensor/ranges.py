"""Ranges, grids of coordinates, unit vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.calls import public
from graphc.core.dim import Dim
from graphc.core.dtype import DEFAULT_FLOAT, DEFAULT_INT, DType, bool_, dtype_of
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node
from graphc.core.type import MAX_ELEMENTS, Size, as_index, shape_of, size_of
from graphc.ops.axes import normalize_axis
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.logic import cast
from graphc.ops.source import iota_op, size_node
from graphc.ops.tensor.order import require_flag


def _number(name: str, value: Any) -> int | float:
    """Returns a number of Python from one of Python or NumPy.

    Raises:
        ArgumentError: it is none, or infinite.
    """
    whole = as_index(value) if not isinstance(value, Node) else None
    if whole is not None:
        return whole
    if isinstance(value, (float, np.floating)) and math.isfinite(value):
        return float(value)
    raise ArgumentError(
        f"{name}={show_value(value)} is no finite number", "give an integer or float"
    )


@public
def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Node:
    """Returns start, start + step, ... as long as it is before stop; `arange(n)` is 0, ..., n - 1.

    Args:
        start: the first; alone it is the stop, and may then be a named size.
        stop: the end, which is not reached; may be a named size where the step is 1.
        step: what follows differs by.
        dtype: int32 for integers and float32 for floats unless given.

    Raises:
        ArgumentError: the step is 0, or one of them is no number.
        DTypeError: the dtype does not hold them.
    """
    if dtype is None and _is_dtype(stop):
        stop, dtype = None, stop
    first, last = (0, start) if stop is None else (start, stop)
    target = None if dtype is None else dtype_of(dtype)
    if isinstance(first, Dim) or isinstance(last, (Dim, str)):
        return _named_range(first, last, step, target)
    return _range(_number("start", first), _number("stop", last), _number("step", step), target)


def _is_dtype(value: Any) -> bool:
    """Tells whether a value names a dtype: `arange(n, "int64")` needs no word for it."""
    if isinstance(value, str):
        return value in {d.name for d in dtypes.DTYPES}
    return isinstance(value, (DType, np.dtype, type))


def _named_range(first: Any, last: Any, step: Any, dtype: DType | None) -> Node:
    """Returns a range of step 1 whose length is a named size."""
    if as_index(step) != 1:
        raise ArgumentError(
            f"a range to the named size {last} has the step {show_value(step)}", "take step 1"
        )
    begin = first if isinstance(first, Dim) else as_index(first)
    if begin is None:
        raise ArgumentError(
            f"start={show_value(first)} is no integer", "begin a named range at an integer"
        )
    target = DEFAULT_INT if dtype is None else dtype
    made = iota_op(size=size_of(size_of(last) - begin), dtype=target)
    return made if isinstance(begin, int) and begin == 0 else made + size_node(begin, target)


def _range(start: float, stop: float, step: float, dtype: DType | None) -> Node:
    if step == 0:
        raise ArgumentError("step=0 never arrives", "give another step")
    whole = all(isinstance(v, int) for v in (start, stop, step))
    # Python's integers divide exactly, whatever their size.
    length = -((start - stop) // step) if whole else math.ceil((stop - start) / step)
    count = max(int(length), 0)
    if count > MAX_ELEMENTS:
        raise ShapeError(f"the range has {show_value(count)} elements, above 2**48", "take fewer")
    target = dtype or (DEFAULT_INT if whole else DEFAULT_FLOAT)
    if target is bool_:
        raise DTypeError("a range of bool has no steps", "give a number's dtype")
    if target.is_integer:
        if not whole:
            raise DTypeError(
                f"a range of floats does not fit into {target.name}", "give whole numbers"
            )
        _check_ends(int(start), int(start + (count - 1) * step) if count else int(start), target)
        if step < 0 and target.kind == "u":  # the step itself does not fit
            wide = _range(start, stop, step, dtypes.int64)
            return cast(wide, target)
    elif count > 2**target.precision + 1:
        raise DTypeError(
            f"{target.name} does not hold the integers up to {count - 1:,}", "give a wider dtype="
        )
    made = iota_op(size=count, dtype=target)
    if not (isinstance(step, int) and step == 1):
        made = made * (step if target.is_integer else float(step))
    return made if start == 0 else made + (start if target.is_integer else float(start))


def _check_ends(first: int, last: int, dtype: DType) -> None:
    info = np.iinfo(dtype.numpy)
    if not (info.min <= min(first, last) and max(first, last) <= info.max):
        raise DTypeError(
            f"{dtype.name} does not hold {show_value(first)} to {show_value(last)}",
            "give a wider dtype=",
        )


@public
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Node:
    """Returns `num` numbers evenly spaced from start to stop; both may be graph values.

    Args:
        start: the first, of any shape; it may be complex.
        stop: the last, or what comes after it without `endpoint`.
        num: how many.
        endpoint: the last is `stop`.
        dtype: float32 unless given, or what start and stop have.
        axis: where the new axis stands if start or stop have axes.

    Raises:
        ArgumentError: `num` is no count.
    """
    count = as_index(num)
    if count is None or count < 0:
        raise ArgumentError(f"num={show_value(num)} is no count of 0 or more", "for example num=50")
    require_flag("endpoint", endpoint)
    first, last = _as_float(start), _as_float(stop)
    target = dtypes.promote(first.dtype, last.dtype)
    first, last = cast(first, target), cast(last, target)
    shape = broadcast_to(first, _joint(first, last)).shape
    at = normalize_axis(axis, len(shape) + 1)
    steps = count - 1 if endpoint else count
    column = (count, *[1] * (len(shape)))
    places = iota_op(size=count, dtype=dtypes.real_part(target))
    ramp = reshape(places, column) / float(max(steps, 1))
    # Each end has weight 0 or 1 at the other, so that both are met exactly.
    made = (1.0 - ramp) * first + ramp * last
    made = broadcast_to(made, (count, *shape))
    if at:
        order = [*range(1, at + 1), 0, *range(at + 1, made.ndim)]
        made = apply_named("transpose", made, axes=tuple(order))
    return made if dtype is None else cast(made, dtype_of(dtype))


def _as_float(value: Any) -> Node:
    node = as_node(value)
    return node if node.dtype.is_inexact else cast(node, DEFAULT_FLOAT)


def _joint(left: Node, right: Node) -> tuple[Size, ...]:
    return apply_named("add", left, right).shape


@public
def meshgrid(*arrays: Any, indexing: str = "xy") -> tuple[Node, ...]:
    """Returns for each vector its coordinate on the grid that they span.

    Args:
        *arrays: vectors.
        indexing: `xy`: the first vector runs along axis 1 and the second along axis 0; `ij`: each
            along its own.

    Raises:
        ShapeError: one of them has more than one axis.
        ArgumentError: `indexing` is neither.
    """
    if not isinstance(indexing, str) or indexing not in ("xy", "ij"):
        raise ArgumentError(f"indexing={show_value(indexing)} is neither xy nor ij", "say one")
    nodes = [as_node(a) for a in arrays]
    for position, node in enumerate(nodes):
        if node.ndim > 1:
            raise ShapeError(f"operand {position} is {node.type}, no vector", "give vectors")
    nodes = [reshape(n, (1,)) if n.ndim == 0 else n for n in nodes]
    order = list(range(len(nodes)))
    if indexing == "xy" and len(nodes) > 1:
        order[0], order[1] = 1, 0
    shape = shape_of(tuple(nodes[a].shape[0] for a in order))
    found: list[Node] = []
    for position, node in enumerate(nodes):
        at = order.index(position)
        column = tuple(node.shape[0] if a == at else 1 for a in range(len(nodes)))
        found.append(broadcast_to(reshape(node, column), shape))
    return tuple(found)


@public
def one_hot(x: Any, classes: Any, dtype: Any = None, axis: int = -1) -> Node:
    """Returns for each integer a vector that is 1 at its place and 0 elsewhere.

    An integer outside of 0 to classes - 1 gives zeros only.

    Args:
        x: integers of any shape.
        classes: how many there are; may be a named size.
        dtype: float32 unless given.
        axis: where the new axis stands.

    Raises:
        DTypeError: x is not integer.
    """
    node = as_node(x)
    if not node.dtype.is_integer:
        raise DTypeError(f"{node.type} is not integer", "cast it: gx.cast(x, 'int32')")
    if node.dtype.bits < 32:
        node = cast(node, DEFAULT_INT)
    target = DEFAULT_FLOAT if dtype is None else dtype_of(dtype)
    at = normalize_axis(axis, node.ndim + 1)
    numbers = reshape(
        iota_op(size=size_of(classes), dtype=node.dtype),
        tuple(size_of(classes) if a == at else 1 for a in range(node.ndim + 1)),
    )
    return cast(reshape(node, (*node.shape[:at], 1, *node.shape[at:])) == numbers, target)
