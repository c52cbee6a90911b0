"""The two ops of the complex step: a complex number from its parts, and its imaginary part."""

from __future__ import annotations

from graphc.core.dtype import complex_with, real_part
from graphc.core.errors import DTypeError
from graphc.core.type import TensorType, broadcast_shapes, element_count
from graphc.ops.define import structural

_FIRST_ORDER = "the complex step is of first order; differentiate by another engine first"


def _complex_infer(real: TensorType, imaginary: TensorType) -> TensorType:
    if not (real.dtype.is_float and real.dtype is imaginary.dtype and real.dtype.bits >= 32):
        raise DTypeError(f"the parts are {real} and {imaginary}, not both float32 or float64")
    return TensorType(broadcast_shapes(real.shape, imaginary.shape), complex_with(real.dtype))


complex_op = structural(
    "complex",
    group="elementwise",
    meet="none",
    infer=_complex_infer,
    run=lambda xp, real, imaginary: xp.complex(real, imaginary),
    vjp=_FIRST_ORDER,
    jvp=_FIRST_ORDER,
    latex="{0} + i {1}",
    flops=lambda node: 0,
    domain="every x, y",
    ulp=0.0,
    bound=lambda errors, node: None,
    formula="SymPy's expressions here are real",
    doc="Returns the complex number of two real parts; only the complex step makes it.",
)
imag = structural(
    "imag",
    group="elementwise",
    meet="none",
    infer=lambda x: TensorType(x.shape, real_part(x.dtype)),
    run=lambda xp, x: xp.imag(x),
    vjp=_FIRST_ORDER,
    jvp=_FIRST_ORDER,
    latex=r"\operatorname{{Im}}({0})",
    flops=lambda node: 0 * element_count(node.type.shape),
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: None,
    holomorphic=True,
    formula="SymPy's expressions here are real",
    doc="Returns the imaginary part; only the complex step takes it.",
)
