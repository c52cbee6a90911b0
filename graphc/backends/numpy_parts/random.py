"""Random numbers in NumPy: Threefry-2x32 in counter mode, and what is made of its bits.

The numbers are those of `jax.random` with its default generator and partitionable counters.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.core.dtype import DType, uint8, uint16, uint32, uint64
from graphc.ops.special.inverse_error import erfinv_value

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_UNSIGNED = {8: uint8, 16: uint16, 32: uint32, 64: uint64}


def threefry(key: Any, high: Any, low: Any) -> tuple[Any, Any]:
    """Returns two arrays of 32 random bits for counters given by their high and low halves.

    Args:
        key: `u32[2]`.
        high: `u32[...]`; it is written over.
        low: of the same shape; it is written over.

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3.
    """
    schedule = (key[0], key[1], key[0] ^ key[1] ^ _PARITY)
    high += schedule[0]
    low += schedule[1]
    for step in range(5):
        for distance in _ROTATIONS[step % 2]:
            high += low
            spilled = low >> np.uint32(32 - distance)
            low <<= np.uint32(distance)
            low |= spilled
            low ^= high
        high += schedule[(step + 1) % 3]
        low += schedule[(step + 2) % 3] + np.uint32(step + 1)
    return high, low


def plain_key(key: Any) -> Any:
    """Returns a key as `u32[2]`; mpmath's evaluator keeps integers as Python's."""
    if key.dtype != object:
        return key
    return np.asarray([int(k) & 0xFFFFFFFF for k in key], np.uint32)


def _blocks(key: Any, shape: Any) -> tuple[Any, Any]:
    count = math.prod(shape)
    counters = np.arange(count, dtype=np.uint64).reshape(shape)
    high = np.asarray(counters >> np.uint64(32)).astype(np.uint32)
    low = np.asarray(counters).astype(np.uint32)
    with np.errstate(over="ignore"):
        return threefry(plain_key(key), np.atleast_1d(high), np.atleast_1d(low))


def split(xp: Any, key: Any, shape: Any) -> Any:
    """Returns one key for each place of a shape, `u32[*shape, 2]`."""
    high, low = _blocks(key, shape)
    return np.stack([high, low], axis=-1).reshape((*shape, 2))


def fold_in(xp: Any, key: Any, data: Any) -> Any:
    """Returns the key that a key and a number make, `u32[2]`."""
    counter = np.asarray([int(data) & 0xFFFFFFFF], np.uint32)
    with np.errstate(over="ignore"):
        high, low = threefry(plain_key(key), np.zeros(1, np.uint32), counter)
    return np.concatenate([high, low])


def bits(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns random bits as unsigned integers."""
    high, low = _blocks(key, shape)
    if dtype.bits == 64:
        found = (high.astype(np.uint64) << np.uint64(32)) | low
    else:
        found = (high ^ low).astype(dtype.numpy)
    return found.reshape(shape)


def uniform(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns multiples of 2**(1 - precision) in [0, 1), exactly."""
    kept = dtype.precision - 1
    # JAX draws 8 bits for a significand of 7, and as many as the dtype has for all others.
    width = 8 if kept < 8 else dtype.bits
    drawn = bits(xp, key, shape, _UNSIGNED[width]) >> _UNSIGNED[width].numpy.type(width - kept)
    wide = np.float64 if dtype.bits == 64 else np.float32
    return drawn.astype(wide) * wide(2.0**-kept)


def symmetric(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns the odd multiples of 2**-precision in (-1, 1), exactly, as JAX's normal has them."""
    unit = np.asarray(uniform(xp, key, shape, dtype), np.float64)
    return unit * 2 + (2.0**-dtype.precision - 1)


def normal(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns numbers of the normal distribution with mean 0 and deviation 1."""
    return erfinv_value(xp, symmetric(xp, key, shape, dtype)) * math.sqrt(2)


def integers(xp: Any, key: Any, shape: Any, low: int, high: int, dtype: DType) -> Any:
    """Returns integers in [low, high), drawn from 64 bits or more, as JAX does."""
    width = max(dtype.bits, 32)  # fewer would favour some integers
    span = high - low
    unsigned = _UNSIGNED[width]
    first, second = split(xp, key, (2,))
    upper, lower = bits(xp, first, shape, unsigned), bits(xp, second, shape, unsigned)
    kind = unsigned.numpy.type
    if span == 2**width:  # every integer there is: the lower bits as they are
        offset = lower
    else:
        with np.errstate(over="ignore"):
            factor = kind(2 ** (width // 2) % span)
            factor = kind(factor * factor) % kind(span)
            offset = (upper % kind(span) * factor + lower % kind(span)) % kind(span)
    return (offset + kind(low % 2**width)).astype(dtype.numpy)


def permutation(xp: Any, key: Any, size: int) -> Any:
    """Returns 0, 1, ..., size - 1 in random order, by sorting random keys as often as JAX does."""
    order = np.arange(size)
    rounds = math.ceil(3 * math.log(max(1, size)) / math.log(2**32 - 1))
    for _ in range(rounds):
        key, own = split(xp, key, (2,))
        drawn = bits(xp, own, (size,), _UNSIGNED[32])
        order = order[np.argsort(drawn, kind="stable")]
    return order
