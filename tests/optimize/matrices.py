"""Random expressions of square matrices in which structure comes and goes, and values for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import graphc as gx
from graphc.core.graph import leaves
from graphc.core.node import Node

F = "float64"
A = gx.input("A", (4, 4), F)
v = gx.input("v", (4,), F)
s = gx.input("s", (), F)
i = gx.input("i", (4,), "int32")
EYE = gx.eye(4, dtype=F)
L = gx.linalg


def values_for(nodes: Sequence[Node], seed: int) -> dict[str, Any]:
    """Returns random values for what nodes need; places in a row are in and out of range."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    for node in leaves(nodes):
        shape = [5 if not isinstance(size, int) else size for size in node.shape]
        if node.dtype.is_integer:
            found[node.name or ""] = rng.integers(-1, 6, shape).astype(np.int32)
        else:
            found[node.name or ""] = rng.normal(size=shape)
    return found


def _inverse(x: Node) -> Node:
    """Returns the inverse of a matrix that is far from singular, of the same structure."""
    return L.inv(gx.tanh(x) + 9.0 * EYE)


def grown(rng: np.random.Generator, steps: int) -> Node:
    """Returns a random expression of square matrices in which structure comes and goes."""
    pool: list[Node] = [
        A, EYE, gx.diag(v), gx.diag(gx.exp(v)), gx.tril(A), gx.triu(A), A @ A.T, A + A.T,
        L.qr(A).Q, gx.one_hot(i, 4, dtype=F), gx.zeros((4, 4), dtype=F), gx.ones((4, 4), dtype=F),
        L.cholesky(A @ A.T + EYE), L.outer(v, v), gx.constant(np.tril(np.ones((4, 4)))),
    ]  # fmt: skip
    one: list[Callable[[Node], Node]] = [
        lambda x: x.T, lambda x: -x, lambda x: 0.5 * x, lambda x: x * v, lambda x: v[:, None] * x,
        lambda x: x / gx.exp(s), gx.abs, gx.square, gx.relu, gx.tanh, _inverse, gx.tril, gx.triu,
        lambda x: x @ x.T, lambda x: x.T @ x, lambda x: gx.sum(gx.stack([x, x]), 0),
        lambda x: gx.reshape(gx.reshape(x, (1, 4, 4)), (4, 4)), gx.exp, lambda x: x + EYE,
        lambda x: gx.where(EYE > 0, x, 0.0), lambda x: gx.where(gx.tril(A) > 0, x, 0.0),
    ]  # fmt: skip
    two: list[Callable[[Node, Node], Node]] = [
        lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x @ y,
        lambda x, y: gx.matmul(x, y, transpose_y=True), gx.maximum, gx.minimum,
        lambda x, y: gx.matmul(x, y, transpose_x=True), lambda x, y: x @ y @ x.T,
        lambda x, y: gx.where(gx.tril(gx.ones((4, 4))) > 0, x, y), lambda x, y: x / y,
    ]  # fmt: skip
    for _ in range(steps):
        x, y = (pool[int(k)] for k in rng.integers(len(pool), size=2))
        if rng.random() < 0.5:
            pool.append(one[int(rng.integers(len(one)))](x))
        else:
            pool.append(two[int(rng.integers(len(two)))](x, y))
    return gx.stack(pool[15:])
