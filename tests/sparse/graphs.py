"""Graphs of many kinds for the tests of sparse derivatives: one input of 12 numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import graphc as gx

SIZE = 12
_rng = np.random.default_rng(7)
_FEW = np.where(_rng.random((SIZE, SIZE)) < 0.2, _rng.normal(size=(SIZE, SIZE)), 0.0)
_KERNEL = np.array([0.5, 0.0, -1.5]).reshape(3, 1, 1)
_PLACES = np.array([3, 3, 1, 0, 7, 11, 2, 2, 5, 9, 10, 4])

#: Steps from 12 numbers to 12 numbers.
STEPS: dict[str, Callable[[Any], Any]] = {
    "shift": lambda x: gx.concat([x[1:], gx.zeros((1,), gx.float64)]),
    "roll": lambda x: gx.roll(x, 2),
    "flip": lambda x: x[::-1],
    "square": lambda x: x * x + 0.5,
    "sin": lambda x: gx.sin(x),
    "linear": lambda x: 3 * x - 1,
    "tridiagonal": lambda x: (3 - 2 * x) * x - gx.roll(x, 1) - 2 * gx.roll(x, -1),
    "second difference": lambda x: gx.pad(x[2:] - 2 * x[1:-1] + x[:-2] ** 2, ((1, 1),)),
    "product of neighbours": lambda x: x * gx.roll(x, 1),
    "gather": lambda x: x[_PLACES] * 2,
    "two gathers": lambda x: x[_PLACES] * x[_PLACES[::-1]],
    "scatter": lambda x: gx.scatter_add(x, _PLACES, SIZE),
    "set": lambda x: x.at[np.array([0, 5])].set(x[3:5] * 2),
    "grid": lambda x: _grid(x),
    "transpose": lambda x: gx.reshape(gx.transpose(gx.reshape(x, (3, 4))), (SIZE,)),
    "few products": lambda x: gx.matmul(gx.constant(_FEW), x),
    "few from the right": lambda x: gx.matmul(x, gx.constant(_FEW)),
    "block rows": lambda x: gx.reshape(
        gx.einsum("ij,jk->ik", gx.reshape(x, (3, 4)), gx.constant(_FEW[:4, :4])), (SIZE,)
    ),
    "row means": lambda x: gx.reshape(
        gx.reshape(x, (3, 4)) - gx.mean(gx.reshape(x, (3, 4)), axis=1, keepdims=True), (SIZE,)
    ),
    "softmax in rows": lambda x: gx.reshape(gx.softmax(gx.reshape(x, (4, 3)), axis=1), (SIZE,)),
    "running sum": lambda x: gx.reshape(gx.cumulative_sum(gx.reshape(x, (4, 3)), axis=1), (SIZE,)),
    "times the first": lambda x: x * x[0],
    "total in front": lambda x: gx.concat([gx.reshape(gx.sum(x * x), (1,)), x[1:]]),
    "convolution": lambda x: gx.reshape(
        gx.conv(gx.reshape(x, (1, SIZE, 1)), gx.constant(_KERNEL), padding="same"), (SIZE,)
    ),
    "pool": lambda x: gx.reshape(
        gx.avg_pool(gx.reshape(x, (1, SIZE, 1)), 3, 1, padding="same"), (SIZE,)
    ),
    "largest of three": lambda x: gx.reshape(
        gx.max_pool(gx.reshape(x, (1, SIZE, 1)), 3, 1, padding="same"), (SIZE,)
    ),
    "choice": lambda x: gx.where(x > 0, x * x, gx.roll(x, 1)),
    "held": lambda x: gx.stop_gradient(x) * gx.roll(x, 3),
    "sorted": lambda x: gx.reshape(gx.sort(gx.reshape(x, (3, 4)), axis=1), (SIZE,)),
    "block": lambda x: gx.checkpoint(lambda v: v * gx.roll(v, 1))(x),
    "mapped": lambda x: gx.reshape(
        gx.map(lambda row: row * gx.sum(row), gx.reshape(x, (4, 3))), (SIZE,)
    ),
    "running in a scan": lambda x: gx.scan(lambda c, v: (c * 0.5 + v, c * v), x[0], x)[1],
    "inverse": lambda x: gx.concat([_inverse(x[:4]), x[4:]]),
    "at a moving place": lambda x: x * gx.take(x, gx.cast(gx.abs(x), "int32") % SIZE),
}


def _inverse(x: Any) -> Any:
    shifted = gx.reshape(x, (2, 2)) + 3 * gx.eye(2, dtype=gx.float64)
    return gx.reshape(gx.linalg.inv(shifted), (4,))


def _grid(x: Any) -> Any:
    """Returns the five-point stencil on 3 x 4."""
    square = gx.reshape(x, (3, 4))
    wide = gx.pad(square, ((1, 1), (1, 1)))
    around = wide[2:, 1:-1] + wide[:-2, 1:-1] + wide[1:-1, 2:] + wide[1:-1, :-2] * square
    return gx.reshape(around - 4 * square**2, (SIZE,))


def graph_of(names: list[str]) -> tuple[Any, Any]:
    """Returns (input, output) of steps taken one after the other."""
    x = gx.input("x", (SIZE,), gx.float64)
    made = x
    for name in names:
        made = STEPS[name](made)
    return x, made


def tridiagonal(size: int, dtype: Any = None) -> tuple[Any, Any]:
    """Returns (input, residual) of Broyden's tridiagonal function."""
    x = gx.input("x", (size,), dtype or gx.float64)
    end = gx.zeros((1,), dtype or gx.float64)
    below, above = gx.concat([end, x[:-1]]), gx.concat([x[1:], end])
    return x, (3 - 2 * x) * x - below - 2 * above + 1


def rosenbrock(size: int) -> tuple[Any, Any]:
    """Returns (input, loss) of the chained Rosenbrock function."""
    x = gx.input("x", (size,), gx.float64)
    return x, gx.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def arrow(size: int) -> tuple[Any, Any]:
    """Returns (input, output) with a full first row and a full first column."""
    x = gx.input("x", (size,), gx.float64)
    first = gx.reshape(gx.sum(x**2), (1,))
    return x, gx.concat([first, x[1:] * x[0] + x[1:] ** 3])
