"""A small convolutional network's loss and gradient against the same written by hand in JAX."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import graphc as gx
from tests.benchmarks.digits_step import check_same
from tests.benchmarks.interleave import interleaved

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_SHAPES: dict[str, tuple[int, ...]] = {
    "k1": (3, 3, 1, 16),
    "k2": (3, 3, 16, 32),
    "w": (7 * 7 * 32, 10),
    "b": (10,),
}


def _declared(batch: int) -> tuple[gx.Node, dict[str, gx.Node], list[gx.Node]]:
    """Returns the loss, the parameters and the inputs: conv-relu-pool twice, dense, softmax."""
    parameters = {name: gx.param(name, shape) for name, shape in _SHAPES.items()}
    images = gx.input("images", (batch, 28, 28, 1))
    labels = gx.input("labels", (batch, 10))
    hidden = images
    for name in ("k1", "k2"):
        hidden = gx.max_pool(gx.relu(gx.conv(hidden, parameters[name], padding="same")), 2)
    logits = gx.reshape(hidden, (batch, -1)) @ parameters["w"] + parameters["b"]
    loss = -gx.mean(gx.sum(labels * gx.log_softmax(logits, axis=-1), axis=-1))
    return loss, parameters, [images, labels]


def _by_hand(parameters: Any, images: Any, labels: Any) -> Any:
    hidden = images
    for name in ("k1", "k2"):
        kernel = parameters[name]
        hidden = lax.conv_general_dilated(hidden, kernel, (1, 1), "SAME", dimension_numbers=_LAYOUT)
        hidden = lax.reduce_window(
            jax.nn.relu(hidden), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"
        )
    logits = hidden.reshape(len(images), -1) @ parameters["w"] + parameters["b"]
    return -jnp.mean(jnp.sum(labels * jax.nn.log_softmax(logits), axis=-1))


def rows(quick: bool) -> list[tuple[str, str, str]]:
    """Returns step and compile times and their ratios; runs are interleaved."""
    generator = np.random.default_rng(0)
    parameters = {
        name: jnp.asarray(generator.normal(scale=0.1, size=shape), jnp.float32)
        for name, shape in _SHAPES.items()
    }
    lines: list[tuple[str, str, str]] = []
    for batch in (32,) if quick else (32, 128):
        loss, wrt, inputs = _declared(batch)
        ours = gx.compile(gx.value_and_grad(loss, wrt), [wrt, *inputs])
        undifferentiated = gx.compile(loss, [wrt, *inputs])
        images = jnp.asarray(generator.normal(size=(batch, 28, 28, 1)), jnp.float32)
        labels = jax.nn.one_hot(generator.integers(10, size=batch), 10)
        given = (parameters, images, labels)
        steps: dict[str, Callable[..., Any]] = {
            "graphc": jax.jit(ours),
            "JAX's grad of graphc": jax.jit(jax.value_and_grad(undifferentiated)),
            "hand-written JAX": jax.jit(jax.value_and_grad(_by_hand)),
        }
        check_same(steps["graphc"](*given), steps["hand-written JAX"](*given))
        compiled = {name: compile_seconds(step, given, 3) for name, step in steps.items()}
        calls = [functools.partial(step, *given) for step in steps.values()]
        times = interleaved(calls, rounds=10 if quick else 30, repeats=1)
        what = f"conv step, batch {batch}"
        for name, taken in zip(steps, times, strict=True):
            lines.append((f"{what}: {name}", f"{statistics.median(taken) * 1e3:.1f} ms", ""))
        for name, taken in zip(steps, times, strict=True):
            if name != "hand-written JAX":
                ratio = statistics.median(a / b for a, b in zip(taken, times[-1], strict=True))
                lines.append((f"{what}: ratio, {name}", f"{ratio:.3f}", "1.0 or less"))
        hand = compiled["hand-written JAX"]
        for name, seconds in compiled.items():
            figure = f"{seconds:.2f} s, ratio {seconds / hand:.2f}"
            lines.append((f"{what}: trace and compile, {name}", figure, ""))
    return lines


def compile_seconds(step: Any, given: Any, rounds: int) -> float:
    """Returns the median of the seconds that tracing and compiling take, from nothing."""
    taken: list[float] = []
    for _ in range(rounds):
        jax.clear_caches()
        begin = time.perf_counter()
        step.lower(*given).compile()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)
