"""XOR by two layers: with thresholds, weights by thought; with sigmoids, weights by training.

Run `python examples/xor.py`. The hidden neurons are OR and NOT AND, the output is AND of the two.
A threshold has no slope to follow, so those weights are written down; sigmoids learn theirs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import numpy as np
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn, train

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
WANTED = np.array([[0], [1], [1], [0]], np.float32)
SEEDS = 20


@dataclass(frozen=True, slots=True)
class Result:
    """What the two networks say.

    Attributes:
        by_threshold: the answers of the network of thresholds on 00, 01, 10, 11.
        by_sigmoid: the trained network's probabilities on the same.
        parameters: of the trained network, by full name.
        losses: its loss after each measured epoch.
        learned: of the networks trained from other first values, how many learned XOR.
        tried: how many there were.
    """

    by_threshold: list[int]
    by_sigmoid: list[float]
    parameters: dict[str, Any]
    losses: list[float]
    learned: int
    tried: int


def thresholds(x: gx.Node) -> gx.Node:
    """Returns XOR of the two columns of x: OR and NOT AND, joined by AND."""
    hidden = gx.threshold(x @ np.array([[1, -1], [1, -1]], np.float32) + [-0.5, 1.5])
    return gx.threshold(hidden @ np.array([1, 1], np.float32) - 1.5)


def network() -> tuple[gx.Node, gx.Node]:
    """Returns the logit of a 2-2-1 network with sigmoids, and its loss."""
    x, y = gx.input("x", ("rows", 2)), gx.input("y", ("rows", 1))
    logit = nn.Feedforward([2, 2, 1], "sigmoid", weight_init=nn.init.normal(1.0))(x)
    return logit, gx.binary_cross_entropy(logit, y)


def trained(seed: int, epochs: int) -> train.Run:
    """Returns the training of the network from first values drawn by a seed."""
    _, loss = network()
    return train.fit(
        loss, {"x": INPUTS, "y": WANTED}, optimiser="adam", learning_rate=0.1, epochs=epochs,
        batch_size=None, seed=seed, every=10, progress=False,
    )  # fmt: skip


def compute(quick: bool = False) -> Result:
    """Evaluates the thresholds, and trains the sigmoids from several first values."""
    by_threshold = gx.evaluate(thresholds(gx.input("x", (4, 2))), x=INPUTS)
    probability = gx.sigmoid(network()[0])
    tried = 5 if quick else SEEDS
    runs = [trained(seed, 300 if quick else 600) for seed in range(tried)]
    says = [gx.evaluate(probability, {"x": INPUTS, **run.values}) for run in runs]
    right = [bool(np.all((p > 0.5) == (WANTED > 0.5))) for p in says]
    best = right.index(True)
    return Result(
        [int(v) for v in by_threshold],
        [float(v) for v in says[best].ravel()],
        runs[best].values,
        [float(v) for v in runs[best].history["loss"]],
        sum(right),
        tried,
    )


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns both networks' answers over the plane, and the loss of the trained one."""
    panels = exhibit.axes(1, 3, height=2.7)[0]
    side = np.linspace(-0.4, 1.4, 181)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype(np.float32)
    x = gx.input("x", ("rows", 2))
    step = gx.evaluate(thresholds(x), x=grid).reshape(181, 181)
    smooth = gx.evaluate(gx.sigmoid(network()[0]), {"x": grid, **result.parameters})
    panels[0].contourf(side, side, step, levels=[0.5, 1.5], colors=["#D9E8F5"])
    panels[0].set_title("thresholds: 1 where shaded", fontsize=9)
    drawn = panels[1].contour(
        side, side, smooth.reshape(181, 181), levels=[0.1, 0.5, 0.9], colors=exhibit.COLOURS[1]
    )
    panels[1].clabel(drawn, fontsize=7)
    panels[1].set_title("sigmoids: probability", fontsize=9)
    for axis in panels[:2]:
        for (x1, x2), value in zip(INPUTS, WANTED[:, 0], strict=True):
            axis.plot(x1, x2, "o", ms=11, mec="black", mfc="black" if value else "white")
        axis.set(xlabel="$x_1$", xticks=(0, 1), yticks=(0, 1), xlim=(-0.4, 1.4), ylim=(-0.4, 1.4))
        axis.set_aspect("equal")
        axis.grid(visible=False)
    panels[0].set_ylabel("$x_2$")
    panels[2].semilogy(np.arange(1, len(result.losses) + 1) * 10, result.losses)
    panels[2].set(xlabel="epoch", title="its loss")
    return panels[0].figure


def main() -> int:
    """Prints both truth tables, saves the picture, and returns 0 where both are XOR."""
    given = exhibit.arguments(__doc__ or "", "5 first values, 300 epochs")
    result = compute(given.quick)
    print(f"thresholds on 00 01 10 11: {result.by_threshold}")
    print(f"sigmoids on the same: {[round(p, 3) for p in result.by_sigmoid]}")
    print(f"of {result.tried} first values, {result.learned} led to XOR; the others got stuck")
    exhibit.save(picture(result), given.out, "xor")
    wanted = [int(v) for v in WANTED[:, 0]]
    return 0 if result.by_threshold == [round(p) for p in result.by_sigmoid] == wanted else 1


if __name__ == "__main__":
    sys.exit(main())
