"""How a sparse derivative is computed: bands, columns, rows or both, by predicted cost."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.errors import DenseWarning, EngineError, show_value, user_place
from graphc.core.graph import holds_op
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named
from graphc.optimize.choice import Choice, Plan
from graphc.optimize.price import USUAL, seconds
from graphc.sparse.bands import Band, NoBands, emit, find_bands
from graphc.sparse.both import BothColours, colour_both
from graphc.sparse.colouring import Array, Colours, colour_columns
from graphc.sparse.passes import (
    backward_passes,
    coloured_values,
    forward_passes,
    nothing,
    read,
)
from graphc.sparse.pattern import elements
from graphc.sparse.star import colour_symmetric, readings
from graphc.sparse.structure import Structure, find_structure, frozen, structure_of

JACOBIAN_MODES = ("bands", "jvp", "vjp", "both")
HESSIAN_MODES = ("bands", "hvp")
#: What a forward pass and a pass back cost, in runs of the function.
_FORWARD, _BACK = 2.5, 4.0
#: From this share of entries on, and this many rows and columns, a derivative counts as dense.
_DENSE, _SMALL = 0.5, 8


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was chosen: see `SparseDerivative`."""

    structure: Structure
    values: Node
    mode: str
    count: int
    column_colours: Array | None
    row_colours: Array | None
    order: str
    plan: Plan


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """One way to compute it, with its predicted seconds and what makes the values."""

    mode: str
    words: str
    seconds: float
    count: int
    make: Callable[[], tuple[Node, Array, Array]]
    columns: Colours | None = None
    rows: Colours | None = None


def check_mode(mode: Any, modes: tuple[str, ...]) -> None:
    """Raises EngineError where a mode is none of those there are."""
    if mode is not None and (not isinstance(mode, str) or mode not in modes):
        raise EngineError(
            f"mode={show_value(mode)} is no way to compute it",
            f"use {', '.join(modes)}, or None to choose by cost",
        )


def chosen(output: Node, wrt: Node, mode: str | None, loss: Node | None) -> Found:
    """Returns a Jacobian's way, values and structure; with a loss the output is its gradient."""
    bands, why_none = _try_bands(output, wrt, mode)
    run = seconds([output]) if mode is None else 0.0
    shape = (elements(output.shape), elements(wrt.shape))
    ways: list[_Way] = []
    reasons: tuple[str, ...] = ()
    if bands is not None:
        symmetric = loss is not None and not _may_be_unsymmetric(loss)
        ways.append(_by_bands(bands, output, mode is None, symmetric))
        rows, columns = ways[0].make()[1:]
        _warn_if_dense(structure_of(rows, columns, shape, ()), output, wrt)
        if mode is None:
            ways += _at_least(rows, columns, shape, run, output, loss is not None)
    if bands is None or ways[0].seconds > ways[-1].seconds:  # colours may do better than bands
        structure = find_structure(output, wrt)
        reasons = structure.reasons
        if bands is None:
            _warn_if_dense(structure, output, wrt)
        if structure.nnz and loss is not None:
            ways = [*ways[:1], _by_hvp(output, wrt, structure, loss, run)]
        elif structure.nnz:
            ways = [*ways[:1], *_by_passes(output, wrt, structure, mode, run)]
        else:
            ways = []
    if not ways:
        return _empty(output, wrt, mode or ("jvp" if loss is None else "hvp"))
    best = min(ways, key=lambda way: way.seconds)
    values, rows, columns = best.make()
    return Found(
        structure_of(rows, columns, shape, reasons),
        values,
        best.mode,
        best.count,
        None if best.columns is None else frozen(best.columns.of, best.count),
        None if best.rows is None else frozen(best.rows.of, best.count),
        best.words,
        _plan(ways, best, mode, why_none, run, shape, output),
    )


