"""Branches and loops as Python runs them; mpmath's arrays of objects go the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.backends.run import check_bound, check_steps, resolve, run_graph
from graphc.core.graph import Graph


def _one_or_tuple(results: Sequence[Any]) -> Any:
    return results[0] if len(results) == 1 else tuple(results)


def switch(xp: Any, index: Any, args: Sequence[Any], branches: Sequence[Graph]) -> Any:
    """Returns what the chosen branch makes of the operands; an index out of range is clamped."""
    chosen = min(max(int(index), 0), len(branches) - 1)
    return _one_or_tuple(run_graph(branches[chosen], args, xp))


def scan(
    xp: Any,
    args: Sequence[Any],
    graph: Graph,
    carries: int,
    scanned: int,
    length: int,
    reverse: bool,
) -> Any:
    """Returns the last carries, and the other results of every step, stacked."""
    check_steps(graph, length)
    carry, xs = list(args[:carries]), args[carries : carries + scanned]
    fixed = args[carries + scanned :]
    rows: list[Sequence[Any]] = [()] * length
    for i in reversed(range(length)) if reverse else range(length):
        results = run_graph(graph, [*carry, *[np.asarray(x[i]) for x in xs], *fixed], xp)
        carry, rows[i] = results[:carries], results[carries:]
    stacked = [
        np.stack([row[k] for row in rows]) if rows else _empty(xp, output)
        for k, output in enumerate(graph.outputs[carries:])
    ]
    return _one_or_tuple([*carry, *stacked])


def _empty(xp: Any, output: Any) -> Any:
    return np.zeros((0, *resolve(output.type.shape, xp.sizes)), output.type.dtype.numpy)


def while_loop(
    xp: Any, args: Sequence[Any], test: Graph, graph: Graph, carries: int, bound: int | None
) -> Any:
    """Returns what is carried when the test first fails."""
    carry, fixed = list(args[:carries]), args[carries:]
    steps = 0
    while bool(run_graph(test, [*carry, *fixed], xp)[0]):
        check_bound(graph, bound, steps)
        carry = run_graph(graph, [*carry, *fixed], xp)
        steps += 1
    return _one_or_tuple(carry)


def recompute(xp: Any, graph: Graph, args: Sequence[Any], held: int) -> Any:
    """Returns what a block makes of the operands: NumPy computes in the order it is told."""
    return _one_or_tuple(run_graph(graph, args, xp))


def implicit(xp: Any, graph: Graph, solution: Any, others: Sequence[Any]) -> Any:
    """Returns the solution, as it was found."""
    return solution
