"""Why weights must not begin equal: the digits network from zeros, from equals, from chance.

Run `python examples/symmetry.py`. Hidden units that begin alike get the same slope at every step,
so they stay alike for ever: 32 units then do the work of one. graphc warns of it.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from typing import Any

import exhibit
import numpy as np
from digits_mlp import load
from matplotlib.figure import Figure

import graphc as gx
from graphc import nn, train

#: First values of both weight matrices, by the name of the try.
STARTS: dict[str, Any] = {"zeros": "zeros", "all 0.1": 0.1, "chance": "he"}
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Try:
    """What one initialisation led to.

    Attributes:
        weights: of the first layer after training, `f32[64, 32]`: a column for each hidden unit.
        different: how many different columns there are among the 32.
        accuracy: on images not seen in training, after each epoch.
        warned: the first line of the SymmetryWarning, empty where there was none.
    """

    weights: Any
    different: int
    accuracy: Any
    warned: str


def trained(start: Any, epochs: int) -> Try:
    """Trains the 64-32-10 network from one kind of first weights."""
    images = gx.input("images", ("batch", 64))
    labels = gx.input("labels", ("batch",), gx.int32)
    logits = nn.Feedforward([64, 32, 10], "relu", weight_init=start)(images)
    loss = gx.categorical_cross_entropy(logits, labels)
    right = gx.mean(gx.cast(gx.equal(gx.argmax(logits, axis=1), labels), "float32"))
    data = load()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", nn.SymmetryWarning)
        run = train.fit(
            loss,
            {"images": data.train_images, "labels": data.train_labels},
            validation={"images": data.test_images, "labels": data.test_labels},
            evaluate={"accuracy": right},
            learning_rate=0.01,
            epochs=epochs,
            progress=False,
        )
    words = [str(w.message) for w in caught if issubclass(w.category, nn.SymmetryWarning)]
    weights = run.values["dense1.weight"]
    different = len(np.unique(weights.T, axis=0))
    return Try(weights, different, run.history["validation.accuracy"], "".join(words[:1]))


def compute(quick: bool = False) -> dict[str, Try]:
    """Trains from each kind of first weights."""
    return {name: trained(start, 8 if quick else 30) for name, start in STARTS.items()}


@exhibit.in_style
def picture(result: dict[str, Try]) -> Figure:
    """Returns the weights of six hidden units and the accuracy by epochs, a row for each try."""
    panels = exhibit.axes(
        len(result), SHOWN + 1, height=1.35, gridspec_kw={"width_ratios": [1] * SHOWN + [2.6]}
    )
    for row, (name, one) in zip(panels, result.items(), strict=True):
        # White where all weights are zero.
        most = float(np.abs(one.weights).max()) or 1.0
        for unit, axis in enumerate(row[:SHOWN]):
            image = one.weights[:, unit].reshape(8, 8)
            axis.imshow(image, cmap="RdBu", vmin=-most, vmax=most)
            axis.set(xticks=(), yticks=())
            axis.grid(visible=False)
        row[0].set_ylabel(name)
        epochs = np.arange(1, len(one.accuracy) + 1)
        row[-1].plot(epochs, one.accuracy, color="black")
        row[-1].set(ylim=(0, 1.05), yticks=(0, 0.5, 1), xlim=(0, epochs[-1]))
        row[-1].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        row[-1].text(
            epochs[-1], 0.55 if one.accuracy[-1] > 0.8 else one.accuracy[-1] + 0.12,
            f"{one.accuracy[-1]:.1%}", ha="right",
        )  # fmt: skip
    for row in panels[:-1]:
        row[-1].set_xticklabels([])
    for unit in range(SHOWN):
        panels[0][unit].set_title(f"unit {unit + 1}", fontsize=9)
    panels[0][-1].set_title("accuracy, new images", fontsize=9)
    panels[-1][-1].set_xlabel("epochs")
    return panels[0][0].figure


def main() -> int:
    """Prints what became of each try, and returns 0 where only chance told the units apart."""
    given = exhibit.arguments(__doc__ or "", "8 epochs instead of 30")
    result = compute(given.quick)
    print("first weights  accuracy  different hidden units of 32")
    for name, one in result.items():
        print(f"{name:>13}  {one.accuracy[-1]:8.1%}  {one.different:9}")
    print(f"the warning for equal weights: {result['all 0.1'].warned}")
    exhibit.save(picture(result), given.out, "symmetry", "png")
    held = [one.different == 1 and bool(one.warned) for one in result.values()]
    return 0 if held == [True, True, False] and result["chance"].accuracy[-1] > 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
