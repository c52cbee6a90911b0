"""A common factor taken out of a sum of products, or a sum multiplied out: what costs less.

A x + A y is A (x + y), always cheaper; A C + B C is (A + B) C, cheaper where C has many columns:
of a vector the sum of the matrices costs more than it saves. (A B + C) v is A (B v) + C v, without
the product of the matrices. A sum of scaled numbers a x + a y is left alone: XLA fuses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, place_new_nodes
from graphc.core.walk import use_counts
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import in_bodies, substituted
from graphc.optimize.price import Prices
from graphc.optimize.products.chains import GAIN, Reorder
from graphc.optimize.products.chains import NAME as ORDER
from graphc.optimize.products.network import CORE, is_floating

NAME = "factoring"

#: Terms of a sum at most: longer ones are left.
_TERMS = 8
_SUMS = frozenset({"add", "sub"})


@dataclass(frozen=True, slots=True)
class _Term:
    node: Node
    negative: bool


@dataclass(frozen=True, slots=True)
class _Side:
    """An operand of a product: a value, transposed or not."""

    node: Node
    flipped: bool


def factored(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with sums of products factored, and products of sums multiplied out."""
    return in_bodies(roots, lambda nodes, order: _Factoring(nodes, order, context).run())


class _Factoring:
    def __init__(self, roots: Sequence[Node], order: Sequence[Node], context: Context) -> None:
        self.roots, self.order, self.context = list(roots), order, context
        self.prices = Prices(context.sizes, context.machine)
        self.uses: dict[Node, int] = {}
        self.replaced: dict[Node, Node] = {}

    def run(self) -> list[Node]:
        """Returns the roots rewritten."""
        if not any(n.op.name == "matmul" for n in self.order):
            return self.roots
        self.uses = use_counts(self.order, self.roots)
        inside: set[Node] = set()
        for node in reversed(self.order):
            name = node.op.name
            if name in _SUMS and node not in inside and is_floating(node):
                terms = self._terms(node, inside)
                if 2 <= len(terms) <= _TERMS:
                    self._factor(node, terms)
            elif name == "matmul" and is_floating(node) and node.ndim <= 2:
                self._multiply_out(node)
        return substituted(self.roots, self.replaced) if self.replaced else self.roots

    def _terms(self, root: Node, inside: set[Node] | None = None) -> list[_Term]:
        """Returns the terms of a sum; a sum or a change of sign used elsewhere too is one."""
        found: list[_Term] = []
        stack = [_Term(root, False)]
        while stack and len(found) <= _TERMS:
            term = stack.pop()
            node, name = term.node, term.node.op.name
            once = node is root or self.uses[node] == 1
            if name in _SUMS and once and all(a.type == node.type for a in node.args):
                if inside is not None:
                    inside.add(node)
                x, y = node.args
                stack.append(_Term(y, term.negative ^ (name == "sub")))
                stack.append(_Term(x, term.negative))
            elif name == "neg" and once:
                stack.append(_Term(node.args[0], not term.negative))
            else:
                found.append(term)
        return found

    # -- a common factor ----------------

    def _factor(self, node: Node, terms: list[_Term]) -> None:
        """Takes the factor out that most terms have, as long as there is one that pays."""
        products = [t for t in terms if self._is_product(t.node)]
        if len(products) < 2:
            return
        for at in (0, 1):
            groups: dict[tuple[int, bool], list[_Term]] = {}
            for term in products:
                side = _sides(term.node)[at]
                groups.setdefault((side.node.uid, side.flipped), []).append(term)
            for group in groups.values():
                if len(group) < 2:
                    continue
                side = _sides(group[0].node)[at]
                rest = [t for t in terms if not any(t is g for g in group)]
                made = self._out(node, side, at, group, rest)
                if made is not None and self._pays(node, made, True):
                    self.replaced[node] = made
                    return

    def _is_product(self, node: Node) -> bool:
        return (
            node.op.name == "matmul"
            and self.uses[node] == 1
            and max(a.ndim for a in node.args) <= 2
        )

    def _out(
        self, node: Node, side: _Side, at: int, group: Sequence[_Term], rest: Sequence[_Term]
    ) -> Node | None:
        before = place_new_nodes(node.place)
        try:
            others = [_sides(t.node)[1 - at] for t in group]
            flipped = others[0].flipped
            parts = [o.node if o.flipped is flipped else _transposed(o.node) for o in others]
            if any(p.type != parts[0].type for p in parts):
                return None
            turned = [_Term(p, t.negative) for p, t in zip(parts, group, strict=True)]
            inner, negative = _summed(turned)
            pair = [side, _Side(inner, flipped)][:: 1 if at == 0 else -1]
            product = apply_named(
                "matmul",
                pair[0].node,
                pair[1].node,
                **_flags(pair[0].flipped, pair[1].flipped),
            )
            total, sign = _summed([_Term(product, negative), *rest])
            return apply_named("neg", total) if sign else total
        finally:
            place_new_nodes(before)

    # -- multiplied out ----------------

    def _multiply_out(self, node: Node) -> None:
        """Turns (A B + C) v into A (B v) + C v where that is cheaper."""
        for at, arg in enumerate(node.args):
            inner = arg.args[0] if arg.op.name == "transpose" and arg.ndim == 2 else arg
            if inner.op.name not in _SUMS or self.uses[arg] > 1 or self.uses[inner] > 1:
                continue
            terms = self._terms(inner)
            if not any(_holds_product(t.node) for t in terms) or len(terms) > _TERMS:
                continue
            before = place_new_nodes(node.place)
            try:
                parts: list[_Term] = []
                for term in terms:
                    args = list(node.args)
                    args[at] = term.node if inner is arg else _transposed(term.node)
                    product = apply_named("matmul", *args, **node.params)
                    parts.append(_Term(product, term.negative))
                total, sign = _summed(parts)
                made = apply_named("neg", total) if sign else total
            finally:
                place_new_nodes(before)
            if self._pays(node, made, False):
                self.replaced[node] = made
                return

    # -- what it costs ----------------

    def _pays(self, node: Node, made: Node, shorter: bool) -> bool:
        if made.type != node.type:
            return False
        (before,), (after,) = self._in_order(node), self._in_order(made)
        given = [n for n in self._shared(node) if n is not node]
        old, new = self.prices.of([before], given), self.prices.of([after], given)
        forced = shorter and NAME in self.context.forced
        if not forced and (GAIN * old <= new < old or (new >= old and not shorter)):
            return False
        why = "a common factor" if shorter else "a sum multiplied out"
        return self.context.weigh(
            NAME,
            describe(node, 6),
            describe(made, 6),
            old,
            new,
            node.place,
            f"{why}: {'cheaper' if new < old else 'dearer'}",
        )

    def _in_order(self, node: Node) -> list[Node]:
        """Returns a node as the order of products, which is tried after this, leaves it."""
        cut = self._cut(node)
        scratch = Context(self.context.sizes, self.context.machine)
        return Reorder([node], cut, scratch, ORDER, lambda net: True).run()

    def _cut(self, node: Node) -> list[Node]:
        """Returns a node and what it is made of, down to what is no sum and no product."""
        found: dict[Node, None] = {}
        stack = [node]
        while stack:
            item = stack.pop()
            if item in found:
                continue
            found[item] = None
            if item.op.name in _SEEN and (item is node or self.uses.get(item, 0) <= 1):
                stack += item.args
        return list(found)[::-1]

    def _shared(self, node: Node) -> list[Node]:
        """Returns what is below a node and there whatever becomes of it."""
        return [n for n in self._cut(node) if n.op.name not in _SEEN or self.uses.get(n, 0) > 1]


