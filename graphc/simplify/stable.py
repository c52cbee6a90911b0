"""Stable forms: the same function written so that it keeps its digits; on request only.

The derivative of a stable form is stable too: its record's own rule is differentiated, not the
exponentials that overflowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.node import Node
from graphc.ops.shaping import broadcast_op
from graphc.simplify.rule import Rule, apply, fit, is_number, negated, of, one_of, squared

Points = tuple[tuple[float, float], ...]


def _stable(
    name: str,
    pattern: str,
    ops: str,
    apply: Callable[[Node], Node | None],
    example: Callable[[Node, Node], Any],
    hard: Points,
    domain: str = "every x",
) -> Rule:
    def of_floats(node: Node) -> Node | None:
        if node.type.dtype.kind != "f":
            return None
        found = apply(node)
        return None if found is None else fit(found, node)

    return Rule(
        name=name,
        pattern=pattern,
        validity="stable",
        ops=tuple(ops.split()),
        kinds="f",
        domain=domain,
        apply=of_floats,
        example=example,
        hard=hard,
    )


def _one_plus(node: Node) -> Node | None:
    """Returns a of 1 + a and a + 1."""
    if node.op.name != "add":
        return None
    found = one_of(node, lambda a: is_number(a, 1))
    return None if found is None else found[0]


def _one_minus(node: Node) -> Node | None:
    """Returns a of 1 - a."""
    if node.op.name != "sub" or not is_number(node.args[0], 1):
        return None
    return node.args[1]


def _inside(node: Node, *names: str) -> Node | None:
    """Returns a of f(g(a)), the names inwards from the node's own operand."""
    found: Node | None = node.args[0]
    for name in names:
        found = None if found is None else of(name, found)
    return found


# -- logarithms ----------------


def _softplus(node: Node) -> Node | None:
    term = _one_plus(node.args[0]) if node.op.name == "log" else node.args[0]
    x = None if term is None else of("exp", term)
    return None if x is None else apply("softplus", x)


def _log_sigmoid(node: Node) -> Node | None:
    x = _inside(node, "sigmoid")
    return None if x is None else apply("log_sigmoid", x)


def _log_softmax(node: Node) -> Node | None:
    inner = node.args[0]
    return (
        apply("log_softmax", inner.args[0], **inner.params) if inner.op.name == "softmax" else None
    )


def _logsumexp(node: Node) -> Node | None:
    inner = node.args[0]
    x = of("exp", inner.args[0]) if inner.op.name == "sum" else None
    return None if x is None else apply("logsumexp", x, **inner.params)


def _log_exp(node: Node) -> Node | None:
    return _inside(node, "exp")


def _log1p(node: Node) -> Node | None:
    x = _one_plus(node.args[0])
    return None if x is None else apply("log1p", x)


def _log1p_of_negative(node: Node) -> Node | None:
    x = _one_minus(node.args[0])
    return None if x is None else apply("log1p", -x)


# -- differences ----------------


def _expm1(node: Node) -> Node | None:
    if node.op.name == "sub":
        x, one = node.args
        x = of("exp", x) if is_number(one, 1) else None
    else:
        found = one_of(node, lambda a: is_number(a, -1))
        x = None if found is None else of("exp", found[0])
    return None if x is None else apply("expm1", x)


def _one_minus_exp(node: Node) -> Node | None:
    term = _one_minus(node)
    x = None if term is None else of("exp", term)
    return None if x is None else -apply("expm1", x)


def _one_minus_cos(node: Node) -> Node | None:
    term = _one_minus(node)
    x = None if term is None else of("cos", term)
    return None if x is None else apply("square", apply("sin", x * 0.5)) * 2.0


def _one_minus_sigmoid(node: Node) -> Node | None:
    term = _one_minus(node)
    x = None if term is None else of("sigmoid", term)
    return None if x is None else apply("sigmoid", -x)


