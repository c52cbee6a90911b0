"""A Jacobian emitted as bands: for each way a result reaches the input, its slope as one array.

A residual of slices, shifts and elementwise operations depends on a few elements of its input, each
by one index array. The slope along each is an elementwise array of its own: no direction is seeded,
no entry is looked up. A term is (where it reads, slope); operations that move elements move both,
elementwise ones multiply the slope by their own, and terms that read alike are added.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.type import TensorType
from graphc.core.walk import rebuild, topological_order
from graphc.ops.chain import add_up, broadcast_to, reshape
from graphc.sparse.pattern import MAX_ELEMENTS, MAX_SPREAD, Array, elements, overlay, sizes, whole
from graphc.sparse.rules import NUMPY, is_static, known

#: More terms than this are not carried; coloured passes do better.
MAX_BANDS = 16
_MOVES = frozenset({"reshape", "transpose", "broadcast_to", "slice", "slice_transpose", "assume"})
_READS = frozenset({"gather", "index_gather", "take_along_axis"})


class NoBands(Exception):
    """The graph does not have the form of bands; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """One term of a derivative.

    Attributes:
        pick: for each element of the value, 1 + the input's element; 0 where it reads none.
        slope: of the value's shape; or a scalar, which is then the slope wherever it reads.
        clean: whether an array of slopes is 0 where nothing is read.
    """

    pick: Array
    slope: Node
    clean: bool = True


def find_bands(output: Node, wrt: Node) -> list[Band]:
    """Returns the derivative of a node as bands.

    Raises:
        NoBands: it does not have that form.
    """
    (output,) = _written_out(output)
    known_bands: dict[Node, list[Band]] = {
        wrt: [Band(whole(wrt.shape)[0].pick, scalar(1.0, wrt.dtype))]
    }
    for node in topological_order([output]):
        if node in known_bands:
            continue
        operands = [known_bands[a] for a in node.args]
        found = _bands(node, operands) if any(operands) else []
        known_bands[node] = [band for band in found if band.pick.any()]
        if len(known_bands[node]) > MAX_BANDS:
            raise NoBands(f"an element of {node.op.name} reads more than {MAX_BANDS} of the input")
    return known_bands[output]


def _written_out(output: Node) -> list[Node]:
    """Returns the graph with blocks of one result put in their place."""

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        if node.op.name in ("call", "recompute") and isinstance(node.type, TensorType):
            return node.params["graph"].inline(args)[0]
        return make(node.op, args, node.params)

    for _ in range(100):
        if not any(n.op.name in ("call", "recompute") for n in topological_order([output])):
            break
        (made,) = rebuild([output], {}, step)
        if made is output:
            break
        output = made
    return [output]


def _bands(node: Node, operands: Sequence[list[Band]]) -> list[Band]:
    name = node.op.name
    single = isinstance(node.type, TensorType) and is_static(node)
    if not single or elements(node.shape) > MAX_ELEMENTS:
        raise NoBands(f"{name} is no operation on single elements")
    if not node.dtype.is_inexact or name == "stop_gradient":
        return []
    if node.op.group == "elementwise":
        return _elementwise(node, operands)
    if name in _MOVES:
        return [_moved(node, band, []) for band in operands[0]]
    if name in _READS:
        indices = [known(n) for n in node.args[1:]]
        if not any(i is None for i in indices):
            return [_moved(node, band, indices) for band in operands[0]]
    if name in ("scatter_add", "add_along_axis"):
        return _placed(node, operands[0])
    if name in ("concat", "stack"):
        return _joined(node, operands)
    if name == "pad" and not operands[1]:
        return [_padded(node, band) for band in operands[0]]
    if name in ("sum", "mean"):
        return _summed(node, operands[0])
    raise NoBands(f"{name} is no operation on single elements")


def full(band: Band, shape: Sequence[Any]) -> Node:
    """Returns a band's slope as an array; of a scalar it is 0 where nothing is read."""
    shape = tuple(shape)
    if band.slope.ndim or not shape:
        return band.slope
    region = rectangle(band.pick)
    if region is not None and all(b is None for b in region):
        return broadcast_to(band.slope, shape)
    if region is None:
        return apply_named(
            "where", as_node(band.pick != 0), band.slope, scalar(0.0, band.slope.dtype)
        )
    inner = tuple(size if b is None else b[1] - b[0] for b, size in zip(region, shape, strict=True))
    part = broadcast_to(band.slope, inner)
    return apply_named("slice_transpose", part, bounds=region, shape=shape)


