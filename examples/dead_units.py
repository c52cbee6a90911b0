"""Dead relu units: how a large learning rate kills them, and that leaky units live.

Run `python examples/dead_units.py`. A relu unit whose argument is negative for every image has
slope 0 for all of them: no step of gradient descent can wake it. `gx.debug` counts such units.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import exhibit
import numpy as np
from digits_mlp import load
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn, train

UNITS = 64
RATES = (0.01, 0.03, 0.1, 0.3, 0.6, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Trained:
    """A network after training.

    Attributes:
        dead: the share of its hidden units whose slope is 0 on all training images.
        beyond: of leaky units: the share on the lesser slope for all of them; they still learn.
        accuracy: on images not seen in training.
        diverged: whether the loss stopped being a number.
    """

    dead: float
    beyond: float
    accuracy: float
    diverged: bool


def trained(activation: str, rate: float, epochs: int, seed: int) -> Trained:
    """Trains a 64-64-64-10 network by plain gradient descent and counts its dead units."""
    images = gx.input("images", ("batch", 64))
    labels = gx.input("labels", ("batch",), gx.int32)
    logits = nn.Feedforward([64, UNITS, UNITS, 10], activation, weight_init="he")(images)
    loss = gx.categorical_cross_entropy(logits, labels)
    data = load()
    rows = {"images": data.train_images, "labels": data.train_labels}
    run = train.fit(
        loss, rows, optimiser="sgd", learning_rate=rate, epochs=epochs, every=epochs, seed=seed,
        progress=False,
    )  # fmt: skip
    scores = gx.evaluate(logits, {"images": data.test_images, **run.values})
    right = np.mean(np.argmax(np.asarray(scores), axis=1) == data.test_labels)
    units = gx.debug(loss, {**rows, **run.values}, budget=0).units
    count = sum(one.units for one in units)
    return Trained(
        sum(one.dead for one in units) / count,
        sum(one.beyond for one in units) / count,
        float(right),
        run.diverged,
    )


def compute(quick: bool = False) -> dict[tuple[str, float], Trained]:
    """Trains with relu and leaky relu at growing learning rates."""
    rates = RATES[2::2] if quick else RATES
    return {
        (activation, rate): trained(activation, rate, epochs=5 if quick else 30, seed=0)
        for activation in ("relu", "leaky_relu")
        for rate in rates
    }


@exhibit.in_style
def picture(result: dict[tuple[str, float], Trained]) -> Figure:
    """Returns the share of dead units and the accuracy, by the learning rate."""
    left, right = exhibit.axes(1, 2, height=3.0)[0]
    for activation, colour, marker in (("relu", 2, "o"), ("leaky_relu", 1, "s")):
        rates = [rate for name, rate in result if name == activation]
        found = [result[activation, rate] for rate in rates]
        shade = exhibit.COLOURS[colour]
        for axis, values in ((left, [f.dead for f in found]), (right, [f.accuracy for f in found])):
            axis.plot(rates, values, marker=marker, color=shade)
            exhibit.name_line(axis, rates[-1] * 1.1, values[-1], activation, shade)
    for axis, words in ((left, "dead hidden units"), (right, "accuracy on new images")):
        axis.set(xscale="log", xlabel="learning rate", ylim=(-0.03, 1.03), xlim=(None, 20))
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axis.set_title(words, fontsize=9)
    return left.figure


def main() -> int:
    """Prints the counts, and returns 0 where relu units die and leaky ones don't."""
    given = exhibit.arguments(__doc__ or "", "three rates and 5 epochs instead of 30")
    result = compute(given.quick)
    print("activation  learning rate    dead  accuracy")
    for (activation, rate), one in result.items():
        end = "  diverged" if one.diverged else ""
        print(f"{activation:<10}  {rate:13g}  {one.dead:6.1%}  {one.accuracy:8.1%}{end}")
    exhibit.save(picture(result), given.out, "dead_units")
    relu = [one.dead for (name, _), one in result.items() if name == "relu"]
    leaky = [one.dead for (name, _), one in result.items() if name == "leaky_relu"]
    return 0 if relu[-1] > relu[0] + 0.2 and not any(leaky) else 1


if __name__ == "__main__":
    sys.exit(main())
