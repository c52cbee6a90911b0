"""The Array API's other names for what is there already, and small functions built from it.

NumPy's functions find their counterparts by the names that are public, and by the table in
`graphc/core/numpy_names.py` where NumPy's name is no name of graphc.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.core.calls import public, public_functions
from graphc.core.dtype import DEFAULT_FLOAT, bool_, dtype_of
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.type import shape_of
from graphc.ops.arithmetic import div, mul, neg, sub
from graphc.ops.axes import normalize_axis
from graphc.ops.chain import broadcast_to
from graphc.ops.logic import cast, zeros_like
from graphc.ops.rounding import mod
from graphc.ops.shaping import concat, reshape, transpose
from graphc.ops.source import constant

subtract, multiply, divide, negative, remainder = sub, mul, div, neg, mod
permute_dims, concatenate = transpose, concat
public_functions.update(
    subtract=sub, multiply=mul, divide=div, negative=neg, remainder=mod,
    permute_dims=transpose, concatenate=concat,
)  # fmt: skip


@public
def positive(x: Any) -> Node:
    """Returns x itself."""
    return as_node(x)


@public
def round_(x: Any, decimals: int = 0) -> Node:
    """Returns x rounded to a number of decimals, halves to even, as NumPy does: round(x d) / d.

    Of a complex number both parts are rounded.

    Raises:
        ArgumentError: `decimals` is no integer.
    """
    if isinstance(decimals, bool) or not isinstance(decimals, int):
        raise ArgumentError(f"decimals={decimals!r} is no integer", "for example decimals=2")
    if abs(decimals) > 308:
        raise ArgumentError(
            f"decimals={show_value(decimals)} is beyond every float", "give -308 to 308"
        )
    node = as_node(x)
    if node.dtype.kind == "c":
        real, imag = (round_(apply_named(part, node), decimals) for part in ("real", "imag"))
        return apply_named("complex", real, imag)
    if decimals == 0:
        return apply_named("round", node)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return apply_named("round", node * scale) / scale
    return apply_named("round", node / scale) * scale


@public
def isnan(x: Any) -> Node:
    """Returns whether each element is NaN."""
    node = as_node(x)
    return node != node


@public
def isinf(x: Any) -> Node:
    """Returns whether each element is infinite; False for integers."""
    node = as_node(x)
    if not node.dtype.is_inexact:
        return broadcast_to(scalar(False, bool_), node.shape)
    if node.dtype.kind == "c":  # also beside a NaN, where the modulus is NaN under XLA
        return isinf(apply_named("real", node)) | isinf(apply_named("imag", node))
    return apply_named("abs", node) == math.inf


@public
def isfinite(x: Any) -> Node:
    """Returns whether each element is neither infinite nor NaN; True for integers."""
    node = as_node(x)
    if not node.dtype.is_inexact:
        return broadcast_to(scalar(True, bool_), node.shape)
    if node.dtype.kind == "c":
        return isfinite(apply_named("real", node)) & isfinite(apply_named("imag", node))
    return apply_named("abs", node) < math.inf


@public
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Node:
    """Returns an array of one number; its dtype is the number's unless given."""
    node = as_node(fill_value, None if dtype is None else dtype_of(dtype))
    return broadcast_to(node, shape_of(shape))


@public
def zeros(shape: Any, dtype: Any = None) -> Node:
    """Returns zeros, float32 unless a dtype is given."""
    return full(shape, scalar(0, DEFAULT_FLOAT if dtype is None else dtype_of(dtype)))


@public
def ones(shape: Any, dtype: Any = None) -> Node:
    """Returns ones, float32 unless a dtype is given."""
    return full(shape, scalar(1, DEFAULT_FLOAT if dtype is None else dtype_of(dtype)))


@public
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Node:
    """Returns an array of one number in x's shape, and in x's dtype unless another is given."""
    node = as_node(x)
    return full(node.shape, fill_value, node.dtype if dtype is None else dtype)


@public
def empty(shape: Any, dtype: Any = None) -> Node:
    """Returns zeros: a graph value has no memory that could be left as it was."""
    return zeros(shape, dtype)


@public
def empty_like(x: Any, dtype: Any = None) -> Node:
    """Returns zeros like x: a graph value has no memory that could be left as it was."""
    return zeros_like(x, dtype)


@public
def asarray(obj: Any, dtype: Any = None, copy: Any = None) -> Node:
    """Returns a graph value of a graph value, an array, a number or a nest of numbers.

    Args:
        obj: what becomes a graph value; a graph value stays itself.
        dtype: that of the result; the values are cast.
        copy: None, True or False, which all mean the same, since a graph value never changes.
    """
    _check_copy(copy)
    if isinstance(obj, (Node, np.ndarray, np.generic)):
        return as_node(obj) if dtype is None else cast(obj, dtype)
    return constant(obj, dtype)


@public
def astype(x: Any, dtype: Any, copy: Any = True) -> Node:
    """Returns x in another dtype, see `gx.cast`.

    Args:
        x: `[...]`.
        dtype: that of the result.
        copy: None, True or False, which all mean the same, since a graph value never changes.
    """
    _check_copy(copy)
    return cast(x, dtype)


def _check_copy(copy: Any) -> None:
    if copy is not None and not isinstance(copy, bool):
        raise ArgumentError(f"copy={show_value(copy)} is neither None, True nor False")


@public
def ravel(x: Any) -> Node:
    """Returns the elements in one axis, last axis fastest."""
    return reshape(as_node(x), -1) if as_node(x).ndim != 1 else as_node(x)


@public
def swapaxes(x: Any, first: int, second: int) -> Node:
    """Returns x with two axes exchanged."""
    node = as_node(x)
    order = list(range(node.ndim))
    a, b = normalize_axis(first, node.ndim), normalize_axis(second, node.ndim)
    order[a], order[b] = order[b], order[a]
    return transpose(node, tuple(order))


@public
def outer(x: Any, y: Any) -> Node:
    """Returns all products of two vectors, `[n, m]`."""
    left, right = ravel(x), ravel(y)
    return mul(reshape(left, (*left.shape, 1)), reshape(right, (1, *right.shape)))


__all__ = [
    "astype", "concatenate", "divide", "full", "full_like", "isfinite",
    "isinf", "isnan", "multiply", "negative", "ones", "outer", "permute_dims", "positive", "ravel",
    "remainder", "round_", "subtract", "swapaxes", "zeros",
]  # fmt: skip
