"""Batch-norm on and off: the rates at which a deep network can be trained.

Run `python examples/batch_norm.py`. Ten layers of sigmoids on the digits: without batch-norm none
of four learning rates gets anywhere, with it each of them does.
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
from graphc import nn, train

DEPTH, WIDTH, EPOCHS = 10, 32, 30
RATES = (0.001, 0.01, 0.1, 1.0)


@dataclass(frozen=True, slots=True)
class Result:
    """What each training reached.

    Attributes:
        losses: for batch-norm off and on, f64[rates, epochs].
        accuracy: likewise f64[rates], on images not seen, after the last epoch.
    """

    losses: dict[bool, Any]
    accuracy: dict[bool, Any]


def model(norm: bool) -> nn.Sequential:
    """Returns ten layers of sigmoids, each with batch-norm before it or not, and the scores."""
    layers: list[Any] = []
    for _ in range(DEPTH):
        layers += [nn.Dense(WIDTH), *([nn.BatchNorm()] if norm else []), gx.sigmoid]
    return nn.Sequential([*layers, nn.Dense(10)])


def compute(quick: bool = False) -> Result:
    """Trains both networks with each rate, by gradient descent with momentum."""
    data = load()
    images, labels = gx.input("images", ("batch", 64)), gx.input("labels", ("batch",), gx.int32)
    losses: dict[bool, Any] = {}
    accuracy: dict[bool, Any] = {}
    for norm in (False, True):
        network = model(norm)
        loss = gx.categorical_cross_entropy(network(images, training=True), labels)
        right = gx.mean(gx.cast(gx.argmax(network(images), axis=-1) == labels, "float32"))
        runs = [
            train.fit(
                loss, {"images": data.train_images, "labels": data.train_labels},
                validation={"images": data.test_images, "labels": data.test_labels},
                evaluate={"accuracy": right}, optimiser="momentum", learning_rate=rate,
                epochs=8 if quick else EPOCHS, batch_size=64, progress=False,
            )
            for rate in RATES
        ]  # fmt: skip
        losses[norm] = np.array([run.history["loss"] for run in runs])
        accuracy[norm] = np.array([run.history["validation.accuracy"][-1] for run in runs])
    return Result(losses, accuracy)


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the loss by epochs for each rate, without and with batch-norm."""
    panels = exhibit.axes(1, 2, sharey=True)[0]
    for axis, norm in zip(panels, (False, True), strict=True):
        for colour, rate, losses in zip(exhibit.COLOURS, RATES, result.losses[norm], strict=False):
            epochs = np.arange(1, len(losses) + 1)
            axis.semilogy(epochs, losses, color=colour)
            if norm:
                place = len(losses) // 2
                axis.annotate(
                    f"{rate:g}", (epochs[place], losses[place]), xytext=(0, 3),
                    textcoords="offset points", color=colour,
                )  # fmt: skip
        if not norm:
            axis.text(0.5, 0.88, "all four rates", ha="center", transform=axis.transAxes)
        axis.set(xlabel="epoch", title=f"batch-norm {'on' if norm else 'off'}")
    panels[0].set_ylabel("loss, by learning rate")
    return panels[0].figure


def main() -> int:
    """Prints what each rate reached, saves the picture; 0 where batch-norm helps at every rate."""
    given = exhibit.arguments(__doc__ or "", "8 epochs instead of 30")
    result = compute(given.quick)
    print(f"{DEPTH} layers of sigmoids, share of new digits right")
    print("rate    " + "".join(f"{rate:>8g}" for rate in RATES))
    for norm, shares in result.accuracy.items():
        print(f"norm {'on ' if norm else 'off'}" + "".join(f"{share:8.1%}" for share in shares))
    exhibit.save(picture(result), given.out, "batch_norm")
    return 0 if result.accuracy[True].max() > result.accuracy[False].max() else 1


if __name__ == "__main__":
    sys.exit(main())
