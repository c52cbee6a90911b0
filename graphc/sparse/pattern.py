"""Which elements of one input each element of an array depends on, as index arrays.

A pattern is a union of terms. A term has an array of the value's own shape, `pick`, that names for
each element a row of a table of sets of input elements; row 0 is the empty set. Without a table
row k is the input element k - 1 alone, which is all that slices, stencils and gathers need: for
them a term is one index array, and what moves elements moves it like the value. A sum over an axis
makes a table. Equal sets are stored once, so that a value each element of which depends on
everything takes one row.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: So many terms are kept side by side; more are joined into one with a table.
MAX_TERMS = 16
#: A reduction over so many elements keeps them as terms of their own.
MAX_SPREAD = 8
#: Index arrays above this size are compared at a few places first.
_MANY = 256
#: Elements of one array whose every element is followed; index arrays of more take gigabytes.
MAX_ELEMENTS = 2**28
#: Entries of one table; past it (half a gigabyte) every element is taken to depend on everything.
MAX_ENTRIES = 2**26


class TooManyEntries(Exception):
    """A table would pass `MAX_ENTRIES`; caught by who knows what to do instead."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Sets of input elements: row k holds `columns[starts[k]:starts[k + 1]]`; row 0 is empty."""

    starts: Array
    columns: Array


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One row of a table (None: of single input elements) for each element of a value."""

    table: Table | None
    pick: Array


Pattern = tuple[Term, ...]
NOTHING: Pattern = ()


def sizes(shape: Sequence[Any]) -> tuple[int, ...]:
    """Returns a shape whose sizes are all numbers, as those of every node here are."""
    return tuple([int(size) for size in shape])


def elements(shape: Sequence[Any]) -> int:
    """Returns the number of elements of a shape whose sizes are all numbers."""
    return math.prod(sizes(shape))


def whole(shape: Sequence[Any]) -> Pattern:
    """Returns the pattern of the input itself: each element depends on itself."""
    count = elements(shape)
    kind = np.int32 if count < 2**31 - 1 else np.int64
    return (Term(None, np.arange(1, count + 1, dtype=kind).reshape(tuple(shape))),)


# -- unions ----------------------------------------------------------------------------------------


def union(patterns: Sequence[Pattern], shape: Sequence[Any]) -> Pattern:
    """Returns the union of patterns whose shapes broadcast to `shape`."""
    shape = tuple(shape)
    found: list[Term] = []
    for pattern in patterns:
        for term in pattern:
            pick = term.pick if term.pick.shape == shape else np.broadcast_to(term.pick, shape)
            _add(found, Term(term.table, pick) if pick is not term.pick else term)
    return tuple(found) if len(found) <= MAX_TERMS else joined(tuple(found))


def _add(found: list[Term], term: Term) -> None:
    for position, other in enumerate(found):
        if other.table is term.table:
            pick = overlay(other.pick, term.pick)
            if pick is not None:
                found[position] = other if pick is other.pick else Term(other.table, pick)
                return
    found.append(term)


def overlay(left: Array, right: Array) -> Array | None:
    """Returns one index array for two that agree wherever both are there; None where they don't."""
    if left is right:
        return left
    if left.ndim == 0:
        a, b = int(left), int(right)
        return None if a != b and a and b else (left if a else right)
    both = ((left, right),)
    if left.size > _MANY:  # a few elements tell most of those that do not agree
        both = ((_sample(left), _sample(right)), *both)
    for a, b in both:
        clash = a != b
        clash &= a != 0
        clash &= b != 0
        if clash.any():
            return None
    return np.maximum(left, right)


