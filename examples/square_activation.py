"""What a network whose activation is v^2 can represent, and what it can't.

Run `python examples/square_activation.py`. A layer of squares with a linear output is a polynomial
of degree 2, exactly; k such layers are one of degree 2**k. So x1 x2 takes two neurons, and |x| or
sin are met by no width, only by depth.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import jax
import numpy as np
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn, train

#: Functions on [-1, 1] that are no polynomials.
TARGETS = {"|x|": np.abs, "sin 4x": lambda x: np.sin(4 * x)}
DEPTHS = (1, 2, 3)
POINTS = np.linspace(-1, 1, 201)


@dataclass(frozen=True, slots=True)
class Fit:
    """The best network of a depth, and the best polynomial of its degree.

    Attributes:
        network: root mean square error of the network found by training.
        polynomial: that of the polynomial of degree 2**depth by least squares: none is below it.
        values: what the network says at POINTS.
    """

    network: float
    polynomial: float
    values: Any


@dataclass(frozen=True, slots=True)
class Result:
    """Fits by target and depth, and the largest error of the product on whole numbers."""

    fits: dict[tuple[str, int], Fit]
    product_error: float


def product(x: gx.Node) -> gx.Node:
    """Returns x1 x2 = ((x1 + x2)^2 - (x1 - x2)^2) / 4 for rows of x: two neurons, one layer."""
    hidden = gx.square(x @ np.array([[1.0, 1.0], [1.0, -1.0]]))
    return hidden @ np.array([0.25, -0.25])


def network(x: gx.Node, depth: int, width: int = 6) -> gx.Node:
    """Returns `depth` hidden layers of squares and a linear output, for a column x."""
    sizes = [1, *[width] * depth, 1]
    model = nn.Feedforward(sizes, "square", weight_init=nn.init.normal(0.5), bias_init=0.1)
    return model(x)[:, 0]


def best_network(target: Any, depth: int, starts: int) -> Any:
    """Returns the values of the best network that Levenberg and Marquardt find from some starts."""
    x = gx.input("x", ("points", 1), gx.float64)
    y = gx.input("y", ("points",), gx.float64)
    output = network(x, depth)
    data = {"x": POINTS[:, None], "y": target}
    found = [
        train.minimise(output - y, data=data, method="levenberg-marquardt", seed=s, max_steps=400)
        for s in range(starts)
    ]
    best = min(found, key=lambda one: one.loss)
    return np.asarray(gx.evaluate(output, {"x": data["x"], **best.values}))


def compute(quick: bool = False) -> Result:
    """Fits each target at each depth, by a network and by a polynomial."""
    jax.config.update("jax_enable_x64", True)  # the graph is float64
    fits: dict[tuple[str, int], Fit] = {}
    for name, function in TARGETS.items():
        target = function(POINTS)
        for depth in DEPTHS:
            values = best_network(target, depth, starts=1 if quick else 4)
            polynomial = np.polynomial.Chebyshev.fit(POINTS, target, 2**depth)
            errors = [np.sqrt(np.mean((v - target) ** 2)) for v in (values, polynomial(POINTS))]
            fits[name, depth] = Fit(float(errors[0]), float(errors[1]), values)
    whole = np.arange(-50.0, 51.0)
    pairs = np.stack(np.meshgrid(whole, whole), axis=-1).reshape(-1, 2)
    x = gx.input("x", ("rows", 2), gx.float64)
    wrong = np.abs(gx.evaluate(product(x), x=pairs) - pairs[:, 0] * pairs[:, 1])
    return Result(fits, float(wrong.max()))


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the networks' curves for both targets, and their errors beside the polynomials'."""
    panels = exhibit.axes(1, 3, height=2.9)[0]
    colours = dict(zip(DEPTHS, exhibit.COLOURS[1:], strict=False))
    styles = {1: ":", 2: "--", 3: "-"}
    for axis, (name, function) in zip(panels, TARGETS.items(), strict=False):
        axis.plot(POINTS, function(POINTS), color="#BBBBBB", lw=5)
        for depth in DEPTHS:
            fit = result.fits[name, depth]
            axis.plot(POINTS, fit.values, color=colours[depth], ls=styles[depth], label=f"{depth}")
        axis.set(xlabel="x", xticks=(-1, 0, 1))
        axis.set_title(f"{name} (grey) and networks", fontsize=9)
    panels[0].legend(title="hidden layers", frameon=False, loc="upper center")
    axis = panels[2]
    for (name, _), marker in zip(TARGETS.items(), "os", strict=True):
        fits = [result.fits[name, depth] for depth in DEPTHS]
        axis.plot(DEPTHS, [f.polynomial for f in fits], color="black", lw=0.9)
        axis.plot(DEPTHS, [f.network for f in fits], marker, color=exhibit.COLOURS[1], ms=6)
        exhibit.name_line(axis, 3.1, fits[-1].polynomial, name)
    axis.set(yscale="log", xlabel="hidden layers k", xticks=DEPTHS, xlim=(0.7, 4.1))
    axis.set_title("RMS error: networks (marks),\nbest polynomial of degree $2^k$", fontsize=9)
    return axis.figure


def main() -> int:
    """Prints the errors, and returns 0 where no network beats the polynomial of its degree."""
    given = exhibit.arguments(__doc__ or "", "one start for each network instead of four")
    result = compute(given.quick)
    print(f"x1 x2 by two squares: largest error on -50..50: {result.product_error:g}")
    print("target  layers  network's RMS error  best polynomial's")
    for (name, depth), fit in result.fits.items():
        print(
            f"{name:>6}  {depth:6}  {fit.network:19.6f}  {fit.polynomial:.6f} (degree {2**depth})"
        )
    exhibit.save(picture(result), given.out, "square_activation")
    bounded = all(fit.network > fit.polynomial * (1 - 1e-9) for fit in result.fits.values())
    return 0 if bounded and result.product_error == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
