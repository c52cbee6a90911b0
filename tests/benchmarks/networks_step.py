"""Whole training steps (forward, backward, Adam) of three networks, against JAX and Optax by hand.

A convolutional net, an LSTM over 100 steps and a small transformer: declared with `graphc.nn` and
stepped as `train.fit` steps them, beside the same networks written by hand.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

import graphc as gx
from graphc import nn
from graphc.train.model import nest, read_model
from graphc.train.optimisers import updater
from graphc.train.step import Carry, Program
from tests.benchmarks.conv_step import compile_seconds
from tests.benchmarks.interleave import interleaved

_RATE = 1e-3


def _mean_entropy(logits: Any, labels: Any) -> Any:
    likelihood = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(likelihood, labels[..., None], axis=-1))


# -- by hand ---------------------------------------------------------------------------------------


def _conv(p: Any, x: Any, labels: Any) -> Any:
    for name in ("conv1", "conv2"):
        x = lax.conv_general_dilated(
            x, p[name]["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = jax.nn.relu(x + p[name]["bias"])
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return _mean_entropy(_dense(p["dense1"], x.reshape(len(x), -1)), labels)


def _dense(p: Any, x: Any) -> Any:
    return x @ p["weight"] + p["bias"]


def _lstm(p: Any, x: Any, labels: Any) -> Any:
    own = p["lstm1"]
    units = own["recurrent"].shape[0]
    added = x.transpose(1, 0, 2) @ own["weight"] + own["bias"]

    def step(carry: Any, entry: Any) -> Any:
        hidden, cell = carry
        i, f, g, o = jnp.split(entry + hidden @ own["recurrent"], 4, axis=1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(cell), cell), None

    zero = jnp.zeros((len(x), units), x.dtype)
    (hidden, _), _ = lax.scan(step, (zero, zero), added)
    return _mean_entropy(_dense(p["dense1"], hidden), labels)


def _norm(p: Any, x: Any) -> Any:
    apart = x - jnp.mean(x, axis=-1, keepdims=True)
    spread = jnp.mean(apart * apart, axis=-1, keepdims=True)
    return apart * lax.rsqrt(spread + 1e-5) * p["scale"] + p["bias"]


def _block(p: Any, x: Any, heads: int) -> Any:
    own = p["attention"]
    batch, time, features = x.shape
    made = _norm(p["layernorm1"], x) @ own["weight_qkv"] + own["bias_qkv"]
    parts = [a.reshape(batch, time, heads, -1) for a in jnp.split(made, 3, axis=-1)]
    query, key, value = parts
    scores = jnp.einsum("bqhd,bkhd->bhqk", query / math.sqrt(features // heads), key)
    shares = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((time, time), bool)), scores, -jnp.inf))
    found = jnp.einsum("bhqk,bkhd->bqhd", shares, value).reshape(batch, time, -1)
    x = x + found @ own["weight_out"] + own["bias_out"]
    hidden = jax.nn.gelu(_dense(p["dense1"], _norm(p["layernorm2"], x)), approximate=False)
    return x + _dense(p["dense2"], hidden)


def _transformer(p: Any, x: Any, labels: Any) -> Any:
    made = p["embedding1"]["weight"][x]
    for name in ("block1", "block2"):
        made = _block(p[name], made, 4)
    return _mean_entropy(_dense(p["dense1"], _norm(p["layernorm1"], made)), labels)


# -- declared --------------------------------------------------------------------------------------


def _networks(quick: bool) -> Mapping[str, tuple[Any, Any, Any, int, Callable[..., Any]]]:
    """Returns for each network its model, its data, what it is by hand, and its input's dtype."""
    generator = np.random.default_rng(0)
    batch, time = (16, 32) if quick else (32, 64)
    conv = nn.Sequential([
        nn.Conv(16, 3, padding="same"), gx.relu, nn.MaxPool(2),
        nn.Conv(32, 3, padding="same"), gx.relu, nn.MaxPool(2), nn.Flatten(), nn.Dense(10),
    ])  # fmt: skip
    images = generator.normal(size=(batch, 28, 28, 1)).astype(np.float32)
    lstm = nn.Sequential([nn.LSTM(64, sequences=False), nn.Dense(10)])
    series = generator.normal(size=(batch, 100, 16)).astype(np.float32)
    block = functools.partial(nn.TransformerBlock, 4, causal=True)
    transformer = nn.Sequential([
        nn.Embedding(64, 64), block(), block(), nn.LayerNorm(), nn.Dense(64)
    ])  # fmt: skip
    text = generator.integers(64, size=(batch, time)).astype(np.int32)
    classes = generator.integers(10, size=batch).astype(np.int32)
    following = np.roll(text, -1, axis=1)
    return {
        "conv net": (conv, images, classes, 10, _conv),
        "LSTM, 100 steps": (lstm, series, classes, 10, _lstm),
        "transformer": (transformer, text, following, 64, _transformer),
    }


