"""Running sums, products, extremes and log-sum-exps along an axis, and the linear recurrence.

Their slopes are linear recurrences, h[j] = a[j] h[j-1] + b[j], which need no division: so a running
product is right at zeros, and the factors of a running log-sum-exp never pass 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT, bool_
from graphc.core.errors import AxisError, ShapeError
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.op import Kink, Op, op_named
from graphc.core.type import TensorType, element_count
from graphc.ops.axes import normalize_axis, require_axes
from graphc.ops.chain import add_up, broadcast_to, multiply, reshape
from graphc.ops.define import require_numbers, structural
from graphc.ops.logic import cast, zeros_like
from graphc.ops.reduction import with_room
from graphc.ops.source import size_node
from graphc.ops.tensor.order import require_flag

Rule = Callable[[Node, Node], Node]


def _infer(x: TensorType, axis: int, reverse: bool) -> TensorType:
    require_axes((axis,), len(x.shape))
    require_flag("reverse", reverse)
    require_numbers(x)
    return x


def _along(node: Node, reverse: bool | None = None) -> dict[str, Any]:
    backwards = node.params["reverse"] if reverse is None else reverse
    return {"axis": node.params["axis"], "reverse": backwards}


def shifted(value: Node, node: Node, back: bool = False, first: float = 0.0) -> Node:
    """Returns the values one step before along a scan's axis.

    Args:
        value: of the scan's shape.
        node: the scan.
        back: one step after instead.
        first: what stands where there is none.
    """
    axis = node.params["axis"]
    edge = broadcast_to(
        scalar(first, value.dtype), (*value.shape[:axis], 1, *value.shape[axis + 1 :])
    )
    size = value.shape[axis]
    later = node.params["reverse"] is not back  # the step before stands after it in the array
    parts = (value, edge) if later else (edge, value)
    joined = apply_named("concat", *parts, axis=axis)
    bound = (1, 1 + size, 1) if later else (0, size, 1)
    bounds = tuple(bound if a == axis else None for a in range(value.ndim))
    return apply_named("slice", joined, bounds=bounds)


def register_scan(
    name: str,
    *,
    run: Callable[..., Any],
    vjp: Rule,
    jvp: Rule,
    bound: Rule,
    latex: str,
    flops: int,
    doc: str,
    meet: str = "all",
    kink: Kink | None = None,
    holomorphic: bool = False,
) -> Op:
    """Registers a scan of one operand; `bound(error, node)` takes an error of the full shape."""

    def full_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
        return [vjp(broadcast_to(adjoint, node.shape), node) for _ in wanted]

    def full_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
        if tangents[0] is None:
            return None
        return jvp(broadcast_to(tangents[0], node.shape), node)

    def full_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
        if not node.dtype.is_float:
            return None
        error = zeros_like(node) if errors[0] is None else broadcast_to(errors[0], node.shape)
        return bound(error, node)

    return structural(
        name,
        group="reduction",
        meet=meet,
        infer=_infer,
        run=run,
        vjp=full_vjp,
        jvp=full_jvp,
        latex=latex,
        flops=lambda node: flops * element_count(node.type.shape),
        domain="every x",
        ulp=0.0,
        bound=full_bound,
        kink=kink,
        holomorphic=holomorphic,
        doc=doc,
    )


def _count(node: Node) -> Node:
    return size_node(node.shape[node.params["axis"]], node.dtype)


# -- sums ------------------------------------------------------------------------------------------


cumsum_op = register_scan(
    "cumsum",
    run=lambda xp, x, axis, reverse: xp.scans.cumsum(xp, x, axis, reverse),
    vjp=lambda adjoint, node: make(cumsum_op, (adjoint,), _along(node, not node.params["reverse"])),
    jvp=lambda tangent, node: make(cumsum_op, (tangent,), node.params),
    # As for a sum, in any order: (n - 1) u sum |x|.
    bound=lambda error, node: make(
        cumsum_op,
        (error + apply_named("abs", node.args[0]) * (_count(node) * (node.dtype.epsilon / 2)),),
        node.params,
    ),
    latex=r"\operatorname{{cumsum}}({0})",
    flops=1,
    holomorphic=True,
    doc="Returns running sums along an axis.",
)


# -- the linear recurrence -------------------------------------------------------------------------


def _recurrence_infer(factor: TensorType, term: TensorType, axis: int, reverse: bool) -> TensorType:
    if factor.shape != term.shape:
        raise ShapeError(f"the factors {factor} and the terms {term} differ", "broadcast them")
    return _infer(term, axis, reverse)


def linear_scan(factor: Node, term: Node, node: Node, back: bool = False) -> Node:
    """Returns the recurrence along the axis of a scan; `back` from its end."""
    return make(recurrence_op, (factor, term), _along(node, node.params["reverse"] is not back))


def _recurrence_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    factor = node.args[0]
    # c[j] = adjoint[j] + a[j+1] c[j+1]; the factor's own adjoint is c[j] h[j-1].
    carried = linear_scan(
        shifted(factor, node, back=True), broadcast_to(adjoint, node.shape), node, back=True
    )
    return [carried if i else multiply(carried, shifted(node, node)) for i in wanted]


def _recurrence_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    da, db = tangents
    if da is None and db is None:
        return None
    terms = add_up([None if da is None else multiply(da, shifted(node, node)), db])
    assert terms is not None
    return linear_scan(node.args[0], broadcast_to(terms, node.shape), node)


def _recurrence_bound(errors: Sequence[Node | None], node: Node) -> Node:
    # Each of the n steps is two roundings of numbers whose sizes obey the same recurrence.
    factor, term = (apply_named("abs", a) for a in node.args)
    size = linear_scan(factor, term, node)
    ea, eb = errors
    terms = add_up([None if ea is None else ea * shifted(size, node), eb])
    own = size * ((_count(node) + 2) * node.dtype.epsilon)
    if terms is None:
        return own
    return linear_scan(factor, broadcast_to(terms, node.shape), node) + own


recurrence_op = structural(
    "linear_recurrence",
    group="reduction",
    meet="float",
    infer=_recurrence_infer,
    run=lambda xp, factor, term, axis, reverse: xp.scans.recurrence(
        xp, factor, term, axis, reverse
    ),
    vjp=_recurrence_vjp,
    jvp=_recurrence_jvp,
    latex=r"\operatorname{{recur}}({0}, {1})",
    flops=lambda node: 2 * element_count(node.type.shape),
    domain="every x, y",
    ulp=0.0,
    bound=_recurrence_bound,
    holomorphic=True,
    doc="Returns h with h[j] = factor[j] * h[j-1] + term[j] along an axis, from 0.",
)


# -- products --------------------------------------------------------------------------------------


def _product_bound(error: Node, node: Node) -> Node:
    x = apply_named("abs", node.args[0])
    before = apply_named("abs", shifted(node, node, first=1.0))
    own = apply_named("abs", node) * (_count(node) * (node.dtype.epsilon / 2))
    return linear_scan(x, error * before, node) + own


cumprod_op = register_scan(
    "cumprod",
    run=lambda xp, x, axis, reverse: xp.scans.cumprod(xp, x, axis, reverse),
    # y[j] = x[j] y[j-1]: what reaches y[j] is c[j] = adjoint[j] + x[j+1] c[j+1].
    vjp=lambda adjoint, node: multiply(
        linear_scan(shifted(node.args[0], node, back=True), adjoint, node, back=True),
        shifted(node, node, first=1.0),
    ),
    jvp=lambda tangent, node: linear_scan(
        node.args[0], multiply(tangent, shifted(node, node, first=1.0)), node
    ),
    bound=_product_bound,
    latex=r"\operatorname{{cumprod}}({0})",
    flops=1,
    holomorphic=True,
    doc="Returns running products along an axis; the slope is right at zeros too.",
)


# -- the logarithm of a running sum of exponentials ------------------------------------------------


def _parts(node: Node) -> tuple[Node, Node, Node]:
    """Returns exp(m[j-1] - m[j]), exp(x[j] - m[j]) and sum(exp(x[i] - m[j])), m the largest so far.

    The slopes are exp(x[i] - m[j]) over that sum. By the result itself, exp(x[i] - y[j]), they
    would lose the digits that y loses: all of them at a million in float32. They do not depend on
    m, which is a constant to their own derivatives.
    """
    (x,) = node.args
    top = apply_named("stop_gradient", make(op_named("cummax"), (x,), node.params))
    # The first step has none before it, and its factor plays no part.
    before = shifted(top, node, first=float("inf"))
    one = scalar(1.0, node.dtype)
    decay = apply_named("where", before >= top, one, apply_named("exp", before - top))
    weight = apply_named("where", top == float("-inf"), one, apply_named("exp", x - top))
    return decay, weight, linear_scan(decay, weight, node)


def _log_vjp(adjoint: Node, node: Node) -> Node:
    decay, weight, total = _parts(node)
    carried = linear_scan(shifted(decay, node, back=True), adjoint / total, node, back=True)
    return multiply(carried, weight)


def _log_jvp(tangent: Node, node: Node) -> Node:
    decay, weight, total = _parts(node)
    return linear_scan(decay, multiply(tangent, weight), node) / total


def _log_bound(error: Node, node: Node) -> Node:
    # A step log(e^y + e^x) adds its own rounding, of y and of a logarithm below log 2, and the
    # errors before it enter with weights that add up to 1 at most.
    own = (apply_named("abs", node) + 1.0) * (4 * node.dtype.epsilon)
    decay, weight, total = _parts(node)
    return linear_scan(decay, multiply(weight, error) + own * total, node) / total + own


cumlogsumexp_op = register_scan(
    "cumlogsumexp",
    run=lambda xp, x, axis, reverse: xp.scans.cumlogsumexp(xp, x, axis, reverse),
    vjp=_log_vjp,
    jvp=_log_jvp,
    bound=_log_bound,
    latex=r"\operatorname{{cumlogsumexp}}({0})",
    flops=20,
    meet="float",
    doc="Returns log(sum(exp(x))) of the elements up to here along an axis, without overflow.",
)


# -- what people call ------------------------------------------------------------------------------


def called_scan(op: Op, x: Any, axis: Any, reverse: Any, flatten: bool = True) -> Node:
    """Returns a scan of what people pass; without an axis, of all elements in one."""
    node = as_node(x)
    require_flag("reverse", reverse)
    if node.dtype is bool_:
        node = cast(node, DEFAULT_INT)
    if axis is None:
        if node.ndim != 1 and not flatten:
            raise AxisError(f"x has {node.ndim} axes and no axis is named", "give axis=0")
        return op(reshape(node, (element_count(node.shape),)), axis=0, reverse=reverse)
    return op(node, axis=normalize_axis(axis, node.ndim), reverse=reverse)


@public
def cumsum(x: Any, axis: int | None = None, reverse: bool = False) -> Node:
    """Returns running sums along `axis`; of all elements in one axis without it, as NumPy does.

    Args:
        x: `[..., n, ...]`; booleans count as int32.
        axis: the axis along which they run.
        reverse: run from the end.
    """
    return called_scan(cumsum_op, x, axis, reverse)


@public
def cumprod(x: Any, axis: int | None = None, reverse: bool = False) -> Node:
    """Returns running products along `axis`; the slope is right at zeros too.

    Args:
        x: `[..., n, ...]`; booleans count as int32.
        axis: the axis along which they run; None for all elements in one.
        reverse: run from the end.
    """
    return called_scan(cumprod_op, x, axis, reverse)


@public
def cumlogsumexp(x: Any, axis: int | None = None, reverse: bool = False) -> Node:
    """Returns log(sum(exp(x))) of the elements up to here along `axis`, without overflow.

    Args:
        x: `[..., n, ...]`.
        axis: the axis along which it runs; None for all elements in one.
        reverse: run from the end.
    """
    return called_scan(cumlogsumexp_op, x, axis, reverse)


def _standard(op: Op, start: int, x: Any, axis: Any, dtype: Any, include_initial: Any) -> Node:
    node = as_node(x)
    require_flag("include_initial", include_initial)
    made = called_scan(op, with_room(node, dtype), axis, False, flatten=False)
    if not include_initial:
        return made
    at = normalize_axis(0 if axis is None else axis, made.ndim)
    edge = broadcast_to(scalar(start, made.dtype), (*made.shape[:at], 1, *made.shape[at + 1 :]))
    return apply_named("concat", edge, made, axis=at)


@public
def cumulative_sum(
    x: Any, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Node:
    """Returns running sums, by the Array API standard.

    Args:
        x: `[..., n, ...]`.
        axis: the axis along which they run, which a vector may leave out.
        dtype: what the elements are cast to first.
        include_initial: begin with the 0 of no elements, so that there are n + 1.

    Raises:
        AxisError: x is no vector and there is no axis.
    """
    return _standard(cumsum_op, 0, x, axis, dtype, include_initial)


@public
def cumulative_prod(
    x: Any, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Node:
    """Returns running products, by the Array API standard.

    Args:
        x: `[..., n, ...]`.
        axis: the axis along which they run, which a vector may leave out.
        dtype: what the elements are cast to first.
        include_initial: begin with the 1 of no elements, so that there are n + 1.

    Raises:
        AxisError: x is no vector and there is no axis.
    """
    return _standard(cumprod_op, 1, x, axis, dtype, include_initial)
