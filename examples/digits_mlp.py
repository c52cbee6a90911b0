"""A 64-32-10 network on scikit-learn's handwritten digits, compared before and after training.

Run `python examples/digits_mlp.py`, or `graphc compare examples/digits_mlp.py --out out`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import graphc as gx

EPOCHS = 40
BATCH = 128
LEARNING_RATE = 0.01

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Data:
    """Images `f32[n, 64]` in [0, 1] and labels `i32[n]` in 0..9."""

    train_images: Any
    train_labels: Any
    test_images: Any
    test_labels: Any


def load() -> Data:
    """Returns the 1,797 digits, a fifth of them kept for testing."""
    images, labels = load_digits(return_X_y=True)
    images, labels = (images / 16).astype(np.float32), labels.astype(np.int32)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.2, random_state=0, stratify=labels
    )
    return Data(train_x, train_y, test_x, test_y)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The graph: its inputs, its parameters by name, the scores of the classes, and the loss."""

    images: gx.Node
    labels: gx.Node
    parameters: dict[str, gx.Node]
    logits: gx.Node
    loss: gx.Node


def build() -> Network:
    """Returns the network: logits relu(images w1 + b1) w2 + b2, and their loss.

    The loss is the softmax cross-entropy, averaged over the batch.
    """
    images = gx.input("images", ("batch", 64))
    labels = gx.input("labels", ("batch",), gx.int32)
    w1, b1 = gx.param("w1", (64, 32)), gx.param("b1", (32,))
    w2, b2 = gx.param("w2", (32, 10)), gx.param("b2", (10,))
    logits = gx.relu(images @ w1 + b1) @ w2 + b2
    loss = gx.categorical_cross_entropy(logits, labels)
    return Network(images, labels, {"w1": w1, "b1": b1, "w2": w2, "b2": b2}, logits, loss)


def formulas(network: Network) -> dict[gx.Node, gx.Node]:
    """Returns the gradient as one derives it by hand with the chain rule, layer by layer.

    The logits' slope is (softmax - label) / batch; each weight matrix gets its input transposed
    times the slope behind it; relu lets a slope through where its argument is positive.
    """
    images, labels = network.images, network.labels
    w1, b1, w2, b2 = (network.parameters[name] for name in ("w1", "b1", "w2", "b2"))
    before = images @ w1 + b1
    hidden = gx.relu(before)
    is_label = gx.cast(gx.equal(labels[:, None], gx.arange(10)), "float32")
    batch = gx.sum(is_label)
    slope2 = (gx.softmax(hidden @ w2 + b2) - is_label) / batch
    slope1 = (slope2 @ w2.T) * gx.cast(before > 0, "float32")
    return {
        w1: images.T @ slope1,
        b1: gx.sum(slope1, axis=0),
        w2: hidden.T @ slope2,
        b2: gx.sum(slope2, axis=0),
    }


def start() -> Parameters:
    """Returns the first parameters: normal with variance 2 / inputs (He et al., 2015), biases 0."""
    generator = np.random.default_rng(0)

    def normal(inputs: int, outputs: int) -> Any:
        drawn = generator.normal(0, np.sqrt(2 / inputs), (inputs, outputs))
        return drawn.astype(np.float32)

    zeros = np.zeros
    return {
        "w1": normal(64, 32), "b1": zeros(32, np.float32),
        "w2": normal(32, 10), "b2": zeros(10, np.float32),
    }  # fmt: skip


def train(network: Network, data: Data, epochs: int = EPOCHS) -> Parameters:
    """Returns the parameters after training by Adam with graphc's compiled gradient.

    The order of the images is drawn from a fixed seed, so that two runs give the same result.
    """
    step = gx.compile(
        gx.value_and_grad(network.loss, network.parameters),
        [network.parameters, network.images, network.labels],
    )
    optimiser = optax.adam(LEARNING_RATE)
    parameters: Any = start()
    state = optimiser.init(parameters)
    generator = np.random.default_rng(1)
    count = len(data.train_images) // BATCH * BATCH
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(data.train_images))[:count]
        loss: Any = 0.0
        for rows in np.split(order, count // BATCH):
            loss, slope = step(parameters, data.train_images[rows], data.train_labels[rows])
            change, state = optimiser.update(slope, state, parameters)
            parameters = optax.apply_updates(parameters, change)
        if epoch % 10 == 0 or epoch == epochs:
            print(f"epoch {epoch:3d}/{epochs}  loss {float(loss):.4f}", file=sys.stderr, flush=True)
    return {name: np.asarray(value) for name, value in parameters.items()}


def accuracy(network: Network, parameters: Mapping[str, Any], images: Any, labels: Any) -> float:
    """Returns the share of images whose largest logit is that of the label."""
    logits = gx.evaluate(network.logits, {"images": images, **parameters})
    return float(np.mean(np.argmax(logits, axis=1) == labels))


def problems(epochs: int = EPOCHS, images: int = 64) -> list[gx.Problem]:
    """Trains, and returns the loss by the parameters at the start and after training.

    Args:
        epochs: how long it is trained.
        images: how many test images the two are compared on.
    """
    network, data = build(), load()
    trained = train(network, data, epochs)
    reached = accuracy(network, trained, data.test_images, data.test_labels)
    print(f"test accuracy {reached:.1%}", file=sys.stderr)
    rows = {"images": data.test_images[:images], "labels": data.test_labels[:images]}
    return [
        gx.Problem(
            network.loss,
            {**rows, **parameters},
            wrt=list(network.parameters.values()),
            analytic=formulas(network),
            name=f"digits, {name}",
            description=f"A 64-32-10 network with relu and softmax cross-entropy on {images} test "
            f"images of scikit-learn's digits, {words}.",
        )
        for name, parameters, words in (
            ("start", start(), "before training"),
            ("trained", trained, f"after training to {reached:.1%} test accuracy"),
        )
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
    """Trains, prints the accuracy, and compares the engines before and after training."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path("out"), help="report folder")
    arguments.add_argument("--quick", action="store_true", help="10 epochs, 8 images")
    given = arguments.parse_args()
    found = problems(10, 8) if given.quick else problems()
    return 0 if report(found, given.out) else 1


if __name__ == "__main__":
    sys.exit(main())
