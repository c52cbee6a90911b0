"""Stable forms of logarithms."""

from __future__ import annotations

import math

from graphc.core.node import Node, scalar
from graphc.ops.axes import reduced_count
from graphc.ops.source import size_node
from graphc.simplify.rule import Rule, apply, negated, of, one_of, squared
from graphc.simplify.stable_rule import (
    are_opposite,
    below_one,
    exponent,
    inside,
    log_of_term,
    minus_one,
    number_of,
    one_minus,
    one_plus,
    opposite,
    pair,
    reduced,
    same,
    scaled,
    stable,
    stacked,
    terms,
    with_number,
)

# -- logarithms of exponentials --------------------------------------------------------------------


def _softplus(node: Node) -> Node | None:
    term = one_plus(node.args[0]) if node.op.name == "log" else node.args[0]
    x = None if term is None else exponent(term)
    if x is None:
        return None
    positive = negated(x) if node.op.name == "log1p" else None
    if positive is not None and positive.op.name == "abs":
        return None  # log1p(exp(-|x|)) has its digits
    return apply("softplus", x)


def _log_of_exponentials(node: Node) -> Node | None:
    found = terms(node.args[0])
    if node.op.name == "log1p" and len(found) > 1:
        found = [(1, scalar(1.0, node.type.dtype)), *found]
    parts = [log_of_term(term) if sign > 0 else None for sign, term in found]
    logarithms = [part for part in parts if part is not None]
    variable = any(exponent(term) is not None for _, term in found)
    if len(parts) < 2 or len(logarithms) < len(parts) or not variable:
        return None
    rank = len(node.type.shape)
    return apply("logsumexp", stacked(logarithms, node), axis=(rank,), keepdims=False)


def _logsumexp(node: Node) -> Node | None:
    inner = node.args[0]
    x = exponent(inner.args[0]) if inner.op.name in ("sum", "mean") else None
    if x is None:
        return None
    total = apply("logsumexp", x, **inner.params)
    if inner.op.name == "sum":
        return total
    count = reduced_count(x.type.shape, inner.params["axis"])
    return total - apply("log", size_node(count, node.type.dtype))


def _log_sigmoid(node: Node) -> Node | None:
    x = inside(node, "sigmoid")
    return None if x is None else apply("log_sigmoid", x)


def _log_softmax(node: Node) -> Node | None:
    inner = node.args[0]
    if inner.op.name != "softmax":
        return None
    return apply("log_softmax", inner.args[0], **inner.params)


#: Ops that only move elements, so that a logarithm may go before them.
_MOVING = ("slice", "gather", "reshape", "transpose", "broadcast_to")


def _log_of_moved(node: Node) -> Node | None:
    """Log of an element of softmax(x): the logarithm first, then the element."""
    moves: list[Node] = []
    item = node.args[0]
    while item.op.name in _MOVING and len(moves) < 8:
        moves.append(item)
        item = item.args[0]
    if not moves or item.op.name not in ("softmax", "sigmoid", "exp"):
        return None
    made = apply("log", item)
    for move in reversed(moves):
        made = apply(move.op.name, made, *move.args[1:], **move.params)
    return made


def _log_exp(node: Node) -> Node | None:
    return exponent(node.args[0])


def _log_scaled_exp(node: Node) -> Node | None:
    inner, factor = scaled(node.args[0])
    x = exponent(inner)
    return None if x is None or factor <= 0 or factor == 1 else x + math.log(factor)


def _log_one_minus_exp(node: Node) -> Node | None:
    """Source: M. Mächler, Accurately computing log(1 - exp(-|a|)), 2012: where which form wins."""
    inner = of("neg", node.args[0])
    if node.op.name == "log1p":
        x = None if inner is None else exponent(inner)
    elif inner is not None:
        x = of("expm1", inner)
    else:
        term = one_minus(node.args[0])
        x = None if term is None else exponent(term)
    if x is None:
        return None
    near = apply("log", -apply("expm1", x))
    return apply("where", x > -math.log(2.0), near, apply("log1p", -apply("exp", x)))


