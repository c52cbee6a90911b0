"""Running extremes along an axis; ties share the slope, as for `max`."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT
from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.op import Kink, Op
from graphc.ops.logic import cast
from graphc.ops.tensor.scans import called_scan, linear_scan, register_scan, shifted


def _runs(node: Node) -> tuple[Node, Node, Node]:
    """Returns 1 where the extreme stays that of before, 1 where x is the extreme, and the ties."""
    dtype = node.dtype
    stays = cast(node == shifted(node, node, first=float("nan")), dtype)
    ties = cast(node.args[0] == node, dtype)
    return stays, ties, linear_scan(stays, ties, node)


def _extreme_vjp(adjoint: Node, node: Node) -> Node:
    stays, ties, count = _runs(node)
    carried = linear_scan(shifted(stays, node, back=True), adjoint / count, node, back=True)
    return apply_named("where", ties > 0, carried, scalar(0, node.dtype))


def _extreme_jvp(tangent: Node, node: Node) -> Node:
    stays, ties, count = _runs(node)
    chosen = apply_named("where", ties > 0, tangent, scalar(0, node.dtype))
    return linear_scan(stays, chosen, node) / count


def _tie_table(xp: Any, x: Any, axis: int, reverse: bool, larger: bool) -> tuple[Any, Any]:
    """Returns for each result (first) and element (last axis) whether they tie."""
    top = xp.scans.cumextreme(xp, x, axis, reverse, larger)
    count = x.shape[axis]
    steps = xp.arange(count, DEFAULT_INT)
    before = steps[:, None] <= steps[None, :] if reverse else steps[:, None] >= steps[None, :]
    order = (axis, *[a for a in range(x.ndim) if a != axis])
    rows = xp.transpose(x, order)
    tops = xp.transpose(top, order)
    ties = rows[None] == tops[:, None]
    before = xp.reshape(before, (count, count, *[1] * (x.ndim - 1)))
    return (ties & before) * 1, order


def _extreme_kink(larger: bool) -> Kink:
    def back(xp: Any, value: Any, order: Any) -> Any:
        return xp.transpose(value, tuple(order.index(a) for a in range(len(order))))

    def at(xp: Any, x: Any, axis: int, reverse: bool) -> Any:
        ties, order = _tie_table(xp, x, axis, reverse, larger)
        return back(xp, xp.sum(ties, (1,), False) > 1, order)

    def slope(xp: Any, dx: Any, x: Any, axis: int, reverse: bool) -> Any:
        ties, order = _tie_table(xp, x, axis, reverse, larger)
        moved = xp.transpose(dx, order)[None]
        shares = xp.sum(ties * moved, (1,), False) / xp.sum(ties, (1,), False)
        return back(xp, shares, order)

    return Kink(
        where="several elements up to here share the extreme",
        at=at,
        slope=slope,
        departs="of three ties and more JAX's shares depend on how it pairs the elements",
    )


def _running_extreme(name: str, larger: bool, words: str) -> Op:
    def run(xp: Any, x: Any, axis: int, reverse: bool) -> Any:
        return xp.scans.cumextreme(xp, x, axis, reverse, larger)

    return register_scan(
        name,
        run=run,
        vjp=_extreme_vjp,
        jvp=_extreme_jvp,
        bound=lambda error, node: make(cummax_op, (error,), node.params),
        latex=rf"\operatorname{{{{{name}}}}}({{0}})",
        flops=1,
        kink=_extreme_kink(larger),
        doc=f"Returns the {words} element so far along an axis; ties share the slope. NaN wins.",
    )


cummax_op = _running_extreme("cummax", True, "largest")
cummin_op = _running_extreme("cummin", False, "smallest")


# -- what people call ------------------------------------------------------------------------------


@public
def cummax(x: Any, axis: int | None = None, reverse: bool = False) -> Node:
    """Returns the largest element up to here along `axis`; ties share the slope. NaN wins.

    Args:
        x: `[..., n, ...]`.
        axis: the axis along which it runs; None for all elements in one.
        reverse: run from the end.
    """
    return called_scan(cummax_op, x, axis, reverse)


@public
def cummin(x: Any, axis: int | None = None, reverse: bool = False) -> Node:
    """Returns the smallest element up to here along `axis`; ties share the slope. NaN wins.

    Args:
        x: `[..., n, ...]`.
        axis: the axis along which it runs; None for all elements in one.
        reverse: run from the end.
    """
    return called_scan(cummin_op, x, axis, reverse)
