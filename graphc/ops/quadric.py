"""Powers of 1 + x**2, 1 - x**2 and x**2 - 1, the slopes of all inverse functions, and isru.

The slope of w**p is again such a power times x, so that every derivative of asin, acosh, atan, ...
keeps its digits: near 0, near the ends, and where a square would overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.errors import ArgumentError
from graphc.core.op import Op
from graphc.core.type import TensorType
from graphc.ops.chain import Partial
from graphc.ops.define import elementwise


def _check_power(x: TensorType, power: float) -> None:
    if isinstance(power, bool) or power not in [-k / 2 for k in range(1, 65)]:
        raise ArgumentError(
            f"power={power!r} is none of -1/2, -1, -3/2, ... -32", "write gx.pow for others"
        )


def _quadric(
    name: str,
    quadric: Callable[[Any], Any],
    root: Callable[[Any, Any], Any],
    outside: Callable[[Any], Any] | None,
    partial: Callable[..., Partial],
    latex: str,
    domain: str,
    doc: str,
) -> Op:
    """Returns the record of w**power.

    Args:
        quadric: w of x, free of cancellation.
        root: sqrt(w) of the namespace and x, free of overflow.
        outside: where there is no value although a whole power of w has one.
        partial: the slope, as in `elementwise`.
        name: see `Op`, as for latex, domain and doc.
        latex: a template.
        domain: where the value is finite, in words.
        doc: the docstring.
    """

    def run(xp: Any, x: Any, power: float) -> Any:
        whole, half = divmod(int(-2 * power), 2)
        below = root(xp, x) if half else None
        if whole:
            w = quadric(x)
            for _ in range(whole):
                below = w if below is None else below * w
        value = xp.divide(1, below)
        if outside is None or x.dtype.kind == "c":
            return value
        return xp.where(outside(x), xp.full_like(x, xp.nan), value)

    def formula(m: Any, x: Any, power: float) -> Any:
        w = quadric(x)
        whole, half = divmod(int(-2 * power), 2)
        if half and m.real(x) is not x:  # a complex number, where the root has two branches
            return m.div(1, w**whole * root(m, x))
        value = m.div(1, w**whole * m.sqrt(w) if half else w**whole)
        if outside is None or m.real(x) is not x:  # every complex number has a value
            return value
        return m.where(outside(x), m.nan, value)

    return elementwise(
        name,
        run=run,
        partials=(partial,),
        formula=formula,
        latex=latex,
        flops=8,
        domain=domain,
        ulp=4.0,
        holomorphic=True,
        check=_check_power,
        doc=doc,
    )


def _root_plus(xp: Any, x: Any) -> Any:
    """Returns sqrt(1 + x**2), |x| where it does not see the 1 and the square might overflow."""
    if not hasattr(x, "dtype") or x.dtype.kind == "c":  # a complex number of mpmath's has none
        return xp.sqrt(x * x + 1)
    size = xp.abs(x)
    far = size > (2.0**400 if x.dtype.itemsize == 8 else 2.0**40)
    inner = xp.where(far, xp.ones_like(x), x)
    return xp.where(far, size, xp.sqrt(inner * inner + 1))


#: d/dx (1 + x**2)**p = 2 p isru(x) (1 + x**2)**(p - 1/2): two factors that are never both extreme.
one_plus_square = _quadric(
    "one_plus_square",
    lambda x: x * x + 1,
    _root_plus,
    None,
    lambda out, x, power: isru(x) * one_plus_square(x, power=power - 0.5) * (2 * power),
    r"\left(1 + {0}^2\right)^{{{power}}}",
    "every x",
    "Returns (1 + x**2)**power for a power of -1/2, -1, -3/2, ...: the slope of atan and its kin.",
)
one_minus_square = _quadric(
    "one_minus_square",
    lambda x: (1 - x) * (1 + x),  # both factors are exact near the ends, where it matters
    lambda xp, x: xp.sqrt((1 - x) * (1 + x)),
    lambda x: (x < -1) | (x > 1),
    lambda out, x, power: x * one_minus_square(x, power=power - 1.0) * (-2 * power),
    r"\left(1 - {0}^2\right)^{{{power}}}",
    "-1 < x < 1",
    "Returns (1 - x**2)**power for a power of -1/2, -1, -3/2, ...: the slope of asin and its kin.",
)
square_minus_one = _quadric(
    "square_minus_one",
    lambda x: (x - 1) * (x + 1),
    lambda xp, x: xp.sqrt(x - 1) * xp.sqrt(x + 1),
    lambda x: x < 1,
    lambda out, x, power: (
        x * square_minus_one(x, power=-0.5) * square_minus_one(x, power=power - 0.5) * (2 * power)
    ),
    r"\left({0}^2 - 1\right)^{{{power}}}",
    "x > 1",
    "Returns (x**2 - 1)**power for x > 1 and a power of -1/2, -1, -3/2, ...: the slope of acosh.",
)


def _isru_run(xp: Any, x: Any) -> Any:
    if x.dtype.kind == "c":
        return x / xp.sqrt(x * x + 1)
    edge = 2.0**60  # from 2**27 on the value is 1, and up to 2**63 no square overflows
    inner = xp.minimum(xp.maximum(x, -edge), edge)
    return inner / xp.sqrt(inner * inner + 1)


isru = elementwise(
    "isru",
    run=_isru_run,
    partials=(lambda out, x: one_plus_square(x, power=-1.5),),
    formula=lambda m, x: m.div(x, m.sqrt(1 + x * x)),
    latex=r"\frac{{{0}}}{{\sqrt{{1 + {0}^2}}}}",
    flops=8,
    domain="every x",
    ulp=3.0,
    holomorphic=True,
    doc="""Returns x / sqrt(1 + x**2), the inverse square root unit.

Source: Carlile et al., "Improving Deep Learning by Inverse Square Root Linear Units (ISRLUs)"
(2017), with alpha = 1.""",
)
