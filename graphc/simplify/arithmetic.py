"""Exact identities of sums, products, signs and powers."""

from __future__ import annotations

import numpy as np

from graphc.core.const import Const
from graphc.core.node import Node, make
from graphc.ops.arithmetic import abs_, add, div, mul, neg, reciprocal, square, sub
from graphc.ops.power import integer_pow
from graphc.ops.source import constant_op
from graphc.simplify.rule import (
    NUMBERS,
    Rule,
    apply,
    beside,
    exact,
    fit,
    is_integer,
    is_number,
    is_zero,
    negated,
    one_of,
    uniform,
)

# -- sums ----------------


def _neutral(node: Node) -> bool:
    # -0.0, not 0.0: -0.0 + 0.0 is 0.0.
    return is_number(node, 0) if is_integer(node) else is_zero(node, True)


def _plus_zero(node: Node) -> Node | None:
    found = one_of(node, _neutral)
    return None if found is None else fit(found[0], node)


def _minus_zero(node: Node) -> Node | None:
    x, y = node.args
    zero = is_number(y, 0) if is_integer(y) else is_zero(y, False)
    return fit(x, node) if zero else None


def _zero_minus(node: Node) -> Node | None:
    x, y = node.args
    return fit(make(neg, (y,)), node) if _neutral(x) else None


def _minus_itself(node: Node) -> Node | None:
    x, y = node.args
    return uniform(0, node) if x is y and is_integer(x) else None


def _plus_negative(node: Node) -> Node | None:
    found = one_of(node, negated)
    return None if found is None else make(sub, found)


def _minus_negative(node: Node) -> Node | None:
    x, y = node.args
    inner = negated(y)
    return None if inner is None else make(add, (x, inner))


def _negative_product(node: Node) -> tuple[Node, Node] | None:
    """Returns a, b of (-a) * b or a * (-b)."""
    if node.op is not mul:
        return None
    found = one_of(node, negated)
    return None if found is None else (found[1], found[0])


def _plus_negative_product(node: Node) -> Node | None:
    found = one_of(node, _negative_product)
    return None if found is None else make(sub, (found[0], make(mul, found[1])))


def _minus_negative_product(node: Node) -> Node | None:
    x, y = node.args
    pair = _negative_product(y)
    return None if pair is None else make(add, (x, make(mul, pair)))


# -- products ----------------


def _times_one(node: Node) -> Node | None:
    found = beside(node, 1)
    return None if found is None else fit(found, node)


def _times_minus_one(node: Node) -> Node | None:
    found = beside(node, -1)
    return None if found is None else fit(make(neg, (found,)), node)


def _times_integer_zero(node: Node) -> Node | None:
    if not is_integer(node) or beside(node, 0) is None:
        return None
    return uniform(0, node)


def _times_itself(node: Node) -> Node | None:
    x, y = node.args
    return make(square, (x,)) if x is y else None


def _two_signs(node: Node) -> Node | None:
    x, y = map(negated, node.args)
    return None if x is None or y is None else make(node.op, (x, y))


def _opposite_number(node: Node) -> Node | None:
    if node.op is not constant_op or node.type.shape or not node.type.dtype.is_float:
        return None
    return make(constant_op, (), {"value": Const(np.negative(node.params["value"].array))})


def _sign_into_factor(node: Node) -> Node | None:
    x, y = node.args
    for left, right, swap in ((x, y, False), (y, x, True)):
        inner = negated(left)
        opposite = None if inner is None else _opposite_number(right)
        if inner is not None and opposite is not None:
            return make(node.op, (opposite, inner) if swap else (inner, opposite))
    return None


def _sign_into_product(node: Node) -> Node | None:
    (product,) = node.args
    if product.op is not mul and product.op is not div:
        return None
    x, y = product.args
    opposite = _opposite_number(y)
    if opposite is not None:
        return make(product.op, (x, opposite))
    opposite = _opposite_number(x)
    return None if opposite is None else make(product.op, (opposite, y))


def _sign_out_of_product(node: Node) -> Node | None:
    (product,) = node.args
    pair = _negative_product(product)
    if pair is not None:
        return make(mul, pair)
    if product.op is not div:
        return None
    x, y = product.args
    top, bottom = negated(x), negated(y)
    if top is not None:
        return make(div, (top, y))
    return None if bottom is None else make(div, (x, bottom))


def _over_one(node: Node) -> Node | None:
    x, y = node.args
    return fit(x, node) if is_number(y, 1) else None


def _over_minus_one(node: Node) -> Node | None:
    x, y = node.args
    return fit(make(neg, (x,)), node) if is_number(y, -1) else None


def _one_over(node: Node) -> Node | None:
    x, y = node.args
    return fit(make(reciprocal, (y,)), node) if is_number(x, 1) else None


