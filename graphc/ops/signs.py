"""The sign of a number, its neighbours, what stands in for NaN, and angles in degrees."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

from graphc.core.calls import public
from graphc.core.dtype import weak_name
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.op import Kink
from graphc.ops.arithmetic import right_sign, step_sign
from graphc.ops.define import elementwise, require_numbers
from graphc.ops.source import number


def _unit(x: Node, y: Node) -> Node:
    """Returns 1 with the sign of y."""
    return copysign(scalar(1.0, x.dtype), y)


copysign = elementwise(
    "copysign",
    run=lambda xp, x, y: xp.copysign(x, y),
    partials=(lambda out, x, y: step_sign(x) * _unit(x, y), lambda out, x, y: None),
    formula=lambda m, x, y: m.where(y < 0, -m.abs(x), m.abs(x)),
    latex=r"|{0}| \operatorname{{sign}}({1})",
    flops=2,
    domain="x, y not both 0",
    ulp=0.0,
    kink=Kink(
        where="x = 0, or y = 0 (a jump)",
        at=lambda xp, x, y: (x == 0) | (y == 0),
        slope=lambda xp, dx, dy, x, y: dx * xp.sign(x) * xp.copysign(xp.sign(x), y),
        departs="JAX gives slope 1 or -1 at x = 0, by the sign of y, graphc 0, as for abs",
    ),
    peers={"jax": (lambda out, x, y: right_sign(x) * _unit(x, y), lambda out, x, y: None)},
    doc="Returns x with the sign of y, that of a zero included; at x = 0 the slope is 0.",
)
nextafter = elementwise(
    "nextafter",
    run=lambda xp, x, y: xp.nextafter(x, y),
    # As a function of real numbers it is x, computed with an error of one unit in the last place.
    partials=(1.0, lambda out, x, y: None),
    formula=lambda m, x, y: x,
    latex=r"\operatorname{{nextafter}}({0}, {1})",
    flops=1,
    domain="every x, y",
    ulp=2.0,
    doc="Returns the float after x on the way to y; its slope is that of x: 1 by x and 0 by y.",
)


@public
def signbit(x: Any) -> Node:
    """Returns whether each number's sign bit is set: true of -0.0 and of negative numbers.

    Args:
        x: floats or integers of any shape.

    Raises:
        DTypeError: x is bool.
    """
    node = as_node(x)
    require_numbers(node.type)
    if not node.dtype.is_float:
        return node < 0
    return copysign(np.ones((), node.dtype.numpy), node) < 0


@public
def fmod(x: Any, y: Any) -> Node:
    """Returns what is left of x / y with the sign of x, as C does; `mod` takes the sign of y.

    Args:
        x: any shape.
        y: any shape that fits; where it is 0 the result is NaN, of integers 0.
    """
    left, right = as_node(x), as_node(y)
    if weak_name(x):
        left = as_node(x, right.dtype) if not isinstance(x, float) or right.dtype.is_float else left
    elif weak_name(y):
        right = as_node(y, left.dtype) if not isinstance(y, float) or left.dtype.is_float else right
    size = apply_named("abs", right)
    return apply_named(
        "where",
        left < 0,
        apply_named("neg", apply_named("mod", apply_named("neg", left), size)),
        apply_named("mod", left, size),
    )


@public
def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Node:
    """Returns x with numbers in place of NaN and the infinities, whose slope is 0.

    Args:
        x: any shape; integers are returned as they are.
        nan: what stands in for NaN.
        posinf: what stands in for infinity; by default the dtype's largest number.
        neginf: what stands in for -infinity; by default the dtype's lowest number.

    Raises:
        ArgumentError: a replacement is no number.
    """
    node = as_node(x)
    for name, value in (("nan", nan), ("posinf", posinf), ("neginf", neginf)):
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not plain and not (value is None and name != "nan"):
            raise ArgumentError(
                f"{name}={show_value(value)} is no number", f"for example {name}=0.0"
            )
    if not node.dtype.is_float:
        return node
    largest = float(ml_dtypes.finfo(node.dtype.numpy).max)
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    node = apply_named("where", node == math.inf, high, node)
    node = apply_named("where", node == -math.inf, low, node)
    return apply_named("where", node != node, nan, node)


@public
def radians(x: Any) -> Node:
    """Returns an angle in degrees as radians, x * pi / 180.

    Args:
        x: any shape, in degrees.
    """
    node = _floats(x)
    return node * number("pi/180", node.dtype)


@public
def degrees(x: Any) -> Node:
    """Returns an angle in radians as degrees, x * 180 / pi.

    Args:
        x: any shape, in radians.
    """
    node = _floats(x)
    return node * number("180/pi", node.dtype)


def _floats(x: Any) -> Node:
    node = as_node(x)
    return node if node.dtype.is_inexact else node * 1.0
