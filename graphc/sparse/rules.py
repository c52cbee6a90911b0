"""Which input elements the results of each operation depend on: one rule for each operation.

An operation without a rule takes in every element of every operand, and says so: the pattern is
then too large, never too small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace, evaluate
from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node
from graphc.core.type import TensorType, TupleType
from graphc.core.walk import topological_order
from graphc.sparse.pattern import (
    NOTHING,
    Array,
    Pattern,
    collected,
    elements,
    move,
    reduced,
    scalar_of,
    sizes,
    spread,
    union,
)
from graphc.sparse.windows import conv_pattern, place_pattern, pool_pattern

NUMPY = NumpyNamespace()
#: `rule(node, patterns, tell)`: `tell(why)` notes why a pattern is larger than it might be.
Tell = Callable[[str], None]
Rule = Callable[[Node, Sequence[Pattern], Tell], Pattern]
#: Entries of a running result that are still written out one by one.
_MAX_PREFIX = 2**22
#: Nodes an index may be computed by.
_MAX_INDEX_NODES = 10_000


def known(node: Node) -> Array | None:
    """Returns the value of a node made of constants alone, None where it needs an input."""
    if node.op.name == "constant":
        return np.asarray(node.params["value"].array)
    order = topological_order([node])
    if len(order) > _MAX_INDEX_NODES or any(n.op.name in LEAF_OPS for n in order):
        return None
    return np.asarray(evaluate(node))


def _all_known(nodes: Sequence[Node]) -> list[Array] | None:
    values = [known(n) for n in nodes]
    return None if any(v is None for v in values) else [v for v in values if v is not None]


# -- everything ------------------------------------------------------------------------------------


def everything(node: Node, patterns: Sequence[Pattern], shape: Sequence[Any]) -> Pattern:
    """Returns the pattern where each element depends on all elements of all operands."""
    return spread(union([scalar_of(p) for p in patterns], ()), shape)


def _dense(words: str) -> Rule:
    def rule(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
        tell(words)
        return everything(node, patterns, node.shape)

    return rule


# -- moves -----------------------------------------------------------------------------------------


def _moves(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    """One operand's elements moved, repeated or left out; where none comes there is 0."""
    return move(patterns[0], lambda pick: node.op.run(NUMPY, pick, **node.params))


