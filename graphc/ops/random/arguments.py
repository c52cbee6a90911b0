"""The arguments that random draws share: shapes, dtypes, and parameters of distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.dtype import DType, dtype_of
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, as_node
from graphc.core.type import Shape, broadcast_shapes, shape_of, show_shape


def float_dtype(dtype: Any, *parameters: Any) -> DType:
    """Returns the dtype asked for, or else that in which the parameters meet, or else float32."""
    if dtype is not None:
        found = dtype_of(dtype)
        if not found.is_float:
            raise DTypeError(f"dtype {found.name} is no float dtype", "for example gx.float32")
        return found
    known = [as_node(p).dtype for p in parameters if not isinstance(p, (bool, int, float))]
    known = [d if d.is_float else dtypes.DEFAULT_FLOAT for d in known]
    return dtypes.join_dtypes(known) if known else dtypes.DEFAULT_FLOAT


def parameter(name: str, value: Any, dtype: DType) -> Node:
    """Returns a parameter of a distribution as a node.

    Raises:
        ArgumentError: it is no number, or a number that is not finite.
        DTypeError: it is a bool, or does not promote to the draw's dtype.
    """
    if isinstance(value, (bool, str, bytes)) or value is None:
        raise ArgumentError(f"{name}={show_value(value)} is no number", f"give {name} a number")
    numbers = known_numbers(name, value)
    if numbers is not None and not np.all(np.isfinite(numbers)):
        raise ArgumentError(f"{name}={show_value(value)} is not finite", f"give {name} a number")
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return as_node(float(value) if abs(value) < 2**1024 else value, dtype)
    node = as_node(value)
    if node.dtype is dtypes.bool_ or node.dtype.kind == "c":
        raise DTypeError(f"{name} is {node.type}, no real number", "cast it first")
    return as_node(node, dtype)


def known_numbers(name: str, value: Any) -> Any:
    """Returns a parameter's numbers where they are known while the graph is built, else None."""
    if isinstance(value, (int, float)):
        if isinstance(value, int) and abs(value) >= 2**1023:
            return np.asarray(math.inf if value > 0 else -math.inf)
        return np.asarray(float(value))
    node = as_node(value)
    if node.op.name != "constant":
        return None
    array = node.params["value"].array
    return array.astype(np.float64) if array.dtype.kind in "iufV" else array


def require(name: str, value: Any, holds: Any, words: str) -> None:
    """Raises ArgumentError where known numbers break a rule: `holds(numbers)`."""
    numbers = known_numbers(name, value)
    if numbers is not None and numbers.dtype.kind == "f" and not np.all(holds(numbers)):
        raise ArgumentError(f"{name}={show_value(value)} is not {words}", f"give {name} such a one")


def drawn_shape(shape: Any, *parameters: Node) -> Shape:
    """Returns the shape asked for, or else that in which the parameters meet.

    Raises:
        ShapeError: the parameters do not broadcast to it.
    """
    meeting = broadcast_shapes(*[p.shape for p in parameters]) if parameters else ()
    if shape is None:
        return meeting
    asked = shape_of(shape)
    if broadcast_shapes(asked, meeting) != asked:
        raise ShapeError(
            f"parameters of shape {show_shape(meeting)} do not fit a draw of shape "
            f"{show_shape(asked) or '()'}",
            "leave the shape out, or give one that they broadcast to",
        )
    return asked
