"""Stable forms of quotients by their factors: e / (1 + e) and inverse_positive(1 + e) * e alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from graphc.core.node import Node, make, scalar
from graphc.core.type import broadcast_shapes
from graphc.ops.axes import reduced_count
from graphc.ops.chain import broadcast_to
from graphc.ops.source import size_node
from graphc.simplify.factors import (
    Factor,
    Match,
    factors_of,
    has_repeated,
    is_moved,
    is_spread,
    outline,
    pairwise,
    replaced,
)
from graphc.simplify.rule import Rule, apply, is_number, number, of
from graphc.simplify.stable_rule import (
    are_opposite,
    exponent,
    log_of_term,
    number_of,
    one_plus,
    opposite,
    pair,
    reduced,
    same,
    scaled,
    stable,
    terms,
    times,
)

Pair = tuple["Node | None", "Node | None"]
Rewrite = Callable[[Node], "Node | None"]


def _ops(names: str) -> frozenset[str]:
    return frozenset(names.split())


# -- one over --------------------------------------------------------------------------------------


def _over(node: Node) -> tuple[Node | None, Node]:
    """Returns (a, b) of a / b; None for a where it is 1."""
    if node.op.name == "div":
        top, below = node.args
        return (None if is_number(top, 1) else top), below
    return None, node.args[0]


def _sigmoid(node: Node) -> Node | None:
    top, below = _over(node)
    term = one_plus(below)
    x = None if term is None else exponent(term)
    if x is None:
        return None
    if top is not None and top is term:
        return apply("sigmoid", x)
    value = apply("sigmoid", opposite(x))
    return value if top is None else top * value


def _over_exp(node: Node) -> Node | None:
    # a / exp(x) may be finite where exp(-x) is not, so this is for a = 1 alone.
    top, below = _over(node)
    x = of("exp", below) if top is None else None
    return None if x is None else apply("exp", opposite(x))


def _sech_squared(node: Node) -> Node | None:
    top, below = _over(node)
    base = of("square", below)
    x = None if base is None else of("cosh", base)
    if x is None:
        return None
    value = apply("sech_squared", x)
    return value if top is None else top * value


# -- two factors -----------------------------------------------------------------------------------


def _exp_times_sigmoid(one: Factor, other: Factor) -> Pair | None:
    x = exponent(one.node)
    if x is None or other.power < 0 or is_moved(one) or is_moved(other):
        return None
    if not are_opposite(x, other.node.args[0]):
        return None
    return apply("sigmoid", x), None


def _expm1_times_sigmoid(one: Factor, other: Factor) -> Pair | None:
    (x,) = one.node.args
    if other.power < 0 or is_moved(one) or is_moved(other):
        return None
    if not are_opposite(x, other.node.args[0]):
        return None
    return apply("tanh", x * 0.5), None


def _softmax(one: Factor, other: Factor) -> Pair | None:
    x = exponent(one.node)
    if x is None or other.power > 0 or other.node.args[0] is not one.node:
        return None
    wide, axes = one.node.type.shape, other.node.params["axis"]
    if not axes or any(n.type.shape != wide for n in one.path()):
        return None
    if not is_spread(other, other.node, wide):
        return None
    value = apply("softmax", x, axis=axes)
    if other.node.op.name == "mean":
        value = value * size_node(reduced_count(wide, axes), value.type.dtype)
    return value, None


def _exp_over_sum(one: Factor, other: Factor) -> Pair | None:
    """exp(t) / (exp(t) + exp(u)) = sigmoid(t - u); 1 / (c + exp(u - t) + ...) in general."""
    x = exponent(one.node)
    if x is None or other.power > 0 or is_moved(one) or is_moved(other):
        return None
    own, rest = 0.0, list[Node]()
    for sign, term in terms(other.node):
        inner, factor = scaled(term)
        logarithm = log_of_term(term)
        if sign < 0 or logarithm is None:
            return None
        if exponent(inner) is x:
            own += factor
        else:
            rest.append(_difference(logarithm, x))
    if not own or not rest:
        return None
    if len(rest) == 1 and own == 1:
        return apply("sigmoid", opposite(rest[0])), None
    total: Node = scalar(own, one.node.type.dtype)
    for t in rest:
        total = total + apply("exp", t)
    return apply("reciprocal", total), None


def _exp_over_expm1(one: Factor, other: Factor) -> Pair | None:
    x = exponent(one.node)
    if x is None or other.power > 0 or is_moved(one) or is_moved(other):
        return None
    return (None, -apply("expm1", opposite(x))) if other.node.args[0] is x else None


def _hyperbolic(one: Factor, other: Factor) -> Pair | None:
    """cosh(x) * sech(x)**2 = 1 / cosh(x); sinh(x) / cosh(x) = tanh(x)."""
    if is_moved(one) or is_moved(other) or one.node.args[0] is not other.node.args[0]:
        return None
    (x,) = one.node.args
    if one.node.op.name == "cosh" and other.node.op.name == "sech_squared" and other.power > 0:
        return apply("reciprocal", one.node), None
    tanh = one.node.op.name == "sinh" and other.node.op.name == "cosh" and other.power < 0
    return (apply("tanh", x), None) if tanh else None


def _difference(x: Node, y: Node) -> Node:
    """Returns x - y in the form that the exact rules give it."""
    if are_opposite(x, y):
        return x * 2.0
    if is_number(x, 0):
        return opposite(y)
    return x - y


def _tanh(one: Factor, other: Factor) -> Pair | None:
    if other.power > 0 or is_moved(one) or is_moved(other):
        return None
    x, y = map(_power_of_e, one.node.args)
    a, b = (exponent(term) for term in other.node.args)
    if x is None or y is None or a is None or b is None or not are_opposite(x, y):
        return None
    if (a is x and same(b, y)) or (b is x and same(a, y)):
        return apply("tanh", x), None
    return None


def _power_of_e(node: Node) -> Node | None:
    """Returns t of exp(t) and of expm1(t)."""
    t = of("expm1", node)
    return exponent(node) if t is None else t


_POSITIVE = _ops("exp sigmoid softmax cosh")
#: Sums of exponentials are positive too.
_CANCELLED = _POSITIVE | _ops("add sum mean")


def _is_sum_of_exponentials(node: Node) -> bool:
    if node.op.name in ("sum", "mean"):
        return exponent(node.args[0]) is not None
    found = terms(node)
    return bool(found) and all(s > 0 and log_of_term(term) is not None for s, term in found)


def _cancel(one: Factor, other: Factor) -> Pair | None:
    if is_moved(one) or is_moved(other):
        return None
    if one.node is other.node:
        positive = one.node.op.name in _POSITIVE or _is_sum_of_exponentials(one.node)
        return (None, None) if positive and other.power < 0 else None
    x, y = exponent(one.node), exponent(other.node)
    if x is None or y is None:
        return None
    if other.power > 0 and are_opposite(x, y):
        return None, None
    (a, c), (b, d) = scaled(x), scaled(y)
    total = c + other.power * d
    # The sum of two exponents would lose digits of both; multiples of one are merely scaled.
    if a is not b or abs(total) > max(abs(c), abs(d)):
        return None
    return (None if total == 0 else apply("exp", times(a, total))), None


def _sinc(one: Factor, other: Factor) -> Pair | None:
    if other.power > 0 or is_moved(one) or is_moved(other):
        return None
    (inner,) = one.node.args
    (a, c), (b, d) = scaled(inner), scaled(other.node)
    if a is not b or number(a) is not None:
        return None
    return times(apply("sinc", inner, order=0, scale="1"), c / d), None


def _fewer_powers(node: Node) -> Node | None:
    if not has_repeated(node):
        return None
    items = factors_of(node)
    leaves = [i for i in items if not i.parts and not is_moved(i) and number(i.node) is None]
    count = Counter(i.node for i in leaves)
    for one in leaves:
        if one.power < 0 or count[one.node] < 3:
            continue
        for other in leaves:
            if other.node is one.node and other.power < 0:
                return replaced(items, {one: None, other: None})
    return None


def _isru(one: Factor, other: Factor) -> Pair | None:
    if other.power > 0 or is_moved(one) or is_moved(other):
        return None
    for x, side in (other.node.args, other.node.args[::-1]):
        if x is one.node and number_of(side) in (1.0, -1.0):
            return apply("isru", x), None
    return None


_PAIRS: tuple[tuple[frozenset[str], frozenset[str], Match], ...] = (
    (_ops("exp reciprocal"), _ops("sigmoid"), _exp_times_sigmoid),
    (_ops("exp"), _ops("sum mean"), _softmax),
    (_ops("exp"), _ops("add"), _exp_over_sum),
    (_CANCELLED, _CANCELLED, _cancel),
)


def _matched(first: frozenset[str], second: frozenset[str], match: Match) -> Rewrite:
    return lambda node: pairwise(node, first, second, match)


# -- multiplied out ------------------------------------------------------------------------------


def _multiplied_out(node: Node) -> Node | None:
    """Makes s * (a / s + b) into a + s * b, for a factor s that is positive and may underflow."""
    names = outline(node)
    if not _POSITIVE & names or not names & {"add", "sub"}:
        return None
    items = factors_of(node)
    leaves = [i for i in items if not i.parts and i.power > 0 and not is_moved(i)]
    for one in leaves:
        if one.node.op.name not in _POSITIVE:
            continue
        for other in leaves:
            if other is one or other.node.op.name not in ("add", "sub"):
                continue
            whole = [apply("mul", one.node, term) for term in other.node.args]
            made = [_first_match(product) for product in whole]
            if any(m is not None for m in made):
                pieces = [w if m is None else m for w, m in zip(whole, made, strict=True)]
                shape = broadcast_shapes(*[w.type.shape for w in whole])
                parts = [broadcast_to(piece, shape) for piece in pieces]
                return replaced(items, {one: None, other: make(other.node.op, tuple(parts))})
    return None


def _first_match(product: Node) -> Node | None:
    for first, second, match in _PAIRS:
        found = pairwise(product, first, second, match)
        if found is not None:
            return found
    return None


# -- the table -------------------------------------------------------------------------------------


def _exp(x: Node) -> Node:
    return apply("exp", x)


def _exp_ratio(x: Node, y: Node) -> Node:
    powers = _exp(pair(x, y))
    # One share of the two: the slope of their sum is 0, and 1 - 1 is no measure of digits.
    return (powers / reduced("sum", powers, True))[:, :, 0]


def _softmax_slope(x: Node, y: Node) -> Node:
    """What reverse mode makes of log(softmax(x)): s * (a / s - sum(a / s * s))."""
    soft = apply("softmax", pair(x, y), axis=(2,))
    adjoint = pair(y, x) * apply("inverse_positive", soft)
    return soft * (adjoint - reduced("sum", adjoint * soft, True))


_BEYOND = "is infinite over infinite, NaN, from x = 710 on (89 in float32)"

QUOTIENTS: tuple[Rule, ...] = (
    stable("sigmoid", "1 / (1 + exp(-x)) -> sigmoid(x); a / (1 + exp(x)) -> a * sigmoid(-x)",
           "div reciprocal inverse_positive", _sigmoid,
           lambda x, y: (1.0 / (1.0 + _exp(-x)), apply("reciprocal", 1.0 + 1.0 / _exp(x))),
           ((-700.0, 0.0), (-400.0, 0.0)),
           "has the slope NaN where exp(-x) or its square overflows, below x = -355 (-44 in "
           "float32)"),
    stable("sigmoid of a ratio", "exp(x) * sigmoid(-x), exp(x) / (1 + exp(x)) -> sigmoid(x)",
           "mul div", _matched(_ops("exp reciprocal"), _ops("sigmoid"), _exp_times_sigmoid),
           lambda x, y: (_exp(x) * apply("sigmoid", -x), _exp(x) * y * apply("sigmoid", -x)),
           ((800.0, 3.0),), _BEYOND),
    stable("tanh of a ratio", "(exp(x) - 1) / (exp(x) + 1) -> tanh(x / 2)", "mul div",
           _matched(_ops("expm1"), _ops("sigmoid"), _expm1_times_sigmoid),
           lambda x, y: apply("expm1", x) * apply("sigmoid", -x), ((800.0, 0.0),),
           f"{_BEYOND}; the digits near 0"),
    stable("tanh", "(exp(x) - exp(-x)) / (exp(x) + exp(-x)) -> tanh(x)", "mul div",
           _matched(_ops("sub"), _ops("add"), _tanh),
           lambda x, y: (_exp(x) - _exp(-x)) / (_exp(x) + _exp(-x)), ((800.0, 0.0), (1e-17, 0.0)),
           f"{_BEYOND}; the digits near 0"),
    stable("softmax", "exp(x) / sum(exp(x)) -> softmax(x)", "mul div",
           _matched(_ops("exp"), _ops("sum mean"), _softmax), _exp_ratio,
           ((800.0, 799.0), (-800.0, -799.0)),
           "is infinite over infinite or 0 over 0, NaN, where an exponential overflows or all "
           "underflow"),
    stable("share of two exponentials", "exp(x) / (exp(x) + exp(y)) -> sigmoid(x - y)", "mul div",
           _matched(_ops("exp"), _ops("add"), _exp_over_sum),
           lambda x, y: (_exp(x) / (_exp(x) + _exp(y)), _exp(y) / (_exp(x) + _exp(y) + _exp(-x))),
           ((800.0, 799.0),), _BEYOND, "x, y finite"),
    stable("one over exp", "1 / exp(x) -> exp(-x)", "div reciprocal inverse_positive", _over_exp,
           lambda x, y: 1.0 / _exp(x), ((700.0, 0.0), (400.0, 0.0)),
           "has the slope NaN where the square of exp(x) overflows, beyond x = 355 (44 in "
           "float32)"),
    stable("over cosh squared", "a / cosh(x)**2 -> a * sech(x)**2", "div reciprocal",
           _sech_squared, lambda x, y: (1.0 / apply("square", apply("cosh", x)),
                                        y / apply("square", apply("cosh", x))),
           ((800.0, 3.0),),
           "has the slope NaN where cosh(x) overflows, beyond |x| = 710 (89 in float32)"),
    stable("exp over expm1", "exp(x) / (exp(x) - 1) -> -1 / expm1(-x)", "mul div",
           _matched(_ops("exp"), _ops("expm1"), _exp_over_expm1),
           lambda x, y: _exp(x) / apply("expm1", x), ((800.0, 0.0),), _BEYOND),
    stable("hyperbolic quotient",
           "sinh(x) / cosh(x) -> tanh(x); cosh(x) * sech(x)**2 -> 1 / cosh(x)", "mul div",
           _matched(_ops("sinh cosh"), _ops("cosh sech_squared"), _hyperbolic),
           lambda x, y: apply("sinh", x) / apply("cosh", x), ((800.0, 0.0),),
           "is infinite over infinite, NaN, from |x| = 711 on (90 in float32)"),
    stable("factor cancelled",
           "a * s / s -> a for s = exp, sigmoid, softmax, cosh, sums of exp; exp(x) / exp(x / 2)",
           "mul div",
           _matched(_CANCELLED, _CANCELLED, _cancel),
           lambda x, y: (y * apply("sigmoid", x) * apply("inverse_positive", apply("sigmoid", x)),
                         _exp(x) * y / _exp(x)),
           ((-800.0, 3.0),), "is 0 over 0 or infinite over infinite, NaN, where s underflows or "
           "overflows"),
    stable("fewer powers", "x / x**2 -> 1 / x; x**3 / x**2 -> x", "mul div", _fewer_powers,
           lambda x, y: (x * y / apply("square", x), apply("square", x) / x),
           ((3e200, 2.0), (3e-200, 2.0)),
           "is infinite, 0 or NaN where the power overflows or underflows",
           "every x; 0 / 0 becomes the limit, which is finite where the power above is the higher"),
    stable("sinc", "sin(x) / x -> sinc(x), and so in products: (1 - cos(x)) / x**2", "mul div",
           _matched(_ops("sin"), frozenset(), _sinc),
           lambda x, y: apply("sin", x) / x,
           ((1e-9, 0.0), (1e-5, 0.0)),
           "loses the digits of the slope near 0; NaN at 0",
           "every x; 0 / 0 at x = 0 becomes the limit"),
    stable("isru", "x / sqrt(1 + x**2) -> isru(x)", "mul div",
           _matched(frozenset(), _ops("hypot"), _isru), lambda x, y: x / apply("hypot", x, 1.0),
           ((1e9, 0.0), (-1e6, 0.0)), "loses the digits of the slope from |x| = 1e8 on (4e3)"),
    stable("multiplied out", "s * (a / s + b) -> a + s * b for s = exp, sigmoid, softmax, cosh",
           "mul div", _multiplied_out, _softmax_slope, ((0.0, 800.0),),
           "is NaN where s underflows or overflows"),
)  # fmt: skip
