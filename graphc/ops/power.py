"""Powers: elementwise records."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import weak_name
from graphc.core.errors import ArgumentError, DTypeError
from graphc.core.node import Node, apply_named, scalar
from graphc.core.op import Kink
from graphc.core.type import TensorType
from graphc.ops.chain import Partial, is_constant, masked
from graphc.ops.define import NO_NUMBERS, elementwise, require_numbers

#: The largest exponent up to which a power is a product, which is as good.
PRODUCTS = 8


def _pow_x(out: Node, x: Node, y: Node) -> Partial:
    if y.op.name == "constant" and not y.type.shape:
        if is_constant(y, 0.0):
            return None
        # From 1/2 on y - 1 is exact; below, its rounding counts log(x) times.
        exact = bool(y.params["value"].array >= 0.5)
        return y * (pow_(x, y - 1) if exact else pow_less(x, y, steps=1))
    return masked(y != 0, y * pow_less(x, y, steps=1))


def _pow_y(out: Node, x: Node, y: Node) -> Partial:
    return masked(x != 0, out * apply_named("log", x))


def _pow_x_plain(out: Node, x: Node, y: Node) -> Partial:
    return y * pow_(x, y - 1)


def _pow_y_jax(out: Node, x: Node, y: Node) -> Partial:
    return apply_named("log", apply_named("where", x == 0, scalar(1.0, x.dtype), x)) * out


def _pow_y_plain(out: Node, x: Node, y: Node) -> Partial:
    return out * apply_named("log", x)


def _at_kink(xp: Any, x: Any, y: Any) -> Any:
    y = xp.real(y)  # complex numbers have no order
    return (x == 0) & ((y == 0) | (y > 1) & (y != xp.floor(y)))


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
        at=_at_kink,
        slope=lambda xp, dx, dy, x, y: dx * 0,
        departs="JAX gives NaN in x where x and y are both 0.0",
    ),
    peers={
        "jax": (_pow_x_plain, _pow_y_jax),
        "pytensor": (_pow_x_plain, _pow_y),
        "casadi": (_pow_x_plain, _pow_y_plain),
        "sympy": (lambda out, x, y: out * y / x, _pow_y_plain),
    },
    doc="Returns x ** y. d/dx is 0 where y = 0; d/dy is 0 where x = 0.",
)


def _pow_less_run(xp: Any, x: Any, y: Any, steps: int) -> Any:
    # y - steps is exact from steps / 2 on. Below, x**y is divided: it can't overflow before.
    exact = (xp.real(y) >= steps * 0.5) | (x == 0)
    raised = xp.power(x, xp.where(exact, y - steps, y))
    below = xp.where(exact, xp.ones_like(x), x)
    raised = raised / below
    for _ in range(steps - 1):
        raised = raised * (1 / below)  # no division: XLA makes a / b / b into a / (b * b)
    return raised


def _pow_less_x(out: Node, x: Node, y: Node, steps: int) -> Partial:
    return masked(y != steps, (y - steps) * pow_less(x, y, steps=steps + 1))


def _check_steps(x: TensorType, y: TensorType, steps: int) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ArgumentError(f"steps={steps!r} is no positive integer", "use gx.pow")


pow_less = elementwise(
    "pow_less",
    run=_pow_less_run,
    partials=(_pow_less_x, lambda out, x, y, steps: _pow_y(out, x, y)),
    formula=lambda m, x, y, steps: m.power(x, y - steps),
    latex="{0}^{{{1} - {steps}}}",
    flops=22,
    domain="x > 0, or x < 0 with y an integer",
    ulp=3.0,
    holomorphic=True,
    kink=Kink(
        where="as for x ** y",
        at=lambda xp, x, y, steps: _at_kink(xp, x, y - steps),
        slope=lambda xp, dx, dy, x, y, steps: dx * 0,
        departs="",
    ),
    check=_check_steps,
    doc="Returns x ** (y - steps), the slope of x ** y, where y - steps may be no float.",
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
        raise ArgumentError(
            f"the exponent has {exponent.bit_length()} bits, above 53", "give it as a float"
        )
    if x.dtype.is_integer and exponent >= x.dtype.bits:
        raise DTypeError(
            f"every integer but 0, 1 and -1 overflows {x.dtype.name} to the power of {exponent}",
            "cast to a float dtype first",
        )
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
    # Repeated products, and one division: each of |exponent| - 1 factors adds half an ulp. Above
    # that they are formed in twice the digits, or the power is taken.
    rounding=lambda node: 0.5 * min(abs(node.params["exponent"]), PRODUCTS) + 1.0,
    meet="all",
    holomorphic=True,
    check=_check_integer_pow,
    doc="Returns x ** exponent for a Python integer; x ** 0 is 1 with slope 0 everywhere.",
)


def _whole_run(xp: Any, x: Any, y: Any) -> Any:
    zero, one = xp.zeros_like(x), xp.ones_like(x)
    raised = xp.power(x, xp.where(y < 0, xp.zeros_like(y), y))
    # 1 / x ** -y cut towards 0: only 1 and -1 leave something.
    odd = xp.bitwise_and(y, xp.ones_like(y)) != 0
    below = xp.where(xp.abs(x) == 1, xp.where(odd, x, one), zero)
    return xp.where(y < 0, below, raised).astype(x.dtype)


def _require_integers(*types: TensorType) -> None:
    for position, t in enumerate(types):
        if not t.dtype.is_integer:
            raise DTypeError(f"operand {position} is {t}, no integer", "use gx.pow")


whole_pow = elementwise(
    "whole_pow",
    run=_whole_run,
    partials=NO_NUMBERS,
    arity=2,
    formula=lambda m, x, y: x**y if y >= 0 else (x if y % 2 else 1) * (abs(x) == 1),
    latex="{0}^{{{1}}}",
    flops=6,
    domain="integers",
    ulp=0.0,
    meet="all",
    check=_require_integers,
    doc="Returns x ** y of integers, cut to their width; a negative power is cut towards 0.",
)


@public
def pow(x: Any, y: Any) -> Node:
    """Returns x ** y, elementwise with broadcasting; of integers an integer, cut to its width.

    A Python number y that is an integer keeps x's dtype and is exact in the slope (`integer_pow`),
    1/2 becomes sqrt; everything else is `pow`.
    """
    if weak_name(y) in ("i*", "f*") and isinstance(x, Node):
        whole = isinstance(y, int) or (y == y and abs(y) < 2**53 and y == int(y))
        if whole and (x.type.dtype.is_inexact or isinstance(y, int)):
            return integer_pow(x, exponent=int(y))
        if y == 0.5:
            return apply_named("sqrt", x)
    if _are_integers(x, y):
        return whole_pow(x, y)
    return pow_(x, y)


def _are_integers(*operands: Any) -> bool:
    """Returns whether all are graph values or arrays of integers, or Python integers."""
    kinds = [
        "i" if weak_name(o) == "i*" else getattr(getattr(o, "dtype", None), "kind", "f")
        for o in operands
        if not isinstance(o, Node) or isinstance(o.type, TensorType)
    ]
    return len(kinds) == len(operands) and all(k in ("i", "u") for k in kinds)
