"""Numbers that random graphs are evaluated at: plain ones, ties, and the edges of the floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.core.dtype import DType

#: How the elements of one input are drawn, and how often.
MODES: dict[str, float] = {"plain": 0.56, "eighths": 0.17, "integers": 0.17, "equal": 0.1}

#: Places at which functions saturate, turn or end.
TURNS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-8, -1e-30, 19.0, 37.0, -40.0, 88.0, -700.0, 1e8, -1e30)

#: Numbers that stand in graphs as constants.
NUMBERS = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -0.75, 3.0, 1.25, 0.1, 7.0, 1e-8, 1e8)


def draw_array(
    generator: np.random.Generator, shape: tuple[int, ...], dtype: DType, extreme: bool
) -> np.ndarray[Any, Any]:
    """Returns the value of an input.

    Args:
        generator: where chance comes from.
        shape: of the array.
        dtype: a float dtype.
        extreme: whether some elements stand at the edges of the dtype's range.
    """
    mode = str(generator.choice(list(MODES), p=list(MODES.values())))
    if mode == "plain":
        drawn = generator.normal(size=shape) * 1.5
    elif mode == "eighths":
        drawn = generator.integers(-24, 25, size=shape) / 8
    elif mode == "integers":
        drawn = generator.integers(-3, 4, size=shape).astype(np.float64)
    else:
        drawn = np.full(shape, round(float(generator.normal()), 2))
    drawn = np.asarray(drawn, dtype=np.float64)
    if extreme:
        edge = generator.choice(edges(dtype), size=shape)
        drawn = np.where(generator.random(size=shape) < 0.6, edge, drawn)
    with np.errstate(all="ignore"):
        made = np.asarray(drawn).astype(dtype.numpy)
    return np.where(np.isfinite(made.astype(np.float64)), made, made.dtype.type(1.0))


def edges(dtype: DType) -> np.ndarray[Any, Any]:
    """Returns numbers at which something changes: turns, and the ends of the dtype's range."""
    plain = np.dtype(np.float32) if dtype.bits == 16 else dtype.numpy
    info = np.finfo(plain)
    tiny, most, eps = float(info.tiny), float(info.max), dtype.epsilon
    ends = (tiny, -tiny, tiny / 2, most, -most / 2, most**0.5, tiny**0.5, 1 + eps, 1 - eps / 2)
    if dtype.name == "float16":
        ends = (6.1e-5, 3e-5, 65504.0, 200.0, 1 + eps, 1 - eps / 2)
    return np.array([*TURNS, *ends])
