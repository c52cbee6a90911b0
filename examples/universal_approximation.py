"""One hidden layer comes as close to a function as one likes, if it is wide enough.

Run `python examples/universal_approximation.py`. By construction: each sigmoid neuron is a steep
step, and a step up at each place and down at the next is a bump; so the sum of the neurons is a
staircase along the curve. By training: the same layer finds far better weights by itself.
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

#: Places on [0, 1], and how many hidden neurons are tried: by construction one fewer than stairs,
#: of which each count has an edge where the function breaks.
POINTS = (np.arange(400) + 0.5) / 400
BUILT = (4, 9, 19, 39, 79, 159, 319)
TRAINED = (1, 2, 4, 8)


def target(x: Any) -> Any:
    """Returns the function: a wave, and a ramp that breaks off at 0.6."""
    return np.sin(2 * np.pi * x) + np.where(x < 0.6, x, 0.0)


@dataclass(frozen=True, slots=True)
class Result:
    """Root mean square errors and values at POINTS, by the number of hidden neurons."""

    built: dict[int, float]
    trained: dict[int, float]
    built_values: dict[int, Any]
    trained_values: dict[int, Any]


def staircase(x: gx.Node, neurons: int) -> gx.Node:
    """Returns a constant and `neurons` steep sigmoids, which climb from each stair to the next.

    The stairs are equally wide, and each is as high as the function in its middle.

    Args:
        x: `f64[points]`.
        neurons: the number of steps, one fewer than stairs.
    """
    edges = np.linspace(0, 1, neurons + 2)
    stairs = target((edges[:-1] + edges[1:]) / 2)
    hidden = gx.sigmoid(20 * (neurons + 1) * (x[:, None] - edges[1:-1]))
    return stairs[0] + hidden @ np.diff(stairs)


def trained_values(neurons: int, starts: int) -> Any:
    """Returns the values of the best layer that training finds from some starts."""
    x = gx.input("x", ("points", 1), gx.float64)
    y = gx.input("y", ("points",), gx.float64)
    # Steps of any steepness and place: weights up to 20, biases that put the middle on [0, 1].
    model = nn.Feedforward(
        [1, neurons, 1], "sigmoid", weight_init=nn.init.normal(15), bias_init=nn.init.normal(8)
    )
    output = model(x)[:, 0]
    data = {"x": POINTS[:, None], "y": target(POINTS)}
    found = [
        train.minimise(output - y, data=data, method="levenberg-marquardt", seed=s, max_steps=300)
        for s in range(starts)
    ]
    best = min(found, key=lambda one: one.loss)
    return np.asarray(gx.evaluate(output, {"x": data["x"], **best.values}))


def compute(quick: bool = False) -> Result:
    """Builds and trains layers of growing width."""
    jax.config.update("jax_enable_x64", True)  # the graph is float64
    x = gx.input("x", ("points",), gx.float64)
    widths = BUILT[:5] if quick else BUILT
    built = {n: np.asarray(gx.evaluate(staircase(x, n), x=POINTS)) for n in widths}
    trained = {n: trained_values(n, starts=3 if quick else 10) for n in TRAINED}

    def errors(values: dict[int, Any]) -> dict[int, float]:
        wanted = target(POINTS)
        return {n: float(np.sqrt(np.mean((v - wanted) ** 2))) for n, v in values.items()}

    return Result(errors(built), errors(trained), built, trained)


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns a staircase, a trained layer of 8 neurons, and the errors by the width."""
    panels = exhibit.axes(1, 3, height=2.9)[0]
    blue, red = exhibit.COLOURS[1], exhibit.COLOURS[2]
    for axis, values, width, colour, word in (
        (panels[0], result.built_values, 19, blue, "built"),
        (panels[1], result.trained_values, 8, red, "trained"),
    ):
        axis.plot(POINTS, target(POINTS), color="#BBBBBB", lw=5)
        axis.plot(POINTS, values[width], color=colour)
        axis.set(xlabel="x", ylim=(-1.3, 1.5), xticks=(0, 0.5, 1))
        axis.set_title(f"{width} neurons, {word}", fontsize=9)
    axis = panels[2]
    for errors, colour, marker, name in (
        (result.built, blue, "o", "built"),
        (result.trained, red, "s", "trained"),
    ):
        axis.plot(list(errors), list(errors.values()), marker=marker, color=colour)
        width = max(errors)
        exhibit.name_line(axis, 1.15 * width, errors[width], name, colour)
    axis.set(xscale="log", yscale="log", xlabel="hidden neurons", xlim=(0.8, 3000))
    axis.set_xticks([1, 10, 100], ["1", "10", "100"])
    axis.set_xticks([], minor=True)
    axis.set_title("RMS error", fontsize=9)
    return axis.figure


def main() -> int:
    """Prints the errors by the width, and returns 0 where they fall as the layer grows."""
    given = exhibit.arguments(__doc__ or "", "up to 79 neurons, three starts instead of ten")
    result = compute(given.quick)
    print("hidden neurons  built, RMS error  trained, RMS error")
    for width in sorted({*result.built, *result.trained}):
        cells = [f"{e[width]:.5f}" if width in e else "-" for e in (result.built, result.trained)]
        print(f"{width:14}  {cells[0]:>16}  {cells[1]:>18}")
    exhibit.save(picture(result), given.out, "universal_approximation")
    built, trained = list(result.built.values()), list(result.trained.values())
    return 0 if built[-1] < built[0] / 3 and trained[-1] < trained[0] / 20 else 1


if __name__ == "__main__":
    sys.exit(main())
