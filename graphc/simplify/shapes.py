"""Exact identities of shape, slicing, reductions and products of matrices."""

from __future__ import annotations

from typing import Any

from graphc.core.const import Const
from graphc.core.node import Node, as_node, make
from graphc.core.type import Shape, broadcast_shapes
from graphc.ops.axes import reduced_count, reduced_shape
from graphc.ops.contraction import matmul
from graphc.ops.indexing import slice_op, slice_transpose_op
from graphc.ops.reduction import max_op, min_op, prod_op
from graphc.ops.shaping import broadcast_op, concat_op, reshape_op, stack_op, transpose_op
from graphc.ops.source import constant_op
from graphc.simplify.rule import Rule, apply, exact, spread


def _transpose_nothing(node: Node) -> Node | None:
    axes = node.params["axes"]
    return node.args[0] if axes == tuple(range(len(axes))) else None


def _transpose_twice(node: Node) -> Node | None:
    (inner,) = node.args
    if inner.op is not transpose_op:
        return None
    before = inner.params["axes"]
    return make(transpose_op, inner.args, {"axes": tuple(before[a] for a in node.params["axes"])})


def _same_shape(node: Node) -> Node | None:
    (x,) = node.args
    return x if x.type.shape == node.type.shape else None


def _reshape_twice(node: Node) -> Node | None:
    (inner,) = node.args
    return make(reshape_op, inner.args, node.params) if inner.op is reshape_op else None


def _broadcast_twice(node: Node) -> Node | None:
    (inner,) = node.args
    return make(broadcast_op, inner.args, node.params) if inner.op is broadcast_op else None


def _leads_with_ones(wide: Shape, narrow: Shape) -> bool:
    extra = len(wide) - len(narrow)
    return extra >= 0 and wide[extra:] == narrow and all(_is_one(s) for s in wide[:extra])


def _is_one(size: object) -> bool:
    return isinstance(size, int) and size == 1


def _broadcast_reshaped(node: Node) -> Node | None:
    (inner,) = node.args
    if inner.op is not reshape_op:
        return None
    (x,) = inner.args
    if not _leads_with_ones(inner.type.shape, x.type.shape):
        return None
    return make(broadcast_op, (x,), node.params)


