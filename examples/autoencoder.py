"""Digits squeezed into eight numbers: an autoencoder against principal components.

Run `python examples/autoencoder.py`. Principal components are the best that a linear map to eight
numbers and back can do, and a linear autoencoder finds just them; with a hidden layer on each side
the network bends the space of codes and gets closer.
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

#: How many numbers a digit is squeezed into.
CODE = 8

MODELS = {
    "linear autoencoder": nn.Sequential([nn.Dense(CODE), nn.Dense(64)]),
    "autoencoder": nn.Sequential(
        [nn.Dense(64, "relu"), nn.Dense(CODE), nn.Dense(64, "relu"), nn.Dense(64)]
    ),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What each way makes of the digits.

    Attributes:
        errors: for each way, the share of the variance that is lost: of the digits it was fitted
            to, and of others.
        digits: one image of each digit that was not seen in training, `f32[10, 64]`.
        restored: for each way, the same from its eight numbers.
    """

    errors: dict[str, tuple[float, float]]
    digits: Any
    restored: dict[str, Any]


def principal(train_images: Any, images: Any) -> Any:
    """Returns images as their first components restore them: mean + (x - mean) V V'."""
    known, x = gx.input("known", train_images.shape), gx.input("x", ("batch", 64))
    mean = gx.mean(known, axis=0)
    axes = gx.linalg.svd(known - mean, full_matrices=False)[2][:CODE]
    restored = mean + (x - mean) @ axes.T @ axes
    return gx.evaluate(restored, known=train_images, x=images)


def fitted(model: nn.Sequential, images: Any, epochs: int) -> Any:
    """Returns a function that squeezes and restores, after training on images."""
    x = gx.input("x", ("batch", 64))
    restored = model(x)
    run = train.fit(
        gx.mean(gx.square(restored - x)),
        {"x": images},
        learning_rate=train.cosine(5e-3, epochs),
        epochs=epochs,
        progress=False,
    )
    return lambda rows: gx.evaluate(restored, {"x": rows, **run.values})


def lost(images: Any, restored: Any, mean: Any) -> float:
    """Returns the squared error as a share of that of the mean image."""
    return float(np.sum((restored - images) ** 2) / np.sum((images - mean) ** 2))


def compute(quick: bool = False) -> Result:
    """Fits all three to four fifths of the 1,797 digits."""
    data = load()
    known, others = data.train_images, data.test_images
    ways: dict[str, Any] = {"principal components": lambda rows: principal(known, rows)}
    for name, model in MODELS.items():
        ways[name] = fitted(model, known, 60 if quick else 300)
    mean = known.mean(axis=0)
    errors = {
        name: (lost(known, way(known), mean), lost(others, way(others), mean))
        for name, way in ways.items()
    }
    first = [int(np.argmax(data.test_labels == digit)) for digit in range(10)]
    return Result(errors, others[first], {name: way(others[first]) for name, way in ways.items()})


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns ten digits, and what is left of them after eight numbers."""
    rows = {"digit": result.digits} | {
        name: result.restored[name] for name in ("principal components", "autoencoder")
    }
    panels = exhibit.axes(3, 10, height=0.8)
    for line, (name, images) in zip(panels, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=True):
            axis.imshow(image.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
            axis.set(xticks=(), yticks=())
            axis.grid(visible=False)
            axis.spines[:].set_visible(False)
        words = "64 numbers" if name == "digit" else f"{result.errors[name][1]:.0%} lost"
        line[0].set_ylabel(
            f"{name.replace(' ', chr(10))}\n{words}", rotation=0, ha="right", va="center"
        )
    return panels[0][0].figure


def main() -> int:
    """Prints what is lost, and returns 0 where the autoencoder loses less than components do."""
    given = exhibit.arguments(__doc__ or "", "60 epochs instead of 300")
    result = compute(given.quick)
    print(f"share of the variance that is lost in {CODE} numbers")
    print(f"{'':<22}{'digits fitted to':>17}{'other digits':>14}")
    for name, (mine, others) in result.errors.items():
        print(f"{name:<22}{mine:>17.2%}{others:>14.2%}")
    exhibit.save(picture(result), given.out, "autoencoder", "png")
    best = result.errors["principal components"]
    return 0 if result.errors["autoencoder"][1] < best[1] else 1


if __name__ == "__main__":
    sys.exit(main())
