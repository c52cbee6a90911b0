"""Products with a logarithm that are 0 where the factor is: elementwise records."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.node import Node, apply_named
from graphc.core.op import Kink
from graphc.ops.arithmetic import inverse_positive
from graphc.ops.chain import Partial, masked
from graphc.ops.define import elementwise
from graphc.ops.exponential import log, log1p


def _product(xp: Any, x: Any, y: Any, name: str) -> Any:
    nothing = (x == 0) & (y == y)
    logarithm = getattr(xp, name)(xp.where(nothing, xp.ones_like(y), y))
    return xp.where(nothing, xp.zeros_like(logarithm * x), x * logarithm)


def _unless(corner: Node, value: Node) -> Partial:
    """Returns a slope that is 0 at the corner, where the quotient is 0 / 0."""
    return masked(apply_named("logical_not", corner), value)


def _steep(xp: Any, dx: Any, dy: Any, x: Any, y: Any) -> Any:
    return xp.where(dx == 0, 0.0, xp.where(dx > 0, -math.inf, math.inf))


xlogy = elementwise(
    "xlogy",
    run=lambda xp, x, y: _product(xp, x, y, "log"),
    partials=(
        lambda out, x, y: log(y),
        lambda out, x, y: _unless((x == 0) & (y == 0), x * inverse_positive(y)),
    ),
    peers={
        "jax": (lambda out, x, y: log(y), lambda out, x, y: x * inverse_positive(y)),
    },
    formula=lambda m, x, y: m.xlogy(x, y),
    latex=r"{0} \log({1})",
    flops=12,
    domain="y > 0",
    ulp=3.0,
    kink=Kink(
        where="x = y = 0",
        at=lambda xp, x, y: (x == 0) & (y == 0),
        slope=_steep,
        departs="JAX's slope by y is NaN at (0, 0), graphc's 0",
    ),
    doc="Returns x * log(y), and 0 where x is 0 (y NaN excepted).",
)
xlog1py = elementwise(
    "xlog1py",
    run=lambda xp, x, y: _product(xp, x, y, "log1p"),
    partials=(
        lambda out, x, y: log1p(y),
        lambda out, x, y: _unless((x == 0) & (y == -1), x * inverse_positive(y + 1)),
    ),
    peers={
        "jax": (lambda out, x, y: log1p(y), lambda out, x, y: x * inverse_positive(y + 1)),
    },
    formula=lambda m, x, y: m.xlog1py(x, y),
    latex=r"{0} \log(1 + {1})",
    flops=14,
    domain="y > -1",
    ulp=4.0,
    kink=Kink(
        where="x = 0 and y = -1",
        at=lambda xp, x, y: (x == 0) & (y == -1),
        slope=_steep,
        departs="JAX's slope by y is NaN at (0, -1), graphc's 0",
    ),
    doc="Returns x * log(1 + y), accurate for small y, and 0 where x is 0 (y NaN excepted).",
)


def _entr(xp: Any, x: Any) -> Any:
    inside = xp.where(x > 0, x, xp.ones_like(x))
    below = xp.where(x < 0, xp.full_like(x, -math.inf), x * 0)
    return xp.where(x > 0, -(inside * xp.log(inside)), below)


entr = elementwise(
    "entr",
    run=_entr,
    partials=(lambda out, x: -(log(x) + 1),),
    formula=lambda m, x: m.entr(x),
    latex=r"-{0} \log({0})",
    flops=13,
    domain="x > 0",
    ulp=3.0,
    doc="Returns -x * log(x), 0 at 0 and -infinity below; the slope at 0 is infinite.",
)
