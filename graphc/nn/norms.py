"""Layers that bring values to one scale: over the batch, over features, over groups of channels."""

from __future__ import annotations

import warnings
from typing import Any

from graphc.core.errors import ArgumentError, ShapeError, user_place
from graphc.core.node import Node
from graphc.nn.dense import float_of, operand
from graphc.nn.naming import Scope, Token, entered, flag, layer, named, number, own_token, whole
from graphc.ops.arithmetic import square
from graphc.ops.assign import assign
from graphc.ops.exponential import rsqrt
from graphc.ops.reduction import mean
from graphc.ops.shaping import reshape
from graphc.ops.spread import var


class SingleBatchWarning(UserWarning):
    """Batch-norm trains on one element for each channel: the result is the bias, the slope 0."""


def _scaled(layer: Any, scope: Scope, made: Node, size: Any) -> Node:
    """Returns made * scale + bias, with the parameters that the layer has."""
    if layer.scale:
        made = made * scope.param("scale", (size,), made.dtype, "ones")
    if layer.bias:
        made = made + scope.param("bias", (size,), made.dtype, "zeros")
    return made


def _check(layer: Any) -> None:
    if number("epsilon", layer.epsilon, 0.0) > 1:
        raise ArgumentError(f"epsilon={layer.epsilon!r} is above 1", "take 1e-5")
    flag("scale", layer.scale)
    flag("bias", layer.bias)


@layer
class BatchNorm:
    """Every channel brought to mean 0 and variance 1, over the batch and all axes between.

    In training by the batch's own mean and variance, which also move the states `mean` and `var`:
    new = momentum * old + (1 - momentum) * batch, see `gx.assign`. At inference by these states.
    The variance divides by n, in both.

    Of one element for each channel the mean is the element itself: the result is the bias and the
    slope 0. Where the sizes tell so, a SingleBatchWarning does too.

    Args:
        momentum: how much of the old state stays, in [0, 1].
        epsilon: what is added to the variance.
        scale: whether the result is multiplied by a parameter, at first 1.
        bias: whether a parameter is added, at first 0.
        name: see `graphc.nn`.

    Source: Ioffe and Szegedy, "Batch Normalization" (2015), algorithms 1 and 2.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    scale: bool = True
    bias: bool = True
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        if number("momentum", self.momentum, 0.0) > 1:
            raise ArgumentError(f"momentum={self.momentum!r} is above 1", "take 0.9")
        _check(self)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the layer's value."""
        node = operand(x, 2)
        size, dtype = node.shape[-1], float_of(node)
        axes = tuple(range(node.ndim - 1))
        with entered(self, node) as scope:
            old_mean = scope.param("mean", (size,), dtype, "zeros", trainable=False)
            old_var = scope.param("var", (size,), dtype, "ones", trainable=False)
            if not flag("training", training):
                return self._normal(scope, node, old_mean, old_var)
            if all(node.shape[axis] == 1 for axis in axes):
                _tell_single(scope)
            found = mean(node, axes), var(node, axes)
            made = self._normal(scope, node, *found)
            for old, new in zip((old_mean, old_var), found, strict=True):
                made = assign(made, old, old * self.momentum + new * (1 - self.momentum))
            return made

    def _normal(self, scope: Scope, node: Node, center: Node, spread: Node) -> Node:
        # The scale is joined with the root: one product for each channel, not one for each element.
        factor = rsqrt(spread + self.epsilon)
        if self.scale:
            factor = factor * scope.param("scale", (node.shape[-1],), factor.dtype, "ones")
        made = (node - center) * factor
        if self.bias:
            made = made + scope.param("bias", (node.shape[-1],), made.dtype, "zeros")
        return made


def _tell_single(scope: Scope) -> None:
    message = (
        f"{scope.prefix} trains on one element for each channel: its value is the bias and its "
        "slope 0; use larger batches, or nn.LayerNorm"
    )
    place = user_place()
    if place is None:
        warnings.warn(message, SingleBatchWarning, stacklevel=4)
    else:
        warnings.warn_explicit(message, SingleBatchWarning, place[0], place[1])


@layer
class LayerNorm:
    """Every entry brought to mean 0 and variance 1 over its features (the last axis).

    Args:
        epsilon: what is added to the variance.
        scale: whether the result is multiplied by a parameter, at first 1.
        bias: whether a parameter is added, at first 0.
        name: see `graphc.nn`.

    Source: Ba, Kiros and Hinton, "Layer Normalization" (2016).
    """

    epsilon: float = 1e-5
    scale: bool = True
    bias: bool = True
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the layer's value."""
        node = operand(x)
        with entered(self, node) as scope:
            center = mean(node, -1, keepdims=True)
            spread = var(node, -1, keepdims=True)
            made = (node - center) * rsqrt(spread + self.epsilon)
            return _scaled(self, scope, made, node.shape[-1])


@layer
class RMSNorm:
    """Every entry divided by the root mean square of its features (the last axis).

    Args:
        epsilon: what is added to the mean square.
        scale: whether the result is multiplied by a parameter, at first 1.
        bias: whether a parameter is added, at first 0.
        name: see `graphc.nn`.

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).
    """

    epsilon: float = 1e-6
    scale: bool = True
    bias: bool = False
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the layer's value."""
        node = operand(x)
        with entered(self, node) as scope:
            size = mean(square(node), -1, keepdims=True)
            made = node * rsqrt(size + self.epsilon)
            return _scaled(self, scope, made, node.shape[-1])


@layer
class GroupNorm:
    """Groups of channels brought to mean 0 and variance 1, over all axes but the batch.

    Args:
        groups: into how many the channels are cut.
        epsilon: what is added to the variance.
        scale: whether the result is multiplied by a parameter for each channel, at first 1.
        bias: whether a parameter for each channel is added, at first 0.
        name: see `graphc.nn`.

    Source: Wu and He, "Group Normalization" (2018).
    """

    groups: int
    epsilon: float = 1e-5
    scale: bool = True
    bias: bool = True
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        whole("groups", self.groups)
        _check(self)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the layer's value."""
        node = operand(x, 2)
        channels = node.shape[-1]
        if not isinstance(channels, int) or channels % self.groups:
            raise ShapeError(
                f"{channels} channels do not divide into groups={self.groups}", "choose a divisor"
            )
        with entered(self, node) as scope:
            cut = (*node.shape[:-1], self.groups, channels // self.groups)
            apart = reshape(node, cut)
            axes = (*range(1, node.ndim - 1), node.ndim)
            center = mean(apart, axes, keepdims=True)
            made = (apart - center) * rsqrt(var(apart, axes, keepdims=True) + self.epsilon)
            return _scaled(self, scope, reshape(made, node.shape), channels)
