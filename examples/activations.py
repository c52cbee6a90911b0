"""All activations with their slopes, and how fast the digits network learns with each.

Run `python examples/activations.py`. The slopes are drawn by graphc's reverse pass; the network has
one hidden layer of 32 units and is trained with Adam, equally for all.
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

#: Names that a layer takes; "gelu" is the exact form.
NAMES = (
    "identity", "sigmoid", "hard_sigmoid", "tanh", "hard_tanh", "softsign", "relu", "relu6",
    "leaky_relu", "elu", "selu", "celu", "softplus", "silu", "mish", "gelu", "log_sigmoid", "sin",
    "square", "exp",
)  # fmt: skip
POINTS = np.linspace(-4, 4, 321).astype(np.float32)
GOAL = 0.95


@dataclass(frozen=True, slots=True)
class Result:
    """One activation.

    Attributes:
        values: at POINTS.
        slopes: the derivative there.
        epochs: after how many epochs it told 95 % of new images right; None if never.
        accuracy: on new images after the last epoch.
        trained: how many epochs there were.
    """

    values: Any
    slopes: Any
    epochs: int | None
    accuracy: float
    trained: int


def curve(name: str) -> tuple[Any, Any]:
    """Returns an activation and its slope at POINTS."""
    x = gx.input("x", ("points",))
    y = nn.activation_of(name)(x)
    return gx.evaluate([y, gx.grad(gx.sum(y), x)], x=POINTS)


def history(name: str, epochs: int, seed: int) -> Any:
    """Returns the accuracy on new images after each epoch of training with an activation."""
    images = gx.input("images", ("batch", 64))
    labels = gx.input("labels", ("batch",), gx.int32)
    logits = nn.Feedforward([64, 32, 10], name)(images)
    loss = gx.categorical_cross_entropy(logits, labels)
    right = gx.mean(gx.cast(gx.equal(gx.argmax(logits, axis=1), labels), "float32"))
    data = load()
    run = train.fit(
        loss,
        {"images": data.train_images, "labels": data.train_labels},
        validation={"images": data.test_images, "labels": data.test_labels},
        evaluate={"accuracy": right},
        learning_rate=0.003,
        epochs=epochs,
        seed=seed,
        progress=False,
    )
    return run.history["validation.accuracy"]


def compute(quick: bool = False) -> dict[str, Result]:
    """Draws every activation and trains with it; the accuracy is the mean of two trainings."""
    names = ("identity", "sigmoid", "relu", "sin") if quick else NAMES
    results: dict[str, Result] = {}
    for name in names:
        runs = [history(name, 8 if quick else 30, seed) for seed in range(1 if quick else 2)]
        accuracy = np.mean(runs, axis=0)
        reached = np.flatnonzero(accuracy >= GOAL)
        first = int(reached[0]) + 1 if len(reached) else None
        results[name] = Result(*curve(name), first, float(accuracy[-1]), len(accuracy))
    return results


@exhibit.in_style
def picture(result: dict[str, Result]) -> Figure:
    """Returns each activation (black) with its slope (blue), and what it reached."""
    columns = 4
    rows = -(-len(result) // columns)
    panels = exhibit.axes(rows, columns, height=1.5, sharex=True, sharey=True)
    for axis in panels.ravel()[len(result) :]:
        axis.set_axis_off()
    for axis, (name, one) in zip(panels.ravel(), result.items(), strict=False):
        axis.plot(POINTS, one.slopes, color=exhibit.COLOURS[1], ls="--", lw=1.3)
        axis.plot(POINTS, one.values, color="black")
        axis.set_title(name, fontsize=9)
        words = f"{one.epochs or 'no'} epochs, {one.accuracy:.1%}"
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axis.text(3.9, -1.85, words, ha="right", va="bottom", fontsize=8, bbox=behind)
        axis.set(xlim=(-4, 4), ylim=(-2, 3), xticks=(-4, 0, 4), yticks=(-2, 0, 2))
    figure = panels[0][0].figure
    figure.suptitle(
        "activation (full) and slope (dashed); epochs to 95 % of new digits, accuracy after "
        f"{next(iter(result.values())).trained}", fontsize=10, x=0.02, ha="left",
    )  # fmt: skip
    return figure


def main() -> int:
    """Prints a table, the fastest first; returns 0 where relu tells 90 % of new digits right."""
    given = exhibit.arguments(__doc__ or "", "four activations, 8 epochs, one training each")
    result = compute(given.quick)
    print("activation    epochs to 95 %  accuracy")
    for name, one in sorted(result.items(), key=lambda item: item[1].epochs or 10**6):
        print(f"{name:<12}  {one.epochs or '-':>14}  {one.accuracy:8.1%}")
    exhibit.save(picture(result), given.out, "activations")
    return 0 if result["relu"].accuracy > 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
