"""Products that are computed twice: the same one spelt in two ways, or one and its transpose.

A B and B' A' are one product and a transpose of it, x' A is A' x, and x' x is its own transpose.
Nodes that are spelt alike are one node already; here transposes are looked through.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, place_new_nodes
from graphc.ops.contraction.sums import parse_subscripts
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import in_bodies, substituted
from graphc.optimize.price import Prices

NAME = "twins"

#: A value as another one, transposed or not.
_Turned = tuple[Node, bool]
#: A product of two matrices, or of a matrix and a vector, by the numbers of what it is made of.
_Key = tuple[int, bool, int, bool]


def joined(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with each product computed once, transposed where it must be."""
    return in_bodies(roots, lambda nodes, order: _joined(nodes, order, context))


def _joined(roots: Sequence[Node], order: Sequence[Node], context: Context) -> list[Node]:
    known: dict[_Key, Node] = {}
    turned: dict[Node, _Turned] = {}
    symmetric: set[Node] = set()
    replaced: dict[Node, Node] = {}
    prices = Prices(context.sizes, context.machine)
    for node in order:
        name = node.op.name
        if name == "transpose":
            if _swaps(node):
                base, flipped = turned.get(node.args[0], (node.args[0], False))
                if base in symmetric and base.type == node.type:
                    replaced[node] = base
                    turned[node] = (base, False)
                else:
                    turned[node] = (base, not flipped)
            continue
        if name not in ("matmul", "einsum"):
            continue
        key = _key(node, turned)
        if key is None:
            continue
        twin = (key[2], not key[3], key[0], not key[1]) if node.ndim >= 2 else key
        if key in known:
            _replace(node, known[key], False, prices, context, replaced, turned)
        elif twin in known:
            _replace(node, known[twin], True, prices, context, replaced, turned)
        else:
            known[key] = node
            if key == twin and node.ndim >= 2:
                symmetric.add(node)
    return substituted(roots, replaced) if replaced else list(roots)


def _replace(
    node: Node,
    other: Node,
    flipped: bool,
    prices: Prices,
    context: Context,
    replaced: dict[Node, Node],
    turned: dict[Node, _Turned],
) -> None:
    before = place_new_nodes(node.place)
    try:
        new = _swapped(other) if flipped else other
    finally:
        place_new_nodes(before)
    if new.type != node.type:
        return
    cost = prices.of([node], node.args)
    after = prices.of([new], [other]) if flipped else 0.0
    words = f"the transpose of {describe(other, 4)}" if flipped else describe(other, 4)
    if context.weigh(NAME, describe(node, 4), words, cost, after, node.place):
        replaced[node] = new
        turned[node] = (other, flipped)


def _key(node: Node, turned: dict[Node, _Turned]) -> _Key | None:
    """Returns what a product is made of, None for one that has no two such operands."""
    if len(node.args) != 2:
        return None
    x, y = node.args
    if node.op.name == "einsum":
        flags = _as_matmul(node)
        if flags is None:
            return None
        flip_x, flip_y = flags
    else:
        flip_x, flip_y = (bool(node.params.get(f"transpose_{a}")) for a in "xy")
    if x.shape[:-2] != y.shape[:-2] and x.ndim > 2 and y.ndim > 2:
        return None  # broadcast batches
    left, turn_x = turned.get(x, (x, False))
    right, turn_y = turned.get(y, (y, False))
    flip_x, flip_y = flip_x ^ turn_x, flip_y ^ turn_y
    if x.ndim == 1 and y.ndim == 2:  # v A is A' v
        return (right.uid, not flip_y, left.uid, False)
    if (x.ndim == 1 and y.ndim != 1) or (y.ndim == 1 and x.ndim > 2):
        return None
    return (left.uid, flip_x, right.uid, flip_y)


def _as_matmul(node: Node) -> tuple[bool, bool] | None:
    """Returns which operands of an einsum stand transposed, None where it is no such product."""
    (first, second), result = parse_subscripts(node.params["subscripts"], 2)
    if len(first) != 2 or len(second) != 2 or len(result) != 2:
        return None
    inner = set(first) & set(second)
    if len(inner) != 1 or inner & set(result) or len({*first, *second}) != 3:
        return None
    (summed,) = inner
    if result[0] not in first:
        return None
    return first[0] == summed, second[1] == summed


def _swaps(node: Node) -> bool:
    axes = node.params["axes"]
    n = len(axes)
    return n >= 2 and axes == (*range(n - 2), n - 1, n - 2)


def _swapped(node: Node) -> Node:
    axes = (*range(node.ndim - 2), node.ndim - 1, node.ndim - 2)
    return apply_named("transpose", node, axes=axes)


TWINS = Family(
    name=NAME,
    doc="a product and its transpose, or one spelt in two ways, are computed once",
    valid="(A B)' = B' A' exactly; the sums may be taken in another order",
    apply=joined,
)
