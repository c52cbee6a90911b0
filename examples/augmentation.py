"""Data augmentation: a network that saw shifted digits knows shifted digits.

Run `python examples/augmentation.py`. A dense network learns each pixel by itself, so that digits
moved by one pixel are strange to it. Trained on digits that are moved anew in every epoch, it is
not put out by that.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import digits_mlp
import exhibit
import numpy as np
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn, train

SHIFTS = (0, 1, 2)
EPOCHS, HIDDEN = 60, 128


@dataclass(frozen=True, slots=True)
class Result:
    """Accuracy on test digits that are moved by 0, 1 and 2 pixels, for both trainings.

    Attributes:
        accuracy: by the name of the training, one share for each of SHIFTS.
        samples: f32[3, 8, 8], a test digit moved by each of SHIFTS.
    """

    accuracy: dict[str, list[float]]
    samples: Any


def moved(images: Any, down: Any, right: Any) -> Any:
    """Returns images f32[n, 64] moved by whole pixels, i64[n] each; what leaves is lost.

    The border that comes in is black.
    """
    padded = np.pad(np.asarray(images).reshape(-1, 8, 8), ((0, 0), (2, 2), (2, 2)))
    count = np.arange(len(padded))[:, None, None]
    rows = 2 - np.asarray(down)[:, None, None] + np.arange(8)[:, None]
    columns = 2 - np.asarray(right)[:, None, None] + np.arange(8)
    return padded[count, rows, columns].reshape(-1, 64)


def augment(data: dict[str, Any], generator: np.random.Generator) -> dict[str, Any]:
    """Returns a training part whose images are moved by up to one pixel each way."""
    down, right = generator.integers(-1, 2, size=(2, len(data["images"])))
    return {**data, "images": moved(data["images"], down, right)}


def shifted(images: Any, pixels: int) -> Any:
    """Returns images each moved by so many pixels in one of eight directions, drawn by a seed."""
    ways = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)])
    chosen = ways[np.random.default_rng(0).integers(8, size=len(images))] * pixels
    return moved(images, chosen[:, 0], chosen[:, 1])


def compute(quick: bool = False) -> Result:
    """Trains with and without moved digits and tests on moved ones."""
    found = digits_mlp.load()
    images, labels = gx.input("images", ("batch", 64)), gx.input("labels", ("batch",), gx.int32)
    logits = nn.Feedforward([64, HIDDEN, 10])(images)
    loss = gx.categorical_cross_entropy(logits, labels)
    right = gx.mean(gx.cast(gx.argmax(logits, axis=-1) == labels, "float32"))
    data = {"images": found.train_images, "labels": found.train_labels}
    accuracy: dict[str, list[float]] = {}
    for name, change in (("as they are", None), ("moved anew in every epoch", augment)):
        run = train.fit(
            loss, data, epochs=15 if quick else EPOCHS, batch_size=64, learning_rate=3e-3,
            augment=change, progress=False,
        )  # fmt: skip
        accuracy[name] = [
            float(gx.evaluate(right, {
                "images": shifted(found.test_images, pixels), "labels": found.test_labels,
                **run.values,
            }))
            for pixels in SHIFTS
        ]  # fmt: skip
    sample = [shifted(found.test_images[:1], pixels)[0].reshape(8, 8) for pixels in SHIFTS]
    return Result(accuracy, np.array(sample))


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the accuracy by shift for both trainings, above a digit moved so far."""
    panels = exhibit.axes(2, 3, height=1.9, gridspec_kw={"height_ratios": (2.4, 1)})
    figure = panels[0, 0].figure
    grid = panels[0, 0].get_gridspec()
    for axis in panels[0]:
        axis.remove()
    above = figure.add_subplot(grid[0, :])
    for colour, (name, shares) in zip(exhibit.COLOURS[1:], result.accuracy.items(), strict=False):
        above.plot(SHIFTS, [100 * share for share in shares], "o-", color=colour)
        above.annotate(
            f"trained on digits {name}", (SHIFTS[1], 100 * shares[1]),
            xytext=(8, 6), textcoords="offset points", color=colour,
        )  # fmt: skip
    above.set(ylabel="accuracy, %", xticks=SHIFTS, xlim=(-0.5, 2.5), ylim=(0, 112))
    for axis, image, pixels in zip(panels[1], result.samples, SHIFTS, strict=True):
        axis.imshow(image, cmap="Greys")
        axis.set_axis_off()
        axis.set_title(f"moved by {pixels}", loc="center", fontsize=9)
    return figure


def main() -> int:
    """Prints the accuracies, saves the picture; 0 where augmentation helps on moved digits."""
    given = exhibit.arguments(__doc__ or "", "15 epochs instead of 60")
    result = compute(given.quick)
    for name, shares in result.accuracy.items():
        words = ", ".join(f"{s:.1%} moved by {n}" for n, s in zip(SHIFTS, shares, strict=True))
        print(f"trained on digits {name}: {words}")
    exhibit.save(picture(result), given.out, "augmentation")
    plain, helped = result.accuracy.values()
    return 0 if helped[1] > plain[1] else 1


if __name__ == "__main__":
    sys.exit(main())
