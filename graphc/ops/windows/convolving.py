"""The convolutions people call: `conv`, `conv_transpose`, NumPy's `convolve` and `correlate`."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import public
from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, as_node
from graphc.core.type import Shape, Size, as_index
from graphc.ops.chain import reshape
from graphc.ops.windows.conv import conv_op, conv_params, grouped_in, reversed_window, standard
from graphc.ops.windows.geometry import (
    Padding,
    padding_of,
    require_space,
    spans,
    steps_of,
)


@public
def conv(
    x: Any,
    kernel: Any,
    stride: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
) -> Node:
    """Returns the convolution of an input with a kernel over 1 to 3 space axes, channels last.

    As everywhere in networks, the window is not turned round:
    `out[n, t, o] = sum over w, c of x[n, t * stride + w * dilation - low, c] * kernel[w, c, o]`.

    Args:
        x: `[batch, *space, channels]`; integers too, but no booleans.
        kernel: `[*window, channels / groups, channels out]`.
        stride: how far the window moves: an integer, or one for each space axis.
        padding: zeros around the input: `"valid"` none; `"same"` so many that the result has
            ceil(size / stride) elements, the odd one behind; an integer for both ends of all axes;
            or for each space axis an integer or a pair (before, behind).
        dilation: the distance between the window's elements in the input.
        groups: channels in and out are cut into so many groups that see only each other;
            `groups=channels` is the depthwise convolution.

    Returns:
        `[batch, *counts, channels out]`. The batch may be a named size; a space axis may be where
        the windows' number follows from the name, as it does at stride 1.

    Raises:
        ShapeError: the kernel is larger than the padded input, channels and groups do not fit, or
            the axes are not those above.
        ArgumentError: a stride, padding, dilation or count of groups that is none.
        DimError: a named space size whose number of windows is not known.
    """
    data, window = _operands(x, kernel)
    space, sizes = _spaces(data, window)
    count = len(space)
    strides = steps_of(stride, count, "stride")
    apart = steps_of(dilation, count, "dilation")
    parts = _groups(groups)
    reach = [_known(s) for s in spans(sizes, apart)]
    pads = padding_of(padding, space, reach, strides)
    return conv_op(data, window, **conv_params(count, strides, pads, None, apart, parts))


@public
def conv_transpose(
    x: Any,
    kernel: Any,
    stride: Any = 1,
    padding: Any = "same",
    dilation: Any = 1,
    groups: int = 1,
    transpose_kernel: bool = False,
) -> Node:
    """Returns the transposed ("fractionally strided") convolution, which enlarges by the stride.

    The input's elements are set `stride` apart, with zeros between, and convolved: as
    `jax.lax.conv_transpose` and Flax's `ConvTranspose` have it, padding included.

    Args:
        x: `[batch, *space, channels]`.
        kernel: `[*window, channels / groups, channels out]`; with `transpose_kernel`
            `[*window, channels out / groups, channels]`.
        stride: by how much each space axis grows.
        padding: `"same"`: size * stride results; `"valid"`: all results that meet an element,
            `size * stride + max(window - stride, 0)`; integers and pairs are zeros around the
            spread input.
        dilation: the distance between the window's elements.
        groups: as in `conv`.
        transpose_kernel: turn the window round and exchange its channels. Then this is the
            transposed map of `conv` with that kernel and stride: the derivative by its input.

    Returns:
        `[batch, *sizes, channels out]`.

    Raises:
        ShapeError, ArgumentError, DimError: as for `conv`.

    Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning (2016), ch. 4.
    """
    data, window = _operands(x, kernel)
    space, sizes = _spaces(data, window)
    count = len(space)
    strides = steps_of(stride, count, "stride")
    apart = steps_of(dilation, count, "dilation")
    parts = _groups(groups)
    if not isinstance(transpose_kernel, bool):
        raise ArgumentError(
            f"transpose_kernel={show_value(transpose_kernel)} is no bool", "use True or False"
        )
    reach = [_known(s) for s in spans(sizes, apart)]
    pads = _transposed_padding(padding, space, reach, strides)
    params = conv_params(count, (1,) * count, pads, strides, apart, parts)
    if transpose_kernel:
        outer, layout, _ = standard(count)
        whole = window.shape[-1]
        if isinstance(whole, int) and whole % parts:
            raise ShapeError(
                f"{whole} channels do not divide into {parts} groups",
                "make them a multiple of the groups",
            )
        window = grouped_in(reversed_window(window, layout[2:]), layout, parts)
        params["layouts"] = (outer, (layout[1], layout[0], *layout[2:]), outer)
    return conv_op(data, window, **params)


def _transposed_padding(value: Any, space: Shape, reach: list[int], strides: Any) -> Padding:
    """Returns the zeros around the spread input by JAX's rule for "same" and "valid"."""
    if not isinstance(value, str) or value.lower() not in ("same", "valid"):
        return padding_of(value, space, reach, strides)
    found: list[tuple[int, int]] = []
    for span, step in zip(reach, strides, strict=True):
        total = span + step - 2
        if value.lower() == "valid":
            total += max(span - step, 0)
            low = span - 1
        else:
            low = span - 1 if step > span - 1 else -(-total // 2)
        found.append((low, total - low))
    return tuple(found)


@public
def convolve(x: Any, y: Any, mode: str = "full") -> Node:
    """Returns the convolution of two vectors, sum over k of x[k] y[n - k], as `numpy.convolve`.

    Args:
        x: `[n]`.
        y: `[m]`.
        mode: `"full"` all n + m - 1 sums; `"same"` the max(n, m) in the middle; `"valid"` those
            where the shorter vector lies wholly on the longer one.

    Raises:
        ShapeError: one is no vector, or is empty.
        ArgumentError: another mode.
    """
    left, right = _vectors(x, y, "convolve")
    if _is_shorter(left, right):
        left, right = right, left
    return _slide(left, reversed_window(right, (0,)), mode)


@public
def correlate(x: Any, y: Any, mode: str = "valid") -> Node:
    """Returns the correlation of two vectors, sum over n of x[n + k] y[n], as `numpy.correlate`.

    Args:
        x: `[n]`.
        y: `[m]`, real.
        mode: `"valid"` the shifts where the shorter lies wholly on the longer; `"same"` the
            max(n, m) in the middle; `"full"` all n + m - 1.

    Raises:
        ShapeError: one is no vector, or is empty.
        ArgumentError: another mode.
    """
    left, right = _vectors(x, y, "correlate")
    if _is_shorter(left, right):
        return reversed_window(_slide(right, left, mode), (0,))
    return _slide(left, right, mode)


def _slide(longer: Node, shorter: Node, mode: str) -> Node:
    size = shorter.shape[0]
    reach = _known(size)
    if not isinstance(mode, str) or mode not in ("full", "same", "valid"):
        raise ArgumentError(f"mode={show_value(mode)} is not known", 'use "full", "same", "valid"')
    low = {"full": reach - 1, "same": reach // 2, "valid": 0}[mode]
    high = {"full": reach - 1, "same": reach - 1 - reach // 2, "valid": 0}[mode]
    made = conv_op(
        reshape(longer, (1, longer.shape[0], 1)),
        reshape(shorter, (size, 1, 1)),
        **conv_params(1, (1,), ((low, high),)),
    )
    return reshape(made, (made.shape[1],))


def _vectors(x: Any, y: Any, name: str) -> tuple[Node, Node]:
    nodes = as_node(x), as_node(y)
    for node in nodes:
        if node.ndim != 1:
            raise ShapeError(
                f"{name} takes vectors, not {node.type}", "use gx.conv for more than one axis"
            )
        if isinstance(node.shape[0], int) and node.shape[0] == 0:
            raise ShapeError(f"{name} of an empty vector", "give one element or more")
    return nodes


def _is_shorter(left: Node, right: Node) -> bool:
    """Tells whether the left vector is the shorter; a named size counts as the longer."""
    a, b = left.shape[0], right.shape[0]
    if isinstance(b, Dim):
        return not isinstance(a, Dim)
    return isinstance(a, int) and a < b


def _operands(x: Any, kernel: Any) -> tuple[Node, Node]:
    return as_node(x), as_node(kernel)


def _spaces(x: Node, kernel: Node) -> tuple[Shape, Shape]:
    space = require_space(x.shape, "the input")
    if kernel.ndim != x.ndim:
        raise ShapeError(
            f"the kernel {kernel.type} has {kernel.ndim} axes, the input {x.type} has {x.ndim}",
            "kernel [*window, channels / groups, channels out]",
        )
    window = kernel.shape[:-2]
    for axis, size in enumerate(window):
        if isinstance(size, int) and size == 0:
            raise ShapeError(f"axis {axis} of the kernel's window is empty", "give it an element")
    return space, window


def _known(size: Size) -> int:
    if isinstance(size, Dim):
        raise ShapeError(f"the window has the named size {size}", "give the window as numbers")
    return size


def _groups(groups: Any) -> int:
    number = as_index(groups)
    if number is None or number < 1:
        raise ArgumentError(f"groups={show_value(groups)} is no count", "use 1 or more")
    return number
