"""Four circuits from lectures, each with its derivatives written by hand beside it.

Run `python examples/circuits.py`, or `graphc compare examples/circuits.py --out out`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax

import graphc as gx


def sum_times() -> gx.Problem:
    """Returns (x + y) z at (-2, 5, -4), where the gradient is (-4, -4, 3)."""
    x, y, z = (gx.input(name, (), gx.float64) for name in "xyz")
    return gx.Problem(
        (x + y) * z,
        {"x": -2, "y": 5, "z": -4},
        name="sum times",
        description="The smallest circuit in which both a sum and a product pass a gradient on.",
        analytic={x: z, y: z, z: x + y},
    )


def sum_times_difference() -> gx.Problem:
    """Returns (x + y)(y - z) at (1, 2, 3), where the gradient is (-1, 2, -3)."""
    x, y, z = (gx.input(name, (), gx.float64) for name in "xyz")
    return gx.Problem(
        (x + y) * (y - z),
        {"x": 1, "y": 2, "z": 3},
        name="sum times difference",
        description="The input y has two ways to the output; its gradient is the sum over both.",
        analytic={x: y - z, y: x + 2 * y - z, z: -(x + y)},
    )


def shared_operand() -> gx.Problem:
    """Returns (a + b)(b + 1) at (2, 1), where the gradient is (2, 5)."""
    a, b = (gx.input(name, (), gx.float64) for name in "ab")
    return gx.Problem(
        (a + b) * (b + 1),
        {"a": 2, "b": 1},
        name="shared operand",
        description="The operand b is used twice: d/db = (b + 1) + (a + b).",
        analytic={a: b + 1, b: a + 2 * b + 1},
    )


def sigmoid_neuron() -> gx.Problem:
    """Returns 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))), a neuron spelled out in single steps."""
    w0, x0, w1, x1, w2 = (gx.input(name, (), gx.float64) for name in ("w0", "x0", "w1", "x1", "w2"))
    output = 1 / (1 + gx.exp(-(w0 * x0 + w1 * x1 + w2)))
    slope = output * (1 - output)
    return gx.Problem(
        output,
        {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3},
        wrt=[w0, x0, w1, x1, w2],
        name="sigmoid neuron",
        description="With s the output, ds/dt = s (1 - s), where t is the weighted sum.",
        analytic={w0: slope * x0, x0: slope * w0, w1: slope * x1, x1: slope * w1, w2: slope},
    )


def problems() -> list[gx.Problem]:
    """Returns the four circuits."""
    return [sum_times(), sum_times_difference(), shared_operand(), sigmoid_neuron()]


def report(found: Sequence[gx.Problem], folder: Path) -> bool:
    """Compares the engines on each problem, writes the report, and returns whether they agreed."""
    jax.config.update("jax_enable_x64", True)  # the graphs are float64
    tell = partial(print, file=sys.stderr)
    compared = [gx.compare(p, source=Path(__file__).name, progress=tell) for p in found]
    for one in compared:
        print(f"{one.title}: {one.verdict_words}")
    print(f"report: {gx.write_report(compared, folder)[0]}")
    return all(one.agreed for one in compared)


def main() -> int:
    """Prints each circuit's value and gradient, and compares the engines on it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path("out/circuits"), help="report folder")
    arguments.add_argument("--quick", action="store_true", help="no report: values only")
    given = arguments.parse_args()
    for problem in problems():
        gradient = gx.evaluate(gx.grad(problem.output, list(problem.wrt)), problem.values)
        parts = (f"d/d{n.name} {g:.6g}" for n, g in zip(problem.wrt, gradient, strict=True))
        value = gx.evaluate(problem.output, problem.values)
        print(f"{problem.name}: {value:.6g}; {', '.join(parts)}")
    return 0 if given.quick or report(problems(), given.out) else 1


if __name__ == "__main__":
    sys.exit(main())
