"""Layers whose window steps over space: convolutions and pooling, channels last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, as_node
from graphc.nn.activations import activation_of, check_activation
from graphc.nn.dense import float_of
from graphc.nn.naming import Scope, Token, entered, flag, layer, named, one_of, own_token, whole
from graphc.ops.reduction import max as max_over
from graphc.ops.reduction import mean
from graphc.ops.windows.convolving import conv, conv_transpose
from graphc.ops.windows.pools import avg_pool, max_pool


def _space(x: Any) -> Node:
    node = as_node(x)
    if not 3 <= node.ndim <= 5:
        raise ShapeError(
            f"the operand is {node.type}, not [batch, 1 to 3 space axes, channels]",
            "add a channel: gx.expand_dims(x, -1)",
        )
    return node


def _window(window: Any, axes: int) -> tuple[int, ...]:
    sizes = (window,) * axes if isinstance(window, int) else tuple(window)
    if len(sizes) != axes:
        raise ShapeError(
            f"window={list(sizes)} has {len(sizes)} sizes, and there are {axes} space axes",
            "give one for each, or one number",
        )
    return sizes


def check_window(name: str, window: Any) -> None:
    """Raises ArgumentError where a window is neither a size nor a list of sizes."""
    if isinstance(window, int):
        whole(name, window)
        return
    if isinstance(window, str) or not isinstance(window, Sequence) or not window:
        raise ArgumentError(f"{name}={show_value(window)} is no size and no list of sizes")
    for size in window:
        whole(name, size)


def _check_conv(layer: Any) -> None:
    whole("filters", layer.filters)
    check_window("window", layer.window)
    check_activation(layer.activation)
    flag("bias", layer.bias)
    whole("groups", layer.groups)
    if layer.filters % layer.groups:
        raise ArgumentError(
            f"filters={layer.filters} do not divide into groups={layer.groups}", "choose a multiple"
        )


def _kernel(layer: Any, scope: Scope, node: Node) -> Node:
    channels = node.shape[-1]
    window = _window(layer.window, node.ndim - 2)
    if isinstance(channels, int):
        if channels % layer.groups:
            raise ShapeError(
                f"{channels} channels do not divide into groups={layer.groups}", "choose a divisor"
            )
        channels = channels // layer.groups
    shape = (*window, channels, layer.filters)
    return scope.param("kernel", shape, float_of(node), layer.weight_init)


def _finished(layer: Any, scope: Scope, made: Node) -> Node:
    if layer.bias:
        made = made + scope.param("bias", (layer.filters,), made.dtype, layer.bias_init)
    return activation_of(layer.activation)(made)


@layer
class Conv:
    """A convolution over 1 to 3 space axes: activation(conv(x, kernel) + bias).

    Args:
        filters: channels of the result.
        window: the kernel's size along each space axis: a number, or one for each.
        activation: a name, a function, or None.
        stride, padding, dilation, groups: see `gx.conv`.
        bias: whether there is one, of `[filters]`.
        weight_init: the kernel's first value, `[*window, channels / groups, filters]`.
        bias_init: the bias's.
        name: see `graphc.nn`.

    Called with `f[batch, *space, channels]`, it returns `f[batch, *space, filters]`.
    """

    filters: int
    window: Any
    activation: Any = None
    stride: Any = 1
    padding: Any = "valid"
    dilation: Any = 1
    groups: int = 1
    bias: bool = True
    weight_init: Any = "glorot"
    bias_init: Any = "zeros"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        _check_conv(self)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the layer's value."""
        node = _space(x)
        with entered(self, node) as scope:
            kernel = _kernel(self, scope, node)
            made = conv(node, kernel, self.stride, self.padding, self.dilation, self.groups)
            return _finished(self, scope, made)


@layer
class ConvTranspose:
    """A transposed convolution, which enlarges space by the stride.

    Args:
        filters: channels of the result.
        window: the kernel's size along each space axis: a number, or one for each.
        activation: a name, a function, or None.
        stride, padding, dilation, groups: see `gx.conv_transpose`.
        bias: whether there is one, of `[filters]`.
        weight_init: the kernel's first value, `[*window, channels / groups, filters]`.
        bias_init: the bias's.
        name: see `graphc.nn`.

    Called with `f[batch, *space, channels]`, it returns `f[batch, *larger, filters]`.
    """

    filters: int
    window: Any
    activation: Any = None
    stride: Any = 1
    padding: Any = "same"
    dilation: Any = 1
    groups: int = 1
    bias: bool = True
    weight_init: Any = "glorot"
    bias_init: Any = "zeros"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        _check_conv(self)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the layer's value."""
        node = _space(x)
        with entered(self, node) as scope:
            kernel = _kernel(self, scope, node)
            options = (self.stride, self.padding, self.dilation, self.groups)
            return _finished(self, scope, conv_transpose(node, kernel, *options))


@layer
class MaxPool:
    """The largest element of each window, see `gx.max_pool`.

    Args:
        window: a number, or one for each space axis.
        stride: the window itself where it is None.
        padding: see `gx.max_pool`.
    """

    window: Any = 2
    stride: Any = None
    padding: Any = "valid"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        check_window("window", self.window)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns `[batch, *counts, channels]`."""
        return max_pool(_space(x), self.window, self.stride, self.padding)


@layer
class AvgPool:
    """The mean of each window, see `gx.avg_pool`.

    Args:
        window: a number, or one for each space axis.
        stride: the window itself where it is None.
        padding: see `gx.avg_pool`; zeros that pad count as elements.
    """

    window: Any = 2
    stride: Any = None
    padding: Any = "valid"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        check_window("window", self.window)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns `[batch, *counts, channels]`."""
        return avg_pool(_space(x), self.window, self.stride, self.padding)


@layer
class GlobalPool:
    """One number for each channel: the mean or the maximum over all axes between.

    Args:
        kind: "mean" or "max".
    """

    kind: str = "mean"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        one_of("kind", self.kind, ("mean", "max"))

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns `[batch, channels]`."""
        node = as_node(x)
        if node.ndim < 3:
            raise ShapeError(f"the operand {node.type} has no axes between batch and channels")
        axes = tuple(range(1, node.ndim - 1))
        return mean(node, axes) if self.kind == "mean" else max_over(node, axes)
