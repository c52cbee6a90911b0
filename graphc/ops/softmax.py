"""Log of a sum of exponentials, softmax and its logarithm."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ShapeError
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.ops.axes import normalize_axes, normalize_axis
from graphc.ops.chain import chain, multiply
from graphc.ops.reduction import (
    Axes,
    by_gradient,
    call_reduction,
    count_of,
    keep_axes,
    max_op,
    reduce_again,
    register_reduction,
    spread_back,
    sum_op,
)


def _softmax_like(node: Node) -> Node:
    return make(softmax_op, (node.args[0],), {"axis": node.params["axis"]})


def _shift_rounding(x: Node, node: Node) -> Node:
    """Returns the relative error of exp(x - max): the rounding of the difference, and of exp."""
    top = make(max_op, (x,), {"axis": node.params["axis"], "keepdims": True})
    return (apply_named("abs", x - top) + (count_of(node) + 4)) * x.dtype.epsilon


def _softmax_jax(node: Node) -> Node:
    # e**(x - max) is 0 below an infinite maximum, where the quotient of all of them is NaN.
    (x,), top = node.args, keep_axes(node, node)
    zero = scalar(0, x.dtype)
    return apply_named("where", (top == math.inf) & (x < math.inf), zero, _softmax_like(node))


logsumexp_op = register_reduction(
    "logsumexp",
    run=lambda xp, x, axis, keepdims: xp.logsumexp(x, axis, keepdims),
    vjp=lambda adjoint, node: chain(spread_back(adjoint, node), _softmax_like(node)),
    jvp=lambda tangent, node: reduce_again(node, multiply(tangent, _softmax_like(node)), sum_op),
    peers=dict.fromkeys(("jax", "pytensor"), by_gradient(_softmax_jax)),
    bound=lambda error, node: reduce_again(
        node, (error + _shift_rounding(node.args[0], node)) * _softmax_like(node), sum_op
    ),
    latex=r"\log\textstyle\sum e^{{{0}}}",
    ulp=2.0,
    flops=12,
    holomorphic=True,
    doc="Returns log(sum(exp(x))) over axes without overflow; -inf for no elements.",
)


def _softmax_map(value: Node, node: Node) -> Node:
    # The Jacobian diag(s) - s s' is symmetric, so one map serves both directions.
    inner = make(sum_op, (value * node,), {"axis": node.params["axis"], "keepdims": True})
    return node * (value - inner)


def _softmax_bound(error: Node, node: Node) -> Node:
    total = error + _shift_rounding(node.args[0], node)
    inner = make(sum_op, (total * node,), {"axis": node.params["axis"], "keepdims": True})
    return node * (total + inner)


softmax_op = register_reduction(
    "softmax",
    run=lambda xp, x, axis: xp.softmax(x, axis),
    vjp=_softmax_map,
    jvp=_softmax_map,
    bound=_softmax_bound,
    latex=r"\operatorname{{softmax}}({0})",
    ulp=2.0,
    flops=15,
    same_shape=True,
    holomorphic=True,
    doc="Returns exp(x) / sum(exp(x)) over axes, without overflow.",
)


def _weighted_sum(value: Node, weight: Node, axis: Axes) -> Node:
    return make(sum_op, (value * weight,), {"axis": axis, "keepdims": True})


def _log_softmax_vjp(adjoint: Node, node: Node) -> Node:
    total = make(sum_op, (adjoint,), {"axis": node.params["axis"], "keepdims": True})
    return adjoint - _softmax_like(node) * total


log_softmax_op = register_reduction(
    "log_softmax",
    run=lambda xp, x, axis: xp.log_softmax(x, axis),
    vjp=_log_softmax_vjp,
    jvp=lambda tangent, node: (
        tangent - _weighted_sum(tangent, _softmax_like(node), node.params["axis"])
    ),
    bound=lambda error, node: (
        (error + _shift_rounding(node.args[0], node))
        + _weighted_sum(
            error + _shift_rounding(node.args[0], node), _softmax_like(node), node.params["axis"]
        )
    ),
    latex=r"\log\operatorname{{softmax}}({0})",
    ulp=4.0,
    flops=16,
    same_shape=True,
    holomorphic=True,
    doc="Returns log(softmax(x)) over axes, without overflow or cancellation.",
)


# -- what people call ------------------------------------------------------------------------------


@public
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns log(sum(exp(x))) over `axis`."""
    return call_reduction(logsumexp_op, x, axis, keepdims)


@public
def softmax(x: Any, axis: Any = -1) -> Node:
    """Returns exp(x) / sum(exp(x)) over `axis`."""
    node = as_node(x)
    return softmax_op(node, axis=_softmax_axes(axis, node))


@public
def log_softmax(x: Any, axis: Any = -1) -> Node:
    """Returns log(softmax(x)) over `axis`."""
    node = as_node(x)
    return log_softmax_op(node, axis=_softmax_axes(axis, node))


def _softmax_axes(axis: Any, node: Node) -> Axes:
    if node.ndim == 0:
        raise ShapeError("a scalar has no axis to normalise over", "give a vector")
    return (
        (normalize_axis(axis, node.ndim),) if axis is not None else normalize_axes(None, node.ndim)
    )
