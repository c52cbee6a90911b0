"""How complex numbers, transforms and random numbers are put onto values at hand.

A graph that is drawn is real at every end, so each recipe makes a complex number of real ones and
takes it apart again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.core.const import Const
from graphc.core.dtype import int32, uint8
from graphc.core.node import Node, apply_named, make
from graphc.core.op import Op, op_named

_NORMS = ("backward", "ortho", "forward")


def _number(pool: Any) -> Node | None:
    """Returns the complex number of two values of one shape, None of 16-bit floats."""
    x = pool.pick()
    if x.dtype.bits < 32 or not x.type.is_static:
        return None
    return apply_named("complex", x, pool.pick_shaped(x.shape, x.dtype))


def _seen(pool: Any, z: Node) -> Node:
    """Returns a real number that tells of a complex one."""
    name = ("real", "imag", "abs")[int(pool.generator.integers(3))]
    return apply_named(name, z)


def _parts(op: Op, pool: Any) -> Node | None:
    z = _number(pool)
    if z is None:
        return None
    z = (z * z, apply_named("exp", z * 0.25), z)[int(pool.generator.integers(3))]
    if op.name in ("real", "imag"):
        return make(op, (z,))
    return _seen(pool, make(op, (z,)) * z if op.name == "conj" else z)


def _transform(op: Op, pool: Any) -> Node | None:
    x = pool.pick_ranked(1, 3)
    if x is None or x.dtype.bits < 32 or not x.type.is_static or not all(x.shape):
        return None
    axis = int(pool.generator.integers(x.ndim))
    norm = _NORMS[int(pool.generator.integers(3))]
    if op.name == "rdft":
        return _seen(pool, make(op, (x,), {"axis": axis, "norm": norm}))
    z = apply_named("complex", x, pool.pick_shaped(x.shape, x.dtype))
    if op.name == "irdft":
        odd = int(pool.generator.integers(2))
        n = max(1, 2 * (int(x.shape[axis]) - 1) + odd)
        return (
            make(op, (z,), {"axis": axis, "n": n, "norm": norm})
            if n // 2 + 1 == x.shape[axis]
            else None
        )
    inverse = bool(pool.generator.integers(2))
    return _seen(pool, make(op, (z,), {"axes": (axis,), "inverse": inverse, "norm": norm}))


def _draw(op: Op, pool: Any) -> Node | None:
    x = pool.pick()
    if not x.type.is_static:
        return None
    return x * make(op, (_key(pool),), {"shape": x.shape, "dtype": x.dtype})


def _key(pool: Any) -> Node:
    halves = pool.generator.integers(0, 2**32, size=2, dtype=np.uint32)
    return apply_named("constant", value=Const(halves))


#: By op the parameters of a draw of 3 integers.
_WHOLE: dict[str, dict[str, Any]] = {
    "random_bits": {"shape": (3,), "dtype": uint8},
    "random_integers": {"shape": (3,), "low": -2, "high": 5, "dtype": int32},
    "random_permutation": {"size": 3},
}


def _whole(op: Op, pool: Any) -> Node | None:
    """Returns a value times integers that were drawn; of keys the numbers that they give."""
    x = pool.pick()
    if x.shape not in ((), (3,)):
        return None
    key = _key(pool)
    if op.name in _WHOLE:
        drawn = make(op, (key,), _WHOLE[op.name])
    else:
        data = apply_named("constant", value=Const(np.asarray(7, np.uint32)))
        new = (
            make(op, (key,), {"shape": ()}) if op.name == "random_split" else make(op, (key, data))
        )
        drawn = make(op_named("random_permutation"), (new,), {"size": 3})
    total = apply_named("cast", drawn, dtype=x.dtype)
    return x * apply_named("sum", total, axis=(0,), keepdims=False)


RECIPES: dict[str, Callable[[Op, Any], Node | None]] = {
    **dict.fromkeys(("complex", "real", "imag", "conj"), _parts),
    **dict.fromkeys(("dft", "rdft", "irdft"), _transform),
    **dict.fromkeys(("random_uniform", "random_normal"), _draw),
    **dict.fromkeys((*_WHOLE, "random_split", "random_fold_in"), _whole),
}
