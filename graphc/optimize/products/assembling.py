"""A network multiplied out in a given order, as nodes: products of matrices, einsum, sums."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.core.node import Node, apply_named
from graphc.core.type import Size, element_count
from graphc.ops.chain import broadcast_to, multiply, reshape
from graphc.ops.contraction.einsums import sum_of_products
from graphc.ops.source import size_node
from graphc.ops.tensor.grids import diagonal
from graphc.optimize.products.network import Factor, Network
from graphc.optimize.products.ordering import JOIN, Order, Orders


@dataclass(frozen=True, slots=True)
class Piece:
    """A partial product: a value, and the letter of each of its axes, all different."""

    node: Node
    letters: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Arranged:
    """A network with an order of multiplication.

    Attributes:
        net: what is multiplied.
        wide: the factors that have letters.
        own: for each, the letters it is summed over alone, before all else.
        order: how they are multiplied.
        seconds: what it is predicted to take, without the scalars.
    """

    net: Network
    wide: tuple[Factor, ...]
    own: tuple[frozenset[int], ...]
    order: Order
    seconds: float


def arrange(net: Network, orders: Orders) -> Arranged:
    """Returns a network with the cheapest order of multiplication."""
    prices = orders.prices
    wide = tuple([f for f in net.factors if any(c is not None for c in f.letters)])
    letters = [frozenset([c for c in f.letters if c is not None]) for f in wide]
    kept = frozenset([c for c in net.kept if c is not None])
    uses: dict[int, int] = {}
    for held in letters:
        for letter in held:
            uses[letter] = uses.get(letter, 0) + 1
    own = tuple([frozenset([c for c in h if uses[c] == 1 and c not in kept]) for h in letters])
    width = prices.width(net.root.type)
    taken = 0.0
    for factor, alone, held in zip(wide, own, letters, strict=True):
        if alone or len(held) < len([c for c in factor.letters if c is not None]):
            taken += prices.bytes(factor.node.type) / prices.machine.moved + prices.machine.launch
    if not wide:
        return Arranged(net, wide, own, (), taken)
    masks = [_bits(h - alone) for h, alone in zip(letters, own, strict=True)]
    sizes = [prices.number(net.sizes[c]) for c in range(len(net.sizes))]
    order, cost = orders.best(masks, _bits(kept), sizes, width)
    return Arranged(net, wide, own, order, taken + cost)


def _bits(letters: frozenset[int]) -> int:
    return sum([1 << c for c in letters])


def assemble(arranged: Arranged, orders: Orders) -> Node:
    """Returns the node of a network that was arranged, of its root's type."""
    net, order = arranged.net, arranged.order
    kept = [c for c in net.kept if c is not None]
    pieces = [_prepared(f, own) for f, own in zip(arranged.wide, arranged.own, strict=True)]
    scale = _scale(net)
    if not order:
        assert scale is not None  # a network has a factor
        return _spread(Piece(_scaled(scale, None, net.negative), ()), kept, net)
    needed = _needed(order, pieces, kept)
    spot = -1 if scale is None and not net.negative else _smallest(needed, net, orders)
    stack: list[Piece] = []
    for at, step in enumerate(order):
        if step == JOIN:
            right, left = stack.pop(), stack.pop()
            target = kept if at == len(order) - 1 else None
            piece = _joined(left, right, needed[at], target, net)
        else:
            piece = pieces[step]
        if at == spot:
            piece = Piece(_scaled(piece.node, scale, net.negative), piece.letters)
        stack.append(piece)
    return _spread(stack[0], kept, net)


def _needed(order: Order, pieces: Sequence[Piece], kept: Sequence[int]) -> list[set[int]]:
    """Returns the letters that the value of each step has."""
    uses: dict[int, int] = dict.fromkeys(kept, 1)
    for piece in pieces:
        for letter in piece.letters:
            uses[letter] = uses.get(letter, 0) + 1
    found: list[set[int]] = []
    stack: list[dict[int, int]] = []
    for step in order:
        if step == JOIN:
            right, left = stack.pop(), stack.pop()
            held = {c: left.get(c, 0) + right.get(c, 0) for c in (*left, *right)}
            held = {c: n for c, n in held.items() if n < uses[c]}
        else:
            held = dict.fromkeys(pieces[step].letters, 1)
        stack.append(held)
        found.append(set(held))
    return found


def _scale(net: Network) -> Node | None:
    """Returns the product of the scalars, and of the sizes that are summed over alone."""
    total: Node | None = None
    for factor in net.factors:
        if any(c is not None for c in factor.letters):
            continue
        value = reshape(factor.node, ())
        total = value if total is None else multiply(total, value)
    held = {c for f in net.factors for c in f.letters} | set(net.kept) | set(net.same)
    missing = [size for letter, size in net.sizes.items() if letter not in held]
    if missing:
        count = size_node(element_count(tuple(missing)), net.root.dtype)
        total = count if total is None else multiply(total, count)
    return total


def _scaled(node: Node, scale: Node | None, negative: bool) -> Node:
    if scale is None:
        return apply_named("neg", node) if negative else node
    return multiply(node, apply_named("neg", scale) if negative else scale)


