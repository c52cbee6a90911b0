"""Losses by distance, by margin and by likelihood, beside those of `losses`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node, apply_named, as_node
from graphc.ops.arithmetic import abs_, square
from graphc.ops.axes import normalize_axis
from graphc.ops.chain import masked
from graphc.ops.define import elementwise
from graphc.ops.exponential import log, log_sigmoid, sigmoid
from graphc.ops.extremes import clip
from graphc.ops.losses import check_probabilities, reduced, same_shape
from graphc.ops.neural import relu
from graphc.ops.reduction import sum
from graphc.ops.softmax import log_softmax
from graphc.ops.spread import norm


def _log_cosh_run(xp: Any, x: Any) -> Any:
    # Below 1 through the half angle, because |x| + log1p(e**-2|x|) - log 2 would cancel.
    size = xp.abs(x)
    half = xp.sinh(xp.minimum(size, xp.ones_like(size)) * 0.5)
    near = xp.log1p(half * half * 2)
    far = size + (xp.log1p(xp.exp(size * -2)) - xp.log(xp.ones_like(size) * 2))
    return xp.where(size < 1, near, far)


log_cosh = elementwise(
    "log_cosh",
    run=_log_cosh_run,
    partials=(lambda out, x: apply_named("tanh", x),),
    formula=lambda m, x: m.log(m.cosh(x)),
    latex=r"\log\cosh {0}",
    flops=40,
    domain="every x",
    ulp=5.0,
    doc="Returns log(cosh(x)), accurate for small and for large x.",
)


@public
def mae(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Node:
    """Returns the mean of |prediction - target|; its slope at 0 is 0. See `mse` for the arguments.

    Raises:
        ShapeError: the shapes differ.
    """
    return reduced(abs_(_difference(prediction, target)), weights, reduction)


@public
def huber(
    prediction: Any,
    target: Any,
    delta: float = 1.0,
    *,
    weights: Any = None,
    reduction: str = "mean",
) -> Node:
    """Returns Huber's loss: d**2 / 2 up to |d| = delta, and delta (|d| - delta / 2) beyond.

    It is c (d - c / 2) with c = clip(d, -delta, delta), which no large difference overflows.

    Args:
        prediction: `f[...]`.
        target: the same shape.
        delta: where the line begins, above 0.
        weights: see `mse`.
        reduction: see `mse`.

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: delta is no number above 0.

    Source: Huber, "Robust Estimation of a Location Parameter" (1964).
    """
    size = positive_number("delta", delta)
    difference = _difference(prediction, target)
    bent = clip(difference, -size, size)
    return reduced(bent * (difference - bent * 0.5), weights, reduction)


@public
def log_cosh_error(
    prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Node:
    """Returns the mean of log(cosh(prediction - target)), whose slope is a tanh.

    See `mse` for the arguments.

    Raises:
        ShapeError: the shapes differ.
    """
    return reduced(log_cosh(_difference(prediction, target)), weights, reduction)


@public
def hinge(
    scores: Any,
    targets: Any,
    margin: float = 1.0,
    *,
    weights: Any = None,
    reduction: str = "mean",
) -> Node:
    """Returns the mean of max(0, margin - target * score).

    Args:
        scores: `f[...]`, any real numbers.
        targets: the same shape, -1 or 1.
        margin: a number above 0.
        weights: see `mse`.
        reduction: see `mse`.

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: a constant target is neither -1 nor 1.
    """
    return reduced(_short_of(scores, targets, margin), weights, reduction)


@public
def squared_hinge(
    scores: Any,
    targets: Any,
    margin: float = 1.0,
    *,
    weights: Any = None,
    reduction: str = "mean",
) -> Node:
    """Returns the mean of max(0, margin - target * score)**2, see `hinge`."""
    return reduced(square(_short_of(scores, targets, margin)), weights, reduction)


def _short_of(scores: Any, targets: Any, margin: Any) -> Node:
    score, target = as_node(scores), as_node(targets)
    same_shape(score, target)
    if target.op.name == "constant":
        array = target.params["value"].array
        wrong = array[np.abs(array) != 1]
        if wrong.size:
            raise ArgumentError(
                f"target {wrong.flat[0]} is neither -1 nor 1", "labels of 0 and 1 are 2 * y - 1"
            )
    return relu(positive_number("margin", margin) - target.astype(score.dtype) * score)


@public
def log_loss(
    probabilities: Any, targets: Any, *, weights: Any = None, reduction: str = "mean"
) -> Node:
    """Returns the mean of -(y log p + (1 - y) log(1 - p)), computed from probabilities.

    A float p near 1 has lost the digits of 1 - p, and the slope is infinite where p is 0 or 1 and
    the target is not: where p is the sigmoid of a logit, `binary_cross_entropy` of that logit is
    exact. 0 log 0 is 0.

    Args:
        probabilities: `f[...]`, in [0, 1].
        targets: the same shape, in [0, 1].
        weights: see `mse`.
        reduction: see `mse`.

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: a constant target is below 0 or above 1.
    """
    p, y = as_node(probabilities), as_node(targets)
    same_shape(p, y)
    check_probabilities(y)
    y = y.astype(p.dtype)
    yes = masked(y > 0.0, y * log(p))
    no = masked(y < 1.0, (1.0 - y) * apply_named("log1p", -p))
    return reduced(-(yes + no), weights, reduction)


@public
def kl_divergence(
    logits: Any, targets: Any, axis: int = -1, *, weights: Any = None, reduction: str = "mean"
) -> Node:
    """Returns the mean of sum p log(p / q): targets p, and q = softmax(logits).

    It is cross-entropy less the entropy of the targets, so 0 where both agree; 0 log 0 is 0.

    Args:
        logits: `f[..., classes]`.
        targets: the same shape, probabilities.
        axis: the axis of the distribution.
        weights: how much each sample counts, without that axis.
        reduction: see `mse`.

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: a constant target is below 0 or above 1.

    Source: Kullback and Leibler, "On Information and Sufficiency" (1951).
    """
    z, p = as_node(logits), as_node(targets)
    same_shape(z, p)
    check_probabilities(p)
    p = p.astype(z.dtype)
    at = normalize_axis(axis, z.ndim)
    each = masked(p > 0.0, p * (log(p) - log_softmax(z, at)))
    return reduced(sum(each, at), weights, reduction)


@public
def focal(
    logits: Any,
    targets: Any,
    gamma: float = 2.0,
    alpha: float | None = None,
    *,
    weights: Any = None,
    reduction: str = "mean",
) -> Node:
    """Returns the mean of -(1 - p)**gamma log p, p the probability given to the target.

    Args:
        logits: `f[...]`, any real numbers.
        targets: the same shape, in [0, 1].
        gamma: how much less sure answers count, from 0 on; 0 is `binary_cross_entropy`.
        alpha: the weight of the target 1, that of 0 being 1 - alpha; None for 1 and 1.
        weights: see `mse`.
        reduction: see `mse`.

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: gamma is below 0, or alpha not in [0, 1].

    Source: Lin et al., "Focal Loss for Dense Object Detection" (2017), equations 4 and 5.
    """
    z, y = as_node(logits), as_node(targets)
    same_shape(z, y)
    check_probabilities(y)
    power = _from_zero("gamma", gamma)
    y = y.astype(z.dtype)
    yes, no = -y * log_sigmoid(z), -(1.0 - y) * log_sigmoid(-z)
    if power:
        yes, no = yes * sigmoid(-z) ** power, no * sigmoid(z) ** power
    if alpha is not None:
        share = _from_zero("alpha", alpha)
        if share > 1:
            raise ArgumentError(f"alpha={alpha!r} is above 1", "it is a share")
        yes, no = yes * share, no * (1 - share)
    return reduced(yes + no, weights, reduction)


@public
def triplet(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    axis: int = -1,
    *,
    squared: bool = False,
    weights: Any = None,
    reduction: str = "mean",
) -> Node:
    """Returns the mean of max(0, |anchor - positive| - |anchor - negative| + margin).

    Args:
        anchor: `f[..., features]`.
        positive: the same shape: what shall be near.
        negative: the same shape: what shall be far.
        margin: by how much farther, above 0.
        axis: the axis of the features.
        squared: True takes the distances' squares.
        weights: how much each sample counts, without that axis.
        reduction: see `mse`.

    Raises:
        ShapeError: the shapes differ.

    Source: Schroff, Kalenichenko and Philbin, "FaceNet" (2015), equation 1.
    """
    start = as_node(anchor)
    at = normalize_axis(axis, start.ndim)
    if not isinstance(squared, bool):
        raise ArgumentError(f"squared={show_value(squared)} is neither True nor False")

    def distance(other: Any) -> Node:
        difference = _difference(start, other)
        return sum(square(difference), at) if squared else norm(difference, axis=at)

    lead = distance(positive) - distance(negative)
    return reduced(relu(lead + positive_number("margin", margin)), weights, reduction)


@public
def cosine_distance(
    prediction: Any,
    target: Any,
    axis: int = -1,
    *,
    weights: Any = None,
    reduction: str = "mean",
) -> Node:
    """Returns the mean of 1 - cos(angle between prediction and target); NaN beside a zero vector.

    Args:
        prediction: `f[..., features]`.
        target: the same shape.
        axis: the axis of the features.
        weights: how much each sample counts, without that axis.
        reduction: see `mse`.

    Raises:
        ShapeError: the shapes differ.
    """
    left, right = as_node(prediction), as_node(target)
    same_shape(left, right)
    at = normalize_axis(axis, left.ndim)
    cosine = sum(left / norm(left, axis=at, keepdims=True) * right, at) / norm(right, axis=at)
    return reduced(1.0 - cosine, weights, reduction)


def _difference(prediction: Any, target: Any) -> Node:
    left, right = as_node(prediction), as_node(target)
    same_shape(left, right)
    return left - right


def positive_number(name: str, value: Any) -> float:
    """Returns a parameter of a loss that must be a finite number above 0.

    Raises:
        ArgumentError: it is none.
    """
    found = _from_zero(name, value)
    if not found:
        raise ArgumentError(f"{name}={value!r} is not above 0", "take 1.0")
    return found


def _from_zero(name: str, value: Any) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not 0 <= value < math.inf:
        raise ArgumentError(f"{name}={show_value(value)} is no number from 0 on", "take 1.0")
    try:
        return float(value)
    except OverflowError:
        raise ArgumentError(f"{name} is too large an integer", "take a float") from None