def rows(quick: bool) -> list[tuple[str, str, str]]:
    """Returns step and compile times and their ratios; runs are interleaved."""
    lines: list[tuple[str, str, str]] = []
    for name, (model, data, labels, classes, by_hand) in _networks(quick).items():
        x = gx.input("x", data.shape, str(data.dtype))
        y = gx.input("y", labels.shape, gx.int32)
        logits = gx.reshape(model(x), (-1, classes))
        loss = gx.categorical_cross_entropy(logits, gx.reshape(y, (-1,)))
        program = Program(read_model(loss, {}), updater("adam"))
        parameters: Any = jax.tree.map(jnp.asarray, nn.flat(nn.initialise(loss, 0)[0]))
        key = jnp.zeros(2, jnp.uint32)

        def ours(carry: Any, x: Any, y: Any, program: Any = program, key: Any = key) -> Any:
            return program.step(carry, {"x": x, "y": y}, key, jnp.float32(_RATE), {}, {})

        optimiser = optax.adam(_RATE)

        def hand(carry: Any, x: Any, y: Any, by_hand: Any = by_hand, o: Any = optimiser) -> Any:
            value, slopes = jax.value_and_grad(by_hand)(carry[0], x, y)
            changes, state = o.update(slopes, carry[1], carry[0])
            return (optax.apply_updates(carry[0], changes), state), value

        nested: Any = nest(parameters)
        rest = (jnp.asarray(data), jnp.asarray(labels))
        mine = (Carry(parameters, {}, program.updater.init(parameters)), *rest)
        other = ((nested, optimiser.init(nested)), *rest)
        steps = [(jax.jit(ours), mine), (jax.jit(hand), other)]
        _check(name, *(step(*step(*given)[:1], *rest)[1] for step, given in steps))
        seconds = [compile_seconds(step, given, 1 if quick else 3) for step, given in steps]
        calls = [functools.partial(step, *given) for step, given in steps]
        times = interleaved(calls, rounds=10 if quick else 40, repeats=1)
        ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
        for who, taken in zip(("graphc", "JAX and Optax by hand"), times, strict=True):
            lines.append((f"{name}: {who}", f"{statistics.median(taken) * 1e3:.2f} ms", ""))
        lines.append((f"{name}: step, ratio", f"{ratio:.3f}", "1.0 within noise"))
        figure = f"{seconds[0]:.2f} s, ratio {seconds[0] / seconds[1]:.2f}"
        lines.append((f"{name}: trace and compile", figure, "1.0 within noise"))
    return lines


def _check(name: str, ours: Any, theirs: Any) -> None:
    """Raises where the losses after one step differ by more than rounding."""
    if not np.allclose(ours, theirs, rtol=1e-3):
        raise RuntimeError(f"the two {name} do not compute the same: {ours} and {theirs}")
