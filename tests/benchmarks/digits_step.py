"""The digits network's compiled loss and gradient against the same network hand-written in JAX."""

from __future__ import annotations

import statistics
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import graphc as gx
from examples import digits_mlp
from tests.benchmarks.interleave import interleaved


def _by_hand(parameters: Any, images: Any, labels: Any) -> Any:
    hidden = jax.nn.relu(images @ parameters["w1"] + parameters["b1"])
    likelihood = jax.nn.log_softmax(hidden @ parameters["w2"] + parameters["b2"])
    return -jnp.mean(jnp.take_along_axis(likelihood, labels[:, None], axis=1))


def rows(quick: bool) -> list[tuple[str, str, str]]:
    """Returns the step times at two batch sizes and their ratio; runs are interleaved."""
    network, data = digits_mlp.build(), digits_mlp.load()
    ours = gx.compile(
        gx.value_and_grad(network.loss, network.parameters),
        [network.parameters, network.images, network.labels],
    )
    theirs = jax.jit(jax.value_and_grad(_by_hand))
    parameters = jax.tree.map(jnp.asarray, digits_mlp.start())
    lines: list[tuple[str, str, str]] = []
    for batch in (128, len(data.train_images)):
        images = jnp.asarray(data.train_images[:batch])
        labels = jnp.asarray(data.train_labels[:batch])
        check_same(ours(parameters, images, labels), theirs(parameters, images, labels))
        times = interleaved(
            [
                lambda i=images, y=labels: ours(parameters, i, y),
                lambda i=images, y=labels: theirs(parameters, i, y),
            ],
            rounds=60 if quick else 400,
        )
        mine, hand = (statistics.median(t) for t in times)
        ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
        what = f"digits step, batch {batch}"
        lines.append((f"{what}: graphc", f"{mine * 1e6:.0f} us", ""))
        lines.append((f"{what}: hand-written JAX", f"{hand * 1e6:.0f} us", ""))
        lines.append((f"{what}: ratio", f"{ratio:.3f}", "1.0 within noise"))
    return lines


def check_same(ours: Any, theirs: Any) -> None:
    """Raises RuntimeError where two networks do not compute the same."""
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        if not np.allclose(a, b, rtol=1e-4, atol=1e-6):
            raise RuntimeError("the two networks do not compute the same")
