"""Sums of scalars that are each put at their place in zeros, as one stack of scalars.

The adjoint of `x[i]` is zeros with one entry; that of a function of x[0], ..., x[n-1] is the sum of
n such vectors, n^2 numbers. Here it becomes the n scalars side by side.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.core.node import Node, apply_named, as_node, make, place_new_nodes, scalar
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.ops.chain import is_constant, reshape

#: Fewer places than this are left as they are.
FEWEST = 4
#: A stack where at least one of so many entries is placed; else a scatter.
_SPARSE = 8


@dataclass(slots=True)
class _Vector:
    """Entries by their flat index; every other one is `rest`, a constant."""

    entries: dict[int, Node]
    rest: Node


def gather_placed(roots: Sequence[Node]) -> list[Node]:
    """Returns the roots with sums of placed scalars written as stacks (or scatters) of scalars."""
    order = topological_order(roots)
    if sum([n.op.name == "slice_transpose" for n in order]) < FEWEST:
        return list(roots)
    # Most nodes of a large graph are scalars made of scalars, and read no vector.
    wide = [n for n in order if n.args and (n.op.group != "elementwise" or n.type.shape)]
    uses = Counter([a for n in wide for a in n.args])
    uses.update(roots)
    found: dict[Node, _Vector] = {}
    users: dict[Node, int] = {}  # how many of a vector's users are vectors themselves
    before = place_new_nodes(None)
    try:
        for node in wide:
            if not getattr(node.type, "shape", ()) or not node.type.is_static:
                continue  # a scalar, several results
            place_new_nodes(node.place)
            vector = _vector(node, found, uses, users)
            if vector is not None:
                found[node] = vector
        whole = {
            node: _written(node, vector)
            for node, vector in found.items()
            if users.get(node, 0) < uses[node] and len(vector.entries) >= FEWEST
        }
        for node in order if whole else ():  # what is above them is made anew
            if node not in whole and not whole.keys().isdisjoint(node.args):
                place_new_nodes(node.place)
                args = tuple([whole.get(a, a) for a in node.args])
                whole[node] = make(node.op, args, node.params)
    finally:
        place_new_nodes(before)
    return [whole.get(root, root) for root in roots]


def _vector(
    node: Node, found: dict[Node, _Vector], uses: Mapping[Node, int], users: dict[Node, int]
) -> _Vector | None:
    """Returns what a node holds entry by entry; None where it is no sum of placed scalars."""
    t: TensorType = node.type
    name, args = node.op.name, node.args
    if name == "slice_transpose":
        inner = found.get(args[0])
        if inner is None:
            entry = _single(args[0])
            if entry is None:
                return None
            inner = _Vector({0: entry}, scalar(0, t.dtype))
        else:
            users[args[0]] = users.get(args[0], 0) + 1
        spots = _spots(node)
        if spots is None or not _is_nothing(inner.rest):
            return None
        return _Vector({spots[i]: e for i, e in inner.entries.items()}, inner.rest)
    parts = [found.get(a) for a in args]
    if all(p is None for p in parts):
        return None
    if name == "reshape":
        return _taken(args[0], found, uses, users)
    if name == "add" and all(a.type.shape == t.shape for a in args):
        return _added(node, found, uses, users)
    if name not in ("where", "neg", "cast", "logical_or", "logical_and", "add"):
        return None
    rests = [p.rest if p is not None else _constant(a) for p, a in zip(parts, args, strict=True)]
    if any(r is None for r in rests) or any(
        p is not None and a.type.shape != t.shape for p, a in zip(parts, args, strict=True)
    ):
        return None
    known = [r for r in rests if r is not None]
    rest = _rest(name, known, t)
    if rest is None:
        return None
    entries: dict[int, Node] = {}
    for index in dict.fromkeys(i for p in parts if p is not None for i in p.entries):
        given = [
            p.entries.get(index, r) if p is not None else r
            for p, r in zip(parts, known, strict=True)
        ]
        entries[index] = make(node.op, tuple(given), node.params)
    for arg, part in zip(args, parts, strict=True):
        if part is not None:
            users[arg] = users.get(arg, 0) + 1
    return _Vector(entries, rest)


def _taken(
    arg: Node, found: dict[Node, _Vector], uses: Mapping[Node, int], users: dict[Node, int]
) -> _Vector:
    """Returns the vector of an operand, to be changed: a copy where somebody else reads it."""
    users[arg] = users.get(arg, 0) + 1
    vector = found[arg]
    if uses[arg] == 1:
        return vector
    return _Vector(dict(vector.entries), vector.rest)


def _added(
    node: Node, found: dict[Node, _Vector], uses: Mapping[Node, int], users: dict[Node, int]
) -> _Vector | None:
    """Returns a sum of vectors; the smaller one is added into the larger."""
    left, right = node.args
    if left is right or left not in found or right not in found:
        return None
    if not _is_nothing(found[left].rest) or not _is_nothing(found[right].rest):
        return None
    more, less = left, right
    if len(found[less].entries) > len(found[more].entries):
        more, less = less, more
    total = _taken(more, found, uses, users)
    users[less] = users.get(less, 0) + 1
    for index, entry in found[less].entries.items():
        known = total.entries.get(index)
        pair = (known, entry) if more is left else (entry, known)
        total.entries[index] = (
            entry if known is None else make(node.op, pair, node.params)  # pyright: ignore[reportArgumentType]
        )
    return total


def _single(node: Node) -> Node | None:
    """Returns the scalar of which a node of one element is made."""
    while node.op.name == "reshape" and node.type.shape:
        node = node.args[0]
    return node if not node.type.shape else None


def _spots(node: Node) -> list[int] | None:
    """Returns the flat index at which each element of the operand is put."""
    shape, bounds = node.type.shape, node.params["bounds"]
    if any(b is not None and not all(isinstance(v, (int, type(None))) for v in b) for b in bounds):
        return None
    if all(b is not None and b[1] == b[0] + 1 for b in bounds):  # one element, the usual case
        flat = 0
        for size, bound in zip(shape, bounds, strict=True):
            flat = flat * size + bound[0]
        return [flat]
    if math.prod(node.args[0].type.shape) > 4096:
        return None
    index = np.arange(math.prod(shape)).reshape(shape)
    cut = tuple(slice(None) if b is None else slice(*b) for b in bounds)
    return index[cut].ravel().tolist()


def _is_nothing(node: Node) -> bool:
    return is_constant(node, 0.0)


def _constant(node: Node) -> Node | None:
    """Returns the scalar constant that a node is everywhere, None where it is none."""
    while node.op.name in ("broadcast_to", "reshape"):
        node = node.args[0]
    return node if node.op.name == "constant" and not node.type.shape else None


def _rest(name: str, rests: Sequence[Node], t: TensorType) -> Node | None:
    """Returns what an op makes of zeros: zero, or None where that is not known here."""
    if name == "where":
        return rests[2] if _is_nothing(rests[0]) and _is_nothing(rests[2]) else None
    if name == "logical_and":
        return rests[0] if _is_nothing(rests[0]) else rests[1] if _is_nothing(rests[1]) else None
    return scalar(0, t.dtype) if all(map(_is_nothing, rests)) else None


def _written(node: Node, vector: _Vector) -> Node:
    """Returns the vector as one node."""
    size = math.prod(node.type.shape)
    before = place_new_nodes(node.place)
    try:
        if len(vector.entries) * _SPARSE >= size or not _is_nothing(vector.rest):
            parts = [vector.entries.get(i, vector.rest) for i in range(size)]
            return reshape(apply_named("stack", *parts, axis=0), node.type.shape)
        parts = apply_named("stack", *vector.entries.values(), axis=0)
        if node.type.dtype.kind == "b":
            return node
        where = as_node(np.asarray(list(vector.entries), np.int32))
        return reshape(apply_named("scatter_add", parts, where, axis=0, size=size), node.type.shape)
    finally:
        place_new_nodes(before)
