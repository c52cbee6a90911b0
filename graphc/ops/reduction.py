"""Reductions over axes: what they share, and sum, mean, extremes, product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from graphc.core import dtype as dtypes
from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT, bool_, dtype_of, uint32
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.op import Kink, Op, Peer
from graphc.core.type import TensorType, element_count
from graphc.ops.axes import (
    normalize_axes,
    reduced_count,
    reduced_shape,
    require_axes,
)
from graphc.ops.chain import add_up, broadcast_to, chain, masked, multiply, reshape, through
from graphc.ops.define import own_rounding, require_numbers, structural
from graphc.ops.source import iota_op, size_node

Axes = tuple[int, ...]
#: `rule(adjoint or tangent, node)`; and a reverse with a forward one.
Rule = Callable[[Node, Node], Node | None]
Rules = tuple[Rule, Rule]


def register_reduction(
    name: str,
    *,
    run: Callable[..., Any],
    vjp: Rule,
    jvp: Rule,
    bound: Callable[[Node, Node], Node | None],
    latex: str,
    ulp: float,
    doc: str,
    meet: str = "float",
    flops: int = 1,
    domain: str = "every x",
    kink: Kink | None = None,
    peers: Mapping[str, Rules] = MappingProxyType({}),
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

    def full(vjp: Rule, jvp: Rule) -> Peer:
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


def reduce_again(node: Node, value: Node, op: Op | None = None) -> Node:
    """Returns the node's reduction (or another op's, same axes) of another value."""
    params = {"axis": node.params["axis"], "keepdims": node.params["keepdims"]}
    return make(op or node.op, (value,), params)


def _chained(value: Node, partial: Node) -> Node:
    """Returns value * partial with masks kept outside, see `chain`."""
    product = chain(value, partial)
    assert product is not None
    return product


def spread_back(adjoint: Node, node: Node) -> Node:
    """Returns the adjoint of a reduction, broadcast to the shape of what it reduces."""
    shape = node.args[0].type.shape
    return through(adjoint, adjoint.type.shape, lambda v: broadcast_to(v, shape))


def count_of(node: Node) -> Node:
    """Returns how many elements a reduction joins into one, in its dtype."""
    return size_node(reduced_count(node.args[0].type.shape, node.params["axis"]), node.dtype)


def _sum_rounding(error: Node, node: Node) -> Node:
    # (n - 1) u sum |x| holds for any order of summation: Higham, Accuracy and Stability, eq. 4.4.
    (x,) = node.args
    inner = apply_named("abs", x) * (count_of(node) * (node.dtype.epsilon / 2))
    return reduce_again(node, error + inner, sum_op)


sum_op = register_reduction(
    "sum",
    run=lambda xp, x, axis, keepdims: xp.sum(x, axis, keepdims),
    vjp=spread_back,
    jvp=lambda tangent, node: reduce_again(node, tangent),
    bound=_sum_rounding,
    latex=r"\textstyle\sum {0}",
    ulp=0.0,
    meet="all",
    holomorphic=True,
    doc="Returns the sum of the elements over axes; 0 for none.",
)
mean_op = register_reduction(
    "mean",
    run=lambda xp, x, axis, keepdims: xp.mean(x, axis, keepdims),
    vjp=lambda adjoint, node: spread_back(adjoint / count_of(node), node),
    jvp=lambda tangent, node: reduce_again(node, tangent),
    bound=lambda error, node: _sum_rounding(error, node) / count_of(node),
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


def by_gradient(weight: Callable[[Node], Node]) -> Rules:
    """Returns the reverse and forward rule of a reduction to scalars by its gradient."""
    return (
        lambda adjoint, node: chain(spread_back(adjoint, node), weight(node)),
        lambda tangent, node: reduce_again(node, _chained(tangent, weight(node)), sum_op),
    )


def _extreme(name: str, doc: str) -> Op:
    vjp, jvp = by_gradient(_extreme_weight)
    return register_reduction(
        name,
        run=lambda xp, x, axis, keepdims: getattr(xp, name)(x, axis, keepdims),
        vjp=vjp,
        jvp=jvp,
        # They multiply by ordinary zeros; PyTensor gives every tied element the whole slope.
        peers={
            **dict.fromkeys(("jax", "casadi"), by_gradient(_tie_share)),
            "pytensor": by_gradient(_ties),
        },
        bound=lambda error, node: reduce_again(node, error, max_op),
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


prod_op = register_reduction(
    "prod",
    run=lambda xp, x, axis, keepdims: xp.prod(x, axis, keepdims),
    vjp=lambda adjoint, node: chain(spread_back(adjoint, node), _prod_others(node)),
    jvp=lambda tangent, node: reduce_again(node, multiply(tangent, _prod_others(node)), sum_op),
    bound=lambda error, node: (
        reduce_again(node, error * apply_named("abs", _prod_others(node)), sum_op)
        + apply_named("abs", node) * count_of(node) * (node.dtype.epsilon / 2)
    ),
    latex=r"\textstyle\prod {0}",
    ulp=0.0,
    meet="all",
    holomorphic=True,
    doc="Returns the product over axes; its slope is right at zeros too. 1 for no elements.",
)


# -- what people call ------------------------------------------------------------------------------


def with_room(x: Any, dtype: Any) -> Node:
    """Returns x in a dtype, or, of narrow integers, in 32 bits, as the Array API has sums do."""
    node = as_node(x)
    if dtype is not None:
        target = dtype_of(dtype)
    elif node.dtype.is_integer and node.dtype.bits < DEFAULT_INT.bits:
        target = DEFAULT_INT if node.dtype.kind == "i" else uint32
    else:
        return node
    return node if node.dtype is target else apply_named("cast", node, dtype=target)


def call_reduction(op: Op, x: Any, axis: Any, keepdims: Any, **params: Any) -> Node:
    """Returns the reduction of what people pass: an `axis` may be an integer, a tuple or None."""
    node = as_node(x)
    if not isinstance(keepdims, bool):
        raise ArgumentError(f"keepdims={keepdims!r} is neither True nor False", "say one of them")
    return op(node, axis=normalize_axes(axis, node.ndim), keepdims=keepdims, **params)


@public
def sum(x: Any, axis: Any = None, keepdims: bool = False, *, dtype: Any = None) -> Node:
    """Returns the sum over `axis` (an integer, a tuple, or None for all).

    Args:
        x: `[...]`.
        axis: what is summed over.
        keepdims: keep the axes as size 1.
        dtype: what the elements are cast to first; unless given, integers narrower than int32
            become int32 or uint32, so that the result has room.
    """
    return call_reduction(sum_op, with_room(x, dtype), axis, keepdims)


@public
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the mean over `axis` (an integer, a tuple, or None for all)."""
    return call_reduction(mean_op, x, axis, keepdims)


@public
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the largest element over `axis`; tied elements share the slope equally."""
    return call_reduction(max_op, x, axis, keepdims)


@public
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns the smallest element over `axis`; tied elements share the slope equally."""
    return call_reduction(min_op, x, axis, keepdims)


@public
def prod(x: Any, axis: Any = None, keepdims: bool = False, *, dtype: Any = None) -> Node:
    """Returns the product over `axis` (an integer, a tuple, or None for all).

    Args:
        x: `[...]`.
        axis: what is multiplied over.
        keepdims: keep the axes as size 1.
        dtype: what the elements are cast to first; unless given, integers narrower than int32
            become int32 or uint32, so that the result has room.
    """
    return call_reduction(prod_op, with_room(x, dtype), axis, keepdims)
