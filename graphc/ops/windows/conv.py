"""Convolution: one record that its own derivatives are written in, as XLA's convolution is.

A convolution with strides, padding, dilations of input and kernel, and groups has as derivative by
its input, and by its kernel, a convolution again: stride and dilation change places, and the roles
of batch and channels are told by the layout, so that no array is transposed for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, apply_named, make
from graphc.core.type import Shape, Size, TensorType, element_count
from graphc.ops.axes import require_axes
from graphc.ops.chain import add_up, reshape
from graphc.ops.define import require_numbers, structural
from graphc.ops.source import size_node
from graphc.ops.windows.geometry import Padding, is_pair, spans, window_count

#: Where (batch, features, *space) stand in an array: for the input and the result, and for the
#: kernel (output features, input features, *space).
Layout = tuple[int, ...]


def standard(count: int) -> tuple[Layout, Layout, Layout]:
    """Returns the layouts of `[batch, *space, channels]` and `[*window, in, out]`."""
    outer = (0, count + 1, *range(1, count + 1))
    kernel = (count + 1, count, *range(count))
    return outer, kernel, outer


def picked(shape: Shape, layout: Layout) -> Shape:
    """Returns the sizes in the order (batch or out, features or in, *space)."""
    return tuple([shape[a] for a in layout])


def conv_params(
    count: int,
    strides: Sequence[int],
    padding: Padding,
    x_dilation: Sequence[int] | None = None,
    kernel_dilation: Sequence[int] | None = None,
    groups: int = 1,
) -> dict[str, Any]:
    """Returns the record's parameters for arrays in the standard layout."""
    return {
        "strides": tuple(strides),
        "padding": padding,
        "x_dilation": tuple(x_dilation or (1,) * count),
        "kernel_dilation": tuple(kernel_dilation or (1,) * count),
        "groups": groups,
        "batch_groups": 1,
        "layouts": standard(count),
    }


def _check_params(ndim: int, params: dict[str, Any]) -> None:
    """Raises an error unless the parameters are those of a convolution: a saved graph may lie."""
    names = {
        "strides",
        "padding",
        "x_dilation",
        "kernel_dilation",
        "groups",
        "batch_groups",
        "layouts",
    }
    if set(params) != names:
        raise ArgumentError("these are not the parameters of a convolution", "use gx.conv")
    for name in ("strides", "x_dilation", "kernel_dilation"):
        value = params[name]
        good = isinstance(value, tuple) and len(value) == ndim - 2
        if not good or not all(type(v) is int and v > 0 for v in value):
            raise ArgumentError(f"{name}={show_value(value)} is no step", "use gx.conv")
    pads = params["padding"]
    good = isinstance(pads, tuple) and len(pads) == ndim - 2
    if not good or not all(is_pair(p) for p in pads):
        raise ArgumentError(f"padding={show_value(pads)} are no pairs", "use gx.conv")
    for name in ("groups", "batch_groups"):
        if type(params[name]) is not int or params[name] < 1:
            raise ArgumentError(f"{name}={show_value(params[name])} is no count", "use gx.conv")
    if params["groups"] > 1 and params["batch_groups"] > 1:
        raise ArgumentError("groups of channels and of the batch do not go together", "use gx.conv")
    layouts = params["layouts"]
    if not isinstance(layouts, tuple) or len(layouts) != 3:
        raise ArgumentError(f"layouts={show_value(layouts)} are not three", "use gx.conv")
    for layout in layouts:
        require_axes(layout, ndim)
        if len(layout) != ndim:
            raise ArgumentError(f"layout {show_value(layout)} names not all axes", "use gx.conv")


def _conv_infer(x: TensorType, kernel: TensorType, **params: Any) -> TensorType:
    require_numbers(x, kernel)
    if len(x.shape) != len(kernel.shape) or len(x.shape) < 3:
        raise ShapeError(
            f"the input has {len(x.shape)} axes and the kernel {len(kernel.shape)}",
            "input [batch, *space, channels], kernel [*window, channels / groups, channels out]",
        )
    _check_params(len(x.shape), params)
    return TensorType(_conv_shape(x.shape, kernel.shape, params), x.dtype)


