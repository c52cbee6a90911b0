"""A small convolutional network that tells ten kinds of clothes apart: Fashion-MNIST.

Run `python examples/fashion_mnist.py`. The data are Debian's: `apt-get install
dataset-fashion-mnist`, or its four files in the folder that the environment variable FASHION_MNIST
names. Without them the example says so and does nothing.
"""

from __future__ import annotations

import gzip
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exhibit
import numpy as np
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn, train

FOLDER = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
FILES = {"images": "images-idx3-ubyte.gz", "labels": "labels-idx1-ubyte.gz"}
CLASSES = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip

MODEL = nn.Sequential([
    nn.Conv(16, 3, padding="same"), nn.BatchNorm(), "relu", nn.MaxPool(2),
    nn.Conv(32, 3, padding="same"), nn.BatchNorm(), "relu", nn.MaxPool(2),
    nn.Flatten(), nn.Dropout(0.3), nn.Dense(64, "relu"), nn.Dropout(0.3), nn.Dense(10),
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What training gave.

    Attributes:
        numbers: how many the network has that are trained.
        history: accuracy after each epoch, on images it was trained on and on the test images.
        seconds: the training took.
        images: the test images, `f32[n, 28, 28, 1]`, from 0 to 1.
        labels: their classes.
        chances: of the ten classes for each, as the network sees them.
    """

    numbers: int
    history: dict[str, Any]
    seconds: float
    images: Any
    labels: Any
    chances: Any

    @property
    def accuracy(self) -> float:
        """The share of test images that are told right."""
        return float(np.mean(np.argmax(self.chances, axis=1) == self.labels))


def found() -> bool:
    """Tells whether the data are there."""
    return all((FOLDER / f"{p}-{f}").exists() for p in ("train", "t10k") for f in FILES.values())


def load(part: str, count: int | None = None) -> dict[str, Any]:
    """Returns images in [0, 1] and labels of a part, "train" or "t10k": the first `count`."""
    read = {
        name: np.frombuffer(gzip.decompress((FOLDER / f"{part}-{file}").read_bytes()), np.uint8)
        for name, file in FILES.items()
    }
    # The files begin with a magic number and their sizes, four bytes each.
    images = read["images"][16:].reshape(-1, 28, 28, 1)[:count]
    return {"images": images.astype(np.float32) / 255, "labels": read["labels"][8:][:count]}


def compute(quick: bool = False) -> Result:
    """Trains for six epochs on all 60,000 images; quick: for three on 5,000."""
    images = gx.input("images", ("batch", 28, 28, 1))
    labels = gx.input("labels", ("batch",), gx.int32)
    logits = MODEL(images)
    right = gx.mean(gx.cast(gx.equal(gx.argmax(logits, axis=1), labels), "float32"))
    epochs = 3 if quick else 6
    test = load("t10k", 1000 if quick else None)
    run = train.fit(
        gx.categorical_cross_entropy(MODEL(images, training=True), labels),
        load("train", 5000 if quick else None),
        validation=test,
        evaluate={"loss": gx.categorical_cross_entropy(logits, labels), "accuracy": right},
        learning_rate=train.cosine(3e-3, epochs),
        epochs=epochs,
        batch_size=64,
    )
    chance = gx.compile(gx.softmax(logits), [nn.parameters(logits), nn.state(logits), images])
    parts = np.split(test["images"], 10)
    return Result(
        nn.count(logits),
        run.history,
        float(run.times["seconds"]),
        test["images"],
        test["labels"],
        np.concatenate([np.asarray(chance(run.parameters, run.state, part)) for part in parts]),
    )


def confusion(result: Result) -> Any:
    """Returns the share of each class (row) that is taken for each class (column)."""
    counts = np.zeros((10, 10))
    np.add.at(counts, (result.labels, np.argmax(result.chances, axis=1)), 1)
    return counts / counts.sum(axis=1, keepdims=True)


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns what is taken for what, and the nine mistakes the network is surest of."""
    figure = Figure(figsize=(exhibit.WIDTH, 3.7), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=(1.35, 1))
    left, right = parts
    axis, shares = left.subplots(), confusion(result)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(shares > 0.005):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = f"{100 * shares[row, column]:.0f}"
        axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    axis.set_xticks(range(10), CLASSES, rotation=45, ha="right", rotation_mode="anchor")
    axis.set(yticks=range(10), yticklabels=CLASSES, ylabel="is", xlabel="is taken for")
    axis.set_title(f"{result.accuracy:.1%} right (in the squares: %)")
    axis.grid(visible=False)
    guess = np.argmax(result.chances, axis=1)
    sure = np.where(guess == result.labels, -1, result.chances.max(axis=1))
    right.suptitle("Surest mistakes: what it is, not what it is taken for", fontsize=7.5)
    panels: Any = right.subplots(3, 3)
    for axis, place in zip(panels.ravel(), np.argsort(-sure), strict=False):
        axis.imshow(result.images[place, :, :, 0], cmap="Greys")
        axis.set_title(
            f"{CLASSES[result.labels[place]]},\nnot {CLASSES[guess[place]]}", fontsize=7, loc="left"
        )
        axis.set_axis_off()
    return figure


def main() -> int:
    """Prints the accuracy, and returns 0 where it is over 90 % (80 % in the quick run)."""
    given = exhibit.arguments(__doc__ or "", "three epochs on 5,000 images")
    if not found():
        print(f"skipped: no data in {FOLDER}; apt-get install dataset-fashion-mnist")
        return 0
    result = compute(given.quick)
    print(f"{result.numbers:,} numbers, trained in {result.seconds:.0f} s; right after each epoch:")
    for epoch, mine, test in zip(
        *(result.history[n] for n in ("epoch", "train.accuracy", "validation.accuracy")),
        strict=True,
    ):
        print(f"  epoch {epoch:2.0f}: {mine:.1%} of images trained on, {test:.1%} of test images")
    shares = confusion(result) * (1 - np.eye(10))
    row, column = np.unravel_index(np.argmax(shares), shares.shape)
    print(
        f"{result.accuracy:.2%} of {len(result.labels):,} test images are told right; hardest: "
        f"{shares[row, column]:.0%} of class {CLASSES[row]} are taken for {CLASSES[column]}"
    )
    exhibit.save(picture(result), given.out, "fashion_mnist", "png")
    return 0 if result.accuracy > (0.8 if given.quick else 0.9) else 1


if __name__ == "__main__":
    sys.exit(main())
