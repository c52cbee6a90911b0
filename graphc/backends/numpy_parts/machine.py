"""A levelled graph of scalars as NumPy runs it: one operation after the other, for all entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.backends.run import run_graph
from graphc.core.graph import Graph
from graphc.core.walk import topological_order


def levelled(xp: Any, graph: Graph, args: Sequence[Any], mapped: Sequence[bool]) -> Any:
    """Returns the block's results; for each entry of the mapped operands, where there are some."""
    if not any(mapped):
        return xp.call(graph, args)
    whole = [a for a, moving in zip(args, mapped, strict=True) if moving]
    if any(n.type.shape for n in topological_order(graph.outputs)):
        return xp.map(graph, args, mapped, 0)
    # Elementwise operations on scalars are the same on whole arrays.
    shape = whole[0].shape
    results = [np.broadcast_to(r, shape) for r in run_graph(graph, args, xp)]
    return results[0] if len(results) == 1 else tuple(results)
