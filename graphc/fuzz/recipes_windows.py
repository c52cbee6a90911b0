"""How convolution and pooling are put onto values at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.node import Node, apply, apply_named, make
from graphc.core.op import Op
from graphc.ops.windows.conv import conv_params


def _lines(pool: Any) -> tuple[Node, int] | None:
    """Returns a value as [batch, space, channels], and how long its space axis is."""
    x = pool.pick_ranked(1, 3)
    if x is None or not isinstance(x.shape[min(1, x.ndim - 1)], int):
        return None
    shape = {1: (1, *x.shape, 1), 2: (*x.shape, 1), 3: x.shape}[x.ndim]
    size = shape[1]
    if not isinstance(size, int) or size == 0:
        return None
    return x if x.ndim == 3 else apply_named("reshape", x, shape=shape), size


def _steps(size: int, pool: Any) -> dict[str, Any]:
    """Returns window, stride and padding that fit on one axis."""
    draw = pool.generator.integers
    window = int(draw(1, min(size, 3) + 1))
    ends = (int(draw(0, window)), int(draw(0, window)))
    return {"window": (window,), "strides": (int(draw(1, 3)),), "padding": (ends,)}


def conv(op: Op, pool: Any) -> Node | None:
    """Returns a convolution over one space axis, some in groups."""
    found = _lines(pool)
    if found is None:
        return None
    x, size = found
    channels = x.shape[2]
    if not isinstance(channels, int):
        return None
    steps = _steps(size, pool)
    groups = channels if pool.generator.random() < 0.3 and channels else 1
    out = groups * int(pool.generator.integers(1, 3))
    kernel = pool.pick_shaped((steps["window"][0], channels // groups, out), x.dtype)
    params = conv_params(1, steps["strides"], steps["padding"], groups=groups)
    if pool.generator.random() < 0.3:
        params["x_dilation"] = (2,)
    return apply(op, [x, kernel], params)


def pooled(op: Op, pool: Any) -> Node | None:
    """Returns a maximum or a sum over windows."""
    found = _lines(pool)
    if found is None:
        return None
    x, size = found
    more = {"dilation": (int(pool.generator.integers(1, 3)),)} if op.name == "sum_pool" else {}
    return apply(op, [x], {**_steps(size, pool), **more})


def moved(op: Op, pool: Any) -> Node | None:
    """Returns the elements that windows over another value of the same shape choose."""
    found = _lines(pool)
    if found is None:
        return None
    x, size = found
    other = pool.pick_shaped(x.shape, x.dtype)
    params = _steps(size, pool)
    index = apply_named("pool_index", other, **params)
    picked = apply_named("pool_pick", x, index, **params)
    if op.name != "pool_place":
        return picked
    return make(op, (picked, index), {**params, "space": x.shape[1:-1]})


#: What `pool_index` returns is no float: it is put to use at once.
RECIPES: dict[str, Callable[[Op, Any], Node | None]] = {
    "conv": conv,
    "max_pool": pooled,
    "sum_pool": pooled,
    "pool_index": moved,
    "pool_pick": moved,
    "pool_place": moved,
}
