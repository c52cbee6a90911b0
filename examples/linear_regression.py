"""Linear regression on the diabetes data three ways: two closed forms, and gradient descent.

Run `python examples/linear_regression.py`, or
`graphc compare examples/linear_regression.py --out out`. All three give the same weights; gradient
descent gets there as slowly as the flattest direction of the loss demands.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import jax
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes

import graphc as gx
from graphc import train

PATIENTS, FEATURES = 442, 10


@dataclass(frozen=True, slots=True)
class Result:
    """The weights, and how gradient descent came to them.

    Attributes:
        names: of the features.
        weights: of the features by each way, in units of the target.
        r2: the share of the target's variance that each way explains.
        steps: at which gradient descent was measured.
        distance: how far its weights were from the closed form's, largest difference.
        slowest: the factor by which a step shrinks the error in the flattest direction.
        condition: the largest curvature of the loss over the smallest.
    """

    names: list[str]
    weights: dict[str, Any]
    r2: dict[str, float]
    steps: Any
    distance: Any
    slowest: float
    condition: float


def load() -> tuple[Any, Any, list[str]]:
    """Returns features in standard units `f64[442, 10]`, the target less its mean, and names."""
    loaded: Any = load_diabetes(scaled=False)
    x, y = loaded.data, loaded.target
    return (x - x.mean(axis=0)) / x.std(axis=0), y - y.mean(), list(loaded.feature_names)


def build(patients: int | str = "patients") -> tuple[gx.Node, gx.Node, gx.Node, gx.Node]:
    """Returns the inputs x and y, the weights w, and half the mean square error of x w."""
    x = gx.input("x", (patients, FEATURES), gx.float64)
    y = gx.input("y", (patients,), gx.float64)
    w = gx.param("w", (FEATURES,), gx.float64, init=0.0)
    return x, y, w, gx.mean((x @ w - y) ** 2) / 2


def closed_forms(x: gx.Node, y: gx.Node) -> dict[str, gx.Node]:
    """Returns the weights from the normal equations, and by least squares without them."""
    return {
        "normal equations": gx.linalg.solve(x.T @ x, x.T @ y),
        "least squares": gx.linalg.lstsq(x, y).x,
    }


def compute(quick: bool = False) -> Result:
    """Computes the weights in all three ways."""
    jax.config.update("jax_enable_x64", True)  # the graph is float64
    data, target, names = load()
    x, y, w, loss = build(PATIENTS)
    closed = closed_forms(x, y)
    values = {"x": data, "y": target}
    weights = dict(zip(closed, gx.evaluate(list(closed.values()), values), strict=True))
    hessian = np.asarray(gx.evaluate(gx.hessian(loss, w), {**values, "w": np.zeros(FEATURES)}))
    curvatures = np.linalg.eigvalsh(hessian)
    rate = float(2 / (curvatures[0] + curvatures[-1]))  # the fastest of all fixed rates
    epochs = 8000
    steps, distance = [0], [float(np.abs(weights["least squares"]).max())]
    found: Any = None
    for epoch in range(250, epochs + 1, 250):
        run = train.fit(
            loss, values, optimiser="sgd", learning_rate=rate, epochs=250, every=250,
            batch_size=None, shuffle=False, initial={"w": found} if found is not None else None,
        )  # fmt: skip
        found = run.values["w"]
        steps.append(epoch)
        distance.append(float(np.abs(found - weights["least squares"]).max()))
    weights["gradient descent"] = found
    r2 = {
        way: float(1 - np.sum((data @ v - target) ** 2) / np.sum(target**2))
        for way, v in weights.items()
    }
    slowest = float(1 - rate * curvatures[0])
    condition = float(curvatures[-1] / curvatures[0])
    return Result(names, weights, r2, np.array(steps), np.array(distance), slowest, condition)


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the weights by feature, and how gradient descent comes to those of least squares."""
    left, right = exhibit.axes(1, 2, height=3.0)[0]
    exact = result.weights["least squares"]
    places = np.arange(len(exact))[::-1]
    left.barh(places, exact, 0.6, color="#B9C6D2", label="closed form")
    left.plot(
        result.weights["gradient descent"], places, "o", ms=5, color="black",
        label="gradient descent",
    )  # fmt: skip
    left.axvline(0, color=exhibit.GREY, lw=0.8)
    left.set_yticks(places, result.names)
    left.set(xlabel="weight (disease progression per standard deviation)")
    left.legend(frameon=False, loc="upper right", fontsize=8)
    left.grid(visible=False, axis="y")
    right.plot(result.steps, result.distance, color=exhibit.COLOURS[1], marker="o", ms=3)
    start = result.distance[len(result.steps) // 2]
    middle = result.steps[len(result.steps) // 2]
    line = start * result.slowest ** (result.steps - middle)
    right.plot(result.steps, line, color="black", lw=0.9, ls="--")
    right.annotate(
        f"$\\kappa$ = {result.condition:.0f}: the flattest\ndirection shrinks by\n"
        f"1 - 2/($\\kappa$ + 1) a step",
        (result.steps[8], line[8]), xytext=(25, 15), textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": exhibit.GREY},
    )  # fmt: skip
    right.set(yscale="log", xlabel="steps of gradient descent")
    right.set_title("largest error of a weight", fontsize=9)
    return left.figure


def problems(patients: int | None = None) -> list[gx.Problem]:
    """Returns the loss at the start and near its minimum, with the gradient x^T (x w - y) / n.

    Args:
        patients: how many rows are compared on; all without it.
    """
    jax.config.update("jax_enable_x64", True)
    data, target, _ = load()
    x, y, w, loss = build()
    by_hand = {w: gx.mean(x * (x @ w - y)[:, None], axis=0)}
    best = np.round(np.linalg.lstsq(data, target, rcond=None)[0], 2)
    rows = {"x": data[:patients], "y": target[:patients]}
    return [
        gx.Problem(
            loss, {**rows, "w": at}, wrt=[w], analytic=by_hand, name=f"linear regression, {name}"
        )
        for name, at in (("start", np.zeros(FEATURES)), ("near the minimum", best))
    ]


def main() -> int:
    """Prints the weights of all ways, and returns 0 where they are equal."""
    given = exhibit.arguments(__doc__ or "", "the same: it takes seconds")
    result = compute(given.quick)
    print("feature  " + "  ".join(f"{way:>16}" for way in result.weights))
    for place, name in enumerate(result.names):
        print(f"{name:>7}  " + "  ".join(f"{v[place]:16.9f}" for v in result.weights.values()))
    print("     R2  " + "  ".join(f"{value:16.9f}" for value in result.r2.values()))
    print(
        f"condition {result.condition:.0f}: each step of gradient descent shrinks the error in the "
        f"flattest direction by {result.slowest:.5f}"
    )
    exhibit.save(picture(result), given.out, "linear_regression")
    exact = result.weights["least squares"]
    return 0 if all(np.allclose(v, exact, rtol=1e-6) for v in result.weights.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
