"""Random numbers in JAX: its own Threefry, whatever its switches say."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random

from graphc.core.dtype import DType, uint8, uint16, uint32, uint64
from graphc.ops.special.inverse_error import erfinv_value

_UNSIGNED = {8: uint8, 16: uint16, 32: uint32, 64: uint64}


def _typed(key: Any) -> Any:
    return random.wrap_key_data(key, impl="threefry2x32")


def split(xp: Any, key: Any, shape: Any) -> Any:
    """Returns one key for each place of a shape, `u32[*shape, 2]`."""
    with jax.threefry_partitionable(True):
        return random.key_data(random.split(_typed(key), shape))


def fold_in(xp: Any, key: Any, data: Any) -> Any:
    """Returns the key that a key and a number make, `u32[2]`."""
    return random.key_data(random.fold_in(_typed(key), data))


def bits(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns random bits as unsigned integers."""
    with jax.threefry_partitionable(True):
        return random.bits(_typed(key), shape, dtype.numpy)


def uniform(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns multiples of 2**(1 - precision) in [0, 1), exactly."""
    with jax.threefry_partitionable(True):
        return random.uniform(_typed(key), shape, dtype.numpy)


def normal(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns numbers of the normal distribution with mean 0 and deviation 1.

    They are `jax.random.normal`'s where that is right: it takes log(1 - u**2) from the rounded
    square, and is off by up to 40 ulp in float32 and 2e5 in float64, far out. They are formed in
    the dtype; 16-bit floats in float32.
    """
    with jax.threefry_partitionable(True):
        low = np.asarray(2.0**-dtype.precision - 1, dtype.numpy)
        drawn = random.uniform(_typed(key), shape, dtype.numpy, low, 1)
    wide = jnp.float64 if dtype.bits == 64 else jnp.float32
    return erfinv_value(xp, drawn.astype(wide)) * math.sqrt(2)


def integers(xp: Any, key: Any, shape: Any, low: int, high: int, dtype: DType) -> Any:
    """Returns integers in [low, high): what `jax.random.randint` gives, for every bound there is.

    That takes no bound past the widest integer of its dtype, and past int32 with 64 bits off.
    """
    width, span = max(dtype.bits, 32), high - low
    kind = _UNSIGNED[width].numpy.type
    with jax.threefry_partitionable(True):
        first, second = random.split(_typed(key))
        lower = random.bits(second, shape, kind)
        if span == 2**width:
            offset = lower
        else:
            upper = random.bits(first, shape, kind)
            factor = kind(2 ** (width // 2) % span)
            with np.errstate(over="ignore"):
                factor = factor * factor % kind(span)
            offset = lax.rem(upper, jnp.full(shape, span, kind)) * factor
            offset = offset + lax.rem(lower, jnp.full(shape, span, kind))
            offset = lax.rem(offset, jnp.full(shape, span, kind))
    return lax.convert_element_type(offset + kind(low % 2**width), dtype.numpy)


def permutation(xp: Any, key: Any, size: int) -> Any:
    """Returns 0, 1, ..., size - 1 in random order."""
    with jax.threefry_partitionable(True):
        return random.permutation(_typed(key), jnp.arange(size, dtype=jnp.int32))