def rectangle(pick: Array) -> tuple[Any, ...] | None:
    """Returns slice bounds of the part that reads, None where it is no rectangle (or nothing)."""
    there = pick != 0
    bounds: list[Any] = []
    count = 1
    for axis, size in enumerate(pick.shape):
        others = tuple(a for a in range(pick.ndim) if a != axis)
        places = np.flatnonzero(there.any(axis=others))
        if not len(places):
            return None
        first, last = int(places[0]), int(places[-1]) + 1
        count *= last - first
        bounds.append(None if (first, last) == (0, size) else (first, last, 1))
    return tuple(bounds) if count == np.count_nonzero(there) else None


def _add(found: list[Band], band: Band, shape: Sequence[Any]) -> None:
    """Enters a band; slopes of bands that read alike are added."""
    if not band.pick.any():  # a scalar slope would stand where nothing is read
        return
    for position, other in enumerate(found):
        pick = overlay(other.pick, band.pick)
        if pick is None:
            continue
        scalars = not other.slope.ndim and not band.slope.ndim
        if scalars and (pick is other.pick or np.array_equal(other.pick, band.pick)):
            slope = add_up([other.slope, band.slope])
        elif (
            scalars
            and other.slope is band.slope
            and not ((other.pick != 0) & (band.pick != 0)).any()
        ):
            slope = other.slope
        else:
            slope = add_up([_cleaned(other, shape), _cleaned(band, shape)])
        assert slope is not None
        found[position] = Band(pick, slope)
        return
    found.append(band)


def _cleaned(band: Band, shape: Sequence[Any]) -> Node:
    """Returns a band's slope as an array that is 0 where nothing is read."""
    slope = full(band, shape)
    if band.clean:
        return slope
    region = rectangle(band.pick)
    if region is None:
        return apply_named("where", as_node(band.pick != 0), slope, scalar(0.0, slope.dtype))
    part = apply_named("slice", slope, bounds=region)
    return apply_named("slice_transpose", part, bounds=region, shape=slope.shape)


def _elementwise(node: Node, operands: Sequence[list[Band]]) -> list[Band]:
    assert not isinstance(node.op.jvp, str)
    shape = sizes(node.shape)
    found: list[Band] = []
    for index, bands in enumerate(operands):
        for band in bands:
            tangents: list[Node | None] = [None] * len(operands)
            tangents[index] = band.slope
            slope = node.op.jvp(tangents, node)
            if slope is None:
                continue
            if band.slope.ndim == 0 and slope.op.name == "broadcast_to" and not slope.args[0].ndim:
                slope = slope.args[0]  # what a rule spread out again
            pick = band.pick if band.pick.shape == shape else np.broadcast_to(band.pick, shape)
            if slope.ndim and slope.shape != shape:
                slope = broadcast_to(slope, shape)
            # The slope of the operation alone is not 0 where nothing is read.
            clean = band.clean if band.slope.ndim else not slope.ndim or bool(pick.all())
            _add(found, Band(pick, slope, clean), shape)
    return found


def _moved(node: Node, band: Band, indices: Sequence[Any]) -> Band:
    pick = band.pick
    if node.op.name != "assume":
        pick = node.op.run(NUMPY, band.pick, *indices, **node.params)
    if not band.slope.ndim:
        return Band(pick, band.slope)
    return Band(pick, _pushed(node, band), band.clean)


def _pushed(node: Node, band: Band) -> Node:
    assert not isinstance(node.op.jvp, str)
    rest: list[Node | None] = [None] * (len(node.args) - 1)
    made = node.op.jvp([full(band, node.args[0].shape), *rest], node)
    assert made is not None
    return made


def _placed(node: Node, bands: list[Band]) -> list[Band]:
    """Elements added at known places, each at one of its own."""
    axis, index = node.params["axis"], known(node.args[1])
    if index is None:
        raise NoBands(f"the indices of {node.op.name} are known only when it runs")
    numbers = np.arange(1, elements(node.shape) + 1).reshape(sizes(node.shape))
    take = np.take if node.op.name == "scatter_add" else np.take_along_axis
    owner = take(numbers, index, axis).reshape(-1) - 1
    if len(np.unique(owner)) < len(owner):
        raise NoBands(f"{node.op.name} adds several elements up in one place")
    found: list[Band] = []
    for band in bands:
        pick = np.zeros(numbers.size, band.pick.dtype)
        pick[owner] = band.pick.reshape(-1)
        slope = band.slope if not band.slope.ndim else _pushed(node, band)
        found.append(Band(pick.reshape(numbers.shape), slope, band.clean))
    return found


def _padded(node: Node, band: Band) -> Band:
    pick = np.pad(band.pick, node.params["pairs"])
    return Band(pick, band.slope if not band.slope.ndim else _pushed(node, band), band.clean)