def _rearrange_uniform(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is not broadcast_op or x.args[0].type.shape:
        return None
    return spread(x.args[0], node)


#: Elementwise ops whose result is correctly rounded, so that it does not depend on how a backend
#: goes through the array. (The sign of maximum(0.0, -0.0) does.)
_SPREADABLE = (
    "add sub mul div neg abs square sqrt reciprocal sign step_sign where equal not_equal less "
    "less_equal greater greater_equal logical_and logical_or logical_xor logical_not floor ceil "
    "round trunc cast"
)


def _spread_later(node: Node) -> Node | None:
    inner = tuple([a.args[0] if a.op is broadcast_op else a for a in node.args])
    if all(new is old for new, old in zip(inner, node.args, strict=True)):
        return None
    try:
        broadcast_shapes(*[a.type.shape for a in inner])
    except TypeError:  # two named sizes that met only after being broadcast
        return None
    return spread(make(node.op, inner, node.params), node)


def _uniform_array(node: Node) -> Node | None:
    array = node.params["value"].array
    if array.size < 2:
        return None
    first = array.reshape(-1)[:1].tobytes()
    if array.tobytes() != first * array.size:
        return None
    scalar = make(constant_op, (), {"value": Const(array.reshape(-1)[0].reshape(()))})
    return spread(scalar, node)


# -- reductions ----------------

_KEEPING = "sum mean max min prod logsumexp var std norm"


def _reshape_reduced(node: Node) -> Node | None:
    (inner,) = node.args
    if inner.op.name not in _KEEPING.split():
        return None
    keepdims = inner.params["keepdims"]
    shape = reduced_shape(inner.args[0].type.shape, inner.params["axis"], not keepdims)
    if shape != node.type.shape:
        return None
    return make(inner.op, inner.args, {**inner.params, "keepdims": not keepdims})


def single(node: Node) -> Node | None:
    """Returns a reduction's operand in the result's shape, where it reduces single elements."""
    (x,) = node.args
    if x.type.dtype is not node.type.dtype:
        return None
    if not _is_one(reduced_count(x.type.shape, node.params["axis"])):
        return None
    return x if x.type.shape == node.type.shape else apply("reshape", x, shape=node.type.shape)


# -- joining and slicing ----------------


def _join_one(node: Node) -> Node | None:
    if len(node.args) != 1:
        return None
    (x,) = node.args
    return x if node.op is concat_op else make(reshape_op, (x,), {"shape": node.type.shape})


def _slice_nothing(node: Node) -> Node | None:
    (x,) = node.args
    if x.type.shape != node.type.shape:
        return None
    whole = all(b is None or (b[0] == 0 and b[2] == 1) for b in node.params["bounds"])
    return x if whole else None


def _slice_placed(node: Node) -> Node | None:
    (inner,) = node.args
    same = inner.op is slice_transpose_op and inner.params["bounds"] == node.params["bounds"]
    return inner.args[0] if same else None


def _slice_joined(node: Node) -> Node | None:
    (joined,) = node.args
    if joined.op is not concat_op:
        return None
    axis = joined.params["axis"]
    for position, bound in enumerate(node.params["bounds"]):
        if (position == axis) is (bound is None):
            return None
    start: Any = 0
    for piece in joined.args:
        stop = start + piece.type.shape[axis]
        if node.params["bounds"][axis] == (start, stop, 1):
            return piece
        start = stop
    return None


def _transposed_factor(node: Node) -> Node | None:
    flags = [node.params.get("transpose_x", False), node.params.get("transpose_y", False)]
    args = list(node.args)
    for position, factor in enumerate(node.args):
        if factor.op is transpose_op and _swaps_last_two(factor.params["axes"]):
            args[position] = factor.args[0]
            flags[position] = not flags[position]
    if all(new is old for new, old in zip(args, node.args, strict=True)):
        return None
    params = {"transpose_x": True} if flags[0] else {}
    params |= {"transpose_y": True} if flags[1] else {}
    return make(matmul, tuple(args), params)


def _swaps_last_two(axes: tuple[int, ...]) -> bool:
    n = len(axes)
    return n >= 2 and axes == (*range(n - 2), n - 1, n - 2)


def _raw(op: Any, x: Node, **params: Any) -> Node:
    return make(op, (x,), params)


def _reshaped_twice(x: Node, y: Node) -> Node:
    rows, columns = x.shape
    return apply("reshape", apply("reshape", x, shape=(columns, rows)), shape=(rows * columns,))


def _half_of_joined(x: Node, y: Node) -> Node:
    joined = concat_op(x, y, axis=0)
    rows = x.shape[0]
    return _raw(slice_op, joined, bounds=((rows, rows + rows, 1), None))


def _part_of_placed(x: Node, y: Node) -> Node:
    rows, columns = x.shape
    bounds = (None, (1, columns + 1, 1))
    placed = _raw(slice_transpose_op, x, bounds=bounds, shape=(rows, columns + 2))
    return _raw(slice_op, placed, bounds=bounds)


def _one_row(x: Node) -> Node:
    return x[:1]


RULES: tuple[Rule, ...] = (
    exact("transpose nothing", "transpose(x, 0 1 2) -> x", "transpose", _transpose_nothing,
          lambda x, y: _raw(transpose_op, x, axes=(0, 1)), "fib"),
    exact("transpose twice", "transpose(transpose(x)) -> one transpose", "transpose",
          _transpose_twice,
          lambda x, y: x.T.T, "fib"),
    exact("reshape to the same shape", "reshape(x, its shape) -> x", "reshape broadcast_to",
          _same_shape, lambda x, y: _raw(reshape_op, x, shape=x.shape), "fib"),
    exact("reshape twice", "reshape(reshape(x)) -> reshape(x)", "reshape", _reshape_twice,
          _reshaped_twice, "fib"),
    exact("broadcast twice", "broadcast_to(broadcast_to(x)) -> broadcast_to(x)", "broadcast_to",
          _broadcast_twice,
          lambda x, y: _raw(broadcast_op, _raw(broadcast_op, x, shape=(2, *x.shape)),
                            shape=(3, 2, *x.shape)), "fib"),
    exact("broadcast of new axes", "broadcast_to(reshape(x, 1 n)) -> broadcast_to(x)",
          "broadcast_to", _broadcast_reshaped,
          lambda x, y: _raw(broadcast_op, x[None], shape=(3, *x.shape)), "fib"),
    exact("rearrange a uniform array", "reshape(broadcast_to(s)) -> broadcast_to(s), scalar s",
          "reshape transpose slice", _rearrange_uniform,
          lambda x, y: _raw(transpose_op, _raw(broadcast_op, x[0, 0], shape=(2, *x.shape)),
                            axes=(2, 0, 1)), "fib"),
    exact("compute, then broadcast", "f(broadcast_to(x), y) -> broadcast_to(f(x, y))", _SPREADABLE,
          _spread_later, lambda x, y: _raw(broadcast_op, x[0], shape=x.shape) == y, "fib",
          needs="broadcast_to"),
    exact("uniform constant", "constant [c, c, ...] -> broadcast_to(c)", "constant", _uniform_array,
          lambda x, y: x + as_node([-0.0, -0.0])[0]),
    exact("reshape a reduction", "reshape(sum(x), kept axes) -> sum(x, keepdims)", "reshape",
          _reshape_reduced,
          lambda x, y: apply("reshape", apply("max", x, axis=(1,), keepdims=False),
                             shape=(x.shape[0], 1)), "fi"),
    exact("extreme of single elements", "max(x over axes of size 1) -> x", "max min prod", single,
          lambda x, y: tuple(_raw(op, _one_row(x), axis=(0,), keepdims=False)
                             for op in (max_op, min_op, prod_op)), "fi"),
    exact("join one", "concat(x) -> x; stack(x) -> reshape(x)", "concat stack", _join_one,
          lambda x, y: (concat_op(x, axis=0), stack_op(x, axis=1)), "fib"),
    exact("slice nothing", "x[0:n] -> x", "slice", _slice_nothing,
          lambda x, y: _raw(slice_op, x, bounds=((0, x.shape[0], 1), None)), "fib"),
    exact("slice what was placed", "slice(slice_transpose(x)) -> x", "slice", _slice_placed,
          _part_of_placed, "fi"),
    exact("slice what was joined", "concat(a, b)[n:] -> b", "slice", _slice_joined, _half_of_joined,
          "fib"),
    exact("transposed factor", "matmul(x.T, y) -> matmul(x, y, transpose_x)", "matmul",
          _transposed_factor, lambda x, y: (make(matmul, (x.T, y), {}), make(matmul, (x, y.T), {})),
          domain="every operand; the same products are added, in the backend's order"),
)  # fmt: skip
