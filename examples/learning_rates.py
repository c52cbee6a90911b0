"""Learning rates: too low gets nowhere, too high leaves the finite numbers, and what lies between.

Run `python examples/learning_rates.py`. The digits network is trained by plain gradient descent
with rates from 0.001 to 3. Where the loss is no longer finite the training ends and says so; the
last finite values are kept.
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

RATES = (0.001, 0.01, 0.1, 0.5, 3.0)
EPOCHS = 40


@dataclass(frozen=True, slots=True)
class Course:
    """How one training went.

    Attributes:
        losses: mean loss of each epoch.
        accuracy: on images not seen, after the last epoch.
        stopped: why it ended, in the run's own words.
        diverged: whether it left the finite numbers.
    """

    losses: Any
    accuracy: float
    stopped: str
    diverged: bool


def network() -> tuple[gx.Node, gx.Node]:
    """Returns the loss of a 64-64-10 network with squares as activation, and the accuracy.

    Squares grow without bound, so that too large a step shows at once.
    """
    images, labels = gx.input("images", ("batch", 64)), gx.input("labels", ("batch",), gx.int32)
    logits = nn.Feedforward([64, 64, 10], gx.square)(images)
    right = gx.mean(gx.cast(gx.argmax(logits, axis=-1) == labels, "float32"))
    return gx.categorical_cross_entropy(logits, labels), right


def compute(quick: bool = False) -> dict[float, Course]:
    """Trains with each rate."""
    data = load()
    loss, right = network()
    found: dict[float, Course] = {}
    for rate in RATES:
        run = train.fit(
            loss, {"images": data.train_images, "labels": data.train_labels},
            validation={"images": data.test_images, "labels": data.test_labels},
            evaluate={"accuracy": right}, optimiser="sgd", learning_rate=rate,
            epochs=10 if quick else EPOCHS, batch_size=64, progress=False,
        )  # fmt: skip
        # A training that ends in its first epoch has no history.
        shares = [float("nan"), *run.history.get("validation.accuracy", ())]
        losses = np.array(run.history.get("loss", ()))
        found[rate] = Course(losses, float(shares[-1]), run.stopped, run.diverged)
    return found


@exhibit.in_style
def picture(result: dict[float, Course]) -> Figure:
    """Returns the loss by epochs for each rate."""
    axis = exhibit.axes(height=3.4)[0][0]
    whole, lost = axis.transAxes, 0
    for place, (rate, course) in enumerate(result.items()):
        colour = exhibit.COLOURS[place % len(exhibit.COLOURS)]
        epochs = np.arange(1, len(course.losses) + 1)
        finite = np.isfinite(course.losses)
        axis.semilogy(epochs[finite], course.losses[finite], color=colour)
        if course.diverged:
            words = f"{rate:g}: {course.stopped.split(':')[0]}"
            axis.text(0.99, 0.74 - 0.08 * lost, words, color=colour, ha="right", transform=whole)
            lost += 1
        else:
            exhibit.name_line(axis, epochs[-1], course.losses[-1], f"{rate:g}", colour)
    axis.set(xlabel="epoch", ylabel="loss", title="loss by learning rate")
    return axis.figure


def main() -> int:
    """Prints how each rate ended, saves the picture; 0 where one is good and one diverges."""
    given = exhibit.arguments(__doc__ or "", "10 epochs instead of 40")
    result = compute(given.quick)
    for rate, course in result.items():
        words = course.stopped if course.diverged else f"{course.accuracy:.1%} of new digits right"
        print(f"rate {rate:>6g}: {words}")
    exhibit.save(picture(result), given.out, "learning_rates")
    good = max(course.accuracy for course in result.values() if not course.diverged)
    return 0 if good > 0.9 and any(course.diverged for course in result.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
