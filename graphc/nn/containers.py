"""Layers made of layers: one after the other, around a shortcut, or any function between."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.naming import describe_operand
from graphc.core.node import Node, as_node
from graphc.nn.activations import activation_of, check_activation
from graphc.nn.dense import Dense
from graphc.nn.dropout import Dropout
from graphc.nn.gates import PReLU
from graphc.nn.naming import Token, entered, flag, layer, named, own_token, whole
from graphc.ops.shaping import reshape


def call_layer(child: Any, x: Any, training: bool) -> Node:
    """Returns what a layer or a plain function makes of x; a layer is told whether it trains.

    Raises:
        ArgumentError: it returned something that is no graph value.
    """
    made = child(x, training=training) if takes_training(child) else child(x)
    if not isinstance(made, Node):
        raise ArgumentError(
            f"{show_value(child)} returned {describe_operand(made)}, which is no graph value",
            "return a node",
        )
    return made


def takes_training(child: Any) -> bool:
    """Tells whether a layer or function has the keyword `training`."""
    if isinstance(getattr(child, "token", None), Token):
        return True
    try:
        return "training" in inspect.signature(child).parameters
    except (TypeError, ValueError):  # some functions of C have no signature
        return False


def child_of(given: Any) -> Any:
    """Returns a part of a model: a layer, a function, or the activation of a name.

    Raises:
        ArgumentError: it is none of these.
    """
    if isinstance(given, str):
        return PReLU() if given in ("prelu", "parametric") else activation_of(given)
    if isinstance(given, type):
        raise ArgumentError(
            f"{given.__name__} is a class of layers and no layer", f"write {given.__name__}(...)"
        )
    if not callable(given):
        raise ArgumentError(
            f"{show_value(given)} is neither a layer nor a function",
            'give nn.Dense(4), "relu", or a function of one node',
        )
    return given


@layer
class Sequential:
    """Layers one after the other.

    Args:
        layers: layers, functions of one node, and names of activations. Its layers are called
            dense1, dense2, ... in order, within the model's own name.
        name: see `graphc.nn`.
    """

    layers: Sequence[Any]
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        if isinstance(self.layers, str) or not isinstance(self.layers, Sequence):
            raise ArgumentError(
                f"layers={show_value(self.layers)} is no list", "nn.Sequential([nn.Dense(4), ...])"
            )
        object.__setattr__(self, "layers", tuple(child_of(given) for given in self.layers))

    @property
    def is_model(self) -> bool:
        """Its layers stand at the top where it is the outermost."""
        return True

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns what the last layer makes of what the one before made, and so on."""
        return self.stages(x, training=training)[-1]

    def stages(self, x: Any, *, training: bool = False) -> list[Node]:
        """Returns x and then the result of each layer, the last of which is that of a call."""
        flag("training", training)
        found = [as_node(x)]
        with entered(self, found[0], children=self.layers):
            for child in self.layers:
                found.append(call_layer(child, found[-1], training))
        return found


@layer
class Residual:
    """x + inner(x): a layer around which the operand goes as well.

    Args:
        inner: a layer, a function, or a list of them.
        shortcut: what x goes through on the other way, where the shapes differ: a layer.
        name: see `graphc.nn`.

    Source: He et al., "Deep Residual Learning for Image Recognition" (2015).
    """

    inner: Any
    shortcut: Any = None
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        parts = list(self.inner) if isinstance(self.inner, (list, tuple)) else [self.inner]
        object.__setattr__(self, "inner", tuple(child_of(part) for part in parts))
        if self.shortcut is not None:
            object.__setattr__(self, "shortcut", child_of(self.shortcut))

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the sum of both ways."""
        flag("training", training)
        start = node = as_node(x)
        with entered(self, node, children=(*self.inner, self.shortcut)):
            for child in self.inner:
                node = call_layer(child, node, training)
            if self.shortcut is not None:
                start = call_layer(self.shortcut, start, training)
        if start.shape != node.shape:
            raise ShapeError(
                f"the inner layers make {node.type} of {start.type}, which can't be added",
                "give shortcut=, for example nn.Dense of the same units",
            )
        return start + node


@layer
class Flatten:
    """All axes but the first as one.

    Args:
        keep: how many leading axes stay: 1 for a batch.
    """

    keep: int = 1
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        whole("keep", self.keep, 0)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns `f[batch, features]`."""
        node = as_node(x)
        if node.ndim < self.keep:
            raise ShapeError(f"the operand {node.type} has no {self.keep} axes to keep")
        size: Any = 1
        for part in node.shape[self.keep :]:
            size = size * part
        return reshape(node, (*node.shape[: self.keep], size))


@layer
class Reshape:
    """Another shape for each entry of the batch.

    Args:
        shape: the sizes after the first axis; one may be -1.
    """

    shape: Sequence[int]
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        sizes = (self.shape,) if isinstance(self.shape, int) else self.shape
        if not isinstance(sizes, Sequence) or isinstance(sizes, str):
            raise ArgumentError(f"shape={show_value(sizes)} is no list of sizes")
        for size in sizes:
            whole("shape", size, -1)
        object.__setattr__(self, "shape", tuple(sizes))

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns `f[batch, *shape]`."""
        node = as_node(x)
        if node.ndim == 0:
            raise ShapeError("the operand is a scalar and has no batch to keep")
        return reshape(node, (node.shape[0], *self.shape))


@guarded("nn.Feedforward")
def Feedforward(
    sizes: Sequence[int],
    activation: Any = "relu",
    *,
    output: Any = None,
    weight_init: Any = "glorot",
    bias_init: Any = "zeros",
    bias: bool = True,
    dropout: float = 0.0,
    name: str | None = None,
) -> Sequential:
    """Returns a network of dense layers: `Feedforward([3, 4, 5, 3, 1])` takes 3 features to 1.

    Args:
        sizes: the features, the units of each hidden layer, the outputs.
        activation: that of the hidden layers.
        output: that of the last layer; None for the bare sums (logits).
        weight_init: the weights' initialiser, see `nn.Dense`.
        bias_init: the biases'.
        bias: whether there are biases.
        dropout: the rate at which hidden units are dropped in training.
        name: see `graphc.nn`.

    Raises:
        ArgumentError: there are fewer than two sizes; or one is no count.
    """
    if isinstance(sizes, str) or not isinstance(sizes, Sequence) or len(sizes) < 2:
        raise ArgumentError(
            f"sizes={show_value(sizes)} are not two sizes or more", "for example [3, 4, 1]"
        )
    for size in sizes:
        whole("size", size)
    check_activation(output, "output")
    layers: list[Any] = []
    for place, (features, units) in enumerate(itertools.pairwise(sizes)):
        last = place == len(sizes) - 2
        layers.append(
            Dense(
                units,
                output if last else activation,
                features,
                bias,
                weight_init,
                bias_init,
            )
        )
        if dropout and not last:
            layers.append(Dropout(dropout))
    return Sequential(layers, name=name)
