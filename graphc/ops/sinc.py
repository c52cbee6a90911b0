"""The sine over its argument, and every derivative of it: one record with the order as parameter.

f_n, the n-th derivative of sin(t)/t, is the integral of s^n cos(t s + n pi/2) for s from 0 to 1.
By parts, t f_n = sin(t + n pi/2) - n f_(n-1). Upwards this recurrence multiplies the rounding by
n/t at each step, so below t = n it is taken downwards, from an order so high that nothing is left
of its start (Miller's way); that keeps its relative accuracy down to t = 0, where differentiating
the quotient leaves nothing but noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node, apply_named
from graphc.core.type import TensorType
from graphc.ops.chain import Partial, add_up
from graphc.ops.define import elementwise, own_rounding

#: Derivatives beyond this one are refused: their work grows with the order.
MAX_ORDER = 100
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
    """Returns from which |t| on the recurrence may go upwards: no rounding grows there."""
    return max(1.5, float(order))


@cache
def _start(order: int) -> int:
    """Returns from which order it goes downwards so that nothing is left of the start's error."""
    top, left = order, 1.0
    while left > 2.0**-60:
        top += 1
        left *= _near(order) / (top + 1)
    return top


@cache
def _pi_power(order: int) -> float:
    """Returns pi**order, rounded once."""
    return _PI**order / 10 ** (50 * order)


def _run(xp: Any, x: Any, order: int, scale: str) -> Any:
    t = x * math.pi if scale == "pi" else x
    turns = [_sine(xp, x, t, scale, quarter) for quarter in (0, 1)]
    turns += [-turns[0], -turns[1]]
    near = (t == 0) if order == 0 else xp.abs(t) < _near(order)
    far = xp.where(near, xp.ones_like(t), t)  # nothing is divided by 0, in the branch not taken too
    value = turns[0] / far
    for n in range(1, order + 1):
        value = (turns[n % 4] - value * n) / far
    value = xp.where(near, _downwards(xp, turns, t, order), value)
    return value * _pi_power(order) if scale == "pi" and order else value


def _downwards(xp: Any, turns: Sequence[Any], t: Any, order: int) -> Any:
    if order == 0:
        return xp.ones_like(t)
    inside = xp.where(xp.abs(t) < _near(order), t, xp.ones_like(t))
    value = inside * 0
    for n in range(_start(order), order, -1):
        value = (turns[n % 4] - inside * value) / n
    return value


def _partial(out: Node, x: Node, order: int, scale: str) -> Partial:
    return sinc_op(x, order=order + 1, scale=scale)


def _rounding(node: Node) -> Node | None:
    """Returns the error of a value: beside its zeros it is relative to the next derivative's."""
    (x,), order = node.args, node.params["order"]
    if order == MAX_ORDER:
        return own_rounding(node, 4.0)
    following = sinc_op(x, order=order + 1, scale=node.params["scale"])
    near_zero = apply_named("minimum", apply_named("abs", x), 1.0) * following
    return add_up([own_rounding(node, 4.0), own_rounding(near_zero, 4.0)])


def _check(x: TensorType, order: int, scale: str) -> None:
    if isinstance(order, bool) or not isinstance(order, int) or not 0 <= order <= MAX_ORDER:
        raise ArgumentError(
            f"order={show_value(order)} is no count of derivatives up to {MAX_ORDER}",
            "for example order=1",
        )
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