# -- signs ----------------


def _twice_negative(node: Node) -> Node | None:
    return negated(node.args[0])


def _even(node: Node) -> Node | None:
    # Not for powers: NumPy's vectorised power rounds (-x)**4 and x**4 differently.
    # Nor for the absolute value of a complex number, which is a real one.
    args = [
        a.args[0] if (a.op is neg or a.op is abs_) and a.args[0].type == a.type else a
        for a in node.args
    ]
    if all(new is old for new, old in zip(args, node.args, strict=True)):
        return None
    return make(node.op, tuple(args), node.params)


def _even_sign_only(node: Node) -> Node | None:
    inner = negated(node.args[0])
    # The negative of an unsigned integer is another positive number.
    return (
        None
        if inner is None or inner.type.dtype.kind == "u"
        else make(node.op, (inner,), node.params)
    )


#: Never negative and never -0.0, so |x| is x.
_POSITIVE = frozenset({"abs", "square", "exp", "sigmoid", "cosh", "norm", "hypot", "softmax"})


def _abs_of_positive(node: Node) -> Node | None:
    (x,) = node.args
    # The square of an integer may wrap to a negative one.
    return x if x.op.name in _POSITIVE and x.type.dtype.is_float else None


#: Functions with f(-x) = -f(x) bit for bit; sinh is not among them: JAX computes it from exp(x).
ODD = frozenset({"sin", "tan", "asin", "atan", "tanh", "asinh", "atanh", "erf"})


def _odd(node: Node) -> Node | None:
    (outer,) = node.args
    if outer.op.name not in ODD:
        return None
    inner = negated(outer.args[0])
    return None if inner is None else make(outer.op, (inner,))


# -- powers, extremes, rounding ----------------


def _power_one(node: Node) -> Node | None:
    return node.args[0] if node.params["exponent"] == 1 else None


def _power_zero(node: Node) -> Node | None:
    return uniform(1, node) if node.params["exponent"] == 0 else None


def _power_two(node: Node) -> Node | None:
    return make(square, node.args) if node.params["exponent"] == 2 else None


def _power_minus_one(node: Node) -> Node | None:
    return make(reciprocal, node.args) if node.params["exponent"] == -1 else None


def _pow_of_one(node: Node) -> Node | None:
    x, y = node.args
    return fit(x, node) if is_number(y, 1) else None


def _pow_of_zero(node: Node) -> Node | None:
    return uniform(1, node) if is_number(node.args[1], 0) else None


def _extreme_of_itself(node: Node) -> Node | None:
    x, y = node.args
    return x if x is y else None


def _extreme_of_nothing(node: Node) -> Node | None:
    bound = -np.inf if node.op.name == "maximum" else np.inf
    found = beside(node, bound)
    return None if found is None else fit(found, node)


ROUNDING = frozenset({"floor", "ceil", "round", "trunc"})


def _rounded_twice(node: Node) -> Node | None:
    (x,) = node.args
    return x if x.op.name in ROUNDING else None


def _idempotent(node: Node) -> Node | None:
    (x,) = node.args
    return x if x.op is node.op else None


