"""ADBench's LSTM: two diagonal layers over characters, gradient by all parameters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import graphc as gx
from tests.benchmarks.adbench import Case

_LAYERS, _BITS = 2, 14


def _step(xp: Any, sigmoid: Any, main: Any, extra: Any, state: Any, entry: Any) -> Any:
    """Returns the next state `[hidden, cell, hidden, cell]` and the prediction."""
    value = entry * extra[0]
    made: list[Any] = []
    for layer in range(_LAYERS):
        weight, bias = main[2 * layer], main[2 * layer + 1]
        hidden, cell = state[2 * layer], state[2 * layer + 1]
        gates = xp.concat([value, value, value, hidden]) * weight + bias
        forget, into, out, change = (gates[i * _BITS : (i + 1) * _BITS] for i in range(4))
        cell = cell * sigmoid(forget) + sigmoid(into) * xp.tanh(change)
        value = sigmoid(out) * xp.tanh(cell)
        made += [value, cell]
    return xp.stack(made), value * extra[1] + extra[2]


def case(length: int) -> Case:
    """Returns the case with a sequence of so many characters."""
    generator = np.random.default_rng(0)
    values = (
        generator.normal(size=(2 * _LAYERS, 4 * _BITS)),
        generator.normal(size=(3, _BITS)),
        generator.normal(size=(2 * _LAYERS, _BITS)),
        generator.integers(2, size=(length, _BITS)).astype(np.float64),
    )
    names = ("main", "extra", "state", "sequence")
    inputs = [gx.input(n, v.shape, gx.float64) for n, v in zip(names, values, strict=True)]
    main, extra, state, sequence = inputs
    count = (length - 1) * _BITS

    def body(carry: Any, entry: Any) -> Any:
        carry, guess = _step(gx, gx.sigmoid, main, extra, carry, entry[0])
        return carry, gx.sum(entry[1] * (guess - gx.log(gx.sum(gx.exp(guess), axis=-1) + 2.0)))

    pairs = gx.stack([sequence[:-1], sequence[1:]], axis=1)
    _, parts = gx.scan(body, state, pairs)
    objective = -gx.sum(parts) / count

    def by_hand(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        def body(carry: Any, entry: Any) -> Any:
            now, after = entry
            carry, guess = _step(jnp, jax.nn.sigmoid, main, extra, carry, now)
            return carry, jnp.sum(after * (guess - jnp.log(jnp.sum(jnp.exp(guess)) + 2.0)))

        _, parts = lax.scan(body, state, (sequence[:-1], sequence[1:]))
        return -jnp.sum(parts) / count

    return Case(
        name=f"LSTM, {length:,} characters",
        objective=objective,
        derivative=gx.grad(objective, [main, extra]),
        inputs=inputs,
        by_hand=by_hand,
        derivatives_by_hand={"jax.grad": jax.grad(by_hand, (0, 1))},
        values=values,
    )
