"""How linear algebra is put onto values at hand, so that signs and bases do not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.core.const import Const
from graphc.core.dtype import DType, float32
from graphc.core.graph import Graph, close_over
from graphc.core.node import Node, apply, apply_named, make
from graphc.core.op import Op
from graphc.core.type import TensorType
from graphc.ops.control import results_of


def _matrix(pool: Any, rows: int, columns: int, spread: bool) -> Node:
    """Returns a matrix made of a value at hand; `spread`: with a heavy diagonal of unlike steps."""
    dtype = pool.pick().dtype
    lead = (2,) if pool.generator.random() < 0.2 else ()
    x = pool.pick_shaped((*lead, rows, columns), dtype)
    if not spread:
        return x
    heavy = np.zeros((rows, columns))
    for place in range(min(rows, columns)):
        heavy[place, place] = (3.0, 7.0, 13.0)[place] * (-1) ** int(pool.generator.integers(2))
    made = apply_named("constant", value=Const(heavy.astype(dtype.numpy)))
    return apply_named("add", apply_named("tanh", x), made)


def _square(pool: Any, spread: bool | None = None) -> Node:
    n = int(pool.generator.integers(1, 4))
    return _matrix(pool, n, n, pool.generator.random() < 0.8 if spread is None else spread)


def _one(op: Op, pool: Any) -> Node:
    return make(op, (_square(pool),))


def _det(op: Op, pool: Any) -> Node:
    return make(op, (_square(pool, pool.generator.random() < 0.5),))


def _system(op: Op, pool: Any) -> Node:
    a = _square(pool)
    b = pool.pick_shaped((a.shape[-1], int(pool.generator.integers(1, 3))), a.dtype)
    flags = ["transpose"]
    if op.name == "triangular_solve":
        flags += ["lower", "unit_diagonal"]
    params = {name: bool(pool.generator.random() < 0.5) for name in flags}
    return apply(op, [a, b], params)


def _cholesky(op: Op, pool: Any) -> Node:
    x = _square(pool, True)
    return make(op, (apply_named("matmul", x, x, transpose_y=True),))


def _factored(op: Op, pool: Any) -> Node:
    x = _square(pool, True)
    matrix = apply_named("matmul", x, x, transpose_y=True)
    operands = [apply_named("cholesky", matrix), matrix]
    if op.name == "factor_solve":
        operands.append(
            pool.pick_shaped((x.shape[-1], int(pool.generator.integers(1, 3))), x.dtype)
        )
    return apply(op, operands, {"sure": bool(pool.generator.random() < 0.5)})


def _qr(op: Op, pool: Any) -> Node:
    n = int(pool.generator.integers(1, 3))
    q, r = results_of(make(op, (_matrix(pool, n + int(pool.generator.integers(2)), n, True),)))
    return apply_named("square", q if pool.generator.random() < 0.5 else r)


def _eigh(op: Op, pool: Any) -> Node:
    values, vectors = results_of(make(op, (_square(pool, True),)))
    return values if pool.generator.random() < 0.5 else apply_named("square", vectors)


def _svd(op: Op, pool: Any) -> Node:
    sizes = [int(s) for s in pool.generator.integers(1, 4, 2)]
    u, s, vh = results_of(make(op, (_matrix(pool, sizes[0], sizes[1], True),)))
    way = int(pool.generator.integers(3))
    return s if way == 0 else apply_named("square", u if way == 1 else vh)


def _svdvals(op: Op, pool: Any) -> Node:
    sizes = [int(s) for s in pool.generator.integers(1, 4, 2)]
    return make(op, (_matrix(pool, sizes[0], sizes[1], True),))


def _slogdet(op: Op, pool: Any) -> Node:
    return results_of(make(op, (_square(pool, True),)))[1]


def _cofactors(op: Op, pool: Any) -> Node:
    x = _square(pool, pool.generator.random() < 0.5)
    count = int(pool.generator.integers(2))
    return make(op, (x, *[pool.pick_shaped(x.shape, x.dtype) for _ in range(count)]))


def _pinv(op: Op, pool: Any) -> Node:
    sizes = [int(s) for s in pool.generator.integers(1, 4, 2)]
    return make(op, (_matrix(pool, sizes[0], sizes[1], True),), {"cutoff": 1e-6})


def _spectral(op: Op, pool: Any) -> Node:
    x = _square(pool)
    wide = float32 if x.dtype.bits == 16 else x.dtype
    graph = pool.make_block([apply_named("cast", 0.5, dtype=wide)], 1)
    if len(graph.inputs) != 1 or graph.inputs[0].shape or graph.outputs[0].type.shape:
        return make(op, (x,), {"graph": _sine(wide), "absolute": False})
    return make(op, (x,), {"graph": graph, "absolute": False})


def _sine(dtype: DType) -> Graph:
    at = apply_named("input", name="w", type=TensorType((), dtype))
    return close_over([apply_named("sin", at)], [at], "sin")[0]


#: Recipes by op.
RECIPES: dict[str, Callable[[Op, Any], Node | None]] = {
    "solve": _system,
    "triangular_solve": _system,
    "inv": _one,
    "cholesky": _cholesky,
    "qr": _qr,
    "eigh": _eigh,
    "svd": _svd,
    "svdvals": _svdvals,
    "det": _det,
    "factor_inverse": _factored,
    "factor_logdet": _factored,
    "factor_solve": _factored,
    "slogdet": _slogdet,
    "cofactors": _cofactors,
    "expm": _one,
    "pinv": _pinv,
    "spectral": _spectral,
}
