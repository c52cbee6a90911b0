"""How far elements lie from their mean and from 0: variance, standard deviation, norm."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node, apply_named, as_node, make
from graphc.core.op import Kink
from graphc.core.type import TensorType
from graphc.ops.arithmetic import right_sign
from graphc.ops.axes import reduced_count
from graphc.ops.chain import chain, masked, multiply
from graphc.ops.reduction import (
    Axes,
    by_gradient,
    call_reduction,
    count_of,
    keep_axes,
    max_op,
    mean_op,
    reduce_again,
    register_reduction,
    spread_back,
    sum_op,
)


def _centred(node: Node) -> Node:
    (x,) = node.args
    return x - make(mean_op, (x,), {"axis": node.params["axis"], "keepdims": True})


def _freedom(node: Node) -> Node:
    count, correction = count_of(node), node.params["correction"]
    return count - correction if correction else count


def _deviation_error(error: Node, node: Node) -> Node:
    """Returns the error of x - mean(x): of x, of the mean, and of both roundings."""
    x = node.args[0]
    own = apply_named("abs", x) * ((count_of(node) + 2) * node.dtype.epsilon)
    return (
        error + own + make(mean_op, (error + own,), {"axis": node.params["axis"], "keepdims": True})
    )


def _var_bound(error: Node, node: Node) -> Node:
    # The square of the error counts where elements are equal: there it is all there is.
    centred, moved = apply_named("abs", _centred(node)), _deviation_error(error, node)
    each = centred * (moved * 2 + centred * node.dtype.epsilon) + moved * moved
    return reduce_again(node, each, sum_op) / _freedom(node)


def _std_bound(error: Node, node: Node) -> Node:
    # A deviation is a norm: it moves by no more than the norm of the errors, at 0 too.
    moved = _deviation_error(error, node)
    moved = moved + apply_named("abs", _centred(node)) * node.dtype.epsilon
    params = {"axis": node.params["axis"], "keepdims": node.params["keepdims"], "ord": 2}
    return make(norm_op, (moved,), params) / apply_named("sqrt", _freedom(node))


def _check_var(x: TensorType, axis: Axes, correction: float) -> None:
    count = reduced_count(x.shape, axis)
    if isinstance(count, int) and count - correction <= 0 and count > 0:
        raise ArgumentError(f"correction {correction} leaves nothing of {count} elements")


var_op = register_reduction(
    "var",
    run=lambda xp, x, axis, keepdims, correction: xp.var(x, axis, keepdims, correction),
    vjp=lambda adjoint, node: chain(
        spread_back(adjoint * 2 / _freedom(node), node), _centred(node)
    ),
    jvp=lambda tangent, node: (
        reduce_again(node, multiply(tangent, _centred(node)), sum_op) * 2 / _freedom(node)
    ),
    bound=_var_bound,
    latex=r"\operatorname{{var}}({0})",
    ulp=2.0,
    flops=4,
    check=_check_var,
    holomorphic=True,
    doc="Returns the mean square deviation from the mean over axes (two passes).",
)


def _std_weight(node: Node) -> Node:
    return masked(keep_axes(node, node) != 0, _std_quotient(node))


def _std_quotient(node: Node) -> Node:
    return _centred(node) / (keep_axes(node, node) * _freedom(node))


_std_vjp, _std_jvp = by_gradient(_std_weight)
std_op = register_reduction(
    "std",
    run=lambda xp, x, axis, keepdims, correction: xp.std(x, axis, keepdims, correction),
    vjp=_std_vjp,
    jvp=_std_jvp,
    # The quotient as it stands: 0/0 where all are equal.
    peers=dict.fromkeys(("jax", "pytensor", "casadi"), by_gradient(_std_quotient)),
    bound=_std_bound,
    latex=r"\operatorname{{std}}({0})",
    ulp=2.0,
    flops=5,
    check=_check_var,
    kink=Kink(
        where="all elements equal",
        at=lambda xp, x, axis, keepdims, correction: xp.var(x, axis, keepdims, 0) == 0,
        slope=lambda xp, dx, x, axis, keepdims, correction: xp.sum(dx * 0, axis, keepdims),
        departs="JAX gives NaN there, graphc 0 (the least-norm subgradient)",
    ),
    doc="Returns the square root of the variance; the slope where all are equal is 0.",
)


def _norm_run(xp: Any, x: Any, axis: Axes, keepdims: bool, ord: float) -> Any:
    if ord == 1:
        return xp.sum(xp.abs(x), axis, keepdims)
    # Scaled by the largest element: 3e200, 4e200 has the norm 5e200. Homogeneity makes the slope
    # right with the scale held fixed.
    size = xp.abs(x)
    top = (
        xp.stop_gradient(xp.max(size, axis, True))
        if xp.has_elements(x, axis)
        else 0 * xp.sum(size, axis, True)
    )
    safe = xp.where((top > 0) & xp.isfinite(top), top, xp.ones_like(top))
    part = xp.multiply(x, 1) / safe if ord == 2 else size / safe
    power = part * part if ord == 2 else xp.power(part, ord)
    total = xp.sum(power, axis, True)
    root = xp.sqrt(total) if ord == 2 else xp.root(total, ord)
    result = safe * root
    return result if keepdims else xp.squeeze(result, axis)


def _norm_weight(node: Node) -> Node:
    quotient = _norm_quotient(node)
    return quotient if node.params["ord"] == 1 else masked(keep_axes(node, node) != 0, quotient)


def _norm_quotient(node: Node) -> Node:
    (x,), order = node.args, node.params["ord"]
    if order == 1:
        return apply_named("step_sign", x)
    ratio = x / keep_axes(node, node)
    if order != 2:
        size = apply_named("abs", ratio)
        ratio = apply_named("step_sign", x) * _power(size, order - 1)
    return ratio


def _norm_jax(node: Node) -> Node:
    return right_sign(node.args[0]) if node.params["ord"] == 1 else _norm_quotient(node)


def _power(base: Node, exponent: float) -> Node:
    return apply_named("pow", base, exponent)


def _check_norm(x: TensorType, axis: Axes, ord: float) -> None:
    if isinstance(ord, bool) or not isinstance(ord, (int, float)) or not 1 <= ord < math.inf:
        raise ArgumentError(
            f"ord={show_value(ord)} is no norm", "use a number from 1 on, or infinity"
        )


_norm_vjp, _norm_jvp = by_gradient(_norm_weight)
norm_op = register_reduction(
    "norm",
    run=_norm_run,
    vjp=_norm_vjp,
    jvp=_norm_jvp,
    # The quotient as it stands: 0/0 at 0.
    peers={
        "jax": by_gradient(_norm_jax),
        **dict.fromkeys(("pytensor", "casadi", "sympy"), by_gradient(_norm_quotient)),
    },
    bound=lambda error, node: (
        reduce_again(node, error * apply_named("abs", _norm_weight(node)), sum_op)
        + node * (count_of(node) + 8) * node.dtype.epsilon
    ),
    latex=r"\left\|{0}\right\|",
    ulp=2.0,
    flops=4,
    check=_check_norm,
    kink=Kink(
        where="x = 0, or an element of it where ord = 1",
        at=lambda xp, x, axis, keepdims, ord: (
            (xp.min if ord == 1 else xp.max)(xp.abs(x), axis, keepdims) == 0
        ),
        slope=lambda xp, dx, x, axis, keepdims, ord: xp.sum(dx * xp.sign(x), axis, keepdims),
        departs="JAX gives NaN at 0 (and slope 1 for ord=1), graphc 0",
    ),
    doc="Returns (sum |x|**ord)**(1/ord) over axes, scaled against overflow; slope 0 at 0.",
)


# -- what people call ------------------------------------------------------------------------------


@public
def var(x: Any, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Node:
    """Returns the variance over `axis`; the divisor is n - correction."""
    return call_reduction(var_op, x, axis, keepdims, correction=correction)


@public
def std(x: Any, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Node:
    """Returns the standard deviation over `axis`; the divisor is n - correction."""
    return call_reduction(std_op, x, axis, keepdims, correction=correction)


@public
def norm(x: Any, ord: float = 2, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the vector norm over `axis`: ord from 1 on, or infinity for the largest |x|."""
    if isinstance(ord, float) and ord == math.inf:
        return call_reduction(max_op, apply_named("abs", as_node(x)), axis, keepdims)
    return call_reduction(norm_op, x, axis, keepdims, ord=ord)
