"""Many arguments passed as few: values stacked before the jitted call, results unpacked after it.

A jitted call costs some 0.25 us for each argument and far more to compile: a stack of 1,000 arrays
within a program takes XLA as long as 1,000 layers written out. So where a program stacks leaves
(see `graphc/optimize/equal_blocks`), or takes many small ones, they are stacked outside of it, and
where its results are rows of one array, that array is returned and taken apart outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from graphc.backends.values import check_kind
from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node, apply_named, make
from graphc.core.type import TensorType, element_count
from graphc.core.walk import rebuild, topological_order
from graphc.ops.shaping import stack_op
from graphc.optimize.choice import Choice
from graphc.optimize.equal_blocks.rows import row, row_of

#: Leaves, or results, that are packed at least.
_LEAST = 16
#: Leaves of one type that are packed although no loop wants them: how many, and their elements.
_MANY, _SMALL = 64, 1024
#: Seconds that passing one argument takes.
_ARGUMENT = 2.5e-7
#: Arrays stacked by one small program, and the bytes of a row up to which that is done.
_CHUNK, _LIGHT = 32, 1024
#: Rows taken apart by one small program: XLA compiles each as a kernel of its own, 0.03 s. With 8
#: of them 1,000 rows took a tenth less, which makes up for the compiling after 70 calls.
_ROWS = 4


@dataclass(frozen=True, slots=True)
class Pack:
    """Leaves passed as one array.

    Attributes:
        leaves: in the order of the rows.
        formal: the input of the packed program that takes them.
        needed: a loop takes the array whole; otherwise it is only there to make the call short.
    """

    leaves: tuple[Node, ...]
    formal: Node
    needed: bool


@dataclass(frozen=True, slots=True)
class Packing:
    """A program with packed arguments and results.

    Attributes:
        packs: the packed leaves.
        inputs: the leaves that are passed by themselves.
        results: what the program returns.
        places: for each output, which result it is, or of which it is a row: (result, row or -1).
    """

    packs: tuple[Pack, ...]
    inputs: tuple[Node, ...]
    results: tuple[Node, ...]
    places: tuple[tuple[int, int], ...]

    def choice(self) -> Choice:
        """Returns what is packed, for the plan."""
        counts: dict[int, int] = {}
        for result, index in self.places:
            if index >= 0:
                counts[result] = counts.get(result, 0) + 1
        many = [f"{len(pack.leaves)} arguments" for pack in self.packs]
        many += [f"{count} results" for count in counts.values()]
        total = sum(len(pack.leaves) for pack in self.packs) + sum(counts.values())
        few = len(self.packs) + len(counts)
        return Choice(
            "packing",
            ", ".join(many),
            f"{few} array{'s' if few > 1 else ''}, stacked and taken apart outside of the program",
            True,
            total * _ARGUMENT,
            few * _ARGUMENT,
            "loops take them whole" if any(p.needed for p in self.packs) else "shorter calls",
        )


def packing_of(nodes: Sequence[Node], inputs: Sequence[Node], many: bool = True) -> Packing | None:
    """Returns a program with packed arguments and results; None where there is nothing to pack.

    Args:
        nodes: the outputs.
        inputs: the leaves in the order of the arguments.
        many: pack many small arguments too that no loop wants.
    """
    if len(inputs) < _LEAST and len(nodes) < _LEAST:
        return None
    packs = _packs(nodes, inputs, many)
    replace: dict[Node, Node] = {}
    for pack in packs:
        replace.update((leaf, row(pack.formal, k)) for k, leaf in enumerate(pack.leaves))

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        if node.op is stack_op and node.params["axis"] == 0 and node.args[0] in replace:
            for pack in packs:
                if _same(node.args, pack.leaves):
                    return pack.formal
        same = all(new is old for new, old in zip(args, node.args, strict=True))
        return node if same else make(node.op, args, node.params)

    made = rebuild(nodes, replace, step) if packs else list(nodes)
    results, places = _results(made)
    if not packs and len(results) == len(nodes):
        return None
    plain = tuple(n for n in inputs if n not in replace)
    return Packing(tuple(packs), plain, tuple(results), tuple(places))


def _same(left: Sequence[Node], right: Sequence[Node]) -> bool:
    return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))


def _packs(nodes: Sequence[Node], inputs: Sequence[Node], many: bool) -> list[Pack]:
    given = set(inputs)
    taken: set[Node] = set()
    found: list[Pack] = []

    def add(leaves: Sequence[Node], needed: bool) -> None:
        kind = leaves[0].type
        shape = TensorType((len(leaves), *kind.shape), kind.dtype)
        formal = apply_named("formal", name=f"packed{len(found)}", type=shape, level=-1)
        found.append(Pack(tuple(leaves), formal, needed))
        taken.update(leaves)

    for node in topological_order(nodes):
        if node.op is not stack_op or node.params["axis"] != 0 or len(node.args) < _LEAST:
            continue
        args = node.args
        if all(a in given and a not in taken for a in args) and len(set(args)) == len(args):
            add(args, True)
    groups: dict[Any, list[Node]] = {}
    for node in inputs if many else ():
        if node not in taken and node.op.name in LEAF_OPS and node.type.is_static:
            count = element_count(node.type.shape)
            if isinstance(count, int) and count <= _SMALL:
                groups.setdefault(node.type, []).append(node)
    for leaves in groups.values():
        if len(leaves) >= _MANY:
            add(leaves, False)
    return found


def _results(nodes: Sequence[Node]) -> tuple[list[Node], list[tuple[int, int]]]:
    """Returns what a program gives, with rows of one array as that array, and where outputs are."""
    rows_of: dict[Node, int] = {}
    found = [row_of(node) for node in nodes]
    for place in found:
        if place is not None:
            rows_of[place[0]] = rows_of.get(place[0], 0) + 1
    results: dict[Node, int] = {}
    places: list[tuple[int, int]] = []
    for node, place in zip(nodes, found, strict=True):
        size = 0 if place is None or not place[0].args else place[0].shape[0]
        count = 0 if place is None else rows_of[place[0]]
        # An array much larger than what is wanted of it stays inside.
        if place is not None and isinstance(size, int) and count >= max(_LEAST, (size + 1) // 2):
            places.append((results.setdefault(place[0], len(results)), place[1]))
        else:
            places.append((results.setdefault(node, len(results)), -1))
    return list(results), places


# -- at each call ------------------------------------------------------------------------------


def packed_values(packing: Packing, given: Mapping[Node, Any]) -> list[Any] | None:
    """Returns the packs' arrays and the other values; None where a call must go the plain way.

    That is where JAX traces, where a value does not fit (the plain way tells how), and where small
    values are JAX arrays already, which are passed more quickly than stacked.
    """
    arrays: list[Any] = []
    for pack in packing.packs:
        made = _stacked(pack, [given[leaf] for leaf in pack.leaves])
        if made is None:
            return None
        arrays.append(made)
    return arrays


def _stacked(pack: Pack, values: list[Any]) -> Any:
    kinds = {type(value) for value in values}
    if any(issubclass(kind, Tracer) for kind in kinds):
        return None
    leaf = pack.leaves[0]
    target, shape = leaf.type.dtype.numpy, leaf.type.shape
    if kinds == {jax.ShapeDtypeStruct}:
        return jax.ShapeDtypeStruct(pack.formal.shape, target)
    if kinds <= {float} or kinds <= {int, float}:
        return None if shape or not leaf.type.dtype.is_float else np.array(values, target)
    if any(issubclass(kind, jax.Array) for kind in kinds):
        return _stacked_arrays(pack, values, kinds) if pack.needed else None
    if not all(issubclass(kind, (np.ndarray, np.generic)) for kind in kinds):
        return None
    if any(value.shape != shape for value in values):
        return None
    if len({value.dtype for value in values}) > 1 or values[0].dtype != target:
        for node, value in zip(pack.leaves, values, strict=True):
            check_kind(node, value.dtype)
    return np.stack(values).astype(target, copy=False)


def _stacked_arrays(pack: Pack, values: list[Any], kinds: set[type]) -> Any:
    """Returns JAX arrays side by side: by small programs, large rows through memory."""
    leaf = pack.leaves[0]
    target, shape = leaf.type.dtype.numpy, leaf.type.shape
    if any(not issubclass(kind, jax.Array) for kind in kinds):
        return None
    for value in values:
        if value.shape != shape or value.dtype != target:
            return None
    first = values[0]
    if not first.is_fully_addressable or len(first.devices()) > 1:
        return None
    on_host = all(device.platform == "cpu" for device in first.devices())
    if on_host and first.nbytes > _LIGHT:
        return np.stack([np.asarray(value) for value in values])
    parts = [_stack(*values[k : k + _CHUNK]) for k in range(0, len(values), _CHUNK)]
    return parts[0] if len(parts) == 1 else _join(*parts)


@jax.jit
def _stack(*values: Any) -> Any:
    return jnp.stack(values)


@jax.jit
def _join(*parts: Any) -> Any:
    return jnp.concatenate(parts)


def unpacked(packing: Packing, results: Sequence[Any]) -> list[Any]:
    """Returns the outputs from a packed program's results."""
    wanted: dict[int, list[int]] = {}
    for result, index in packing.places:
        if index >= 0:
            wanted.setdefault(result, []).append(index)
    apart = {result: _apart(results[result], indices) for result, indices in wanted.items()}
    return [
        results[result] if index < 0 else apart[result][index] for result, index in packing.places
    ]


def _apart(stack: Any, indices: Sequence[int]) -> dict[int, Any]:
    first, last = min(indices), max(indices) + 1
    count = stack.shape[0]
    size = min(_ROWS, count)
    found: dict[int, Any] = {}
    for start in range(first, last, size):
        start = min(start, count - size)  # the last chunk overlaps; one program serves all
        found.update(enumerate(_part(stack, np.int32(start), size), start))
    return found


def _part_of(stack: Any, start: Any, size: int) -> tuple[Any, ...]:
    part = jax.lax.dynamic_slice_in_dim(stack, start, size)
    return tuple([part[i] for i in range(size)])


_part = jax.jit(_part_of, static_argnums=2)
