"""Every defect that was found stays mended: its graph is judged again by all oracles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphc as gx
from graphc.fuzz.generate import Case, generate
from graphc.fuzz.regress import read_regression, text_of, write_regression
from graphc.fuzz.run import judge_case
from graphc.fuzz.shrink import size

FILES = sorted((Path(__file__).parent / "regressions").glob("*.json"))

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_mended_defect_stays_mended(path: Path) -> None:
    verdicts = judge_case(read_regression(path))
    assert not verdicts.findings, verdicts.findings


def test_there_are_regressions() -> None:
    assert FILES


@pytest.mark.parametrize("kind", ["scalar", "tensor"])
def test_a_graph_comes_back_as_it_was_written(kind: str, tmp_path: Path) -> None:
    for index in range(20):
        case = generate(kind, 6, index)
        path = write_regression(tmp_path, case, "truth of reverse")
        again = read_regression(path)
        assert again.output is case.output
        for node, value in case.values.items():
            assert np.asarray(again.values[node]).tobytes() == np.asarray(value).tobytes()


def test_a_file_without_a_scalar_graph_is_refused(tmp_path: Path) -> None:
    x = gx.input("x", (2,), "float64")
    gx.save(tmp_path / "vector.json", [x * 2], {"x": [1.0, 2.0]})
    with pytest.raises(gx.ArgumentError, match="holds no scalar graph"):
        read_regression(tmp_path / "vector.json")
    gx.save(tmp_path / "bare.json", [gx.sum(x)])
    with pytest.raises(gx.ArgumentError, match="holds no value for 'x'"):
        read_regression(tmp_path / "bare.json")


def test_text_shows_graph_and_exact_values() -> None:
    x = gx.input("x", (), "float64")
    lines = text_of(Case(gx.sin(x), {x: np.asarray(0.1)}))
    assert lines == ["sin(x): f64", "x: f64 = 0.10000000000000001"]
    assert size(Case(gx.sin(x), {x: np.asarray(0.1)})) == 2
