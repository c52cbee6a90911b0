"""A sum of several terms, some of them products, as the sum of each term.

sum(A B + C) over an axis of A alone is sum(A) B + sum(C): the product shrinks by that axis, once
the sum stands right above it. Gradients by what was broadcast have this form.

Valid in exact arithmetic; the terms' own rounding is of the same order as what is lost where they
cancel, since a computed product is off by its own last place anyway.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, make, place_new_nodes
from graphc.core.walk import use_counts
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import in_bodies, substituted
from graphc.optimize.price import Prices
from graphc.optimize.products.network import CORE, is_floating
from graphc.optimize.products.reductions import reduced

NAME = "split sums"

#: Terms of a sum at most.
_TERMS = 8
#: What must be gained for a rewrite: predicted ratios nearer to 1 mean nothing.
_GAIN = 0.95
_OPENED = frozenset({"add", "sub", "neg"})


def split_sums(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with sums over terms split where a product becomes smaller by it."""
    return in_bodies(roots, lambda nodes, order: _split(nodes, order, context))


def _split(roots: Sequence[Node], order: Sequence[Node], context: Context) -> list[Node]:
    sums = [
        node
        for node in order
        if node.op.name == "sum" and node.args[0].op.name in _OPENED and is_floating(node)
    ]
    if not sums:
        return list(roots)
    uses = use_counts(order, roots)
    prices = Prices(context.sizes, context.machine)
    replaced: dict[Node, Node] = {}
    for node in sums:
        terms = _terms(node, uses)
        if len(terms) < 2 or not any(_is_product(term) for term, _ in terms):
            continue
        made = _apart(node, terms)
        given = _shared(node, uses)
        # What the family after this one makes of it is what counts.
        scratch = Context(context.sizes, context.machine)
        (after,) = reduced([made], scratch)
        seconds = prices.of([node], given), prices.of([after], given)
        gains = seconds[1] < _GAIN * seconds[0]
        if NAME not in context.forced and not gains:
            continue
        before = describe(node, 3)
        if context.weigh(NAME, before, describe(after, 3), *seconds, place=node.place):
            replaced[node] = after
    return substituted(roots, replaced) if replaced else list(roots)


def _terms(node: Node, uses: dict[Node, int]) -> list[tuple[Node, bool]]:
    """Returns the terms that a sum is over, each with whether it is taken away."""
    (first,) = node.args
    found: list[tuple[Node, bool]] = []
    pending = [(first, False)]
    while pending:
        term, minus = pending.pop()
        args = term.args
        opens = term.op.name in _OPENED and uses[term] == 1 and term.dtype is node.dtype
        opens = opens and all(a.shape == term.shape and a.dtype is term.dtype for a in args)
        if not opens or len(found) + len(pending) >= _TERMS:
            found.append((term, minus))
            continue
        flips = [minus != (term.op.name == "neg")]
        if len(args) == 2:
            flips = [minus, minus != (term.op.name == "sub")]
        pending += list(zip(args, flips, strict=True))[::-1]
    return found


def _is_product(term: Node) -> bool:
    while term.op.name in ("neg", "transpose"):
        term = term.args[0]
    return term.op.name in CORE


def _apart(node: Node, terms: Sequence[tuple[Node, bool]]) -> Node:
    before = place_new_nodes(node.place)
    try:
        total: Node | None = None
        for term, minus in sorted(terms, key=lambda item: item[1]):
            part = make(node.op, (term,), node.params)
            if total is None:
                total = apply_named("neg", part) if minus else part
            else:
                total = apply_named("sub" if minus else "add", total, part)
        assert total is not None
        return total
    finally:
        place_new_nodes(before)


def _shared(node: Node, uses: dict[Node, int]) -> list[Node]:
    """Returns what a node is made of that others use too: it is there whatever is done here."""
    found: dict[Node, None] = {}
    pending = list(node.args)
    while pending:
        arg = pending.pop()
        if arg in found:
            continue
        if uses[arg] > 1 or not arg.args:
            found[arg] = None
        else:
            pending += arg.args
    return list(found)


SPLIT_SUMS = Family(
    name=NAME,
    doc="a sum of terms is taken of each, where a product among them shrinks by it",
    valid="sum(X + Y) = sum(X) + sum(Y) in exact arithmetic, where one of them is a computed "
    "product, whose rounding is of the size of what cancelling may lose; floating-point of 32 bits "
    "and more",
    apply=split_sums,
)
