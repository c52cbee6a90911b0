"""Rules meet each other in random graphs: exact simplification keeps every bit there too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.walk import topological_order
from graphc.simplify.passes import simplify

UNARY = "neg abs square reciprocal exp sin cos tanh relu sigmoid floor round sign".split()
BINARY = "add sub mul div maximum minimum hypot".split()
NUMBERS = (0.0, -0.0, 1.0, -1.0, 2.0, -0.5, np.inf, -np.inf, 1e-40)
SPECIALS = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -3.0, np.inf, -np.inf, np.nan, 1e-42, 3e38, 7.3])


def rearranged(x: gx.Node, choice: int) -> gx.Node:
    if choice == 0:
        return x.T.T
    if choice == 1:
        return gx.reshape(gx.reshape(x, (-1,)), x.shape)
    if choice == 2:
        return gx.integer_pow(gx.integer_pow(x, exponent=1), exponent=2)
    if choice == 3:
        return gx.cast(gx.cast(x, "float64"), x.dtype)
    if choice == 4:
        return gx.max(x, axis=(), keepdims=False)
    return gx.concat([x, x], axis=1)[:, SPECIALS.size :]


def random_graph(seed: int, dtype: str) -> gx.Node:
    rng = np.random.default_rng(seed)
    shape = (SPECIALS.size, SPECIALS.size)
    x, y = gx.input("x", shape, dtype), gx.input("y", shape, dtype)
    row = gx.input("row", (SPECIALS.size,), dtype)
    pool: list[gx.Node] = [x, y, row]
    tests: list[gx.Node] = [x > y, x == y]

    def pick() -> gx.Node:
        # Mostly the latest values, so that rules see what other rules made.
        return pool[max(0, len(pool) - 1 - int(rng.exponential(4)))]

    for _ in range(25):
        kind = rng.integers(10)
        if kind < 3:
            made = getattr(gx, str(rng.choice(UNARY)))(pick())
        elif kind < 6:
            made = getattr(gx, str(rng.choice(BINARY)))(pick(), pick())
        elif kind < 8:
            pair = [pick(), gx.constant(float(rng.choice(NUMBERS)), dtype)]
            made = getattr(gx, str(rng.choice(BINARY)))(*pair[:: int(rng.choice([1, -1]))])
        elif kind == 8:
            test = tests[int(rng.integers(len(tests)))]
            tests += [~test, test & tests[0], pick() < pick()]
            made = gx.where(test, pick(), pick())
        else:
            made = rearranged(gx.broadcast_to(pick(), shape), int(rng.integers(6)))
        pool.append(made)
    return gx.broadcast_to(pool[-1], shape)


def values() -> dict[str, Any]:
    a, b = np.meshgrid(SPECIALS, SPECIALS, indexing="ij")
    return {
        "x": np.ascontiguousarray(a),
        "y": np.ascontiguousarray(b),
        "row": SPECIALS[::-1].copy(),
    }


def evaluated(node: gx.Node) -> np.ndarray:
    names = {n.params["name"] for n in topological_order([node]) if n.op.name == "input"}
    found = gx.evaluate(node, {k: v for k, v in values().items() if k in names})
    return np.where(np.isnan(found), np.nan, found)  # one NaN for all


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("block", range(10))
def test_exact_simplification_of_random_graphs_keeps_every_bit(dtype: str, block: int) -> None:
    for seed in range(block * 15, block * 15 + 15):
        node = random_graph(seed, dtype)
        after = simplify(node)
        assert after.type == node.type
        assert evaluated(node).tobytes() == evaluated(after).tobytes(), (seed, node, after)
        assert simplify(after) is after, seed
        assert len(topological_order([after])) <= len(topological_order([node])) + 3, seed
