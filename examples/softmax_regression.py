"""Softmax regression on handwritten digits, and what its weights look like.

Run `python examples/softmax_regression.py`, or
`graphc compare examples/softmax_regression.py --out out`. A network without a hidden layer has one
image of weights for each class: ink where it is blue speaks for the digit, ink where it is red
against it.
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

#: Weight of the penalty on squared weights, without which they grow for ever.
PENALTY = 1e-3


@dataclass(frozen=True, slots=True)
class Result:
    """What training gave.

    Attributes:
        weights: `f32[10, 8, 8]`, an image for each class.
        accuracy: on images it was trained on, and on others.
        loss: on others, after each epoch.
        by_class: for each class, the share of its test images that were told right.
    """

    weights: Any
    accuracy: dict[str, float]
    loss: Any
    by_class: Any


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The graph: inputs, scores of the classes, cross-entropy and with the penalty, accuracy."""

    images: gx.Node
    labels: gx.Node
    logits: gx.Node
    loss: gx.Node
    penalised: gx.Node
    accuracy: gx.Node


def build() -> Model:
    """Returns logits = images w + b and softmax cross-entropy."""
    images = gx.input("images", ("batch", 64))
    labels = gx.input("labels", ("batch",), gx.int32)
    logits = nn.Dense(10, weight_init="zeros", name="scores")(images)
    loss = gx.categorical_cross_entropy(logits, labels)
    right = gx.mean(gx.cast(gx.equal(gx.argmax(logits, axis=1), labels), "float32"))
    penalised = loss + nn.l2(nn.parameters(loss), PENALTY)
    return Model(images, labels, logits, loss, penalised, right)


def compute(quick: bool = False) -> Result:
    """Trains on four fifths of the 1,797 digits."""
    model, data = build(), load()
    test = {"images": data.test_images, "labels": data.test_labels}
    run = train.fit(
        model.penalised,
        {"images": data.train_images, "labels": data.train_labels},
        validation=test,
        evaluate={"loss": model.loss, "accuracy": model.accuracy},
        learning_rate=0.01,
        epochs=20 if quick else 60,
        progress=False,
    )
    weight = run.values["scores.weight"]
    logits = np.asarray(gx.evaluate(model.logits, {"images": data.test_images, **run.values}))
    right = np.argmax(logits, axis=1) == data.test_labels
    return Result(
        np.asarray(weight).T.reshape(10, 8, 8),
        {
            "trained on": float(run.history["train.accuracy"][-1]),
            "not seen": float(run.history["validation.accuracy"][-1]),
        },
        run.history["validation.loss"],
        np.array([right[data.test_labels == digit].mean() for digit in range(10)]),
    )


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the weights of the ten classes as images."""
    panels = exhibit.axes(2, 5, height=1.75)
    most = float(np.abs(result.weights).max())
    shown: Any = None
    for digit, axis in enumerate(panels.ravel()):
        shown = axis.imshow(result.weights[digit], cmap="RdBu", vmin=-most, vmax=most)
        rows, columns = np.nonzero(result.weights[digit] < -0.4 * most)
        axis.plot(columns, rows, "_", color="white", ms=6)
        axis.set_title(f"{digit}: {result.by_class[digit]:.0%} right", fontsize=9)
        axis.set(xticks=(), yticks=())
        axis.grid(visible=False)
    bar = panels[0][0].figure.colorbar(shown, ax=panels, shrink=0.7, pad=0.02)
    bar.set_label("weight (red, minus sign: against)")
    bar.outline.set_visible(False)
    return panels[0][0].figure


def problems(images: int = 32) -> list[gx.Problem]:
    """Returns the loss at the start, where all weights are 0, with its gradient by hand.

    Args:
        images: how many test images it is compared on.
    """
    model, data = build(), load()
    nodes = {node.params["name"]: node for node in nn.flat(nn.parameters(model.loss)).values()}
    weight, bias = nodes["scores.weight"], nodes["scores.bias"]
    is_label = gx.cast(gx.equal(model.labels[:, None], gx.arange(10)), "float32")
    # The slope of the mean cross-entropy by the logits.
    slope = (gx.softmax(model.logits) - is_label) / gx.sum(is_label)
    rows = {"images": data.test_images[:images], "labels": data.test_labels[:images]}
    start = {"scores.weight": np.zeros((64, 10), np.float32), "scores.bias": np.zeros(10)}
    return [
        gx.Problem(
            model.loss, {**rows, **start}, wrt=[weight, bias], name="softmax regression, start",
            analytic={weight: model.images.T @ slope, bias: gx.sum(slope, axis=0)},
        )
    ]  # fmt: skip


def main() -> int:
    """Prints the accuracies, and returns 0 where nine of ten new digits are told right."""
    given = exhibit.arguments(__doc__ or "", "20 epochs instead of 60")
    result = compute(given.quick)
    for part, value in result.accuracy.items():
        print(f"accuracy on images {part}: {value:.1%}")
    worst = int(np.argmin(result.by_class))
    print(f"hardest is {worst}: {result.by_class[worst]:.0%} of its new images are told right")
    exhibit.save(picture(result), given.out, "softmax_regression", "png")
    return 0 if result.accuracy["not seen"] > 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
