"""Element types and JAX's rule for promoting them (the one it uses with 64-bit types on)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, DTypeError, show_value
from graphc.core.type import Size, TensorType, shape_of


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """One element type. `gx.float32["batch", 3]` is the tensor type of that dtype and shape.

    Attributes:
        name: NumPy's name, for example `float32`.
        kind: `b` bool, `u` unsigned, `i` signed, `f` float, `c` complex.
        bits: width in bits.
        short: the short name used in pictures and errors, for example `f32`.
        is_inexact: whether it is of kind `f` or `c`; no property, for it is asked at every node.
    """

    name: str
    kind: str
    bits: int
    short: str
    is_inexact: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_inexact", self.kind in "fc")

    def __getitem__(self, shape: Size | str | tuple[Size | str, ...]) -> TensorType:
        return TensorType(shape_of(shape), self)

    #: Without this Python would take `[...]` for a sequence and `tuple(gx.float32)` never end.
    __iter__ = None

    def __repr__(self) -> str:
        return f"graphc.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (dtype_of, (self.name,))

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype; bfloat16 is that of the package ml_dtypes."""
        return _numpy_dtype(self.name)

    @property
    def is_float(self) -> bool:
        return self.kind == "f"

    @property
    def is_integer(self) -> bool:
        return self.kind in "ui"

    @property
    def precision(self) -> int:
        """Bits of the significand with the hidden one: the unit in the last place is 2**(1-p)."""
        return _PRECISION[self.name]

    @property
    def epsilon(self) -> float:
        """Distance from 1 to the next number, 2**(1 - precision)."""
        return 2.0 ** (1 - self.precision)


_PRECISION = {
    "bfloat16": 8, "float16": 11, "float32": 24, "float64": 53, "complex64": 24, "complex128": 53,
}  # fmt: skip


@functools.cache
def _numpy_dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        import ml_dtypes  # 10 ms that a graph without bfloat16 need not pay

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


bool_ = DType("bool", "b", 8, "bool")
uint8 = DType("uint8", "u", 8, "u8")
uint16 = DType("uint16", "u", 16, "u16")
uint32 = DType("uint32", "u", 32, "u32")
uint64 = DType("uint64", "u", 64, "u64")
int8 = DType("int8", "i", 8, "i8")
int16 = DType("int16", "i", 16, "i16")
int32 = DType("int32", "i", 32, "i32")
int64 = DType("int64", "i", 64, "i64")
float16 = DType("float16", "f", 16, "f16")
bfloat16 = DType("bfloat16", "f", 16, "bf16")
float32 = DType("float32", "f", 32, "f32")
float64 = DType("float64", "f", 64, "f64")
complex64 = DType("complex64", "c", 64, "c64")
complex128 = DType("complex128", "c", 128, "c128")

DTYPES = (
    bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64,
    float16, bfloat16, float32, float64,
)  # fmt: skip
COMPLEX_DTYPES = (complex64, complex128)
_BY_NAME = {
    **{d.name: d for d in (*DTYPES, *COMPLEX_DTYPES)},
    **{d.short: d for d in (*DTYPES, *COMPLEX_DTYPES)},
    "bool_": bool_,
}

#: What a number without a dtype becomes; the one place where it is set.
DEFAULT_FLOAT = float32
DEFAULT_INT = int32
DEFAULT_COMPLEX = complex64


def dtype_of(value: Any) -> DType:
    """Returns the DType named by a DType, a name, a NumPy or JAX dtype, or bool, int or float.

    Raises:
        DTypeError: the dtype is not one of graphc's (object types are not).
    """
    if isinstance(value, DType):
        return value
    if value is float:
        return DEFAULT_FLOAT
    if value is int:
        return DEFAULT_INT
    if value is complex:
        return DEFAULT_COMPLEX
    name = value if isinstance(value, str) else None
    if name is None:
        try:
            name = np.dtype(value).name
        except Exception:  # of a graph value, a frame or what else has a .dtype of its own
            name = show_value(value)
    found = _BY_NAME.get(name)
    if found is None:
        known = ", ".join(d.name for d in (*DTYPES, *COMPLEX_DTYPES))
        raise DTypeError(f"dtype {show_value(name)} is not supported", f"use {known}")
    return found


# JAX's lattice (its documentation, "Type promotion semantics"): an arrow says "promotes to".
# A star is the weak type of a Python number.
_ARROWS = {
    "bool": ("i*",), "i*": ("uint8", "int8"),
    "uint8": ("uint16", "int16"), "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"), "uint64": ("f*",),
    "int8": ("int16",), "int16": ("int32",), "int32": ("int64",), "int64": ("f*",),
    "f*": ("bfloat16", "float16", "c*"), "bfloat16": ("float32",), "float16": ("float32",),
    "float32": ("float64", "complex64"), "float64": ("complex128",),
    "c*": ("complex64",), "complex64": ("complex128",), "complex128": (),
}  # fmt: skip


@functools.cache
def _above(name: str) -> frozenset[str]:
    found = {name}
    for upper in _ARROWS[name]:
        found |= _above(upper)
    return frozenset(found)


@functools.cache
def _join(left: str, right: str) -> str:
    common = _above(left) & _above(right)
    return next(name for name in common if common <= _above(name))


def weak_name(value: Any) -> str | None:
    """Returns the weak lattice point of a Python number, or None for anything else.

    NumPy's scalars have a dtype of their own, as in JAX, though its float64 is a Python float too.
    """
    if isinstance(value, np.generic):
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "i*"
    return "f*" if isinstance(value, float) else "c*" if isinstance(value, complex) else None


@guarded("promote")
def promote(*operands: DType | str) -> DType:
    """Returns the dtype in which operands meet; a Python number is `"i*"`, `"f*"` or `"c*"` (weak).

    Raises:
        ArgumentError: there is no operand.
        DTypeError: one of them is no dtype.
    """
    return join_dtypes(operands)


def join_dtypes(operands: Sequence[DType | str]) -> DType:
    """Returns `promote(*operands)`; it runs at every node."""
    if not operands:
        raise ArgumentError("there is nothing to promote", "gx.promote(gx.int32, gx.float16)")
    for operand in operands:
        if not isinstance(operand, DType) and (
            not isinstance(operand, str) or operand not in _ARROWS
        ):
            dtype_of(operand)  # says which dtypes there are
            raise DTypeError(
                f"{show_value(operand)} is no dtype of graphc's", "gx.promote(gx.int8)"
            )
    name = functools.reduce(_join, (o if isinstance(o, str) else o.name for o in operands))
    if name in ("i*", "c*"):
        return DEFAULT_INT if name == "i*" else DEFAULT_COMPLEX
    # uint64 with a signed integer has no common integer type: JAX makes it the widest float.
    return (DEFAULT_FLOAT if "f*" in operands else float64) if name == "f*" else _BY_NAME[name]


def real_part(dtype: DType) -> DType:
    """Returns the dtype of the real part of a complex dtype, and any other dtype unchanged."""
    return {"complex64": float32, "complex128": float64}.get(dtype.name, dtype)


def complex_with(dtype: DType) -> DType:
    """Returns the complex dtype whose parts are as precise as `dtype`."""
    return complex128 if dtype.bits == 64 else complex64
