from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import train
from tests.train.networks import curved, drawn, line


def test_batched_runs_give_what_fit_gives_one_by_one() -> None:
    loss, right, data = curved()
    found = train.search(
        loss, data, grid={"learning_rate": [0.01, 0.1], "seed": [0, 5]}, epochs=3,
        evaluate={"accuracy": right}, validation=0.25, batch_size=10,
    )  # fmt: skip
    assert len(found.trials) == 4
    for trial in found.trials:
        if trial.setting["seed"]:  # which in `fit` draws another split as well
            continue
        run = train.fit(
            loss, data, evaluate={"accuracy": right}, epochs=3, batch_size=10, validation=0.25,
            learning_rate=trial.setting["learning_rate"],
        )  # fmt: skip
        np.testing.assert_allclose(trial.history["loss"], run.history["loss"], rtol=1e-5)
        np.testing.assert_allclose(
            trial.history["validation.loss"], run.history["validation.loss"], rtol=1e-5
        )
        np.testing.assert_allclose(trial.last["w1"], run.last["w1"], rtol=1e-4, atol=1e-6)


def test_trials_are_ranked_and_a_diverged_run_is_told_and_disturbs_no_other() -> None:
    loss, data = line()
    found = train.search(
        loss, data, grid={"learning_rate": [50.0, 0.1, 0.001]}, optimiser="sgd", epochs=20
    )
    assert [t.setting["learning_rate"] for t in found.trials[:2]] == [0.1, 0.001]
    assert found.trials[-1].diverged > 0 and found.best.diverged == 0
    assert found.best.score == found.best.history["validation.loss"].min()
    assert "diverged in epoch" in found.text() and "1 diverged" in repr(found)
    assert np.isfinite(found.best.parameters["layer"]["w"]).all()


def test_penalties_as_inputs_and_options_of_the_optimiser_are_batched(monkeypatch: Any) -> None:
    module = importlib.import_module("graphc.train.together")

    loss, data = line()
    penalty = gx.input("penalty", ())
    w = gx.param("layer.w", (3,), init=0.0)
    groups: list[int] = []
    before = module.Group.run

    def counted(self: Any) -> Any:
        groups.append(self.count)
        return before(self)

    monkeypatch.setattr(module.Group, "run", counted)
    found = train.search(
        loss + penalty * gx.sum(gx.square(w)), data, evaluate={"loss": loss},
        grid={"penalty": [0.0, 1.0, 10.0], "weight_decay": [0.0, 0.5]}, optimiser="adamw",
        learning_rate=0.1, epochs=10,
    )  # fmt: skip
    assert groups == [6]
    size = {
        (t.setting["penalty"], t.setting["weight_decay"]): float(np.abs(t.last["layer.w"]).sum())
        for t in found.trials
    }
    assert size[0.0, 0.0] > size[1.0, 0.0] > size[10.0, 0.0]
    assert size[0.0, 0.0] > size[0.0, 0.5]


def test_what_changes_the_graph_makes_groups_of_its_own() -> None:
    x, y = gx.input("x", ("batch", 2)), gx.input("y", ("batch",))

    def build(width: int) -> Any:
        w, v = gx.param("w", (2, width), init=drawn), gx.param("v", (width,), init=drawn)
        score = gx.tanh(x @ w) @ v
        return gx.mean(gx.softplus(score) - score * y), {"score": gx.mean(score)}

    _, _, data = curved()
    found = train.search(
        build, data, runs=4, epochs=2,
        random={"width": train.choice([2, 3]), "learning_rate": train.log_uniform(1e-3, 1)},
    )  # fmt: skip
    assert len(found.trials) == 4
    assert {t.values["w"].shape[1] for t in found.trials} <= {2, 3}
    assert all(1e-3 <= t.setting["learning_rate"] <= 1 for t in found.trials)


def test_the_same_seed_draws_the_same_layout() -> None:
    from graphc.train.search import _settings

    laws = {
        "a": train.uniform(0, 1), "b": train.integers(1, 3), "c": train.choice(["x", "y"]),
        "d": train.log_uniform(1e-6, 1),
    }  # fmt: skip
    one = _settings(None, laws, 200, 7)
    assert one == _settings(None, laws, 200, 7) and one != _settings(None, laws, 200, 8)
    assert {s["b"] for s in one} == {1, 2, 3} and {s["c"] for s in one} == {"x", "y"}
    assert 0.4 < np.mean([s["d"] < 1e-3 for s in one]) < 0.6


def test_trials_are_saved_as_table_numbers_and_picture(tmp_path: Path) -> None:
    loss, data = line()
    found = train.search(
        loss, data, grid={"learning_rate": [9.0, 0.1], "momentum": [0.0, 0.9]}, optimiser="sgd",
        epochs=30,
    )  # fmt: skip
    table = found.save(tmp_path / "t.md").read_text()
    assert table.startswith("| learning_rate | momentum | validation.loss |")
    record = json.loads(found.save(tmp_path / "t.json").read_text())
    assert len(record["trials"]) == 4 and record["column"] == "validation.loss"
    assert "diverged" in found.save(tmp_path / "t.svg").read_text()
    with pytest.raises(gx.ArgumentError, match="ends in"):
        found.save(tmp_path / "t.csv")


def test_wrong_searches_are_refused() -> None:
    loss, data = line()
    with pytest.raises(gx.ArgumentError, match="'decay' is no hyper-parameter here"):
        train.search(loss, data, grid={"decay": [0.1]})
    with pytest.raises(gx.ArgumentError, match="the optimiser sm3 failed"):
        train.search(loss, data, grid={"learning_rate": [0.1]}, optimiser="sm3")
    with pytest.raises(gx.ArgumentError, match="either a grid or random"):
        train.search(loss, data)
    with pytest.raises(gx.ArgumentError, match="no list of values"):
        train.search(loss, data, grid={"learning_rate": 0.1})
    with pytest.raises(gx.ArgumentError, match="is no distribution"):
        train.search(loss, data, random={"learning_rate": [0.1]})
    with pytest.raises(gx.BudgetError, match="1,000,000 runs"):
        train.search(loss, data, grid={n: list(range(1, 101)) for n in ("a", "b", "c")})
    with pytest.raises(gx.ArgumentError, match="without a validation part"):
        train.search(loss, data, grid={"learning_rate": [0.1]}, validation=0)
    with pytest.raises(gx.ArgumentError, match=r"above 0, low <= high"):
        train.log_uniform(0, 1)
