"""What NumPy calls otherwise than graphc, for NumPy's own functions on graph values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.core.calls import public_functions
from graphc.core.errors import ArgumentError
from graphc.core.op import Op, op_named

#: NumPy's names that are no names of graphc.
NUMPY_NAMES = {
    "true_divide": "div", "conjugate": "conj", "power": "pow", "absolute": "abs", "fabs": "abs",
    "rint": "round", "arctan2": "atan2", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "amax": "max", "amin": "min",
    "around": "round", "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift",
    "deg2rad": "radians", "rad2deg": "degrees",
}  # fmt: skip
#: NumPy's keywords that are called otherwise in graphc.
NUMPY_KEYWORDS = {
    "a": "x", "a_min": "min", "a_max": "max", "axis1": "first",
    "axis2": "second", "arr": "x", "array": "x", "m": "x", "A": "x", "reps": "repetitions",
    "v": "values",
}  # fmt: skip


def call_ufunc(ufunc: Any, method: str, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Calls graphc's counterpart of a ufunc of NumPy.

    Raises:
        ArgumentError: it has none, or a method or option that graph values don't know is asked for.
    """
    if method != "__call__" or options:
        extra = ", ".join(options) or method
        raise ArgumentError(
            f"np.{ufunc.__name__} with {extra} does not work on graph values",
            f"use gx.{NUMPY_NAMES.get(ufunc.__name__, ufunc.__name__)}",
        )
    return _counterpart(ufunc.__name__)(*args)


def call_function(function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Calls graphc's counterpart of a function of NumPy, its keywords under graphc's names.

    Raises:
        ArgumentError: it has none.
    """
    found = _counterpart(function.__name__)
    own = () if isinstance(found, Op) else inspect.signature(found).parameters
    named = {k if k in own else NUMPY_KEYWORDS.get(k, k): v for k, v in options.items()}
    return found(*args, **named)


def _counterpart(numpy_name: str) -> Callable[..., Any]:
    name = NUMPY_NAMES.get(numpy_name, numpy_name)
    if name in public_functions:
        return public_functions[name]
    try:
        return op_named(name)
    except ArgumentError as error:
        raise ArgumentError(
            f"np.{numpy_name} has no counterpart in graphc", error.mend or "`graphc ops` lists them"
        ) from None
