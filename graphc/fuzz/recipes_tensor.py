"""How places, order, running sums, windows and padding are put onto values at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.core.calls import public_functions
from graphc.core.const import Const
from graphc.core.node import Node, apply_named, make
from graphc.core.op import Op
from graphc.core.type import broadcast_shapes
from graphc.ops.control import results_of
from graphc.ops.tensor.places import read_shape


def _static(pool: Any, least: int, most: int) -> tuple[Node, list[int]] | None:
    """Returns a value of known sizes, with them."""
    x = pool.pick_ranked(least, most)
    if x is None or not x.type.is_static or not all(x.shape):
        return None
    return x, [int(s) for s in x.shape]


def _constant(values: Any) -> Node:
    return apply_named("constant", value=Const(np.asarray(values, np.int32)))


def _indices(pool: Any, shape: tuple[int, ...], size: int) -> Node:
    return _constant(pool.generator.integers(-size, size, size=shape))


def _spots(pool: Any, sizes: list[int]) -> tuple[list[Node], tuple[int, ...]]:
    """Returns index arrays, some for axes apart, and the axes."""
    axes = [a for a in range(len(sizes)) if pool.generator.random() < 0.6]
    axes = axes or [int(pool.generator.integers(len(sizes)))]
    shapes = [((2,), (1,), ()), ((2, 1), (3,), (2, 3))][int(pool.generator.integers(2))]
    picked = [_indices(pool, shapes[k % 3], sizes[a]) for k, a in enumerate(axes)]
    return picked, tuple(axes)


def _gather(op: Op, pool: Any) -> Node | None:
    found = _static(pool, 1, 3)
    if found is None:
        return None
    x, sizes = found
    indices, axes = _spots(pool, sizes)
    return make(op, (x, *indices), {"axes": axes})


def _scatter(op: Op, pool: Any) -> Node | None:
    found = _static(pool, 1, 3)
    if found is None:
        return None
    x, sizes = found
    indices, axes = _spots(pool, sizes)
    shape = read_shape(x.shape, broadcast_shapes(*[i.shape for i in indices]), axes)
    return make(op, (x, pool.pick_shaped(shape, x.dtype), *indices), {"axes": axes})


def _take_along(op: Op, pool: Any) -> Node | None:
    found = _static(pool, 1, 3)
    if found is None:
        return None
    x, sizes = found
    axis = int(pool.generator.integers(len(sizes)))
    shape = list(sizes)
    shape[axis] = int(pool.generator.integers(1, 4))
    return make(op, (x, _indices(pool, tuple(shape), sizes[axis])), {"axis": axis})


def _add_along(op: Op, pool: Any) -> Node | None:
    found = _static(pool, 1, 3)
    if found is None:
        return None
    x, sizes = found
    axis, size = int(pool.generator.integers(len(sizes))), int(pool.generator.integers(1, 4))
    return make(op, (x, _indices(pool, tuple(sizes), size)), {"axis": axis, "size": size})


def _windows(pool: Any, sizes: list[int]) -> tuple[tuple[int, ...], list[Node]]:
    window = tuple(int(pool.generator.integers(1, s + 1)) for s in sizes)
    starts = [
        _constant(pool.generator.integers(0, s - w + 1)) for s, w in zip(sizes, window, strict=True)
    ]
    return window, starts


def _dynamic_slice(op: Op, pool: Any) -> Node | None:
    found = _static(pool, 1, 3)
    if found is None:
        return None
    window, starts = _windows(pool, found[1])
    return make(op, (found[0], *starts), {"sizes": window})


def _dynamic_update(op: Op, pool: Any) -> Node | None:
    found = _static(pool, 1, 3)
    if found is None:
        return None
    window, starts = _windows(pool, found[1])
    return make(op, (found[0], pool.pick_shaped(window, found[0].dtype), *starts))


def _pad(op: Op, pool: Any) -> Node | None:
    x = pool.pick_ranked(1, 2)
    if x is None:
        return None
    pairs = tuple(tuple(int(n) for n in pool.generator.integers(0, 3, size=2)) for _ in x.shape)
    return make(op, (x, pool.pick_shaped((), x.dtype)), {"pairs": pairs})


def _scan(op: Op, pool: Any) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None:
        return None
    params = {
        "axis": int(pool.generator.integers(x.ndim)),
        "reverse": bool(pool.generator.integers(2)),
    }
    if op.name == "linear_recurrence":
        return make(op, (x, pool.pick_shaped(x.shape, x.dtype)), params)
    return make(op, (x,), params)


def _sort(op: Op, pool: Any) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None:
        return None
    axis, down = int(pool.generator.integers(x.ndim)), bool(pool.generator.integers(2))
    return results_of(make(op, (x,), {"axis": axis, "descending": down}))[0]


def _top(op: Op, pool: Any) -> Node | None:
    found = _static(pool, 1, 3)
    if found is None:
        return None
    k = int(pool.generator.integers(1, found[1][-1] + 1))
    return results_of(make(op, (found[0],), {"k": k}))[0]


def _place(op: Op, pool: Any) -> Node | None:
    """Returns the element that stands at the place: the extreme itself."""
    found = _static(pool, 1, 3)
    if found is None:
        return None
    x = found[0]
    axis = int(pool.generator.integers(x.ndim))
    at = make(op, (x,), {"axis": axis, "keepdims": True})
    return apply_named("take_along_axis", x, at, axis=axis)


def _truth(op: Op, pool: Any) -> Node | None:
    """Returns a value where the truth of a comparison over axes holds, and 0 elsewhere."""
    x = pool.pick_ranked(1, 2)
    if x is None:
        return None
    held = make(op, (apply_named("greater", x, 0.5),), {"axis": (0,), "keepdims": True})
    return apply_named("where", held, x, 0.0)


def _search(op: Op, pool: Any) -> Node | None:
    """Returns the neighbour of each value in a sorted vector."""
    found = _static(pool, 1, 1)
    if found is None:
        return None
    ordered = public_functions["sort"](found[0])
    values = pool.pick_shaped((2,), ordered.dtype)
    side = ("left", "right")[int(pool.generator.integers(2))]
    at = make(op, (ordered, values), {"side": side})
    return apply_named("gather", ordered, apply_named("minimum", at, found[1][0] - 1), axis=0)


RECIPES: dict[str, Callable[[Op, Any], Node | None]] = {
    "index_gather": _gather,
    **dict.fromkeys(("index_set", "index_add", "index_max", "index_min"), _scatter),
    "take_along_axis": _take_along,
    "add_along_axis": _add_along,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update,
    "pad": _pad,
    **dict.fromkeys(
        ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp", "linear_recurrence"), _scan
    ),
    "sort": _sort,
    "top_k": _top,
    **dict.fromkeys(("argmax", "argmin"), _place),
    **dict.fromkeys(("any", "all"), _truth),
    "searchsorted": _search,
}
