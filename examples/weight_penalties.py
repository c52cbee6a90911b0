"""L1 and L2 penalties: both shrink weights, L1 makes most of them exactly 0.

Run `python examples/weight_penalties.py`. Of 30 features 5 matter, and there are 60 noisy
measurements. For each weight of the penalty the loss is minimised; the picture shows how the
features' weights go, and the error on data not seen.
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
from graphc import train

FEATURES, RELEVANT, ROWS, NOISE = 30, 5, 60, 1.0
PENALTIES = {"L1": np.geomspace(1e-3, 3.0, 25), "L2": np.geomspace(1e-3, 300.0, 25)}


@dataclass(frozen=True, slots=True)
class Result:
    """What each penalty did.

    Attributes:
        penalties: by name, the weights of the penalty that were tried.
        weights: by name, f64[penalties, features].
        errors: by name, the mean squared error on new data, for each weight of the penalty.
        plain: the same error without a penalty.
    """

    penalties: dict[str, Any]
    weights: dict[str, Any]
    errors: dict[str, Any]
    plain: float


def data(rows: int, seed: int) -> tuple[Any, Any]:
    """Returns features and noisy targets; only the first features matter."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, FEATURES))
    truth = np.zeros(FEATURES)
    truth[:RELEVANT] = (3.0, -2.0, 1.5, -1.0, 1.0)
    return x, x @ truth + NOISE * generator.normal(size=rows)


def losses() -> dict[str, gx.Node]:
    """Returns half the mean squared error plus either penalty, over positive and negative parts.

    |w| has no slope at 0, just where L1 puts the weights. As a difference w = p - n of squares of
    the parameters it is smooth: |w| is then p + n.
    """
    x, y = gx.input("x", ("rows", FEATURES), gx.float64), gx.input("y", ("rows",), gx.float64)
    strength = gx.input("strength", (), gx.float64)
    roots = [gx.param(name, (FEATURES,), gx.float64, init=0.3) for name in ("plus", "minus")]
    up, down = (gx.square(root) for root in roots)
    weights = gx.param("weights", (FEATURES,), gx.float64, init=0.0)
    return {
        "L1": gx.mean(gx.square(x @ (up - down) - y)) / 2 + strength * gx.sum(up + down),
        "L2": gx.mean(gx.square(x @ weights - y)) / 2 + strength / 2 * gx.sum(gx.square(weights)),
    }


def fitted(loss: gx.Node, strength: float) -> Any:
    """Returns the weights that minimise a loss; those that are nothing but rounding are 0."""
    x, y = data(ROWS, 0)
    values = train.minimise(
        loss, data={"x": x, "y": y, "strength": strength}, method="l-bfgs", tolerance=1e-10,
        max_steps=5000,
    ).values  # fmt: skip
    if "weights" in values:
        return values["weights"]
    difference = values["plus"] ** 2 - values["minus"] ** 2
    return np.where(np.abs(difference) < 1e-5, 0.0, difference)


def compute(quick: bool = False) -> Result:
    """Fits along both paths of penalties."""
    jax.config.update("jax_enable_x64", True)
    x, y = data(5000, 1)

    def error(weights: Any) -> float:
        return float(np.mean((x @ weights - y) ** 2))

    every = 6 if quick else 1
    penalties = {name: values[::every] for name, values in PENALTIES.items()}
    weights = {
        name: np.array([fitted(loss, float(p)) for p in penalties[name]])
        for name, loss in losses().items()
    }
    errors = {name: np.array([error(w) for w in found]) for name, found in weights.items()}
    return Result(penalties, weights, errors, error(fitted(losses()["L2"], 0.0)))


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the paths of the weights above, and the error on new data below."""
    panels = exhibit.axes(2, 2, height=2.4, sharex="col", sharey="row")
    for (above, below), name in zip(panels.T, result.weights, strict=True):
        steps, found = result.penalties[name], result.weights[name]
        for feature in reversed(range(FEATURES)):
            matters = feature < RELEVANT
            above.semilogx(
                steps, found[:, feature], lw=1.6 if matters else 0.7,
                color=exhibit.COLOURS[1] if matters else exhibit.GREY,
            )  # fmt: skip
        above.set_title(f"{name}: {'exact zeros' if name == 'L1' else 'small, never 0'}")
        best = int(np.argmin(result.errors[name]))
        below.loglog(steps, result.errors[name])
        below.plot(steps[best], result.errors[name][best], "o")
        below.axhline(result.plain, ls=":", color=exhibit.GREY)
        below.text(steps[0], result.plain, " no penalty", va="bottom", color=exhibit.GREY)
        below.set_xlabel("weight of the penalty")
    panels[0, 0].set_ylabel("weights (blue: relevant)")
    panels[1, 0].set_ylabel("error on new data")
    return panels[0, 0].figure


def main() -> int:
    """Prints the best of each penalty, saves the picture; 0 where both help."""
    given = exhibit.arguments(__doc__ or "", "5 weights of each penalty instead of 25")
    result = compute(given.quick)
    print(f"no penalty: error {result.plain:.2f} on new data (noise alone: {NOISE**2:.2f})")
    helped = True
    for name, errors in result.errors.items():
        best = int(np.argmin(errors))
        zeros = int(np.sum(result.weights[name][best] == 0))
        print(
            f"{name}: error {errors[best]:.2f} at {result.penalties[name][best]:.3g}, "
            f"{zeros} of {FEATURES} weights exactly 0"
        )
        helped &= bool(errors[best] < result.plain)
    exhibit.save(picture(result), given.out, "weight_penalties")
    return 0 if helped else 1


if __name__ == "__main__":
    sys.exit(main())
