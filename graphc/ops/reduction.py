"""Reductions over axes: sum, mean, extremes, product, logsumexp, variance, norm, and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from graphc.core import dtype as dtypes
from graphc.core.dtype import bool_
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make, public, scalar
from graphc.core.op import Kink, Op, Peer
from graphc.core.type import TensorType, element_count
from graphc.ops.arithmetic import right_sign
from graphc.ops.axes import (
    normalize_axes,
    normalize_axis,
    reduced_count,
    reduced_shape,
    require_axes,
)
from graphc.ops.chain import add_up, broadcast_to, chain, masked, multiply, reshape, through
from graphc.ops.define import own_rounding, require_numbers, structural
from graphc.ops.source import iota_op, size_node

Axes = tuple[int, ...]
#: `rule(adjoint or tangent, node)`; and a reverse with a forward one.
_Rule = Callable[[Node, Node], Node | None]
_Rules = tuple[_Rule, _Rule]


def _reduction(
    name: str,
    *,
    run: Callable[..., Any],
    vjp: _Rule,
    jvp: _Rule,
    bound: Callable[[Node, Node], Node | None],
    latex: str,
    ulp: float,
    doc: str,
    meet: str = "float",
    flops: int = 1,
    domain: str = "every x",
    kink: Kink | None = None,
    peers: Mapping[str, _Rules] = MappingProxyType({}),
    holomorphic: bool = False,
    check: Callable[..., None] | None = None,
    same_shape: bool = False,
) -> Op:
    """Registers a one-operand reduction over `axis` (a sorted tuple) with `keepdims`.

    Args:
        vjp: `vjp(adjoint, node)`, the adjoint broadcast to the reduced axes kept as 1.
        jvp: `jvp(tangent, node)`.
        bound: `bound(error, node)`: what the operand's error and inner rounding leave.
        same_shape: True where the result keeps the operand's shape (softmax).
        peers: the (vjp, jvp) of other systems, where their slopes differ somewhere.
    """

    def infer(x: TensorType, axis: Axes, keepdims: bool = False, **params: Any) -> TensorType:
        require_axes(axis, len(x.shape))
        if type(keepdims) is not bool:
            raise ArgumentError(f"keepdims={show_value(keepdims)} is neither True nor False")
        if check is not None:
            check(x, axis=axis, **params)
        dtype = x.dtype if x.dtype is not bool_ else dtypes.DEFAULT_INT
        shape = x.shape if same_shape else reduced_shape(x.shape, axis, keepdims)
        return TensorType(shape, dtype)

    def full(vjp: _Rule, jvp: _Rule) -> Peer:
        def full_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
            kept = adjoint if same_shape else keep_axes(adjoint, node)
            return [vjp(kept, node) for _ in wanted]

        def full_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
            return None if tangents[0] is None else jvp(tangents[0], node)

        return Peer(full_vjp, full_jvp)

    own = full(vjp, jvp)

    def full_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
        error = errors[0] if errors[0] is not None else scalar(0.0, node.type.dtype)
        return add_up(
            [bound(broadcast_to(error, node.args[0].shape), node), own_rounding(node, ulp)]
        )

    return structural(
        name,
        group="reduction",
        meet=meet,
        infer=infer,
        run=run,
        vjp=own.vjp,
        jvp=own.jvp,
        peers={name: full(*rules) for name, rules in peers.items()},
        latex=latex,
        flops=lambda node: flops * element_count(node.args[0].type.shape),
        domain=domain,
        ulp=ulp,
        bound=full_bound,
        kink=kink,
        holomorphic=holomorphic,
        doc=doc,
    )


def keep_axes(value: Node, node: Node) -> Node:
    """Returns a value of a reduction's shape with the reduced axes put back as size 1."""
    kept = reduced_shape(node.args[0].type.shape, node.params["axis"], True)
    if value.type.shape == kept:
        return value
    return through(value, node.type.shape, lambda v: reshape(v, kept))


def _again(node: Node, value: Node, op: Op | None = None) -> Node:
    """Returns the node's reduction (or another op's, same axes) of another value."""
    params = {"axis": node.params["axis"], "keepdims": node.params["keepdims"]}
    return make(op or node.op, (value,), params)


def _chained(value: Node, partial: Node) -> Node:
    """Returns value * partial with masks kept outside, see `chain`."""
    product = chain(value, partial)
    assert product is not None
    return product


def _spread(adjoint: Node, node: Node) -> Node:
    shape = node.args[0].type.shape
    return through(adjoint, adjoint.type.shape, lambda v: broadcast_to(v, shape))


