"""Sums of products in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def einsum_of_two(subscripts: str, x: Any, y: Any) -> Any:
    """Returns a sum of products as one matrix product, where `numpy.einsum` would be a slow loop.

    The axes become [batch, left, summed] times [batch, summed, right].
    """
    operands, result = subscripts.split("->")
    first, second = operands.split(",")
    first, x = _plain(first, x, second + result)
    second, y = _plain(second, y, first + result)
    batch = [c for c in first if c in second and c in result]
    summed = [c for c in first if c in second and c not in result]
    left = [c for c in first if c not in second]
    right = [c for c in second if c not in first]
    size = dict(zip(first, x.shape, strict=True)) | dict(zip(second, y.shape, strict=True))
    x = np.transpose(x, [first.index(c) for c in (*batch, *left, *summed)])
    y = np.transpose(y, [second.index(c) for c in (*batch, *summed, *right)])
    full = [[size[c] for c in letters] for letters in (batch, left, summed, right)]
    b, m, k, n = (math.prod(sizes) for sizes in full)
    if summed:
        made = np.matmul(np.reshape(x, (b, m, k)), np.reshape(y, (b, k, n)))
    else:
        made = np.reshape(x, (b, m, 1)) * np.reshape(y, (b, 1, n))
    made = np.reshape(made, (*full[0], *full[1], *full[3]))
    order = [*batch, *left, *right]
    return np.transpose(made, [order.index(c) for c in result])


def _plain(term: str, x: Any, needed: str) -> tuple[str, Any]:
    """Returns an operand without letters that stand twice in it, or nowhere else."""
    kept = "".join(c for c in dict.fromkeys(term) if c in needed)
    return (term, x) if kept == term else (kept, np.einsum(f"{term}->{kept}", x))
