"""Pooling: the largest element, or the sum, of every window; and which element was the largest.

The derivative of `max_pool` moves numbers to and from the element that was chosen, so it is linear:
`pool_pick` takes each window's chosen element, `pool_place` puts it back, and each is the other's
transposed map. The choice itself, `pool_index`, is data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.dtype import int32
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, apply_named, make
from graphc.core.op import Kink
from graphc.core.type import Shape, Size, TensorType, element_count
from graphc.ops.chain import add_up
from graphc.ops.define import linear, require_numbers, structural
from graphc.ops.windows.geometry import Padding, is_pair, require_space, spans, window_count


def _check(params: dict[str, Any], count: int, names: str) -> None:
    """Raises ArgumentError unless the parameters are those of a pooling: a saved graph may lie."""
    if set(params) != set(names.split()):
        raise ArgumentError("these are not the parameters of a pooling", "use gx.max_pool")
    for name in ("window", "strides", "dilation"):
        value = params.get(name, (1,) * count)
        good = isinstance(value, tuple) and len(value) == count
        if not good or not all(type(v) is int and v > 0 for v in value):
            raise ArgumentError(f"{name}={show_value(value)} is none", "use gx.max_pool")
    pads = params["padding"]
    if not (isinstance(pads, tuple) and len(pads) == count and all(map(is_pair, pads))):
        raise ArgumentError(f"padding={show_value(pads)} are no pairs", "use gx.max_pool")


def _pooled(shape: Shape, window: Any, strides: Any, padding: Padding, dilation: Any) -> Shape:
    space = spans(shape[1:-1], dilation)
    counts = [
        window_count(size, low, high, span, stride, axis)
        for axis, (size, (low, high), span, stride) in enumerate(
            zip(space, padding, window, strides, strict=True)
        )
    ]
    return (shape[0], *counts, shape[-1])


def _counted(shape: Shape, params: dict[str, Any]) -> Shape:
    """Returns the shape of a pooling whose windows all hold an element."""
    space = require_space(shape, "the input", None)
    _check(params, len(space), "window strides padding")
    window, padding = params["window"], params["padding"]
    for span, ends in zip(window, padding, strict=True):
        if any(not isinstance(e, int) or not 0 <= e < span for e in ends):
            raise ArgumentError(
                f"padding={show_value(padding)} leaves a window {show_value(window)} nothing to "
                "choose from",
                "pad by less than the window",
            )
    return _pooled(shape, **params, dilation=(1,) * len(space))


def _max_infer(x: TensorType, **params: Any) -> TensorType:
    require_numbers(x)
    return TensorType(_counted(x.shape, params), x.dtype)


def _index_infer(x: TensorType, **params: Any) -> TensorType:
    require_numbers(x)
    return TensorType(_counted(x.shape, params), int32)


def _fits(xp: Any, name: str, x: Any, *more: Any, **params: Any) -> Any:
    """Runs a pooling once its windows fit: the sizes that were named are numbers now."""
    _pooled(x.shape, **{"dilation": (1,) * (x.ndim - 2), **params})
    return getattr(xp.windows, name)(xp, x, *more, **params)


pool_index_op = structural(
    "pool_index",
    group="indexing",
    meet="all",
    infer=_index_infer,
    run=lambda xp, x, **params: _fits(xp, "pool_index", x, **params),
    vjp=lambda adjoint, node, wanted: [None] * len(wanted),
    jvp=lambda tangents, node: None,
    latex=r"\operatorname{{argmax}}_{{\square}}({0})",
    flops=lambda node: element_count(node.type.shape) * element_count(node.params["window"]),
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: None,
    kink=Kink(
        where="two elements of a window share the largest (a jump: the first counts)",
        at=lambda xp, x, **params: xp.windows.pool_ties(xp, x, **params) & xp.is_float(x),
        slope=lambda xp, dx, x, **params: 0,
        departs="",
    ),
    doc="Returns for each window the place in it of the largest element: of several the first, "
    "and a NaN before all.",
)


def _pick_infer(x: TensorType, index: TensorType, **params: Any) -> TensorType:
    if not index.dtype.is_integer:
        raise DTypeError(f"the places are {index}, not integers", "take them of pool_index")
    shape = _counted(x.shape, params)
    if index.shape != shape:
        raise ShapeError(f"the places are {index}, there are windows {TensorType(shape, x.dtype)}")
    return TensorType(shape, x.dtype)


def _place_infer(x: TensorType, index: TensorType, space: Shape, **params: Any) -> TensorType:
    require_numbers(x)
    made = TensorType((x.shape[0], *space, x.shape[-1]), x.dtype)
    if _pick_infer(made, index, **params).shape != x.shape:
        raise ShapeError(f"{x} is not what the windows take from {made}")
    return made


def _placed(value: Node, node: Node) -> Node:
    """Returns a pick's or a maximum's adjoint put where the windows' chosen elements stand."""
    x = node.args[0]
    index = node.args[1] if node.op is pool_pick_op else chosen(node)
    return make(pool_place_op, (value, index), {**node.params, "space": x.shape[1:-1]})