def _sample(pick: Array) -> Array:
    """Returns a few elements of an array, of each of its ends and in between."""
    step = tuple(slice(None, None, max(1, size // 4)) for size in pick.shape)
    ends = tuple(slice(-2, None) for _ in pick.shape)
    middle = tuple(slice(size // 2, size // 2 + 2) for size in pick.shape)
    return np.concatenate([pick[s].reshape(-1) for s in (step, ends, middle)])


def joined(pattern: Pattern) -> Pattern:
    """Returns a pattern as one term with a table of its own."""
    if len(pattern) == 1 and pattern[0].table is not None:
        return pattern
    shape = pattern[0].pick.shape
    ids = _distinct([term.pick.reshape(-1) for term in pattern])
    where = np.unique(ids, return_index=True)[1]  # one element of each kind, in the order of ids
    parts = [_entries(term.table, term.pick.reshape(-1)[where]) for term in pattern]
    table = _table(
        np.concatenate([owner for owner, _ in parts]),
        np.concatenate([column for _, column in parts]),
        len(where),
    )
    return (Term(table, (ids + 1).reshape(shape)),)


def _distinct(picks: Sequence[Array]) -> Array:
    """Returns a number for each element, equal where all picks are equal, counted from 0."""
    ids = picks[0].astype(np.int64)
    for pick in picks[1:]:
        ids = ids * (int(pick.max(initial=0)) + 1) + pick
        ids = np.unique(ids, return_inverse=True)[1]
    if len(picks) == 1:
        ids = np.unique(ids, return_inverse=True)[1]
    return ids


def _entries(table: Table | None, pick: Array) -> tuple[Array, Array]:
    """Returns (owner, column) of each input element that flat elements depend on."""
    if table is None:
        owner = np.flatnonzero(pick)
        return owner, pick[owner].astype(np.int64) - 1
    counts = table.starts[pick + 1] - table.starts[pick]
    total = int(counts.sum())
    if total > MAX_ENTRIES:
        raise TooManyEntries
    owner = np.repeat(np.arange(len(pick)), counts)
    first = np.cumsum(counts) - counts
    place = np.arange(total) - np.repeat(first - table.starts[pick], counts)
    return owner, table.columns[place].astype(np.int64)


def _table(owner: Array, column: Array, count: int) -> Table:
    """Returns the table of `count` rows (after the empty one) of given pairs, each kept once."""
    owner, column = unique_pairs(owner, column)
    starts = np.zeros(count + 2, np.int64)
    starts[2:] = np.cumsum(np.bincount(owner, minlength=count))
    return Table(starts, column)


def unique_pairs(left: Array, right: Array) -> tuple[Array, Array]:
    """Returns pairs of integers sorted by the first and then the second, each once."""
    span = int(right.max(initial=0)) + 1
    keys = left.astype(np.int64) * span + right
    steps = keys[1:] > keys[:-1]
    if not steps.all():
        keys = np.sort(keys)
        keys = keys[np.concatenate([[True], keys[1:] > keys[:-1]])]
    return np.divmod(keys, span)


# -- moves and sums --------------------------------------------------------------------------------


def move(pattern: Pattern, change: Callable[[Array], Array]) -> Pattern:
    """Returns the pattern of elements moved, repeated, left out, or made 0."""
    return tuple(Term(term.table, change(term.pick)) for term in pattern)


def reduced(pattern: Pattern, axes: Sequence[int], shape: Sequence[Any]) -> Pattern:
    """Returns the pattern of a reduction over axes, whose result has `shape` (sizes 1 or none)."""
    if not pattern:
        return NOTHING
    shape = tuple(shape)
    have = pattern[0].pick.shape
    axes = tuple(axes)
    count = int(np.prod([have[a] for a in axes], dtype=np.int64))
    if not count:
        return NOTHING
    alike = _first_of_repeated(pattern, axes)
    if alike is not None:
        return move(alike, lambda pick: pick.reshape(shape))
    if count * len(pattern) <= MAX_SPREAD:
        places = itertools.product(*[range(have[a]) for a in axes])
        parts = [move(pattern, _taker(axes, place, shape)) for place in places]
        return union(parts, shape)
    kept = tuple(1 if a in axes else size for a, size in enumerate(have))
    owner = np.arange(int(np.prod(kept, dtype=np.int64))).reshape(kept)
    return collected(pattern, np.broadcast_to(owner, have), shape)


def _taker(axes: Sequence[int], place: Sequence[int], shape: tuple[int, ...]) -> Any:
    known = dict(zip(axes, place, strict=True))

    def take(pick: Array) -> Array:
        where = tuple(known.get(a, slice(None)) for a in range(pick.ndim))
        return pick[where].reshape(shape)

    return take


def _first_of_repeated(pattern: Pattern, axes: Sequence[int]) -> Pattern | None:
    """Returns the pattern at the first place of axes along which it was only repeated."""
    for term in pattern:
        if any(term.pick.strides[a] for a in axes if term.pick.shape[a] > 1):
            return None
    return move(pattern, _taker(axes, [0] * len(axes), _without(pattern[0].pick.shape, axes)))


def _without(shape: tuple[int, ...], axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(size for a, size in enumerate(shape) if a not in axes)


def collected(pattern: Pattern, owner: Array, shape: Sequence[Any]) -> Pattern:
    """Returns the pattern of sums: element `owner[e]` of the result takes element e in.

    Args:
        pattern: of what is summed.
        owner: of its shape, flat numbers in the result; negative ones go nowhere.
        shape: of the result.
    """
    shape = tuple(shape)
    count = elements(shape)
    flat = owner.reshape(-1)
    rows: list[Array] = []
    columns: list[Array] = []
    found: list[Term] = []
    for term in pattern:
        pick = term.pick.reshape(-1)
        alive = (pick != 0) & (flat >= 0)
        to, what = unique_pairs(flat[alive], pick[alive])
        if (len(to) and (to[1:] > to[:-1]).all()) or not len(to):  # one row each: no set is new
            moved = np.zeros(count, pick.dtype)
            moved[to] = what
            found.append(Term(term.table, moved.reshape(shape)))
            continue
        place, column = _entries(term.table, what)
        rows.append(to[place])
        columns.append(column)
    if rows:
        if sum(map(len, rows)) > MAX_ENTRIES:
            raise TooManyEntries
        table = _table(np.concatenate(rows), np.concatenate(columns), count)
        found.append(Term(table, np.arange(1, count + 1).reshape(shape)))
    return union([(term,) for term in found], shape)


def scalar_of(pattern: Pattern) -> Pattern:
    """Returns the pattern of what depends on every element: one set."""
    if not pattern:
        return NOTHING
    return reduced(pattern, range(pattern[0].pick.ndim), ())


def spread(pattern: Pattern, shape: Sequence[Any]) -> Pattern:
    """Returns the pattern of a value repeated to a shape, without a copy."""
    return move(pattern, lambda pick: np.broadcast_to(pick, tuple(shape)))


def entries(pattern: Pattern) -> tuple[Array, Array]:
    """Returns (row, column) of every dependence, by row and then column, each once.

    Raises:
        TooManyEntries: there are more than `MAX_ENTRIES`.
    """
    if not pattern:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    parts = [_entries(term.table, term.pick.reshape(-1)) for term in pattern]
    if sum(len(owner) for owner, _ in parts) > MAX_ENTRIES:
        raise TooManyEntries
    return unique_pairs(
        np.concatenate([owner for owner, _ in parts]),
        np.concatenate([column for _, column in parts]),
    )