def _joined(node: Node, operands: Sequence[list[Band]]) -> list[Band]:
    found: list[Band] = []
    for line in itertools.zip_longest(*operands):
        first = next(band for band in line if band is not None)
        zero = np.zeros((), first.pick.dtype)
        picks = [
            np.broadcast_to(zero, sizes(a.shape)) if b is None else b.pick
            for b, a in zip(line, node.args, strict=True)
        ]
        pick = node.op.run(NUMPY, *picks, **node.params)
        slope = first.slope
        if slope.ndim or any(b is not None and b.slope is not slope for b in line):
            assert not isinstance(node.op.jvp, str)
            parts = [
                None if b is None else full(b, a.shape)
                for b, a in zip(line, node.args, strict=True)
            ]
            slope = node.op.jvp(parts, node)
            assert slope is not None
        clean = all(b is None or b.clean for b in line)
        _add(found, Band(pick, slope, clean), node.shape)
    return found


def _summed(node: Node, bands: list[Band]) -> list[Band]:
    """A sum over few elements: each is a band of its own."""
    axes, have = node.params["axis"], sizes(node.args[0].shape)
    count = elements([have[a] for a in axes])
    if count * len(bands) > MAX_SPREAD:
        raise NoBands(f"{node.op.name} takes in {count:,} elements")
    shape = sizes(node.shape)
    found: list[Band] = []
    for place in itertools.product(*[range(have[a]) for a in axes]):
        at = dict(zip(axes, place, strict=True))
        where = tuple(at.get(a, slice(None)) for a in range(len(have)))
        bounds = tuple((at[a], at[a] + 1, 1) if a in at else None for a in range(len(have)))
        for band in bands:
            slope = band.slope
            if slope.ndim:
                slope = reshape(apply_named("slice", slope, bounds=bounds), shape)
            if node.op.name == "mean":
                slope = slope * (1.0 / count)
            _add(found, Band(band.pick[where].reshape(shape), slope, band.clean), shape)
    return found


# -- the bands as one array of values --------------------------------------------------------------


def emit(bands: Sequence[Band], output: Node, symmetric: bool = False) -> tuple[Node, Array, Array]:
    """Returns (values, rows, columns): one band after the other, each from its first row on.

    Args:
        bands: of the output.
        output: what was differentiated.
        symmetric: the matrix is: of two bands that mirror each other one is computed.
    """
    order = sorted(bands, key=_offset)
    parts: list[Node] = []
    rows: list[Array] = []
    columns: list[Array] = []
    for band in order:
        flat = band.pick.reshape(-1)
        own = np.flatnonzero(flat)
        if not len(own):
            continue
        rows.append(own)
        columns.append(flat[own].astype(np.int64) - 1)
        parts.append(_alive(band, output, own))
    if not parts:
        nothing = broadcast_to(scalar(0.0, output.dtype), (0,))
        return nothing, np.zeros(0, np.int64), np.zeros(0, np.int64)
    if symmetric:
        for upper, lower in itertools.combinations(range(len(parts)), 2):
            if _mirror(rows[upper], columns[upper], rows[lower], columns[lower]):
                parts[lower] = parts[upper]
    values = parts[0] if len(parts) == 1 else apply_named("concat", *parts, axis=0)
    row, column = np.concatenate(rows), np.concatenate(columns)
    return _each_once(values, row, column, order)


def _mirror(row: Array, column: Array, other_row: Array, other_column: Array) -> bool:
    return np.array_equal(row, other_column) and np.array_equal(column, other_row)


def _offset(band: Band) -> tuple[int, int]:
    flat = band.pick.reshape(-1)
    first = int(np.argmax(flat != 0)) if flat.size else 0
    return (int(flat[first]) - first if flat.size else 0, first)


def _alive(band: Band, output: Node, own: Array) -> Node:
    """Returns the slopes where the band reads, flat."""
    count = len(own)
    if not band.slope.ndim:
        return broadcast_to(band.slope, (count,))
    if count == band.pick.size:
        return reshape(band.slope, (count,))
    region = rectangle(band.pick)
    if region is not None:
        return reshape(apply_named("slice", band.slope, bounds=region), (count,))
    line = reshape(band.slope, (band.pick.size,))
    return apply_named("gather", line, as_node(own.astype(np.int32)), axis=0)


def _each_once(
    values: Node, row: Array, column: Array, bands: Sequence[Band]
) -> tuple[Node, Array, Array]:
    """Returns the entries with those that two bands have in common added up."""
    pairs = itertools.combinations(bands, 2)
    if not any(((a.pick == b.pick) & (a.pick != 0)).any() for a, b in pairs):
        return values, row, column
    width = int(column.max()) + 1
    keys, place = np.unique(row * width + column, return_inverse=True)
    target = as_node(place.astype(np.int32))
    values = apply_named("scatter_add", values, target, axis=0, size=len(keys))
    return values, *np.divmod(keys, width)
