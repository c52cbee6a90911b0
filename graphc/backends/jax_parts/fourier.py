"""Discrete Fourier transforms in JAX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp


def dft(xp: Any, x: Any, axes: Sequence[int], inverse: bool, norm: str) -> Any:
    """Returns the transform of complex numbers over axes."""
    if not x.size:
        return x
    transform = jnp.fft.ifftn if inverse else jnp.fft.fftn
    for first in range(0, len(axes), 3):  # XLA takes three axes at once
        x = transform(x, axes=tuple(axes[first : first + 3]), norm=norm)
    return x


def rdft(xp: Any, x: Any, axis: int, norm: str) -> Any:
    """Returns the first half of the transform of real numbers, n // 2 + 1 of them."""
    return jnp.fft.rfft(x, axis=axis, norm=norm)


def irdft(xp: Any, x: Any, axis: int, n: int, norm: str) -> Any:
    """Returns the n real numbers whose transform begins as x does."""
    return jnp.fft.irfft(x, n, axis=axis, norm=norm)
