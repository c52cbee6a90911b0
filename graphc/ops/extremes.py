"""The larger, the smaller, and what is clipped between bounds: elementwise records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import weak_name
from graphc.core.errors import ArgumentError
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.op import Kink
from graphc.ops.chain import Partial, masked
from graphc.ops.define import elementwise


def _tie_slope(larger: Node, smaller: Node) -> Partial:
    """Returns 1 where larger > smaller, 1/2 at a tie, and a structural 0 elsewhere."""
    return masked(larger >= smaller, _half_where(larger == smaller, larger))


def _half_where(condition: Node, like: Node) -> Node:
    dtype = like.type.dtype
    return apply_named("where", condition, scalar(0.5, dtype), scalar(1.0, dtype))


def _plain_share(larger: Node, smaller: Node) -> Node:
    """Returns `_tie_slope` with an ordinary 0, which others multiply: 0 * inf is NaN there."""
    zero = scalar(0, larger.dtype)
    return apply_named("where", larger < smaller, zero, _half_where(larger == smaller, larger))


def _one_unless(condition: Node, like: Node) -> Node:
    """Returns 0 where the condition holds and 1 elsewhere, as ordinary numbers."""
    dtype = like.dtype
    return apply_named("where", condition, scalar(0, dtype), scalar(1.0, dtype))


maximum = elementwise(
    "maximum",
    run=lambda xp, x, y: xp.maximum(x, y),
    partials=(lambda out, x, y: _tie_slope(x, y), lambda out, x, y: _tie_slope(y, x)),
    formula=lambda m, x, y: m.max(x, y),
    latex=r"\max({0}, {1})",
    flops=1,
    domain="every x, y",
    ulp=0.0,
    meet="all",
    kink=Kink(
        where="x = y",
        at=lambda xp, x, y: x == y,
        slope=lambda xp, dx, dy, x, y: (dx + dy) / 2,
        departs="",
    ),
    peers={
        **dict.fromkeys(
            ("jax", "casadi"),
            (lambda out, x, y: _plain_share(x, y), lambda out, x, y: _plain_share(y, x)),
        ),
        "pytensor": (
            lambda out, x, y: _one_unless(x < y, x),
            lambda out, x, y: _one_unless(x >= y, y),
        ),
    },
    doc="Returns the larger of x and y; at a tie the slope is 1/2 in each. NaN wins.",
)
minimum = elementwise(
    "minimum",
    run=lambda xp, x, y: xp.minimum(x, y),
    partials=(lambda out, x, y: _tie_slope(y, x), lambda out, x, y: _tie_slope(x, y)),
    formula=lambda m, x, y: m.min(x, y),
    latex=r"\min({0}, {1})",
    flops=1,
    domain="every x, y",
    ulp=0.0,
    meet="all",
    kink=maximum.kink,
    peers={
        **dict.fromkeys(
            ("jax", "casadi"),
            (lambda out, x, y: _plain_share(y, x), lambda out, x, y: _plain_share(x, y)),
        ),
        "pytensor": (
            lambda out, x, y: _one_unless(x > y, x),
            lambda out, x, y: _one_unless(x <= y, y),
        ),
    },
    doc="Returns the smaller of x and y; at a tie the slope is 1/2 in each. NaN wins.",
)


def _inside(x: Node, low: Node, high: Node) -> Partial:
    # The slope of min(max(x, low), high) in x, and in low with the two changed: a half for each
    # tie. Bounds may meet, or cross, clip(x, 2, 1): then the value is high.
    halves = _half_where(x == low, x) * _half_where(x == high, x)
    return masked((x >= low) & (x <= high), halves)


def _clip_line(xp: Any, dx: Any, dlow: Any, dhigh: Any, x: Any, low: Any, high: Any) -> Any:
    middle = xp.where(x == low, (dx + dlow) / 2, xp.where(x > low, dx, dlow))
    tie = ((x == high) & (low <= high)) | ((low == high) & (x <= high))
    above = (x > high) | (low > high)
    return xp.where(tie, (middle + dhigh) / 2, xp.where(above, dhigh, middle))


def _clip_share(index: int) -> Callable[[Node, Node, Node, Node], Partial]:
    """Returns a partial of min(max(x, low), high), taken apart as JAX and CasADi do."""

    def partial(out: Node, x: Node, low: Node, high: Node) -> Partial:
        raised = maximum(x, low)
        if index == 2:
            return _plain_share(raised, high)
        mine, other = (x, low) if index == 0 else (low, x)
        return _plain_share(mine, other) * _plain_share(high, raised)

    return partial


_CLIP_APART = (_clip_share(0), _clip_share(1), _clip_share(2))
clip_op = elementwise(
    "clip",
    run=lambda xp, x, low, high: xp.minimum(xp.maximum(x, low), high),
    partials=(
        lambda out, x, low, high: _inside(x, low, high),
        lambda out, x, low, high: _inside(low, x, high),
        lambda out, x, low, high: _tie_slope(maximum(x, low), high),
    ),
    formula=lambda m, x, low, high: m.min(m.max(x, low), high),
    latex=r"\operatorname{{clip}}({0}, {1}, {2})",
    flops=2,
    domain="low < high",
    ulp=0.0,
    meet="all",
    kink=Kink(
        where="x = low or x = high",
        at=lambda xp, x, low, high: (
            (((x == low) | (x == high)) & (low <= high)) | ((low == high) & (x <= high))
        ),
        slope=_clip_line,
        departs="",
    ),
    peers={
        **dict.fromkeys(("jax", "casadi"), _CLIP_APART),
        # At a bound the operand keeps its slope whole and the bound has none.
        "torch": (
            lambda out, x, low, high: (x >= low) & (x <= high),
            lambda out, x, low, high: x < low,
            lambda out, x, low, high: x > high,
        ),
        "pytensor": (
            lambda out, x, low, high: _one_unless((x < low) | (x > high), x),
            lambda out, x, low, high: _one_unless(x >= low, x),
            lambda out, x, low, high: _one_unless(x <= high, x),
        ),
    },
    doc="Returns min(max(x, low), high); at a bound the slope is 1/2 in each.",
)


@public
def clip(x: Any, min: Any = None, max: Any = None) -> Node:
    """Returns x limited to [min, max], either of which may be None.

    Without a bound it is x itself.

    Raises:
        ArgumentError: min > max for two numbers.
    """
    if min is None and max is None:
        return as_node(x)
    if min is None:
        return minimum(x, max)
    if max is None:
        return maximum(x, min)
    if weak_name(min) and weak_name(max) and min > max:
        raise ArgumentError(f"the bounds are reversed: min {min} > max {max}", "swap them")
    return clip_op(x, min, max)
