"""What NumPy calls otherwise than graphc, for NumPy's own functions on graph values."""

from __future__ import annotations

#: NumPy's names that are no names of graphc.
NUMPY_NAMES = {
    "true_divide": "div", "conjugate": "conj", "power": "pow", "absolute": "abs", "fabs": "abs", "rint": "round",
    "arctan2": "atan2", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "amax": "max", "amin": "min",
    "around": "round", "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift",
    "deg2rad": "radians", "rad2deg": "degrees",
}  # fmt: skip
#: NumPy's keywords that are called otherwise in graphc.
NUMPY_KEYWORDS = {
    "a": "x", "a_min": "min", "a_max": "max", "fill_value": "value", "axis1": "first",
    "axis2": "second", "arr": "x", "array": "x", "m": "x", "A": "x", "reps": "repetitions",
    "v": "values",
}  # fmt: skip
