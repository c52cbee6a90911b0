"""Losses, built from operations: no rules of their own, stable by what they are made of."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import ArgumentError, DTypeError, ShapeError
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.ops.axes import normalize_axis
from graphc.ops.chain import reshape
from graphc.ops.reduction import mean, sum
from graphc.ops.softmax import log_softmax
from graphc.ops.source import iota_op


@public
def mse(prediction: Any, target: Any) -> Node:
    """Returns the mean of (prediction - target)**2 over all elements.

    Args:
        prediction: `f[...]`.
        target: the same shape; broadcasting is refused, because (n, 1) against (n,) would silently
            average n * n differences.

    Raises:
        ShapeError: the shapes differ.
    """
    left, right = as_node(prediction), as_node(target)
    _same_shape(left, right)
    return mean(apply_named("square", left - right))


@public
def binary_cross_entropy(logits: Any, targets: Any) -> Node:
    """Returns the mean of -(y log s(z) + (1 - y) log(1 - s(z))), computed from logits.

    It is max(z, 0) - z y + log(1 + e**-|z|), which neither overflows nor cancels for any logit.

    Args:
        logits: `f[...]`, any real number.
        targets: the same shape, in [0, 1].

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: a constant target is below 0 or above 1: the loss has no lower bound there.
    """
    z, y = as_node(logits), as_node(targets)
    _same_shape(z, y)
    _check_targets(y)
    if y.dtype is not z.dtype:
        y = y.astype(z.dtype)
    tail = apply_named("log1p", apply_named("exp", -apply_named("abs", z)))
    return mean(apply_named("maximum", z, 0.0) - z * y + tail)


@public
def categorical_cross_entropy(logits: Any, labels: Any, axis: int = -1) -> Node:
    """Returns the mean of -log softmax(logits)[label], computed from logits.

    Args:
        logits: `f[..., classes]`.
        labels: class numbers `i[...]` without the class axis, or probabilities `f[..., classes]`.
        axis: the class axis.

    Raises:
        ShapeError: the labels' shape is neither that of the logits nor that without the class axis.
        ArgumentError: a constant label is no class number.
    """
    z, y = as_node(logits), as_node(labels)
    if z.ndim == 0:
        raise ShapeError("the logits have no class axis", "give them the shape [batch, classes]")
    at = normalize_axis(axis, z.ndim)
    likely = log_softmax(z, at)
    if y.dtype.is_float:
        _same_shape(z, y)
        return -mean(sum(likely * y.astype(z.dtype), at))
    rest = (*z.shape[:at], *z.shape[at + 1 :])
    if not y.dtype.is_integer:
        raise DTypeError(
            f"the labels are {y.type}, neither integers nor probabilities",
            "cast them: gx.cast(labels, 'int32')",
        )
    if y.shape != rest:
        raise ShapeError(
            f"the labels are {y.type}, the logits {z.type} without axis {at} have shape {rest}",
            "reshape the labels",
        )
    _check_labels(y, z.shape[at])
    classes = iota_op(size=z.shape[at], dtype=y.dtype if y.dtype.kind == "i" else DEFAULT_INT)
    beside = tuple(z.shape[at] if i == at else 1 for i in range(z.ndim))
    wide = reshape(y, (*z.shape[:at], 1, *z.shape[at + 1 :]))
    is_label = wide == reshape(classes, beside)
    chosen = apply_named("where", is_label, likely, scalar(0.0, z.dtype))
    return -mean(sum(chosen, at))


def _same_shape(left: Node, right: Node) -> None:
    if left.shape != right.shape:
        raise ShapeError(
            f"{left.type} and {right.type} have different shapes, and a loss does not broadcast",
            "reshape one of them",
        )


def _check_targets(targets: Node) -> None:
    if targets.op.name != "constant":
        return
    array = targets.params["value"].array
    wrong = array[(array < 0) | (array > 1)]
    if wrong.size:
        raise ArgumentError(
            f"target {wrong.flat[0]} is no probability: the loss would have no least value",
            "give targets from 0 to 1: labels of -1 and 1 are (y + 1)/2",
        )


def _check_labels(labels: Node, classes: Any) -> None:
    if labels.op.name != "constant" or not isinstance(classes, int):
        return
    array = labels.params["value"].array
    wrong = array[(array < 0) | (array >= classes)]
    if wrong.size:
        raise ArgumentError(
            f"label {wrong.flat[0]} is no class: there are {classes}, from 0 on",
            "count the classes from 0",
        )
