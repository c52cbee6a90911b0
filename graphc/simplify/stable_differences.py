"""Stable forms of differences that cancel."""

from __future__ import annotations

import math
from collections.abc import Callable

from graphc.core.node import Node
from graphc.simplify.rule import Rule, apply, of, squared
from graphc.simplify.stable_rule import (
    are_opposite,
    below_one,
    exponent,
    isru_argument,
    minus_one,
    number_of,
    one_minus,
    one_plus,
    opposite,
    scaled,
    stable,
    with_number,
)

# -- from one --------------------------------------------------------------------------------------


def _expm1(node: Node) -> Node | None:
    term = minus_one(node)
    x = None if term is None else exponent(term)
    return None if x is None else apply("expm1", x)


def _one_minus_exp(node: Node) -> Node | None:
    term = one_minus(node)
    x = None if term is None else exponent(term)
    return None if x is None else -apply("expm1", x)


def _complement(
    name: str, below: Callable[[Node], Node] | None, above: Callable[[Node], Node] | None = None
) -> Callable[[Node], Node | None]:
    """Returns the rewriting of 1 - f(x), f(x) - 1 and 1 + f(x); `name` may be `f**2`."""

    def argument(term: Node | None) -> Node | None:
        if term is None or not name.endswith("**2"):
            return None if term is None else of(name, term)
        base = squared(term)
        return None if base is None else of(name.removesuffix("**2"), base)

    def rewrite(node: Node) -> Node | None:
        if below is not None:
            x = argument(one_minus(node))
            if x is not None:
                return below(x)
            x = argument(minus_one(node))
            if x is not None:
                return -below(x)
        x = argument(one_plus(node)) if above is not None else None
        return above(x) if x is not None and above is not None else None

    return rewrite


def _twice(name: str, x: Node, factor: float) -> Node:
    return apply(name, x * factor) * 2.0


def _twice_square(name: str, x: Node) -> Node:
    return apply("square", apply(name, x * 0.5)) * 2.0


def _one_minus_reciprocal(node: Node) -> Node | None:
    term = one_minus(node)
    below = None if term is None else below_one(term)
    x = None if below is None else one_plus(below)
    return None if x is None else x / below


def _centred_sigmoid(node: Node) -> Node | None:
    """2 * sigmoid(x) - 1 and sigmoid(x) - 1/2, either way round."""
    found = with_number(node)
    sign = 1.0
    if found is None and node.op.name == "sub":
        c = number_of(node.args[0])
        found, sign = (None if c is None else (node.args[1], -c)), -1.0
    if found is None:
        return None
    inner, factor = scaled(found[0])
    x = of("sigmoid", inner)
    # factor * sigmoid(x) - factor / 2
    if x is None or found[1] != -factor / 2:
        return None
    value, weight = apply("tanh", x * 0.5), sign * factor / 2
    return value if weight == 1 else -value if weight == -1 else value * weight


# -- of two functions ------------------------------------------------------------------------------


def _exp_difference(node: Node) -> Node | None:
    x, y = map(exponent, node.args)
    if x is None or y is None or x is y:
        return None
    if are_opposite(x, y):
        return apply("expm1", x) - apply("expm1", y)
    # The larger one times a number from -1 to 0, whose exponent x - y is exact where it matters.
    left, right = node.args
    return apply("where", x >= y, left * -apply("expm1", y - x), right * apply("expm1", x - y))


def _square_difference(node: Node) -> Node | None:
    x, y = map(_root_of, node.args)
    if x is None or y is None or not (isinstance(x, Node) or isinstance(y, Node)):
        return None
    return (x - y) * (x + y)  # pyright: ignore[reportReturnType]


def _root_of(node: Node) -> Node | float | None:
    """Returns a of a square, and the root of a number where it is exact."""
    base = squared(node)
    if base is not None:
        return base
    c = number_of(node)
    if c is None or c <= 0:
        return None
    root = math.sqrt(c)
    return root if root * root == c and root == round(root) else None


def _square_minus_number(node: Node) -> Node | None:
    found = with_number(node) if node.op.name == "add" else None
    x = None if found is None or found[1] >= 0 else squared(found[0])
    root = math.sqrt(-found[1]) if found is not None and x is not None else 0.0
    if x is None or root != round(root):
        return None
    return (x - root) * (x + root)


Linear = tuple[Node | None, float, float]