def chosen(node: Node) -> Node:
    """Returns the places of the elements that a maximum over windows chose."""
    return make(pool_index_op, (node.args[0],), node.params)


def _picked(value: Node, node: Node) -> Node:
    params = {k: v for k, v in node.params.items() if k != "space"}
    return make(pool_pick_op, (value, node.args[1]), params)


pool_pick_op = linear(
    "pool_pick",
    group="indexing",
    meet="none",
    infer=_pick_infer,
    run=lambda xp, x, index, **params: xp.windows.pool_pick(xp, x, index, **params),
    transpose=lambda adjoint, node: _placed(adjoint, node),
    latex=r"{0}[{1}]",
    flops=lambda node: 0,
    doc="Returns of each window the element at the place `index`.",
)
pool_place_op = linear(
    "pool_place",
    group="indexing",
    meet="none",
    infer=_place_infer,
    run=lambda xp, x, index, **params: xp.windows.pool_place(xp, x, index, **params),
    transpose=lambda adjoint, node: _picked(adjoint, node),
    latex=r"\operatorname{{place}}({0}, {1})",
    flops=lambda node: element_count(node.args[0].type.shape),
    # An element is the sum of what the windows that chose it bring.
    ulp=4.0,
    doc="Returns zeros with each window's element added at its place: the transpose of pool_pick.",
)


def _max_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    (tangent,) = tangents
    return None if tangent is None else make(pool_pick_op, (tangent, chosen(node)), node.params)


def _max_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    (error,) = errors
    return None if error is None else make(max_pool_op, (error,), node.params)


max_pool_op = structural(
    "max_pool",
    group="reduction",
    meet="all",
    infer=_max_infer,
    run=lambda xp, x, **params: _fits(xp, "max_pool", x, **params),
    vjp=lambda adjoint, node, wanted: [_placed(adjoint, node) for _ in wanted],
    jvp=_max_jvp,
    latex=r"\max_{{\square}}({0})",
    flops=lambda node: element_count(node.type.shape) * (element_count(node.params["window"]) - 1),
    domain="every x",
    ulp=0.0,
    bound=_max_bound,
    kink=Kink(
        where="two elements of a window share the largest",
        at=lambda xp, x, **params: xp.windows.pool_ties(xp, x, **params),
        slope=lambda xp, dx, x, **params: xp.windows.pool_pick(
            xp, dx, xp.windows.pool_index(xp, x, **params), **params
        ),
        departs="",
    ),
    doc="Returns the largest element of each window; see gx.max_pool.",
)


# -- sums ------------------------------------------------------------------------------------------


def _sum_infer(x: TensorType, **params: Any) -> TensorType:
    require_numbers(x)
    space = require_space(x.shape, "the input", None)
    _check(params, len(space), "window strides padding dilation")
    return TensorType(_pooled(x.shape, **params), x.dtype)


def _sum_back(adjoint: Node, node: Node) -> Node:
    """Returns the transposed sum: windows over the adjoint, whose elements stand a stride apart."""
    p = node.params
    have = spans(node.args[0].shape[1:-1], p["dilation"])
    given = spans(node.shape[1:-1], p["strides"])
    padding = tuple(
        [
            (span - 1 - low, size + low - steps)
            for span, size, steps, (low, _) in zip(
                p["window"], have, given, p["padding"], strict=True
            )
        ]
    )
    return make(
        sum_pool_op,
        (adjoint,),
        {
            "window": p["window"],
            "strides": p["dilation"],
            "padding": padding,
            "dilation": p["strides"],
        },
    )


def _sum_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    (tangent,) = tangents
    return None if tangent is None else make(sum_pool_op, (tangent,), node.params)


def _sum_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    size = make(sum_pool_op, (apply_named("abs", node.args[0]),), node.params)
    count: Size = element_count(node.params["window"])
    assert isinstance(count, int)
    return add_up([_sum_jvp(errors, node), size * (count * node.dtype.epsilon / 2)])


sum_pool_op = structural(
    "sum_pool",
    group="reduction",
    meet="all",
    infer=_sum_infer,
    run=lambda xp, x, **params: _fits(xp, "sum_pool", x, **params),
    vjp=lambda adjoint, node, wanted: [_sum_back(adjoint, node) for _ in wanted],
    jvp=_sum_jvp,
    latex=r"\operatorname{{sum}}_{{\square}}({0})",
    flops=lambda node: element_count(node.type.shape) * (element_count(node.params["window"]) - 1),
    domain="every x",
    ulp=0.0,
    bound=_sum_bound,
    holomorphic=True,
    doc="Returns the sum of each window; see gx.sum_pool.",
)
