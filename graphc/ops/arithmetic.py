"""Arithmetic, powers, signs: elementwise records."""

from __future__ import annotations

from typing import Any

from graphc.core.dtype import weak_name
from graphc.core.errors import ArgumentError, DTypeError
from graphc.core.node import Node, apply_named, public, scalar
from graphc.core.op import Kink
from graphc.core.type import TensorType
from graphc.ops.chain import Partial, is_constant, masked
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
    partials=(lambda out, x, y: reciprocal(y), lambda out, x, y: -(out / y)),
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
    formula=lambda m, x: m.where(x < 0, m.nan, m.div(1, x)),
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


def _pow_x(out: Node, x: Node, y: Node) -> Partial:
    if y.op.name == "constant" and not y.type.shape:
        return None if is_constant(y, 0.0) else y * pow_(x, y - 1)
    return masked(y != 0, y * pow_(x, y - 1))


def _pow_y(out: Node, x: Node, y: Node) -> Partial:
    return masked(x != 0, out * apply_named("log", x))


def _pow_x_plain(out: Node, x: Node, y: Node) -> Partial:
    return y * pow_(x, y - 1)


def _pow_y_jax(out: Node, x: Node, y: Node) -> Partial:
    return apply_named("log", apply_named("where", x == 0, scalar(1.0, x.dtype), x)) * out


def _pow_y_plain(out: Node, x: Node, y: Node) -> Partial:
    return out * apply_named("log", x)


pow_ = elementwise(
    "pow",
    run=lambda xp, x, y: xp.power(x, y),
    partials=(_pow_x, _pow_y),
    formula=lambda m, x, y: m.power(x, y),
    latex="{0}^{{{1}}}",
    flops=20,
    domain="x > 0, or x < 0 with y an integer",
    ulp=1.0,
    holomorphic=True,
    kink=Kink(
        # At x = 0 with 0 < y < 1 the slope is infinite, and no convention.
        where="x = 0 with y = 0, or with y > 1 no integer (the slope is 0 in both)",
        at=lambda xp, x, y: (x == 0) & ((y == 0) | (y > 1) & (y != xp.floor(y))),
        slope=lambda xp, dx, dy, x, y: dx * 0,
        departs="JAX gives NaN in x where x and y are both 0.0",
    ),
    peers={
        "jax": (_pow_x_plain, _pow_y_jax),
        "casadi": (_pow_x, _pow_y_plain),
        "sympy": (lambda out, x, y: out * y / x, _pow_y_plain),
    },
    doc="Returns x ** y. d/dx is 0 where y = 0; d/dy is 0 where x = 0.",
)


def _integer_pow_partial(out: Node, x: Node, exponent: int) -> Partial:
    if exponent in (0, 1):
        return None if exponent == 0 else 1.0
    return (x if exponent == 2 else integer_pow(x, exponent=exponent - 1)) * exponent


def _check_integer_pow(x: TensorType, exponent: int) -> None:
    if isinstance(exponent, bool) or not isinstance(exponent, int):
        raise ArgumentError(f"the exponent {exponent!r} is no integer", "use gx.pow")
    require_numbers(x)
    if abs(exponent) > 2**53:
        raise ArgumentError(f"the exponent has {exponent.bit_length()} bits, above 53")
    if x.dtype.is_integer and exponent < 0:
        raise DTypeError("an integer has no negative power", "cast to a float dtype first")


integer_pow = elementwise(
    "integer_pow",
    run=lambda xp, x, exponent: xp.integer_pow(x, exponent),
    partials=(_integer_pow_partial,),
    formula=lambda m, x, exponent: m.power(x, exponent),
    latex="{0}^{{{exponent}}}",
    flops=4,
    domain="every x; x != 0 where the exponent is negative",
    ulp=4.0,
    # Repeated products, and one division: each of |exponent| - 1 factors adds half an ulp.
    rounding=lambda node: 0.5 * min(abs(node.params["exponent"]), 1024) + 1.0,
    meet="all",
    holomorphic=True,
    check=_check_integer_pow,
    doc="Returns x ** exponent for a Python integer; x ** 0 is 1 with slope 0 everywhere.",
)


@public
def pow(x: Any, y: Any) -> Node:
    """Returns x ** y, elementwise with broadcasting.

    A Python number y that is an integer keeps x's dtype and is exact in the slope (`integer_pow`),
    1/2 becomes sqrt; everything else is `pow`.
    """
    if weak_name(y) in ("i*", "f*") and isinstance(x, Node):
        whole = isinstance(y, int) or (y == y and abs(y) < 2**53 and y == int(y))
        if whole and (x.type.dtype.is_inexact or isinstance(y, int)):
            return integer_pow(x, exponent=int(y))
        if y == 0.5:
            return apply_named("sqrt", x)
    return pow_(x, y)


sign = elementwise(
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
    check=require_numbers,
    doc="Returns |x|; the slope at 0 is 0.",
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
    kink=sign.kink,
    check=require_numbers,
    doc="Returns sign(x) as the slope of |x|; differentiating it again gives 0 without a warning.",
)


def right_sign(x: Node) -> Node:
    """Returns the slope of |x| that is 1 at 0, as JAX has it."""
    return apply_named("where", x >= 0, scalar(1.0, x.dtype), scalar(-1.0, x.dtype))


hypot = elementwise(
    "hypot",
    run=lambda xp, x, y: xp.hypot(x, y),
    partials=(
        lambda out, x, y: masked(out != 0, x / out),
        lambda out, x, y: masked(out != 0, y / out),
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
        "sympy": (lambda out, x, y: x / out, lambda out, x, y: y / out),
    },
    doc="Returns sqrt(x**2 + y**2) without overflow; the slope at (0, 0) is 0.",
)
