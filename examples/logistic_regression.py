"""Logistic regression on the Wisconsin breast-cancer data, with its gradient derived by hand.

Run `python examples/logistic_regression.py`, or
`graphc compare examples/logistic_regression.py --out out`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import graphc as gx

#: Weight of the penalty lambda/2 |w|**2.
PENALTY = 0.01


@dataclass(frozen=True, slots=True)
class Data:
    """Measurements `f64[n, 30]` in standard units, and 1.0 where a tumour is benign."""

    train_x: Any
    train_y: Any
    test_x: Any
    test_y: Any


def load() -> Data:
    """Returns the data in two parts; the units come from the training part alone."""
    loaded: Any = load_breast_cancer(return_X_y=True)
    x, y = loaded
    parts: Any = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    train_x, test_x, train_y, test_y = parts
    mean, scale = train_x.mean(axis=0), train_x.std(axis=0)
    return Data(
        (train_x - mean) / scale,
        train_y.astype(float),
        (test_x - mean) / scale,
        test_y.astype(float),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The graph: inputs, parameters, the loss, and its gradient as a person derives it."""

    x: gx.Node
    y: gx.Node
    w: gx.Node
    b: gx.Node
    loss: gx.Node
    by_hand: dict[gx.Node, gx.Node]


def build() -> Model:
    """Returns the mean cross-entropy of sigmoid(x w + b) with the penalty on w.

    With z = x w + b and a = sigmoid(z), -log of the likelihood of y is softplus(z) - y z: this form
    neither overflows nor cancels. Its slope by z is a - y.
    """
    x = gx.input("x", ("patients", 30), gx.float64)
    y = gx.input("y", ("patients",), gx.float64)
    w = gx.param("w", (30,), gx.float64)
    b = gx.param("b", (), gx.float64)
    z = x @ w + b
    loss = gx.mean(gx.softplus(z) - y * z) + PENALTY / 2 * gx.sum(w * w)
    # The mean's 1/n is inside: x^T (a - y) / n.
    error = gx.sigmoid(z) - y
    by_hand = {w: gx.mean(x * error[:, None], axis=0) + PENALTY * w, b: gx.mean(error)}
    return Model(x, y, w, b, loss, by_hand)


def fit(model: Model, data: Data) -> tuple[Any, float]:
    """Returns w and b at the minimum, found by SciPy's L-BFGS with graphc's compiled gradient."""
    step = gx.compile(
        gx.value_and_grad(model.loss, [model.w, model.b]), [[model.w, model.b], model.x, model.y]
    )

    def loss_and_slope(flat: Any) -> tuple[float, Any]:
        loss, (by_w, by_b) = step([flat[:-1], flat[-1]], data.train_x, data.train_y)
        return float(loss), np.append(by_w, by_b)

    found = minimize(loss_and_slope, np.zeros(31), jac=True, options={"gtol": 1e-10})
    return found.x[:-1], float(found.x[-1])


def accuracy(w: Any, b: float, data: Data) -> float:
    """Returns the share of the test part that is told right."""
    return float(np.mean((data.test_x @ w + b > 0) == data.test_y))


def problems(patients: int | None = None) -> list[gx.Problem]:
    """Returns the loss at the start (all zeros) and at its minimum, on the training part.

    Args:
        patients: how many rows are compared on; all without it.
    """
    jax.config.update("jax_enable_x64", True)  # the graph is float64
    model, data = build(), load()
    w, b = fit(model, data)
    print(f"test accuracy {accuracy(w, b, data):.1%}", file=sys.stderr)
    rows = {"x": data.train_x[:patients], "y": data.train_y[:patients]}
    return [
        gx.Problem(
            model.loss,
            {**rows, "w": at_w, "b": at_b},
            wrt=[model.w, model.b],
            name=f"logistic regression, {name}",
            description="Mean cross-entropy with an L2 penalty; the gradient derived by hand is "
            "x^T (a - y) / n + lambda w, and the mean of a - y.",
            analytic=model.by_hand,
        )
        for name, at_w, at_b in (("start", np.zeros(30), 0.0), ("trained", w, b))
    ]


def report(found: Sequence[gx.Problem], folder: Path) -> bool:
    """Compares the engines on each problem, writes the report, and returns whether they agreed."""
    tell = partial(print, file=sys.stderr)
    compared = [gx.compare(p, source=Path(__file__).name, progress=tell) for p in found]
    for one in compared:
        print(f"{one.title}: {one.verdict_words}")
    print(f"report: {gx.write_report(compared, folder)[0]}")
    return all(one.agreed for one in compared)


def main() -> int:
    """Fits, prints the accuracy, and compares the engines at the start and at the minimum."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--out", type=Path, default=Path("out/logistic_regression"), help="report folder"
    )
    arguments.add_argument("--quick", action="store_true", help="compare on 16 patients")
    given = arguments.parse_args()
    return 0 if report(problems(16 if given.quick else None), given.out) else 1


if __name__ == "__main__":
    sys.exit(main())