def _log_expm1(node: Node) -> Node | None:
    inner = node.args[0]
    x = of("expm1", inner)
    if x is None:
        term = minus_one(inner)
        x = None if term is None else exponent(term)
    if x is None:
        return None
    far = x + apply("log1p", -apply("exp", -x))
    return apply("where", x > 1.0, far, apply("log", apply("expm1", x)))


def _log_sigmoid_of_softplus(node: Node) -> Node | None:
    x, y = node.args
    if node.op.name == "add":
        found = one_of(node, lambda a: of("softplus", a))
        if found is None:
            return None
        x, inner = found
        return apply("softplus", x) if are_opposite(x, inner) else None
    inner = of("softplus", y)
    if inner is not None and same(inner, x):
        return apply("log_sigmoid", x)
    inner = of("softplus", x)
    return apply("softplus", opposite(y)) if inner is not None and same(inner, y) else None


def _minus_logsumexp(node: Node) -> Node | None:
    for (x, y), sign in ((node.args, 1), (node.args[::-1], -1)):
        inner = y.args[0] if y.op.name == "broadcast_to" else y
        if inner.op.name != "logsumexp" or inner.args[0] is not x or not inner.params["axis"]:
            continue
        if not inner.params["keepdims"] and inner.type.shape:
            continue
        made = apply("log_softmax", x, axis=inner.params["axis"])
        return made if sign > 0 else -made
    return None


# -- other logarithms ------------------------------------------------------------------------------


def _log1p(node: Node) -> Node | None:
    x = one_plus(node.args[0])
    return None if x is None else apply("log1p", x)


def _log1p_of_negative(node: Node) -> Node | None:
    x = one_minus(node.args[0])
    return None if x is None else apply("log1p", opposite(x))


def _log_power(node: Node) -> Node | None:
    (inner,) = node.args
    base = squared(inner)
    power = 2 if base is not None else inner.params.get("exponent", 0)
    if base is None and inner.op.name == "integer_pow":
        base = inner.args[0]
    if base is None or not 1 < abs(power) <= 2**20:
        return None
    return apply("log", abs(base) if power % 2 == 0 else base) * float(power)


def _log_root(node: Node) -> Node | None:
    if exponent(node.args[0]) is not None:
        return None
    below = below_one(node.args[0])
    if below is not None:
        return -apply("log", below)
    for name, factor in (("sqrt", 0.5), ("rsqrt", -0.5)):
        x = inside(node, name)
        if x is not None:
            return apply("log", x) * factor
    return None


def _log_ratio(node: Node) -> Node | None:
    if node.op.name == "log":
        (inner,) = node.args
        if inner.op.name != "div":
            return None
        x, y = inner.args
    else:
        inner, other = node.args
        first, second = of("log", inner), of("log", other)
        if first is None or second is None:
            return None
        x, y = first, second
    if x is y or number_of(x) is not None or number_of(y) is not None:
        return None
    apart = x - y
    close = apply("less", abs(apart) * 2.0, y)
    near = apply("log1p", apart / y)
    return apply("where", close, near, node)


def _atanh(node: Node) -> Node | None:
    if node.op.name == "log":
        (inner,) = node.args
        if inner.op.name != "div":
            return None
        x, y = one_plus(inner.args[0]), one_minus(inner.args[1])
        if x is not None and y is x:
            return apply("atanh", x) * 2.0
        x, y = one_minus(inner.args[0]), one_plus(inner.args[1])
        return None if x is None or y is not x else apply("atanh", x) * -2.0
    x, y = (of("log1p", a) for a in node.args)
    if x is None or y is None or not are_opposite(x, y):
        return None
    return apply("atanh", x) * 2.0


def _asinh(node: Node) -> Node | None:
    (inner,) = node.args
    if inner.op.name == "where":  # what "hypotenuse plus side" makes of the sum
        inner = inner.args[2]
    if inner.op.name != "add":
        return None
    for x, root in (inner.args, inner.args[::-1]):
        if root.op.name == "hypot":
            found = one_of(root, lambda a: number_of(a) in (1.0, -1.0))
            if found is not None and found[0] is x:
                return apply("asinh", x)
            continue
        below = of("sqrt", root)
        if below is None:
            continue
        if below.op.name == "mul":
            a, b = map(with_number, below.args)
            if a and b and a[0] is b[0] is x and {a[1], b[1]} == {1.0, -1.0}:
                return apply("acosh", x)
        found = with_number(below)
        if found is not None and abs(found[1]) == 1 and squared(found[0]) is x:
            return apply("asinh" if found[1] == 1 else "acosh", x)
    return None


