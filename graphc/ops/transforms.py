"""The Fourier transforms that people call: sizes, axes and norms, around the three records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.calls import guarded
from graphc.core.dim import Dim
from graphc.core.dtype import complex_with, dtype_of
from graphc.core.errors import (
    ArgumentError,
    AxisError,
    DimError,
    DTypeError,
    ShapeError,
    show_value,
)
from graphc.core.node import Node, apply_named, as_node, make
from graphc.core.type import Size, as_index, size_of
from graphc.ops.axes import normalize_axes, normalize_axis
from graphc.ops.fourier import SWAPPED, dft, half_size, irdft, rdft
from graphc.ops.indexing import slice_op, slice_transpose_op
from graphc.ops.source import iota_op, size_node


def _complex_node(x: Any) -> Node:
    node = as_node(x)
    if node.dtype.kind == "c":
        return node
    wide = _real_node(node)
    return apply_named("cast", wide, dtype=complex_with(wide.dtype))


def _real_node(x: Any) -> Node:
    node = as_node(x)
    if node.dtype.kind == "c":
        raise DTypeError(f"{node.type} is complex", "use gx.fft.fft, or take gx.real of it")
    if node.dtype.kind == "b":
        raise DTypeError("a bool has no transform", "cast first: gx.cast(x, 'float32')")
    if node.dtype.is_float and node.dtype.bits >= 32:
        return node
    return apply_named("cast", node, dtype=dtypes.DEFAULT_FLOAT)


def _norm(norm: Any) -> str:
    if norm is None:
        return "backward"
    if not isinstance(norm, str) or norm not in SWAPPED:
        raise ArgumentError(
            f"norm={show_value(norm)} is none of {', '.join(SWAPPED)}", "leave norm out"
        )
    return norm


def _count(n: Any, name: str = "n") -> Size:
    found = size_of(n)
    if isinstance(n, (list, tuple)) or (isinstance(found, int) and found < 1):
        raise ShapeError(f"{name}={show_value(n)} is no count of numbers", "give 1 or more")
    return found


def _resized(node: Node, axis: int, n: Size) -> Node:
    """Returns x cut to n entries on an axis, or filled up with zeros."""
    have = node.shape[axis]
    if have == n:
        return node
    if isinstance(have, Dim) or isinstance(n, Dim):
        raise DimError(
            f"whether {n} is more than {have} shows at the call only", "leave n out, or slice first"
        )
    bounds = tuple((0, min(n, have), 1) if a == axis else None for a in range(node.ndim))
    if n < have:
        return make(slice_op, (node,), {"bounds": bounds})
    shape = tuple(n if a == axis else size for a, size in enumerate(node.shape))
    return make(slice_transpose_op, (node,), {"bounds": bounds, "shape": shape})


def _axis(node: Node, axis: Any) -> int:
    if not node.ndim:
        raise AxisError("a scalar has no axis to transform", "pass an array")
    return normalize_axis(axis, node.ndim)


def _one(x: Any, n: Any, axis: Any, norm: Any, inverse: bool) -> Node:
    node, how = _complex_node(x), _norm(norm)
    where = _axis(node, axis)
    if n is not None:
        node = _resized(node, where, _count(n))
    return dft(node, axes=(where,), inverse=inverse, norm=how)


def _sizes_and_axes(node: Node, s: Any, axes: Any) -> tuple[list[Size | None], tuple[int, ...]]:
    """Returns the sizes asked for and the axes they are of, in the order given."""
    sizes = None if s is None else list(s) if isinstance(s, (list, tuple)) else [s]
    if axes is None:
        count = node.ndim if sizes is None else len(sizes)
        if count > node.ndim:
            raise ShapeError(f"{len(sizes or ())} sizes for {node.ndim} axes", "give one for each")
        chosen = tuple(range(node.ndim - count, node.ndim))
    else:
        normalize_axes(axes, node.ndim)  # none twice
        given = axes if isinstance(axes, (list, tuple)) else (axes,)
        chosen = tuple(normalize_axis(a, node.ndim) for a in given)
    if not chosen:
        raise AxisError("there is no axis to transform", "name one axis or more")
    if sizes is not None and len(sizes) != len(chosen):
        raise ShapeError(
            f"there are {len(sizes)} sizes for {len(chosen)} axes", "give one for each"
        )
    wanted = [None] * len(chosen) if sizes is None else sizes
    return [w if w is None or as_index(w) == -1 else _count(w, "s") for w in wanted], chosen


def _several(node: Node, sizes: Sequence[Any], axes: Sequence[int]) -> Node:
    for size, axis in zip(sizes, axes, strict=True):
        if size is not None and as_index(size) != -1:
            node = _resized(node, axis, size)
    return node


def _many(x: Any, s: Any, axes: Any, norm: Any, inverse: bool) -> Node:
    node, how = _complex_node(x), _norm(norm)
    sizes, chosen = _sizes_and_axes(node, s, axes)
    return dft(_several(node, sizes, chosen), axes=chosen, inverse=inverse, norm=how)


@guarded("fft.fft")
def fft(x: Any, n: Any = None, axis: Any = -1, norm: Any = "backward") -> Node:
    """Returns the discrete Fourier transform along an axis, sum_j x_j exp(-2 pi i j k / n).

    Args:
        x: real or complex; integers and 16-bit floats count as float32.
        n: how many entries are transformed: x is cut, or filled up with zeros at the end.
        axis: along which.
        norm: which direction is divided by n: `"backward"`, `"forward"`, or each by sqrt(n):
            `"ortho"`.

    Returns:
        Complex numbers, of size n along the axis.

    Raises:
        ShapeError: the axis is empty, or n is not positive.
        AxisError, ArgumentError, DTypeError: there is no such axis, no such norm, or x is bool.
    """
    return _one(x, n, axis, norm, False)


@guarded("fft.ifft")
def ifft(x: Any, n: Any = None, axis: Any = -1, norm: Any = "backward") -> Node:
    """Returns the inverse of `fft`; arguments and errors as there."""
    return _one(x, n, axis, norm, True)


@guarded("fft.fftn")
def fftn(x: Any, s: Any = None, axes: Any = None, norm: Any = "backward") -> Node:
    """Returns the transform over several axes; `s` are their sizes, otherwise as for `fft`.

    Without `axes` the last as many as there are sizes are meant, or all; -1 keeps a size.
    """
    return _many(x, s, axes, norm, False)


@guarded("fft.ifftn")
def ifftn(x: Any, s: Any = None, axes: Any = None, norm: Any = "backward") -> Node:
    """Returns the inverse of `fftn`; arguments and errors as there."""
    return _many(x, s, axes, norm, True)


@guarded("fft.rfft")
def rfft(x: Any, n: Any = None, axis: Any = -1, norm: Any = "backward") -> Node:
    """Returns the first n // 2 + 1 numbers of `fft`, of real x; the others are their conjugates.

    Arguments and errors as for `fft`; a complex x is refused.
    """
    node, how = _real_node(x), _norm(norm)
    where = _axis(node, axis)
    if n is not None:
        node = _resized(node, where, _count(n))
    return rdft(node, axis=where, norm=how)


@guarded("fft.irfft")
def irfft(x: Any, n: Any = None, axis: Any = -1, norm: Any = "backward") -> Node:
    """Returns the n real numbers whose `rfft` is x; 2 (m - 1) of them for m unless n is given.

    The imaginary parts of the first number, and of the last for an even n, do not count.
    """
    node, how = _complex_node(x), _norm(norm)
    where = _axis(node, axis)
    return _irfft(node, n, where, how)


def _irfft(node: Node, n: Any, axis: int, norm: str) -> Node:
    count = (node.shape[axis] - 1) * 2 if n is None else _count(n)
    if isinstance(count, int) and count < 1:
        raise ShapeError(f"{node.type} tells of {count} real numbers", "give n=")
    return irdft(_resized(node, axis, half_size(count)), axis=axis, n=count, norm=norm)


@guarded("fft.rfftn")
def rfftn(x: Any, s: Any = None, axes: Any = None, norm: Any = "backward") -> Node:
    """Returns `fftn` of real numbers; of the last axis named the first n // 2 + 1 numbers."""
    node, how = _real_node(x), _norm(norm)
    sizes, chosen = _sizes_and_axes(node, s, axes)
    made = rdft(_several(node, sizes, chosen), axis=chosen[-1], norm=how)
    return dft(made, axes=chosen[:-1], inverse=False, norm=how) if chosen[:-1] else made


