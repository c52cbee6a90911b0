"""More activations of neural networks: three records, and what others are made of."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_FLOAT
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.op import Kink
from graphc.core.type import TensorType, broadcast_shapes
from graphc.ops.arithmetic import reciprocal
from graphc.ops.chain import Partial
from graphc.ops.define import PIECEWISE_CONSTANT, elementwise
from graphc.ops.exponential import sigmoid, softplus
from graphc.ops.neural import relu
from graphc.ops.source import number
from graphc.ops.trigonometry import tanh


def _softsign_partial(out: Node, x: Node) -> Partial:
    # The quotient's rule would subtract two numbers that agree in all digits where |x| is large.
    near = reciprocal(1 + apply_named("abs", x))
    return near * near


softsign = elementwise(
    "softsign",
    run=lambda xp, x: x / (xp.abs(x) + 1),
    partials=(_softsign_partial,),
    formula=lambda m, x: m.div(x, 1 + m.abs(x)),
    latex=r"\operatorname{{softsign}}({0})",
    flops=3,
    domain="every x",
    ulp=2.0,
    doc="Returns x / (1 + |x|).",
)


def _finite(name: str, value: Any) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not abs(value) < 1e300:
        raise ArgumentError(
            f"{name}={show_value(value)} is no finite number", f"give {name} as a Python number"
        )
    return float(value)


def _check_at(x: TensorType, at: float) -> None:
    _finite("at", at)


threshold_op = elementwise(
    "threshold",
    run=lambda xp, x, at: xp.where(x >= xp.number(repr(at), x), xp.ones_like(x), xp.number("0", x)),
    partials=PIECEWISE_CONSTANT,
    arity=1,
    formula=lambda m, x, at: m.where(x >= m.number(repr(at)), 1, 0),
    latex=r"\left[{0} \ge {at}\right]",
    flops=1,
    domain="every x",
    ulp=0.0,
    check=_check_at,
    kink=Kink(
        where="x = at (a jump)",
        at=lambda xp, x, at: x == xp.number(repr(at), x),
        slope=lambda xp, dx, x, at: dx * 0,
        departs="",
    ),
    doc="Returns 1 for x >= at and 0 below.",
)


@public
def threshold(x: Any, at: float = 0.0) -> Node:
    """Returns 1 where x >= at and 0 elsewhere: the unit of McCulloch and Pitts.

    Its derivative is 0 wherever it has one, of which a NonDifferentiableWarning tells.

    Args:
        x: `f[...]`.
        at: a number.

    Source: McCulloch and Pitts, "A logical calculus of the ideas immanent in nervous activity"
    (1943).
    """
    return threshold_op(x, at=_finite("at", at))


def _decay(xp: Any, x: Any, alpha: float) -> Any:
    """Returns e**(x/alpha).

    A quotient rounded before exp sees it costs |x/alpha| / 2 ulp, hundreds in the tail. So its
    leading bits h are taken apart, few enough that h times each half of alpha is exact, and what is
    left of the quotient enters by expm1.
    """
    double = x.dtype.itemsize == 8
    unit, bits = (2.0**16, 24) if double else (2.0**4, 11)
    mantissa, exponent = math.frexp(alpha)
    upper = math.ldexp(round(math.ldexp(mantissa, bits)), exponent - bits)
    from fractions import Fraction  # `import graphc` goes without

    lower = float(Fraction(repr(alpha)) - Fraction(upper))  # 0.1 means the decimal number
    end = -760.0 if double else -110.0
    quotient = xp.maximum(x / alpha, xp.ones_like(x) * end)
    head = xp.floor(quotient * unit) * (1 / unit)  # not above, or e**h could be infinite
    rest = ((x - head * upper) - head * lower) / alpha
    rest = xp.minimum(xp.maximum(rest, xp.ones_like(x) * -1.0), xp.ones_like(x))
    return xp.exp(head) * (xp.expm1(rest) + 1)


def _decay_partial(out: Node, x: Node, alpha: float) -> Partial:
    return out / number(repr(alpha), x.dtype)


def _check_alpha(x: TensorType, alpha: float) -> None:
    if _finite("alpha", alpha) < 1e-30:
        raise ArgumentError(f"alpha={alpha!r} is not above 0", "take 1.0")


decay = elementwise(
    "decay",
    run=_decay,
    partials=(_decay_partial,),
    formula=lambda m, x, alpha: m.exp(m.div(x, m.number(repr(alpha)))),
    latex=r"e^{{{0} / {alpha}}}",
    flops=20,
    domain="every x",
    ulp=4.0,
    check=_check_alpha,
    doc="Returns e**(x / alpha), for a number alpha.",
)


def _celu_partial(out: Node, x: Node, alpha: float) -> Partial:
    below = decay(apply_named("minimum", x, 0.0), alpha=alpha)
    return apply_named("where", x > 0, scalar(1.0, x.dtype), below)


def _celu_run(xp: Any, x: Any, alpha: float) -> Any:
    scale = xp.number(repr(alpha), x)
    return xp.where(x > 0, x, xp.expm1(xp.minimum(x, x * 0) / scale) * scale)


celu_op = elementwise(
    "celu",
    run=_celu_run,
    partials=(_celu_partial,),
    formula=lambda m, x, alpha: m.where(
        # Where x is 0 as well: the smaller of x and 0 would have another slope there.
        x > 0,
        x,
        m.expm1(m.div(m.where(x > 0, 0, x), m.number(repr(alpha)))) * m.number(repr(alpha)),
    ),
    latex=r"\operatorname{{celu}}({0})",
    flops=15,
    domain="every x",
    ulp=5.0,
    check=_check_alpha,
    doc="Returns x for x > 0 and alpha * (e**(x/alpha) - 1) below; its slope is continuous.",
)


@public
def celu(x: Any, alpha: float = 1.0) -> Node:
    """Returns x for x > 0 and alpha * (e**(x/alpha) - 1) elsewhere, with the slope 1 at 0.

    Args:
        x: `f[...]`.
        alpha: a number above 0.

    Source: Barron, "Continuously Differentiable Exponential Linear Units" (2017).
    """
    return celu_op(x, alpha=_finite("alpha", alpha))


def _float_node(x: Any) -> Node:
    node = as_node(x)
    return node if node.dtype.is_inexact else node.astype(DEFAULT_FLOAT)


# -- made of other operations ----------------------------------------------------------------------


@public
def hard_tanh(x: Any) -> Node:
    """Returns x limited to [-1, 1]; the slope at both ends is that from within, 1."""
    node = _float_node(x)
    low, high = scalar(-1.0, node.dtype), scalar(1.0, node.dtype)
    below = apply_named("where", node < -1.0, low, node)
    return apply_named("where", node > 1.0, high, below)


@public
def relu6(x: Any) -> Node:
    """Returns x limited to [0, 6]; the slope at both ends is 0, as that of `relu` at 0.

    Source: Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10" (2010).
    """
    node = as_node(x)
    bent = relu(node)
    return apply_named("where", bent >= 6.0, scalar(6.0, bent.dtype), bent)


@public
def hard_sigmoid(x: Any) -> Node:
    """Returns (x + 3) / 6 limited to [0, 1]; the slope at both ends is 0.

    Source: Howard et al., "Searching for MobileNetV3" (2019), section 5.2.
    """
    return relu6(as_node(x) + 3.0) / 6.0


@public
def prelu(x: Any, slope: Any) -> Node:
    """Returns x where x > 0 and slope * x elsewhere, with a slope that may be learnt.

    At 0 the slope is that from the left, as of `leaky_relu`.

    Args:
        x: `f[...]`.
        slope: a number or `f[...]`, which broadcasts to x: one for all, or one for each channel.

    Raises:
        ShapeError: the slope has axes or sizes that x has not.

    Source: He et al., "Delving Deep into Rectifiers" (2015), equation 1.
    """
    node = _float_node(x)
    below = slope if isinstance(slope, (int, float)) else as_node(slope)
    if isinstance(below, Node) and broadcast_shapes(below.shape, node.shape) != node.shape:
        raise ShapeError(f"the slope {below.type} is larger than {node.type}", "one per channel")
    return apply_named("where", node > 0, node, node * below)


@public
def swish(x: Any, slope: Any = 1.0) -> Node:
    """Returns x * sigmoid(slope * x); with the slope 1 that is `silu`.

    Args:
        x: `f[...]`.
        slope: a number or `f[...]`, which broadcasts to x and may be learnt.

    Source: Ramachandran, Zoph and Le, "Searching for Activation Functions" (2017).
    """
    node = _float_node(x)
    if isinstance(slope, (int, float)) and not isinstance(slope, bool) and slope == 1:
        return apply_named("silu", node)
    steep = node * slope if isinstance(slope, (int, float)) else node * as_node(slope)
    if steep.shape != node.shape:
        raise ShapeError(f"the slope makes {steep.type} of {node.type}", "give one per channel")
    return node * sigmoid(steep)


@public
def mish(x: Any) -> Node:
    """Returns x * tanh(softplus(x)).

    Its slope is tanh(s) + x sigmoid(x) / cosh(s)**2, s = softplus(x), from terms that keep their
    digits for every x. Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function"
    (2019).
    """
    node = _float_node(x)
    return node * tanh(softplus(node))
