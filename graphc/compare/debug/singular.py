"""Matrices that have no inverse or no Cholesky factor: elsewhere silent, in debug mode an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.core.node import Node

#: Ops of linear algebra that give inf or NaN where a matrix has no answer, and how many matrices
#: of their operands count.
CHECKED = frozenset({"solve", "triangular_solve", "inv", "cholesky"})


def singular_words(node: Node, operands: Sequence[Any], value: Any) -> tuple[str, str] | None:
    """Returns the rule that a matrix breaks and a way out, or None where all have an answer.

    Args:
        node: a node of one of the ops in `CHECKED`.
        operands: the arrays it was run on.
        value: what came out.
    """
    if np.all(np.isfinite(value)) or not all(np.all(np.isfinite(a)) for a in operands):
        return None
    matrices = np.asarray(operands[0], dtype=np.float64)
    failed = ~np.all(np.isfinite(np.asarray(value, dtype=np.float64)), axis=(-2, -1))
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(failed)), failed.shape))
    batch = np.broadcast_to(matrices, (*failed.shape, *matrices.shape[-2:]))
    where = f" {list(at)} of the stack" if at else ""
    if node.op.name == "cholesky":
        half = (batch[at] + batch[at].T) / 2
        least = float(np.linalg.eigvalsh(half)[0])
        return (
            f"the matrix{where} is not positive definite: its smallest eigenvalue is {least:.6g}",
            "add a multiple of the identity, or use gx.linalg.eigh",
        )
    if node.op.name == "triangular_solve":
        zero = int(np.argmax(np.diagonal(batch[at]) == 0))
        return (
            f"the triangle{where} is singular: element [{zero},{zero}] of its diagonal is "
            f"{batch[at][zero, zero]:.6g}",
            "use gx.linalg.lstsq, or add to the diagonal",
        )
    values = np.linalg.svd(batch[at], compute_uv=False)
    return (
        f"the matrix{where} is singular to its dtype: its singular values go from "
        f"{values[0]:.6g} down to {values[-1]:.6g}",
        "use gx.linalg.lstsq or pinv, or add a multiple of the identity",
    )
