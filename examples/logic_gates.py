"""One neuron as AND and as OR, and why no neuron is XOR.

Run `python examples/logic_gates.py`. A neuron with a threshold says 1 on one side of a line and 0
on the other: AND and OR are such halves of the plane, XOR is not.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exhibit
import numpy as np
from matplotlib.figure import Figure

import graphc as gx

#: All pairs of truth values, and what a gate makes of each.
INPUTS = np.array(list(itertools.product((0.0, 1.0), repeat=2)), np.float32)
GATES = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "XOR": (0, 1, 1, 0)}

#: Weights found by thought: the neuron fires where x1 + x2 passes the bias.
WEIGHTS = {"AND": ((1.0, 1.0), -1.5), "OR": ((1.0, 1.0), -0.5)}

#: The grid on which weights for XOR are looked for: -2, -1.75, ..., 2 for each of the three.
GRID = np.arange(-2.0, 2.25, 0.25, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Result:
    """What the neuron says for each gate, and the fewest errors a neuron makes on each."""

    answers: dict[str, list[int]]
    fewest_errors: dict[str, int]


def neuron() -> gx.Node:
    """Returns threshold(w . x + b) for rows of x, with three inputs: x, w and b."""
    x, w, b = gx.input("x", ("rows", 2)), gx.input("w", (2,)), gx.input("b")
    return gx.threshold(x @ w + b)


def compute(quick: bool = False) -> Result:
    """Evaluates the neuron with the weights above, and with every weight of the grid."""
    output = neuron()
    answers = {
        gate: [int(v) for v in gx.evaluate(output, x=INPUTS, w=w, b=b)]
        for gate, (w, b) in WEIGHTS.items()
    }
    w, b = gx.input("w", ("tries", 2)), gx.input("b", ("tries",))
    x = gx.constant(INPUTS)
    tried = gx.threshold(w @ x.T + b[:, None])
    found = np.array(list(itertools.product(GRID, GRID, GRID)))
    fires = gx.evaluate(tried, w=found[:, :2], b=found[:, 2])
    errors = {
        gate: int(np.min(np.sum(fires != np.array(wanted), axis=1)))
        for gate, wanted in GATES.items()
    }
    return Result(answers, errors)


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the plane of inputs for each gate: where the neuron fires is shaded."""
    panels = exhibit.axes(1, 3, height=2.7, sharex=True, sharey=True)
    side = np.linspace(-0.4, 1.4, 181)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype(np.float32)
    output = neuron()
    for axis, (gate, wanted) in zip(panels[0], GATES.items(), strict=True):
        if gate in WEIGHTS:
            w, b = WEIGHTS[gate]
            fires = np.asarray(gx.evaluate(output, x=grid, w=w, b=b)).reshape(181, 181)
            axis.contourf(side, side, fires, levels=[0.5, 1.5], colors=["#D9E8F5"])
            words = "fires where shaded"
        else:
            words = f"at best {result.fewest_errors[gate]} error"
        axis.set_title(f"{gate}: {words}", fontsize=9)
        for (x1, x2), value in zip(INPUTS, wanted, strict=True):
            axis.plot(x1, x2, "o", ms=11, mec="black", mfc="black" if value else "white")
        axis.set(xlabel="$x_1$", xticks=(0, 1), yticks=(0, 1), xlim=(-0.4, 1.4), ylim=(-0.4, 1.4))
        axis.set_aspect("equal")
        axis.grid(visible=False)
    panels[0][0].set_ylabel("$x_2$")
    return panels[0][0].figure


def main() -> int:
    """Prints the truth tables, saves the picture, and returns 0 where the gates are right."""
    given: Any = exhibit.arguments(__doc__ or "", "the same: it takes a second")
    result = compute()
    for gate, answer in result.answers.items():
        w, b = WEIGHTS[gate]
        print(f"{gate:>3}: threshold({w[0]:g} x1 + {w[1]:g} x2 {b:+g}) on 00 01 10 11 = {answer}")
    tries = len(GRID) ** 3
    print(f"XOR: of {tries:,} neurons, the best makes {result.fewest_errors['XOR']} error")
    exhibit.save(picture(result), Path(given.out), "logic_gates")
    right = all(tuple(result.answers[g]) == GATES[g] for g in WEIGHTS)
    return 0 if right and result.fewest_errors["XOR"] == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
