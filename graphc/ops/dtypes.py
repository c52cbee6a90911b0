"""The Array API's questions about dtypes: what they are, what they hold, and where they meet."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

from graphc.core.calls import public
from graphc.core.dtype import (
    DType,
    dtype_of,
    join_dtypes,
    real_part,
    weak_name,
)
from graphc.core.errors import ArgumentError, DTypeError, show_value
from graphc.core.node import Node, as_node

#: The standard's kinds and the letters of `DType.kind` they take in.
KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}


class FInfo(NamedTuple):
    """What a float dtype holds; of a complex dtype, what its parts hold."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


class IInfo(NamedTuple):
    """What an integer dtype holds."""

    bits: int
    max: int
    min: int
    dtype: DType


def _dtype_in(value: Any) -> DType:
    return value.dtype if isinstance(value, Node) else dtype_of(value)


@public
def isdtype(dtype: Any, kind: Any) -> bool:
    """Returns whether a dtype is of a kind.

    Args:
        dtype: a dtype.
        kind: another dtype; or "bool", "signed integer", "unsigned integer", "integral",
            "real floating", "complex floating" or "numeric"; or a tuple of such, of which one
            must hold.

    Raises:
        DTypeError: the dtype is not one of graphc's.
        ArgumentError: there is no such kind.
    """
    found = dtype_of(dtype)
    for one in cast("tuple[Any, ...]", kind) if isinstance(kind, tuple) else (kind,):
        if isinstance(one, str):
            if one not in KINDS:
                known = ", ".join(repr(name) for name in KINDS)
                raise ArgumentError(f"kind={show_value(one)} is no kind of dtype", f"use {known}")
            if found.kind in KINDS[one]:
                return True
        elif dtype_of(one) is found:
            return True
    return False


@public
def result_type(*arrays_and_dtypes: Any) -> DType:
    """Returns the dtype in which graph values, arrays, dtypes and Python numbers meet.

    A Python number is weak: it takes the dtype of what it meets, as in operations.

    Raises:
        ArgumentError: there is nothing to promote.
        DTypeError: one of them is neither a value nor a dtype.
    """
    met: list[DType | str] = []
    for one in arrays_and_dtypes:
        weak = weak_name(one)
        if weak is not None:
            met.append(weak)
        elif isinstance(one, Node):
            met.append(one.dtype)
        elif isinstance(one, (np.ndarray, np.generic)):
            met.append(as_node(one).dtype)
        else:
            met.append(dtype_of(one))
    return join_dtypes(met)


@public
def can_cast(from_: Any, to: Any) -> bool:
    """Returns whether promotion leads from a dtype, or that of a graph value, to another.

    Raises:
        DTypeError: one of them is not one of graphc's dtypes.
    """
    target = _dtype_in(to)
    return join_dtypes((_dtype_in(from_), target)) is target


@public
def finfo(type: Any) -> FInfo:
    """Returns the limits of a float dtype, a complex dtype's parts, or a graph value's dtype.

    Raises:
        DTypeError: it is neither float nor complex.
    """
    dtype = _dtype_in(type)
    if not dtype.is_inexact:
        raise DTypeError(f"{dtype.name} is no float", "gx.iinfo knows the integers")
    real = real_part(dtype)
    if real.name == "bfloat16":
        import ml_dtypes

        limits: Any = ml_dtypes.finfo(ml_dtypes.bfloat16)
    else:
        limits = np.finfo(real.numpy)
    return FInfo(
        real.bits,
        float(limits.eps),
        float(limits.max),
        float(limits.min),
        float(limits.smallest_normal),
        real,
    )


@public
def iinfo(type: Any) -> IInfo:
    """Returns the limits of an integer dtype, or of a graph value's dtype.

    Raises:
        DTypeError: it is no integer.
    """
    dtype = _dtype_in(type)
    if not dtype.is_integer:
        raise DTypeError(f"{dtype.name} is no integer", "gx.finfo knows the floats")
    limits = np.iinfo(dtype.numpy)
    return IInfo(dtype.bits, int(limits.max), int(limits.min), dtype)
