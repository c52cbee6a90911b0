"""Reading and writing at several index arrays: `index_gather`, `index_set`, `index_add`, extremes.

The arrays broadcast with one another and index one axis each. What they read stands at the first
of these axes where the axes are neighbours, and in front of all others where they are not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.core.dtype import DEFAULT_INT, bool_
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.op import Kink, Op
from graphc.core.type import Shape, TensorType, broadcast_shapes, element_count, show_shape
from graphc.ops.axes import require_axes
from graphc.ops.chain import add_up, broadcast_to, chain, masked, reshape, through
from graphc.ops.define import linear, require_numbers, structural
from graphc.ops.logic import zeros_like
from graphc.ops.source import iota_op

Axes = tuple[int, ...]


def are_neighbours(axes: Sequence[int]) -> bool:
    """Tells whether axes follow one another."""
    return all(b - a == 1 for a, b in itertools.pairwise(axes))


def place_of(axes: Sequence[int]) -> int:
    """Returns where the axes of the index arrays stand in what is read."""
    return axes[0] if are_neighbours(axes) else 0


def read_shape(shape: Shape, indices: Shape, axes: Sequence[int]) -> Shape:
    """Returns the shape of what arrays of the (broadcast) shape `indices` read."""
    rest = [size for axis, size in enumerate(shape) if axis not in axes]
    place = place_of(axes)
    return (*rest[:place], *indices, *rest[place:])


def _check(x: TensorType, indices: Sequence[TensorType], axes: Any) -> Shape:
    require_axes(axes, len(x.shape))
    if not axes or len(indices) != len(axes) or list(axes) != sorted(axes):
        raise ArgumentError(
            f"{len(indices)} index arrays do not fit the axes {show_value(axes)}",
            "give one array for each axis, axes in order",
        )
    for array in indices:
        if not array.dtype.is_integer:
            raise DTypeError(
                f"the indices are {array}, not integers", "cast them: gx.cast(i, 'int32')"
            )
    return broadcast_shapes(*[i.shape for i in indices])


def _gather_infer(x: TensorType, *indices: TensorType, axes: Axes) -> TensorType:
    shape = _check(x, indices, axes)
    return TensorType(read_shape(x.shape, shape, axes), x.dtype)


index_gather = linear(
    "index_gather",
    group="indexing",
    meet="none",
    infer=_gather_infer,
    run=lambda xp, x, *indices, axes: xp.scatter.gather_at(xp, x, indices, axes),
    transpose=lambda adjoint, node: make(
        index_add, (zeros_like(node.args[0]), adjoint, *node.args[1:]), node.params
    ),
    latex="{0}[{1}]",
    flops=lambda node: 0,
    doc="Returns the entries of x at integer arrays, one for each of several axes.",
)


def read_again(node: Node, value: Node) -> Node:
    """Returns a value of x's shape at the places that a scatter writes to."""
    return make(index_gather, (value, *node.args[2:]), node.params)


def _scatter_infer(
    x: TensorType, updates: TensorType, *indices: TensorType, axes: Axes
) -> TensorType:
    expected = read_shape(x.shape, _check(x, indices, axes), axes)
    if updates.shape != expected:
        raise ShapeError(
            f"the updates are {updates}, the place is {show_shape(expected) or 'a scalar'}",
            "broadcast them to that shape",
        )
    if updates.dtype is not x.dtype:
        raise DTypeError(
            f"the updates are {updates} and the array {x}", "cast one of them: gx.cast(value, ...)"
        )
    return x


def _number_infer(
    x: TensorType, updates: TensorType, *indices: TensorType, axes: Axes
) -> TensorType:
    require_numbers(x)
    return _scatter_infer(x, updates, *indices, axes=axes)


def _full(value: Node | None, like: Node) -> Node:
    return zeros_like(like) if value is None else broadcast_to(value, like.shape)


def _scattered(parts: Sequence[Node | None], node: Node) -> Node | None:
    """Returns the same scatter of two tangents or errors, zeros for those of None."""
    base, updates = parts[0], parts[1]
    if base is None and updates is None:
        return None
    x, new = node.args[:2]
    return make(node.op, (_full(base, x), _full(updates, new), *node.args[2:]), node.params)


# -- set: the last one wins ------------------------------------------------------------------------


def repeats_no_place(node: Node) -> bool:
    """Tells whether the indices of a scatter are known to be all different."""
    found = known_places(node)
    return found is not None and len(np.unique(found)) == found.size


