from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
import pytest

import graphc as gx
from graphc import train
from tests.train.networks import curved, line

OPTAX: dict[str, Any] = {
    "sgd": optax.sgd(0.1),
    "momentum": optax.sgd(0.1, momentum=0.9),
    "nesterov": optax.sgd(0.1, momentum=0.9, nesterov=True),
    "adagrad": optax.adagrad(0.1),
    "rmsprop": optax.rmsprop(0.1),
    "adam": optax.adam(0.1),
    "adamw": optax.adamw(0.1, weight_decay=0.05),
}


def _rule(name: str) -> train.rules.Rule:
    more = {"weight_decay": 0.05} if name == "adamw" else {}
    return train.rules.RULES[name](0.1, **more)


@pytest.mark.parametrize("name", OPTAX)
def test_a_rule_as_graph_agrees_with_optax_over_many_steps(name: str) -> None:
    rule, theirs = _rule(name), OPTAX[name]
    p, g = gx.input("p", (3,), gx.float64), gx.input("g", (3,), gx.float64)
    slots = {s: gx.input(s, (3,), gx.float64) for s in rule.slots}
    count = gx.input("count", (), gx.int32)
    step = gx.compile(list(rule(p, g, slots, count)), [p, g, slots, count])
    mine = other = np.array([1.0, -2.0, 0.5])
    state = {s: np.full(3, first) for s, first in rule.slots.items()}
    their_state = theirs.init(other)
    update = jax.jit(theirs.update)
    for number in range(200):
        slope = np.sin(np.arange(3) + number) * (number % 7)
        mine, state = step(mine, slope, state, np.int32(number))
        changes, their_state = update(slope, their_state, other)
        other = optax.apply_updates(other, changes)
    np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_fit_by_a_rule_agrees_with_fit_by_optax(name: str) -> None:
    loss, data = line()
    mine = train.fit(loss, data, optimiser=_rule(name), epochs=5)
    other = train.fit(loss, data, optimiser=OPTAX[name], epochs=5)
    np.testing.assert_allclose(mine.values["layer.w"], other.values["layer.w"], rtol=2e-5)


def test_the_step_as_one_graph_trains_as_fit_does() -> None:
    loss, data = line()
    step = train.step_graph(loss, train.rules.adam(0.1))
    run = gx.compile(step.outputs, step.inputs)
    parameters, slots, state, count = step.first()
    for _ in range(5):
        found = run(parameters, slots, state, count, data)
        parameters, slots, count = found["parameters"], found["slots"], found["count"]
    fitted = train.fit(loss, data, learning_rate=0.1, epochs=5, batch_size=None)
    assert int(count) == 5
    np.testing.assert_allclose(parameters["layer"]["w"], fitted.values["layer.w"], rtol=1e-5)


def test_a_step_with_state_returns_its_next_value() -> None:
    x, w = gx.input("x", ("batch",)), gx.param("w", (), init=1.0)
    mean = gx.param("mean", (), init=0.0, trainable=False)
    loss = gx.mean(gx.square(gx.assign(x, mean, gx.mean(x)) * w))
    step = train.step_graph(loss)
    found = gx.evaluate(step.outputs, {"x": [1.0, 3.0], "w": 1.0, "mean": 0.0, "step:count": 0})
    assert float(found["state"]["mean"]) == 2
    assert float(found["parameters"]["w"]) == pytest.approx(1 - 0.01 * 10)


def test_the_whole_step_is_drawn(tmp_path: Path) -> None:
    loss, _, _ = curved()
    step = train.step_graph(loss, "momentum")
    picture = step.draw(tmp_path / "step.svg")
    text = (tmp_path / "step.svg").read_text()
    assert picture is not None and "update" in text and "w1 ←" in text


def test_wrong_rules_are_refused() -> None:
    loss, _ = line()
    with pytest.raises(gx.ArgumentError, match="there is no rule 'adem'"):
        train.step_graph(loss, "adem")
    with pytest.raises(gx.ArgumentError, match="b1=2 is no number from 0 to 1"):
        train.rules.adam(b1=2)
    with pytest.raises(gx.ArgumentError, match="learning_rate=-1"):
        train.rules.sgd(-1)
    rule = train.rules.adam()
    w = gx.param("w", (2,))
    with pytest.raises(gx.ArgumentError, match="give a dict with first, second"):
        rule(w, w, {}, gx.input("count", (), gx.int32))
