"""The records of random numbers: a key in, bits or numbers of a distribution out.

A key is a value, `u32[2]`, and never a hidden state: the same key gives the same numbers, in NumPy,
under XLA, on every device and in every process. They are those of `jax.random`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.dtype import DType, bool_, int32, uint32
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.op import Op
from graphc.core.type import Shape, Size, TensorType, element_count, shape_of, tensor_type
from graphc.ops.chain import add_up
from graphc.ops.define import own_rounding, structural

KEY_MEND = "make one: gx.random.key(0), or gx.input('key', (2,), gx.uint32)"


def require_key(key: TensorType) -> None:
    """Raises where the type is not that of a key."""
    if key.dtype is not uint32:
        raise DTypeError(f"the key is {key}, and a random key is u32[2]", KEY_MEND)
    if key.shape != (2,):
        raise ShapeError(
            f"the key is {key}, and a random key is u32[2]",
            "take one of several keys: keys[0], or map over them: gx.map",
        )


def _random(
    name: str,
    infer: Callable[..., TensorType],
    run: Callable[..., Any],
    latex: str,
    doc: str,
    *,
    flops: int = 0,
    ulp: float = 0.0,
    domain: str = "every key",
) -> Op:
    """Registers a draw: it hangs on integers alone, so it has no derivative and needs none."""

    def checked(key: TensorType, *data: TensorType, **params: Any) -> TensorType:
        require_key(key)
        return infer(*data, **params)

    return structural(
        name,
        group="random",
        meet="none",
        infer=checked,
        run=run,
        vjp=lambda adjoint, node, wanted: [None] * len(wanted),
        jvp=lambda tangents, node: None,
        latex=latex,
        flops=lambda node: flops * element_count(node.type.shape),
        domain=domain,
        ulp=ulp,
        bound=lambda errors, node: add_up([own_rounding(node, ulp)]),
        formula="it is drawn, and no function of real numbers",
        doc=doc,
    )


def _shaped(shape: Shape, dtype: DType) -> TensorType:
    if not isinstance(shape, tuple) or not isinstance(dtype, DType):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentError(
            f"{show_value(shape)} and {show_value(dtype)} are no shape and dtype",
            "call gx.random.uniform or its kin",
        )
    return tensor_type(shape_of(shape), dtype)


def _bits_infer(shape: Shape, dtype: DType) -> TensorType:
    found = _shaped(shape, dtype)
    if dtype.kind != "u":
        raise DTypeError(f"bits come as unsigned integers, not as {dtype.name}", "use gx.uint32")
    return found


def _float_infer(shape: Shape, dtype: DType) -> TensorType:
    found = _shaped(shape, dtype)
    if not dtype.is_float:
        raise DTypeError(
            f"the numbers of this distribution are floats, not {dtype.name}",
            "use a float dtype, or gx.random.randint",
        )
    return found


def _integers_infer(shape: Shape, low: Size, high: Size, dtype: DType) -> TensorType:
    found = _shaped(shape, dtype)
    if not dtype.is_integer:
        raise DTypeError(f"{dtype.name} is no integer dtype", "use gx.int32")
    return found


def _fold_infer(data: TensorType) -> TensorType:
    if data.shape or not (data.dtype.is_integer or data.dtype is bool_):
        raise DTypeError(f"the data are {data}, no integer", "fold in an integer or a name")
    return tensor_type((2,), uint32)


random_bits = _random(
    "random_bits",
    _bits_infer,
    lambda xp, key, shape, dtype: xp.random.bits(xp, key, shape, dtype),
    r"\operatorname{{bits}}({0})",
    "Returns random bits as unsigned integers, from a key.",
)
random_split = _random(
    "random_split",
    lambda shape: TensorType((*shape_of(shape), 2), uint32),
    lambda xp, key, shape: xp.random.split(xp, key, shape),
    r"\operatorname{{split}}({0})",
    "Returns new keys, one for each place of a shape, from a key.",
)
random_fold_in = _random(
    "random_fold_in",
    _fold_infer,
    lambda xp, key, data: xp.random.fold_in(xp, key, data),
    r"\operatorname{{fold}}({0}, {1})",
    "Returns the key that a key and an integer make.",
)
random_uniform = _random(
    "random_uniform",
    _float_infer,
    lambda xp, key, shape, dtype: xp.random.uniform(xp, key, shape, dtype),
    r"\mathcal{{U}}_{{[0,1)}}({0})",
    "Returns numbers spread evenly over [0, 1), from a key.",
    flops=2,
)
random_normal = _random(
    "random_normal",
    _float_infer,
    lambda xp, key, shape, dtype: xp.random.normal(xp, key, shape, dtype),
    r"\mathcal{{N}}_{{0,1}}({0})",
    "Returns numbers of the normal distribution with mean 0 and deviation 1, from a key.",
    flops=30,
    ulp=5.0,
)
random_integers = _random(
    "random_integers",
    _integers_infer,
    lambda xp, key, shape, low, high, dtype: xp.random.integers(xp, key, shape, low, high, dtype),
    r"\mathcal{{U}}_{{{low} \ldots {high} - 1}}({0})",
    "Returns integers in [low, high), from a key.",
)


def _size(size: Any) -> Size:
    """Returns a number of entries; a name written out is none: it has no number when it runs."""
    if isinstance(size, str):
        raise ShapeError(f"size={size!r} is a text", f"write gx.dim({size!r})")
    return shape_of((size,))[0]


random_permutation = _random(
    "random_permutation",
    lambda size: tensor_type((_size(size),), int32),
    lambda xp, key, size: xp.random.permutation(xp, key, size),
    r"\operatorname{{permutation}}({0})",
    "Returns 0, 1, ..., size - 1 in random order, from a key.",
)
