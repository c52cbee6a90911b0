"""Literals: the constants that numbers and arrays become, in a dtype that holds them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.const import Const
from graphc.core.dtype import DType, dtype_of
from graphc.core.errors import ArgumentError, DTypeError, PrecisionError
from graphc.core.naming import describe_operand


def scalar_const(value: complex, dtype: DType) -> Const:
    """Returns the constant of a number in the given dtype.

    Raises:
        DTypeError: an integer dtype can't hold the number, or a real one a complex number.
        PrecisionError: a finite number would become infinite, or 0.
    """
    if isinstance(value, complex):
        if dtype.kind != "c":
            raise DTypeError(
                f"{value!r} does not fit into {dtype.name}", "use gx.complex64 or gx.complex128"
            )
        return _complex_const(value, dtype)
    if dtype.is_integer and not isinstance(value, bool):
        info = np.iinfo(dtype.numpy)
        if value != value or not info.min <= value <= info.max or int(value) != value:
            raise DTypeError(f"{value!r} does not fit into {dtype.name}", "cast the other operand")
    # The sign of zero counts, so the bits are the key and not the value.
    bits = value.hex() if isinstance(value, float) else value
    return _real_const(bits, type(value), dtype)


@functools.lru_cache(maxsize=4096)
def _real_const(bits: str | int, kind: type, dtype: DType) -> Const:
    value: int | float = float.fromhex(bits) if isinstance(bits, str) else kind(bits)
    try:
        with np.errstate(over="ignore", under="ignore"):
            array = np.asarray(value, dtype=dtype.numpy)
    except OverflowError:
        raise DTypeError(
            f"the integer has {int(value).bit_length()} bits and does not fit into {dtype.name}",
            "give a smaller number",
        ) from None
    if dtype.is_inexact and value - value == 0:
        if not np.isfinite(array):
            raise PrecisionError(
                f"{value!r} is too large for {dtype.name}: it would become infinite",
                "declare the inputs in a wider dtype, or write math.inf",
            )
        if value and not array:
            raise PrecisionError(
                f"{value!r} is too small for {dtype.name}: it would become 0",
                "declare the inputs in a wider dtype, or write 0.0",
            )
    if dtype is dtypes.bool_ and value not in (0, 1):
        raise DTypeError(f"{value!r} is neither True nor False", "compare it: x != 0")
    return Const(array)


def _complex_const(value: complex, dtype: DType) -> Const:
    with np.errstate(over="ignore", under="ignore"):
        array = np.asarray(value, dtype=dtype.numpy)
    finite = value - value == 0
    if finite and not np.isfinite(array):
        raise PrecisionError(
            f"{value!r} is too large for {dtype.name}: it would become infinite",
            "declare the inputs in a wider dtype",
        )
    return Const(array)


def array_of(value: Any) -> np.ndarray[Any, Any]:
    """Returns what NumPy makes of a value.

    Raises:
        ArgumentError: it makes nothing of it, or the value's own `__array__` fails.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise ArgumentError(
            f"{describe_operand(value)} is a masked array, and its mask would be lost",
            "fill it: value.filled(0.0), and use gx.where with the mask",
        )
    if type(value).__name__ == "PRNGKeyArray":
        raise ArgumentError(
            f"{describe_operand(value)} is a typed key of JAX",
            "pass its numbers: jax.random.key_data(key)",
        )
    try:
        return np.asarray(value)
    except Exception as error:  # a foreign __array__ may raise anything, a JAX tracer its own
        words = str(error).splitlines() or [type(error).__name__]
        raise ArgumentError(
            f"{describe_operand(value)} is no array: {words[0]}", "give rows of one length"
        ) from None


def array_const(value: Any, dtype: DType | None) -> Const:
    """Returns the constant of an array or a nested list, in the dtype given, or its own.

    Raises:
        DTypeError: the dtype is not one of graphc's, or can't hold the values.
        PrecisionError: a finite number would become infinite.
        ArgumentError: it is no array of numbers.
    """
    listed = isinstance(value, (list, tuple))
    array = array_of(value)
    if array.dtype == object or (array.dtype.kind in "USMmV" and array.dtype.name != "bfloat16"):
        raise ArgumentError(
            f"{describe_operand(value)} is neither a graph value, a number nor an array of numbers",
            "build it from gx.input, numbers and arrays",
        )
    if dtype is None and listed:
        kinds = {
            "f": dtypes.DEFAULT_FLOAT, "i": dtypes.DEFAULT_INT, "c": dtypes.DEFAULT_COMPLEX,
        }  # fmt: skip
        kind = kinds.get(array.dtype.kind)
        dtype = kind
    target = dtype or dtype_of(array.dtype)
    if array.dtype.kind == "c" and target.kind != "c":
        raise DTypeError(
            f"{describe_operand(value)} does not fit into {target.name}",
            "take its real part, or use gx.complex64",
        )
    with np.errstate(all="ignore"):
        made = array.astype(target.numpy)
    wide = np.complex128 if target.kind == "c" else np.float64
    if target.is_inexact and np.any(np.isinf(made.astype(wide)) & np.isfinite(array)):
        raise PrecisionError(
            f"{describe_operand(value)} holds numbers too large for {target.name}",
            "choose a wider dtype",
        )
    if not target.is_inexact and not np.array_equal(made, array):
        raise DTypeError(
            f"{describe_operand(value)} does not fit into {target.name}",
            "round it, or choose another dtype",
        )
    return Const(made)
