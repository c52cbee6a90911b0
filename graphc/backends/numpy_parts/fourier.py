"""Discrete Fourier transforms in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def dft(xp: Any, x: Any, axes: Sequence[int], inverse: bool, norm: Any) -> Any:
    """Returns the transform of complex numbers over axes."""
    if not x.size or not axes:
        return x
    return (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=tuple(axes), norm=norm)


def rdft(xp: Any, x: Any, axis: int, norm: Any) -> Any:
    """Returns the first half of the transform of real numbers, n // 2 + 1 of them."""
    return np.fft.rfft(x, axis=axis, norm=norm)


def irdft(xp: Any, x: Any, axis: int, n: int, norm: Any) -> Any:
    """Returns the n real numbers whose transform begins as x does."""
    return np.fft.irfft(x, n, axis=axis, norm=norm)
