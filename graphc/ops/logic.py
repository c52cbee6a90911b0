"""Comparisons, logic, the choice `where`, and casts: elementwise records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import bool_, dtype_of, real_part
from graphc.core.errors import DTypeError
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.op import Kink, Op, register
from graphc.core.type import TensorType, broadcast_shapes, element_count, tensor_type
from graphc.ops.chain import add_up, broadcast_to, masked, split_mask, sum_to
from graphc.ops.define import NO_NUMBERS, elementwise, own_rounding

# A choice between branches has the slope of the one that the numbers themselves take, at a tie too:
# there the decision stays as it is while the operands move.
_TIE = Kink(
    where="x = y (a jump: the branch taken counts)",
    at=lambda xp, x, y: xp.equal(x, y) & xp.is_float(x),
    slope=lambda xp, dx, dy, x, y: 0,
    departs="",
)


def _comparison(
    name: str, formula: Callable[..., Any], latex: str, doc: str, takes_complex: bool = False
) -> Op:
    return elementwise(
        name,
        run=lambda xp, x, y: getattr(xp, name)(x, y),
        partials=NO_NUMBERS,
        arity=2,
        formula=formula,
        latex=latex,
        flops=1,
        domain="every x, y",
        ulp=0.0,
        meet="all",
        result=bool_,
        kink=_TIE,
        takes_complex=takes_complex,
        doc=doc,
    )


equal = _comparison("equal", lambda m, x, y: m.equal(x, y), "{0} = {1}", "Returns x == y.", True)
not_equal = _comparison(
    "not_equal",
    lambda m, x, y: m.logical_not(m.equal(x, y)),
    r"{0} \neq {1}",
    "Returns x != y.",
    True,
)
less = _comparison("less", lambda m, x, y: x < y, "{0} < {1}", "Returns x < y.")
less_equal = _comparison("less_equal", lambda m, x, y: x <= y, r"{0} \leq {1}", "Returns x <= y.")
greater = _comparison("greater", lambda m, x, y: x > y, "{0} > {1}", "Returns x > y.")
greater_equal = _comparison(
    "greater_equal", lambda m, x, y: x >= y, r"{0} \geq {1}", "Returns x >= y."
)


def _require_bool(*types: TensorType) -> None:
    for position, t in enumerate(types):
        if t.dtype is not bool_:
            raise DTypeError(
                f"operand {position} is {t}, not bool", "compare first, for example x > 0"
            )


def _logical(name: str, latex: str, doc: str) -> Op:
    return elementwise(
        name,
        run=lambda xp, *x: getattr(xp, name)(*x),
        partials=NO_NUMBERS,
        arity=1 if name == "logical_not" else 2,
        formula=lambda m, *x: getattr(m, name)(*x),
        latex=latex,
        flops=1,
        domain="booleans",
        ulp=0.0,
        meet="all",
        result=bool_,
        check=_require_bool,
        doc=doc,
    )


logical_and = _logical("logical_and", r"{0} \land {1}", "Returns x and y; also x & y.")
logical_or = _logical("logical_or", r"{0} \lor {1}", "Returns x or y; also x | y.")
logical_xor = _logical("logical_xor", r"{0} \oplus {1}", "Returns x xor y; also x ^ y.")
logical_not = _logical("logical_not", r"\lnot {0}", "Returns not x; also ~x.")


def _where_infer(condition: TensorType, x: TensorType, y: TensorType) -> TensorType:
    if condition.dtype is not bool_:
        raise DTypeError(f"the condition is {condition}, not bool", "compare first: c != 0")
    return tensor_type(broadcast_shapes(condition.shape, x.shape, y.shape), x.dtype)


def _where_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    condition = node.args[0]
    found: list[Node | None] = []
    for index in wanted:
        if index == 0:
            found.append(None)
            continue
        alive = condition if index == 1 else logical_not(condition)
        mask, value = split_mask(adjoint)
        alive = alive if mask is None else logical_and(mask, alive)
        part = broadcast_to(masked(alive, value), node.type.shape)
        found.append(sum_to(part, node.args[index].type.shape))
    return found


def _where_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    _, dx, dy = tangents
    condition = node.args[0]
    if dx is None and dy is None:
        return None
    if dx is None:
        assert dy is not None
        return broadcast_to(masked(logical_not(condition), dy), node.type.shape)
    if dy is None:
        return broadcast_to(masked(condition, dx), node.type.shape)
    return broadcast_to(where(condition, dx, dy), node.type.shape)


where = register(
    Op(
        name="where",
        group="elementwise",
        meet="tail",
        infer=_where_infer,
        run=lambda xp, condition, x, y: xp.where(condition, x, y),
        vjp=_where_vjp,
        jvp=_where_jvp,
        formula=lambda m, condition, x, y: m.where(condition, x, y),
        latex=r"\left({0}\;?\;{1} : {2}\right)",
        flops=lambda node: element_count(node.type.shape),
        kink=None,
        peers={},
        domain="every operand; the branch not taken may be anything",
        ulp=0.0,
        bound=_where_jvp,
        holomorphic=True,
        doc="Returns x where the condition holds and y elsewhere; the other branch's slope is 0.",
    )
)


def _cast_run(xp: Any, x: Any, dtype: Any) -> Any:
    return xp.astype(x, dtype)


def _cast_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    (operand,) = node.args
    if not (operand.type.dtype.is_inexact and node.type.dtype.is_inexact):
        return [None] * len(wanted)
    if node.type.dtype.kind == "c" and operand.type.dtype.kind != "c":
        adjoint = _real_masked(adjoint)
    return [_cast_masked(adjoint, operand.type.dtype)] * len(wanted)


def _cast_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    tangent, source = tangents[0], node.args[0].type.dtype
    if tangent is None or not (source.is_inexact and node.type.dtype.is_inexact):
        return None
    return _cast_masked(tangent, node.type.dtype)


def _real_masked(value: Node) -> Node:
    mask, inner = split_mask(value)
    return masked(mask, apply_named("real", inner))


def _cast_masked(value: Node, dtype: Any) -> Node:
    mask, inner = split_mask(value)
    if inner.dtype is dtype:
        return value
    return masked(mask, make(cast_op, (inner,), {"dtype": dtype}))


def _cast_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    source, target = node.args[0].type.dtype, node.type.dtype
    if not target.is_inexact:
        return None
    narrows = not source.is_inexact or source.precision > target.precision
    error = errors[0] if source.is_inexact else None
    if error is not None:
        error = _cast_masked(error, real_part(target))
    return add_up([error, own_rounding(node, 0.5 if narrows else 0.0)])


def _cast_infer(x: TensorType, dtype: Any) -> TensorType:
    if x.dtype.kind == "c" and dtype.kind != "c":
        raise DTypeError(
            f"{dtype.name} has no room for an imaginary part", "take gx.real or gx.abs of it"
        )
    return tensor_type(x.shape, dtype)


cast_op = register(
    Op(
        name="cast",
        group="elementwise",
        meet="none",
        infer=_cast_infer,
        run=_cast_run,
        vjp=_cast_vjp,
        jvp=_cast_jvp,
        formula="it changes the precision, which a formula does not know",
        latex="{0}",
        flops=lambda node: 0,
        kink=None,
        peers={},
        domain="every x",
        ulp=0.5,
        bound=_cast_bound,
        holomorphic=True,
        doc="Returns x in another dtype; a float becomes an integer towards 0.",
    )
)


@public
def cast(x: Any, dtype: Any) -> Node:
    """Returns x in another dtype; x itself where it has it.

    Raises:
        DTypeError: the dtype is not one of graphc's.
    """
    node, target = as_node(x), dtype_of(dtype)
    return node if node.type.dtype is target else apply_named("cast", node, dtype=target)


@public
def zeros_like(x: Any, dtype: Any = None) -> Node:
    """Returns zeros of x's shape, and of its dtype unless another is given."""
    node = as_node(x)
    target = node.type.dtype if dtype is None else dtype_of(dtype)
    return broadcast_to(scalar(0, target), node.type.shape)


@public
def ones_like(x: Any, dtype: Any = None) -> Node:
    """Returns ones of x's shape, and of its dtype unless another is given."""
    node = as_node(x)
    target = node.type.dtype if dtype is None else dtype_of(dtype)
    return broadcast_to(scalar(1, target), node.type.shape)