def _same(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    return patterns[0]


def _nothing(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    return NOTHING


def _joins(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    """Operands put beside each other: terms of one table are joined, one of each operand."""
    return tuple(
        next(iter(move((first,), lambda _, parts=parts: node.op.run(NUMPY, *parts, **node.params))))
        for first, parts in aligned(node, patterns)
    )


def aligned(node: Node, patterns: Sequence[Pattern]) -> list[tuple[Any, list[Array]]]:
    """Returns (a term, index arrays of all operands, zeros where there is none) to be joined."""
    tables: dict[int, list[list[Any]]] = {}
    for position, pattern in enumerate(patterns):
        used: dict[int, int] = {}
        for term in pattern:
            lines = tables.setdefault(id(term.table), [])
            place = used.get(id(term.table), 0)
            used[id(term.table)] = place + 1
            if place == len(lines):
                lines.append([None] * len(patterns))
            lines[place][position] = term
    found: list[tuple[Any, list[Array]]] = []
    for lines in tables.values():
        for line in lines:
            first = next(term for term in line if term is not None)
            zero = np.zeros((), first.pick.dtype)
            parts = [
                np.broadcast_to(zero, sizes(a.shape)) if term is None else term.pick
                for term, a in zip(line, node.args, strict=True)
            ]
            found.append((first, parts))
    return found


def _pads(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    pairs = node.params["pairs"]
    inner = tuple(
        slice(low, low + size) for size, (low, _) in zip(node.args[0].shape, pairs, strict=True)
    )
    base = move(patterns[0], lambda pick: np.pad(pick, pairs))

    def rim(pick: Array) -> Array:
        made = np.full(sizes(node.shape), pick)
        made[inner] = 0
        return made

    return union([base, move(patterns[1], rim)], node.shape)


def _gathers(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    """Reading at indices: those that are known, or else any along the axes they count on."""
    indices = _all_known(node.args[1:])
    if indices is not None:
        return move(patterns[0], lambda pick: node.op.run(NUMPY, pick, *indices, **node.params))
    tell(f"the indices of {node.op.name} are known only when it runs")
    axes = node.params.get("axes") or (node.params["axis"],)
    have = sizes(node.args[0].shape)
    one = tuple(1 if a in axes else size for a, size in enumerate(have))
    line = reduced(patterns[0], axes, one)
    zeros = [np.zeros(sizes(n.shape), np.int64) for n in node.args[1:]]
    return move(line, lambda pick: node.op.run(NUMPY, pick, *zeros, **node.params))


def _numbers(shape: Sequence[Any]) -> Array:
    return np.arange(elements(shape)).reshape(sizes(shape))


def _scatters(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    """Zeros with each element added at its index along an axis."""
    axis = node.params["axis"]
    (index,) = (known(n) for n in node.args[1:])
    if index is None:
        tell(f"the indices of {node.op.name} are known only when it runs")
        return _over_axes(node, patterns[0], range(node.args[0].ndim))
    numbers = _numbers(node.shape)
    if node.op.name == "scatter_add":
        owner = np.take(numbers, index, axis)
    else:
        owner = np.take_along_axis(numbers, index, axis)
    return collected(patterns[0], owner, node.shape)


def _writes(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    """An array with updates set, added or compared at integer arrays."""
    indices = _all_known(node.args[2:])
    base = patterns[0]
    if indices is None:
        tell(f"the indices of {node.op.name} are known only when it runs")
        updates = spread(scalar_of(patterns[1]), node.shape)
    else:
        owner = NUMPY.scatter.gather_at(NUMPY, _numbers(node.shape), indices, node.params["axes"])
        updates = collected(patterns[1], owner, node.shape)
        if node.op.name == "index_set":

            def cleared(pick: Array) -> Array:
                flat = pick.reshape(-1).copy()
                flat[owner.reshape(-1)] = 0
                return flat.reshape(pick.shape)

            base = move(base, cleared)
    return union([base, updates], node.shape)


def _slices_at(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    starts = _all_known(node.args[1:])
    if starts is not None:
        return move(patterns[0], lambda pick: node.op.run(NUMPY, pick, *starts, **node.params))
    tell("where dynamic_slice starts is known only when it runs")
    return spread(scalar_of(patterns[0]), node.shape)


def _writes_slice(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    starts = _all_known(node.args[2:])
    if starts is not None:
        parts: list[Pattern] = []
        for position in (0, 1):
            zero = np.zeros(sizes(node.args[1 - position].shape), np.int64)
            parts.append(
                move(
                    patterns[position],
                    lambda pick, p=position, z=zero: node.op.run(
                        NUMPY, *((z, pick) if p else (pick, z.astype(pick.dtype))), *starts
                    ),
                )
            )
        return union(parts, node.shape)
    tell("where dynamic_update_slice writes is known only when it runs")
    return union([patterns[0], spread(scalar_of(patterns[1]), node.shape)], node.shape)


# -- along axes ------------------------------------------------------------------------------------


def _over_axes(node: Node, pattern: Pattern, axes: Sequence[int]) -> Pattern:
    """Each element of the result takes in all elements along axes; the result has the same axes."""
    axes = tuple(axes)
    have = sizes(node.args[0].shape)
    if len(axes) == len(have):
        return spread(scalar_of(pattern), node.shape)
    one = tuple(1 if a in axes else size for a, size in enumerate(have))
    return spread(reduced(pattern, axes, one), node.shape)


def _reduces(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    return reduced(patterns[0], node.params["axis"], node.shape)


def _along(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    axes = node.params.get("axes", node.params.get("axis"))
    axes = axes if isinstance(axes, tuple) else (axes,)
    return union([_over_axes(node, p, axes) for p in patterns], node.shape)


def _running(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    """Running results: each element takes in those before it along the axis."""
    axis, reverse = node.params["axis"], node.params["reverse"]
    size = sizes(node.shape)[axis]
    lines = elements(node.shape) // max(size, 1)
    if lines * size * size > _MAX_PREFIX:
        return _along(node, patterns, tell)
    to, what = np.tril_indices(size)
    if reverse:
        to, what = what, to
    owner = np.take(_numbers(node.shape), to, axis)
    taken = [move(p, lambda pick: np.take(pick, what, axis)) for p in patterns]
    return union([collected(p, owner, node.shape) for p in taken], node.shape)


def _matrices(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    """Linear algebra: each matrix of the result takes in all of its own matrices."""
    return union(
        [_by_batch(node, p, a, node.shape) for p, a in zip(patterns, node.args, strict=True)],
        node.shape,
    )


def _by_batch(node: Node, pattern: Pattern, operand: Node, shape: Sequence[Any]) -> Pattern:
    """Returns the pattern that keeps the leading axes of stacks of matrices apart."""
    batch = tuple(node.args[0].shape[:-2])
    depth = len(batch)
    same = tuple(operand.shape[:depth]) == batch and tuple(shape[:depth]) == batch
    if not depth or not same or len(operand.shape) < depth:
        return spread(scalar_of(pattern), shape)
    line = reduced(pattern, range(depth, operand.ndim), batch)
    return spread(move(line, lambda p: p.reshape((*batch, *[1] * (len(shape) - depth)))), shape)


def several(node: Node, patterns: Sequence[Pattern], tell: Tell) -> tuple[Pattern, ...]:
    """Returns the patterns of an op of several results."""
    assert isinstance(node.type, TupleType)
    shapes = [item.shape for item in node.type.items]
    if node.op.group == "linalg":
        return tuple(
            union([_by_batch(node, p, a, s) for p, a in zip(patterns, node.args, strict=True)], s)
            for s in shapes
        )
    if node.op.name in ("top_k", "sort"):
        have = sizes(node.args[0].shape)
        axis = node.params.get("axis", len(have) - 1) % len(have)
        line = reduced(patterns[0], (axis,), (*have[:axis], 1, *have[axis + 1 :]))
        return tuple(spread(line, s) for s in shapes)
    if node.op.name in ("map", "levelled"):
        return tuple(_mapped(node, patterns, s) for s in shapes)
    tell(f"{node.op.name} is taken to need every element of its operands")
    return tuple(everything(node, patterns, s) for s in shapes)


def _mapped(node: Node, patterns: Sequence[Pattern], shape: Sequence[Any]) -> Pattern:
    """Each entry of a mapped block takes in its own entries, and all of what is not mapped."""
    found: list[Pattern] = []
    for pattern, operand, mapped in zip(patterns, node.args, node.params["mapped"], strict=True):
        if not mapped:
            found.append(spread(scalar_of(pattern), shape))
            continue
        line = reduced(pattern, range(1, operand.ndim), (operand.shape[0],))
        tall = (sizes(operand.shape)[0], *[1] * (len(shape) - 1))
        found.append(spread(move(line, lambda pick, t=tall: pick.reshape(t)), shape))
    return union(found, shape)


def _map(node: Node, patterns: Sequence[Pattern], tell: Tell) -> Pattern:
    return _mapped(node, patterns, node.shape)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("reshape", "transpose", "broadcast_to", "slice", "slice_transpose"), _moves),
    **dict.fromkeys(("assume", "assign", "with_gradient"), _same),
    "stop_gradient": _nothing,
    **dict.fromkeys(("concat", "stack"), _joins),
    "pad": _pads,
    **dict.fromkeys(("gather", "index_gather", "take_along_axis"), _gathers),
    **dict.fromkeys(("scatter_add", "add_along_axis"), _scatters),
    **dict.fromkeys(("index_set", "index_add", "index_max", "index_min"), _writes),
    "dynamic_slice": _slices_at,
    "dynamic_update_slice": _writes_slice,
    **dict.fromkeys(
        ("sum", "mean", "max", "min", "prod", "norm", "std", "var", "logsumexp"), _reduces
    ),
    **dict.fromkeys(("softmax", "log_softmax", "dft", "rdft", "irdft"), _along),
    **dict.fromkeys(
        ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp", "linear_recurrence"), _running
    ),
    **dict.fromkeys(("max_pool", "sum_pool", "pool_pick"), lambda n, p, t: pool_pattern(n, p[0])),
    "pool_place": lambda n, p, t: place_pattern(n, p[0]),
    "conv": lambda n, p, t: conv_pattern(n, p[0], p[1], None if p[1] else known(n.args[1])),
    **dict.fromkeys(("map", "levelled"), _map),
}


def rule_of(node: Node) -> Rule:
    """Returns the rule of a node of one result."""
    known_rule = RULES.get(node.op.name)
    if known_rule is not None:
        return known_rule
    if node.op.group == "linalg":
        return _matrices
    return _dense(f"{node.op.name} is taken to need every element of its operands")


def is_static(node: Node) -> bool:
    """Tells whether all sizes of a node's results are numbers."""
    types = node.type.items if isinstance(node.type, TupleType) else (node.type,)
    return all(isinstance(t, TensorType) and t.is_static for t in types)
