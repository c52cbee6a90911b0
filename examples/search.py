"""Grid search against random search, over the same number of settings.

Run `python examples/search.py`. The loss hangs on the learning rate much more than on the penalty.
A grid of 36 settings tries 6 learning rates, each of them 6 times; 36 random settings try 36. Which
layout wins is a matter of luck, so both are searched with several seeds.
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

SIDE, EPOCHS, SEEDS = 6, 20, 5
RATES, PENALTIES = (1e-4, 3.0), (1e-6, 1e-1)


@dataclass(frozen=True, slots=True)
class Result:
    """What both layouts found.

    Attributes:
        trials: by name, all trials with the first seed, best first.
        best: by name, the least loss for each seed.
    """

    trials: dict[str, train.Trials]
    best: dict[str, list[float]]


def compute(quick: bool = False) -> Result:
    """Searches both ways over one validation part, all runs of a layout as one program."""
    side = 4 if quick else SIDE
    data = load()
    images, labels = gx.input("images", ("batch", 64)), gx.input("labels", ("batch",), gx.int32)
    logits = nn.Feedforward([64, 32, 10])(images)
    loss = gx.categorical_cross_entropy(logits, labels)
    penalty = gx.input("penalty")
    objective = loss + penalty * nn.l2(nn.parameters(loss), 1.0)
    options: dict[str, Any] = {
        "evaluate": {"loss": loss}, "optimiser": "momentum", "batch_size": 64,
        "epochs": 6 if quick else EPOCHS, "progress": False,
    }  # fmt: skip
    rows = {"images": data.train_images, "labels": data.train_labels}
    grid = {
        "learning_rate": np.geomspace(*RATES, side).tolist(),
        "penalty": np.geomspace(*PENALTIES, side).tolist(),
    }
    laws = {
        "learning_rate": train.log_uniform(*RATES),
        "penalty": train.log_uniform(*PENALTIES),
    }
    trials: dict[str, train.Trials] = {}
    best: dict[str, list[float]] = {"grid": [], "random": []}
    for seed in range(1 if quick else SEEDS):
        options["seed"] = seed
        found = {
            "grid": train.search(objective, rows, grid=grid, **options),
            "random": train.search(objective, rows, random=laws, runs=side * side, **options),
        }
        trials = trials or found
        for name, one in found.items():
            best[name].append(one.best.score)
    return Result(trials, best)


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns both layouts, larger points for a smaller loss; crosses where a run diverged."""
    panels = exhibit.axes(1, 2, sharey=True)[0]
    for axis, (name, found) in zip(panels, result.trials.items(), strict=True):
        for trial in found.trials:
            at = trial.setting["learning_rate"], trial.setting["penalty"]
            if trial.diverged or not np.isfinite(trial.score):
                axis.plot(*at, "x", color=exhibit.COLOURS[2], ms=5)
            else:
                size = float(np.clip(2.5 / np.sqrt(trial.score), 1.5, 12))
                axis.plot(*at, "o", color=exhibit.COLOURS[1], ms=size, mec="white", mew=0.5)
        best = found.best
        axis.plot(
            best.setting["learning_rate"], best.setting["penalty"], "o", ms=15, mfc="none",
            mec="black",
        )  # fmt: skip
        axis.set(xscale="log", yscale="log", xlabel="learning rate")
        axis.set_title(f"{name}: least loss {best.score:.3f} (ring)", fontsize=9)
    panels[0].set_ylabel("weight of the L2 penalty")
    return panels[0].figure


def main() -> int:
    """Prints the best of both layouts, saves the picture; 0 where both found a good setting."""
    given = exhibit.arguments(__doc__ or "", "16 settings of each layout, 6 epochs, one seed")
    result = compute(given.quick)
    for name, found in result.trials.items():
        best = found.best
        rates = {trial.setting["learning_rate"] for trial in found.trials}
        lost = sum(trial.diverged > 0 for trial in found.trials)
        print(
            f"{name}: {len(found.trials)} settings, {len(rates)} learning rates, {lost} diverged; "
            f"least loss {best.score:.4f} at rate {best.setting['learning_rate']:.3g}, "
            f"penalty {best.setting['penalty']:.2g}"
        )
        words = ", ".join(f"{score:.3f}" for score in result.best[name])
        print(f"    least loss by seed: {words}")
    exhibit.save(picture(result), given.out, "search")
    return 0 if all(found.best.score < 0.5 for found in result.trials.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