def _one_minus_erf(node: Node) -> Node | None:
    term = _one_minus(node)
    x = None if term is None else of("erf", term)
    return None if x is None else apply("erfc", x)


def _one_minus_tanh_squared(node: Node) -> Node | None:
    term = _one_minus(node)
    base = None if term is None else squared(term)
    x = None if base is None else of("tanh", base)
    return None if x is None else apply("reciprocal", apply("square", apply("cosh", x)))


def _var(node: Node) -> Node | None:
    left, right = node.args
    mean = squared(right)
    if left.op.name != "mean" or mean is None or mean.op.name != "mean":
        return None
    x = squared(left.args[0])
    if x is not mean.args[0] or left.params != mean.params:
        return None
    return apply("var", x, **left.params, correction=0)


# -- quotients ----------------


def _sigmoid(node: Node) -> Node | None:
    if node.op.name == "div":
        if not is_number(node.args[0], 1):
            return None
        below = node.args[1]
    else:
        below = node.args[0]
    term = _one_plus(below)
    x = None if term is None else of("exp", term)
    if x is None:
        return None
    inner = negated(x)
    return apply("sigmoid", -x if inner is None else inner)


def _exp_over_one_plus_exp(node: Node) -> Node | None:
    top, below = node.args
    x = of("exp", top)
    return None if x is None or _one_plus(below) is not top else apply("sigmoid", x)


def _softmax(node: Node) -> Node | None:
    top, below = node.args
    if below.op is broadcast_op:
        below = below.args[0]
    x = of("exp", top)
    if x is None or below.op.name != "sum" or below.args[0] is not top:
        return None
    if not below.params["keepdims"] or not below.params["axis"]:
        return None
    return apply("softmax", x, axis=below.params["axis"])


# -- roots ----------------


def _hypot(node: Node) -> Node | None:
    (total,) = node.args
    if total.op.name != "add":
        return None
    x, y = map(squared, total.args)
    return None if x is None or y is None else apply("hypot", x, y)


def _norm(node: Node) -> Node | None:
    (total,) = node.args
    x = squared(total.args[0]) if total.op.name == "sum" else None
    return None if x is None else apply("norm", x, **total.params, ord=2)


def _abs(node: Node) -> Node | None:
    x = squared(node.args[0])
    return None if x is None else apply("abs", x)


def _pair(x: Node, y: Node) -> Node:
    return apply("stack", x, y, axis=2)


def _reduced(name: str, x: Node, keepdims: bool = False) -> Node:
    return apply(name, x, axis=(2,), keepdims=keepdims)


def _exp_ratio(x: Node, y: Node) -> Node:
    powers = apply("exp", _pair(x, y))
    return powers / _reduced("sum", powers, True)


def _raw_variance(x: Node, y: Node) -> Node:
    pair = _pair(x, y)
    return _reduced("mean", apply("square", pair)) - apply("square", _reduced("mean", pair))


