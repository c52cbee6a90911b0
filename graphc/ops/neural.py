"""Activations of neural networks: elementwise records."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError
from graphc.core.node import Node, apply_named, scalar
from graphc.core.op import Kink
from graphc.core.type import TensorType
from graphc.ops.arithmetic import square
from graphc.ops.chain import Partial, masked
from graphc.ops.define import elementwise
from graphc.ops.exponential import exp, sigmoid
from graphc.ops.gaussian import gaussian, normal_cdf, normal_cdf_value
from graphc.ops.source import number

#: Klambauer et al., "Self-Normalizing Neural Networks" (2017), equation 14, to 34 digits.
SELU_ALPHA = "1.673263242354377284817042991671750"
SELU_SCALE = "1.050700987355480493419334985294600"
#: Beyond this the gate of gelu's tanh form is 0 or 1 in every dtype.
_GATE_END = 23.0
#: sqrt(8/pi) and 0.044715 sqrt(8/pi): the leading 13 bits, the rest, the whole.
_LINEAR = (1.595703125, 6.599660573071176e-05, 1.5957691216057308)
_CUBIC = (0.07135009765625, 4.718616350248776e-06, 0.07135481627260025)


def _at_zero(xp: Any, x: Any, **_: Any) -> Any:
    return x == 0


relu = elementwise(
    "relu",
    run=lambda xp, x: xp.relu(x),
    partials=(lambda out, x: x > 0,),
    formula=lambda m, x: m.where(x > 0, x, x * 0),
    latex=r"\operatorname{{relu}}({0})",
    flops=1,
    domain="every x",
    ulp=0.0,
    kink=Kink(where="x = 0", at=_at_zero, slope=lambda xp, dx, x: dx * 0, departs=""),
    doc="Returns max(x, 0); the slope at 0 is 0.",
)


def _leaky_partial(out: Node, x: Node, slope: float) -> Partial:
    return apply_named("where", x > 0, scalar(1.0, x.dtype), number(repr(slope), x.dtype))


def _leaky_from_right(out: Node, x: Node, slope: float) -> Partial:
    return apply_named("where", x >= 0, scalar(1.0, x.dtype), number(repr(slope), x.dtype))


leaky_relu_op = elementwise(
    "leaky_relu",
    run=lambda xp, x, slope: xp.leaky_relu(x, slope),
    partials=(_leaky_partial,),
    formula=lambda m, x, slope: m.where(x > 0, x, x * m.number(repr(slope))),
    latex=r"\operatorname{{lrelu}}({0})",
    flops=2,
    domain="every x",
    ulp=1.0,
    kink=Kink(
        where="x = 0",
        at=_at_zero,
        slope=lambda xp, dx, x, slope: dx * xp.number(repr(slope), dx),
        departs="JAX gives the right slope 1 at 0, graphc the left one",
    ),
    peers={"jax": (_leaky_from_right,)},
    doc="Returns x for x > 0 and slope * x below; the slope at 0 is the left one.",
)


@public
def leaky_relu(x: Any, slope: float = 0.01) -> Node:
    """Returns x for x > 0 and slope * x elsewhere (`slope` a number)."""
    return leaky_relu_op(x, slope=_number("slope", slope))


def _elu_partial(out: Node, x: Node, alpha: float) -> Partial:
    below = exp(apply_named("minimum", x, 0.0)) * number(repr(alpha), x.dtype)
    return apply_named("where", x > 0, scalar(1.0, x.dtype), below)


def _elu_slope(xp: Any, dx: Any, x: Any, alpha: float) -> Any:
    return dx * xp.number(repr(alpha), dx)


elu_op = elementwise(
    "elu",
    run=lambda xp, x, alpha: xp.elu(x, alpha),
    partials=(_elu_partial,),
    formula=lambda m, x, alpha: m.where(x > 0, x, m.expm1(m.min(x, 0)) * m.number(repr(alpha))),
    latex=r"\operatorname{{elu}}({0})",
    flops=14,
    domain="every x",
    ulp=4.0,
    kink=Kink(where="x = 0 (smooth where alpha = 1)", at=_at_zero, slope=_elu_slope, departs=""),
    doc="Returns x for x > 0 and alpha * (e**x - 1) below; the slope at 0 is alpha.",
)


@public
def elu(x: Any, alpha: float = 1.0) -> Node:
    """Returns x for x > 0 and alpha * (e**x - 1) elsewhere (`alpha` a number)."""
    return elu_op(x, alpha=_number("alpha", alpha))


def _selu_partial(out: Node, x: Node) -> Partial:
    scale, alpha = number(SELU_SCALE, x.dtype), number(SELU_ALPHA, x.dtype)
    below = exp(apply_named("minimum", x, 0.0)) * (scale * alpha)
    return apply_named("where", x > 0, scale, below)


selu = elementwise(
    "selu",
    run=lambda xp, x: xp.selu(x, SELU_SCALE, SELU_ALPHA),
    partials=(_selu_partial,),
    formula=lambda m, x: m.where(
        x > 0,
        x * m.number(SELU_SCALE),
        m.expm1(m.min(x, 0)) * m.number(SELU_SCALE) * m.number(SELU_ALPHA),
    ),
    latex=r"\operatorname{{selu}}({0})",
    flops=15,
    domain="every x",
    ulp=3.0,
    kink=Kink(
        where="x = 0",
        at=_at_zero,
        slope=lambda xp, dx, x: dx * xp.number(SELU_SCALE, dx) * xp.number(SELU_ALPHA, dx),
        departs="",
    ),
    doc="Returns the self-normalising elu of Klambauer et al. (2017); left slope at 0.",
)
silu = elementwise(
    "silu",
    run=lambda xp, x: xp.multiply(x, xp.sigmoid(x)),
    partials=(lambda out, x: sigmoid(x) * (1 + x * sigmoid(-x)),),
    formula=lambda m, x: m.div(x, 1 + m.exp(-x)),
    latex=r"\operatorname{{silu}}({0})",
    flops=13,
    domain="every x",
    ulp=3.0,
    holomorphic=True,
    doc="Returns x * sigmoid(x), also called swish.",
)


def _gate_argument(xp: Any, x: Any) -> tuple[Any, Any]:
    """Returns u = sqrt(8/pi) (x + 0.044715 x**3) and what its float leaves out.

    In the tail e**u has the error of u, which reaches -745. In float64 u is summed exactly: with 13
    bits of x, of its cube 39, and 13 of the cube's factor, their products and sum are no roundings.
    """
    if x.dtype.kind == "c" or x.dtype.itemsize < 8:
        return (x + 0.044715 * (x * x * x)) * math.sqrt(8 / math.pi), None
    size = xp.minimum(xp.maximum(x, -_GATE_END), _GATE_END)
    head = xp.round(size * 256) * (1 / 256)
    rest, cube = size - head, head * head * head
    whole = cube * _CUBIC[0] + head * _LINEAR[0]
    moved = (head * (size + head) + size * size) * (rest * _CUBIC[2]) + rest * _LINEAR[2]
    rest = moved + (cube * _CUBIC[1] + head * _LINEAR[1])
    total = whole + rest
    return total, (whole - total) + rest


def _gate_value(xp: Any, x: Any, order: int) -> Any:
    u, left = _gate_argument(xp, x)
    below = xp.real(u) < 0
    small = xp.exp(xp.where(below, u, -u))
    whole = small + 1
    if order:
        value, slope = small / (whole * whole), xp.maximum(xp.minimum(u * -0.5, 1.0), -1.0)
    else:
        value = xp.where(below, small, xp.ones_like(small)) / whole
        slope = 1 - value
    return value if left is None else value + value * (left * slope)


def _gate_partial(out: Node, x: Node, order: int) -> Partial:
    dtype = x.dtype
    slope = number("0.134145*sqrt(8/pi)", dtype) * square(x) + number("sqrt(8/pi)", dtype)
    if order == 0:
        return masked(abs(x) < _GATE_END, gelu_gate(x, order=1) * slope)
    inner = (x + number("0.044715", dtype) * x**3) * number("sqrt(8/pi)", dtype)
    return masked(abs(x) < _GATE_END, -(out * apply_named("tanh", inner * 0.5) * slope))


def _gate_formula(m: Any, x: Any, order: int) -> Any:
    inner = (x + m.number("0.044715") * x * x * x) * m.number("sqrt(8/pi)")
    value = m.div(1, 1 + m.exp(-inner))
    return value * m.div(1, 1 + m.exp(inner)) if order else value


def _gate_rounding(node: Node) -> float:
    # In float32 the tail keeps the error of u, which reaches -104; 16 bits are computed in 32.
    return 400.0 if node.type.dtype.bits == 32 else 6.0


def _check_order(x: TensorType, order: int) -> None:
    if order not in (0, 1):
        raise ArgumentError(f"order={order!r} is neither 0 nor 1")


gelu_gate = elementwise(
    "gelu_gate",
    run=_gate_value,
    partials=(_gate_partial,),
    formula=_gate_formula,
    latex=r"\sigma^{{({order})}}\left(\sqrt{{8/\pi}} ({0} + 0.044715 \, {0}^3)\right)",
    flops=30,
    domain="every x",
    ulp=5.0,
    rounding=_gate_rounding,
    holomorphic=True,
    check=_check_order,
    doc="Returns s(u), or s(u) s(-u), of u = sqrt(8/pi) (x + 0.044715 x**3), s the sigmoid.",
)


def _gelu_partial(out: Node, x: Node, approximate: bool) -> Partial:
    if approximate:
        gate = gelu_gate(x, order=0)
        slope = _gate_partial(gate, x, 0)
        assert isinstance(slope, Node)
        return gate + x * slope
    density = gaussian(x, factor=0.5) * number("1/sqrt(2*pi)", x.dtype)
    return normal_cdf(x) + x * density


def _gelu_run(xp: Any, x: Any, approximate: bool) -> Any:
    # 0.5 (1 + tanh(u)) is sigmoid(2u), which keeps its digits in the left tail.
    return x * (_gate_value(xp, x, 0) if approximate else normal_cdf_value(xp, x))


def _gelu_formula(m: Any, x: Any, approximate: bool) -> Any:
    if approximate:
        return x * _gate_formula(m, x, 0)
    return x * m.erfc(x * m.number("-1/sqrt(2)")) / 2


def _check_gelu(x: TensorType, approximate: bool) -> None:
    if not isinstance(approximate, bool):
        raise ArgumentError(
            f"approximate={approximate!r} is neither True nor False",
            "True is the form with tanh, False the one with erf",
        )


gelu_op = elementwise(
    "gelu",
    run=_gelu_run,
    partials=(_gelu_partial,),
    formula=_gelu_formula,
    latex=r"\operatorname{{gelu}}({0})",
    flops=25,
    domain="every x",
    ulp=7.0,
    rounding=lambda node: _gate_rounding(node) if node.params["approximate"] else 7.0,
    check=_check_gelu,
    doc="Returns x * Phi(x), exactly (approximate=False) or by its tanh form (True).",
)


@public
def gelu(x: Any, *, approximate: bool) -> Node:
    """Returns x times the normal distribution function of x.

    `approximate` must be written, because systems differ in silence: False is the erf form
    (PyTorch's default), True the tanh form (JAX's default); they differ by up to 5e-4.
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).
    """
    return gelu_op(x, approximate=approximate)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ArgumentError(f"{name}={value!r} is no number", f"give {name} as a Python number")
    try:
        return float(value)
    except OverflowError:
        raise ArgumentError(f"{name} is too large an integer", f"give {name} as a float") from None
