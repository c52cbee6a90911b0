"""The gradient of an MLP 784-256-128-10, batch 128, float32, beside JAX by hand and PyTensor."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import graphc as gx
from tests.benchmarks.conv_step import compile_seconds
from tests.benchmarks.digits_step import check_same
from tests.benchmarks.interleave import absent, median, named, peer, ratio, shown, temporaries

_SIZES = (784, 256, 128, 10)
_BATCH = 128


def _declared() -> tuple[gx.Node, list[gx.Node], list[gx.Node]]:
    """Returns the loss, the parameters (weight, bias by turns) and the inputs."""
    images = gx.input("images", (_BATCH, _SIZES[0]), gx.float32)
    labels = gx.input("labels", (_BATCH, _SIZES[-1]), gx.float32)
    parameters: list[gx.Node] = []
    hidden = images
    for number, (wide, narrow) in enumerate(itertools.pairwise(_SIZES)):
        weight = gx.param(f"w{number}", (wide, narrow))
        bias = gx.param(f"b{number}", (narrow,))
        parameters += [weight, bias]
        hidden = hidden @ weight + bias
        if number < len(_SIZES) - 2:
            hidden = gx.relu(hidden)
    loss = -gx.mean(gx.sum(labels * gx.log_softmax(hidden, axis=-1), axis=-1))
    return loss, parameters, [images, labels]


def _by_hand(parameters: Any, images: Any, labels: Any) -> Any:
    hidden = images
    for number in range(0, len(parameters), 2):
        hidden = hidden @ parameters[number] + parameters[number + 1]
        if number < len(parameters) - 2:
            hidden = jax.nn.relu(hidden)
    return -jnp.mean(jnp.sum(labels * jax.nn.log_softmax(hidden), axis=-1))


def _by_pytensor(pytensor: Any, values: list[Any]) -> tuple[Callable[[], Any], float]:
    """Returns a call of PyTensor's function on the values, and the seconds to make it."""
    import importlib

    tensor = importlib.import_module("pytensor.tensor")
    begin = time.perf_counter()
    symbols = [tensor.TensorType("float32", (None,) * v.ndim)() for v in values]
    *parameters, images, labels = symbols
    hidden = images
    for number in range(0, len(parameters), 2):
        hidden = hidden @ parameters[number] + parameters[number + 1]
        if number < len(parameters) - 2:
            hidden = tensor.maximum(hidden, 0)
    loss = -tensor.mean(
        tensor.sum(labels * tensor.special.log_softmax(hidden, axis=-1), axis=-1), dtype="float32"
    )
    function = pytensor.function(symbols, [loss, *pytensor.grad(loss, parameters)])
    function(*values)
    return lambda: function(*values), time.perf_counter() - begin


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields seconds to build, compile and step; steps are interleaved."""
    generator = np.random.default_rng(0)
    begin = time.perf_counter()
    loss, parameters, inputs = _declared()
    built = time.perf_counter()
    slopes = gx.value_and_grad(loss, parameters)
    differentiated = time.perf_counter()
    ours = gx.compile(slopes, [parameters, *inputs])
    made = time.perf_counter()
    values = [
        np.asarray(generator.normal(scale=0.05, size=p.shape), np.float32) for p in parameters
    ]
    images = jnp.asarray(generator.normal(size=(_BATCH, _SIZES[0])), jnp.float32)
    labels = jax.nn.one_hot(generator.integers(10, size=_BATCH), 10)
    given = (list(map(jnp.asarray, values)), images, labels)
    hand = jax.jit(jax.value_and_grad(_by_hand))
    what = "MLP gradient"
    yield f"{what}: build", shown(built - begin), ""
    yield f"{what}: differentiate", shown(differentiated - built), ""
    yield f"{what}: gx.compile", shown(made - differentiated), ""
    begin = time.perf_counter()
    found = jax.block_until_ready(ours(*given))
    yield f"{what}: first call", shown(time.perf_counter() - begin), ""
    begin = time.perf_counter()
    check_same(found, hand(*given))
    yield f"{what}: first call, JAX by hand", shown(time.perf_counter() - begin), ""
    rounds = 1 if quick else 5
    mine = compile_seconds(jax.jit(ours.function), given, rounds)
    theirs = compile_seconds(hand, given, rounds)
    figure = f"{shown(mine)}, JAX {shown(theirs)}"
    yield f"{what}: trace and compile", figure, "JAX's within noise"
    figure = temporaries(ours.memory()["temp"], hand, given)
    yield f"{what}: temporaries", figure, ""
    calls: dict[str, Callable[[], Any]] = {
        "graphc": functools.partial(ours, *given),
        "JAX by hand": functools.partial(hand, *given),
    }
    pytensor = peer("pytensor")
    if pytensor is not None:
        arrays = [*values, np.asarray(images), np.asarray(labels)]
        calls["PyTensor"], seconds = _by_pytensor(pytensor, arrays)
        yield f"{what}: PyTensor, all before the steps", shown(seconds), ""
    times = named(calls, 20 if quick else 100)
    for name, taken in times.items():
        yield f"{what}: step, {name}", shown(median(taken)), ""
    if pytensor is None:
        yield absent(what, "pytensor")
    # The quickest peer is the one against which the ratio is largest.
    over = max(ratio(times["graphc"], t) for n, t in times.items() if n != "graphc")
    yield f"{what}: step over the best peer's", f"{over:.3f}", "1.0 within noise"