def _count(node: Node) -> Node:
    return size_node(reduced_count(node.args[0].type.shape, node.params["axis"]), node.dtype)


def _sum_rounding(error: Node, node: Node) -> Node:
    # (n - 1) u sum |x| holds for any order of summation: Higham, Accuracy and Stability, eq. 4.4.
    (x,) = node.args
    inner = apply_named("abs", x) * (_count(node) * (node.dtype.epsilon / 2))
    return _again(node, error + inner, sum_op)


sum_op = _reduction(
    "sum",
    run=lambda xp, x, axis, keepdims: xp.sum(x, axis, keepdims),
    vjp=_spread,
    jvp=lambda tangent, node: _again(node, tangent),
    bound=_sum_rounding,
    latex=r"\textstyle\sum {0}",
    ulp=0.0,
    meet="all",
    holomorphic=True,
    doc="Returns the sum of the elements over axes; 0 for none.",
)
mean_op = _reduction(
    "mean",
    run=lambda xp, x, axis, keepdims: xp.mean(x, axis, keepdims),
    vjp=lambda adjoint, node: _spread(adjoint / _count(node), node),
    jvp=lambda tangent, node: _again(node, tangent),
    bound=lambda error, node: _sum_rounding(error, node) / _count(node),
    latex=r"\operatorname{{mean}}({0})",
    ulp=1.0,
    holomorphic=True,
    doc="Returns the mean over axes; NaN for no elements.",
)


def _extreme_weight(node: Node) -> Node:
    """Returns each element's share of the slope: 1 / (number of ties) at the ties, 0 elsewhere.

    Where the extreme is NaN nothing ties, and the shares are 0 / 0 = NaN, as the value is.
    """
    (x,), top = node.args, keep_axes(node, node)
    beaten = x < top if node.op.name == "max" else x > top
    return masked(apply_named("logical_not", beaten), _tie_share(node))


def _ties(node: Node) -> Node:
    return apply_named("cast", node.args[0] == keep_axes(node, node), dtype=node.dtype)


def _tie_share(node: Node) -> Node:
    ties = _ties(node)
    count = make(sum_op, (ties,), {"axis": node.params["axis"], "keepdims": True})
    return ties / count


def _require_elements(x: TensorType, axis: Axes, **_: Any) -> None:
    require_numbers(x)
    count = reduced_count(x.shape, axis)
    if isinstance(count, int) and count == 0:
        raise ShapeError("there is no extreme of no elements", "reduce over a non-empty axis")


def _tied(xp: Any, x: Any, axis: Axes, keepdims: bool, extreme: str) -> Any:
    top = getattr(xp, extreme)(x, axis, True)
    return xp.sum((x == top) * 1, axis, keepdims) > 1


def _tie_average(xp: Any, dx: Any, x: Any, axis: Axes, keepdims: bool, extreme: str) -> Any:
    ties = (x == getattr(xp, extreme)(x, axis, True)) * 1
    return xp.sum(dx * ties, axis, keepdims) / xp.sum(ties, axis, keepdims)


def _weighted(weight: Callable[[Node], Node]) -> _Rules:
    """Returns the reverse and forward rule of a reduction to scalars by its gradient."""
    return (
        lambda adjoint, node: chain(_spread(adjoint, node), weight(node)),
        lambda tangent, node: _again(node, _chained(tangent, weight(node)), sum_op),
    )


def _extreme(name: str, doc: str) -> Op:
    vjp, jvp = _weighted(_extreme_weight)
    return _reduction(
        name,
        run=lambda xp, x, axis, keepdims: getattr(xp, name)(x, axis, keepdims),
        vjp=vjp,
        jvp=jvp,
        # They multiply by ordinary zeros; PyTensor gives every tied element the whole slope.
        peers={
            **dict.fromkeys(("jax", "casadi"), _weighted(_tie_share)),
            "pytensor": _weighted(_ties),
        },
        bound=lambda error, node: _again(node, error, max_op),
        latex=rf"\{name}({{0}})",
        ulp=0.0,
        meet="all",
        domain="at least one element",
        kink=Kink(
            where="several elements share the extreme",
            at=lambda xp, x, axis, keepdims: _tied(xp, x, axis, keepdims, name),
            slope=lambda xp, dx, x, axis, keepdims: _tie_average(xp, dx, x, axis, keepdims, name),
            departs="",
        ),
        check=_require_elements,
        doc=doc,
    )


max_op = _extreme("max", "Returns the largest element over axes; ties share the slope. NaN wins.")
min_op = _extreme("min", "Returns the smallest element over axes; ties share the slope. NaN wins.")


