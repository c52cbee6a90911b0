"""What the tests of tensor algebra share: graphs of named sizes, rewritten for large ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import graphc as gx
from graphc.compare.bounds import rounding_bounds
from graphc.core.graph import leaves
from graphc.core.node import Node
from graphc.core.walk import topological_order

#: What the named sizes are where costs are predicted, and where numbers are compared.
LARGE = {"n": 1000, "m": 800, "k": 8}
SMALL = {"n": 7, "m": 5, "k": 3}


def matrix(name: str, rows: Any = "n", columns: Any = "n") -> Node:
    return gx.input(name, (rows, columns), gx.float64)


def vector(name: str, size: Any = "n") -> Node:
    return gx.input(name, (size,), gx.float64)


def values(nodes: Any, seed: int = 0, sizes: Mapping[str, int] = SMALL) -> dict[Node, Any]:
    rng = np.random.default_rng(seed)
    shapes = {
        x: tuple(s if isinstance(s, int) else s.value(sizes) for s in x.shape)
        for x in leaves(nodes)
    }
    return {x: np.asarray(rng.normal(size=shape)) for x, shape in shapes.items()}


def rewritten(
    node: Node, *names: str, sizes: Mapping[str, int] = LARGE, small: Mapping[str, int] = SMALL
) -> Node:
    """Returns a node rewritten for large sizes, and holds it against 50 digits at small ones.

    It may be off by no more than the error bound of the graph as it was written.
    """
    made = gx.optimize(node, rewrites=list(names) or True, sizes=sizes)
    assert made.type == node.type
    given = values([node], sizes=small)
    exact = gx.evaluate_mpmath(node, given)
    (bound,) = rounding_bounds([node], given, small)
    found = gx.evaluate(made, {x: given[x] for x in leaves([made])})
    error = np.abs(np.asarray(exact - found, dtype=np.float64))
    assert error.shape == np.shape(found)
    assert np.all(error <= bound), (error / bound).max()
    return made


def products(node: Node) -> list[Node]:
    return [n for n in topological_order([node]) if n.op.name in ("matmul", "einsum")]


def largest(node: Node) -> int:
    """Returns the most axes that the result of a product has."""
    return max([n.ndim for n in products(node)], default=0)
