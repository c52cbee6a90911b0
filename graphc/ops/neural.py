"""Activations of neural networks: elementwise records."""

from __future__ import annotations

from typing import Any

from graphc.core.errors import ArgumentError
from graphc.core.node import Node, apply_named, public, scalar
from graphc.core.op import Kink
from graphc.core.type import TensorType
from graphc.ops.chain import Partial
from graphc.ops.define import elementwise
from graphc.ops.exponential import erfc, exp, sigmoid, square
from graphc.ops.source import number

#: Klambauer et al., "Self-Normalizing Neural Networks" (2017), equation 14, to 34 digits.
SELU_ALPHA = "1.673263242354377284817042991671750"
SELU_SCALE = "1.050700987355480493419334985294600"


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


def _gelu_partial(out: Node, x: Node, approximate: bool) -> Partial:
    if approximate:
        inner = (x + number("0.044715", x.dtype) * x**3) * number("sqrt(8/pi)", x.dtype)
        slope = (1 + number("0.134145", x.dtype) * square(x)) * number("sqrt(8/pi)", x.dtype)
        s = sigmoid(inner)
        return s * (1 + x * sigmoid(-inner) * slope)
    density = exp(square(x) * -0.5) * number("1/sqrt(2*pi)", x.dtype)
    return erfc(x * number("-1/sqrt(2)", x.dtype)) * 0.5 + x * density


def _gelu_run(xp: Any, x: Any, approximate: bool) -> Any:
    if approximate:
        # 0.5 (1 + tanh(u)) is sigmoid(2u), which keeps its digits in the left tail.
        inner = x + xp.number("0.044715", x) * (x * x * x)
        return x * xp.sigmoid(inner * xp.number("sqrt(8/pi)", x))
    return x * xp.erfc(x * xp.number("-1/sqrt(2)", x)) * 0.5


def _gelu_formula(m: Any, x: Any, approximate: bool) -> Any:
    if approximate:
        inner = (x + m.number("0.044715") * x * x * x) * m.number("sqrt(8/pi)")
        return m.div(x, 1 + m.exp(-inner))
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
    ulp=128.0,  # in the left tail, as in erfc; 8 elsewhere
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
    return float(value)
