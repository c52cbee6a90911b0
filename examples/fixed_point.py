"""A fixed point differentiated by its equation: Kepler's, and what cutting the iteration off costs.

Run `python examples/fixed_point.py`. The eccentric anomaly E of a planet solves E = M + e sin(E).
Iterating gives E; its slope by the mean anomaly M follows from the equation alone, and is as good
as E is. Differentiating the steps of the iteration instead gives the slope of what they reached,
which trails behind.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import numpy as np
from matplotlib.figure import Figure

import graphc as gx

#: Mean anomaly in radians; Mercury, Halley's comet, and one between, by their eccentricities.
MEAN = 0.05
ORBITS = {"Mercury, e = 0.206": 0.206, "e = 0.6": 0.6, "Halley, e = 0.967": 0.967}
STEPS = (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200)


@dataclass(frozen=True, slots=True)
class Result:
    """Relative errors of the slope dE/dM.

    Attributes:
        unrolled: for each orbit, the error by the number of steps that were differentiated.
        implicit: for each orbit, the error of the slope by the equation.
        nodes: nodes of the two gradient graphs, unrolled for the largest number of steps.
    """

    unrolled: dict[str, list[float]]
    implicit: dict[str, float]
    nodes: tuple[int, int]


def anomaly(mean: gx.Node, eccentricity: float) -> gx.Node:
    """Returns E, found by iterating and differentiated by its equation."""
    return gx.fixed_point(
        lambda angle: mean + eccentricity * gx.sin(angle), mean, tolerance=1e-15, max_steps=5000
    )


def unrolled(mean: gx.Node, eccentricity: float, steps: int) -> gx.Node:
    """Returns what so many steps make of the first guess E = M, as a plain graph."""
    angle = mean
    for _ in range(steps):
        angle = mean + eccentricity * gx.sin(angle)
    return angle


def exact(eccentricity: float) -> float:
    """Returns dE/dM = 1 / (1 - e cos(E)), with E at 30 digits."""
    import mpmath

    with mpmath.workdps(30):
        e = mpmath.mpf(eccentricity)
        angle = mpmath.findroot(lambda v: v - e * mpmath.sin(v) - mpmath.mpf(MEAN), 1.0)
        return float(1 / (1 - e * mpmath.cos(angle)))


def compute(quick: bool = False) -> Result:
    """Differentiates both ways and compares with the exact slope."""
    mean = gx.input("mean", (), gx.float64)
    trailing: dict[str, list[float]] = {}
    by_equation: dict[str, float] = {}
    for name, eccentricity in ORBITS.items():
        truth = exact(eccentricity)

        def error(value: gx.Node, truth: float = truth) -> float:
            slope: Any = gx.evaluate(gx.grad(value, mean), mean=MEAN)
            return abs(float(slope) / truth - 1)

        trailing[name] = [error(unrolled(mean, eccentricity, n)) for n in STEPS]
        by_equation[name] = error(anomaly(mean, eccentricity))
    graphs = [anomaly(mean, 0.6), unrolled(mean, 0.6, STEPS[-1])]
    small, large = (gx.cost(gx.grad(graph, mean)).nodes for graph in graphs)
    return Result(trailing, by_equation, (large, small))


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the error of the unrolled slope by steps, beside that of the equation's slope."""
    axis = exhibit.axes(height=3.4)[0][0]
    least = 1e-17
    for colour, (name, errors) in zip(exhibit.COLOURS, result.unrolled.items(), strict=False):
        axis.loglog(STEPS, np.maximum(errors, least), "o-", color=colour, ms=3)
        place = len([error for error in errors if error > 1e-6])
        axis.annotate(
            name, (STEPS[place], max(errors[place], least)), xytext=(-8, -6), ha="right",
            textcoords="offset points", color=colour,
        )  # fmt: skip
        axis.axhline(max(result.implicit[name], least), color=colour, ls=":", lw=1)
    axis.set(
        xlabel="steps of the iteration that were differentiated",
        ylabel="relative error of the slope",
        title="full: by the steps; dotted: by the equation",
    )
    return axis.figure


def main() -> int:
    """Prints the errors, saves the picture; 0 where the equation's slopes are right."""
    given = exhibit.arguments(__doc__ or "", "the same: it takes seconds")
    result = compute(given.quick)
    for name, errors in result.unrolled.items():
        print(
            f"{name}: error by 20 steps {errors[STEPS.index(20)]:.0e}, by {STEPS[-1]} "
            f"{errors[-1]:.0e}, by the equation {result.implicit[name]:.0e}"
        )
    large, small = result.nodes
    print(f"gradient graph: {large:,} nodes by {STEPS[-1]} steps, {small} by the equation")
    exhibit.save(picture(result), given.out, "fixed_point")
    return 0 if max(result.implicit.values()) < 1e-12 else 1


if __name__ == "__main__":
    sys.exit(main())
