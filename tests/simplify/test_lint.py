"""lint: the line, what is wrong in the rule's words, what to write, and what is seldom meant."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import graphc as gx
from graphc.cli import main
from graphc.core.node import Node
from graphc.simplify.harms import CROSSED, HARMS
from graphc.simplify.lint import lint
from graphc.simplify.passes import simplify
from graphc.simplify.rule import Rule
from graphc.simplify.rules import ALL_RULES

X, Y = gx.input("x", (5,), "float64"), gx.input("y", (5,), "float64")
PREDICTED, TARGET = gx.input("predicted", (5, 1)), gx.input("target", (5,))
ONE = gx.input("one", (1, 3))
COUNT, TIMES = gx.input("i", (), "int32"), gx.input("j", (), "int32")


def rules_of(node: Node) -> list[str]:
    return [s.rule for s in lint(node)]


@pytest.mark.parametrize(
    "rule", [r for r in ALL_RULES if r.validity == "stable"], ids=lambda r: r.name
)
def test_every_stable_rule_is_told_with_its_words_and_line(rule: Rule) -> None:
    x, y = gx.input("x", (2, 2), "float64"), gx.input("y", (2, 2), "float64")
    example = rule.example(x, y)
    for node in example if isinstance(example, tuple) else (example,):
        found = lint(node)
        assert found, node
        told = " ".join(str(s) for s in found)
        assert "; write " in told and "test_lint.py:" in told
        # What simplify makes of it is what lint says to write, so nothing is left to say then.
        stable = simplify(node, stable=True, fold_constants=False)
        assert [s for s in lint(stable) if s.rule not in {h.name for h in HARMS}] == []


def test_a_form_of_several_rules_is_told_once_with_all_that_it_loses() -> None:
    (found,) = lint(gx.log(1 / (1 + gx.exp(-X))))
    assert found.rule == "log_sigmoid" and found.better == "log_sigmoid(x)"
    assert "-745" in found.loses and "slope NaN" in found.loses
    (found,) = lint(gx.sqrt(gx.mean(X * X) - gx.mean(X) ** 2))
    assert found.better == "std(x)" and "spread" in found.loses
    (found,) = lint((1 - gx.cos(X)) / X**2)
    assert "sinc" in found.better and "0 / 0" in found.domain


def test_root_of_squares_suggests_abs_and_norm() -> None:
    assert [s.better for s in lint(gx.sqrt(X * X))] == ["abs(x)"]
    assert [s.better for s in lint(gx.sqrt(gx.sum(X**2)))] == ["norm(x)"]
    assert "slope at 0 is NaN" in lint(gx.sqrt(X * X))[0].loses


def test_a_form_used_twice_is_told_where_it_stands() -> None:
    ratio = gx.exp(X) / (1 + gx.exp(X))
    assert len(lint(gx.log(ratio) + ratio)) == 2


def test_good_graphs_have_nothing_to_tell() -> None:
    w = gx.param("w", (5, 3))
    for node in (
        gx.softplus(X), gx.logsumexp(X), gx.var(X), gx.norm(X), gx.mean((X - Y) ** 2),
        gx.mean(gx.relu(gx.cast(X, "float32") @ w)), X / gx.sum(X), gx.sin(X) * gx.cos(X), X - 1.0,
        gx.binary_cross_entropy(X, Y), gx.mse(X, Y), X**3, gx.exp(X) + 1,
    ):  # fmt: skip
        assert lint(node) == [], node


def test_column_against_row_names_both_operands_and_shapes() -> None:
    for loss in (
        gx.mean((PREDICTED - TARGET) ** 2),
        gx.sum(gx.abs(TARGET - PREDICTED)),
        gx.mean(gx.square((PREDICTED - TARGET) * 2)),
    ):
        (found,) = lint(loss)
        assert found.rule == "column against row" and found.place is not None
        for words in ("predicted is [5, 1]", "target is [5]", "[5, 5]"):
            assert words in found.better
    value = {"predicted": np.zeros((5, 1)), "target": np.arange(5.0)}
    assert gx.evaluate(gx.sum((PREDICTED - TARGET) ** 2), value) == 150.0  # and not 30


def test_meant_broadcasting_is_not_told() -> None:
    column, row = gx.input("a", (5, 1)), gx.input("b", (5,))
    for node in (
        gx.sum(gx.abs(column - row), axis=0),  # distances of all pairs
        gx.mean((column - gx.input("c", (4,))) ** 2),
        gx.mean((gx.input("d", (5, 3)) - gx.input("e", (3,))) ** 2),
        gx.mean((gx.squeeze(column, 1) - row) ** 2),
        gx.sum(column * row),
    ):
        assert lint(node) == []


def test_named_sizes_meet_as_column_and_row_too() -> None:
    a, b = gx.input("a", ("batch", 1)), gx.input("b", ("batch",))
    assert rules_of(gx.mean((a - b) ** 2)) == ["column against row"]


@pytest.mark.parametrize(
    ("node", "rule"),
    [
        (X * gx.log(X), "x times log x"),
        (gx.log(X) * X, "x times log x"),
        (gx.var(ONE, axis=0), "spread of one element"),
        (gx.std(ONE, axis=0), "spread of one element"),
        (ONE - gx.mean(ONE, axis=0), "centred single element"),
        (ONE - gx.mean(ONE, axis=0, keepdims=True), "centred single element"),
        (COUNT / TIMES, "integers divided as floats"),
        (X**2000, "large power"),
        (gx.input("f") ** 200, "large power"),
        (gx.log(gx.softmax(X) + 1e-8), "epsilon in a logarithm"),
        (gx.log(1e-6 + gx.sigmoid(X)), "epsilon in a logarithm"),
        (X / gx.norm(X), "unguarded scale"),
        (X / gx.std(X), "unguarded scale"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_what_is_seldom_meant_is_told(node: Node, rule: str) -> None:
    assert rules_of(node) == [rule]


def test_integers_divided_as_floats_names_the_floats_and_what_they_hold() -> None:
    (found,) = lint(COUNT / TIMES)
    assert "float32 holds integers up to 16777216 exactly" in found.better
    i, j = (gx.cast(gx.input(n, (), "int64"), "float64") for n in "ij")
    (found,) = lint(i / j)
    assert found.better.endswith(f"quotient; float64 holds integers up to {2**53} exactly")


@pytest.mark.parametrize(
    "node",
    [
        X * gx.log(Y),
        gx.var(ONE, axis=1),
        ONE - gx.mean(ONE, axis=1, keepdims=True),
        COUNT // TIMES,
        gx.cast(COUNT, "float64") / gx.cast(TIMES, "float64"),
        gx.input("k", (), "int8") / gx.input("l", (), "int8"),
        X**100,
        gx.log(gx.softmax(X) + 1.0),
        X / (gx.norm(X) + 1e-6),
    ],
    ids=lambda v: str(v)[:40],
)
def test_what_looks_alike_and_is_fine_is_not_told(node: Node) -> None:
    names = {h.name for h in (CROSSED, *HARMS)}
    assert not names & set(rules_of(node))


def test_lint_of_a_long_chain_is_quick_and_of_many_outputs_in_order() -> None:
    node = X
    for _ in range(5_000):
        node = gx.sin(node)
    assert lint(node) == []
    assert [s.rule for s in lint([gx.log(1 + gx.exp(X)), gx.exp(X) - 1])] == ["softplus", "expm1"]


# -- the command -----------------------------------------------------------------------------------


def test_command_prints_the_finding_and_exits_with_1() -> None:
    done = CliRunner().invoke(main, ["lint", "log(1+exp(x))"])
    assert done.exit_code == 1
    assert "is infinite from x = 710 on" in done.output and "write softplus(x)" in done.output


def test_command_exits_with_0_where_there_is_nothing_and_with_2_for_a_wrong_call() -> None:
    done = CliRunner().invoke(main, ["lint", "sin(x)*y"])
    assert done.exit_code == 0 and "nothing to suggest" in done.output
    assert CliRunner().invoke(main, ["lint", "sin(x"]).exit_code == 2
    assert CliRunner().invoke(main, ["lint", "missing.py"]).exit_code == 2


def test_command_reads_a_file_tells_its_lines_and_prints_json(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import graphc as gx\n"
        "x = gx.input('only here', (), 'float64')\n"
        "problem = gx.Problem(gx.sqrt(x * x) + gx.log(1 - x), {'only here': 0.5})\n"
    )
    done = CliRunner().invoke(main, ["lint", str(program), "--json"])
    assert done.exit_code == 1, done.output
    found = json.loads(done.output)
    assert [f["better"] for f in found] == ["abs(only here)", "log1p(neg(only here))"]
    assert [f["place"][1] for f in found] == [3, 3]
    text = CliRunner().invoke(main, ["lint", str(program)]).output
    assert text.count("program.py:3:") == 2