def _prod_others(node: Node) -> Node:
    """Returns for each element the product of the others: without division, so zeros are right."""
    (x,), axes = node.args, node.params["axis"]
    shape = x.type.shape
    rest = tuple(i for i in range(len(shape)) if i not in axes)
    count = reduced_count(shape, axes)
    order = (*rest, *axes)
    flat = reshape(apply_named("transpose", x, axes=order), (*[shape[i] for i in rest], count))
    others = _others_by_tree(flat) if isinstance(count, int) else _others_by_mask(flat)
    back = reshape(others, tuple(shape[i] for i in order))
    inverse = tuple(order.index(i) for i in range(len(order)))
    return apply_named("transpose", back, axes=inverse)


def _others_by_tree(flat: Node) -> Node:
    """Pairs neighbours up to one product, then hands the partners' products down again: O(n)."""
    levels: list[tuple[Node, Node]] = []
    current = flat
    while (count := _last(current)) > 1:
        if count % 2:
            *lead, _ = current.type.shape
            one = broadcast_to(scalar(1.0, flat.dtype), (*lead, 1))
            current = apply_named("concat", current, one, axis=len(lead))
        even, odd = current[..., 0::2], current[..., 1::2]
        levels.append((even, odd))
        current = even * odd
    others = broadcast_to(scalar(1.0, flat.dtype), current.type.shape)
    for even, odd in reversed(levels):
        *lead, half = even.type.shape
        kept = others[..., :half] if _last(others) != half else others
        pair = apply_named("stack", multiply(kept, odd), multiply(kept, even), axis=len(lead) + 1)
        others = reshape(pair, (*lead, half * 2))
    return others[..., : _last(flat)] if _last(others) != _last(flat) else others


def _last(node: Node) -> int:
    size = node.type.shape[-1]
    assert isinstance(size, int)
    return size


def _others_by_mask(flat: Node) -> Node:
    """The same for a size not yet known, with a square of elements: row i leaves element i out."""
    *lead, count = flat.type.shape
    ramp = iota_op(size=count, dtype=dtypes.DEFAULT_INT)
    diagonal = reshape(ramp, (count, 1)) == reshape(ramp, (1, count))
    rows = broadcast_to(reshape(flat, (*lead, 1, count)), (*lead, count, count))
    kept = apply_named("where", diagonal, scalar(1.0, flat.dtype), rows)
    return make(prod_op, (kept,), {"axis": (len(lead) + 1,), "keepdims": False})


prod_op = _reduction(
    "prod",
    run=lambda xp, x, axis, keepdims: xp.prod(x, axis, keepdims),
    vjp=lambda adjoint, node: chain(_spread(adjoint, node), _prod_others(node)),
    jvp=lambda tangent, node: _again(node, multiply(tangent, _prod_others(node)), sum_op),
    bound=lambda error, node: (
        _again(node, error * apply_named("abs", _prod_others(node)), sum_op)
        + apply_named("abs", node) * _count(node) * (node.dtype.epsilon / 2)
    ),
    latex=r"\textstyle\prod {0}",
    ulp=0.0,
    meet="all",
    holomorphic=True,
    doc="Returns the product over axes; its slope is right at zeros too. 1 for no elements.",
)


def _softmax_like(node: Node) -> Node:
    return make(softmax_op, (node.args[0],), {"axis": node.params["axis"]})


def _shift_rounding(x: Node, node: Node) -> Node:
    """Returns the relative error of exp(x - max): the rounding of the difference, and of exp."""
    top = make(max_op, (x,), {"axis": node.params["axis"], "keepdims": True})
    return (apply_named("abs", x - top) + (_count(node) + 4)) * x.dtype.epsilon


def _softmax_jax(node: Node) -> Node:
    # e**(x - max) is 0 below an infinite maximum, where the quotient of all of them is NaN.
    (x,), top = node.args, keep_axes(node, node)
    zero = scalar(0, x.dtype)
    return apply_named("where", (top == math.inf) & (x < math.inf), zero, _softmax_like(node))


