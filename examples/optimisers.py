"""Optimisers on one loss surface, with their paths drawn.

Run `python examples/optimisers.py`. The surface is Rosenbrock's valley: steep across, flat along.
Each optimiser starts at the same point with the best of a few learning rates, and the picture shows
the way it takes; the table says how many steps it needs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from matplotlib.figure import Figure

import graphc as gx
from graphc import train

START, STEPS, GOAL = (-1.3, 1.6), 5000, 1e-3
RATES = tuple(float(r) for r in np.geomspace(1e-4, 1.0, 25))

#: Optimisers that follow the gradient, made from a learning rate.
FIRST_ORDER: dict[str, Any] = {
    "gradient descent": optax.sgd,
    "momentum": lambda rate: optax.sgd(rate, 0.9),
    "Nesterov": lambda rate: optax.sgd(rate, 0.9, nesterov=True),
    "RMSProp": optax.rmsprop,
    "Adam": optax.adam,
    "Shampoo": train.shampoo,
}


@dataclass(frozen=True, slots=True)
class Way:
    """The path of one optimiser.

    Attributes:
        path: f64[steps + 1, 2].
        steps: how many steps until the loss stays below GOAL; -1 where it never does.
        rate: the learning rate; NaN for those that search along a line.
    """

    path: Any
    steps: int
    rate: float


def surface() -> tuple[gx.Node, gx.Node]:
    """Returns the point and Rosenbrock's function of it, scaled to a milder valley."""
    point = gx.param("point", (2,), gx.float64, init=np.array(START))
    across = point[1] - point[0] ** 2
    return point, (1 - point[0]) ** 2 + 10 * across**2


def reached(losses: Any) -> int:
    """Returns the number of steps from which on the losses stay below the goal; -1 for never."""
    above = np.flatnonzero(~(np.asarray(losses) < GOAL))
    if len(above) and above[-1] == len(losses) - 1:
        return -1
    return int(above[-1]) + 1 if len(above) else 0


def follow(make: Any, rates: Any) -> Way:
    """Returns the quickest way of an optimiser among learning rates, all run at once."""
    point, loss = surface()
    slope = gx.compile(gx.value_and_grad(loss, point), [point], jit=False)

    def run(rate: Any) -> Any:
        optimiser = make(rate)

        def step(carry: Any, _: Any) -> Any:
            at, state = carry
            value, gradient = slope(at)
            change, state = optimiser.update(gradient, state, at)
            return (optax.apply_updates(at, change), state), (at, value)

        start = jnp.array(START)
        return lax.scan(step, (start, optimiser.init(start)), None, length=STEPS + 1)[1]

    paths, losses = jax.jit(jax.vmap(run))(jnp.array(rates))
    needed = [reached(row) for row in losses]
    best = min(range(len(rates)), key=lambda i: needed[i] if needed[i] >= 0 else STEPS + 1)
    return Way(np.asarray(paths[best]), needed[best], float(rates[best]))


def descend(method: str) -> Way:
    """Returns the way of one of SciPy's methods, which choose their own steps."""
    point, loss = surface()
    found = train.minimise(loss, method=method, tolerance=1e-8, keep_path=True)
    path = np.asarray(found.path["point"])
    losses = [float(gx.evaluate(loss, {point: at})) for at in path]
    return Way(path, reached(losses), float("nan"))


def compute(quick: bool = False) -> dict[str, Way]:
    """Returns the way of each optimiser."""
    jax.config.update("jax_enable_x64", True)
    rates = RATES[::3] if quick else RATES
    ways = {name: follow(make, rates) for name, make in FIRST_ORDER.items()}
    return ways | {name: descend(name.lower()) for name in ("L-BFGS", "BFGS", "Newton-CG")}


@exhibit.in_style
def picture(result: dict[str, Way]) -> Figure:
    """Returns the paths over the surface's contours, a panel for each optimiser."""
    panels = exhibit.axes(3, 3, height=1.9, sharex=True, sharey=True)
    around = np.linspace(0, 2 * np.pi, 73)
    for axis, (name, way) in zip(panels.ravel(), result.items(), strict=True):
        for height in np.geomspace(0.1, 100, 5):
            # (1 - x)^2 + 10 (y - x^2)^2 = height, by an angle; a grid would break the narrow ones.
            x = 1 - np.sqrt(height) * np.cos(around)
            axis.plot(x, x**2 + np.sqrt(height / 10) * np.sin(around), color="#B9C6D2", lw=0.7)
        shown = way.path[: way.steps + 1] if way.steps >= 0 else way.path
        axis.plot(*shown.T, "-", color=exhibit.COLOURS[2], lw=1.1)
        axis.plot(*shown[: 60 if len(shown) > 60 else None].T, ".", color="black", ms=2.5)
        axis.plot(1, 1, "*", color=exhibit.COLOURS[1], ms=8)
        words = f"{way.steps} steps" if way.steps >= 0 else "not there"
        axis.set_title(f"{name}: {words}", fontsize=9)
        axis.set(xlim=(-1.7, 1.7), ylim=(-0.9, 2.2))
        axis.grid(visible=False)
    return panels[0, 0].figure


def main() -> int:
    """Prints the steps each optimiser needs, saves the picture; 0 where all arrive."""
    given = exhibit.arguments(__doc__ or "", "9 learning rates instead of 25")
    result = compute(given.quick)
    for name, way in sorted(result.items(), key=lambda item: item[1].steps):
        rate = "" if np.isnan(way.rate) else f"  (learning rate {way.rate:.2g})"
        print(f"{name:>16}: {way.steps:5d} steps until the loss stays below {GOAL:g}{rate}")
    exhibit.save(picture(result), given.out, "optimisers")
    return 0 if all(way.steps >= 0 for way in result.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