@guarded("fft.irfftn")
def irfftn(x: Any, s: Any = None, axes: Any = None, norm: Any = "backward") -> Node:
    """Returns the real numbers whose `rfftn` is x; see `irfft` for the last axis named."""
    node, how = _complex_node(x), _norm(norm)
    sizes, chosen = _sizes_and_axes(node, s, axes)
    node = _several(node, sizes[:-1], chosen[:-1])
    if chosen[:-1]:
        node = dft(node, axes=chosen[:-1], inverse=True, norm=how)
    last = sizes[-1]
    return _irfft(node, None if last is None or as_index(last) == -1 else last, chosen[-1], how)


@guarded("fft.hfft")
def hfft(x: Any, n: Any = None, axis: Any = -1, norm: Any = "backward") -> Node:
    """Returns the real transform of a signal that is its own conjugate read backwards.

    x is its first half; n real numbers come out, 2 (m - 1) for m unless given.
    """
    node, how = _complex_node(x), _norm(norm)
    where = _axis(node, axis)
    return _irfft(apply_named("conj", node), n, where, SWAPPED[how])


@guarded("fft.ihfft")
def ihfft(x: Any, n: Any = None, axis: Any = -1, norm: Any = "backward") -> Node:
    """Returns the inverse of `hfft`, of real x: the first n // 2 + 1 numbers."""
    node, how = _real_node(x), _norm(norm)
    where = _axis(node, axis)
    if n is not None:
        node = _resized(node, where, _count(n))
    return apply_named("conj", rdft(node, axis=where, norm=SWAPPED[how]))


