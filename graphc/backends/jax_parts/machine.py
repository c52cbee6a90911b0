"""A machine that runs a graph of scalars inside XLA: one loop, whatever the size of the graph.

XLA compiles an unrolled graph of n scalars in a time that grows faster than n: minutes for 10,000.
This loop has one branch for each kind of operation, and reads which comes next, and from which
registers, out of a table; so compiling it takes as long as the kinds do.

XLA's CPU compiler makes a loop that touches less than about 1,000 bytes a step one function of
machine code, with no call of its runtime in it; an instruction then costs what it costs in the
unrolled program, 10 to 30 ns. So points are taken in blocks that stay below that. On other
platforms a step takes a whole batch of instructions.

Derivatives, batches and transposes of the machine are machines again, so JAX's transforms hold.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from graphc.backends.jax_parts.instructions import Instructions, instructions_of
from graphc.backends.run import run_graph
from graphc.core.dtype import DType
from graphc.core.graph import Graph
from graphc.core.node import Node
from graphc.core.system import SYSTEMS
from graphc.ops.control import jvp_graph
from graphc.ops.flow.levelled import backward_graph
from graphc.optimize.scalars.costs import Load

#: Returns the registers after all instructions of a program.
Loop = Callable[[Instructions, Any], Any]

#: Bytes of one register for a block of points: three or four of them, read, computed and written,
#: stay below what XLA's CPU compiler takes for a small loop.
_REGISTER_BYTES = (64, 64, 64, 32)
#: Instructions that one step takes where a step is a kernel.
_SLAB = 1024


def levelled(xp: Any, graph: Graph, args: Sequence[Any], mapped: Sequence[bool]) -> Any:
    """Returns the block's results; for each entry of the mapped operands, where there are some."""
    results = _machine(args, graph, tuple(mapped), any(mapped))
    return results[0] if len(results) == 1 else tuple(results)


def _machine(
    args: Sequence[Any], graph: Graph, mapped: tuple[bool, ...], settled: bool
) -> list[Any]:
    """Returns the results by the machine, or unrolled where it holds what the machine can't do.

    Args:
        args: the operands.
        graph: the block.
        mapped: which of them have an entry for each point.
        settled: whether the machine was chosen knowing the points; else they come of a batch.
    """
    if instructions_of(graph, mapped) is not None:
        return list(machine_p.bind(*args, graph=graph, mapped=mapped, settled=settled))
    return _unrolled(args, graph, mapped)


def _unrolled(args: Sequence[Any], graph: Graph, mapped: Sequence[bool]) -> list[Any]:
    """Returns the results by one operation of XLA after the other."""
    from graphc.backends.jax import JaxNamespace  # it imports this module

    def once(*args: Any) -> list[Any]:
        return run_graph(graph, args, JaxNamespace())

    if not any(mapped):
        return once(*args)
    return jax.vmap(once, [0 if moving else None for moving in mapped])(*args)


# -- running ---------------------------------------------------------------------------------------


def run(loop: Loop, *args: Any, graph: Graph, mapped: tuple[bool, ...]) -> list[Any]:
    """Returns the results as jax.numpy computes them, by one of the loops below."""
    program = instructions_of(graph, mapped)
    assert program is not None  # `_machine` has asked
    if any(mapped):
        found = _run_points(loop, args, program, mapped)
    else:
        head = [jnp.asarray(program.constants), _packed(args, program, slice(None), ())]
        registers = loop(program, _registers(program, jnp.concatenate(head)))
        found = [registers[o] for o in map(_read, program.outputs)]
    return [_value(f, o.type.dtype) for f, o in zip(found, graph.outputs, strict=True)]


def lowered(
    loop: Loop, *args: Any, graph: Graph, mapped: tuple[bool, ...], settled: bool
) -> list[Any]:
    """Returns `run`; or the results unrolled, where they are wanted at so many points that it pays.

    Who batches a graph from outside, by `jax.vmap`, tells how many points there are only here.
    """
    if any(mapped) and not settled:
        program = instructions_of(graph, mapped)
        points = next(a.shape[0] for a, moving in zip(args, mapped, strict=True) if moving)
        if program is not None and _load(program).unrolled_pays(points):
            return _unrolled(args, graph, mapped)
    return run(loop, *args, graph=graph, mapped=mapped)


