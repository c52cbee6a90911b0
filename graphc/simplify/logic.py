"""Exact identities of logic, comparisons, choices and casts."""

from __future__ import annotations

from graphc.core.dtype import DType, dtype_of
from graphc.core.node import Node, make
from graphc.ops.logic import cast_op, logical_and, logical_not, where
from graphc.simplify.rule import (
    Rule,
    apply,
    exact,
    fit,
    is_integer,
    is_number,
    number,
    of,
    one_of,
    uniform,
)


def _not_not(node: Node) -> Node | None:
    return of("logical_not", node.args[0])


def _same_operands(node: Node) -> Node | None:
    x, y = node.args
    if x is not y:
        return None
    return uniform(False, node) if node.op.name == "logical_xor" else x


def _opposite_operands(node: Node) -> Node | None:
    x, y = node.args
    if of("logical_not", x) is not y and of("logical_not", y) is not x:
        return None
    return uniform(node.op.name != "logical_and", node)


def _with_true(node: Node) -> Node | None:
    found = one_of(node, lambda a: is_number(a, 1))
    if found is None:
        return None
    if node.op.name == "logical_or":
        return uniform(True, node)
    return fit(found[0] if node.op.name == "logical_and" else make(logical_not, found[:1]), node)


def _with_false(node: Node) -> Node | None:
    found = one_of(node, lambda a: is_number(a, 0))
    if found is None:
        return None
    return uniform(False, node) if node.op.name == "logical_and" else fit(found[0], node)


_OPPOSITE = {"equal": "not_equal", "not_equal": "equal"}
# not (a < b) is a >= b only where neither is NaN.
_OPPOSITE_INTEGER = {
    "less": "greater_equal", "less_equal": "greater",
    "greater": "less_equal", "greater_equal": "less",
}  # fmt: skip


def _not_comparison(node: Node) -> Node | None:
    (x,) = node.args
    name = _OPPOSITE.get(x.op.name)
    if name is None and x.args and x.op.name in _OPPOSITE_INTEGER and is_integer(x.args[0]):
        name = _OPPOSITE_INTEGER[x.op.name]
    return None if name is None else apply(name, *x.args)


def _never_of_itself(node: Node) -> Node | None:
    x, y = node.args
    return uniform(False, node) if x is y else None


def _always_of_itself(node: Node) -> Node | None:
    x, y = node.args
    if x is not y or not is_integer(x):
        return None
    return uniform(node.op.name != "not_equal", node)


# -- choices ----------------


def _same_branches(node: Node) -> Node | None:
    _, x, y = node.args
    return fit(x, node) if x is y else None


def _known_condition(node: Node) -> Node | None:
    known = number(node.args[0])
    return None if known is None else fit(node.args[1 if known else 2], node)


def _not_condition(node: Node) -> Node | None:
    condition, x, y = node.args
    inner = of("logical_not", condition)
    # where(mask, value, 0) is how a structural zero is written: that form is left as it is.
    if inner is None or is_number(y, 0):
        return None
    return make(where, (inner, y, x))


def _same_condition_inside(node: Node) -> Node | None:
    condition, x, y = node.args
    if x.op is where and x.args[0] is condition:
        return fit(make(where, (condition, x.args[1], y)), node)
    if y.op is where and y.args[0] is condition:
        return fit(make(where, (condition, x, y.args[2])), node)
    return None


def _two_conditions(node: Node) -> Node | None:
    condition, x, y = node.args
    if x.op is not where or x.args[2] is not y:
        return None
    both = make(logical_and, (condition, x.args[0]))
    return fit(make(where, (both, x.args[1], y)), node)


def _condition_itself(node: Node) -> Node | None:
    condition, x, y = node.args
    if node.type.dtype.kind != "b":
        return None
    if is_number(x, 1) and is_number(y, 0):
        return fit(condition, node)
    if is_number(x, 0) and is_number(y, 1):
        return fit(make(logical_not, (condition,)), node)
    return None


# -- casts ----------------


def _same_dtype(node: Node) -> Node | None:
    (x,) = node.args
    return x if x.type.dtype is node.type.dtype else None


def keeps_values(source: DType, target: DType) -> bool:
    """Tells whether every value of `source` is a value of `target`."""
    if source is target or source.kind == "b":
        return True
    if source.kind == "f":
        # bfloat16 and float16 have more range or more precision than each other, never both.
        return source.bits < target.bits and target.kind == "f"
    if source.is_integer:
        digits = source.bits - (source.kind == "i")
        if target.kind == "f":
            return digits <= target.precision
        if target.kind == "i":
            return digits <= target.bits - 1
        return target.kind == "u" and source.kind == "u" and source.bits <= target.bits
    return False


