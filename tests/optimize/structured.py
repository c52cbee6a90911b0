"""Inputs of known structure, and values for them, that the tests of structure share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import graphc as gx
from graphc.core.graph import leaves
from graphc.core.node import Node
from graphc.core.walk import topological_order

F = "float64"
N = 40
A = gx.input("A", (N, N), F)
S = gx.input("S", (N, N), F)
B = gx.input("B", (N, 3), F)
C = gx.input("C", (5, N), F)
W = gx.input("W", (7, N), F)
v = gx.input("v", (N,), F)
i = gx.input("i", (N,), "int32")
T = gx.input("T", (2, N, N), F)
L = gx.linalg
EYE = gx.eye(N, dtype=F)
P = gx.assume(S, "positive_definite")
#: A triangle far from singular.
LOW = gx.tril(A) * 0.1 + 3.0 * EYE
UP = gx.triu(A) * 0.1 + 3.0 * EYE
HOT = gx.one_hot(i, 7, dtype=F)


def values_of(nodes: Sequence[Node]) -> dict[str, Any]:
    """Returns random values for the inputs of nodes."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(N, N))
    every = {
        "A": rng.normal(size=(N, N)), "S": root @ root.T + np.eye(N), "B": rng.normal(size=(N, 3)),
        "C": rng.normal(size=(5, N)), "W": rng.normal(size=(7, N)), "v": rng.normal(size=N) + 3.0,
        "i": rng.integers(-1, 8, N).astype(np.int32), "T": rng.normal(size=(2, N, N)),
    }  # fmt: skip
    return {str(n.name): every[str(n.name)] for n in leaves(nodes)}


def ops_of(nodes: Sequence[Node]) -> set[str]:
    """Returns the names of the ops that nodes need."""
    return {n.op.name for n in topological_order(nodes)}