def _at_least(
    rows: Array, columns: Array, shape: tuple[int, int], run: float, output: Node, hessian: bool
) -> list[_Way]:
    """Returns what passes would cost with the fewest colours there can be."""
    reading = len(rows) * (2 * output.dtype.numpy.itemsize + 4) / USUAL.moved
    found: list[_Way] = []
    in_row = int(np.bincount(rows, minlength=shape[0]).max(initial=0))
    in_column = int(np.bincount(columns, minlength=shape[1]).max(initial=0))
    known = (("jvp", _FORWARD, in_row), ("vjp", _BACK, in_column))
    # By symmetry an arrow takes two colours, however full its first row is.
    for mode, cost, least in (("hvp", _FORWARD, min(in_row, 2)),) if hessian else known:
        words = f"{least} colours or more"
        found.append(_Way(mode, words, least * cost * run + reading, least, _never))
    return sorted(found, key=lambda way: -way.seconds)


def _never() -> tuple[Node, Array, Array]:
    raise AssertionError("a bound was chosen")


def _try_bands(output: Node, wrt: Node, mode: str | None) -> tuple[list[Band] | None, str]:
    if mode not in (None, "bands"):
        return None, ""
    try:
        return find_bands(output, wrt), ""
    except NoBands as error:
        if mode == "bands":
            raise EngineError(
                f"mode='bands' does not fit {describe(output, 3)}: {error}",
                "leave mode out, or use another",
            ) from None
        return None, str(error)


def _empty(output: Node, wrt: Node, mode: str) -> Found:
    none = np.zeros(0, np.int64)
    structure = structure_of(none, none, (elements(output.shape), elements(wrt.shape)), ())
    return Found(structure, nothing(output), mode, 0, None, None, "no entries", Plan(()))


def _warn_if_dense(structure: Structure, output: Node, wrt: Node) -> None:
    """Warns where colours save little: (nearly) every column meets every other."""
    small = min(structure.shape)
    full = structure.nnz == structure.shape[0] * structure.shape[1]
    if not (small > 1 and full) and not (small >= _SMALL and structure.density > _DENSE):
        return
    why = f" ({'; '.join(structure.reasons)})" if structure.reasons else ""
    words = (
        f"the derivative of {describe(output, 3)} by {describe(wrt)} is dense: "
        f"{structure.density:.0%} of its {structure.shape[0]:,} x {structure.shape[1]:,} entries "
        f"may differ from 0{why}; use gx.jacobian or gx.hessian"
    )
    place = user_place()
    if place is None:
        warnings.warn(words, DenseWarning, stacklevel=4)
    else:
        warnings.warn_explicit(words, DenseWarning, place[0], place[1])


# -- the ways --------------------------------------------------------------------------------------


def _by_bands(bands: list[Band], output: Node, priced: bool, symmetric: bool) -> _Way:
    made = emit(bands, output, symmetric)
    cost = seconds([made[0]]) if priced else 0.0
    return _Way("bands", f"{len(bands)} bands", cost, len(bands), lambda: made)


def _entries(structure: Structure) -> tuple[Array, Array]:
    return structure.rows.astype(np.int64), structure.columns.astype(np.int64)


def _reading(structure: Structure, output: Node) -> float:
    """Returns the predicted seconds of looking every entry up."""
    return structure.nnz * (2 * output.dtype.numpy.itemsize + 4) / USUAL.moved


def _by_passes(
    output: Node, wrt: Node, structure: Structure, mode: str | None, run: float
) -> list[_Way]:
    rows, columns = _entries(structure)
    height, width = structure.shape
    reading = _reading(structure, output)
    ways: list[_Way] = []
    if mode in (None, "jvp"):
        by_column = colour_columns(rows, columns, structure.shape)

        def forward() -> tuple[Node, Array, Array]:
            products = forward_passes(output, wrt, by_column)
            return coloured_values(products, rows, columns, by_column, False, height)

        cost = by_column.count * _FORWARD * run + reading
        words = f"{by_column.count} colours of columns ({by_column.order})"
        ways.append(_Way("jvp", words, cost, by_column.count, forward, columns=by_column))
    if mode in (None, "vjp"):
        by_row = colour_columns(columns, rows, (width, height))

        def back() -> tuple[Node, Array, Array]:
            products = backward_passes(output, wrt, by_row)
            return coloured_values(products, rows, columns, by_row, True, width)

        cost = by_row.count * _BACK * run + reading
        words = f"{by_row.count} colours of rows ({by_row.order})"
        ways.append(_Way("vjp", words, cost, by_row.count, back, rows=by_row))
    few = min((way.count for way in ways), default=0)
    if mode == "both" or (mode is None and few > 4):
        both = colour_both(rows, columns, structure.shape)
        if both is not None:
            ways.append(_by_both(output, wrt, structure, both, run))
        elif mode == "both":
            raise EngineError(
                f"mode='both' does not fit {describe(output, 3)}: no few rows or columns have many "
                "more entries than the others",
                "use jvp or vjp",
            )
    return ways