RULES: tuple[Rule, ...] = (
    _stable("softplus", "log(1 + exp(x)) -> softplus(x)", "log log1p", _softplus,
            lambda x, y: apply("log", 1.0 + apply("exp", x)), ((800.0, 0.0), (-40.0, 0.0))),
    _stable("log_sigmoid", "log(sigmoid(x)) -> log_sigmoid(x)", "log", _log_sigmoid,
            lambda x, y: apply("log", apply("sigmoid", x)), ((-800.0, 0.0), (40.0, 0.0))),
    _stable("log_softmax", "log(softmax(x)) -> log_softmax(x)", "log", _log_softmax,
            lambda x, y: apply("log", apply("softmax", _pair(x, y), axis=(2,))), ((0.0, 800.0),)),
    _stable("logsumexp", "log(sum(exp(x))) -> logsumexp(x)", "log", _logsumexp,
            lambda x, y: apply("log", _reduced("sum", apply("exp", _pair(x, y)))),
            ((800.0, 799.0), (-800.0, -799.0))),
    _stable("log of exp", "log(exp(x)) -> x", "log", _log_exp,
            lambda x, y: apply("log", apply("exp", x)), ((800.0, 0.0), (-800.0, 0.0))),
    _stable("log1p", "log(1 + x) -> log1p(x)", "log", _log1p,
            lambda x, y: apply("log", 1.0 + x), ((1e-17, 0.0), (1e-9, 0.0)), "x > -1"),
    _stable("log1p of a negative", "log(1 - x) -> log1p(-x)", "log", _log1p_of_negative,
            lambda x, y: apply("log", 1.0 - x), ((1e-17, 0.0), (1e-9, 0.0)), "x < 1"),
    _stable("expm1", "exp(x) - 1 -> expm1(x)", "sub add", _expm1,
            lambda x, y: (apply("exp", x) - 1.0, apply("exp", x) + -1.0),
            ((1e-17, 0.0), (1e-9, 0.0))),
    _stable("one minus exp", "1 - exp(x) -> -expm1(x)", "sub", _one_minus_exp,
            lambda x, y: 1.0 - apply("exp", x), ((1e-17, 0.0), (1e-9, 0.0))),
    _stable("one minus cosine", "1 - cos(x) -> 2 * sin(x / 2)**2", "sub", _one_minus_cos,
            lambda x, y: 1.0 - apply("cos", x), ((1e-9, 0.0), (1e-6, 0.0))),
    _stable("one minus sigmoid", "1 - sigmoid(x) -> sigmoid(-x)", "sub", _one_minus_sigmoid,
            lambda x, y: 1.0 - apply("sigmoid", x), ((40.0, 0.0), (30.0, 0.0))),
    _stable("one minus erf", "1 - erf(x) -> erfc(x)", "sub", _one_minus_erf,
            lambda x, y: 1.0 - apply("erf", x), ((8.0, 0.0), (5.0, 0.0))),
    _stable("slope of tanh", "1 - tanh(x)**2 -> 1 / cosh(x)**2", "sub", _one_minus_tanh_squared,
            lambda x, y: 1.0 - apply("square", apply("tanh", x)), ((19.0, 0.0), (-12.0, 0.0))),
    _stable("variance", "mean(x**2) - mean(x)**2 -> var(x)", "sub", _var, _raw_variance,
            ((1e9, 1e9 + 1.0), (1e5, 1e5 + 2.0**-10))),
    _stable("sigmoid", "1 / (1 + exp(-x)) -> sigmoid(x)", "div reciprocal", _sigmoid,
            lambda x, y: 1.0 / (1.0 + apply("exp", -x)), ((-700.0, 0.0),),
            "every x; the slope of the form before is NaN where exp(-x) overflows"),
    _stable("sigmoid of a ratio", "exp(x) / (1 + exp(x)) -> sigmoid(x)", "div",
            _exp_over_one_plus_exp, lambda x, y: apply("exp", x) / (1.0 + apply("exp", x)),
            ((800.0, 0.0),)),
    _stable("softmax", "exp(x) / sum(exp(x)) -> softmax(x)", "div", _softmax, _exp_ratio,
            ((800.0, 799.0), (-800.0, -799.0))),
    _stable("hypot", "sqrt(x**2 + y**2) -> hypot(x, y)", "sqrt", _hypot,
            lambda x, y: apply("sqrt", x * x + y * y), ((3e200, 4e200), (3e-200, 4e-200))),
    _stable("norm", "sqrt(sum(x**2)) -> norm(x)", "sqrt", _norm,
            lambda x, y: apply("sqrt", _reduced("sum", apply("square", _pair(x, y)))),
            ((3e200, 4e200), (3e-200, 4e-200))),
    _stable("absolute value", "sqrt(x**2) -> |x|", "sqrt", _abs,
            lambda x, y: apply("sqrt", apply("square", x)), ((3e200, 0.0), (-3e-200, 0.0)),
            "every x; the slope of the form before is NaN at 0"),
)  # fmt: skip
