from __future__ import annotations

import importlib
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import graphc as gx
from graphc import nn, train
from tests.train.networks import curved, line


def same(one: train.Run, other: train.Run) -> None:
    """Asserts that two runs agree bit for bit."""
    assert one.stopped == other.stopped
    for name, column in one.history.items():
        np.testing.assert_array_equal(column, other.history[name], name)
    for name in one.values:
        assert one.values[name].tobytes() == other.values[name].tobytes(), name
        assert one.last[name].tobytes() == other.last[name].tobytes(), name


def test_fit_finds_a_line_and_returns_nest_and_names() -> None:
    loss, data = line()
    run = train.fit(loss, data, epochs=100, learning_rate=0.1, batch_size=20)
    np.testing.assert_allclose(run.parameters["layer"]["w"], [1, -2, 3], atol=1e-3)
    np.testing.assert_allclose(run.values["layer.b"], 0.5, atol=1e-3)
    assert run.sizes["steps"] == 300 and run.stopped == "all 100 epochs done"
    assert float(gx.evaluate(loss, {**data, **run.values})) < 1e-5
    assert list(run.history["epoch"]) == list(range(1, 101))


@pytest.mark.parametrize("whole", [True, False])
def test_fit_agrees_with_a_loop_written_by_hand_in_jax_and_optax(whole: bool) -> None:
    loss, data = line()
    run = train.fit(
        loss, data, epochs=5, learning_rate=0.05, batch_size=20, shuffle=False,
        whole_epochs=whole, clip_norm=1.0,
    )  # fmt: skip

    def by_hand(p: Any, x: Any, y: Any) -> Any:
        return jnp.mean((x @ p["w"] + p["b"] - y) ** 2)

    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.05))
    parameters: Any = {"w": jnp.zeros(3), "b": jnp.zeros(())}
    parameters = jax.tree.map(lambda a: a.astype(jnp.float32), parameters)
    state = optimiser.init(parameters)
    for step in range(15):
        rows = slice(step % 3 * 20, step % 3 * 20 + 20)
        slopes = jax.grad(by_hand)(parameters, data["x"][rows], data["y"][rows])
        changes, state = optimiser.update(slopes, state, parameters)
        parameters = optax.apply_updates(parameters, changes)
    np.testing.assert_allclose(run.values["layer.w"], parameters["w"], rtol=1e-5)
    np.testing.assert_allclose(run.values["layer.b"], parameters["b"], rtol=1e-5)


def test_the_same_call_gives_the_same_bits_and_another_seed_others() -> None:
    loss, right, data = curved()
    call = lambda seed: train.fit(
        loss, data, evaluate={"accuracy": right}, epochs=3, validation=0.25, seed=seed
    )
    first = call(3)
    same(first, call(3))
    assert first.values["w1"].tobytes() != call(4).values["w1"].tobytes()


def test_history_measures_training_and_validation_apart() -> None:
    loss, right, data = curved()
    run = train.fit(
        loss, data, evaluate={"accuracy": right}, epochs=2, validation=0.25, shuffle=False,
        batch_size=None, learning_rate=1e-9,
    )  # fmt: skip
    assert set(run.history) == {
        "epoch", "loss", "learning_rate", "train.accuracy", "train.loss",
        "validation.accuracy", "validation.loss",
    }  # fmt: skip
    assert run.sizes["training_rows"] == 30 and run.sizes["validation_rows"] == 10
    whole = float(gx.evaluate(loss, {**data, **run.values}))
    parts = 0.75 * run.history["train.loss"][-1] + 0.25 * run.history["validation.loss"][-1]
    assert parts == pytest.approx(whole, rel=1e-6)
    assert run.history["loss"][0] == pytest.approx(run.history["train.loss"][0], rel=1e-5)


def test_a_measure_in_parts_weighs_them_by_their_rows() -> None:
    loss, _, data = curved()
    call = lambda size: train.fit(
        loss, data, evaluate={"loss": loss}, epochs=1, measure_batch=size
    ).history["train.loss"][0]
    assert call(7) == pytest.approx(call(40), rel=1e-6)