def known_places(node: Node) -> np.ndarray[Any, Any] | None:
    """Returns the number of each place a scatter writes to, None where only a call knows."""
    indices, axes = node.args[2:], node.params["axes"]
    count = element_count(broadcast_shapes(*[i.shape for i in indices]))
    if isinstance(count, int) and count == 1:
        return np.zeros(1, np.int64)
    total = np.zeros((), np.int64)
    for array, axis in zip(indices, axes, strict=True):
        size = node.shape[axis]
        if array.op.name != "constant" or not isinstance(size, int):
            return None
        values = array.params["value"].array.astype(np.int64)
        total = total * size + np.where(values < 0, values + size, values)
    return np.asarray(total)


def _winners(node: Node) -> Node | None:
    """Returns which updates stay where several go to one place; None where none do."""
    if repeats_no_place(node):
        return None
    axes, indices = node.params["axes"], node.args[2:]
    shape = broadcast_shapes(*[i.shape for i in indices])
    numbers = iota_op(size=element_count(shape), dtype=DEFAULT_INT)
    numbers = reshape(numbers, shape)
    sizes = tuple(node.shape[a] for a in axes)
    nobody = broadcast_to(scalar(-1, DEFAULT_INT), sizes)
    params = {"axes": tuple(range(len(axes)))}
    last = make(index_max, (nobody, numbers, *indices), params)
    stays = apply_named("equal", make(index_gather, (last, *indices), params), numbers)
    behind = node.ndim - len(axes) - place_of(axes)
    stays = reshape(stays, (*stays.shape, *[1] * behind))
    return broadcast_to(stays, node.args[1].shape)


def _untouched(node: Node) -> Node:
    """Returns where the array keeps its own elements."""
    x, updates = node.args[:2]
    kept = broadcast_to(scalar(True, bool_), x.shape)
    lost = broadcast_to(scalar(False, bool_), updates.shape)
    return make(index_set, (kept, lost, *node.args[2:]), node.params)


def _set_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    found: list[Node | None] = []
    for index in wanted:
        if index == 0:
            found.append(chain(adjoint, _untouched(node)))
        elif index == 1:
            moved = through(adjoint, node.shape, lambda v: read_again(node, v))
            stays = _winners(node)
            found.append(moved if stays is None else chain(moved, stays))
        else:
            found.append(None)
    return found


def _set_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    if tangents[0] is not None and tangents[1] is None:
        return broadcast_to(_chained(tangents[0], _untouched(node)), node.shape)
    return _scattered(tangents, node)


def _chained(value: Node, partial: Node) -> Node:
    found = chain(value, partial)
    assert found is not None
    return found


index_set = structural(
    "index_set",
    group="indexing",
    meet="none",
    infer=_scatter_infer,
    run=lambda xp, x, updates, *indices, axes: xp.scatter.set_at(xp, x, updates, indices, axes),
    vjp=_set_vjp,
    jvp=_set_jvp,
    latex=r"{0}\{{{2} := {1}\}}",
    flops=lambda node: 0,
    domain="every operand",
    ulp=0.0,
    bound=_scattered,
    holomorphic=True,
    formula="it moves elements: there is no scalar form",
    doc="Returns x with updates put at integer arrays; of several at one place the last stays.",
)


# -- add -------------------------------------------------------------------------------------------


def _add_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    found: list[Node | None] = []
    for index in wanted:
        if index == 0:
            found.append(broadcast_to(adjoint, node.shape))
        elif index == 1:
            found.append(through(adjoint, node.shape, lambda v: read_again(node, v)))
        else:
            found.append(None)
    return found


def _add_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    # Each of the k updates at one place is one rounding of a sum below the sum of all |terms|.
    if not node.dtype.is_float:
        return None
    x, updates = (apply_named("abs", a) for a in node.args[:2])
    total = make(index_add, (x, updates, *node.args[2:]), node.params)
    one = broadcast_to(scalar(1.0, node.dtype), updates.shape)
    count = make(index_add, (zeros_like(x), one, *node.args[2:]), node.params)
    return add_up([_scattered(errors[:2], node), total * count * (node.dtype.epsilon / 2)])


