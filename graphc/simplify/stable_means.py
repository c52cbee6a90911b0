"""Stable forms of variances and covariances written as differences of means."""

from __future__ import annotations

from graphc.core.node import Node, make
from graphc.ops.axes import reduced_count
from graphc.ops.reduction import mean_op
from graphc.simplify.rule import Rule, apply, squared
from graphc.simplify.stable_rule import pair, reduced, scaled, stable

Mean = tuple[Node, dict[str, object], float]


def _mean_of(node: Node) -> Mean | None:
    """Returns (x, axis and keepdims, f) of mean(x) * f: f is 1 for a mean, n for a sum."""
    inner, factor = scaled(node)
    if inner.op.name not in ("mean", "sum"):
        return None
    params = dict(inner.params)
    if inner.op.name == "mean":
        return inner.args[0], params, factor
    count = reduced_count(inner.args[0].type.shape, inner.params["axis"])
    if not isinstance(count, int) or not count:
        return None
    weight = factor * count
    near = abs(weight - 1) <= 2 * node.type.dtype.epsilon
    return inner.args[0], params, 1.0 if near else weight


def _var(node: Node) -> Node | None:
    """mean(x**2) - mean(x)**2, times n or not; sums over n are means."""
    left, right = node.args
    first = _mean_of(left)
    term, factor = scaled(right)
    base = squared(term)
    second = None if base is None else _mean_of(base)
    if first is None or second is None:
        return None
    x = squared(first[0])
    weight = factor * second[2] ** 2
    if x is not second[0] or first[1] != second[1] or first[2] <= 0:
        return None
    if abs(weight / first[2] - 1) > 4 * node.type.dtype.epsilon:
        return None
    made = apply("var", x, **first[1], correction=0)
    return made if first[2] == 1 else made * first[2]


def _covariance(node: Node) -> Node | None:
    left, right = node.args
    if left.op is not mean_op or left.args[0].op.name != "mul" or right.op.name != "mul":
        return None
    x, y = left.args[0].args
    means = right.args
    if any(m.op is not mean_op or m.params != left.params for m in means):
        return None
    if {x, y} != {m.args[0] for m in means} or x.type != y.type:
        return None
    params = {**left.params, "keepdims": True}
    parts = [a - make(mean_op, (a,), params) for a in (x, y)]
    return make(mean_op, (parts[0] * parts[1],), left.params)


# -- the table -------------------------------------------------------------------------------------


def _square(x: Node) -> Node:
    return apply("square", x)


def _mean(x: Node) -> Node:
    return reduced("mean", x)


MEANS: tuple[Rule, ...] = (
    stable("variance", "mean(x**2) - mean(x)**2 -> var(x); the same of sums over n", "sub", _var,
           lambda x, y: (
               _mean(_square(pair(x, y))) - _square(_mean(pair(x, y))),
               reduced("sum", _square(pair(x, y))) / 2.0
               - _square(reduced("sum", pair(x, y)) / 2.0),
               reduced("sum", _square(pair(x, y))) - _square(reduced("sum", pair(x, y))) / 2.0,
           ),
           ((2.0**27 + 0.5, 2.0**27 + 1.5), (5000.0, 5001.0)),
           "loses the digits of the spread where it is small beside the mean; it may be negative",
           "x finite"),
    stable("covariance", "mean(x * y) - mean(x) * mean(y) -> mean((x - mean(x)) * (y - mean(y)))",
           "sub", _covariance,
           lambda x, y: _mean(pair(x, y) * (pair(y, x))) - _mean(pair(x, y)) * _mean(pair(y, x)),
           ((2.0**27 + 0.5, 2.0**27 + 1.5), (5000.0, 5001.0)),
           "loses the digits of the spread where it is small beside the means", "x, y finite"),
)  # fmt: skip
