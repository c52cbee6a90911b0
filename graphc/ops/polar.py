"""Radius and angle of a point, and their slopes: elementwise records.

With c = x/r, s = y/r the slopes of c are s s/r and -s c/r; with p = x/r**2, q = y/r**2 those of p
are q q - p p and -2 p q. So nothing cancels in them, and no square overflows before they do.
"""

from __future__ import annotations

from typing import Any

from graphc.core.node import Node, apply_named, scalar
from graphc.core.op import Kink
from graphc.ops.arithmetic import reciprocal
from graphc.ops.chain import Partial, masked
from graphc.ops.define import elementwise


def _scaled(xp: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Returns x and y times a power of two, and that power: their squares are in range."""
    edge, factor = (2.0**400, 2.0**-600) if x.dtype.itemsize == 8 else (2.0**40, 2.0**-80)
    size = xp.maximum(xp.abs(x), xp.abs(y))
    tiny = xp.where(size < 1 / edge, xp.full_like(size, 1 / factor), xp.ones_like(size))
    scale = xp.where(size > edge, xp.full_like(size, factor), tiny)
    return x * scale, y * scale, scale


def _direction_run(xp: Any, x: Any, y: Any) -> Any:
    one, two, scale = _scaled(xp, x, y)
    root = xp.sqrt(one * one + two * two)
    # Enlarged before the division and made smaller after it, a tiny side is not lost on the way.
    larger, smaller = xp.maximum(scale, 1), xp.minimum(scale, 1)
    return (x * larger) / root * smaller


def _inversion_run(xp: Any, x: Any, y: Any) -> Any:
    x, y, scale = _scaled(xp, x, y)
    return x / (x * x + y * y) * scale


# The factors in this order: the square of a side that is tiny beside the radius underflows.
def _direction_x(out: Node, x: Node, y: Node) -> Partial:
    other = direction(y, x)
    return other * (other * reciprocal(hypot(x, y)))


def _direction_y(out: Node, x: Node, y: Node) -> Partial:
    return -(direction(y, x) * (out * reciprocal(hypot(x, y))))


direction = elementwise(
    "direction",
    run=_direction_run,
    partials=(_direction_x, _direction_y),
    formula=lambda m, x, y: m.div(x, m.sqrt(x * x + y * y)),
    latex=r"\frac{{{0}}}{{\sqrt{{{0}^2 + {1}^2}}}}",
    flops=8,
    domain="x, y not both 0",
    ulp=3.0,
    doc="Returns x / sqrt(x**2 + y**2) without overflow: the slope of hypot; NaN at (0, 0).",
)
inversion = elementwise(
    "inversion",
    run=_inversion_run,
    partials=(
        lambda out, x, y: (inversion(y, x) - out) * (inversion(y, x) + out),
        lambda out, x, y: out * inversion(y, x) * -2,
    ),
    formula=lambda m, x, y: m.div(x, x * x + y * y),
    latex=r"\frac{{{0}}}{{{0}^2 + {1}^2}}",
    flops=8,
    domain="x, y not both 0",
    ulp=3.0,
    doc="Returns x / (x**2 + y**2) without overflow: the slope of atan2; NaN at (0, 0).",
)
hypot = elementwise(
    "hypot",
    run=lambda xp, x, y: xp.hypot(x, y),
    partials=(
        lambda out, x, y: masked(out != 0, direction(x, y)),
        lambda out, x, y: masked(out != 0, direction(y, x)),
    ),
    formula=lambda m, x, y: m.sqrt(x * x + y * y),
    latex=r"\sqrt{{{0}^2 + {1}^2}}",
    flops=6,
    domain="every x, y",
    ulp=2.0,
    kink=Kink(
        where="x = y = 0",
        at=lambda xp, x, y: (x == 0) & (y == 0),
        slope=lambda xp, dx, dy, x, y: dx * 0,
        departs="JAX gives 1/2 in each there, and wrong slopes where squares overflow",
    ),
    peers={
        "jax": (
            lambda out, x, y: apply_named("where", out == 0, scalar(0.5, out.dtype), x / out),
            lambda out, x, y: apply_named("where", out == 0, scalar(0.5, out.dtype), y / out),
        ),
        **dict.fromkeys(
            ("torch", "casadi", "sympy"), (lambda out, x, y: x / out, lambda out, x, y: y / out)
        ),
    },
    doc="Returns sqrt(x**2 + y**2) without overflow; the slope at (0, 0) is 0.",
)


#: The quotient as it stands: 0/0 at the origin.
_ATAN2_NAN = (
    lambda out, y, x: inversion(x, y),
    lambda out, y, x: -inversion(y, x),
)


def _unless_origin(slope: Node, y: Node, x: Node) -> Partial:
    return masked((x != 0) | (y != 0), slope)


def _at_origin(xp: Any, y: Any, x: Any) -> Any:
    return (x == 0) & (y == 0)


atan2 = elementwise(
    "atan2",
    run=lambda xp, y, x: xp.arctan2(y, x),
    partials=(
        lambda out, y, x: _unless_origin(inversion(x, y), y, x),
        lambda out, y, x: _unless_origin(-inversion(y, x), y, x),
    ),
    formula=lambda m, y, x: m.atan2(y, x),
    latex=r"\operatorname{{atan2}}({0}, {1})",
    flops=25,
    domain="every y, x",
    ulp=4.0,
    kink=Kink(
        where="y = x = 0",
        at=_at_origin,
        slope=lambda xp, dy, dx, y, x: dy * 0,
        departs="JAX gives NaN there, graphc 0",
    ),
    peers={
        "jax": _ATAN2_NAN,
        "torch": (
            lambda out, y, x: _unless_origin(inversion(x, y), y, x),
            lambda out, y, x: apply_named(
                "where", hypot(x, y) == 0, scalar(-0.0, y.dtype), -inversion(y, x)
            ),
        ),
        "pytensor": _ATAN2_NAN,
        "casadi": _ATAN2_NAN,
        "sympy": _ATAN2_NAN,
    },
    doc="Returns the angle of the point (x, y) in (-pi, pi]; the slope at (0, 0) is 0.",
)
