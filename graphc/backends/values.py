"""Values given for inputs: checked against the declaration, and made arrays of its dtype."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from graphc.core.errors import ArgumentError, DTypeError, PrecisionError
from graphc.core.literals import array_of
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import TensorType


def as_value(node: Node, value: Any) -> np.ndarray[Any, Any]:
    """Returns a value as an array of the input's dtype.

    Raises:
        DTypeError: a float for an integer input, a complex value, or an integer out of range.
        PrecisionError: a finite number would become infinite.
        ArgumentError: it is no array of numbers.
    """
    assert isinstance(node.type, TensorType)
    target = node.type.dtype
    try:
        array = array_of(value)
    except ArgumentError as error:
        words = error.rule.partition(" is ")[2] or error.rule
        raise ArgumentError(f"the value of {describe(node)} is {words}", error.mend) from None
    check_range(node, array)
    if array.dtype != object:
        check_kind(node, array.dtype)
    with np.errstate(over="ignore"):
        return array.astype(target.numpy)


def check_range(node: Node, array: np.ndarray[Any, Any]) -> None:
    """Raises DTypeError or PrecisionError where the input's dtype can't hold a given number."""
    target = node.type.dtype
    if array.dtype == target.numpy or array.dtype.kind not in "iufO" or not array.size:
        return
    if array.dtype == object and not all(type(v) is int for v in array.flat):
        check_kind(node, array.dtype)  # integers of more than 64 bits come as objects
    if target.is_integer and array.dtype.kind in "iuO":
        limits = np.iinfo(target.numpy)
        _refuse(node, array, (array < limits.min) | (array > limits.max), DTypeError)
    elif target.is_float:
        if array.dtype.kind == "f":
            wider = array.dtype.itemsize > target.numpy.itemsize
            if not wider or (np.abs(array) <= ml_dtypes.finfo(target.numpy).max).all():
                return
        with np.errstate(over="ignore"):
            made = _as_float(array).astype(target.numpy)
        lost = np.isinf(made) & (np.abs(array) != np.inf)
        _refuse(node, array, lost, PrecisionError)


def _as_float(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if array.dtype != object:
        return array
    largest = int(np.finfo(np.float64).max)
    return np.asarray(
        [float(v) if abs(v) <= largest else np.inf for v in array.flat], np.float64
    ).reshape(array.shape)


def _refuse(
    node: Node, array: np.ndarray[Any, Any], lost: Any, kind: type[DTypeError | PrecisionError]
) -> None:
    where = np.argwhere(lost)
    if not len(where):
        return
    first = tuple(int(i) for i in where[0])
    number = array[first]
    text = f"{float(number):.6g}" if array.dtype.kind == "f" else str(number)
    at = f"[{','.join(map(str, first))}]" if first else ""
    raise kind(
        f"{describe(node)}{at} is {text if len(text) <= 40 else text[:37] + '...'}, which does not "
        f"fit into {node.type.dtype.name}",
        f"declare {describe(node)} in a wider dtype, or pass a number that fits",
    )


def check_kind(node: Node, dtype: Any) -> None:
    """Raises DTypeError where a value's kind would be lost in the input's dtype."""
    rank = {"b": 0, "u": 1, "i": 1, "f": 2, "V": 2, "c": 3}
    if not isinstance(dtype, np.dtype):
        raise ArgumentError(
            f"the value of {describe(node)} has JAX's own dtype {dtype}, which is no number's",
            "pass the numbers of a typed key: jax.random.key_data(key)",
        )
    kind = dtype.kind if dtype.name != "bfloat16" else "f"
    if kind not in rank:
        raise ArgumentError(
            f"the value of {describe(node)} is no array of numbers but {dtype}", "pass numbers"
        )
    if rank[kind] > rank[node.type.dtype.kind]:
        raise DTypeError(
            f"{describe(node)} is declared {node.type}, the value is {dtype}",
            "cast the value, or declare another dtype",
        )
