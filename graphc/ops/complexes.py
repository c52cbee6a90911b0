"""Complex numbers: made of two real parts, taken apart, conjugated.

The gradient of a real loss by a complex z = x + iy is JAX's, df/dx - i df/dy: what a holomorphic
function passes down is its adjoint times its derivative, with nothing conjugated. Descent steps
along its conjugate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import complex_with, real_part
from graphc.core.errors import DTypeError
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.type import TensorType, broadcast_shapes, tensor_type
from graphc.ops.chain import add_up, broadcast_to, masked, split_mask, sum_to
from graphc.ops.define import structural
from graphc.ops.logic import zeros_like

_REAL_FORM = "SymPy's expressions here are real"


def _complex_infer(real: TensorType, imaginary: TensorType) -> TensorType:
    if not (real.dtype.is_float and real.dtype is imaginary.dtype and real.dtype.bits >= 32):
        raise DTypeError(
            f"the parts are {real} and {imaginary}, not both float32 or float64", "cast them first"
        )
    return TensorType(broadcast_shapes(real.shape, imaginary.shape), complex_with(real.dtype))


def _kept_mask(value: Node, move: Any) -> Node:
    """Returns move(value), with the mask of a structural zero kept outside."""
    mask, inner = split_mask(value)
    return masked(mask, move(inner))


def _as_real(value: Node) -> Node:
    return _kept_mask(value, lambda v: make(real_op, (v,)))


def _as_imaginary(value: Node) -> Node:
    return _kept_mask(value, lambda v: make(imag_op, (v,)))


def _with_zero(value: Node) -> Node:
    """Returns a real value as a complex one."""
    return apply_named("cast", value, dtype=complex_with(value.dtype))


def _times_i(value: Node, sign: float) -> Node:
    """Returns i or -i times a real value."""
    imaginary = value if sign > 0 else apply_named("neg", value)
    return make(complex_op, (scalar(0.0, value.dtype), imaginary))


def _complex_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    found: list[Node | None] = []
    for index in wanted:
        part = _as_real(adjoint)
        if index == 1:
            part = _kept_mask(adjoint, lambda v: apply_named("neg", make(imag_op, (v,))))
        found.append(sum_to(broadcast_to(part, node.shape), node.args[index].shape))
    return found


def _complex_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    if all(t is None for t in tangents):
        return None
    parts = [zeros_like(a) if t is None else t for t, a in zip(tangents, node.args, strict=True)]
    return broadcast_to(make(complex_op, tuple(parts)), node.shape)


complex_op = structural(
    "complex",
    group="elementwise",
    meet="float",
    infer=_complex_infer,
    takes_complex=True,
    run=lambda xp, real, imaginary: xp.complex(real, imaginary),
    vjp=_complex_vjp,
    jvp=_complex_jvp,
    latex="{0} + i {1}",
    flops=lambda node: 0,
    domain="every x, y",
    ulp=0.0,
    bound=lambda errors, node: add_up(
        [None if e is None else broadcast_to(e, node.shape) for e in errors]
    ),
    formula=_REAL_FORM,
    doc="Returns the complex number x + iy of two real parts, float32 or float64.",
)


def _real_infer(x: TensorType) -> TensorType:
    return tensor_type(x.shape, real_part(x.dtype))


real_op = structural(
    "real",
    group="elementwise",
    meet="none",
    infer=_real_infer,
    run=lambda xp, x: xp.real(x),
    vjp=lambda adjoint, node, wanted: [_kept_mask(adjoint, _with_zero)],
    jvp=lambda tangents, node: None if tangents[0] is None else _as_real(tangents[0]),
    latex=r"\operatorname{{Re}}({0})",
    flops=lambda node: 0,
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: errors[0],
    takes_complex=True,
    formula=_REAL_FORM,
    doc="Returns the real part of a complex number.",
)
imag_op = structural(
    "imag",
    group="elementwise",
    meet="none",
    infer=_real_infer,
    run=lambda xp, x: xp.imag(x),
    vjp=lambda adjoint, node, wanted: [_kept_mask(adjoint, lambda v: _times_i(v, -1.0))],
    jvp=lambda tangents, node: None if tangents[0] is None else _as_imaginary(tangents[0]),
    latex=r"\operatorname{{Im}}({0})",
    flops=lambda node: 0,
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: errors[0],
    takes_complex=True,
    formula=_REAL_FORM,
    doc="Returns the imaginary part of a complex number.",
)


def _conj_of(value: Node) -> Node:
    return _kept_mask(value, lambda v: make(conj_op, (v,)))


conj_op = structural(
    "conj",
    group="elementwise",
    meet="none",
    infer=lambda x: x,
    run=lambda xp, x: xp.conj(x),
    vjp=lambda adjoint, node, wanted: [_conj_of(adjoint)],
    jvp=lambda tangents, node: None if tangents[0] is None else _conj_of(tangents[0]),
    latex=r"\overline{{{0}}}",
    flops=lambda node: 0,
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: errors[0],
    takes_complex=True,
    formula=_REAL_FORM,
    doc="Returns the complex conjugate.",
)


@public
def complex(real: Any, imag: Any = 0.0) -> Node:
    """Returns the complex number real + i imag, elementwise with broadcasting.

    Args:
        real: the real part; an integer counts as float32, and 16-bit floats are refused.
        imag: the imaginary part, likewise.

    Raises:
        DTypeError: a part is complex, bool or a 16-bit float.
    """
    return complex_op(real, imag)


def _number_node(value: Any) -> Node:
    node = as_node(value)
    if node.dtype.kind == "b":
        raise DTypeError("a bool has no real part", "cast first: gx.cast(x, 'float32')")
    return node


@public
def real(x: Any) -> Node:
    """Returns the real part; x itself where it is real."""
    node = _number_node(x)
    return real_op(node) if node.dtype.kind == "c" else node


@public
def imag(x: Any) -> Node:
    """Returns the imaginary part; zeros where x is real."""
    node = _number_node(x)
    return imag_op(node) if node.dtype.kind == "c" else zeros_like(node)


@public
def conj(x: Any) -> Node:
    """Returns the complex conjugate; x itself where it is real."""
    node = _number_node(x)
    return conj_op(node) if node.dtype.kind == "c" else node


@public
def angle(x: Any) -> Node:
    """Returns the argument of a complex number in [-pi, pi]: atan2(imag, real).

    Its slope at 0 is 0, as that of `atan2`.
    """
    node = _number_node(x)
    if node.dtype.is_integer:
        node = apply_named("cast", node, dtype=as_node(0.0).dtype)
    return apply_named("atan2", imag(node), real(node))
