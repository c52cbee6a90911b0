"""Where XLA's results differ in kind from NumPy's: flushed to 0, or finite in one of them only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backends.compile import compile
from graphc.compare.debug.checks import first_index
from graphc.compare.debug.record import Difference
from graphc.core.node import Node


def differences(
    names: Sequence[str],
    roots: Sequence[Node],
    values: Mapping[Node, Any],
    found: Sequence[Any],
) -> tuple[Difference, ...]:
    """Compiles the roots, runs them, and compares.

    Args:
        names: what each root is, in words.
        roots: outputs and gradients.
        values: the inputs' values.
        found: the roots' values by NumPy.
    """
    made = compile(list(roots), list(values))(*values.values())
    differ: list[Difference] = []
    for name, ours, theirs in zip(names, found, made, strict=True):
        numpy = np.asarray(ours).astype(np.float64)
        xla = np.asarray(theirs).astype(np.float64)
        kinds = {
            "flushed": (xla == 0) & (numpy != 0) & np.isfinite(numpy),
            "finite": np.isfinite(xla) & ~np.isfinite(numpy),
            "not finite": np.isfinite(numpy) & ~np.isfinite(xla),
        }
        for kind, where in kinds.items():
            if where.any():
                at = first_index(where)
                count = int(np.sum(where))
                differ.append(Difference(name, kind, at, float(numpy[at]), float(xla[at]), count))
    return tuple(differ)
