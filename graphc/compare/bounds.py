"""How far rounding alone may carry a float result: the graph's own error bound, as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import run
from graphc.core.dtype import DType
from graphc.core.node import Node
from graphc.ops.chain import broadcast_to
from graphc.ops.logic import zeros_like
from graphc.ops.sweep import forward_sweep

#: First-order bounds leave out products of errors, and XLA may fuse and reorder: times this.
SAFETY = 4.0


def rounding_bounds(
    nodes: Sequence[Node], values: Mapping[Node, Any], sizes: Mapping[str, int]
) -> list[np.ndarray[Any, Any]]:
    """Returns, for each node, an array that bounds |computed - exact| elementwise.

    Each op adds its own rounding (`Op.ulp`), and what its operands bring passes with the absolute
    value of the slope, so opposite contributions add up and never cancel. Running error analysis:
    Higham, Accuracy and Stability of Numerical Algorithms, section 3.3.
    """
    found = forward_sweep(nodes, {}, "bound")
    errors = [
        zeros_like(n) if e is None else broadcast_to(e, n.shape)
        for n, e in zip(nodes, found, strict=True)
    ]
    with np.errstate(all="ignore"):
        bounds = run(errors, dict(values), NumpyNamespace(sizes))
        return [
            np.nan_to_num(np.abs(np.asarray(b, dtype=np.float64)), nan=np.inf) * SAFETY
            + smallest(n.dtype)
            for b, n in zip(bounds, nodes, strict=True)
        ]


def smallest(dtype: DType) -> float:
    """Returns the smallest normal number of a float dtype: XLA flushes what is below to 0."""
    return float(np.finfo(_plain(dtype)).tiny)


def largest(dtype: DType) -> float:
    """Returns the largest number of a float dtype."""
    return float(np.finfo(_plain(dtype)).max)


def _plain(dtype: DType) -> Any:
    # ml_dtypes has finfo of its own; float32 has bfloat16's range, to a half percent.
    return np.float32 if dtype.name == "bfloat16" else dtype.numpy