def _linear(node: Node) -> Linear:
    """Returns (a, s, c) of s * a + c, with s = 1 or -1; (None, 1, c) for a number."""
    c = number_of(node)
    if c is not None:
        return None, 1.0, c
    found = with_number(node)
    if found is not None:
        return found[0], 1.0, found[1]
    if node.op.name == "sub":
        c = number_of(node.args[0])
        if c is not None:
            return node.args[1], -1.0, c
    return node, 1.0, 0.0


def _apart(x: Node, y: Node) -> float | None:
    """Returns the number x - y where their forms tell it."""
    (a, s, c), (b, t, d) = _linear(x), _linear(y)
    return c - d if a is b and a is not None and s == t and c != d else None


def _root_difference(node: Node) -> Node | None:
    left, right = node.args
    x, y = of("sqrt", left), of("sqrt", right)
    if x is not None and y is not None:
        apart = _apart(x, y)
        return None if apart is None else apart / (left + right)
    for root, number, sign in ((left, right, 1.0), (right, left, -1.0)):
        x, c = of("sqrt", root), number_of(number)
        if c is None or c <= 0:
            continue
        made = _root_minus_number(root, x, number, c)
        if made is not None:
            return made if sign > 0 else -made
    return None


def _root_minus_number(root: Node, x: Node | None, number: Node, c: float) -> Node | None:
    """sqrt(a + c**2) - c, for a sum, a hypot, and sqrt((1 - a) * (1 + a)) - 1."""
    below = root + number
    if x is None:
        if root.op.name != "hypot":
            return None
        for a, b in (root.args, root.args[::-1]):
            if number_of(b) in (c, -c):
                return a / below * a
        return None
    base, sign, offset = _linear(x)
    if base is not None and offset == c * c:
        return base / below if sign > 0 else -(base / below)
    if x.op.name == "mul":
        (a, s, p), (b, t, q) = map(_linear, x.args)
        if a is b and a is not None and s == -t and p == q == c:
            return -(apply("square", a) / below)
    return None


def _hypot_and_side(node: Node) -> Node | None:
    """sqrt(x**2 + c) - x and + x: the conjugate where they cancel."""
    plus = node.op.name == "add"
    for root, x in (node.args, node.args[::-1]) if plus else (node.args,):
        if root.op.name != "hypot":
            continue
        for a, b in (root.args, root.args[::-1]):
            if a is x and number_of(b) is not None:
                cancels = x < 0.0 if plus else x > 0.0
                return apply("where", cancels, b / (root - x if plus else root + x) * b, node)
    return None


def _one_and_isru(node: Node) -> Node | None:
    """1 - isru(x) and 1 + isru(x), with h = sqrt(1 + x**2): (h - x) / h and (h + x) / h."""
    for read, plus in ((one_minus, False), (one_plus, True)):
        term = read(node)
        x = None if term is None else isru_argument(term)
        if x is not None:
            h = apply("hypot", x, 1.0)
            cancels = x < 0.0 if plus else x > 0.0
            small = apply("reciprocal", h - x if plus else h + x) / h
            return apply("where", cancels, small, node)
    return None


def _reciprocal_difference(node: Node) -> Node | None:
    """1 / x - 1 / y, where x - y is a number, or x and y are such roots, times one number."""
    left, right = node.args
    x, y = map(below_one, node.args)
    if x is None or y is None:
        return None
    apart = _apart(y, x)
    if apart is not None:
        return left * right * apart
    (a, c), (b, d) = scaled(x), scaled(y)
    u, v = of("sqrt", a), of("sqrt", b)
    apart = None if u is None or v is None or c != d else _apart(v, u)
    if apart is None:
        return None
    return left * right * (apart * c / (a + b))


# -- the table -------------------------------------------------------------------------------------


def _exp(x: Node) -> Node:
    return apply("exp", x)


def _square(x: Node) -> Node:
    return apply("square", x)


def _sqrt(x: Node) -> Node:
    return apply("sqrt", x)


_NEAR_ZERO = ((1e-17, 0.0), (1e-9, 0.0))
_DIGITS_NEAR_ZERO = "loses the digits near x = 0, all of them below 1e-16 (6e-8 in float32)"
_SQUARED_NEAR_ZERO = "loses the digits near x = 0, all of them below 1e-8 (2e-4 in float32)"

