"""Discrete Fourier transforms: three linear records.

The matrix of the transform is symmetric, so it is its own transpose: adjoints of complex values
are not conjugated (see `ops/complexes.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.dim import Dim, exact_quotient
from graphc.core.dtype import complex_with, real_part
from graphc.core.errors import (
    ArgumentError,
    DimError,
    DTypeError,
    ShapeError,
    show_value,
)
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.op import Op
from graphc.core.type import Size, TensorType, element_count
from graphc.ops.axes import require_axes
from graphc.ops.chain import add_up, broadcast_to, reshape
from graphc.ops.define import structural
from graphc.ops.source import iota_op, size_node

#: The scale of the forward transform is that of the inverse one under the swapped name.
SWAPPED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
#: Of the error of a transform, in eps log2(n) times its size: measured 1 at most.
_ROUNDING = 3.0


def _require(x: TensorType, axes: Sequence[int], norm: str, kind: str) -> None:
    if x.dtype.kind != kind or x.dtype.bits < 32:
        raise DTypeError(f"{x} are no {'complex' if kind == 'c' else 'real'} numbers", "use gx.fft")
    require_axes(tuple(sorted(axes)) if isinstance(axes, tuple) else axes, len(x.shape))
    if norm not in SWAPPED:
        raise ArgumentError(
            f"norm={show_value(norm)} is none of {', '.join(SWAPPED)}", "leave norm out"
        )
    for axis in axes:
        if isinstance(x.shape[axis], int) and not x.shape[axis]:
            raise ShapeError(f"axis {axis} of {x} is empty, and has no transform", "give n=")


def half_size(n: Size) -> Size:
    """Returns n // 2 + 1, where the parity of a named size is known."""
    if isinstance(n, int):
        return n // 2 + 1
    try:
        return exact_quotient(n, 2) + 1
    except DimError:
        raise DimError(
            f"half of the named size {n} is no size", "use gx.fft.fft, or declare the size 2 * m"
        ) from None


def _log2(n: Size, dtype: dtypes.DType) -> Node:
    return apply_named("log", size_node(n, dtype)) * (1 / math.log(2)) + 1.0


def _bound(errors: Sequence[Node | None], node: Node, axes: tuple[int, ...], n: Size) -> Node:
    """Returns what the operand's errors leave, and the rounding of a transform of n numbers.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, theorem 24.2, normwise.
    """
    (x,) = node.args
    real = real_part(node.dtype)
    params = {"axis": axes, "keepdims": True}
    size = apply_named("abs", x)
    energy = apply_named("sum", size * size, **params)
    reach = apply_named("sqrt", energy * size_node(n, real))
    own = reach * _log2(n, real) * (_ROUNDING * real.epsilon)
    passed = None
    if errors[0] is not None:
        passed = apply_named("sum", broadcast_to(errors[0], x.shape), **params)
    total = add_up([passed, own])
    assert total is not None
    return broadcast_to(total * _factor(n, node, real), node.shape)


def _factor(n: Size, node: Node, dtype: dtypes.DType) -> Node:
    """Returns by how much the transform is scaled."""
    inverse = node.op.name == "irdft" or node.params.get("inverse", False)
    norm = node.params["norm"]
    if norm == "ortho":
        return apply_named("rsqrt", size_node(n, dtype))
    one = scalar(1.0, dtype)
    factor = (
        apply_named("reciprocal", size_node(n, dtype)) if (norm == "backward") == inverse else one
    )
    return factor * 2.0 if node.op.name == "irdft" else factor


def _flops(node: Node) -> Size:
    """Returns 5 n log2(n), the usual count; half of it for real numbers. A named size counts 10."""
    axes = node.params["axes"] if "axes" in node.params else (node.params["axis"],)
    shape = node.args[0].shape if node.op.name != "irdft" else node.shape
    known = [shape[a] for a in axes]
    logs = sum(n.bit_length() if isinstance(n, int) else 10 for n in known)
    return element_count(shape) * (5 * logs if node.op.name == "dft" else 3 * logs)


def _dft_infer(x: TensorType, axes: tuple[int, ...], inverse: bool, norm: str) -> TensorType:
    _require(x, axes, norm, "c")
    if type(inverse) is not bool:
        raise ArgumentError(f"inverse={show_value(inverse)} is neither True nor False")
    return x


def _joined(node: Node) -> Size:
    count: Size = 1
    for axis in node.params["axes"]:
        count = count * node.shape[axis]
    return count


