"""Dropout on and off: a large network learns few digits by heart, wrong labels and all, or less so.

Run `python examples/dropout.py`. Two layers of 256 units learn 400 digits, a fifth of them with
wrong labels. Without dropout the loss on digits not seen turns and climbs, while that on the
training digits goes to 0; with half of the units dropped in each step both happens later and less.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import numpy as np
from digits_mlp import Data, load
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn, train

RATES = (0.0, 0.5)
ROWS, WRONG, EPOCHS, SEEDS = 400, 0.2, 100, 4


@dataclass(frozen=True, slots=True)
class Result:
    """Means over several seeds, for each rate of dropout.

    Attributes:
        epochs: where it was measured.
        known: loss on the training digits, as the network is used.
        unknown: loss on digits not seen.
        accuracy: share of those that are right, after the last epoch.
    """

    epochs: Any
    known: dict[float, Any]
    unknown: dict[float, Any]
    accuracy: dict[float, float]


def few(data: Data) -> dict[str, Any]:
    """Returns the first digits, a share of them with another label, drawn by a fixed seed."""
    generator = np.random.default_rng(0)
    labels = data.train_labels[:ROWS].copy()
    wrong = generator.choice(ROWS, int(WRONG * ROWS), replace=False)
    labels[wrong] = (labels[wrong] + generator.integers(1, 10, len(wrong))) % 10
    return {"images": data.train_images[:ROWS], "labels": labels}


def compute(quick: bool = False) -> Result:
    """Trains with and without dropout."""
    data = load()
    images, labels = gx.input("images", ("batch", 64)), gx.input("labels", ("batch",), gx.int32)
    known: dict[float, Any] = {}
    unknown: dict[float, Any] = {}
    accuracy: dict[float, float] = {}
    epochs: Any = None
    for rate in RATES:
        network = nn.Feedforward([64, 256, 256, 10], dropout=rate)
        logits = network(images)
        measures = {
            "loss": gx.categorical_cross_entropy(logits, labels),
            "accuracy": gx.mean(gx.cast(gx.argmax(logits, axis=-1) == labels, "float32")),
        }
        loss = gx.categorical_cross_entropy(network(images, training=True), labels)
        histories = [
            train.fit(
                loss, few(data),
                validation={"images": data.test_images, "labels": data.test_labels},
                evaluate=measures, learning_rate=2e-3, epochs=40 if quick else EPOCHS, seed=seed,
                batch_size=50, every=2, progress=False,
            ).history
            for seed in range(1 if quick else SEEDS)
        ]  # fmt: skip

        def mean(column: str, histories: Any = histories) -> Any:
            return np.mean([history[column] for history in histories], axis=0)

        epochs = histories[0]["epoch"]
        known[rate], unknown[rate] = mean("train.loss"), mean("validation.loss")
        accuracy[rate] = float(mean("validation.accuracy")[-1])
    return Result(epochs, known, unknown, accuracy)


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns both losses by epochs, with and without dropout."""
    panels = exhibit.axes(1, 2, sharey=True)[0]
    for axis, rate in zip(panels, RATES, strict=True):
        for words, losses, colour in (
            ("not seen", result.unknown[rate], exhibit.COLOURS[2]),
            ("trained on", result.known[rate], exhibit.COLOURS[1]),
        ):
            axis.semilogy(result.epochs, losses, color=colour)
            axis.annotate(
                words, (result.epochs[-1], losses[-1]), xytext=(0, 6), ha="right",
                textcoords="offset points", color=colour,
            )  # fmt: skip
        share = f"{result.accuracy[rate]:.1%} right"
        axis.set_title(f"dropout {rate:g}: {share}" if rate else f"no dropout: {share}")
        axis.set_xlabel("epoch")
    panels[0].set_ylabel("loss")
    return panels[0].figure


def main() -> int:
    """Prints both trainings, saves the picture; 0 where dropout holds the loss down."""
    given = exhibit.arguments(__doc__ or "", "one seed, 40 epochs")
    result = compute(given.quick)
    for rate in RATES:
        unknown = result.unknown[rate]
        print(
            f"dropout {rate:g}: loss {result.known[rate][-1]:.5f} on {ROWS} known digits, "
            f"{unknown[-1]:.3f} on new ones (least {unknown.min():.3f}), "
            f"{result.accuracy[rate]:.1%} right"
        )
    exhibit.save(picture(result), given.out, "dropout")
    return 0 if result.unknown[0.5][-1] < result.unknown[0.0][-1] else 1


if __name__ == "__main__":
    sys.exit(main())