def _cast_chain(node: Node) -> Node | None:
    (middle,) = node.args
    if middle.op is not cast_op:
        return None
    (x,) = middle.args
    first, via, last = x.type.dtype, middle.type.dtype, node.type.dtype
    if "c" in (first.kind, via.kind, last.kind) or not keeps_values(first, via):
        return None
    if last is first:
        return x
    # From a float to an integer, what happens out of range depends on the float's width.
    if via.kind == "f" and last.is_integer:
        return None
    return make(cast_op, (x,), {"dtype": last})


def _cast(x: Node, dtype: str) -> Node:
    return make(cast_op, (x,), {"dtype": dtype_of(dtype)})


def _never_zero(node: Node) -> Node | None:
    condition, value, _ = node.args
    if condition.op.name != "not_equal" or not is_number(condition.args[1], 0):
        return None
    root = condition.args[0]
    if root.op.name != "hypot" or not any(_is_not_zero(side) for side in root.args):
        return None
    return fit(value, node)


def _is_not_zero(node: Node) -> bool:
    found = number(node)
    return found is not None and bool(found != 0)


RULES: tuple[Rule, ...] = (
    exact("not not", "not not x -> x", "logical_not", _not_not, lambda x, y: ~~x, "b"),
    exact("same operands", "x and x -> x; x or x -> x; x xor x -> false",
          "logical_and logical_or logical_xor", _same_operands,
          lambda x, y: (x & x, x | x, x ^ x), "b"),
    exact("opposite operands", "x and not x -> false; x or not x -> true; x xor not x -> true",
          "logical_and logical_or logical_xor", _opposite_operands,
          lambda x, y: (x & ~x, ~x | x, x ^ ~x), "b"),
    exact("with true", "x and true -> x; x or true -> true; x xor true -> not x",
          "logical_and logical_or logical_xor", _with_true,
          lambda x, y: (x & True, True | x, x ^ True), "b"),
    exact("with false", "x and false -> false; x or false -> x; x xor false -> x",
          "logical_and logical_or logical_xor", _with_false,
          lambda x, y: (x & False, False | x, x ^ False), "b"),
    exact("not a comparison", "not (a = b) -> a != b; integers: not (a < b) -> a >= b",
          "logical_not", _not_comparison, lambda x, y: ~(x == y), "fib"),
    exact("never of itself", "x < x -> false; x > x -> false", "less greater", _never_of_itself,
          lambda x, y: (x < x, x > x), "fi"),
    exact("integer compared with itself", "x = x -> true; x <= x -> true (integers)",
          "equal not_equal less_equal greater_equal", _always_of_itself,
          lambda x, y: (x == x, x != x, x <= x, x >= x), "i"),
    exact("same branches", "where(c, x, x) -> x", "where", _same_branches,
          lambda x, y: apply("where", x == y, x, x), "fib"),
    exact("known condition", "where(true, x, y) -> x; where(false, x, y) -> y", "where",
          _known_condition,
          lambda x, y: (apply("where", True, x, y), apply("where", False, x, y)), "fib"),
    exact("not a condition", "where(not c, x, y) -> where(c, y, x), unless y is 0", "where",
          _not_condition, lambda x, y: apply("where", ~(x == y), x, y), "fib"),
    exact("same condition inside", "where(c, where(c, x, y), z) -> where(c, x, z)", "where",
          _same_condition_inside,
          lambda x, y: apply("where", x == y, apply("where", x == y, x, y), x), "fib"),
    exact("never zero", "where(hypot(x, 1) != 0, a, b) -> a", "where", _never_zero,
          lambda x, y: apply("where", apply("hypot", x, 1.0) != 0.0, x * y, 0.0)),
    exact("two conditions", "where(c, where(d, x, y), y) -> where(c and d, x, y)", "where",
          _two_conditions,
          lambda x, y: apply("where", x == y, apply("where", x == x, x, y), y), "fib"),
    exact("condition itself", "where(c, true, false) -> c", "where", _condition_itself,
          lambda x, y: (apply("where", x, True, False), apply("where", x, False, True)), "b"),
    exact("cast to the same dtype", "cast(x, its own dtype) -> x", "cast", _same_dtype,
          lambda x, y: make(cast_op, (x,), {"dtype": x.dtype}), "fib"),
    exact("cast through a wider dtype", "cast(cast(x, wider), d) -> cast(x, d)", "cast",
          _cast_chain,
          lambda x, y: _cast(_cast(x, "float64" if x.dtype.is_float else "int64"), "bfloat16")
          if x.dtype.is_float else _cast(_cast(x, "int64"), "int8"), "fib"),
)  # fmt: skip
