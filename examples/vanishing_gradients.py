"""Gradients on their way back through 30 layers: sigmoid, relu with He's weights, residual.

Run `python examples/vanishing_gradients.py`. A sigmoid's slope is at most 1/4, so the gradient
shrinks by more than that in every layer it passes; relu with weights of variance 2 / inputs keeps
its size; around a residual layer it goes unchanged.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import numpy as np
from digits_mlp import load
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn

UNITS = 32
SEEDS = 5


@dataclass(frozen=True, slots=True)
class Result:
    """Gradients at the start, before any training.

    Attributes:
        norms: for each network, the norm of the loss's gradient by each layer's weights, first
            layer first; the geometric mean over several draws of the weights.
        ratios: that of the first layer over that of the last.
        adjoint: the norm for the first sigmoid layer as `gx.debug` computes it in float32 and
            with 50 digits, on four images.
        underflow: whether anything vanished for want of digits.
    """

    norms: dict[str, Any]
    ratios: dict[str, float]
    adjoint: tuple[float, float]
    underflow: bool


def network(kind: str, depth: int) -> nn.Sequential:
    """Returns a layer of 32 units, `depth` - 1 hidden ones of one kind, and one for ten scores."""
    if kind == "sigmoid":
        hidden = [nn.Dense(UNITS, "sigmoid", weight_init="glorot") for _ in range(depth)]
    else:
        hidden = [nn.Dense(UNITS, "relu", weight_init="he") for _ in range(depth)]
    if kind == "residual":
        # The last weights of each inner layer begin small, so that the sum doesn't grow.
        small = nn.init.normal(0.2 / UNITS**0.5)
        inner = [[one, nn.Dense(UNITS, weight_init=small)] for one in hidden[1:]]
        return nn.Sequential([hidden[0], *map(nn.Residual, inner), nn.Dense(10)])
    return nn.Sequential([*hidden, nn.Dense(10)])


def loss_of(kind: str, depth: int) -> tuple[gx.Node, list[gx.Node]]:
    """Returns the cross-entropy of a network and the first weights of each of its hidden layers."""
    images = gx.input("images", ("batch", 64))
    labels = gx.input("labels", ("batch",), gx.int32)
    loss = gx.categorical_cross_entropy(network(kind, depth)(images), labels)
    weights = [
        node
        for name, node in nn.flat(nn.parameters(loss)).items()
        if name.endswith("dense1.weight" if "residual" in name else ".weight")
    ]
    return loss, weights[:-1]


def gradient_norms(kind: str, depth: int, rows: Any) -> Any:
    """Returns the norm of the gradient by each layer's weights, averaged over draws."""
    loss, weights = loss_of(kind, depth)
    norms = gx.stack([gx.norm(slope) for slope in gx.grad(loss, weights)])
    found = []
    for seed in range(SEEDS):
        values, _ = nn.initialise(loss, seed)
        found.append(gx.evaluate(norms, {**rows, **nn.flat(values)}))
    return np.exp(np.mean(np.log(found), axis=0))


def compute(quick: bool = False) -> Result:
    """Takes the gradients of three networks on 64 digits by graphc's own reverse pass."""
    depth = 12 if quick else 30
    data = load()
    rows = {"images": data.train_images[:64], "labels": data.train_labels[:64]}
    norms = {k: gradient_norms(k, depth, rows) for k in ("sigmoid", "relu, He", "residual")}
    ratios = {kind: float(found[0] / found[-1]) for kind, found in norms.items()}
    loss, weights = loss_of("sigmoid", depth)
    values, _ = nn.initialise(loss, 0)
    few = {name: value[:4] for name, value in rows.items()}
    report = gx.debug(loss, {**few, **nn.flat(values)}, wrt=weights[:1])
    first = next(level for level in report.levels if level.wanted)
    lost = any(one.kind == "artificial" for one in report.vanishing)
    return Result(norms, ratios, (first.norm, first.exact or 0.0), lost)


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the norms by layer."""
    axis = exhibit.axes(height=3.4)[0][0]
    depth = len(result.norms["sigmoid"])
    layers = np.arange(1, depth + 1)
    styles = (("o", 10, -14), ("s", 6, -14), ("D", 6, 12))
    for (name, norms), colour, (marker, right, up) in zip(
        result.norms.items(), exhibit.COLOURS[1:], styles, strict=False
    ):
        axis.plot(layers, norms, marker=marker, ms=4, color=colour)
        axis.annotate(
            f"{name}: first / last {result.ratios[name]:.1g}", (layers[2], norms[2]),
            xytext=(right, up), textcoords="offset points", color=colour, va="center",
        )  # fmt: skip
    axis.set(yscale="log", ylim=(None, 1e3), xlabel="hidden layer, from the images (1) to the loss")
    axis.set_title("norm of the gradient by the layer's weights, before training", fontsize=9)
    return axis.figure


def main() -> int:
    """Prints the ratios, and returns 0 where only the sigmoid's gradient vanishes."""
    given = exhibit.arguments(__doc__ or "", "12 layers instead of 30")
    result = compute(given.quick)
    print("network   first layer  last layer  first / last")
    for name, norms in result.norms.items():
        print(f"{name:<8}  {norms[0]:11.3g}  {norms[-1]:10.3g}  {result.ratios[name]:12.3g}")
    computed, exact = result.adjoint
    words = "some of it" if result.underflow else "none of it"
    print(
        f"gx.debug, first sigmoid layer: {computed:.4g}, with 50 digits {exact:.4g}: it vanishes "
        f"truly, {words} by rounding"
    )
    exhibit.save(picture(result), given.out, "vanishing_gradients")
    kept = all(0.1 < result.ratios[name] < 100 for name in ("relu, He", "residual"))
    return 0 if kept and result.ratios["sigmoid"] < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
