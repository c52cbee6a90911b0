"""Nests of parameters: first values, states and their updates, Optax, safetensors, the table."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
import pytest
from safetensors.numpy import load, save

import graphc as gx
from graphc import nn, train

X, T = gx.input("x", ("batch", 3)), gx.input("t", ("batch", 1))
DATA = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)


def test_a_feedforward_network_is_one_line() -> None:
    made = nn.Feedforward([3, 4, 5, 3, 1])(X)
    assert made.type == gx.float32["batch", 1]
    assert nn.count(made) == 3 * 4 + 4 + 4 * 5 + 5 + 5 * 3 + 3 + 3 + 1


def test_first_values_depend_on_the_seed_and_the_name_alone() -> None:
    short, _ = nn.initialise(nn.Feedforward([3, 4, 1])(X), 7)
    long, _ = nn.initialise(nn.Feedforward([3, 4, 1, 1])(X), 7)
    other, _ = nn.initialise(nn.Feedforward([3, 4, 1])(X), 8)
    np.testing.assert_array_equal(short["dense1"]["weight"], long["dense1"]["weight"])
    assert not np.array_equal(short["dense1"]["weight"], other["dense1"]["weight"])
    assert short["dense1"]["weight"].dtype == np.float32


def test_optax_trains_the_nest_as_it_is() -> None:
    loss = gx.mse(nn.Feedforward([3, 8, 1], "tanh")(X), T)
    nodes = nn.parameters(loss)
    step = gx.compile(gx.value_and_grad(loss, nodes), [nodes, X, T])
    parameters, _ = nn.initialise(loss)
    optimiser = optax.adam(1e-2)
    state = optimiser.init(parameters)
    target = DATA[:, :1] * DATA[:, 1:2]
    losses: list[float] = []

    @jax.jit
    def moved(slopes: Any, state: Any, parameters: Any) -> Any:
        change, state = optimiser.update(slopes, state, parameters)
        return optax.apply_updates(parameters, change), state

    for _ in range(40):
        value, slopes = step(parameters, DATA, target)
        parameters, state = moved(slopes, state, parameters)
        losses.append(float(value))
    assert losses[-1] < 0.6 * losses[0]


def test_the_nest_goes_through_safetensors() -> None:
    made = nn.Feedforward([3, 4, 1])(X)
    parameters, _ = nn.initialise(made)
    again = nn.nest(list(load(save(nn.flat(parameters))).items()))
    assert jax.tree_util.tree_structure(again) == jax.tree_util.tree_structure(parameters)
    jax.tree_util.tree_map(np.testing.assert_array_equal, again, parameters)


def test_assign_is_its_operand_and_names_the_next_value() -> None:
    mean = gx.param("mean", (3,), init=1.0, trainable=False)
    made = gx.assign(gx.square(X), mean, mean * 0.5 + gx.mean(X, 0) * 0.5)
    loss = gx.sum(made)
    assert nn.parameters(loss) == {}
    assert nn.state(loss) == {"mean": mean}
    values = {"x": DATA, "mean": np.ones(3, np.float32)}
    np.testing.assert_allclose(gx.evaluate(loss, values), (DATA**2).sum(), rtol=1e-6)
    slope, new = gx.evaluate([gx.grad(loss, X), nn.updates(loss)["mean"]], values)
    np.testing.assert_allclose(slope, 2 * DATA, rtol=1e-6)
    np.testing.assert_allclose(new, 0.5 + 0.5 * DATA.mean(0), rtol=1e-6)


def test_assign_outlives_simplification_and_saving(tmp_path: Any) -> None:
    mean = gx.param("mean", (3,), init=1.0, trainable=False)
    made = gx.sum(gx.assign(X * 1.0 + 0.0, mean, mean * 0.5))
    gx.save(tmp_path / "graph.json", gx.simplify(made))
    loaded = gx.load(tmp_path / "graph.json")
    assert list(nn.updates(loaded)) == ["mean"]
    assert nn.flat(nn.state(loaded))["mean"].params["trainable"] is False


def test_one_state_with_two_next_values_is_refused() -> None:
    mean = gx.param("mean", (3,), trainable=False)
    twice = gx.assign(gx.assign(X, mean, mean * 0.5), mean, mean * 0.25)
    with pytest.raises(gx.ArgumentError, match=r"mean: .* is assigned two values"):
        nn.updates(twice)


def test_only_a_state_is_assigned() -> None:
    mean, state = gx.param("mean", (3,)), gx.param("state", (3,), trainable=False)
    with pytest.raises(gx.ArgumentError, match="mean is no state; declare it"):
        gx.assign(X, mean, mean)
    with pytest.raises(gx.ShapeError, match="a value of the same shape"):
        gx.assign(X, state, gx.mean(X))


def test_equal_weights_are_told_once_at_the_users_line() -> None:
    made = nn.Feedforward([3, 4, 1], weight_init="zeros")(X)
    with pytest.warns(nn.SymmetryWarning, match=r"dense1\.weight begin equal") as found:
        nn.initialise(made)
    assert len(found) == 1
    assert found[0].filename == __file__


def test_a_single_output_has_no_symmetry_to_break() -> None:
    nn.initialise(nn.Feedforward([3, 1], weight_init="zeros")(X))
    output_alone = nn.Sequential([nn.Dense(4, "relu"), nn.Dense(2, weight_init="zeros")])
    nn.initialise(output_alone(X))


def test_units_of_a_layer_that_begins_equal_stay_equal() -> None:
    loss = gx.mse(nn.Feedforward([3, 4, 1], "tanh", weight_init=nn.init.constant(0.5))(X), T)
    with pytest.warns(nn.SymmetryWarning, match=r"dense1\.weight begin"):
        parameters, _ = nn.initialise(loss)
    slopes = gx.evaluate(
        gx.grad(loss, nn.parameters(loss)), {"x": DATA, "t": DATA[:, :1], **nn.flat(parameters)}
    )
    assert np.ptp(slopes["dense1"]["weight"], axis=1).max() < 1e-7


def test_the_table_counts_every_layer() -> None:
    model = nn.Sequential([nn.Dense(4, "relu"), nn.BatchNorm(), nn.Dense(1)])
    lines = nn.describe(model(X)).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["dense1", "batchnorm1", "dense2"]
    assert "f32[batch,4]" in lines[1]
    assert lines[1].endswith("16")
    assert "weight [3,4], bias [4]" in lines[1]
    assert lines[-1] == "29 numbers are trained, 8 are state"
    assert nn.count(model(X)) == 29
    assert nn.count(nn.initialise(model(X))[0]) == 29


def test_penalties_are_the_norms_of_weights_and_not_of_biases() -> None:
    made = nn.Feedforward([3, 4, 1], bias_init="ones")(X)
    parameters, _ = nn.initialise(made)
    weights = [parameters["dense1"]["weight"], parameters["dense2"]["weight"]]
    one = sum(float(np.abs(w).sum()) for w in weights)
    two = sum(float((w**2).sum()) for w in weights) / 2
    given = {f"dense{i + 1}.weight": w for i, w in enumerate(weights)}
    nodes = nn.parameters(made)
    terms = [nn.l1(nodes, 0.5), nn.l2(nodes, 0.5), nn.elastic(nodes, 0.5, 0.25)]
    found = gx.evaluate(terms, given)
    expected = [0.5 * one, 0.5 * two, 0.5 * (0.25 * one + 0.75 * two)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    biases = {f"dense{i + 1}.bias": parameters[f"dense{i + 1}"]["bias"] for i in range(2)}
    every = gx.evaluate(nn.l1(nodes, every=True), given | biases)
    np.testing.assert_allclose(every, one + 5, rtol=1e-6)


@pytest.mark.parametrize(
    ("init", "words"),
    [
        (None, "no first value"),
        (lambda key, shape, dtype: np.zeros(3), "gave the shape"),
    ],
)
def test_first_values_that_are_none_are_refused(init: Any, words: str) -> None:
    with pytest.raises(gx.ArgumentError, match=words):
        nn.initialise(gx.param("w", (2, 2), init=init) * 1.0)


def test_a_function_of_key_shape_and_dtype_makes_first_values() -> None:
    made = gx.param("w", (2, 2), init=lambda key, shape, dtype: key[:, None] % [7, 5])
    value = nn.initialise(made * 1.0, 3)[0]["w"]
    assert value.dtype == np.float32
    assert value.shape == (2, 2)


def test_training_tells_of_units_that_begin_alike() -> None:
    loss = gx.mse(nn.Feedforward([3, 4, 1], "tanh", weight_init="zeros")(X), T)
    with pytest.warns(nn.SymmetryWarning, match=r"dense1\.weight begin"):
        train.fit(loss, {"x": DATA, "t": DATA[:, :1]}, epochs=1, validation=0.0)


@pytest.mark.parametrize("recurrent", [nn.RNN(3), nn.LSTM(3), nn.GRU(3)], ids=lambda v: str(v)[:4])
def test_a_model_with_a_loop_is_described(recurrent: Any) -> None:
    sequence = gx.input("s", ("batch", 6, 4))
    lines = nn.describe(nn.Sequential([recurrent, nn.Dense(2)])(sequence)).splitlines()
    assert "f32[batch,6,3]" in lines[1] and "f32[batch,6,2]" in lines[2]
