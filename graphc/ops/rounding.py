"""Rounding to integers, and what is left over: elementwise records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.node import apply_named
from graphc.core.op import Kink, Op
from graphc.ops.define import PIECEWISE_CONSTANT, elementwise, require_numbers


def _at_integer(xp: Any, x: Any) -> Any:
    return xp.floor(x) == x


def _is_whole(x: Any) -> bool:
    return getattr(x.dtype, "kind", "f") in "iu"


def _rounding(
    name: str, latex: str, words: str, where: str = "a jump", at: Callable[..., Any] = _at_integer
) -> Op:
    return elementwise(
        name,
        run=lambda xp, x: x if _is_whole(x) else getattr(xp, name)(x),
        partials=PIECEWISE_CONSTANT,
        arity=1,
        formula=lambda m, x: getattr(m, name)(x),
        latex=latex,
        flops=1,
        domain="every x",
        ulp=0.0,
        meet="all",
        check=require_numbers,
        kink=Kink(
            where=where,
            at=at,
            slope=lambda xp, dx, x: dx * 0,
            departs="",
        ),
        doc=words,
    )


floor = _rounding("floor", r"\lfloor {0} \rfloor", "Returns the largest integer not above x.")
ceil = _rounding("ceil", r"\lceil {0} \rceil", "Returns the smallest integer not below x.")
round_ = _rounding(
    "round",
    r"\operatorname{{round}}({0})",
    "Returns the nearest integer, halves to even.",
    where="a jump, half-way between integers",
    at=lambda xp, x: x - xp.floor(x) == 0.5,
)
trunc = _rounding(
    "trunc",
    r"\operatorname{{trunc}}({0})",
    "Returns x rounded towards 0.",
    where="a jump, at every integer but 0",
    at=lambda xp, x: (xp.floor(x) == x) & (x != 0),
)
mod = elementwise(
    "mod",
    run=lambda xp, x, y: xp.mod(x, y),
    # round((x - out) / y), not floor(x / y), which is 1 too large just below a multiple of y.
    partials=(1.0, lambda out, x, y: -apply_named("stop_gradient", round_((x - out) / y))),
    formula=lambda m, x, y: x - y * m.floor(m.div(x, y)),
    latex=r"{0} \bmod {1}",
    flops=3,
    domain="y != 0",
    ulp=0.5,
    meet="all",
    kink=Kink(
        where="x a multiple of y (a jump)",
        at=lambda xp, x, y: xp.mod(x, y) == 0,
        slope=lambda xp, dx, dy, x, y: dx - dy * xp.floor(x / y),
        departs="",
    ),
    check=require_numbers,
    doc="Returns x mod y with the sign of y, as Python's %.",
)


def _floor_divide(xp: Any, x: Any, y: Any) -> Any:
    if getattr(x.dtype, "kind", "f") not in "iu":
        return xp.floor_divide(x, y)
    # XLA's answer for an integer over 0 differs from machine to machine.
    zero = xp.equal(y, 0)
    one = xp.ones_like(y)
    return xp.where(zero, 0, xp.floor_divide(x, xp.where(zero, one, y))).astype(x.dtype)


floor_divide = elementwise(
    "floor_divide",
    run=_floor_divide,
    partials=PIECEWISE_CONSTANT,
    arity=2,
    formula=lambda m, x, y: m.floor(m.div(x, y)),
    latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor",
    flops=4,
    domain="y != 0",
    ulp=1.0,  # beyond 2**53, where not every integer is a float
    meet="all",
    kink=Kink(
        where="x a multiple of y (a jump)",
        at=lambda xp, x, y: xp.mod(x, y) == 0,
        slope=lambda xp, dx, dy, x, y: dx * 0,
        departs="",
    ),
    check=require_numbers,
    doc="Returns the largest integer not above x / y, as Python's //; an integer over 0 gives 0.",
)