def _frequencies(n: Any, d: Any, dtype: Any, halved: bool) -> Node:
    count = _count(n)
    target = dtypes.DEFAULT_FLOAT if dtype is None else dtype_of(dtype)
    if not target.is_float:
        raise DTypeError(f"dtype {target.name} is no float dtype", "for example gx.float32")
    number = isinstance(d, (int, float)) and not isinstance(d, bool)
    if not number or not abs(d) < math.inf or not d:
        raise ArgumentError(f"d={show_value(d)} is no distance", "the time between two samples")
    if isinstance(count, int):
        index = np.arange(count // 2 + 1 if halved else count)
        if not halved:
            index = np.where(2 * index >= count + count % 2, index - count, index)
        return as_node(index / (count * float(d)), target)
    size = size_node(count, target)
    steps = iota_op(size=half_size(count) if halved else count, dtype=target)
    if not halved:
        steps = apply_named("where", steps * 2.0 >= size, steps - size, steps)
    return steps / (size * float(d))


@guarded("fft.fftfreq")
def fftfreq(n: Any, d: Any = 1.0, dtype: Any = None) -> Node:
    """Returns the frequencies of `fft`: 0, 1, ..., then the negative ones, over n d.

    Args:
        n: how many, an integer or a named size that is even.
        d: the distance of two samples.
        dtype: a float dtype, float32 unless given.
    """
    return _frequencies(n, d, dtype, halved=False)


@guarded("fft.rfftfreq")
def rfftfreq(n: Any, d: Any = 1.0, dtype: Any = None) -> Node:
    """Returns the frequencies of `rfft`: 0, 1, ..., n // 2 over n d; arguments as in `fftfreq`."""
    return _frequencies(n, d, dtype, halved=True)


def _shifted(x: Any, axes: Any, back: bool) -> Node:
    node = as_node(x)
    for axis in normalize_axes(axes, node.ndim):
        size = node.shape[axis]
        half = size // 2 if isinstance(size, int) else half_size(size) - 1
        first = half if back else size - half
        parts = [
            make(
                slice_op,
                (node,),
                {"bounds": tuple(b if a == axis else None for a in range(node.ndim))},
            )
            for b in ((first, size, 1), (0, first, 1))
        ]
        node = apply_named("concat", *parts, axis=axis)
    return node


@guarded("fft.fftshift")
def fftshift(x: Any, axes: Any = None) -> Node:
    """Returns x with the frequency 0 moved to the middle of each axis, all unless named."""
    return _shifted(x, axes, back=False)


@guarded("fft.ifftshift")
def ifftshift(x: Any, axes: Any = None) -> Node:
    """Returns the inverse of `fftshift`."""
    return _shifted(x, axes, back=True)
