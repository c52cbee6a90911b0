"""Discrete Fourier transforms at any number of digits: even sizes are halved, odd ones summed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def _unscaled(m: Any, x: Any, sign: int) -> Any:
    """Returns the sums of x times exp(sign 2 pi i j k / n) over the last axis."""
    n, levels, parts = x.shape[-1], 0, [x]
    while n % 2 == 0:
        parts = [half for part in parts for half in (part[..., 0::2], part[..., 1::2])]
        n, levels = n // 2, levels + 1
    roots = np.asarray([m.expjpi(m.mpf(sign * 2 * k) / n) for k in range(n)], dtype=object)
    matrix = roots[np.outer(np.arange(n), np.arange(n)) % n]
    parts = [np.dot(part, matrix) for part in parts]
    for _ in range(levels):
        turn = np.asarray([m.expjpi(m.mpf(sign * k) / n) for k in range(n)], dtype=object)
        pairs = zip(parts[0::2], parts[1::2], strict=True)
        turned = [(even, odd * turn) for even, odd in pairs]
        parts = [np.concatenate([e + o, e - o], axis=-1) for e, o in turned]
        n *= 2
    return parts[0]


def _scale(m: Any, n: int, norm: str, inverse: bool) -> Any:
    if norm == "ortho":
        return 1 / m.sqrt(n)
    return m.one / n if (norm == "backward") == inverse else m.one


def dft(xp: Any, x: Any, axes: Sequence[int], inverse: bool, norm: str) -> Any:
    """Returns the transform of complex numbers over axes."""
    if not x.size:
        return x
    m = xp.context
    for axis in axes:
        moved = _unscaled(m, np.moveaxis(x, axis, -1), 1 if inverse else -1)
        x = np.moveaxis(moved * _scale(m, x.shape[axis], norm, inverse), -1, axis)
    return x


def rdft(xp: Any, x: Any, axis: int, norm: str) -> Any:
    """Returns the first half of the transform of real numbers, n // 2 + 1 of them."""
    full = dft(xp, x, (axis,), False, norm)
    return np.take(full, np.arange(x.shape[axis] // 2 + 1), axis=axis)


def irdft(xp: Any, x: Any, axis: int, n: int, norm: str) -> Any:
    """Returns the n real numbers whose transform begins as x does."""
    m = xp.context
    first = np.moveaxis(x, axis, -1)
    edge = np.asarray([k == 0 or 2 * k == n for k in range(n // 2 + 1)])
    real = np.frompyfunc(lambda v: m.mpc(m.re(v), 0), 1, 1)
    first = np.where(edge, real(first), first)
    rest = np.frompyfunc(m.conj, 1, 1)(first[..., 1 : (n + 1) // 2][..., ::-1])
    full = np.concatenate([first, rest], axis=-1)
    found = _unscaled(m, full, 1) * _scale(m, n, norm, True)
    return np.moveaxis(np.asarray(np.frompyfunc(m.re, 1, 1)(found), dtype=object), -1, axis)
