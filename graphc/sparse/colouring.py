"""Colours for columns, so that those of one colour share no row and one pass serves them all.

Columns of one colour are added up into one direction: where no two of them meet in a row, each
entry of the Jacobian times that direction is one entry of the Jacobian. Rows take colours likewise
for passes from the output back.

Source: Curtis, Powell and Reid, "On the estimation of sparse Jacobian matrices", J. Inst. Maths
Applics 13 (1974) 117; Coleman and More, "Estimation of sparse Jacobian matrices and graph coloring
problems", SIAM J. Numer. Anal. 20 (1983) 187; Gebremedhin, Manne and Pothen, "What color is your
Jacobian?", SIAM Review 47 (2005) 629.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: Entries up to which the order by incidence degree is tried, which takes a heap.
_HEAP_ENTRIES = 200_000
#: Above so many entries what is within twice the fewest colours there can be is good enough: one
#: more order would take longer than many passes.
MANY = 2**20
#: Rows looked at before all of them are, where colours by remainder are tried.
_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Colours:
    """A colour for each column (or row).

    Attributes:
        of: the colours, counted from 0.
        count: how many there are.
        period: where the colour of j is j modulo a number, that number; 0 else.
        order: how they were found, in words.
    """

    of: Array
    count: int
    period: int
    order: str


def colour_columns(rows: Array, columns: Array, shape: tuple[int, int]) -> Colours:
    """Returns colours of which no two equal ones meet in a row.

    Tried are the remainder of the column's number (best for bands), and the smallest free colour
    in the order of the columns, by largest degree, and, where it is quick, by incidence degree.

    Args:
        rows: of the entries, each once, in any order.
        columns: of the entries.
        shape: of the matrix.
    """
    width = shape[1]
    if not len(rows):
        return Colours(np.zeros(width, np.int64), min(1, width), 1, "no entries")
    if (rows[1:] < rows[:-1]).any():
        order = np.argsort(rows, kind="stable")
        rows, columns = rows[order], columns[order]
    per_row = np.bincount(rows, minlength=shape[0])
    least = int(per_row.max())
    periodic = _by_remainder(rows, columns, per_row, width, least)
    if periodic is not None and periodic.count == least:
        return periodic
    starts, members = by_group(columns, rows, width)
    found = [] if periodic is None else [periodic]
    natural = np.arange(width)
    found.append(_greedy(starts, members, natural, shape[0], "columns as they come"))
    enough = least * (2 if len(rows) > MANY else 1)
    if found[-1].count > enough:
        # Columns that share a row with many others first; those of one row count once for each.
        degree = np.bincount(columns, weights=(per_row - 1)[rows], minlength=width)
        largest = np.argsort(-degree, kind="stable")
        found.append(_greedy(starts, members, largest, shape[0], "largest degree first"))
    if min(c.count for c in found) > least and len(rows) <= _HEAP_ENTRIES:
        incident = _incidence_order(starts, members, rows, columns, shape)
        found.append(_greedy(starts, members, incident, shape[0], "incidence degree"))
    return min(found, key=lambda c: c.count)


def by_group(keys: Array, values: Array, count: int) -> tuple[Array, Array]:
    """Returns (starts, values) with the values of key k at starts[k]:starts[k + 1], in order."""
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(keys, minlength=count), out=starts[1:])
    return starts, values[np.argsort(keys, kind="stable")]


def _by_remainder(
    rows: Array, columns: Array, per_row: Array, width: int, least: int
) -> Colours | None:
    """Returns the colours j modulo p for the smallest p that will do, where one is small."""
    starts: Array = np.concatenate([[0], np.cumsum(per_row)])
    some = np.linspace(0, len(per_row) - 1, min(len(per_row), _SAMPLE)).astype(np.int64)
    picked = np.concatenate([np.arange(int(starts[r]), int(starts[r + 1])) for r in some.tolist()])
    for period in range(least, min(2 * least + 3, width) + 1):
        if not _apart(rows[picked], columns[picked] % period, period):
            continue
        if _apart(rows, columns % period, period):
            of = np.arange(width) % period
            return Colours(of, period, period, f"column number modulo {period}")
    return None


def _apart(rows: Array, colours: Array, count: int) -> bool:
    """Tells whether no row has a colour twice."""
    keys = np.sort(rows * count + colours)
    return bool((keys[1:] != keys[:-1]).all())


def _greedy(starts: Array, members: Array, order: Array, rows: int, words: str) -> Colours:
    """Gives each column the smallest colour that none of its rows has; a bit for each colour."""
    taken = [0] * rows
    colours = np.zeros(len(order), np.int64)
    bounds = starts.tolist()
    most = 0
    for begin in range(0, len(order), 65_536):  # lists of a part at a time keep memory small
        part = order[begin : begin + 65_536].tolist()
        chosen: list[int] = []
        for column in part:
            own = members[bounds[column] : bounds[column + 1]].tolist()
            used = 0
            for row in own:
                used |= taken[row]
            bit = ~used & (used + 1)
            for row in own:
                taken[row] |= bit
            chosen.append(bit.bit_length() - 1)
        most = max(most, *chosen)
        colours[part] = chosen
    return Colours(colours, most + 1, 0, words)


def _incidence_order(
    starts: Array, members: Array, rows: Array, columns: Array, shape: tuple[int, int]
) -> Array:
    """Returns the columns, each next one that shares most rows with those before it."""
    row_starts, row_columns = by_group(rows, columns, shape[0])
    begin, ends = starts.tolist(), row_starts.tolist()
    row_of, column_of = members.tolist(), row_columns.tolist()
    degree = [0] * shape[1]
    full = np.bincount(columns, weights=np.bincount(rows)[rows], minlength=shape[1]).tolist()
    heap = [(0, -full[c], c) for c in range(shape[1])]
    heapq.heapify(heap)
    done = bytearray(shape[1])
    seen = bytearray(shape[0])
    order: list[int] = []
    while heap:
        known, _, column = heapq.heappop(heap)
        if done[column] or -known != degree[column]:
            continue
        done[column] = 1
        order.append(column)
        for row in row_of[begin[column] : begin[column + 1]]:
            if seen[row]:  # its columns have been told once; a row counts once
                continue
            seen[row] = 1
            for other in column_of[ends[row] : ends[row + 1]]:
                if not done[other]:
                    degree[other] += 1
                    heapq.heappush(heap, (-degree[other], -full[other], other))
    return np.asarray(order, np.int64)
