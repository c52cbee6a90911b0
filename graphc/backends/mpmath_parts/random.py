"""Random numbers for mpmath: NumPy's bits, and what is made of them at any number of digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.backends.numpy_parts import random as plain
from graphc.core.dtype import DType


def split(xp: Any, key: Any, shape: Any) -> Any:
    """Returns one key for each place of a shape, `u32[*shape, 2]`."""
    return xp.convert(plain.split(xp, key, shape))


def fold_in(xp: Any, key: Any, data: Any) -> Any:
    """Returns the key that a key and a number make, `u32[2]`."""
    return xp.convert(plain.fold_in(xp, key, data))


def bits(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns random bits as Python's integers."""
    return xp.convert(plain.bits(xp, key, shape, dtype))


def uniform(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns multiples of 2**(1 - precision) in [0, 1), exactly."""
    return xp.convert(plain.uniform(xp, key, shape, dtype))


def normal(xp: Any, key: Any, shape: Any, dtype: DType) -> Any:
    """Returns numbers of the normal distribution with mean 0 and deviation 1."""
    m = xp.context
    drawn = xp.convert(plain.symmetric(xp, key, shape, dtype))
    found = np.frompyfunc(lambda u: m.sqrt(2) * m.erfinv(u), 1, 1)(drawn)
    return np.asarray(found, dtype=object)


def integers(xp: Any, key: Any, shape: Any, low: int, high: int, dtype: DType) -> Any:
    """Returns integers in [low, high)."""
    return xp.convert(plain.integers(xp, key, shape, low, high, dtype))


def permutation(xp: Any, key: Any, size: int) -> Any:
    """Returns 0, 1, ..., size - 1 in random order."""
    return xp.convert(plain.permutation(xp, key, size))
