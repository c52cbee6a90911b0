"""How an op of the registry is put onto values at hand, read from its record.

Elementwise ops and reductions need no entry here: their operands and parameters follow from the
record's `run`, and whether a value lies in the op's domain is seen by computing it. An op of
another group needs a recipe where its parameters depend on the operands' shapes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from graphc.core.const import Const
from graphc.core.dtype import DType, dtype_of, float32, float64
from graphc.core.graph import Graph
from graphc.core.node import Node, apply, apply_named, make
from graphc.core.op import Op
from graphc.fuzz import (
    recipes_complex,
    recipes_flow,
    recipes_linalg,
    recipes_source,
    recipes_tensor,
    recipes_windows,
)
from graphc.fuzz.records import draw_params, operands_of, sightings
from graphc.ops.control import results_of
from graphc.ops.formulas import with_gradient


class Pool(Protocol):
    """What a recipe may ask for."""

    generator: np.random.Generator

    def pick(self) -> Node:
        """Returns a float value at hand."""
        ...

    def pick_dead(self) -> Node | None:
        """Returns a value that is infinite or no number, for a branch that is not taken."""
        ...

    def pick_beside(self, first: Node) -> Node:
        """Returns a float value that broadcasts with `first`: another, the same, or a number."""
        ...

    def pick_test(self, like: Node | None) -> Node:
        """Returns a boolean value that broadcasts with `like`."""
        ...

    def pick_shaped(self, shape: tuple[Any, ...], dtype: DType) -> Node:
        """Returns a float value of exactly this type, made where there is none."""
        ...

    def pick_ranked(self, least: int, most: int) -> Node | None:
        """Returns a float value of so many axes, None where there is none."""
        ...

    def pick_named(self) -> Node | None:
        """Returns a float value of which an axis has a named size, made where there is none."""
        ...

    def size_of(self, size: Any) -> int:
        """Returns the number of a size, named or not."""
        ...

    def make_block(self, args: list[Node], results: int) -> Graph:
        """Returns a random block that takes values of these types."""
        ...


def _elementwise(op: Op, pool: Pool) -> Node:
    names, _, several = operands_of(op)
    seen = sightings().get(op.name, ())
    if seen:
        names = tuple(n for n in names if n not in seen[0])
    if several:
        names = ("x",) * (2 if op.name != "logical_not" else 1)
    booleans = op.domain == "booleans"
    args: list[Node] = []
    for position, name in enumerate(names):
        first = args[0] if args else None
        if booleans or (name == "condition" and position == 0):
            args.append(pool.pick_test(first))
        elif names[0] == "condition":
            dead = pool.pick_dead() if pool.generator.random() < 0.3 else None
            args.append(pool.pick() if dead is None else dead)
        elif first is None:
            args.append(pool.pick())
        else:
            args.append(pool.pick_beside(args[-1]))
    return apply(op, args, draw_params(op, pool.generator))


def _reduction(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None:
        return None
    params: dict[str, Any] = {"axis": _axes(x.ndim, pool), **draw_params(op, pool.generator)}
    return apply(op, [x], params)


def _axes(ndim: int, pool: Pool) -> tuple[int, ...]:
    kept = [a for a in range(ndim) if pool.generator.random() < 0.6]
    return tuple(kept) if kept else (int(pool.generator.integers(ndim)),)


# -- ops whose parameters depend on shapes -------------------------------------------------------


def _reshape(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None:
        return None
    if not x.type.is_static:
        return make(op, (x,), {"shape": (x.size,)})
    sizes = [pool.size_of(s) for s in x.shape]
    way = int(pool.generator.integers(4))
    if way == 0:
        shape: tuple[int, ...] = (int(np.prod(sizes)),)
    elif way == 1:
        shape = tuple(reversed(sizes))
    elif way == 2:
        shape = (*sizes, 1) if len(sizes) < 3 else (sizes[0] * sizes[1], sizes[2])
    else:
        shape = (1, *sizes) if len(sizes) < 3 else (sizes[0], sizes[1] * sizes[2])
    return make(op, (x,), {"shape": shape})


def _transpose(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(2, 3)
    if x is None:
        return None
    axes = tuple(int(a) for a in pool.generator.permutation(x.ndim))
    return make(op, (x,), {"axes": axes})


def _broadcast(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(0, 2)
    if x is None:
        return None
    grown = [2 if isinstance(s, int) and s == 1 else s for s in x.shape]
    lead = (int(pool.generator.integers(1, 4)),) if pool.generator.random() < 0.7 else ()
    return make(op, (x,), {"shape": (*lead, *grown)})


def _concat(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None:
        return None
    axis = int(pool.generator.integers(x.ndim))
    parts = [x, pool.pick_shaped(x.shape, x.dtype)]
    return make(op, tuple(parts if pool.generator.random() < 0.7 else [*parts, x]), {"axis": axis})


def _stack(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(0, 2)
    if x is None:
        return None
    axis = int(pool.generator.integers(x.ndim + 1))
    parts = [x, pool.pick_shaped(x.shape, x.dtype)]
    return make(op, tuple(parts if pool.generator.random() < 0.7 else [*parts, x]), {"axis": axis})


def _bounds(sizes: list[int], pool: Pool) -> tuple[Any, ...]:
    found: list[Any] = []
    for size in sizes:
        way = int(pool.generator.integers(4))
        start = int(pool.generator.integers(size))
        if way == 0:
            found.append(None)
        elif way == 1:
            found.append((start, size, int(pool.generator.integers(1, 3))))
        elif way == 2:
            found.append((start, int(pool.generator.integers(start + 1, size + 1)), 1))
        else:
            found.append((start, None, -int(pool.generator.integers(1, 3))))
    return tuple(found)


def _slice(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None or not x.type.is_static:
        return None
    return make(op, (x,), {"bounds": _bounds([pool.size_of(s) for s in x.shape], pool)})


def _slice_transpose(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(1, 2)
    if x is None or not x.type.is_static:
        return None
    bounds: list[Any] = []
    shape: list[int] = []
    for size in (pool.size_of(s) for s in x.shape):
        step = int(pool.generator.integers(1, 3))
        first = int(pool.generator.integers(0, 2))
        span = (size - 1) * step
        if pool.generator.random() < 0.3:
            bounds.append((first + span, first - 1 if first else None, -step))
        else:
            bounds.append((first, first + span + 1, step))
        shape.append(first + span + 1 + int(pool.generator.integers(0, 2)))
    return make(op, (x,), {"bounds": tuple(bounds), "shape": tuple(shape)})


def _indices(pool: Pool, count: int, size: int) -> Node:
    drawn = pool.generator.integers(-size, size, size=count).astype(np.int32)
    return apply_named("constant", value=Const(drawn))


def _gather(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None:
        return None
    axis = int(pool.generator.integers(x.ndim))
    size = pool.size_of(x.shape[axis])
    if pool.generator.random() < 0.3:  # an index computed from a value
        at = apply_named("floor", pool.pick_beside(x))
        at = apply_named("cast", apply_named("clip", at, 0.0, size - 1.0), dtype=dtype_of("int32"))
        if at.ndim > 1:
            return None
        return make(op, (x, at), {"axis": axis})
    count = int(pool.generator.integers(1, 4))
    return make(op, (x, _indices(pool, count, size)), {"axis": axis})


def _scatter_add(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None or not x.type.is_static:
        return None
    axis = int(pool.generator.integers(x.ndim))
    size = int(pool.generator.integers(1, 4))
    return make(
        op, (x, _indices(pool, pool.size_of(x.shape[axis]), size)), {"axis": axis, "size": size}
    )


def _matmul(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None:
        return None
    flags = draw_params(op, pool.generator)
    if x.ndim == 1:
        flags["transpose_x"] = False
    inner = x.shape[-2] if flags["transpose_x"] else x.shape[-1]
    if pool.generator.random() < 0.25:
        flags["transpose_y"] = False
        return apply(op, [x, pool.pick_shaped((inner,), x.dtype)], flags)
    outer = int(pool.generator.integers(1, 4))
    shape = (outer, inner) if flags["transpose_y"] else (inner, outer)
    if pool.generator.random() < 0.2:
        shape = (x.shape[0] if x.ndim == 3 else 2, *shape)
    return apply(op, [x, pool.pick_shaped(shape, x.dtype)], flags)


#: Subscripts by the number of axes of the first operand; the second one's sizes follow.
_SUBSCRIPTS = {
    0: (",i->i", ",->"),
    1: ("i->", "i,i->i", "i,j->ij", "i,i->", "i,ij->j"),
    2: ("ij->ji", "ij->j", "ij,jk->ik", "ij,kj->ki", "ij,ij->i", "ij,j->i", "ij,ij,j->i"),
    3: ("ijk->kij", "ijk,k->ij", "ijk,ij->k"),
}


def _einsum(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(0, 3)
    if x is None:
        return None
    square = x.ndim == 2 and x.shape[0] == x.shape[1]
    choices = (*_SUBSCRIPTS[x.ndim], *(("ii->i", "ii->", "ii,i->i") if square else ()))
    text = choices[int(pool.generator.integers(len(choices)))]
    terms = text.split("->")[0].split(",")
    sizes: dict[str, Any] = dict(zip(terms[0], x.shape, strict=True))
    operands = [x]
    for term in terms[1:]:
        for letter in term:
            sizes.setdefault(letter, int(pool.generator.integers(1, 4)))
        operands.append(pool.pick_shaped(tuple(sizes[a] for a in term), x.dtype))
    return apply(op, operands, {"subscripts": text})


def _cast(op: Op, pool: Pool) -> Node | None:
    way = pool.generator.random()
    if way < 0.3:
        return make(op, (pool.pick_test(None),), {"dtype": pool.pick().dtype})
    x = pool.pick()
    other = float32 if x.dtype is float64 else float64
    there = make(op, (x,), {"dtype": other})
    return there if way < 0.5 else make(op, (there,), {"dtype": x.dtype})


def _call(op: Op, pool: Pool) -> Node | None:
    args = [pool.pick()]
    if pool.generator.random() < 0.6:
        args.append(pool.pick())
    results = 2 if pool.generator.random() < 0.3 else 1
    graph = pool.make_block(args, results)
    rest = [pool.pick_shaped(f.shape, f.dtype) for f in graph.inputs[len(args) :]]
    made = results_of(make(op, (*args, *rest), {"graph": graph}))
    total = functools.reduce(lambda a, b: a * b, made)
    if pool.generator.random() < 0.5:  # the block once more, on other values
        again = [pool.pick_shaped(a.shape, a.dtype) for a in args]
        total = total + results_of(make(op, (*again, *rest), {"graph": graph}))[0]
    return total


def _map(op: Op, pool: Pool) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None:
        return None
    args, mapped = [x], [True]
    if pool.generator.random() < 0.5:
        args.append(pool.pick_shaped(x.shape, x.dtype))
        mapped.append(True)
    if pool.generator.random() < 0.4:
        args.append(pool.pick())
        mapped.append(False)
    rows = [_row(a) if m else a for a, m in zip(args, mapped, strict=True)]
    graph = pool.make_block(rows, 1)
    params = {"graph": graph, "mapped": tuple(mapped), "chunk": int(pool.generator.integers(3))}
    return make(op, tuple(args), params)


def _row(x: Node) -> Node:
    """Returns the first entry along the leading axis."""
    bounds = ((0, 1, 1), *[None] * (x.ndim - 1))
    return apply_named("reshape", apply_named("slice", x, bounds=bounds), shape=x.shape[1:])


def _with_gradient(op: Op, pool: Pool) -> Node | None:
    x = pool.pick()
    sine, cosine = apply_named("sin", x), apply_named("cos", x)
    return with_gradient(sine * x, {x: cosine * x + sine})


#: Recipes of ops that are neither elementwise by record nor reductions, by name.
RECIPES: dict[str, Callable[[Op, Pool], Node | None]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast_to": _broadcast,
    "concat": _concat,
    "stack": _stack,
    "slice": _slice,
    "slice_transpose": _slice_transpose,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "matmul": _matmul,
    "einsum": _einsum,
    "cast": _cast,
    "call": _call,
    "map": _map,
    "with_gradient": _with_gradient,
    "stop_gradient": lambda op, pool: make(op, (pool.pick(),)),
    "assume": lambda op, pool: make(
        op, (apply_named("square", pool.pick()),), {"facts": ("non_negative",)}
    ),
    **recipes_complex.RECIPES,
    **recipes_flow.RECIPES,
    **recipes_linalg.RECIPES,
    **recipes_source.RECIPES,
    **recipes_tensor.RECIPES,
    **recipes_windows.RECIPES,
}

#: Recipes by group, for every op that has none of its own.
BY_GROUP: dict[str, Callable[[Op, Pool], Node | None]] = {
    "elementwise": _elementwise,
    "reduction": _reduction,
    "source": recipes_source.source,
}


def recipe_of(op: Op) -> Callable[[Op, Pool], Node | None] | None:
    """Returns how an op is put onto values at hand; None where nobody has said."""
    return RECIPES.get(op.name) or BY_GROUP.get(op.group)
