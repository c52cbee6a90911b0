"""The command `graphc debug`: its report, and exit status 0, 1 or 2."""

from __future__ import annotations

from pathlib import Path

import click.testing
import pytest

from graphc import cli

INTEGERS = """
import graphc as gx

x, n = gx.input("x", (), "float64"), gx.input("n", (), "int32")
problem = gx.Problem(x * (7 // n), {"x": 1.0, "n": 0})
"""


INDEX = """
import graphc as gx

x, i = gx.input("x", (3,), "float64"), gx.input("i", (1,), "int32")
problem = gx.Problem(gx.sum(gx.take(x, i)), {"x": [1.0, 2.0, 3.0], "i": [5]})
"""


def run(*words: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(cli.main, ["debug", *words])


def test_clean_formula_ends_with_status_0() -> None:
    result = run("x*y", "x=1", "y=2")
    assert result.exit_code == 0 and "values and adjoints are finite" in result.stdout


@pytest.mark.parametrize(
    ("formula", "value", "words"),
    [
        ("log(1+exp(x))", "x=1000", "overflow"),
        ("log(x)", "x=-1", "log needs x > 0"),
        ("sqrt(x*x)", "x=0", "slope inf times incoming adjoint 1"),
        ("exp(-x*x)", "x=30", "artificially, by underflow"),
    ],
)
def test_finding_ends_with_status_1(formula: str, value: str, words: str) -> None:
    result = run(formula, value)
    assert result.exit_code == 1 and words in " ".join(result.stdout.split())


def test_failed_check_is_a_finding_at_the_users_line(tmp_path: Path) -> None:
    file = tmp_path / "whole.py"
    file.write_text(INTEGERS, encoding="utf-8")
    result = run(str(file))
    assert result.exit_code == 1 and "whole.py:5" in result.stdout
    assert "DivisionError" in result.stdout


def test_index_out_of_range_is_a_finding_too(tmp_path: Path) -> None:
    file = tmp_path / "picked.py"
    file.write_text(INDEX, encoding="utf-8")
    result = run(str(file))
    assert result.exit_code == 1 and "index 5 at i[0] is out of range" in result.stdout


def test_wrong_call_ends_with_status_2() -> None:
    assert run("x*y", "x=1").exit_code == 2
    assert run("x*y", "x=1", "y=2", "--budget", "-1").exit_code == 2