logsumexp_op = _reduction(
    "logsumexp",
    run=lambda xp, x, axis, keepdims: xp.logsumexp(x, axis, keepdims),
    vjp=lambda adjoint, node: chain(_spread(adjoint, node), _softmax_like(node)),
    jvp=lambda tangent, node: _again(node, multiply(tangent, _softmax_like(node)), sum_op),
    peers=dict.fromkeys(("jax", "pytensor"), _weighted(_softmax_jax)),
    bound=lambda error, node: _again(
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


softmax_op = _reduction(
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


log_softmax_op = _reduction(
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
    ulp=2.0,
    flops=16,
    same_shape=True,
    holomorphic=True,
    doc="Returns log(softmax(x)) over axes, without overflow or cancellation.",
)


def _centred(node: Node) -> Node:
    (x,) = node.args
    return x - make(mean_op, (x,), {"axis": node.params["axis"], "keepdims": True})


def _freedom(node: Node) -> Node:
    return _count(node) - node.params["correction"] if node.params["correction"] else _count(node)


def _var_error(error: Node, node: Node) -> Node:
    x, centred = node.args[0], apply_named("abs", _centred(node))
    own = apply_named("abs", x) * ((_count(node) + 2) * node.dtype.epsilon)
    spread = (
        error + own + make(mean_op, (error + own,), {"axis": node.params["axis"], "keepdims": True})
    )
    return _again(node, centred * spread * 2 + centred * centred * node.dtype.epsilon, sum_op)


def _check_var(x: TensorType, axis: Axes, correction: float) -> None:
    count = reduced_count(x.shape, axis)
    if isinstance(count, int) and count - correction <= 0 and count > 0:
        raise ArgumentError(f"correction {correction} leaves nothing of {count} elements")


var_op = _reduction(
    "var",
    run=lambda xp, x, axis, keepdims, correction: xp.var(x, axis, keepdims, correction),
    vjp=lambda adjoint, node: chain(_spread(adjoint * 2 / _freedom(node), node), _centred(node)),
    jvp=lambda tangent, node: (
        _again(node, multiply(tangent, _centred(node)), sum_op) * 2 / _freedom(node)
    ),
    bound=lambda error, node: _var_error(error, node) / _freedom(node),
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


_std_vjp, _std_jvp = _weighted(_std_weight)
std_op = _reduction(
    "std",
    run=lambda xp, x, axis, keepdims, correction: xp.sqrt(xp.var(x, axis, keepdims, correction)),
    vjp=_std_vjp,
    jvp=_std_jvp,
    # The quotient as it stands: 0/0 where all are equal.
    peers=dict.fromkeys(("jax", "pytensor", "casadi"), _weighted(_std_quotient)),
    bound=lambda error, node: masked(
        node != 0, _var_error(error, node) / (node * 2 * _freedom(node))
    ),
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


_norm_vjp, _norm_jvp = _weighted(_norm_weight)
norm_op = _reduction(
    "norm",
    run=_norm_run,
    vjp=_norm_vjp,
    jvp=_norm_jvp,
    # The quotient as it stands: 0/0 at 0.
    peers={
        "jax": _weighted(_norm_jax),
        **dict.fromkeys(("pytensor", "casadi", "sympy"), _weighted(_norm_quotient)),
    },
    bound=lambda error, node: (
        _again(node, error * apply_named("abs", _norm_weight(node)), sum_op)
        + node * (_count(node) + 8) * node.dtype.epsilon
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


def _reduce(op: Op, x: Any, axis: Any, keepdims: Any, **params: Any) -> Node:
    node = as_node(x)
    if not isinstance(keepdims, bool):
        raise ArgumentError(f"keepdims={keepdims!r} is neither True nor False", "say one of them")
    return op(node, axis=normalize_axes(axis, node.ndim), keepdims=keepdims, **params)


@public
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the sum over `axis` (an integer, a tuple, or None for all)."""
    return _reduce(sum_op, x, axis, keepdims)


@public
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the mean over `axis` (an integer, a tuple, or None for all)."""
    return _reduce(mean_op, x, axis, keepdims)


@public
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the largest element over `axis`; tied elements share the slope equally."""
    return _reduce(max_op, x, axis, keepdims)


@public
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the smallest element over `axis`; tied elements share the slope equally."""
    return _reduce(min_op, x, axis, keepdims)


@public
def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the product over `axis`."""
    return _reduce(prod_op, x, axis, keepdims)


@public
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns log(sum(exp(x))) over `axis`."""
    return _reduce(logsumexp_op, x, axis, keepdims)


@public
def var(x: Any, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Node:
    """Returns the variance over `axis`; the divisor is n - correction."""
    return _reduce(var_op, x, axis, keepdims, correction=correction)


@public
def std(x: Any, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Node:
    """Returns the standard deviation over `axis`; the divisor is n - correction."""
    return _reduce(std_op, x, axis, keepdims, correction=correction)


@public
def norm(x: Any, ord: float = 2, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the vector norm over `axis`: ord from 1 on, or infinity for the largest |x|."""
    if isinstance(ord, float) and ord == math.inf:
        return _reduce(max_op, apply_named("abs", as_node(x)), axis, keepdims)
    return _reduce(norm_op, x, axis, keepdims, ord=ord)


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