_SEEN = _SUMS | CORE | {"neg", "mul", "transpose", "reshape"}


def _sides(node: Node) -> tuple[_Side, _Side]:
    found: list[_Side] = []
    for arg, letter in zip(node.args, "xy", strict=True):
        flipped = bool(node.params.get(f"transpose_{letter}"))
        if arg.op.name == "transpose" and arg.ndim == 2 and arg.params["axes"] == (1, 0):
            arg, flipped = arg.args[0], not flipped
        found.append(_Side(arg, flipped))
    return found[0], found[1]


def _flags(left: bool, right: bool) -> dict[str, bool]:
    flags = {"transpose_x": True} if left else {}
    return flags | ({"transpose_y": True} if right else {})


def _transposed(node: Node) -> Node:
    return node if node.ndim < 2 else apply_named("transpose", node, axes=(1, 0))


def _summed(terms: Sequence[_Term]) -> tuple[Node, bool]:
    """Returns a sum, and whether it is to be taken with the other sign."""
    sign = all(t.negative for t in terms)
    terms = sorted(terms, key=lambda t: t.negative) if not sign else terms
    total = terms[0].node
    for term in terms[1:]:
        total = apply_named("sub" if term.negative and not sign else "add", total, term.node)
    return total, sign


def _holds_product(node: Node) -> bool:
    """Tells whether a term is a product of matrices, perhaps scaled or transposed."""
    for _ in range(4):
        if node.op.name in CORE:
            return True
        if node.op.name in ("neg", "transpose", "div") and node.args:
            node = node.args[0]
        elif node.op.name == "mul":
            x, y = node.args
            node = x if x.ndim >= y.ndim else y
        else:
            return False
    return False


FACTORING = Family(
    name=NAME,
    doc="a common matrix is taken out of a sum of products, or a sum with a product multiplied out",
    valid="A x + A y = A (x + y) in exact arithmetic; the bound on its rounding is no larger, or "
    "that of a product of the same matrices; floating-point of 32 bits and more",
    apply=factored,
)