def _load(program: Instructions) -> Load:
    """Returns what a program computes, as far as its costs hang on it."""
    counts = np.bincount(program.rows[:, 0], minlength=len(program.kinds))
    heavy = sum(int(c) for c, k in zip(counts, program.kinds, strict=True) if k.op.ulp > 0.5)
    return Load(len(program.rows), heavy, len(program.kinds), program.bank.bits // 8)


def _run_points(
    loop: Loop, args: Sequence[Any], program: Instructions, mapped: Sequence[bool]
) -> list[Any]:
    """Returns the results for all points, block after block."""
    points = next(a.shape[0] for a, moving in zip(args, mapped, strict=True) if moving)
    if not points:
        return [jnp.zeros((0, *o.shape), program.bank.numpy) for o in program.outputs]
    count = sum(not moving for moving in mapped)
    fixed = _packed(args, program, slice(0, count), ())
    moving = _packed(args, program, slice(count, None), (points,))
    wide = _REGISTER_BYTES[min(program.rows.shape[1] - 1, 3)]
    block = min(points, wide // program.bank.numpy.itemsize)
    blocks = -(-points // block)
    moving = jnp.pad(moving, ((0, blocks * block - points), (0, 0)), mode="edge")
    entries = jnp.swapaxes(moving.reshape(blocks, block, -1), 1, 2)
    head = jnp.concatenate([jnp.asarray(program.constants), fixed])
    registers = _registers(program, jnp.broadcast_to(head[:, None], (program.fixed, block)))

    def step(registers: Any, entry: Any) -> Any:
        registers = lax.dynamic_update_slice(registers, entry, (program.fixed, 0))
        registers = loop(program, registers)
        return registers, tuple(registers[o] for o in map(_read, program.outputs))

    _, found = lax.scan(step, registers, entries)
    return [jnp.moveaxis(f, -1, 1).reshape(blocks * block, *f.shape[1:-1])[:points] for f in found]


def _packed(args: Sequence[Any], program: Instructions, which: slice, lead: tuple[int, ...]) -> Any:
    """Returns inputs side by side, one register after another, as the bank's type."""
    chosen = [args[i] for i in program.inputs[which]]
    if not chosen:
        return jnp.zeros((*lead, 0), program.bank.numpy)
    scalars = all(a.ndim == len(lead) for a in chosen)
    cast = [jnp.asarray(a).astype(program.bank.numpy) for a in chosen]
    if scalars and len(cast) > 1:
        return jnp.stack(cast, axis=-1)
    return jnp.concatenate([c.reshape(*lead, -1) for c in cast], axis=-1)


def _registers(program: Instructions, head: Any) -> Any:
    """Returns all registers, the first of them filled; room behind them for the last slab."""
    rest = program.first + len(program.rows) + _slab(program) - head.shape[0]
    return jnp.concatenate([head, jnp.zeros((rest, *head.shape[1:]), head.dtype)])


def _slab(program: Instructions) -> int:
    largest = int(program.batches[:, 1].max()) if len(program.batches) else 1
    return min(_SLAB, 1 << (largest - 1).bit_length())


def one_by_one(program: Instructions, registers: Any) -> Any:
    """Returns the registers after all instructions, one in each step."""
    kinds = [_kind(node, program.bank) for node in program.kinds]
    rows = jnp.asarray(program.rows)
    width = program.rows.shape[1]

    def step(i: Any, registers: Any) -> Any:
        row = lax.dynamic_slice(rows, (i, 0), (1, width))[0]
        operands = [
            lax.dynamic_index_in_dim(registers, row[k], keepdims=False) for k in range(1, width)
        ]
        made = lax.switch(row[0], kinds, *operands)
        start = (program.first + i, *[0] * (registers.ndim - 1))
        return lax.dynamic_update_slice(registers, made[None], start)

    return lax.fori_loop(0, len(program.rows), step, registers)


def slab_by_slab(program: Instructions, registers: Any) -> Any:
    """Returns the registers after all instructions, up to a slab of one batch in each step.

    A step writes past the end of its batch where that is no whole slab: into registers whose own
    instructions come later.
    """
    kinds = [_kind(node, program.bank) for node in program.kinds]
    slab = _slab(program)
    starts = np.concatenate([np.arange(s, s + c, slab) for s, c in program.batches])
    rows = jnp.asarray(np.pad(program.rows, ((0, slab), (0, 0))).T)
    width = program.rows.shape[1]
    places = jnp.asarray(starts.astype(np.int32))

    def step(i: Any, registers: Any) -> Any:
        start = places[i]
        block = lax.dynamic_slice(rows, (np.int32(0), start), (width, slab))
        made = lax.switch(block[0, 0], kinds, *[registers[block[k]] for k in range(1, width)])
        where = (program.first + start, *[np.int32(0)] * (registers.ndim - 1))
        return lax.dynamic_update_slice(registers, made, where)

    return lax.fori_loop(0, len(starts), step, registers)


def _kind(node: Node, bank: DType) -> Callable[..., Any]:
    """Returns what a kind of instruction makes of registers: the record, run on its own types."""
    from graphc.backends.jax import JaxNamespace  # it imports this module

    def run(*registers: Any) -> Any:
        args = [_value(r, a.type.dtype) for r, a in zip(registers, node.args, strict=False)]
        made = JaxNamespace().apply(node, args, node.params)
        return jnp.broadcast_to(made, registers[0].shape).astype(bank.numpy)

    return run


def _value(register: Any, dtype: DType) -> Any:
    return register != 0 if dtype.kind == "b" else register.astype(dtype.numpy)


def _read(places: Any) -> Any:
    """Returns what to index the registers with: a number, a slice or an array."""
    if places.ndim == 0:
        return int(places)
    if places.ndim == 1 and len(places) and (np.diff(places) == 1).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return jnp.asarray(places)


# -- as a primitive of JAX -------------------------------------------------------------------------

machine_p = Primitive("graphc_machine")
machine_p.multiple_results = True
_now = jax.jit(
    lambda *args, **params: machine_p.bind(*args, **params),
    static_argnames=("graph", "mapped", "settled"),
)
machine_p.def_impl(_now)
for _loop, _platform in ((slab_by_slab, None), (one_by_one, "cpu")):
    _rule = mlir.lower_fun(functools.partial(lowered, _loop), multiple_results=True)
    mlir.register_lowering(machine_p, _rule, platform=_platform)


@machine_p.def_abstract_eval
def _(*args: Any, graph: Graph, mapped: tuple[bool, ...], settled: bool) -> list[Any]:
    lead = next((a.shape[:1] for a, moving in zip(args, mapped, strict=True) if moving), ())
    return [ShapedArray((*lead, *o.type.shape), o.type.dtype.numpy) for o in graph.outputs]


def _jvp(
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    graph: Graph,
    mapped: tuple[bool, ...],
    settled: bool,
) -> Any:
    values = _machine(primals, graph, mapped, settled)
    moving = tuple(i for i, t in enumerate(tangents) if not isinstance(t, ad.Zero))
    body, alive = jvp_graph(graph, moving, "jvp", SYSTEMS["jax"])
    slopes = [ad.Zero(jax.typeof(v).to_tangent_aval()) for v in values]
    if alive:
        given = [*primals, *[tangents[i] for i in moving]]
        flags = (*mapped, *[mapped[i] for i in moving])
        for index, slope in zip(alive, _machine(given, body, flags, settled), strict=True):
            slopes[index] = slope
    return values, slopes


def _transpose(
    adjoints: Sequence[Any], *args: Any, graph: Graph, mapped: tuple[bool, ...], settled: bool
) -> list[Any]:
    """Returns the adjoints of the operands in which the machine is linear, at any value of them."""
    wanted = tuple(i for i, a in enumerate(args) if ad.is_undefined_primal(a))
    seeded = tuple(i for i, a in enumerate(adjoints) if not isinstance(a, ad.Zero))
    body = backward_graph(graph, wanted, seeded, SYSTEMS["jax"])
    given = [
        jnp.zeros(a.aval.shape, a.aval.dtype) if ad.is_undefined_primal(a) else a for a in args
    ]
    flags = (*mapped, *[any(mapped)] * len(seeded))
    results = _machine([*given, *[adjoints[i] for i in seeded]], body, flags, settled)
    found: list[Any] = [None] * len(args)
    for index, result in zip(wanted, results, strict=True):
        summed = any(mapped) and not mapped[index]
        found[index] = jnp.sum(result, axis=0) if summed else result
    return found


def _batch(
    args: Sequence[Any],
    axes: Sequence[Any],
    *,
    graph: Graph,
    mapped: tuple[bool, ...],
    settled: bool,
) -> Any:
    """Returns the results of a batch: its entries are points, beside those that there are."""
    pairs = list(zip(args, axes, strict=True))
    size = next(a.shape[axis] for a, axis in pairs if axis is not None)
    front = [a if d is None else jnp.moveaxis(a, d, 0) for a, d in pairs]
    batched = [d is not None for _, d in pairs]
    if not any(mapped):
        return _machine(front, graph, tuple(batched), settled), [0] * len(graph.outputs)
    points = next(
        a.shape[int(b)] for a, b, moving in zip(front, batched, mapped, strict=True) if moving
    )
    flags = tuple(b or moving for b, moving in zip(batched, mapped, strict=True))
    merged: list[Any] = []
    for a, b, moving in zip(front, batched, mapped, strict=True):
        if b or moving:
            inner = a.shape[int(b) + int(moving) :]
            a = a if b else a[None]
            a = a if moving else a[:, None]
            a = jnp.broadcast_to(a, (size, points, *inner)).reshape(size * points, *inner)
        merged.append(a)
    found = _machine(merged, graph, flags, settled)
    return [f.reshape(size, points, *f.shape[1:]) for f in found], [0] * len(found)


ad.primitive_jvps[machine_p] = _jvp
ad.primitive_transposes[machine_p] = _transpose
batching.primitive_batchers[machine_p] = _batch
