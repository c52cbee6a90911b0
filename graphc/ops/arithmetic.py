"""Arithmetic, powers, signs: elementwise records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.op import Kink, Peer
from graphc.ops.chain import broadcast_to, chain
from graphc.ops.define import PIECEWISE_CONSTANT, elementwise, require_numbers

add = elementwise(
    "add",
    run=lambda xp, x, y: xp.add(x, y),
    partials=(1.0, 1.0),
    formula=lambda m, x, y: x + y,
    latex="{0} + {1}",
    flops=1,
    domain="every x, y",
    ulp=0.5,
    meet="all",
    holomorphic=True,
    doc="Returns x + y, elementwise with broadcasting.",
)
sub = elementwise(
    "sub",
    run=lambda xp, x, y: xp.subtract(x, y),
    partials=(1.0, -1.0),
    formula=lambda m, x, y: x - y,
    latex="{0} - {1}",
    flops=1,
    domain="every x, y",
    ulp=0.5,
    meet="all",
    holomorphic=True,
    check=require_numbers,
    doc="Returns x - y, elementwise with broadcasting.",
)
mul = elementwise(
    "mul",
    run=lambda xp, x, y: xp.multiply(x, y),
    partials=(lambda out, x, y: y, lambda out, x, y: x),
    formula=lambda m, x, y: x * y,
    latex=r"{0} \, {1}",
    flops=1,
    domain="every x, y",
    ulp=0.5,
    meet="all",
    holomorphic=True,
    doc="Returns x * y, elementwise with broadcasting.",
)
div = elementwise(
    "div",
    run=lambda xp, x, y: xp.divide(x, y),
    # out * (1 / y), not out / y: XLA makes x / y / y into x / (y * y), and y * y out of range.
    partials=(lambda out, x, y: reciprocal(y), lambda out, x, y: -(out * reciprocal(y))),
    formula=lambda m, x, y: m.div(x, y),
    latex=r"\frac{{{0}}}{{{1}}}",
    flops=1,
    domain="y != 0",
    ulp=1.0,  # XLA divides by a broadcast number as x * (1 / y)
    holomorphic=True,
    doc="Returns x / y, elementwise with broadcasting; integers are divided as floats.",
)
neg = elementwise(
    "neg",
    run=lambda xp, x: xp.negative(x),
    partials=(-1.0,),
    formula=lambda m, x: -x,
    latex="-{0}",
    flops=1,
    domain="every x",
    ulp=0.0,
    meet="all",
    holomorphic=True,
    check=require_numbers,
    doc="Returns -x.",
)
reciprocal = elementwise(
    "reciprocal",
    run=lambda xp, x: xp.divide(xp.ones_like(x), x),
    partials=(lambda out, x: -square(out),),
    formula=lambda m, x: m.div(1, x),
    latex=r"\frac{{1}}{{{0}}}",
    flops=1,
    domain="x != 0",
    ulp=0.5,
    holomorphic=True,
    doc="Returns 1 / x.",
)
# log and its kin have no value for a negative argument, so they must have no slope there either.
inverse_positive = elementwise(
    "inverse_positive",
    run=lambda xp, x: xp.where(
        xp.real(x) < 0, xp.full_like(x, xp.nan), xp.divide(xp.ones_like(x), x)
    ),
    partials=(lambda out, x: -square(out),),
    formula=lambda m, x: m.where(m.real(x) < 0, m.nan, m.div(1, x)),
    latex=r"\frac{{1}}{{{0}}}",
    flops=1,
    domain="x > 0",
    ulp=0.5,
    holomorphic=True,
    doc="Returns 1 / x for x >= 0 and NaN below: the slope of a logarithm, where it has one.",
)
square = elementwise(
    "square",
    run=lambda xp, x: xp.multiply(x, x),
    partials=(lambda out, x: x * 2,),
    formula=lambda m, x: x * x,
    latex="{0}^2",
    flops=1,
    domain="every x",
    ulp=0.5,
    meet="all",
    holomorphic=True,
    doc="Returns x * x.",
)
sign_op = elementwise(
    "sign",
    run=lambda xp, x: xp.sign(x),
    partials=PIECEWISE_CONSTANT,
    arity=1,
    formula=lambda m, x: m.sign(x),
    latex=r"\operatorname{{sign}}({0})",
    flops=1,
    domain="every x",
    ulp=0.0,
    meet="all",
    kink=Kink(
        where="x = 0 (a jump)",
        at=lambda xp, x: x == 0,
        slope=lambda xp, dx, x: dx * 0,
        departs="",
    ),
    check=require_numbers,
    doc="Returns -1, 0 or 1.",
)


@public
def sign(x: Any) -> Node:
    """Returns -1, 0 or 1; of a complex number z / |z|, and 0 of 0.

    The slope of a complex number's sign is that of z / |z|, and 0 at 0.
    """
    node = as_node(x)
    if node.dtype.kind != "c":
        return sign_op(node)
    none = node == 0
    size = apply_named("where", none, scalar(1.0, node.dtype), node)
    return apply_named("where", none, scalar(0.0, node.dtype), size / abs_(size))


# |z| = sqrt(z conj(z)) is not holomorphic: it moves by Re(dz conj(z)) / |z|, and by 0 at 0.


def _unit(node: Node) -> Node:
    """Returns conj(z) / |z|, and 0 at 0."""
    (z,) = node.args
    none = node == 0
    size = apply_named("where", none, scalar(1.0, node.dtype), node)
    return apply_named("conj", z) / size


def _modulus_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    value = chain(adjoint, _unit(node))
    return [None if value is None else broadcast_to(value, node.shape)]


def _modulus_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    (tangent,) = tangents
    if tangent is None:
        return None
    return broadcast_to(apply_named("real", tangent * _unit(node)), node.shape)


abs_ = elementwise(
    "abs",
    run=lambda xp, x: xp.abs(x),
    partials=(lambda out, x: step_sign(x),),
    formula=lambda m, x: m.abs(x),
    latex=r"\left|{0}\right|",
    flops=1,
    domain="every x",
    ulp=0.0,
    meet="all",
    kink=Kink(
        where="x = 0",
        at=lambda xp, x: x == 0,
        slope=lambda xp, dx, x: dx * 0,
        departs="JAX gives slope 1 at 0, graphc 0 (the least element of the subdifferential)",
    ),
    peers={"jax": (lambda out, x: right_sign(x),)},
    complex_rules=Peer(_modulus_vjp, _modulus_jvp),
    check=require_numbers,
    doc="Returns |x|, the modulus of a complex number; the slope at 0 is 0.",
)
# The slope of |x| is a step function on purpose, so it does not warn as `sign` does.
step_sign = elementwise(
    "step_sign",
    run=lambda xp, x: xp.sign(x),
    partials="a step: its derivative is 0",
    arity=1,
    formula=lambda m, x: m.sign(x),
    latex=r"\operatorname{{sign}}({0})",
    flops=1,
    domain="every x",
    ulp=0.0,
    meet="all",
    kink=sign_op.kink,
    check=require_numbers,
    doc="Returns sign(x) as the slope of |x|; differentiating it again gives 0 without a warning.",
)


def right_sign(x: Node) -> Node:
    """Returns the slope of |x| that is 1 at 0, as JAX has it."""
    return apply_named("where", x >= 0, scalar(1.0, x.dtype), scalar(-1.0, x.dtype))