index_add = structural(
    "index_add",
    group="indexing",
    meet="none",
    infer=_number_infer,
    run=lambda xp, x, updates, *indices, axes: xp.scatter.add_at(xp, x, updates, indices, axes),
    vjp=_add_vjp,
    jvp=_scattered,
    latex=r"{0}\{{{2} \mathrel{{+}}= {1}\}}",
    flops=lambda node: element_count(node.args[1].type.shape),
    domain="every operand",
    ulp=0.0,
    bound=_add_bound,
    holomorphic=True,
    formula="it joins many elements: there is no scalar form",
    doc="Returns x with updates added at integer arrays, all of several at one place.",
)


# -- the larger and the smaller --------------------------------------------------------------------


def _tie_shares(node: Node) -> tuple[Node, Node, Node]:
    """Returns where the array, where the updates tie with the result, and one share of a tie."""
    x, updates = node.args[:2]
    base, added = node == x, read_again(node, node) == updates
    dtype = node.dtype
    total = make(
        index_add,
        (
            apply_named("cast", base, dtype=dtype),
            apply_named("cast", added, dtype=dtype),
            *node.args[2:],
        ),
        node.params,
    )
    return base, added, 1.0 / total


def _extreme_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    base, added, share = _tie_shares(node)
    found: list[Node | None] = []
    for index in wanted:
        if index == 0:
            found.append(chain(adjoint, masked(base, share)))
        elif index == 1:
            moved = through(adjoint, node.shape, lambda v: read_again(node, v))
            found.append(chain(moved, masked(added, read_again(node, share))))
        else:
            found.append(None)
    return found


def _extreme_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    base, added, share = _tie_shares(node)
    dx, du = tangents[:2]
    if dx is None and du is None:
        return None
    parts = (
        None if dx is None else _chained(broadcast_to(dx, node.shape), masked(base, share)),
        None
        if du is None
        else _chained(broadcast_to(du, node.args[1].shape), masked(added, read_again(node, share))),
    )
    if parts[1] is None:
        return parts[0]
    x, updates = node.args[:2]
    return make(
        index_add, (_full(parts[0], x), _full(parts[1], updates), *node.args[2:]), node.params
    )


def _extreme_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    if errors[0] is None and errors[1] is None:
        return None
    x, updates = node.args[:2]
    both = (_full(errors[0], x), _full(errors[1], updates))
    return make(index_max, (*both, *node.args[2:]), node.params)


def _ties(xp: Any, x: Any, updates: Any, indices: Any, axes: Any, larger: bool) -> Any:
    top = xp.scatter.extreme_at(xp, x, updates, indices, axes, larger)
    added = (updates == xp.scatter.gather_at(xp, top, indices, axes)) * 1
    return (x == top) * 1, added, xp.scatter.add_at(xp, (x == top) * 1, added, indices, axes)


def _kink(larger: bool) -> Kink:
    def at(xp: Any, x: Any, updates: Any, *indices: Any, axes: Any) -> Any:
        return _ties(xp, x, updates, indices, axes, larger)[2] > 1

    def slope(xp: Any, dx: Any, du: Any, *rest: Any, axes: Any) -> Any:
        # After the tangents of the indices the operands follow.
        x, updates, *indices = rest[len(axes) :]
        base, added, total = _ties(xp, x, updates, indices, axes, larger)
        return xp.scatter.add_at(xp, dx * base, du * added, indices, axes) / total

    return Kink(where="several elements share the extreme", at=at, slope=slope, departs="")


def _extreme(name: str, larger: bool, words: str) -> Op:
    def run(xp: Any, x: Any, updates: Any, *indices: Any, axes: Any) -> Any:
        return xp.scatter.extreme_at(xp, x, updates, indices, axes, larger)

    return structural(
        name,
        group="indexing",
        meet="none",
        infer=_number_infer,
        run=run,
        vjp=_extreme_vjp,
        jvp=_extreme_jvp,
        latex=rf"{{0}}\{{{{{{2}} := \{'max' if larger else 'min'}({{0}}, {{1}})\}}}}",
        flops=lambda node: element_count(node.args[1].type.shape),
        domain="every operand",
        ulp=0.0,
        bound=_extreme_bound,
        kink=_kink(larger),
        doc=f"Returns x with the {words} of it and the updates at integer arrays. NaN wins.",
    )


index_max = _extreme("index_max", True, "larger")
index_min = _extreme("index_min", False, "smaller")


def as_indices(value: Any) -> Node:
    """Returns index arrays as a node; an empty list is one of integers."""
    if isinstance(value, (list, tuple)) and not value:
        return as_node(np.asarray(value, dtype=np.int32))
    return as_node(value)