# -- the table -------------------------------------------------------------------------------------


def _exp(x: Node) -> Node:
    return apply("exp", x)


def _log(x: Node) -> Node:
    return apply("log", x)


LOGARITHMS: tuple[Rule, ...] = (
    stable("softplus", "log(1 + exp(x)) -> softplus(x)", "log log1p", _softplus,
           lambda x, y: (_log(1.0 + _exp(x)), _log(_exp(x) + 1.0), apply("log1p", _exp(x))),
           ((800.0, 0.0), (-40.0, 0.0)),
           "is infinite from x = 710 on (89 in float32), its slope NaN; 0 below -37 (-17)"),
    stable("log_sigmoid", "log(sigmoid(x)) -> log_sigmoid(x)", "log", _log_sigmoid,
           lambda x, y: _log(apply("sigmoid", x)), ((-800.0, 0.0), (40.0, 0.0)),
           "is -infinite below x = -745 (-104 in float32), its slope NaN; 0 above 37 (17)"),
    stable("log_softmax", "log(softmax(x)) -> log_softmax(x)", "log", _log_softmax,
           lambda x, y: _log(apply("softmax", pair(x, y), axis=(2,))), ((0.0, 800.0),),
           "is -infinite where an element is 745 below the largest (104 in float32), its slope "
           "NaN"),
    stable("log of an element", "log(softmax(x)[i]) -> log(softmax(x))[i]; sigmoid, exp", "log",
           _log_of_moved, lambda x, y: _log(apply("softmax", pair(x, y), axis=(2,))[:, :, 0]),
           ((0.0, 800.0),),
           "is -infinite where the element is 745 below the largest (104 in float32)"),
    stable("logsumexp", "log(sum(exp(x))) -> logsumexp(x); log(mean(exp(x)))", "log", _logsumexp,
           lambda x, y: (_log(reduced("sum", _exp(pair(x, y)))),
                         _log(reduced("mean", _exp(pair(x, y))))),
           ((800.0, 799.0), (-800.0, -799.0)),
           "is infinite from x = 710 on (89 in float32), -infinite below -745 (-104)"),
    stable("logaddexp", "log(exp(x) + exp(y)) -> logsumexp([x, y]); up to 8 terms and numbers",
           "log log1p", _log_of_exponentials,
           lambda x, y: (_log(_exp(x) + _exp(y)), _log(2.0 + _exp(x) + 3.0 * _exp(y)),
                         apply("log1p", _exp(x) + _exp(y))),
           ((800.0, 799.0),),
           "is infinite from x = 710 on (89 in float32), -infinite where all are below -745 "
           "(-104)"),
    stable("log of exp", "log(exp(x)) -> x", "log", _log_exp,
           lambda x, y: (_log(_exp(x)), _log(1.0 / _exp(x))), ((800.0, 0.0), (-800.0, 0.0)),
           "is infinite from x = 710 on (89 in float32), -infinite below -745 (-104)"),
    stable("log of a multiple of exp", "log(c * exp(x)) -> x + log(c), c > 0", "log",
           _log_scaled_exp, lambda x, y: _log(_exp(x) * 0.25), ((-800.0, 0.0), (800.0, 0.0)),
           "is infinite from x = 710 on (89 in float32), -infinite below -745 (-104)"),
    stable("log1mexp", "log(1 - exp(x)) -> log(-expm1(x)) near 0, log1p(-exp(x)) below -0.7",
           "log log1p", _log_one_minus_exp,
           lambda x, y: (_log(1.0 - _exp(x)), apply("log1p", -_exp(x))),
           ((-1e-17, 0.0), (-1e-9, 0.0)), "loses the digits of 1 - exp(x) near 0; -infinite there",
           "x < 0"),
    stable("log of expm1", "log(exp(x) - 1) -> x + log1p(-exp(-x)) above 1, else log(expm1(x))",
           "log", _log_expm1, lambda x, y: _log(_exp(x) - 1.0), ((800.0, 0.0), (1e-17, 0.0)),
           "is infinite from x = 710 on (89 in float32); the digits of exp(x) - 1 near 0", "x > 0"),
    stable("log of 1 + x", "log(1 + x) -> log1p(x)", "log", _log1p,
           lambda x, y: (_log(1.0 + x), _log(x - -1.0)), ((1e-17, 0.0), (1e-9, 0.0)),
           "loses the digits of x near 0, all of them below 1e-16 (6e-8 in float32)", "x > -1"),
    stable("log of 1 - x", "log(1 - x) -> log1p(-x)", "log", _log1p_of_negative,
           lambda x, y: _log(1.0 - x), ((1e-17, 0.0), (1e-9, 0.0)),
           "loses the digits of x near 0, all of them below 1e-16 (6e-8 in float32)", "x < 1"),
    stable("log of a power", "log(x**n) -> n * log(x), n * log(|x|) for even n", "log", _log_power,
           lambda x, y: (_log(apply("square", x)), _log(apply("integer_pow", x, exponent=3))),
           ((3e200, 0.0), (3e-200, 0.0)),
           "is infinite or -infinite where the power overflows or underflows",
           "every x; x > 0 for odd n"),
    stable("log of a root", "log(sqrt(x)) -> log(x) / 2; log(1 / x) -> -log(x)", "log", _log_root,
           lambda x, y: (_log(apply("sqrt", x)), _log(1.0 / x), _log(apply("rsqrt", x))),
           ((1.0 + 3 * 2.0**-52, 0.0), (1.0 + 3 * 2.0**-23, 0.0),
            (1.0 - 3 * 2.0**-53, 0.0)),
           "loses the digits of x - 1 near 1, and 1 / x may overflow", "x > 0"),
    stable("atanh", "log((1 + x) / (1 - x)), log(1 + x) - log(1 - x) -> 2 * atanh(x)", "log sub",
           _atanh, lambda x, y: (_log((1.0 + x) / (1.0 - x)), _log((1.0 - x) / (1.0 + x))),
           ((1e-17, 0.0), (1e-9, 0.0)), "loses the digits of x near 0", "-1 < x < 1"),
    stable("log of a ratio", "log(x) - log(y), log(x / y) -> log1p((x - y) / y) for x near y",
           "sub log", _log_ratio, lambda x, y: (_log(x) - _log(y), _log(x / y)),
           ((7.0 + 2.0**-46, 7.0), (7.0 + 2.0**-20, 7.0)),
           "loses the digits of x - y where x is near y", "x > 0, y > 0"),
    stable("asinh", "log(x + sqrt(x**2 + 1)) -> asinh(x); with - 1, acosh(x)", "log", _asinh,
           lambda x, y: _log(x + apply("sqrt", x * x + 1.0)), ((-1e9, 0.0), (1e-9, 0.0)),
           "loses every digit far left of 0, and those of x near 0; overflows from 1e154 on (1e19)",
           "every x for asinh; x >= 1 for acosh"),
    stable("softplus of the opposite", "x + softplus(-x) -> softplus(x); "
           "x - softplus(x) -> log_sigmoid(x)", "add sub", _log_sigmoid_of_softplus,
           lambda x, y: (x + apply("softplus", -x), x - apply("softplus", x),
                         apply("softplus", -x) - -x),
           ((-40.0, 0.0), (40.0, 0.0)), "loses every digit where x and softplus(x) nearly cancel"),
    stable("minus logsumexp", "x - logsumexp(x) -> log_softmax(x)", "sub", _minus_logsumexp,
           lambda x, y: pair(x, y) - reduced("logsumexp", pair(x, y), keepdims=True),
           ((1e10, 1e10 - 1.0),), "loses the digits of the difference where x is large beside it"),
)  # fmt: skip
