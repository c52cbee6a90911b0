"""The report's section on how Jacobians and Hessians were planned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import graphc as gx
from graphc.compare.plans import derivative_plans
from graphc.compare.problem import Problem
from graphc.compare.report import write_report
from graphc.compare.report.plans import plans_section
from graphc.compare.run_engines import quiet
from tests.compare.report_samples import circuit


def least_squares(hessian: bool = False) -> Problem:
    x = gx.input("x", (3,), gx.float32)
    r = gx.stack([x[0] * x[1], gx.sin(x[2]), x[0] - x[2]])
    values = {"x": np.array([0.4, 0.5, 0.6], np.float32)}
    return Problem(gx.sum(r * r), values, vectors={"residuals": r}, hessian=hessian)


def test_plans_hold_predicted_and_measured_seconds_of_every_way() -> None:
    plans = derivative_plans(least_squares(hessian=True), quiet)
    assert [p.kind for p in plans] == ["Jacobian", "Hessian"]
    for plan in plans:
        assert plan.choice in [way.engine for way in plan.ways]
        ways = [way.engine for way in plan.ways]
        assert sorted(ways) == ["elimination", "forward", "mixed", "reverse"]
        for way in plan.ways:
            assert way.applies == (way.predicted_seconds is not None)
            assert way.applies == (way.measured_seconds is not None)


def test_a_problem_that_names_nothing_is_not_planned() -> None:
    x = gx.input("x", (3,), gx.float32)
    assert derivative_plans(Problem(gx.sum(x * x), {"x": np.ones(3, np.float32)}), quiet) == ()
    assert plans_section(replace(circuit(), plans=())) is None


def test_all_writers_tell_the_plans_and_the_same_record_gives_the_same_bytes(
    tmp_path: Path,
) -> None:
    for folder in ("one", "two"):
        write_report([circuit()], tmp_path / folder)
    for name in ("report.html", "report.md", "report.json"):
        first = (tmp_path / "one" / name).read_bytes()
        assert first == (tmp_path / "two" / name).read_bytes()
        assert b"30 reverse passes" in first
    page = (tmp_path / "one" / "report.html").read_text()
    assert "How the derivatives were planned" in page
    plan = json.loads((tmp_path / "one" / "report.json").read_text())["comparisons"][0]["plans"][0]
    assert plan["choice"] == "mixed"
    assert plan["ways"][0]["measured_seconds"] == 4.35e-4


def test_wrong_vectors_are_told() -> None:
    x, z = gx.input("x", (3,), gx.float32), gx.input("z", (3,), gx.float32)
    loss, values = gx.sum(x * x), {"x": np.ones(3, np.float32)}
    with pytest.raises(gx.ArgumentError, match="depends on z"):
        Problem(loss, values, vectors={"r": x * z})
    with pytest.raises(gx.ArgumentError, match="no mapping"):
        Problem(loss, values, vectors=[x])  # pyright: ignore[reportArgumentType]
    with pytest.raises(gx.ArgumentError, match="is no name"):
        Problem(loss, values, vectors={1: x})  # pyright: ignore[reportArgumentType]
    with pytest.raises(gx.GradError, match="no float node"):
        Problem(loss, values, vectors={"r": x > 0})
    with pytest.raises(gx.ArgumentError, match="neither True nor False"):
        Problem(loss, values, hessian=1)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("mixed", "words"),
    [
        (1.0e-4, "the fastest when measured"),
        (2.05e-4, "by more than a tenth"),
        (4e-4, "was faster"),
    ],
)
def test_ways_that_differ_by_noise_are_not_called_faster(mixed: float, words: str) -> None:
    record = circuit()
    (plan, *_) = record.plans
    ways = [replace(w, measured_seconds=mixed) if w.engine == "mixed" else w for w in plan.ways]
    fastest = "mixed" if mixed < 1.9e-4 else "forward"  # which took 1.9e-4 s
    section = plans_section(replace(record, plans=(replace(plan, ways=ways, fastest=fastest),)))
    assert words in str(section)
