"""Losses, built from operations: no rules of their own, stable by what they are made of."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.ops.axes import normalize_axis
from graphc.ops.chain import reshape
from graphc.ops.reduction import mean, sum
from graphc.ops.softmax import log_softmax
from graphc.ops.source import iota_op


@public
def mse(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Node:
    """Returns the mean of (prediction - target)**2 over all elements.

    Args:
        prediction: `f[...]`.
        target: the same shape; broadcasting is refused, because (n, 1) against (n,) would silently
            average n * n differences.
        weights: how much each element counts, of the same shape; None for all alike.
        reduction: "mean" over all elements (by weight: sum of weight * loss over the sum of the
            weights), "sum", or "none" for the loss of each element.

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: the reduction is none of these.
    """
    left, right = as_node(prediction), as_node(target)
    same_shape(left, right)
    return reduced(apply_named("square", left - right), weights, reduction)


@public
def binary_cross_entropy(
    logits: Any, targets: Any, *, weights: Any = None, reduction: str = "mean"
) -> Node:
    """Returns the mean of -(y log s(z) + (1 - y) log(1 - s(z))), computed from logits.

    It is max(z, 0) - z y + log(1 + e**-|z|), which neither overflows nor cancels for any logit.

    Args:
        logits: `f[...]`, any real number.
        targets: the same shape, in [0, 1].
        weights: how much each element counts, see `mse`.
        reduction: "mean", "sum" or "none", see `mse`.

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: a constant target is below 0 or above 1: the loss has no lower bound there.
    """
    z, y = as_node(logits), as_node(targets)
    same_shape(z, y)
    check_probabilities(y)
    if y.dtype is not z.dtype:
        y = y.astype(z.dtype)
    tail = apply_named("log1p", apply_named("exp", -apply_named("abs", z)))
    return reduced(apply_named("maximum", z, 0.0) - z * y + tail, weights, reduction)


@public
def categorical_cross_entropy(
    logits: Any,
    labels: Any,
    axis: int = -1,
    *,
    smoothing: float = 0.0,
    weights: Any = None,
    class_weights: Any = None,
    reduction: str = "mean",
) -> Node:
    """Returns the mean of -log softmax(logits)[label], computed from logits.

    Args:
        logits: `f[..., classes]`.
        labels: class numbers `i[...]` without the class axis, or probabilities `f[..., classes]`.
            The loss of a number that is no class is NaN, unless its weight is 0; that of a constant
            is an error.
        axis: the class axis.
        smoothing: the share of the label's probability that is spread over all classes, in [0, 1].
        weights: how much each sample counts, `f[...]` without the class axis, see `mse`.
        class_weights: how much a sample of each class counts, `f[classes]`; for probabilities,
            their mean by these. Both weights multiply, and the mean is by them.
        reduction: "mean", "sum" or "none", see `mse`.

    Raises:
        ShapeError: the labels' shape is neither that of the logits nor that without the class axis.
        ArgumentError: a constant label is no class number; the smoothing is no share.

    Source: smoothing: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision"
    (2015), section 7.
    """
    z, y = as_node(logits), as_node(labels)
    if z.ndim == 0:
        raise ShapeError("the logits have no class axis", "give them the shape [batch, classes]")
    at = normalize_axis(axis, z.ndim)
    share = _share(smoothing)
    likely = log_softmax(z, at)
    by_class = None if class_weights is None else _by_class(class_weights, z, at)
    if y.dtype.is_float:
        same_shape(z, y)
        y = y.astype(z.dtype)
        loss = -sum(likely * _smooth(y, share, z.shape[at]), at)
        counts = None if by_class is None else sum(y * by_class, at)
        return reduced(loss, _product(weights, counts), reduction)
    is_label = _is_label(z, y, at)
    chosen = apply_named("where", is_label, likely, scalar(0.0, z.dtype))
    loss = -sum(chosen, at)
    if share:
        loss = (1 - share) * loss - share * mean(likely, at)
    if y.op.name != "constant" or not isinstance(z.shape[at], int):
        counts = apply_named("any", is_label, axis=(at,), keepdims=False)
        if weights is not None:  # rows that fill up a batch have the weight 0 and any label
            same_shape(as_node(weights), loss)
            counts = counts | (as_node(weights) == 0)
        loss = apply_named("where", counts, loss, scalar(float("nan"), z.dtype))
    if by_class is not None:
        by_class = sum(apply_named("where", is_label, by_class, scalar(0.0, z.dtype)), at)
    return reduced(loss, _product(weights, by_class), reduction)


def _is_label(z: Node, y: Node, at: int) -> Node:
    """Returns where along the class axis the label stands, `b[..., classes]`."""
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
    wide = reshape(y, (*z.shape[:at], 1, *z.shape[at + 1 :]))
    return wide == _along(classes, z, at)


def _along(values: Node, z: Node, at: int) -> Node:
    return reshape(values, tuple(z.shape[at] if i == at else 1 for i in range(z.ndim)))


def _by_class(given: Any, z: Node, at: int) -> Node:
    found = as_node(given)
    if found.shape != (z.shape[at],):
        raise ShapeError(
            f"class_weights are {found.type}, and there are {z.shape[at]} classes",
            "give one number for each class",
        )
    return _along(found.astype(z.dtype), z, at)


def _smooth(y: Node, share: float, classes: Any) -> Node:
    if not share:
        return y
    even = share / classes if isinstance(classes, int) else share / as_node(classes, y.dtype)
    return y * (1 - share) + even


def _share(value: Any) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not 0 <= value <= 1:
        raise ArgumentError(f"smoothing={show_value(value)} is no share from 0 to 1", "take 0.1")
    return float(value)


def _product(weights: Any, counts: Node | None) -> Any:
    if counts is None:
        return weights
    if weights is None:
        return counts
    given = as_node(weights)
    same_shape(given, counts)
    return given.astype(counts.dtype) * counts


# -- what losses share -----------------------------------------------------------------------------


def reduced(loss: Node, weights: Any, reduction: Any) -> Node:
    """Returns the losses of the elements as the reduction asks, see `mse`.

    Raises:
        ShapeError: the weights have another shape.
        ArgumentError: the reduction is none of "mean", "sum" and "none".
    """
    if not isinstance(reduction, str) or reduction not in ("mean", "sum", "none"):
        raise ArgumentError(
            f"reduction={show_value(reduction)} is unknown", 'use "mean", "sum" or "none"'
        )
    if weights is None:
        return {"mean": mean, "sum": sum, "none": lambda x: x}[reduction](loss)
    given = as_node(weights)
    if given.shape != loss.shape:
        raise ShapeError(
            f"the weights are {given.type} and the losses {loss.type}; a loss does not broadcast",
            "give a weight for each loss",
        )
    given = given.astype(loss.dtype)
    if reduction == "none":
        return loss * given
    total = sum(loss * given)
    return total if reduction == "sum" else total / sum(given)


def same_shape(left: Node, right: Node) -> None:
    """Raises ShapeError where two operands of a loss have different shapes."""
    if left.shape != right.shape:
        raise ShapeError(
            f"{left.type} and {right.type} have different shapes, and a loss does not broadcast",
            "reshape one of them",
        )


def check_probabilities(targets: Node) -> None:
    """Raises ArgumentError where a constant target is no probability."""
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
