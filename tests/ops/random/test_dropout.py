"""Dropout: what is dropped, what is kept, and the slope."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

import graphc as gx

KEY = gx.input("key", (2,), "uint32")
DATA = np.array([3, 4], np.uint32)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_rest_is_scaled(rate: float) -> None:
    x = gx.input("x", (100, 100), "float64")
    values = np.random.default_rng(0).normal(size=(100, 100))
    node = gx.dropout(x, KEY, rate)
    found = gx.evaluate(node, x=values, key=DATA)
    kept = found != 0
    np.testing.assert_array_equal(found[kept], (values / (1 - rate))[kept])
    spread = math.sqrt(rate * (1 - rate) / values.size)
    assert abs(kept.mean() - (1 - rate)) < 4 * spread
    np.testing.assert_array_equal(gx.compile(node)(x=values, key=DATA) != 0, kept)
    wanted = jax.random.bernoulli(jax.random.wrap_key_data(DATA), np.float32(1 - rate), kept.shape)
    np.testing.assert_array_equal(kept, wanted)


def test_the_slope_is_the_same_mask() -> None:
    x = gx.input("x", (50,), "float64")
    node = gx.sum(gx.dropout(x, KEY, 0.5))
    for engine in ("reverse", "forward"):
        slope = gx.grad(node, x, engine=engine)
        kept, found = gx.evaluate([gx.dropout(x, KEY, 0.5), slope], x=np.ones(50), key=DATA)
        np.testing.assert_array_equal(found, kept)
    hessian = gx.evaluate(gx.hessian(node, x), x=np.ones(50), key=DATA)
    assert not np.any(hessian)


def test_rate_0_is_the_value_itself() -> None:
    x = gx.input("x", (5,))
    assert gx.dropout(x, KEY, 0) is x
    assert gx.dropout(x, KEY, 0.0) is x


def test_an_element_dropped_may_be_anything() -> None:
    x = gx.input("x", (40,), "float64")
    kept = gx.evaluate(gx.dropout(x, KEY, 0.5), x=np.ones(40), key=DATA) != 0
    bad = np.where(kept, 1.0, np.nan)
    node = gx.sum(gx.dropout(gx.log(x), KEY, 0.5))
    value, slope = gx.evaluate([node, gx.grad(node, x)], x=bad, key=DATA)
    assert value == 0.0
    np.testing.assert_array_equal(slope, kept * 2.0)


def test_one_key_drops_the_same_in_every_dtype() -> None:
    masks = [
        gx.evaluate(gx.dropout(gx.input("x", (64,), d), KEY, 0.5), x=np.ones(64), key=DATA) != 0
        for d in ("float64", "float32", "float16")
    ]
    assert all(np.array_equal(masks[0], m) for m in masks)


def test_problem_of_a_network_with_dropout_agrees() -> None:
    x, w = gx.input("x", (3,), "float64"), gx.input("w", (3, 3), "float64")
    hidden = gx.dropout(gx.tanh(w @ x), KEY, 0.4)
    problem = gx.Problem(
        gx.sum(hidden * hidden),
        {"x": [1.0, -2.0, 0.5], "w": np.eye(3) * 0.5 + 0.25, "key": DATA},
        wrt=[w, x],
    )
    assert gx.check(problem).agreed
