"""The sine over its argument, and every derivative of it: one record with the order as parameter.

f_n, the n-th derivative of sin(t)/t, is the integral of s^n cos(t s + n pi/2) for s from 0 to 1.
By parts, t f_n = sin(t + n pi/2) - n f_(n-1). Upwards this recurrence multiplies the rounding by
n!/t^n, so below about t = n the power series of the integral takes over; it keeps its relative
accuracy down to t = 0, where differentiating the quotient leaves nothing but noise.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from graphc.core.errors import ArgumentError
from graphc.core.node import Node, apply_named, public
from graphc.core.type import TensorType
from graphc.ops.chain import Partial, add_up
from graphc.ops.define import elementwise, own_rounding

#: What the argument is multiplied by: nothing, or pi.
SCALES = ("1", "pi")
#: pi times 10**50, so that a power of pi is a quotient of integers, which is rounded once.
_PI = 314159265358979323846264338327950288419716939937510


def _sine(xp: Any, x: Any, t: Any, scale: str, quarter: int) -> Any:
    """Returns sin(t + quarter * pi/2) for t = x or t = pi * x."""
    if scale == "1":
        value = xp.cos(t) if quarter % 2 else xp.sin(t)
    else:
        # The distance to the nearest integer is exact; pi * x is not, and its error grows with x.
        whole = xp.round(xp.real(x))
        rest = x - whole
        if quarter % 2:
            rest = 0.5 - xp.where(xp.real(rest) < 0, -rest, rest)
        value = xp.sin(rest * math.pi)
        value = xp.where(xp.mod(whole, 2) == 0, value, -value)
    return -value if quarter % 4 >= 2 else value


def _near(order: int) -> float:
    """Returns up to which |t| the series is taken: there both ways have the same error."""
    return 1.0 + 0.5 * order


@cache
def _coefficients(order: int) -> list[float]:
    """Returns the series of f_n in t**2; an odd order has one more factor t."""
    power = order % 2
    found: list[float] = []
    while True:
        size = 1 / (math.factorial(power) * (power + order + 1))  # of integers: rounded once
        found.append(size * (-1) ** ((power + order) // 2))
        if size * _near(order) ** power < 2.0**-60:
            return found
        power += 2


@cache
def _pi_power(order: int) -> float:
    """Returns pi**order, rounded once."""
    return _PI**order / 10 ** (50 * order)


def _series(t: Any, order: int) -> Any:
    square = t * t
    total = square * 0
    for coefficient in reversed(_coefficients(order)):
        total = total * square + coefficient
    return total * t if order % 2 else total


def _run(xp: Any, x: Any, order: int, scale: str) -> Any:
    t = x * math.pi if scale == "pi" else x
    near = (t == 0) if order == 0 else xp.abs(t) < _near(order)
    far = xp.where(near, xp.ones_like(t), t)  # nothing is divided by 0, in the branch not taken too
    value = _sine(xp, x, t, scale, 0) / far
    for n in range(1, order + 1):
        value = (_sine(xp, x, t, scale, n) - value * n) / far
    value = xp.where(near, _series(t, order) if order else xp.ones_like(t), value)
    return value * _pi_power(order) if scale == "pi" and order else value


def _partial(out: Node, x: Node, order: int, scale: str) -> Partial:
    return sinc_op(x, order=order + 1, scale=scale)


def _rounding(node: Node) -> Node | None:
    """Returns the error of a value: beside its zeros it is relative to the next derivative's."""
    (x,), order = node.args, node.params["order"]
    following = sinc_op(x, order=order + 1, scale=node.params["scale"])
    near_zero = apply_named("minimum", apply_named("abs", x), 1.0) * following
    return add_up([own_rounding(node, 4.0), own_rounding(near_zero, 4.0)])


def _check(x: TensorType, order: int, scale: str) -> None:
    if isinstance(order, bool) or not isinstance(order, int) or order < 0:
        raise ArgumentError(f"order={order!r} is no count of derivatives", "for example order=1")
    if scale not in SCALES:
        raise ArgumentError(f"scale={scale!r} is neither '1' nor 'pi'")


sinc_op = elementwise(
    "sinc",
    run=_run,
    partials=(_partial,),
    formula=lambda m, x, order, scale: m.sinc(x, order, scale),
    latex=r"\operatorname{{sinc}}_{{{scale}}}^{{({order})}}({0})",
    flops=30,
    domain="every x",
    ulp=4.0,
    holomorphic=True,
    check=_check,
    rounding=_rounding,
    doc="Returns the derivative of that order of sin(s x) / (s x), with s = 1 or pi; 1 at 0.",
)


@public
def sinc(x: Any, *, normalized: bool = True) -> Node:
    """Returns sin(pi x) / (pi x), as NumPy and JAX do, or sin(x) / x; 1 at 0.

    All derivatives keep their digits, near 0 too.

    Args:
        x: any shape; pi x, or x itself, is in radians.
        normalized: True for the form with pi, False for sin(x) / x.

    Raises:
        ArgumentError: `normalized` is neither True nor False.
    """
    if not isinstance(normalized, bool):
        raise ArgumentError(
            f"normalized={normalized!r} is neither True nor False",
            "True is sin(pi x) / (pi x), False is sin(x) / x",
        )
    return sinc_op(x, order=0, scale="pi" if normalized else "1")
