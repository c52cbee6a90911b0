"""Penalties on parameters, to be added to a loss: L1, L2 and both."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.core.naming import describe_operand
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.ops.arithmetic import abs_, square
from graphc.ops.reduction import sum
from graphc.ops.source import is_trainable, param_op


@guarded("nn.l1")
def l1(parameters: Any, rate: float = 1.0, *, every: bool = False) -> Node:
    """Returns rate * the sum of |w| over the weights: it drives some of them to 0.

    Args:
        parameters: a nest of parameters as `nn.parameters` gives it, or of any graph values.
        rate: how much it counts, from 0 on.
        every: True takes all; by default only those of two axes and more count, as biases and
            scales are not what one wants small.

    Raises:
        ArgumentError: there are none; or the rate is no number from 0 on.
    """
    return _total([sum(abs_(node)) for node in _weights(parameters, every)], _rate("rate", rate))


@guarded("nn.l2")
def l2(parameters: Any, rate: float = 1.0, *, every: bool = False) -> Node:
    """Returns rate / 2 * the sum of w**2 over the weights, whose slope is rate * w. See `l1`."""
    half = _rate("rate", rate) / 2
    return _total([sum(square(node)) for node in _weights(parameters, every)], half)


@guarded("nn.elastic")
def elastic(parameters: Any, rate: float = 1.0, share: float = 0.5, *, every: bool = False) -> Node:
    """Returns share * l1 + (1 - share) * l2, at one rate: the elastic net. See `l1`.

    Source: Zou and Hastie, "Regularization and Variable Selection via the Elastic Net" (2005).
    """
    size, part = _rate("rate", rate), _rate("share", share)
    if part > 1:
        raise ArgumentError(f"share={share!r} is above 1", "it is the share of l1")
    first = l1(parameters, size * part, every=every)
    return first + l2(parameters, size * (1 - part), every=every)


def _weights(parameters: Any, every: Any) -> list[Node]:
    if not isinstance(every, bool):
        raise ArgumentError(f"every={show_value(every)} is neither True nor False")
    leaves, _ = flatten(parameters)
    for leaf in leaves:
        if not isinstance(leaf, Node):
            raise ArgumentError(
                f"{describe_operand(leaf)} is no graph value", "pass nn.parameters(loss)"
            )
    kept = [n for n in leaves if n.op is not param_op or is_trainable(n)]
    kept = [n for n in kept if every or n.ndim >= 2 or n.op is not param_op]
    if not kept:
        raise ArgumentError("there is no weight to keep small", "pass nn.parameters(loss)")
    return kept


def _total(parts: list[Node], rate: float) -> Node:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total * rate


def _rate(name: str, value: Any) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not 0 <= value < 1e300:
        raise ArgumentError(f"{name}={show_value(value)} is no number from 0 on", "take 1e-4")
    return float(value)