dft: Op = structural(
    "dft",
    group="contraction",
    meet="none",
    infer=_dft_infer,
    run=lambda xp, x, axes, inverse, norm: xp.fourier.dft(xp, x, axes, inverse, norm),
    vjp=lambda adjoint, node, wanted: [make(dft, (adjoint,), node.params)],
    jvp=lambda tangents, node: (
        None if tangents[0] is None else make(dft, (tangents[0],), node.params)
    ),
    latex=r"\mathcal{{F}}({0})",
    flops=_flops,
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: _bound(errors, node, _sorted(node.params["axes"]), _joined(node)),
    holomorphic=True,
    doc="Returns the discrete Fourier transform of complex numbers over axes.",
)


def _sorted(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(axes))


def _rdft_infer(x: TensorType, axis: int, norm: str) -> TensorType:
    _require(x, (axis,), norm, "f")
    shape = (*x.shape[:axis], half_size(x.shape[axis]), *x.shape[axis + 1 :])
    return TensorType(shape, complex_with(x.dtype))


def _edges(like: Node, axis: int, n: Size, at_edge: float, else_: float) -> Node:
    """Returns weights along an axis: one for the frequencies 0 and n / 2, another between."""
    real, count = real_part(like.dtype), half_size(n)
    shape = tuple(count if a == axis else 1 for a in range(like.ndim))
    if isinstance(n, int):
        made = np.full(n // 2 + 1, else_)
        made[[k for k in range(n // 2 + 1) if k == 0 or 2 * k == n]] = at_edge
        return reshape(as_node(made, real), shape)
    index = iota_op(size=count, dtype=dtypes.DEFAULT_INT)
    edge = (index == 0) | (index == size_node(count - 1, dtypes.DEFAULT_INT))
    weights = apply_named("where", edge, scalar(at_edge, real), scalar(else_, real))
    return reshape(weights, shape)


def _rdft_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    (x,), axis = node.args, node.params["axis"]
    n = x.shape[axis]
    full = broadcast_to(adjoint, node.shape)
    weighted = apply_named("conj", full) * _edges(full, axis, n, 1.0, 0.5)
    return [irdft(weighted, axis=axis, n=n, norm=SWAPPED[node.params["norm"]])]


rdft: Op = structural(
    "rdft",
    group="contraction",
    meet="none",
    infer=_rdft_infer,
    run=lambda xp, x, axis, norm: xp.fourier.rdft(xp, x, axis, norm),
    vjp=_rdft_vjp,
    jvp=lambda tangents, node: (
        None if tangents[0] is None else make(rdft, (tangents[0],), node.params)
    ),
    latex=r"\mathcal{{F}}({0})",
    flops=_flops,
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: _bound(
        errors, node, (node.params["axis"],), node.args[0].shape[node.params["axis"]]
    ),
    doc="Returns the first half of the discrete Fourier transform of real numbers along an axis.",
)


def _irdft_infer(x: TensorType, axis: int, n: Size, norm: str) -> TensorType:
    _require(x, (axis,), norm, "c")
    if not isinstance(n, (int, Dim)) or isinstance(n, bool) or (isinstance(n, int) and n < 1):
        raise ShapeError(f"n={show_value(n)} is no count of numbers", "give 1 or more")
    if x.shape[axis] != half_size(n):
        raise ShapeError(
            f"{n} numbers have {half_size(n)} frequencies, not {x.shape[axis]}", "give n="
        )
    return TensorType((*x.shape[:axis], n, *x.shape[axis + 1 :]), real_part(x.dtype))


def _irdft_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    axis, n = node.params["axis"], node.params["n"]
    full = rdft(broadcast_to(adjoint, node.shape), axis=axis, norm=SWAPPED[node.params["norm"]])
    return [apply_named("conj", full) * _edges(full, axis, n, 1.0, 2.0)]


irdft: Op = structural(
    "irdft",
    group="contraction",
    meet="none",
    infer=_irdft_infer,
    run=lambda xp, x, axis, n, norm: xp.fourier.irdft(xp, x, axis, n, norm),
    vjp=_irdft_vjp,
    jvp=lambda tangents, node: (
        None
        if tangents[0] is None
        else make(irdft, (broadcast_to(tangents[0], node.args[0].shape),), node.params)
    ),
    latex=r"\mathcal{{F}}^{{-1}}({0})",
    flops=_flops,
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: _bound(errors, node, (node.params["axis"],), node.params["n"]),
    takes_complex=True,
    doc="Returns the real numbers whose discrete Fourier transform begins as x does, on an axis.",
)
