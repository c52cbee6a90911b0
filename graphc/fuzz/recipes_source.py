"""Recipes of values without operands, and of notes beside a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.node import Node, make
from graphc.core.op import Op
from graphc.ops.source import EXACT_NUMBERS


def source(op: Op, pool: Any) -> Node | None:
    """Returns a value that no operand goes into, of the type of one at hand."""
    x = pool.pick()
    if op.name == "number":
        names = sorted(EXACT_NUMBERS)
        name = names[int(pool.generator.integers(len(names)))]
        return make(op, (), {"name": name, "dtype": x.dtype})
    if op.name == "iota":
        if not x.ndim:
            return None
        return make(op, (), {"size": x.shape[-1], "dtype": x.dtype})
    if op.name == "dim_size":
        wide = pool.pick_named()
        if wide is None:
            return None
        named = next(s for s in wide.shape if not isinstance(s, int))
        return wide * make(op, (), {"size": named, "dtype": wide.dtype})
    return None  # inputs, parameters and constants come with the graph, formals with its blocks


def _assign(op: Op, pool: Any) -> Node | None:
    state = pool.pick()
    return make(op, (pool.pick(), state, pool.pick_shaped(state.shape, state.dtype)))


RECIPES: dict[str, Callable[[Op, Any], Node | None]] = {"assign": _assign}
