"""Layers that mix all features of one place: Dense, and those with several branches and gates."""

from __future__ import annotations

from typing import Any

from graphc.core import dtype as dtypes
from graphc.core.dtype import DType
from graphc.core.errors import ShapeError
from graphc.core.node import Node, as_node
from graphc.nn.activations import activation_of, check_activation
from graphc.nn.naming import Scope, Token, entered, flag, layer, named, own_token, sized, whole
from graphc.ops.contraction import matmul


def float_of(x: Node) -> DType:
    """Returns the dtype in which a layer computes: the operand's, or the default for integers."""
    return x.dtype if x.dtype.is_float else dtypes.DEFAULT_FLOAT


def operand(x: Any, least: int = 1, what: str = "features") -> Node:
    """Returns a layer's operand as a node with enough axes.

    Raises:
        ShapeError: it has fewer.
    """
    node = as_node(x)
    if node.ndim < least:
        raise ShapeError(
            f"the operand is {node.type}, and the layer needs {least} or more axes",
            f"give it [batch, ..., {what}]",
        )
    return node


def affine(
    scope: Scope, x: Node, units: int, weight_init: Any, bias_init: Any, *, suffix: str = ""
) -> Node:
    """Returns x @ weight + bias along the last axis, with the parameters of a scope.

    Args:
        scope: the layer's.
        x: `f[..., features]`.
        units: the size of the result's last axis.
        weight_init: the weight's first value, `[features, units]`.
        bias_init: the bias's, `[units]`; None for no bias.
        suffix: a part of the parameters' names.
    """
    dtype = float_of(x)
    weight = scope.param(f"weight{suffix}", (x.shape[-1], units), dtype, weight_init)
    made = matmul(x, weight)
    if bias_init is None:
        return made
    return made + scope.param(f"bias{suffix}", (units,), dtype, bias_init)


@layer
class Dense:
    """Every output is a weighted sum of all features: activation(x @ weight + bias).

    Args:
        units: how many outputs.
        activation: a name, a function, or None, see `nn.activation_of`.
        features: the size of the operand's last axis, where it shall be checked.
        bias: whether there is one.
        weight_init: the first value of the weight `[features, units]`: an initialiser of
            `nn.init`, its name, a number or an array.
        bias_init: that of the bias `[units]`.
        name: see `graphc.nn`.

    Called with x, `f[..., features]`, it returns `f[..., units]`.
    """

    units: int
    activation: Any = None
    features: int | None = None
    bias: bool = True
    weight_init: Any = "glorot"
    bias_init: Any = "zeros"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        whole("units", self.units)
        check_activation(self.activation)
        if self.features is not None:
            whole("features", self.features)
        flag("bias", self.bias)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the layer's value."""
        node = operand(x)
        sized("features", self.features, node.shape[-1])
        with entered(self, node) as scope:
            bias = self.bias_init if self.bias else None
            made = affine(scope, node, self.units, self.weight_init, bias)
            return activation_of(self.activation)(made)
