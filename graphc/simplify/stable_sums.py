"""Stable forms of sums of products that cancel, as differentiating a quotient leaves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graphc.core.node import Node, scalar
from graphc.simplify.factors import factors_of
from graphc.simplify.rule import Rule, apply
from graphc.simplify.stable_differences import DIFFERENCES
from graphc.simplify.stable_rule import isru_argument, number_of, scaled, stable, terms, times

Factors = Counter[tuple[Node, int]]

#: 1 - f and 1 + f.
_FROM_ONE = tuple(r for r in DIFFERENCES if "one" in r.name or r.name == "slope of tanh")
#: f - g.
_OF_TWO = tuple(r for r in DIFFERENCES if r.name in ("exp difference", "difference of reciprocals"))


class _Term:
    """A term of a sum: a number times factors and inverse factors."""

    def __init__(self, node: Node) -> None:
        self.weight = 1.0
        self.factors: Counter[tuple[Node, int]] = Counter()
        self.plain = True
        for item in factors_of(node, moving=False):
            if item.parts:
                self.weight *= -1.0 if item.node.op.name == "neg" else 1.0
                continue
            c = number_of(item.node)
            if c:
                self.weight *= c**item.power
            else:
                x = isru_argument(item.node)
                factor = item.node if x is None else apply("isru", x)
                self.factors[factor, item.power] += 1
                self.plain = self.plain and item.node.type.shape in (node.type.shape, ())


def _common_factor(node: Node) -> Node | None:
    """Makes a * b - a * c into a * (b - c), where b - c has a stable form of its own."""
    parts = _like_terms(node)
    if len(parts) == 1 and node.op.name in ("add", "sub"):
        return _product(parts[0].factors, None) * parts[0].weight
    if len(parts) != 2:
        return None
    left, right = parts
    common = left.factors & right.factors
    rests = [term.factors - common for term in (left, right)]
    for one, other, weight, ratio in (
        (rests[0], rests[1], left.weight, right.weight / left.weight),
        (rests[1], rests[0], right.weight, left.weight / right.weight),
    ):
        if abs(ratio) != 1:
            continue
        made = _combined(one, other, ratio, common)
        if made is not None:
            value, left_over = made
            return _product(left_over, times(value, weight))
    return None


def _like_terms(node: Node) -> list[_Term]:
    """Returns the one or two terms that a sum really has; empty where there is nothing to gain.

    a * x - a * y + a * x has the terms 2 a x and -a y; 2 * a - a has the one term a.
    """
    parts: list[_Term] = []
    cancels = False
    items = terms(node)
    for sign, item in items:
        term = _Term(item)
        term.weight *= sign
        for known in parts:
            if known.factors == term.factors:
                cancels |= known.weight * term.weight < 0
                known.weight += term.weight
                break
        else:
            parts.append(term)
        if len(parts) > 2 or not term.plain or not term.weight:
            return []
    if len({item.type.shape for _, item in items}) != 1 or any(not p.weight for p in parts):
        return []
    return parts if len(parts) == 2 or (cancels and parts[0].factors) else []


def _combined(
    one: Factors, other: Factors, sign: float, common: Factors
) -> tuple[Node, Factors] | None:
    """Returns (a stable form of one + sign * other, the factors that stay)."""
    name = "sub" if sign < 0 else "add"
    if other and not one:
        found = _by_a_rule(make_like(name, _product(other, None)), _FROM_ONE)
        if found is not None:
            return found, common
    if sign > 0 or not one:
        return None
    if one.total() == other.total() == 1:
        found = _by_a_rule(apply(name, _product(one, None), _product(other, None)), _OF_TWO)
        if found is not None:
            return found, common
    squares = _difference_of_squares(one, other)
    return _slope_of_sinc(one, other, common) if squares is None else (squares, common)


def _difference_of_squares(one: Factors, other: Factors) -> Node | None:
    """f**2 - g**2 = (f - g) * (f + g), where f - g has a stable form."""
    if len(one) != 1 or len(other) != 1 or one.total() != 2 or other.total() != 2:
        return None
    f, g = (_product(Counter(list(factors)), None) for factors in (one, other))
    found = _by_a_rule(f - g, _OF_TWO)
    return None if found is None else found * (f + g)


def _by_a_rule(whole: Node, rules: Sequence[Rule]) -> Node | None:
    for rule in rules:
        found = rule.apply(whole) if whole.op.name in rule.ops else None
        if found is not None:
            return found
    return None


def make_like(name: str, rest: Node) -> Node:
    """Returns 1 - rest or 1 + rest."""
    return apply(name, scalar(1.0, rest.type.dtype), rest)


def _slope_of_sinc(one: Factors, other: Factors, common: Factors) -> tuple[Node, Factors] | None:
    """(cos(h) - sinc(h)) / h = sinc'(h); (sinc(2 h) - sinc(h)**2) / h = sinc(h) * sinc'(h)."""
    firsts, seconds = list(one.elements()), list(other.elements())
    if len(firsts) != 1 or any(power < 0 for _, power in (*firsts, *seconds)):
        return None
    first = firsts[0][0]
    nodes = {n for n, _ in seconds}
    if len(nodes) != 1:
        return None
    sinc = nodes.pop()
    if not _is_sinc(sinc):
        return None
    (h,) = sinc.args
    slope = apply("sinc", h, order=1, scale="1")
    a, c = scaled(h)
    if len(seconds) == 1 and first.op.name == "cos" and first.args[0] is h:
        value = slope
    elif len(seconds) == 2 and _is_sinc(first) and scaled(first.args[0]) == (a, 2 * c):
        value = sinc * slope
    else:
        return None
    for node, power in common:
        b, d = scaled(node)
        if power < 0 and b is a:
            return times(value, c / d), common - Counter([(node, power)])
    return None


def _is_sinc(node: Node) -> bool:
    return node.op.name == "sinc" and node.params == {"order": 0, "scale": "1"}


def _product(factors: Factors, value: Node | None) -> Node:
    for node, power in factors.elements():
        if power > 0:
            value = node if value is None else value * node
        else:
            value = apply("reciprocal", node) if value is None else value / node
    assert value is not None
    return value


# -- the table -------------------------------------------------------------------------------------


def _exp(x: Node) -> Node:
    return apply("exp", x)


SUMS: tuple[Rule, ...] = (
    stable("common factor", "a - a * f -> a * (1 - f), where 1 - f has a stable form; "
           "(cos(x) - sinc(x)) / x -> sinc'(x)", "sub add", _common_factor,
           lambda x, y: (y - y * apply("sigmoid", x),
                         y * _exp(x) + y * apply("tanh", -x) * _exp(x)),
           ((40.0, 3.0),), "loses every digit where the two terms nearly cancel"),
)  # fmt: skip
