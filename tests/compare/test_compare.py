"""The record of a comparison, and the programs that a FILE.py may be."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.compare.report import write_report


def simple(n: int = 3) -> gx.Problem:
    """Returns a problem that can grow."""
    x = gx.input("x", (n,), "float64")
    output = gx.sum(gx.sin(x) * x)
    return gx.Problem(
        output, {"x": np.linspace(0.5, 1.5, n)}, name="grows", grow=simple, sizes=(1, 2, 4)
    )


@pytest.fixture(scope="module")
def record() -> gx.Comparison:
    """Returns one full comparison."""
    return gx.compare(simple(), memory=False)


def test_record_is_frozen_and_full(record: gx.Comparison) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.agreed = False  # type: ignore[misc]
    assert record.agreed
    assert [e.name for e in record.engines] == [
        "analytic", "numeric", "symbolic", "reverse", "forward", "jax",
    ]  # fmt: skip
    for engine in record.engines[1:]:
        assert engine.status == "ok"
        assert engine.verdict
        assert engine.verdict_words
        assert engine.nodes > 0
        assert engine.tree_size >= engine.nodes
        assert engine.run_seconds is not None
        assert engine.hlo_size is not None
        assert engine.picture
        assert len(engine.gradient["x"]) == 3


def test_what_loads_once_is_in_no_engines_time() -> None:
    code = """
import sys
import graphc as gx
from graphc.compare.run_engines import _load, run_engines
x = gx.input("x", (), "float32")
problem = gx.Problem(gx.sin(x) * x, {"x": 2.0})
_load(("symbolic",))
before = set(sys.modules)
run_engines(problem, ("numeric", "symbolic", "reverse"))
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(gx.__file__).parents[1])},
    )  # fmt: skip
    assert done.stdout.split() == []


def test_gradient_and_truth_are_those_of_the_closed_form(record: gx.Comparison) -> None:
    x = np.linspace(0.5, 1.5, 3)
    expected = np.cos(x) * x + np.sin(x)
    found = {e.name: e.gradient["x"] for e in record.engines if e.status == "ok"}
    for name in ("symbolic", "reverse", "forward", "jax"):
        assert np.allclose(found[name], expected, rtol=4e-16, atol=0)
    assert [float(t) for t in record.truth["x"]] == pytest.approx(list(expected), rel=4e-16)
    assert record.value == pytest.approx(float(np.sum(np.sin(x) * x)), rel=1e-15)


def test_step_curves_and_swell_are_there(record: gx.Comparison) -> None:
    assert [c.method for c in record.step_curves] == [
        "forward", "central", "complex-step", "Richardson",
    ]  # fmt: skip
    central = record.step_curves[1]
    assert min(central.errors) < 1e-9 < max(central.errors)
    assert central.chosen_error < 1e-8
    assert {s.engine for s in record.swell} >= {"problem", "reverse", "symbolic"}
    assert all(len(s.nodes) == 3 for s in record.swell)


def test_report_of_a_kink_and_of_no_derivative_is_written(tmp_path: Path) -> None:
    x = gx.input("x", (3,), "float64")
    kinked = gx.compare(gx.Problem(gx.sum(gx.abs(x)), {"x": [0.0, 1.0, -1.0]}), memory=False)
    (kink,) = kinked.kinks
    assert (kink.op, kink.count) == ("abs", 1)
    nowhere = gx.compare(gx.Problem(gx.sqrt(x[0] * 0), {"x": [0.0, 1.0, 2.0]}), memory=False)
    files = write_report([kinked, nowhere], tmp_path)
    assert all(f.exists() for f in files)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "convention" in page
    json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))


def test_options_reach_their_engine() -> None:
    result = gx.compare(
        simple(), engines=("numeric",), options={"numeric": {"method": "richardson"}},
        memory=False, pictures=False,
    )  # fmt: skip
    (engine,) = result.engines
    assert "richardson" in engine.route
    assert engine.digits["x"] > 11


def test_progress_is_told_in_order() -> None:
    said: list[str] = []
    gx.check(simple(), ("reverse", "jax"), said.append)
    assert said[0] == "grows: engine reverse"
    assert said[-1] == "grows: verdict on jax"


def test_same_problem_gives_the_same_record_but_for_times() -> None:
    def plain(record: Any) -> Any:
        timeless = [
            dataclasses.replace(e, build_seconds=None, compile_seconds=None, run_seconds=None)
            for e in record.engines
        ]
        return dataclasses.replace(record, engines=tuple(timeless))

    first, second = (gx.compare(simple(), memory=False) for _ in range(2))
    assert plain(first) == plain(second)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("problem = make()", 1),
        ("problems = [make(), make()]", 2),
        ("problems = (make(), make())", 2),
        ("def problems():\n    return [make(), make(), make()]", 3),
        ("def problems():\n    yield make()\n    yield make()", 2),
        ("problems = {'a': make()}", 1),
        ("a = make()\nb = make()\nalso_a = a", 2),
        ("problems = make()", 1),
    ],
)
def test_file_gives_its_problems_in_any_of_these_forms(
    tmp_path: Path, text: str, count: int
) -> None:
    head = (
        "import graphc as gx\nx = gx.input('x', (), 'float64')\n"
        "def make():\n    return gx.Problem(x * x, {'x': 1.0})\n"
    )
    file = tmp_path / "model.py"
    file.write_text(head + text + "\n")
    assert len(gx.load_problems(file)) == count
