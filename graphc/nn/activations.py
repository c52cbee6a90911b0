"""Activations by name, for the hyper-parameters of layers."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from graphc.core.dtype import DEFAULT_FLOAT
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node, apply_public
from graphc.nn.naming import current_scope
from graphc.ops.activations import prelu

#: The options that a name stands for, where the function of that name leaves a choice.
_OPTIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "linear": ("identity", {}),
    "step": ("threshold", {}),
    "swish": ("silu", {}),
    "gelu": ("gelu", {"approximate": False}),
    "gelu_tanh": ("gelu", {"approximate": True}),
    "leaky": ("leaky_relu", {}),
    "parametric": ("prelu", {}),
}

#: Every name, in the order in which an error lists them.
NAMES = (
    "identity", "linear", "threshold", "step", "sigmoid", "log_sigmoid", "hard_sigmoid", "tanh",
    "hard_tanh", "softplus", "softsign", "relu", "relu6", "leaky_relu", "leaky", "elu", "selu",
    "celu", "prelu", "parametric", "silu", "swish", "mish", "gelu", "gelu_tanh", "softmax",
    "log_softmax", "sin", "exp", "square",
)  # fmt: skip


def activation_of(given: Any) -> Callable[[Node], Node]:
    """Returns an activation given by name, as a function or layer, or as None for the identity.

    "gelu" is the exact form and "gelu_tanh" the other; "prelu", or "parametric", gives the layer
    that uses it a parameter `slope`.

    Raises:
        ArgumentError: there is none of that name; or it is no function.
    """
    if given is None:
        return lambda x: x
    if isinstance(given, str):
        check_activation(given)
        name, options = _OPTIONS.get(given, (given, {}))
        if name == "identity":
            return lambda x: x
        if name == "prelu":
            return _parametric
        return lambda x: apply_public(name, x, **options)
    check_activation(given)
    return given


def _parametric(x: Node) -> Node:
    scope = current_scope()
    if scope is None:
        raise ArgumentError(
            "prelu learns a slope, which outside of a layer has no name", "nn.PReLU()"
        )
    dtype = x.dtype if x.dtype.is_float else DEFAULT_FLOAT
    return prelu(x, scope.param("slope", (), dtype, 0.25))


def check_activation(given: Any, what: str = "activation") -> None:
    """Raises ArgumentError where a hyper-parameter is no activation."""
    if given is None or callable(given):
        return
    if not isinstance(given, str):
        raise ArgumentError(
            f"{what}={show_value(given)} is no activation",
            'give a name such as "relu", or a function',
        )
    if given not in NAMES:
        near = difflib.get_close_matches(given, NAMES, 1)
        meant = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(NAMES)}"
        raise ArgumentError(f"there is no activation {show_value(given)}", meant)
