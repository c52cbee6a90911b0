"""Layers of several linear maps in one product: gates, Maxout, and activations that learn."""

from __future__ import annotations

from typing import Any

from graphc.core.node import Node
from graphc.nn.activations import activation_of, check_activation
from graphc.nn.dense import affine, float_of, operand
from graphc.nn.naming import Token, entered, flag, layer, named, number, own_token, whole
from graphc.ops.activations import prelu, swish
from graphc.ops.reduction import max as max_over
from graphc.ops.shaping import reshape


@layer
class GLU:
    """A gated linear unit: (x V + b) * gate(x W + c), both maps in one product.

    Args:
        units: how many outputs.
        gate: "sigmoid" for the GLU; "relu", "gelu" and "silu" make ReGLU, GEGLU and SwiGLU; None
            for the bilinear layer.
        bias: whether there are biases.
        weight_init: the first value of the weight `[features, 2 * units]`, the values' half first.
        bias_init: that of the bias `[2 * units]`.
        name: see `graphc.nn`.

    Source: Dauphin et al., "Language Modeling with Gated Convolutional Networks" (2016), equation
    1; Shazeer, "GLU Variants Improve Transformer" (2020).
    """

    units: int
    gate: Any = "sigmoid"
    bias: bool = True
    weight_init: Any = "glorot"
    bias_init: Any = "zeros"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        whole("units", self.units)
        check_activation(self.gate, "gate")
        flag("bias", self.bias)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns `f[..., units]`."""
        node = operand(x)
        with entered(self, node) as scope:
            bias = self.bias_init if self.bias else None
            both = affine(scope, node, 2 * self.units, self.weight_init, bias)
            return both[..., : self.units] * activation_of(self.gate)(both[..., self.units :])


def ReGLU(units: int, **options: Any) -> GLU:
    """Returns a gated linear unit whose gate is relu, see `GLU`."""
    return GLU(units, "relu", **options)


def GEGLU(units: int, **options: Any) -> GLU:
    """Returns a gated linear unit whose gate is gelu (the exact form), see `GLU`."""
    return GLU(units, "gelu", **options)


def SwiGLU(units: int, **options: Any) -> GLU:
    """Returns a gated linear unit whose gate is silu, see `GLU`."""
    return GLU(units, "silu", **options)


@layer
class Maxout:
    """The largest of several linear maps, for each unit; pieces that tie share the slope.

    Args:
        units: how many outputs.
        pieces: of how many maps each is the largest.
        bias: whether there are biases.
        weight_init: the first value of the weight `[features, units * pieces]`.
        bias_init: that of the bias.
        name: see `graphc.nn`.

    Source: Goodfellow et al., "Maxout Networks" (2013).
    """

    units: int
    pieces: int = 2
    bias: bool = True
    weight_init: Any = "glorot"
    bias_init: Any = "zeros"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        whole("units", self.units)
        whole("pieces", self.pieces)
        flag("bias", self.bias)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns `f[..., units]`."""
        node = operand(x)
        with entered(self, node) as scope:
            bias = self.bias_init if self.bias else None
            made = affine(scope, node, self.units * self.pieces, self.weight_init, bias)
            return max_over(reshape(made, (*made.shape[:-1], self.units, self.pieces)), -1)


@layer
class PReLU:
    """x above 0, and slope * x below, where the slope is learnt: the parametric relu.

    Args:
        slope: the first value.
        shared: one slope for all features; False gives each its own.
        name: see `graphc.nn`.

    Source: He et al., "Delving Deep into Rectifiers" (2015).
    """

    slope: float = 0.25
    shared: bool = True
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        number("slope", self.slope)
        flag("shared", self.shared)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the layer's value."""
        node = operand(x)
        with entered(self, node) as scope:
            shape = () if self.shared else (node.shape[-1],)
            return prelu(node, scope.param("slope", shape, float_of(node), self.slope))


@layer
class Swish:
    """x * sigmoid(slope * x), where the slope is learnt.

    Args:
        slope: the first value.
        shared: one slope for all features; False gives each its own.
        name: see `graphc.nn`.

    Source: Ramachandran, Zoph and Le, "Searching for Activation Functions" (2017).
    """

    slope: float = 1.0
    shared: bool = True
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        number("slope", self.slope)
        flag("shared", self.shared)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the layer's value."""
        node = operand(x)
        with entered(self, node) as scope:
            shape = () if self.shared else (node.shape[-1],)
            return swish(node, scope.param("slope", shape, float_of(node), self.slope))
