"""The poolings people call: `max_pool`, `min_pool`, `sum_pool`, `avg_pool`."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import public
from graphc.core.dim import Dim
from graphc.core.dtype import DEFAULT_FLOAT
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.type import Size, element_count
from graphc.ops.chain import reshape
from graphc.ops.windows.geometry import padding_of, require_space, steps_of
from graphc.ops.windows.pooling import max_pool_op, sum_pool_op


@public
def max_pool(x: Any, window: Any, stride: Any = None, padding: Any = "valid") -> Node:
    """Returns the largest element of each window over 1 to 3 space axes, channels last.

    Where elements of a window tie, the first has the whole slope, in the order of the axes, as in
    JAX and PyTorch (and unlike `max`, whose ties share it). A window with a NaN gives NaN, and the
    slope goes to the NaN.

    Args:
        x: `[batch, *space, channels]`; integers too, but no booleans.
        window: elements on each space axis: an integer, or one for each.
        stride: how far the window moves; the window itself where it is None.
        padding: `"valid"`, `"same"`, an integer, or for each space axis an integer or a pair, each
            smaller than the window. What pads is never chosen.

    Returns:
        `[batch, *counts, channels]`.

    Raises:
        ShapeError: the window is larger than the padded input, or the axes are not those above.
        ArgumentError: a window, stride or padding that is none.
        DimError: a named space size whose number of windows is not known.
    """
    node = as_node(x)
    return max_pool_op(node, **_params(node, window, stride, padding))


@public
def min_pool(x: Any, window: Any, stride: Any = None, padding: Any = "valid") -> Node:
    """Returns the smallest element of each window; everything else as `max_pool` has it.

    Args:
        x: `[batch, *space, channels]`.
        window: elements on each space axis.
        stride: how far the window moves; the window itself where it is None.
        padding: as in `max_pool`.

    Returns:
        `[batch, *counts, channels]`.

    Raises:
        ShapeError, ArgumentError, DimError: as for `max_pool`.
    """
    node = as_node(x)
    params = _params(node, window, stride, padding)
    if node.dtype.is_integer:  # -x of the smallest is no integer of the dtype; its complement is
        top = scalar(-1 if node.dtype.kind == "i" else _largest(node), node.dtype)
        return top - max_pool_op(top - node, **params)
    return apply_named("neg", max_pool_op(apply_named("neg", node), **params))


def _largest(node: Node) -> int:
    return 2 ** (8 * node.dtype.numpy.itemsize) - 1


@public
def sum_pool(x: Any, window: Any, stride: Any = None, padding: Any = "valid") -> Node:
    """Returns the sum of each window over 1 to 3 space axes, channels last.

    Args:
        x: `[batch, *space, channels]`.
        window: elements on each space axis.
        stride: how far the window moves; the window itself where it is None.
        padding: zeros around the input, as in `max_pool`.

    Returns:
        `[batch, *counts, channels]`.

    Raises:
        ShapeError, ArgumentError, DimError: as for `max_pool`.
    """
    node = as_node(x)
    return _summed(node, _params(node, window, stride, padding))


def _summed(node: Node, params: dict[str, Any]) -> Node:
    return sum_pool_op(node, **params, dilation=(1,) * (node.ndim - 2))


@public
def avg_pool(
    x: Any,
    window: Any,
    stride: Any = None,
    padding: Any = "valid",
    count_include_pad: bool = True,
) -> Node:
    """Returns the mean of each window over 1 to 3 space axes, channels last.

    Args:
        x: `[batch, *space, channels]`; integers become float32.
        window: elements on each space axis.
        stride: how far the window moves; the window itself where it is None.
        padding: as in `max_pool`.
        count_include_pad: whether zeros that pad count as elements, as in PyTorch and Flax; with
            False a window at the edge is divided by the elements it has, as in Keras.

    Returns:
        `[batch, *counts, channels]`.

    Raises:
        ShapeError, ArgumentError, DimError: as for `max_pool`.
    """
    node = as_node(x)
    if not isinstance(count_include_pad, bool):
        raise ArgumentError(
            f"count_include_pad={show_value(count_include_pad)} is no bool", "use True or False"
        )
    params = _params(node, window, stride, padding)
    if node.dtype.is_integer:
        node = apply_named("cast", node, dtype=DEFAULT_FLOAT)
    total = _summed(node, params)
    if count_include_pad or not any(low or high for low, high in params["padding"]):
        return total / float(_window_size(params["window"]))
    parts = zip(*params.values(), strict=True)
    for axis, (span, step, ends) in enumerate(parts):
        if ends == (0, 0):
            total = total / float(span)
            continue
        line = (1, node.shape[axis + 1], 1)
        ones = apply_named("broadcast_to", scalar(1.0, node.dtype), shape=line)
        own = {"window": (span,), "strides": (step,), "padding": (ends,)}
        shape: list[Size] = [1] * node.ndim
        shape[axis + 1] = total.shape[axis + 1]
        total = total / reshape(_summed(ones, own), tuple(shape))
    return total


def _window_size(window: Any) -> int:
    count = element_count(window)
    assert not isinstance(count, Dim)
    return count


def _params(x: Node, window: Any, stride: Any, padding: Any) -> dict[str, Any]:
    space = require_space(x.shape, "the input")
    count = len(space)
    spans = steps_of(window, count, "window")
    strides = spans if stride is None else steps_of(stride, count, "stride")
    pads = padding_of(padding, space, spans, strides)
    for span, ends in zip(spans, pads, strict=True):
        if any(isinstance(e, int) and e >= span for e in ends):
            raise ArgumentError(
                f"padding={show_value(padding)} is not below the window {show_value(window)}",
                "pad by less than the window",
            )
    # A stride past the padded input is that of one window; derivatives lay out as much as a stride.
    axes = zip(strides, space, pads, strict=True)
    strides = tuple([_within(step, size + low + high) for step, size, (low, high) in axes])
    return {"window": spans, "strides": strides, "padding": pads}


def _within(step: int, size: Size) -> int:
    return step if isinstance(size, Dim) else max(1, min(step, size))