def _by_both(output: Node, wrt: Node, structure: Structure, both: BothColours, run: float) -> _Way:
    rows, columns = _entries(structure)
    height, width = structure.shape

    def make() -> tuple[Node, Array, Array]:
        parts: list[Node] = []
        if both.columns.count:
            parts.append(forward_passes(output, wrt, both.columns))
        if both.rows.count:
            parts.append(backward_passes(output, wrt, both.rows))
        products = parts[0] if len(parts) == 1 else apply_named("concat", *parts, axis=0)
        forward = both.columns.of[columns] * height + rows
        back = both.columns.count * height + both.rows.of[rows] * width + columns
        return read(products, np.where(both.forward, forward, back)), rows, columns

    cost = (both.columns.count * _FORWARD + both.rows.count * _BACK) * run
    words = f"{both.columns.count} colours of columns and {both.rows.count} of rows"
    return _Way(
        "both",
        words,
        cost + _reading(structure, output),
        both.count,
        make,
        columns=both.columns,
        rows=both.rows,
    )


def _by_hvp(gradient: Node, wrt: Node, structure: Structure, loss: Node, run: float) -> _Way:
    rows, columns = _entries(structure)
    size = structure.shape[0]
    if _may_be_unsymmetric(loss):
        colours = colour_columns(rows, columns, structure.shape)
        symmetric = False
    else:
        rows, columns = _symmetric(rows, columns, size)
        colours = colour_symmetric(rows, columns, size)
        symmetric = True

    def make() -> tuple[Node, Array, Array]:
        products = forward_passes(gradient, wrt, colours)
        if colours.period or not symmetric:
            return coloured_values(products, rows, columns, colours, False, size)
        product, place = readings(rows, columns, colours.of, colours.count)
        return read(products, product * size + place), rows, columns

    cost = colours.count * _FORWARD * run + _reading(structure, gradient)
    words = f"{colours.count} colours ({colours.order})"
    return _Way("hvp", words, cost, colours.count, make, columns=colours)


def _symmetric(rows: Array, columns: Array, size: int) -> tuple[Array, Array]:
    """Returns the entries that stand on both sides of the diagonal: others must be 0."""
    keys = np.intersect1d(rows * size + columns, columns * size + rows, assume_unique=True)
    return np.divmod(keys, size)


def _may_be_unsymmetric(loss: Node) -> bool:
    """Tells whether somebody's own rule stands in the loss: its second derivatives may not meet."""
    return any(holds_op([loss], name) for name in ("custom", "implicit"))


def _plan(
    ways: list[_Way],
    best: _Way,
    mode: str | None,
    why_none: str,
    run: float,
    shape: tuple[int, int],
    output: Node,
) -> Plan:
    dense = min(shape[1] * _FORWARD, shape[0] * _BACK) * run
    choices: list[Choice] = []
    for way in sorted(ways, key=lambda way: way.seconds):
        taken = way is best
        why = "asked for" if mode else "cheapest" if taken else "dearer"
        choices.append(
            Choice(
                "sparse derivative",
                "dense derivative",
                f"{way.mode}: {way.words}",
                taken,
                dense,
                way.seconds,
                why,
                output.place,
            )
        )
    if why_none:
        choices.append(
            Choice(
                "sparse derivative", "dense derivative", "bands", False, dense, dense, why_none,
                output.place,
            )
        )  # fmt: skip
    return Plan(tuple(choices))
