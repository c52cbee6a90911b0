from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

import graphc as gx
from graphc import cli, train

Run = Callable[..., click.testing.Result]

NETWORK = """
import numpy as np
import graphc as gx
from graphc import train

x, y = gx.input("x", ("batch", 2)), gx.input("y", ("batch",))
w = gx.param("w", (2,), init=0.0)
loss = gx.mean(gx.square(x @ w - y))
rows = np.random.default_rng(0).normal(size=(40, 2))
data = {"x": rows, "y": rows @ [1.0, 2.0]}
"""
PLAN = "plan = train.Plan(loss, data, epochs=4, validation=0.25, learning_rate=0.1)\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `graphc train` in an empty folder that holds a program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("net.py").write_text(NETWORK + PLAN)
    runner = click.testing.CliRunner()
    return lambda *words: runner.invoke(cli.main, ["train", *map(str, words)], prog_name="graphc")


def test_it_trains_and_writes_curves_record_and_graph(run: Run) -> None:
    found = run("net.py", "--out", "out", "--quiet")
    assert found.exit_code == 0, found.output
    assert "2 parameters, 30 rows to train on, 10 to validate" in found.output
    assert "validation.loss" in found.output and "all 4 epochs done" in found.output
    assert sorted(p.name for p in Path("out").iterdir()) == ["curves.svg", "model.json", "run.json"]
    record = json.loads(Path("out/run.json").read_text())
    loss, values = gx.load_with_values("out/model.json")
    assert record["settings"]["epochs"] == 4 and set(values) == {"w"}
    assert "loss" in loss


def test_options_change_the_plan(run: Run) -> None:
    found = run("net.py", "--epochs", 2, "--seed", 3, "--batch-size", 10, "--learning-rate", 0.5)
    assert "6 steps" in found.output and "all 2 epochs done" in found.output


def test_it_resumes(run: Run) -> None:
    whole = run("net.py", "--epochs", 4).output.splitlines()[1:]
    run("net.py", "--epochs", 2, "--checkpoint", "c")
    resumed = run("net.py", "--epochs", 4, "--checkpoint", "c", "--resume").output.splitlines()[1:]
    assert whole == resumed


def test_a_diverging_training_exits_with_1(run: Run) -> None:
    Path("net.py").write_text(NETWORK + PLAN.replace("0.1)", "1e8, optimiser='sgd')"))
    found = run("net.py", "--epochs", 40)
    assert found.exit_code == 1 and "diverged in epoch" in found.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "net.py gives no plan"),
        ("plan = 3\n", "net.py gives 3, no plan"),
        ("def training():\n    return None\n", "gives no plan"),
        ("a = train.Plan(loss, data)\nb = train.Plan(loss, {})\n", "has 2 plans"),
        ("plan = train.Plan(loss, data, epoch=3)\n", "net.py:11: train.fit has no option 'epoch'"),
        ("plan = train.Plan(loss, data, epochs=-3)\n", "epochs=-3 is no count"),
        ("plan = train.Plan(loss, {'x': rows})\n", "no value for y"),
        ("plan = train.Plan(loss, 3)\n", "the data are 3, no dict"),
        ("raise ValueError('so')\n", "net.py:11: the file failed: ValueError: so"),
        ("import sys; sys.exit(3)\n", "ended the program with exit status 3"),
    ],
)  # fmt: skip
def test_wrong_programs_are_told_by_their_line(text: str, words: str, run: Run) -> None:
    Path("net.py").write_text(NETWORK + text)
    found = run("net.py", "--quiet", "--out", "out")
    assert found.exit_code == 2, found.output
    assert words in found.output, found.output


def test_wrong_calls_are_told(run: Run) -> None:
    assert "no checkpoint to resume" in run("net.py", "--resume").output
    assert "there is no file 'nothing.py'" in run("nothing.py").output
    assert run("net.py", "--learning-rate", -1).exit_code == 2
    assert run("net.py", "--epochs", 0).exit_code == 2


def test_a_training_function_and_a_data_function_are_called(run: Run) -> None:
    Path("net.py").write_text(
        NETWORK + "def training():\n    return train.Plan(loss, lambda: data, epochs=1)\n"
    )
    assert "all 1 epochs done" in run("net.py").output
    assert isinstance(train.load_plan("net.py"), train.Plan)
