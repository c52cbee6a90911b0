"""Columns and rows coloured together, for Jacobians with a few full rows or columns.

A few full rows cost column colouring a colour for each column. Taken out and served by passes from
the output back, they leave a remainder of few colours; likewise full columns for row colouring.

Source: Hossain and Steihaug, "Computing a sparse Jacobian matrix by rows and columns", Optim.
Methods Softw. 10 (1998) 33; Coleman and Verma, "The efficient computation of sparse Jacobian
matrices using automatic differentiation", SIAM J. Sci. Comput. 19 (1998) 1210.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.sparse.colouring import Array, Colours, colour_columns

#: How many places to part the full from the others are tried.
_CUTS = 4


@dataclass(frozen=True, slots=True)
class BothColours:
    """Colours for both directions.

    Attributes:
        columns: of the forward passes.
        rows: of the passes back.
        forward: for each entry whether a forward pass gives it.
    """

    columns: Colours
    rows: Colours
    forward: Array

    @property
    def count(self) -> int:
        """All passes."""
        return self.columns.count + self.rows.count


def colour_both(rows: Array, columns: Array, shape: tuple[int, int]) -> BothColours | None:
    """Returns colours for both directions where a few full rows or columns stand out, else None."""
    found: list[BothColours] = []
    per_row = np.bincount(rows, minlength=shape[0])
    per_column = np.bincount(columns, minlength=shape[1])
    for cut in _cuts(per_row):
        found.append(_parted(rows, columns, shape, per_row[rows] <= cut))
    for cut in _cuts(per_column):
        found.append(_parted(rows, columns, shape, per_column[columns] > cut))
    return min(found, key=lambda c: c.count, default=None)


def _cuts(counts: Array) -> list[int]:
    """Returns counts at which few lines with many entries part from many lines with few."""
    order = np.sort(counts)[::-1]
    few = order[: max(len(order) // 4, 1) + 1].astype(np.float64)
    if len(few) < 2:
        return []
    drops = few[:-1] / np.maximum(few[1:], 1.0)
    best = [int(k) for k in np.argsort(-drops, kind="stable")[:_CUTS] if drops[k] >= 1.5]
    return sorted({int(order[k + 1]) for k in best})


def _parted(rows: Array, columns: Array, shape: tuple[int, int], forward: Array) -> BothColours:
    back = ~forward
    return BothColours(
        _used(rows[forward], columns[forward], shape),
        _used(columns[back], rows[back], (shape[1], shape[0])),
        forward,
    )


def _used(rows: Array, columns: Array, shape: tuple[int, int]) -> Colours:
    """Returns colours of the columns that have entries; the others get -1, which is in no pass."""
    used = np.bincount(columns, minlength=shape[1]) > 0
    if not used.any():
        return Colours(np.full(shape[1], -1), 0, 0, "none")
    found = colour_columns(rows, columns, shape)
    if used.all():
        return found
    # A column without entries of its own here has entries that the other direction gives.
    of = np.where(used, found.of, -1)
    names, of[used] = np.unique(of[used], return_inverse=True)
    return Colours(of, len(names), 0, found.order)
