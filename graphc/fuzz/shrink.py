"""From a failing graph to a small one: parts are cut while the same oracle still fails.

Delta debugging on the graph: the output becomes one of its inner values, a node one of its
operands, an input or a number; blocks are opened; values become plain numbers and shapes small.
What is smaller and still fails is kept, until nothing smaller does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import run
from graphc.core.const import Const
from graphc.core.errors import GraphcError
from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node, apply_named, make
from graphc.core.type import TensorType
from graphc.core.walk import rebuild, topological_order
from graphc.fuzz.disputes import opened
from graphc.fuzz.generate import Case
from graphc.ops.flow.inner import is_running

#: Graphs that are tried at most.
TRIES = 600

#: Plain numbers that an element may become.
_PLAIN = (0.0, 1.0, -1.0, 2.0, 0.5, 3.0)


def size(case: Case) -> int:
    """Returns the number of nodes of a graph, its leaves included."""
    return len(topological_order([case.output]))


def shrink(case: Case, fails: Callable[[Case], bool], tries: int = TRIES) -> Case:
    """Returns a graph that still fails and of which no smaller variant that is tried does.

    Args:
        case: a graph for which `fails` holds.
        fails: whether the same thing is still wrong.
        tries: how often `fails` is asked at most.
    """
    left = tries
    best = case
    again = True
    while again and left > 0:
        again = False
        for candidate in _smaller(best):
            left -= 1
            if left < 0:
                break
            if _fails(candidate, fails):
                best, again = candidate, True
                break
    return best


def _fails(case: Case, fails: Callable[[Case], bool]) -> bool:
    if not case.wrt:
        return False
    try:
        return fails(case)
    except GraphcError:  # the variant itself is at fault
        return False


def _smaller(case: Case) -> Iterator[Case]:
    """Yields variants, the most daring first."""
    for way in (_inner_outputs, _cut_nodes, _without_blocks, _operands, _numbers, _shapes, _values):
        yield from way(case)


def _case(output: Node, values: Mapping[Node, Any], like: Case) -> Case | None:
    """Returns a case of an output; None where it is no float scalar or gives nothing smaller."""
    if not isinstance(output.type, TensorType) or not output.type.dtype.is_float:
        return None
    if output.ndim:
        axis = tuple(range(output.ndim))
        output = apply_named("sum", output, axis=axis, keepdims=False)
    needed = [n for n in topological_order([output]) if n.op.name in LEAF_OPS]
    if any(n not in values for n in needed):
        return None
    made = Case(output, {n: values[n] for n in needed}, like.label)
    return made


def _weight(case: Case) -> tuple[int, int, int]:
    """Returns what shrinking lowers: nodes, then elements, then digits of the values."""
    order = topological_order([case.output])
    elements = sum(int(np.size(v)) for v in case.values.values())
    digits = sum(
        len(f"{float(e):.17g}") + (np.signbit(float(e)) * 1)
        for v in case.values.values()
        for e in np.ravel(v)
    )
    # A constant array and a block are more to read than a number and an op.
    heavy = sum(is_running(n) for n in order)
    return len(order) + 2 * heavy, elements, digits


def _lighter(made: Case | None, case: Case) -> Iterator[Case]:
    if made is not None and _weight(made) < _weight(case):
        yield made


def _inner_outputs(case: Case) -> Iterator[Case]:
    for node in topological_order([case.output]):
        if node is not case.output and node.args:
            yield from _lighter(_case(node, case.values, case), case)


def _replaced(case: Case, old: Node, new: Node, values: Mapping[Node, Any]) -> Iterator[Case]:
    try:
        (output,) = rebuild([case.output], {old: new})
    except GraphcError:
        return
    yield from _lighter(_case(output, values, case), case)


def _exact_values(case: Case) -> dict[Node, Any]:
    nodes = [n for n in topological_order([case.output]) if isinstance(n.type, TensorType)]
    with np.errstate(all="ignore"):
        found = run(nodes, dict(case.values), NumpyNamespace(case.sizes))
    return dict(zip(nodes, found, strict=True))


def _cut_nodes(case: Case) -> Iterator[Case]:
    """Puts an input with its value, or a constant, in the place of an inner node."""
    known = _exact_values(case)
    taken = {n.params["name"] for n in case.leaves}
    for node in reversed(topological_order([case.output])):
        if node is case.output or not node.args or node not in known:
            continue
        t = node.type
        if t.dtype.is_float:
            name = next(f"y{i}" for i in range(1000) if f"y{i}" not in taken)
            leaf = apply_named("input", name=name, type=t)
            value = np.asarray(known[node])
            yield from _replaced(case, node, leaf, {**case.values, leaf: value})
        if t.is_static:
            constant = apply_named("constant", value=Const(np.asarray(known[node])))
            yield from _replaced(case, node, constant, case.values)


def _without_blocks(case: Case) -> Iterator[Case]:
    order = topological_order([case.output])
    if any(n.op.name in ("call", "map") for n in order):
        (output,) = opened([case.output], case.sizes)
        made = _case(output, case.values, case)
        if made is not None:
            yield made


def _operands(case: Case) -> Iterator[Case]:
    for node in reversed(topological_order([case.output])):
        for arg in dict.fromkeys(node.args):
            if arg.type == node.type:
                yield from _replaced(case, node, arg, case.values)


def _numbers(case: Case) -> Iterator[Case]:
    """Puts the number 1 or one input in the place of another."""
    for leaf in case.leaves:
        if leaf.type.is_static:
            constant = apply_named("constant", value=Const(np.asarray(case.values[leaf])))
            if len(case.wrt) > 1 or not leaf.type.dtype.is_float:
                yield from _replaced(case, leaf, constant, case.values)
        for other in case.leaves:
            if other is not leaf and other.type == leaf.type:
                yield from _replaced(case, leaf, other, case.values)


def _shapes(case: Case) -> Iterator[Case]:
    """Makes one size of one input 1, or takes an axis away, where the graph allows it."""
    for leaf in case.leaves:
        for axis in range(leaf.ndim):
            value = np.asarray(case.values[leaf])
            first = np.take(value, [0], axis=axis)
            for smaller in (np.take(value, 0, axis=axis), first):
                if smaller.shape == value.shape:
                    continue
                yield from _reshaped(case, leaf, smaller)
    for leaf in case.leaves:
        if leaf.ndim:
            yield from _reshaped(case, leaf, np.ravel(case.values[leaf])[0].reshape(()))


def _reshaped(case: Case, leaf: Node, value: Any) -> Iterator[Case]:
    new = make(leaf.op, (), {**leaf.params, "type": TensorType(np.shape(value), leaf.type.dtype)})
    yield from _replaced(case, leaf, new, {**case.values, new: np.asarray(value)})


def _values(case: Case) -> Iterator[Case]:
    """Makes elements plain numbers, all at once and then one by one."""
    for leaf, value in case.values.items():
        if not leaf.type.dtype.is_float:
            continue
        dtype = leaf.type.dtype.numpy
        for plain in _PLAIN:
            full = np.full(np.shape(value), plain).astype(dtype)
            yield from _lighter(_case(case.output, {**case.values, leaf: full}, case), case)
        rounded = np.asarray([float(f"{float(v):.2g}") for v in np.ravel(value)])
        rounded = rounded.reshape(np.shape(value)).astype(dtype)
        yield from _lighter(_case(case.output, {**case.values, leaf: rounded}, case), case)
        if np.size(value) > 1:
            for index in np.ndindex(*np.shape(value)):
                for plain in _PLAIN[:2]:
                    moved = np.array(value)
                    moved[index] = plain
                    made = _case(case.output, {**case.values, leaf: moved}, case)
                    yield from _lighter(made, case)