DIFFERENCES: tuple[Rule, ...] = (
    stable("expm1", "exp(x) - 1 -> expm1(x)", "sub add", _expm1,
           lambda x, y: (_exp(x) - 1.0, _exp(x) + -1.0), _NEAR_ZERO, _DIGITS_NEAR_ZERO),
    stable("one minus exp", "1 - exp(x) -> -expm1(x)", "sub", _one_minus_exp,
           lambda x, y: 1.0 - _exp(x), _NEAR_ZERO, _DIGITS_NEAR_ZERO),
    stable("one minus cosine", "1 - cos(x) -> 2 * sin(x / 2)**2; 1 + cos(x) -> 2 * cos(x / 2)**2",
           "sub add",
           _complement("cos", lambda x: _twice_square("sin", x), lambda x: _twice_square("cos", x)),
           lambda x, y: (1.0 - apply("cos", x), apply("cos", x) - 1.0),
           ((1e-9, 0.0), (1e-6, 0.0)),
           f"{_SQUARED_NEAR_ZERO}; those of 1 + cos(x) near pi"),
    stable("one minus sigmoid", "1 - sigmoid(x) -> sigmoid(-x)", "sub add",
           _complement("sigmoid", lambda x: apply("sigmoid", opposite(x))),
           lambda x, y: (1.0 - apply("sigmoid", x), apply("sigmoid", x) - 1.0),
           ((40.0, 0.0), (30.0, 0.0)), "loses all digits from x = 37 on (17 in float32)"),
    stable("one minus erf", "1 - erf(x) -> erfc(x); 1 + erf(x) -> erfc(-x)", "sub add",
           _complement("erf", lambda x: apply("erfc", x), lambda x: apply("erfc", opposite(x))),
           lambda x, y: (1.0 - apply("erf", x), apply("erf", -x) + 1.0),
           ((8.0, 0.0), (5.0, 0.0)),
           "loses all digits from |x| = 6 on (4 in float32), on one side"),
    stable("one minus erfc", "1 - erfc(x) -> erf(x)", "sub add",
           _complement("erfc", lambda x: apply("erf", x)),
           lambda x, y: (1.0 - apply("erfc", x), apply("erfc", x) - 1.0), _NEAR_ZERO,
           _DIGITS_NEAR_ZERO),
    stable("one minus tanh",
           "1 - tanh(x) -> 2 * sigmoid(-2 * x); 1 + tanh(x) -> 2 * sigmoid(2 * x)", "sub add",
           _complement("tanh", lambda x: _twice("sigmoid", x, -2.0),
                       lambda x: _twice("sigmoid", x, 2.0)),
           lambda x, y: (1.0 - apply("tanh", x), apply("tanh", -x) + 1.0),
           ((19.0, 0.0), (25.0, 0.0)),
           "loses all digits from |x| = 19 on (9 in float32), on one side"),
    stable("slope of tanh", "1 - tanh(x)**2 -> sech(x)**2", "sub add",
           _complement("tanh**2", lambda x: apply("sech_squared", x)),
           lambda x, y: (1.0 - _square(apply("tanh", x)), _square(apply("tanh", x)) - 1.0),
           ((19.0, 0.0), (-12.0, 0.0)), "loses all digits from |x| = 19 on (9 in float32)"),
    stable("one minus cosine squared", "1 - cos(x)**2 -> sin(x)**2", "sub add",
           _complement("cos**2", lambda x: _square(apply("sin", x))),
           lambda x, y: (1.0 - _square(apply("cos", x)), _square(apply("cos", x)) - 1.0),
           ((1e-9, 0.0), (1e-6, 0.0)), _SQUARED_NEAR_ZERO),
    stable("one minus sine squared", "1 - sin(x)**2 -> cos(x)**2", "sub add",
           _complement("sin**2", lambda x: _square(apply("cos", x))),
           lambda x, y: (1.0 - _square(apply("sin", x)), _square(apply("sin", x)) - 1.0),
           ((math.pi / 2, 0.0), (1.5707, 0.0)), "loses the digits near x = pi / 2, 3 pi / 2, ..."),
    stable("one minus a reciprocal", "1 - 1 / (1 + x) -> x / (1 + x)", "sub",
           _one_minus_reciprocal, lambda x, y: 1.0 - 1.0 / (1.0 + x), _NEAR_ZERO,
           _DIGITS_NEAR_ZERO, "x finite, x != -1"),
    stable("centred sigmoid", "2 * sigmoid(x) - 1 -> tanh(x / 2); sigmoid(x) - 1/2", "sub add",
           _centred_sigmoid,
           lambda x, y: (apply("sigmoid", x) * 2.0 - 1.0, 0.5 - apply("sigmoid", x)),
           _NEAR_ZERO, _DIGITS_NEAR_ZERO),
    stable("exp difference", "exp(x) - exp(y) -> exp(y) * expm1(x - y), the larger one outside; "
           "exp(x) - exp(-x) -> expm1(x) - expm1(-x)", "sub", _exp_difference,
           lambda x, y: (_exp(x) - _exp(y), _exp(x) - _exp(-x)), ((1e-17, 1e-18), (1e-9, 2e-9)),
           "loses the digits of x - y where x is near y", "x, y finite"),
    stable("difference of squares", "x**2 - y**2 -> (x - y) * (x + y); 1, 4, 9, ... are squares",
           "sub", _square_difference,
           lambda x, y: (x * x - y * y, x**2 - 4.0, 1.0 - _square(x)),
           ((0.3 + 2.0**-50, 0.3), (2.0000000210894497, 2.0), (0.9999999925510688, 1.0),
            (0.9998779, 1.0)),
           "loses the digits of x - y where |x| is near |y|, half of them beside a number; "
           "infinite beyond 1e154 (1e19 in float32)", "x, y finite"),
    stable("square minus a number", "x**2 + (-4) -> (x - 2) * (x + 2)", "add",
           _square_minus_number, lambda x, y: x**2 + -4.0, ((2.0000000210894497, 0.0),),
           "loses half of the digits of x - 2 where |x| is near 2", "x finite"),
    stable("difference of roots",
           "sqrt(x + a) - sqrt(x + b) -> (a - b) / (sqrt(x + a) + sqrt(x + b)); "
           "sqrt(x + 1) - 1 -> x / (sqrt(x + 1) + 1)", "sub", _root_difference,
           lambda x, y: (_sqrt(x + 1.0) - _sqrt(x), _sqrt(1.0 + y) - 1.0, 1.0 - _sqrt(1.0 - y),
                         1.0 - _sqrt(1.0 - y * y), _sqrt(y * y + 1.0) - 1.0),
           ((1e17, 1e-17), (1e12, 1e-9)),
           "loses all digits from x = 1e16 on (2e7 in float32), or near 0 for the forms with a "
           "number",
           "x finite, in the domain of the roots"),
    stable("hypotenuse and side",
           "sqrt(x**2 + c) - x -> c / (sqrt(x**2 + c) + x) for x > 0; + x for x < 0", "sub add",
           _hypot_and_side,
           lambda x, y: (apply("hypot", x, 1.0) - x, apply("hypot", y, 1.0) + y),
           ((1e9, -1e9), (1e6, -1e6)),
           "loses all digits from |x| = 1e8 on (4e3 in float32), on one side",
           "x finite"),
    stable("one minus isru", "1 - isru(x) -> 1 / ((h + x) * h), h = sqrt(1 + x**2), for x > 0; "
           "1 + isru(x) for x < 0", "sub add", _one_and_isru,
           lambda x, y: (1.0 - apply("isru", x), 1.0 + apply("isru", y)),
           ((1e9, -1e9), (1e6, -1e6)),
           "loses all digits from |x| = 1e8 on (4e3 in float32), on one side",
           "x finite"),
    stable("one minus isru squared", "1 - isru(x)**2 -> 1 / (1 + x**2)", "sub add",
           _complement("isru**2", lambda x: apply("one_plus_square", x, power=-1.0)),
           lambda x, y: 1.0 - _square(apply("isru", x)), ((1e9, 0.0), (1e6, 0.0)),
           "loses all digits from |x| = 1e8 on (4e3 in float32)"),
    stable("difference of reciprocals",
           "1 / (x + a) - 1 / (x + b) -> (b - a) / ((x + a) * (x + b)); also of roots",
           "sub", _reciprocal_difference, lambda x, y: 1.0 / x - 1.0 / (x + 1.0),
           ((1e17, 0.0), (1e12, 0.0)), "loses all digits from x = 1e16 on (2e7 in float32)",
           "x finite, x != -a, x != -b"),
)  # fmt: skip