def test_normalisation_is_fitted_on_the_training_part_alone_and_kept() -> None:
    loss, data = line()
    data = {**data, "x": data["x"] * 7 + 3}
    held = {"x": data["x"][:20] + 100, "y": data["y"][:20]}
    run = train.fit(loss, data, validation=held, normalise=("x",), epochs=1)
    made = run.normalise({"x": data["x"], "y": data["y"]})
    np.testing.assert_allclose(made["x"].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(made["x"].std(axis=0), 1, rtol=1e-5)
    assert made["y"] is data["y"]
    expected = float(gx.evaluate(loss, {**run.normalise(held), **run.values}))
    assert run.history["validation.loss"][-1] == pytest.approx(expected, rel=1e-5)


def test_normalisation_by_range_and_by_channel() -> None:
    inputs = {"x": gx.input("x", ("batch", 2, 3))}
    from graphc.train.data import fit_normaliser

    rows = {"x": np.arange(24, dtype=np.float32).reshape(4, 2, 3) ** 2}
    ranged = fit_normaliser(inputs, rows, {"x": "range"})(rows)["x"]
    assert ranged.min() == 0 and ranged.max() == 1
    channel = fit_normaliser(inputs, rows, {"x": "channel"})
    assert channel.shift["x"].shape == (3,)
    np.testing.assert_allclose(channel(rows)["x"].mean(axis=(0, 1)), 0, atol=1e-6)
    constant = fit_normaliser(inputs, {"x": rows["x"] * 0 + 5}, "x")
    assert float(np.abs(constant({"x": rows["x"] * 0 + 5})["x"]).max()) == 0


def test_accumulated_parts_step_like_the_whole_batch() -> None:
    loss, data = line()
    call = lambda parts: train.fit(
        loss, data, epochs=3, batch_size=20, accumulate=parts, optimiser="sgd", learning_rate=0.1
    )
    one, four = call(1), call(4)
    np.testing.assert_allclose(four.values["layer.w"], one.values["layer.w"], rtol=2e-6)
    np.testing.assert_allclose(four.history["loss"], one.history["loss"], rtol=2e-6)


def test_clipping_by_value_bounds_the_first_step() -> None:
    loss, data = line()
    run = train.fit(
        loss, data, epochs=1, batch_size=None, optimiser="sgd", learning_rate=1.0, clip_value=0.25
    )
    assert np.abs(run.values["layer.w"]).max() == np.float32(0.25)


def test_early_stopping_keeps_the_best_weights() -> None:
    loss, data = line()
    noisy = {**data, "y": np.random.default_rng(5).normal(size=60).astype(np.float32)}
    run = train.fit(
        loss, noisy, epochs=200, validation=0.5, early_stopping=3, optimiser="sgd",
        learning_rate=0.3, seed=1,
    )  # fmt: skip
    assert run.stopped.startswith("early stopping: validation.loss has not improved on")
    assert run.best is not None
    column = run.history["validation.loss"]
    assert run.best.epoch == np.argmin(column) + 1 == len(column) - 3
    assert run.best.value == column.min()
    assert run.values["layer.w"].tobytes() == run.best.values["layer.w"].tobytes()
    assert run.values["layer.w"].tobytes() != run.last["layer.w"].tobytes()


def test_accuracy_is_better_when_larger() -> None:
    loss, right, data = curved()
    rule = train.early_stopping(2, monitor="validation.accuracy")
    run = train.fit(
        loss, data, evaluate={"accuracy": right}, epochs=30, validation=0.5, early_stopping=rule
    )
    assert run.best is not None
    assert run.best.value == run.history["validation.accuracy"].max()


def test_schedules_follow_their_formulas() -> None:
    assert train.exponential(0.1, 0.5, every=2)(4.0) == pytest.approx(0.025)
    assert train.exponential(0.1, 0.5, every=2, stairs=True)(3.9) == pytest.approx(0.05)
    assert train.steps(0.1, 0.1, at=[3, 6])(5.0) == pytest.approx(0.01)
    cosine = train.cosine(0.1, 10, end=0.02)
    assert [cosine(0.0), cosine(5.0), cosine(10.0), cosine(11.0)] == pytest.approx(
        [0.1, 0.06, 0.02, 0.02]
    )
    warm = train.warm_up(train.cosine(0.1, 10), 4)
    assert warm(2.0) == pytest.approx(0.05) and warm(9.0) == pytest.approx(0.05)


def test_a_schedule_sets_the_rate_of_every_step() -> None:
    loss, data = line()
    schedule = train.exponential(0.1, 0.5)
    run = train.fit(
        loss, data, epochs=4, batch_size=20, optimiser="sgd", learning_rate=schedule, shuffle=False
    )
    assert run.history["learning_rate"] == pytest.approx(
        [0.1 * 0.5 ** (step / 3) for step in (2, 5, 8, 11)], rel=1e-6
    )
    by_optax = optax.exponential_decay(0.1, 3, 0.5)
    other = train.fit(
        loss, data, epochs=4, batch_size=20, optimiser=optax.sgd(by_optax), shuffle=False
    )
    np.testing.assert_allclose(run.values["layer.w"], other.values["layer.w"], rtol=1e-5)
    third = train.fit(
        loss, data, epochs=4, batch_size=20, optimiser="sgd", learning_rate=by_optax, shuffle=False
    )
    np.testing.assert_allclose(third.values["layer.w"], other.values["layer.w"], rtol=1e-6)


def test_a_plateau_lowers_the_rate() -> None:
    loss, data = line()
    rate = train.plateau(0.25, factor=0.1, patience=2, minimum=0.01, min_delta=1e-2)
    noisy = {**data, "y": np.random.default_rng(5).normal(size=60).astype(np.float32)}
    run = train.fit(loss, noisy, epochs=20, validation=0.5, optimiser="sgd", learning_rate=rate)
    column = run.history["learning_rate"]
    assert column[0] == 0.25 and column[-1] == pytest.approx(0.01)
    assert 0.025 in np.round(column, 6)


def test_a_fresh_key_comes_with_every_step() -> None:
    key = gx.input("key", (2,), gx.uint32)
    x, w = gx.input("x", ("batch",)), gx.param("w", (), init=0.0)
    bits = gx.cast(key[1] % 1024, gx.float32)
    loss = gx.mean(x) * w + bits
    seen: list[float] = []
    train.fit(
        loss, {"x": np.ones(8)}, epochs=5, batch_size=None, learning_rate=1e-9,
        on_epoch=lambda row: seen.append(row["loss"]),
    )  # fmt: skip
    assert len(set(seen)) > 3


def test_state_takes_the_values_that_the_graph_assigns() -> None:
    x, w = gx.input("x", ("batch",)), gx.param("w", (), init=1.0)
    mean = gx.param("mean", (), init=0.0, trainable=False)
    moved = gx.assign(x, mean, mean * 0.5 + gx.mean(x) * 0.5)
    loss = gx.mean(gx.square(moved * w))
    run = train.fit(loss, {"x": np.full(8, 2.0)}, epochs=3, batch_size=8)
    assert float(run.state["mean"]) == pytest.approx(2 * (1 - 0.5**3))
    assert list(run.parameters) == ["w"]


def test_a_network_of_layers_trains_with_its_state_and_its_keys() -> None:
    x, y = gx.input("x", ("batch", 2)), gx.input("y", ("batch",))
    model = nn.Sequential([nn.Dense(6, "tanh"), nn.BatchNorm(), nn.Dropout(0.2), nn.Dense(1)])
    _, _, data = curved()

    def loss(training: bool) -> gx.Node:
        score = model(x, training=training)[:, 0]
        return gx.mean(gx.softplus(score) - score * y)

    run = train.fit(
        loss(True), data, evaluate={"loss": loss(False)}, epochs=30, learning_rate=0.05,
        validation=0.25, batch_size=10,
    )  # fmt: skip
    assert set(run.parameters) == {"dense1", "batchnorm1", "dense2"}
    assert set(run.state["batchnorm1"]) == {"mean", "var"}
    assert np.abs(run.state["batchnorm1"]["mean"]).max() > 0
    assert run.history["train.loss"][-1] < run.history["train.loss"][0]
    used = float(gx.evaluate(loss(False), {**data, **run.values}))
    assert used == pytest.approx(
        0.75 * run.history["train.loss"][-1] + 0.25 * run.history["validation.loss"][-1], rel=1e-4
    )


def test_large_models_step_in_their_own_memory_with_the_same_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loss, right, data = curved()
    call = lambda: train.fit(
        loss, data, evaluate={"accuracy": right}, epochs=4, validation=0.25, batch_size=10,
        whole_epochs=False, early_stopping=3, learning_rate=0.3,
    )  # fmt: skip
    before = call()
    monkeypatch.setattr(importlib.import_module("graphc.train.loop"), "IN_PLACE", 0)
    same(before, call())


def test_a_rate_may_be_any_function_of_the_step() -> None:
    loss, data = line()
    plain = lambda step: 0.1 / math.sqrt(1 + step)  # which JAX can't trace
    run = train.fit(loss, data, epochs=2, batch_size=20, learning_rate=plain, optimiser="sgd")
    assert run.history["learning_rate"] == pytest.approx([0.1 / 3**0.5, 0.1 / 6**0.5])


def test_training_again_compiles_nothing_again() -> None:
    from graphc.train.step import _kept

    loss, right, data = curved()
    call = lambda **more: train.fit(
        loss, data, evaluate={"accuracy": right}, epochs=1, validation=0.25, **more
    )
    first = call()
    programs = _kept.cache_info().misses
    epoch = _kept.cache_info
    call(seed=5, learning_rate=0.5)
    call(learning_rate=train.cosine(0.1, 3))
    assert epoch().misses == programs
    call(clip_norm=1.0)
    call(options={"b1": 0.5})
    assert epoch().misses == programs + 2
    same(first, call())


def test_models_built_alike_are_one_program_and_others_are_not() -> None:
    from graphc.train.step import _kept

    _, _, data = curved()

    def call(width: int, times: float) -> train.Run:
        x, y = gx.input("x", ("batch", 2)), gx.input("y", ("batch",))
        score = nn.Sequential([nn.Dense(width, "tanh"), nn.Dense(1)])(x)[:, 0]
        loss = gx.mean(gx.softplus(score) - score * y) * times
        return train.fit(loss, data, epochs=1, optimiser="sgd", learning_rate=0.1)

    first, before = call(3, 1.0), _kept.cache_info().misses
    same(first, call(3, 1.0))
    assert _kept.cache_info().misses == before
    assert call(3, 2.0).values["dense2.bias"] != first.values["dense2.bias"]
    call(4, 1.0)
    assert _kept.cache_info().misses == before + 2


def test_frozen_parameters_stay() -> None:
    loss, _, data = curved()
    run = train.fit(loss, data, epochs=1, frozen=("w1",))
    start = train.fit(loss, data, epochs=1, learning_rate=1e-30)
    assert run.values["w1"].tobytes() == start.values["w1"].tobytes()
    assert run.values["w2"].tobytes() != start.values["w2"].tobytes()


def test_initial_values_are_taken_by_name_or_as_a_nest() -> None:
    loss, data = line()
    nested = {"layer": {"w": np.ones(3)}}
    run = train.fit(loss, data, epochs=1, learning_rate=1e-30, initial=nested)
    np.testing.assert_array_equal(run.values["layer.w"], np.ones(3, np.float32))
    again = train.fit(loss, data, epochs=1, learning_rate=1e-30, initial=run.parameters)
    np.testing.assert_array_equal(again.values["layer.w"], np.ones(3, np.float32))


def test_rows_that_fill_no_batch_are_kept_on_request() -> None:
    loss, data = line()
    call = lambda keep: train.fit(
        loss, data, epochs=1, batch_size=25, keep_rest=keep, shuffle=False, optimiser="sgd"
    )
    assert call(False).sizes["steps"] == 2 and call(True).sizes["steps"] == 3


def test_several_epochs_an_entry_take_the_same_steps() -> None:
    loss, data = line()
    one = train.fit(loss, data, epochs=6, every=1)
    three = train.fit(loss, data, epochs=6, every=3)
    assert list(three.history["epoch"]) == [3, 6]
    np.testing.assert_array_equal(one.values["layer.w"], three.values["layer.w"])


def test_augmented_data_differ_from_epoch_to_epoch_and_repeat_with_the_seed() -> None:
    loss, data = line()
    seen: list[float] = []

    def shifted(arrays: Any, generator: np.random.Generator) -> Any:
        moved = arrays["x"] + generator.normal(size=arrays["x"].shape)
        seen.append(float(moved[0, 0]))
        return {"x": moved}

    one = train.fit(loss, data, epochs=3, augment=shifted)
    other = train.fit(loss, data, epochs=3, augment=shifted)
    assert len(set(seen)) == 3 and seen[:3] == seen[3:]
    same(one, other)


def test_a_callback_ends_the_training() -> None:
    loss, data = line()
    run = train.fit(loss, data, epochs=9, on_epoch=lambda row: row["epoch"] < 2)
    assert run.stopped == "on_epoch said so" and len(run.history["loss"]) == 2


@pytest.mark.parametrize("whole", [True, False])
def test_a_diverging_fit_stops_with_what_it_knows(whole: bool) -> None:
    loss, data = line()
    run = train.fit(
        loss, data, epochs=50, optimiser="sgd", learning_rate=8.0, batch_size=20,
        whole_epochs=whole,
    )  # fmt: skip
    assert run.diverged
    assert "diverged in epoch" in run.stopped and "is the first to be inf" in run.stopped
    assert "networks.py" in run.stopped and "the learning rate was 8: try 0.8" in run.stopped
    assert all(np.isfinite(v).all() for v in run.values.values())
    with pytest.raises(gx.DivergedError, match="diverged in epoch"):
        train.fit(loss, data, epochs=50, optimiser="sgd", learning_rate=8.0, on_divergence="raise")


def test_a_slope_that_is_not_finite_is_found_in_the_backward_pass() -> None:
    x, w = gx.input("x", ("batch",)), gx.param("w", (), init=0.0)
    loss = gx.mean(gx.sqrt(w * x))
    run = train.fit(loss, {"x": np.ones(4)}, epochs=1)
    assert run.diverged and "in the backward pass" in run.stopped


def test_float64_is_trained_in_float64() -> None:
    x, w = gx.input("x", ("batch",), gx.float64), gx.param("w", (), gx.float64, init=0.0)
    loss = gx.mean(gx.square(w - x))
    run = train.fit(loss, {"x": np.full(4, 0.1)}, epochs=200, optimiser="sgd", learning_rate=0.1)
    assert run.values["w"].dtype == np.float64
    assert abs(float(run.values["w"]) - 0.1) < 1e-12


def test_the_record_says_how_it_was(tmp_path: Any) -> None:
    import json

    loss, data = line()
    run = train.fit(loss, data, epochs=2, record=tmp_path / "run.json")
    found = json.loads((tmp_path / "run.json").read_text())
    assert found["settings"]["optimiser"] == "adam" and found["sizes"]["parameters"] == 4
    assert found["history"]["loss"] == run.history["loss"].tolist()
    assert found["versions"]["optax"] == optax.__version__
    assert found["stopped"] == "all 2 epochs done"


@pytest.mark.parametrize("name", train.optimiser_names())
def test_every_optimiser_by_name_keeps_the_form_of_parameters_and_state(name: str) -> None:
    from graphc.train.optimisers import updater

    made = updater(name)
    parameters = {"w": jnp.ones((2, 3), jnp.float32), "b": jnp.ones(3, jnp.float32)}
    state = made.init(parameters)

    def step(p: Any, s: Any, rate: Any) -> Any:
        value_of = lambda q, **_: jnp.sum(q["w"] ** 2) + jnp.sum(q["b"] ** 2)
        value, slopes = jax.value_and_grad(value_of)(p)
        return made.step(slopes, s, p, rate, {}, value, value_of)

    found = jax.eval_shape(step, parameters, state, jnp.float32(0.1))
    kinds = lambda tree: jax.tree.map(lambda a: (a.shape, a.dtype), tree)
    assert kinds(found) == kinds((parameters, state))


@pytest.mark.parametrize(("progress", "lines"), [(True, 3), (None, 0), (False, 0)])
def test_progress_is_told_on_stderr_where_asked(progress: Any, lines: int, capsys: Any) -> None:
    loss, data = line()
    train.fit(loss, data, epochs=3, progress=progress)
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == lines
    assert not lines or err.startswith("epoch 1/3  loss ")


def test_a_terminal_shows_one_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    loss, data = line()
    train.fit(loss, data, epochs=3, validation=0.2)
    assert "epoch 3/3" in sys.stderr.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