def _smallest(needed: Sequence[set[int]], net: Network, orders: Orders) -> int:
    """Returns the step with the fewest elements, where a scalar is multiplied in cheapest."""
    best, spot = float("inf"), 0
    for at, letters in enumerate(needed):
        count = 1.0
        for letter in letters:
            count *= orders.prices.number(net.sizes[letter])
        if count <= best:
            best, spot = count, at
    return spot


def _prepared(factor: Factor, own: frozenset[int]) -> Piece:
    """Returns a factor with different letters, summed over those that nothing else has."""
    node = factor.node
    letters = [c for c in factor.letters if c is not None]
    node = reshape(
        node, tuple([s for c, s in zip(factor.letters, node.shape, strict=True) if c is not None])
    )
    while len(set(letters)) < len(letters):
        first = next(i for i, c in enumerate(letters) if c in letters[i + 1 :])
        second = letters.index(letters[first], first + 1)
        node = diagonal(node, 0, first, second)
        letters = [c for i, c in enumerate(letters) if i not in (first, second)] + [letters[first]]
    axes = tuple([i for i, c in enumerate(letters) if c in own])
    if axes:
        node = apply_named("sum", node, axis=axes, keepdims=False)
        letters = [c for c in letters if c not in own]
    return Piece(node, tuple(letters))


def _joined(
    a: Piece, b: Piece, later: set[int], target: Sequence[int] | None, net: Network
) -> Piece:
    """Returns the product of two pieces, summed over what nothing later needs."""
    both = [c for c in a.letters if c in b.letters]
    summed = [c for c in both if c not in later]
    batch = [c for c in both if c in later]
    left = [c for c in a.letters if c not in both]
    right = [c for c in b.letters if c not in both]
    if not summed or not (left or right):
        return _multiplied(a, b, summed, target, net)
    if target is not None and left and right and not batch:
        # The operand whose axis comes first in the result stands first.
        present = [c for c in target if c in left or c in right]
        if present and present[0] in right:
            a, b, left, right = b, a, right, left
    if len(summed) == 1 and not batch and len(left) <= 1 and len(right) <= 1:
        return Piece(_matrix_product(a, b, summed[0]), (*left, *right))
    result = (*batch, *left, *right)
    names = dict(zip(dict.fromkeys((*a.letters, *b.letters)), string.ascii_letters, strict=False))
    terms = ["".join([names[c] for c in part]) for part in (a.letters, b.letters, result)]
    node = sum_of_products(f"{terms[0]},{terms[1]}->{terms[2]}", a.node, b.node)
    return Piece(node, result)


def _matrix_product(a: Piece, b: Piece, inner: int) -> Node:
    flip_x = len(a.letters) == 2 and a.letters[0] == inner
    flip_y = len(b.letters) == 2 and b.letters[1] == inner
    x, y = a.node, b.node
    if len(b.letters) == 1 and flip_x:  # M' v is v M: XLA reads M by rows
        x, y, flip_x = y, x, False
    flags = {"transpose_x": True} if flip_x else {}
    flags |= {"transpose_y": True} if flip_y else {}
    return apply_named("matmul", x, y, **flags)


def _multiplied(
    a: Piece, b: Piece, summed: Sequence[int], target: Sequence[int] | None, net: Network
) -> Piece:
    """Returns the elementwise product, summed where both have an axis and nothing stands alone."""
    if len(a.letters) == len(b.letters) == len(summed) == 1:
        return Piece(apply_named("matmul", a.node, b.node), ())
    first, second = (a, b) if len(a.letters) >= len(b.letters) else (b, a)
    order = [*first.letters, *[c for c in second.letters if c not in first.letters]]
    if target is not None and not summed:
        order = [c for c in target if c in order]
    node = multiply(_placed(first, order, net), _placed(second, order, net))
    if summed:
        axes = tuple([i for i, c in enumerate(order) if c in summed])
        node = apply_named("sum", node, axis=axes, keepdims=False)
        order = [c for c in order if c not in summed]
    return Piece(node, tuple(order))


def _placed(piece: Piece, order: Sequence[int], net: Network) -> Node:
    """Returns a piece with axes in the given order, of size 1 where it has none."""
    own = [c for c in order if c in piece.letters]
    node = _turned(piece, own)
    shape: list[Size] = [net.sizes[c] if c in own else 1 for c in order]
    while shape and len(shape) > len(own) and isinstance(shape[0], int) and shape[0] == 1:
        del shape[0]
    return reshape(node, tuple(shape))


def _turned(piece: Piece, order: Sequence[int]) -> Node:
    if tuple(order) == piece.letters:
        return piece.node
    return apply_named("transpose", piece.node, axes=tuple([piece.letters.index(c) for c in order]))


def _spread(piece: Piece, kept: Sequence[int], net: Network) -> Node:
    """Returns the whole product in its root's shape."""
    node = _turned(piece, [c for c in kept if c in piece.letters])
    shape: list[Size] = []
    for letter, size in zip(net.kept, net.root.shape, strict=True):
        shape.append(size if letter is None or letter in piece.letters else 1)
    return broadcast_to(reshape(node, tuple(shape)), net.root.shape)
