"""Recurrent layers and attention against loops by hand, their masks, states and slopes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx
from graphc import nn

RNG = np.random.default_rng(4)
DATA = RNG.normal(size=(2, 5, 3))
X = gx.input("x", ("batch", 5, 3), gx.float64)


def values_of(made: Any) -> dict[str, Any]:
    draw = np.random.default_rng(0)
    parameters = nn.flat(nn.initialise(made)[0])
    return {name: v + draw.uniform(0.1, 0.4, size=v.shape) for name, v in parameters.items()}


def short(values: dict[str, Any]) -> dict[str, Any]:
    return {name.rpartition(".")[2]: value for name, value in values.items()}


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def rnn(p: dict[str, Any], x: Any, states: list[Any]) -> list[Any]:
    return [np.tanh(x @ p["weight"] + p["bias"] + states[0] @ p["recurrent"])]


def lstm(p: dict[str, Any], x: Any, states: list[Any]) -> list[Any]:
    gates = x @ p["weight"] + states[0] @ p["recurrent"] + p["bias"]
    i, f, g, o = np.split(gates, 4, -1)
    cell = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(cell), cell]


def gru(p: dict[str, Any], x: Any, states: list[Any]) -> list[Any]:
    own = states[0] @ p["recurrent"]
    added = x @ p["weight"] + p["bias"]
    n = own.shape[-1] // 3
    r, z = sigmoid(added[:, :n] + own[:, :n]), sigmoid(added[:, n : 2 * n] + own[:, n : 2 * n])
    new = np.tanh(added[:, 2 * n :] + r * (own[:, 2 * n :] + p["recurrent_bias"]))
    return [(1 - z) * new + z * states[0]]


KINDS = [("rnn", nn.RNN, rnn, 1), ("lstm", nn.LSTM, lstm, 2), ("gru", nn.GRU, gru, 1)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrent_layer_is_the_loop_by_hand(kind: Any, reverse: bool) -> None:
    _, make, step, count = kind
    layer = make(4, reverse=reverse)
    every, last = layer.run(X)
    values = values_of(every)
    assert all(name.startswith(f"{kind[0]}1.") for name in values)
    states = [np.zeros((2, 4))] * count
    hidden = np.zeros((2, 5, 4))
    for t in reversed(range(5)) if reverse else range(5):
        states = step(short(values), DATA[:, t], states)
        hidden[:, t] = states[0]
    found = gx.evaluate([every, last], x=DATA, **values)
    np.testing.assert_allclose(found[0], hidden, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found[1], states if count > 1 else states[0], rtol=1e-12)
    only_last = make(4, reverse=reverse, sequences=False, name=f"{kind[0]}1")(X)
    for found in (
        gx.evaluate(only_last, x=DATA, **values),
        gx.compile(only_last)({"x": DATA, **values}),
    ):
        np.testing.assert_allclose(found, states[0], rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_a_sequence_in_two_parts_is_the_sequence_in_one(kind: Any) -> None:
    layer = kind[1](3)
    whole = layer(X)
    first, state = layer.run(X[:, :2])
    second, _ = layer.run(X[:, 2:], state)
    values = values_of(whole)
    found = gx.evaluate([whole, gx.concat([first, second], axis=1)], x=DATA, **values)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_slopes_through_time_are_those_of_jax(kind: Any) -> None:
    loss = gx.sum(gx.sin(kind[1](2)(X)))
    nodes = nn.parameters(loss)
    values = values_of(loss)
    nested = nn.nest(list(values.items()))
    own = gx.compile(gx.grad(loss, nodes), [nodes, X])(nested, DATA)
    forward = gx.compile(loss, [nodes, X])
    by_jax = jax.grad(lambda p: forward(p, DATA))(nested)
    jax.tree_util.tree_map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13), own, by_jax
    )


def test_the_forget_gate_begins_open() -> None:
    bias = nn.initialise(nn.LSTM(2)(X))[0]["lstm1"]["bias"]
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_both_directions_stand_side_by_side_with_weights_of_their_own() -> None:
    made = nn.Bidirectional(nn.GRU(2))(X)
    values = values_of(made)
    assert {name.split(".")[1] for name in values} == {"gru1", "gru2"}
    one, other = (
        nn.GRU(2, reverse=reverse, name=f"gru{1 + reverse}")(X) for reverse in (False, True)
    )
    inner = {name.removeprefix("bidirectional1."): value for name, value in values.items()}
    found = gx.evaluate(made, x=DATA, **values)
    by_parts = gx.evaluate(gx.concat([one, other], axis=-1), x=DATA, **inner)
    np.testing.assert_allclose(found, by_parts, rtol=1e-13)


# -- attention -------------------------------------------------------------------------------------

FEATURES = RNG.normal(size=(2, 4, 6))
OTHER = RNG.normal(size=(2, 3, 5))
SEQUENCE = gx.input("s", ("batch", 4, 6), gx.float64)
CONTEXT = gx.input("c", ("batch", 3, 5), gx.float64)


def attended(query: Any, key: Any, value: Any, heads: int, seen: Any = None) -> Any:
    """Returns attention by hand of `[batch, time, width]`, head by head."""
    out = np.zeros((*query.shape[:2], value.shape[-1]))
    size = query.shape[-1] // heads
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = query[..., part] @ np.swapaxes(key[..., part], 1, 2) / np.sqrt(size)
        if seen is not None:
            scores = np.where(seen, scores, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        out[..., part] = shares / shares.sum(-1, keepdims=True) @ value[..., part]
    return out


def self_attention(p: dict[str, Any], x: Any, heads: int, seen: Any = None) -> Any:
    query, key, value = np.split(x @ p["weight_qkv"] + p["bias_qkv"], 3, -1)
    return attended(query, key, value, heads, seen) @ p["weight_out"] + p["bias_out"]


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_that_by_hand(causal: bool) -> None:
    made = nn.MultiHeadAttention(2, causal=causal)(SEQUENCE)
    values = values_of(made)
    found = gx.evaluate(made, s=FEATURES, **values)
    seen = np.tril(np.ones((4, 4), bool)) if causal else None
    np.testing.assert_allclose(found, self_attention(short(values), FEATURES, 2, seen), rtol=1e-12)
    np.testing.assert_allclose(
        gx.compile(made)({"s": FEATURES, **values}), found, rtol=1e-12, atol=1e-14
    )


def test_a_causal_place_does_not_depend_on_later_ones() -> None:
    made = nn.MultiHeadAttention(2, causal=True)(SEQUENCE)
    slope = gx.grad(gx.sum(made[:, 1]), SEQUENCE)
    found = gx.evaluate(slope, s=FEATURES, **values_of(made))
    assert np.all(found[:, 2:] == 0)
    assert np.any(found[:, 0] != 0)


def test_masks_of_keys_and_of_pairs() -> None:
    mask = gx.input("mask", ("batch", 4), gx.bool_)
    pairs = gx.input("pairs", ("batch", 4, 4), gx.bool_)
    layer = nn.MultiHeadAttention(3)
    by_key, by_pair = layer(SEQUENCE, mask=mask), layer(SEQUENCE, mask=pairs)
    values = values_of(by_key)
    keys = np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool)
    both = RNG.random((2, 4, 4)) > 0.5
    both[:, :, 0] = True
    found = gx.evaluate([by_key, by_pair], {"s": FEATURES, "mask": keys, "pairs": both, **values})
    for made, seen in ((found[0], keys[:, None, :]), (found[1], both)):
        by_hand = self_attention(short(values), FEATURES, 3, seen)
        np.testing.assert_allclose(made, by_hand, rtol=1e-11)


@pytest.mark.parametrize("causal", [False, True])
def test_a_row_that_sees_nothing_is_nan_or_on_request_zero_with_slope_zero(causal: bool) -> None:
    mask = gx.input("mask", ("batch", 4), gx.bool_)
    seen = {"s": FEATURES, "mask": np.array([[0, 0, 0, 0], [1, 1, 1, 1]], bool)}
    loud = nn.MultiHeadAttention(2, causal=causal)(SEQUENCE, mask=mask)
    values = values_of(loud)
    found = gx.evaluate(loud, {**seen, **values})
    assert np.all(np.isnan(found[0])) and np.all(np.isfinite(found[1]))
    quiet = nn.MultiHeadAttention(2, causal=causal, empty="zero")(SEQUENCE, mask=mask)
    slope = gx.grad(gx.sum(quiet * quiet), SEQUENCE)
    for made, by_x in (
        gx.evaluate([quiet, slope], {**seen, **values}),
        gx.compile([quiet, slope])({**seen, **values}),
    ):
        bias = np.broadcast_to(short(values)["bias_out"], (4, 6))
        np.testing.assert_allclose(made[0], bias, rtol=1e-15)
        np.testing.assert_allclose(made[1], found[1], rtol=1e-12)
        np.testing.assert_array_equal(by_x[0], 0)
        assert np.all(np.isfinite(by_x))


def test_cross_attention_asks_another_sequence() -> None:
    layer = nn.MultiHeadAttention(2, head_features=4, features=3)
    made = layer(SEQUENCE, CONTEXT)
    values = values_of(made)
    p = short(values)
    query = FEATURES @ p["weight_q"] + p["bias_q"]
    key, value = np.split(OTHER @ p["weight_kv"] + p["bias_kv"], 2, -1)
    by_hand = attended(query, key, value, 2) @ p["weight_out"] + p["bias_out"]
    found = gx.evaluate(made, s=FEATURES, c=OTHER, **values)
    np.testing.assert_allclose(found, by_hand, rtol=1e-12)


def layer_norm(x: Any, p: Any) -> Any:
    center, spread = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - center) / np.sqrt(spread + 1e-5) * p["scale"] + p["bias"]


@pytest.mark.parametrize("before", [True, False])
def test_transformer_block_is_that_by_hand(before: bool) -> None:
    made = nn.TransformerBlock(2, 7, "relu", causal=True, before=before)(SEQUENCE)
    values = values_of(made)
    p = nn.nest(list(values.items()))["block1"]
    seen = np.tril(np.ones((4, 4), bool))

    def think(x: Any) -> Any:
        hidden = np.maximum(x @ p["dense1"]["weight"] + p["dense1"]["bias"], 0)
        return hidden @ p["dense2"]["weight"] + p["dense2"]["bias"]

    x = FEATURES
    if before:
        x = x + self_attention(p["attention"], layer_norm(x, p["layernorm1"]), 2, seen)
        x = x + think(layer_norm(x, p["layernorm2"]))
    else:
        x = layer_norm(x + self_attention(p["attention"], x, 2, seen), p["layernorm1"])
        x = layer_norm(x + think(x), p["layernorm2"])
    np.testing.assert_allclose(gx.evaluate(made, s=FEATURES, **values), x, rtol=1e-11)


def test_attention_engines_agree() -> None:
    x = gx.input("x", (1, 2, 2), gx.float64)
    made = gx.sum(gx.sin(nn.MultiHeadAttention(1, causal=True)(x)))
    values = values_of(made)
    data = RNG.normal(size=(1, 2, 2))
    checked = gx.check(gx.Problem(made, {"x": data, **values}, wrt=[x]))
    assert checked.agreed, checked


def test_a_transformer_compiles_to_the_products_of_one_by_hand() -> None:
    ids = gx.input("ids", (2, 8), gx.int32)
    model = nn.Sequential(
        [nn.Embedding(11, 6), nn.TransformerBlock(2, causal=True), nn.LayerNorm(), nn.Dense(11)]
    )
    loss = gx.categorical_cross_entropy(model(ids), ids)
    nodes = nn.parameters(loss)
    compiled = gx.compile(gx.value_and_grad(loss, nodes), [nodes, ids])
    text = compiled.stablehlo()
    # Forward: qkv, scores, values, out, two dense, logits; backward two for each.
    assert text.count("stablehlo.dot_general") == 21
    parameters, _ = nn.initialise(loss)
    value, _ = compiled(parameters, jnp.zeros((2, 8), jnp.int32))
    assert np.isfinite(value)


def test_time_may_be_a_named_size() -> None:
    s = gx.input("s", ("batch", "time", 6), gx.float64)
    model = nn.Sequential(
        [nn.SinusoidalPositions(), nn.TransformerBlock(2, causal=True), nn.LSTM(3), nn.Dense(2)]
    )
    made = model(s)
    assert made.type == gx.float64["batch", "time", 2]
    values = values_of(made)
    fixed = gx.evaluate(model(SEQUENCE), s=FEATURES, **values)
    for found in (
        gx.evaluate(made, s=FEATURES, **values),
        gx.compile(made)({"s": FEATURES, **values}),
    ):
        np.testing.assert_allclose(found, fixed, rtol=1e-12)
