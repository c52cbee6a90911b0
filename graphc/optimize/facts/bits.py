"""The facts themselves, as bits: what each implies, and those of a constant by its elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.core.node import Node

#: Zero above the diagonal; below; both: diagonal.
LOWER, UPPER = 1, 2
DIAGONAL = LOWER | UPPER
SYMMETRIC = 4
#: No negative eigenvalue; none that is 0 either. Both symmetric.
SEMIDEFINITE, DEFINITE = 8, 16
#: Q^T Q = I, and Q square; or no more than the former.
ORTHOGONAL, COLUMNS = 32, 64
#: In each row one 1 at most, else 0.
ONE_HOT = 128
IDENTITY, ZERO = 256, 512
#: All elements are alike.
UNIFORM = 1024
POSITIVE, NON_NEGATIVE = 2048, 4096
#: Positive definite by the author's word on this very matrix.
DECLARED = 8192

NAMES: Mapping[str, int] = {
    "identity": IDENTITY,
    "zero": ZERO,
    "diagonal": DIAGONAL,
    "lower_triangular": LOWER,
    "upper_triangular": UPPER,
    "positive_definite": DEFINITE,
    "positive_semidefinite": SEMIDEFINITE,
    "symmetric": SYMMETRIC,
    "orthogonal": ORTHOGONAL,
    "orthonormal_columns": COLUMNS,
    "one_hot": ONE_HOT,
    "uniform": UNIFORM,
    "positive": POSITIVE,
    "non_negative": NON_NEGATIVE,
}

#: What each fact implies.
IMPLIED: Sequence[tuple[int, int]] = (
    (IDENTITY, DIAGONAL | DEFINITE | ORTHOGONAL | ONE_HOT),
    (DEFINITE, SEMIDEFINITE),
    (SEMIDEFINITE, SYMMETRIC),
    (ORTHOGONAL, COLUMNS),
    (POSITIVE, NON_NEGATIVE),
    (ONE_HOT, NON_NEGATIVE),
)
#: Facts that need no more than each element, and go with them wherever they are moved.
ELEMENTS = POSITIVE | NON_NEGATIVE
#: Facts of a whole matrix.
MATRIX = ~(ELEMENTS | ZERO | UNIFORM)


def closed(bits: int, node: Node) -> int:
    """Returns facts with all that they imply for a node of its shape."""
    if not bits:
        return 0
    if bits & ZERO:
        bits |= DIAGONAL | UNIFORM | NON_NEGATIVE
        bits |= SEMIDEFINITE if is_square(node) else 0
    if bits & DIAGONAL == DIAGONAL and is_square(node):
        bits |= SYMMETRIC
    if bits & UNIFORM and is_square(node):
        bits |= SYMMETRIC
    for fact, implied in IMPLIED:
        if bits & fact == fact:
            bits |= implied
    return bits if node.ndim >= 2 else bits & ~MATRIX | bits & ONE_HOT


def is_square(node: Node) -> bool:
    """Tells whether a node holds square matrices."""
    shape = node.shape
    return len(shape) >= 2 and shape[-1] == shape[-2]


def of_constant(array: Any) -> int:
    """Returns the facts of a constant, by its elements."""
    if array.dtype.kind not in "fiub" or not array.size or array.size > _LARGEST:
        return 0
    bits = 0
    if np.all(array == array.flat[0]):
        bits |= UNIFORM | (ZERO if array.flat[0] == 0 else 0)
    if np.all(array > 0):
        bits |= POSITIVE
    elif np.all(array >= 0):
        bits |= NON_NEGATIVE
    if array.ndim < 2 or array.shape[-1] == 1 == array.shape[-2]:
        return bits
    bits |= 0 if np.any(np.triu(array, 1)) else LOWER
    bits |= 0 if np.any(np.tril(array, -1)) else UPPER
    if np.all((array == 0) | (array == 1)) and np.all(np.sum(array, axis=-1) == 1):
        bits |= ONE_HOT
    if array.shape[-1] == array.shape[-2]:
        bits |= _of_square(array, bits)
    return bits


#: Constants of more elements are not looked at; larger squares not for their eigenvalues.
_LARGEST, _LARGEST_SQUARE = 1_000_000, 256


def _of_square(array: Any, bits: int) -> int:
    if not np.array_equal(array, np.swapaxes(array, -1, -2)):
        return 0
    found = SYMMETRIC
    if bits & DIAGONAL == DIAGONAL and np.all(np.diagonal(array, axis1=-2, axis2=-1) == 1):
        return IDENTITY
    if array.dtype.kind == "f" and array.shape[-1] <= _LARGEST_SQUARE:
        try:
            np.linalg.cholesky(array.astype(np.float64))
            found |= DEFINITE
        except np.linalg.LinAlgError:
            pass
    return found