RULES: tuple[Rule, ...] = (
    exact("plus minus zero", "x + -0.0 -> x; integers: x + 0 -> x", "add", _plus_zero,
          lambda x, y: x + (-0.0 if x.dtype.is_float else 0), "fi", needs=NUMBERS),
    exact("minus zero", "x - 0.0 -> x", "sub", _minus_zero,
          lambda x, y: x - (0.0 if x.dtype.is_float else 0), "fi", needs=NUMBERS),
    exact("minus zero minus", "-0.0 - x -> -x; integers: 0 - x -> -x", "sub", _zero_minus,
          lambda x, y: (-0.0 if x.dtype.is_float else 0) - x, "fi", needs=NUMBERS),
    exact("integer minus itself", "x - x -> 0 (integers)", "sub", _minus_itself,
          lambda x, y: x - x, "i"),
    exact("plus a negative", "a + (-b) -> a - b", "add", _plus_negative,
          lambda x, y: (-x) + y, "fi", needs="neg"),
    exact("minus a negative", "a - (-b) -> a + b", "sub", _minus_negative,
          lambda x, y: x - (-y), "fi", needs="neg"),
    exact("plus a negative product", "a + (-b) * c -> a - b * c", "add", _plus_negative_product,
          lambda x, y: x + (-y) * x, "fi", needs="mul"),
    exact("minus a negative product", "a - (-b) * c -> a + b * c", "sub", _minus_negative_product,
          lambda x, y: x - y * (-x), "fi", needs="mul"),
    exact("times one", "x * 1 -> x", "mul", _times_one, lambda x, y: 1 * x, "fi", needs=NUMBERS),
    exact("times minus one", "x * -1 -> -x", "mul", _times_minus_one,
          lambda x, y: x * -1.0, needs=NUMBERS),
    exact("integer times zero", "x * 0 -> 0 (integers)", "mul", _times_integer_zero,
          lambda x, y: x * 0, "i", needs=NUMBERS),
    exact("times itself", "x * x -> square(x)", "mul", _times_itself, lambda x, y: x * x, "fi"),
    exact("over one", "x / 1 -> x", "div", _over_one, lambda x, y: x / 1.0, needs=NUMBERS),
    exact("over minus one", "x / -1 -> -x", "div", _over_minus_one, lambda x, y: x / -1.0,
          needs=NUMBERS),
    exact("one over", "1 / x -> reciprocal(x)", "div", _one_over, lambda x, y: 1.0 / x,
          needs=NUMBERS),
    exact("two signs", "(-a) * (-b) -> a * b; (-a) / (-b) -> a / b", "mul div", _two_signs,
          lambda x, y: (-x) * (-y), "fi", needs="neg"),
    exact("sign into a factor", "(-a) * 2.0 -> a * -2.0; (-a) / 2.0; 2.0 / (-a)", "mul div",
          _sign_into_factor, lambda x, y: ((-x) * 3.0, 3.0 / (-x), (-x) / 3.0), needs="neg"),
    exact("sign into a product", "-(a * 2.0) -> a * -2.0; -(a / 2.0); -(2.0 / a)", "neg",
          _sign_into_product, lambda x, y: (-(x * 3.0), -(3.0 / x), -(x / 3.0)), needs="mul div"),
    exact("two signs around a product", "-((-a) * b) -> a * b; -((-a) / b) -> a / b", "neg",
          _sign_out_of_product, lambda x, y: (-((-x) * y), -(x / (-y))), needs="mul div"),
    exact("twice negative", "-(-x) -> x", "neg", _twice_negative, lambda x, y: -(-x), "fi",
          needs="neg"),
    exact("even functions", "f(-x) -> f(x), f(|x|) -> f(x) for square, hypot",
          "square hypot", _even, lambda x, y: apply("hypot", -x, abs(y)), needs="neg abs"),
    exact("even functions of a sign", "f(-x) -> f(x) for abs, cos, cosh", "abs cos cosh",
          _even_sign_only, lambda x, y: tuple(apply(f, -x) for f in ("abs", "cos", "cosh")),
          needs="neg"),
    exact("absolute value of a positive", "|f(x)| -> f(x) for abs, square, exp, ...", "abs",
          _abs_of_positive, lambda x, y: tuple(abs(apply(f, x)) for f in ("abs", "square", "exp")),
          needs=" ".join(_POSITIVE)),
    exact("sign through an odd function", "-f(-x) -> f(x) for sin, tanh, ...", "neg", _odd,
          lambda x, y: tuple(-apply(f, -x) for f in sorted(ODD)), needs=" ".join(ODD)),
    exact("first power", "x**1 -> x", "integer_pow", _power_one,
          lambda x, y: integer_pow(x, exponent=1), "fi"),
    exact("zeroth power", "x**0 -> 1", "integer_pow", _power_zero,
          lambda x, y: integer_pow(x, exponent=0), "fi"),
    exact("second power", "x**2 -> square(x)", "integer_pow", _power_two,
          lambda x, y: integer_pow(x, exponent=2), "fi"),
    exact("power minus one", "x**-1 -> reciprocal(x)", "integer_pow", _power_minus_one,
          lambda x, y: integer_pow(x, exponent=-1)),
    exact("pow of one", "pow(x, 1) -> x", "pow", _pow_of_one, lambda x, y: apply("pow", x, 1.0),
          needs=NUMBERS),
    exact("pow of zero", "pow(x, 0) -> 1", "pow", _pow_of_zero, lambda x, y: apply("pow", x, 0.0),
          needs=NUMBERS),
    exact("extreme of itself", "maximum(x, x) -> x; minimum(x, x) -> x", "maximum minimum",
          _extreme_of_itself, lambda x, y: (apply("maximum", x, x), apply("minimum", x, x)), "fi"),
    exact("no bound", "maximum(x, -inf) -> x; minimum(x, inf) -> x", "maximum minimum",
          _extreme_of_nothing, lambda x, y: apply("maximum", x, -np.inf), needs=NUMBERS),
    exact("rounded twice", "floor(ceil(x)) -> ceil(x), and so on", "floor ceil round trunc",
          _rounded_twice, lambda x, y: apply("floor", apply("round", x))),
    exact("idempotent", "f(f(x)) -> f(x) for relu, sign", "relu sign", _idempotent,
          lambda x, y: (apply("relu", apply("relu", x)), apply("sign", apply("sign", x)))),
)  # fmt: skip
