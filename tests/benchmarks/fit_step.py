"""`train.fit` on the digits network against a training loop written by hand in JAX with Optax."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from examples import digits_mlp
from graphc import train


def _by_hand(parameters: Any, images: Any, labels: Any) -> Any:
    hidden = jax.nn.relu(images @ parameters["w1"] + parameters["b1"])
    likelihood = jax.nn.log_softmax(hidden @ parameters["w2"] + parameters["b2"])
    return -jnp.mean(jnp.take_along_axis(likelihood, labels[:, None], axis=1))


def _hand_loop(images: Any, labels: Any, batch: int, epochs: int) -> float:
    """Trains as Optax's own examples do, and returns the seconds without compiling."""
    optimiser = optax.adam(1e-3)

    @jax.jit
    def step(parameters: Any, state: Any, x: Any, y: Any) -> Any:
        loss, slopes = jax.value_and_grad(_by_hand)(parameters, x, y)
        changes, state = optimiser.update(slopes, state, parameters)
        return optax.apply_updates(parameters, changes), state, loss

    parameters: Any = jax.tree.map(jnp.asarray, digits_mlp.start())
    state: Any = optimiser.init(parameters)
    jax.block_until_ready(step(parameters, state, images[:batch], labels[:batch]))
    generator = np.random.default_rng(0)
    count = len(images) // batch
    began = time.perf_counter()
    for _ in range(epochs):
        order = generator.permutation(len(images))
        losses: list[Any] = []
        for number in range(count):
            rows = order[number * batch : (number + 1) * batch]
            parameters, state, loss = step(parameters, state, images[rows], labels[rows])
            losses.append(loss)
        float(jnp.mean(jnp.stack(losses)))
    return time.perf_counter() - began


def _fit(images: Any, labels: Any, batch: int, epochs: int, whole: bool) -> float:
    """Trains with `fit`, and returns the seconds without compiling: of all epochs but the first."""
    network = digits_mlp.build()
    run = train.fit(
        network.loss, {"images": images, "labels": labels}, batch_size=batch, epochs=epochs + 1,
        initial=digits_mlp.start(), whole_epochs=whole,
    )  # fmt: skip
    entries = run.times["entries"]
    return entries[-1] - entries[0]


def rows(quick: bool) -> list[tuple[str, str, str]]:
    """Returns steps a second of both and their ratio, an epoch a call and a step a call."""
    data = digits_mlp.load()
    images, labels = data.train_images, data.train_labels
    epochs, rounds = (10, 3) if quick else (40, 7)
    lines: list[tuple[str, str, str]] = []
    for batch in (32, 128):
        steps = epochs * (len(images) // batch)
        calls: list[Callable[[], float]] = [
            lambda b=batch: _hand_loop(images, labels, b, epochs),
            lambda b=batch: _fit(images, labels, b, epochs, True),
            lambda b=batch: _fit(images, labels, b, epochs, False),
        ]
        times = [[call() for call in calls] for _ in range(rounds)]
        hand, *ours = (statistics.median(t) for t in zip(*times, strict=True))
        what = f"fit, digits, batch {batch}"
        lines.append((f"{what}: JAX and Optax by hand", f"{steps / hand:.0f} steps/s", ""))
        for seconds, how in zip(ours, ("an epoch a call", "a step a call"), strict=True):
            lines.append((f"{what}: {how}", f"{steps / seconds:.0f} steps/s", ""))
            ratio = f"{seconds / hand:.3f}"
            lines.append((f"{what}: {how}, time as ratio", ratio, "1.0 within noise, or less"))
    return lines