def _conv_shape(x: Shape, kernel: Shape, params: dict[str, Any]) -> Shape:
    x_layout, kernel_layout, out_layout = params["layouts"]
    batch, features, *space = picked(x, x_layout)
    out, inner, *window = picked(kernel, kernel_layout)
    groups, batch_groups = params["groups"], params["batch_groups"]
    if inner * groups != features:
        raise ShapeError(
            f"the input has {features} channels, the kernel takes {inner}"
            + (f" in each of {groups} groups" if groups > 1 else ""),
            "kernel [*window, channels / groups, channels out]",
        )
    whole = groups * batch_groups
    if whole > 1 and isinstance(out, int) and out % whole:
        raise ShapeError(
            f"{out} channels out do not divide into {whole} groups",
            "make them a multiple of the groups",
        )
    if isinstance(batch, int) and batch % batch_groups:
        raise ShapeError(
            f"a batch of {batch} does not divide into {batch_groups} groups", "use gx.conv"
        )
    counts = [
        window_count(size, low, high, span, stride, axis)
        for axis, (size, (low, high), span, stride) in enumerate(
            zip(
                spans(space, params["x_dilation"]),
                params["padding"],
                spans(window, params["kernel_dilation"]),
                params["strides"],
                strict=True,
            )
        )
    ]
    sizes = (batch // batch_groups, out, *counts)
    return tuple([sizes[out_layout.index(axis)] for axis in range(len(x))])


def _run(xp: Any, x: Any, kernel: Any, **params: Any) -> Any:
    _conv_shape(x.shape, kernel.shape, params)  # named sizes are numbers now: does the window fit?
    return xp.windows.conv(xp, x, kernel, **params)


# -- the derivatives, each a convolution -----------------------------------------------------------


def _by_input(adjoint: Node, node: Node, kernel: Node, x: Shape) -> Node:
    """Returns the adjoint of the input: obar[t] k[w] summed where t*s + w*d = low + u*e.

    The window runs backwards over the adjoint, whose elements stand `s` apart, in steps of `e`.
    """
    p = node.params
    x_layout, kernel_layout, out_layout = p["layouts"]
    groups = p["groups"] * p["batch_groups"]
    turned = grouped_in(reversed_window(kernel, kernel_layout[2:]), kernel_layout, groups)
    made = make(
        conv_op,
        (adjoint, turned),
        {
            "strides": p["x_dilation"],
            "padding": _padding_by_input(node, kernel.shape, x),
            "x_dilation": p["strides"],
            "kernel_dilation": p["kernel_dilation"],
            "groups": groups,
            "batch_groups": 1,
            "layouts": (
                out_layout,
                (kernel_layout[1], kernel_layout[0], *kernel_layout[2:]),
                x_layout,
            ),
        },
    )
    if p["batch_groups"] == 1:
        return made
    return _moved_groups(made, x_layout[1], x_layout[0], p["batch_groups"])


def _padding_by_input(node: Node, kernel: Shape, x: Shape) -> Padding:
    p = node.params
    x_layout, kernel_layout, out_layout = p["layouts"]
    reach = spans(picked(kernel, kernel_layout)[2:], p["kernel_dilation"])
    have = spans(picked(x, x_layout)[2:], p["x_dilation"])
    given = spans(picked(node.shape, out_layout)[2:], p["strides"])
    return tuple(
        [
            (span - 1 - low, size + low - steps)
            for span, size, steps, (low, _) in zip(reach, have, given, p["padding"], strict=True)
        ]
    )


def _by_kernel(adjoint: Node, node: Node, x: Node, kernel: Shape) -> Node:
    """Returns the adjoint of the kernel: the input under a window that is the adjoint.

    Channels of the input are its batch, and the batch is what the windows sum over.
    """
    p = node.params
    x_layout, kernel_layout, out_layout = p["layouts"]
    reach = spans(picked(kernel, kernel_layout)[2:], p["kernel_dilation"])
    have = spans(picked(x.shape, x_layout)[2:], p["x_dilation"])
    given = spans(picked(node.shape, out_layout)[2:], p["strides"])
    padding = tuple(
        [
            (low, steps + span - 1 - low - size)
            for span, size, steps, (low, _) in zip(reach, have, given, p["padding"], strict=True)
        ]
    )
    return make(
        conv_op,
        (x, adjoint),
        {
            "strides": p["kernel_dilation"],
            "padding": padding,
            "x_dilation": p["x_dilation"],
            "kernel_dilation": p["strides"],
            "groups": p["batch_groups"],
            "batch_groups": p["groups"],
            "layouts": (
                (x_layout[1], x_layout[0], *x_layout[2:]),
                (out_layout[1], out_layout[0], *out_layout[2:]),
                (kernel_layout[1], kernel_layout[0], *kernel_layout[2:]),
            ),
        },
    )


def reversed_window(kernel: Node, axes: Sequence[int]) -> Node:
    """Returns the kernel with its window turned round; XLA reads it backwards, in place."""
    bounds: list[Any] = [None] * kernel.ndim
    for axis in axes:
        size = kernel.shape[axis]
        if isinstance(size, Dim):
            raise ShapeError(
                f"the window has the named size {size}", "give the kernel's window as numbers"
            )
        if size > 1:
            bounds[axis] = (size - 1, None, -1)
    if all(b is None for b in bounds):
        return kernel
    return apply_named("slice", kernel, bounds=tuple(bounds))


def grouped_in(kernel: Node, layout: Layout, groups: int) -> Node:
    """Returns the kernel with its groups counted by the input features and not by the output's."""
    return kernel if groups == 1 else _moved_groups(kernel, layout[0], layout[1], groups)


def _moved_groups(value: Node, source: int, target: int, groups: int) -> Node:
    """Returns the value with the outer `groups` of axis `source` put before axis `target`."""
    shape = list(value.shape)
    split: list[Size] = []
    for axis, size in enumerate(shape):
        split += [groups, size // groups] if axis == source else [size]
    after = source + 1  # where the rest of the source axis stands
    order = [a for a in range(len(split)) if a != source]
    place = order.index(target + 1 if target >= after else target)
    order.insert(place, source)
    shape[source] = shape[source] // groups
    shape[target] = shape[target] * groups
    return reshape(
        apply_named("transpose", reshape(value, tuple(split)), axes=tuple(order)), tuple(shape)
    )


def _conv_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    x, kernel = node.args
    return [
        _by_input(adjoint, node, kernel, x.shape)
        if index == 0
        else _by_kernel(adjoint, node, x, kernel.shape)
        for index in wanted
    ]


def _conv_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    x, kernel = node.args
    dx, dk = tangents
    return add_up(
        [
            None if dx is None else make(conv_op, (dx, kernel), node.params),
            None if dk is None else make(conv_op, (x, dk), node.params),
        ]
    )


def _conv_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    x, kernel = (apply_named("abs", a) for a in node.args)
    ex, ek = errors
    count = size_node(_summed(node), node.dtype) * (node.dtype.epsilon / 2)
    return add_up(
        [
            None if ex is None else make(conv_op, (ex, kernel), node.params),
            None if ek is None else make(conv_op, (x, ek), node.params),
            make(conv_op, (x, kernel), node.params) * count,
        ]
    )


def _summed(node: Node) -> Size:
    """Returns how many products each result is the sum of."""
    _, kernel_layout, _ = node.params["layouts"]
    return element_count(picked(node.args[1].type.shape, kernel_layout)[1:])


conv_op = structural(
    "conv",
    group="contraction",
    meet="all",
    infer=_conv_infer,
    run=_run,
    vjp=_conv_vjp,
    jvp=_conv_jvp,
    latex=r"\operatorname{{conv}}({0}, {1})",
    flops=lambda node: 2 * element_count(node.type.shape) * _summed(node),
    domain="every x, kernel",
    ulp=0.0,
    bound=_conv_bound,
    holomorphic=True,
    doc="Returns the convolution of an input with a kernel; see gx.conv.",
)
