"""Each verdict on a real case; the numeric engine never makes a defect."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.compare.check import Check, CheckLine
from graphc.compare.formula_problem import formula_problem
from graphc.compare.record import VERDICTS
from graphc.core.node import Node

ALL = ("numeric", "symbolic", "reverse", "forward", "jax")


def lines(result: Check) -> dict[str, CheckLine]:
    """Returns the lines that ran, by engine."""
    return {n.engine: n for n in result.lines if n.verdict != "not applicable"}


def verdicts(formula: str, *words: str, engines: Sequence[str] = ALL) -> dict[str, str]:
    """Returns each engine's verdict on a formula."""
    result = gx.check(formula_problem(formula, words), engines)
    assert set(lines(result)) == set(engines)
    return {name: line.verdict for name, line in lines(result).items()}


@pytest.mark.parametrize(
    ("formula", "words", "expected"),
    [
        ("sin(x) * y", ("x=1", "y=2"), {"reverse": "agrees", "numeric": "truncation"}),
        ("x + y", ("x=1", "y=2"), {"reverse": "agrees", "jax": "agrees"}),
        ("abs(x)", ("x=0",), {"reverse": "agrees", "forward": "agrees", "jax": "convention"}),
        ("where(x > 0, log(x), x)", ("x=-1",), {"reverse": "agrees"}),
        ("where(x > 1, sqrt(x - 1), x*0)", ("x=1e-9",), {"reverse": "agrees", "jax": "convention"}),
        ("relu(x)", ("x=0",), {"reverse": "agrees", "jax": "agrees", "numeric": "kink"}),
        ("atan2(x, y)", ("x=0", "y=0"), {"reverse": "agrees", "jax": "convention"}),
        ("sqrt(x)", ("x=0",), {"reverse": "kink", "jax": "kink", "numeric": "kink"}),
        ("log(x)", ("x=-1",), {"reverse": "kink", "jax": "convention"}),
        ("tanh(x)", ("x=19",), {"reverse": "agrees", "jax": "cancellation"}),
        ("(1-cos(x))/x**2", ("x=1e-8",), {"reverse": "cancellation", "jax": "cancellation"}),
        ("exp(x) - x", ("x=1e-5",), {"reverse": "rounding", "jax": "rounding"}),
        ("log(1+exp(x))", ("x=800",), {"reverse": "overflow", "jax": "overflow"}),
        ("exp(x)", ("x=1000",), {"reverse": "overflow", "jax": "overflow"}),
        ("exp(x)", ("x=-1000",), {"reverse": "agrees", "jax": "agrees"}),
        ("log(1+exp(x))", ("x=-200",), {"reverse": "agrees", "jax": "agrees"}),
    ],
)
def test_verdict_names_what_is_at_work(
    formula: str, words: tuple[str, ...], expected: dict[str, str]
) -> None:
    found = verdicts(formula, *words)
    assert {n: found[n] for n in expected} == expected
    assert set(found.values()) <= set(VERDICTS)


def test_numeric_engine_alone_is_never_a_defect() -> None:
    for formula, words in [
        ("sin(1000*x)", ("x=1e6",)),
        ("exp(x)", ("x=700",)),
        ("floor(x)", ("x=2",)),
        ("abs(x - 1e-9)", ("x=0",)),
        ("log(x)", ("x=1e-300",)),
    ]:
        result = gx.check(formula_problem(formula, words), ("numeric",))
        assert result.agreed, formula
        assert lines(result)["numeric"].verdict != "defect"


def test_stopped_gradient_is_a_convention_that_differences_do_not_know() -> None:
    x = gx.input("x", (3,), "float64")
    output = gx.sum(gx.stop_gradient(x) * x + gx.stop_gradient(gx.square(x)) * 5)
    result = lines(gx.check(gx.Problem(output, {"x": [1.0, 2.0, 3.0]})))
    assert result["numeric"].verdict == "convention"
    assert "sees through stop_gradient" in result["numeric"].words
    for name in ("reverse", "forward", "symbolic", "jax"):
        assert result[name].verdict == "agrees", name


def test_decision_that_rounding_turns_over_is_no_defect() -> None:
    # Exactly 0.1 * 3 lies below the number beside it, in floats they are equal.
    less = verdicts("where(x*y < 0.30000000000000004, x*7, x*2)", "x=0.1", "y=3")
    assert less["reverse"] == less["jax"] == "kink"
    side = verdicts("leaky_relu(x*y - 0.30000000000000004) + relu(0.30000000000000004 - x*y)*x",
                    "x=0.1", "y=3")  # fmt: skip
    assert "defect" not in side.values()


def test_words_name_the_convention_and_the_place() -> None:
    x = gx.input("x", (3,), "float64")
    result = gx.check(gx.Problem(gx.sum(gx.abs(x) * 2), {"x": [0.0, 1.0, -2.0]}), ("jax",))
    (line,) = result.lines
    assert line.verdict == "convention"
    assert "JAX gives slope 1 at 0" in line.words
    assert "rule of abs" in line.where
    assert "test_verdict.py:" in line.where


# -- the analytic engine ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "wrong"),
    [
        (lambda x, y: 2 * x * y, False),
        (lambda x, y: -2 * x * y, True),
        (lambda x, y: 2 * x, True),
        (lambda x, y: 2 * x * y + 1e-10, True),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_wrong_formula_is_found_and_the_others_are_not_blamed(
    formula: Any, wrong: bool, dtype: str
) -> None:
    x, y = gx.input("x", (3,), dtype), gx.input("y", (3,), dtype)
    problem = gx.Problem(
        gx.sum(x * x * y),
        {"x": [1.0, 2.0, 3.0], "y": [0.5, 1.5, -1.0]},
        analytic={x: formula(x, y), y: x * x},
    )
    result = gx.check(problem)
    found = {name: line.verdict for name, line in lines(result).items()}
    assert (found["analytic"] == "defect") == wrong
    assert result.agreed == (not wrong)
    assert "defect" not in [v for n, v in found.items() if n != "analytic"]
    if wrong:
        assert "worst in x" in lines(result)["analytic"].words


def test_formula_inside_the_expression_is_checked_too() -> None:
    x = gx.input("x", (), "float64")
    for slip, agreed in ((0.0, True), (1e-11, False)):
        output = gx.sin(gx.with_gradient(x * x, {x: 2 * x + slip}))
        assert gx.check(gx.Problem(output, {"x": 3.0})).agreed == agreed


def test_formula_that_leaves_out_an_input_does_not_apply() -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
    output = gx.with_gradient(x * x * y, {x: 2 * x * y})
    result = gx.check(gx.Problem(output, {"x": 3.0, "y": 1.0}))
    assert result.lines[0].engine == "analytic"
    assert result.lines[0].verdict == "not applicable"
    only = gx.check(gx.Problem(output, {"x": 3.0, "y": 1.0}, wrt=x))
    assert only.lines[0].verdict == "agrees"


# -- problems of every kind ------------------------------------------------------------------------


def agreed(output: Node, values: dict[str, Any], **options: Any) -> Check:
    """Returns the check of a problem that all engines must agree on, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = gx.check(gx.Problem(output, values, **options))
    assert result.agreed, result.lines
    assert "failed" not in [n.verdict for n in result.lines]
    return result


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_every_float_dtype_is_judged(dtype: str, rng: np.random.Generator) -> None:
    h = gx.input("h", (3, 4), dtype)
    weights = gx.constant(rng.normal(size=(4, 2)), dtype)
    output = gx.sum(gx.square(gx.tanh(h @ weights)) + gx.sum(gx.softmax(h, axis=1) * h))
    result = agreed(output, {"h": rng.normal(size=(3, 4))})
    assert lines(result)["reverse"].rule_digits == 50.0


def test_blocks_and_maps(rng: np.random.Generator) -> None:
    x = gx.input("x", (3, 4), "float64")
    v = gx.input("v", (4,), "float64")

    @gx.block
    def layer(a: Any, b: Any) -> Any:
        return gx.sin(a) * b

    output = gx.sum(layer(x, v) * layer(x + 1, v))
    output = output + gx.sum(gx.map(lambda row: gx.sum(layer(row, v)), x) ** 2)
    agreed(output, {"x": rng.normal(size=(3, 4)), "v": rng.normal(size=4)})


def test_integers_named_sizes_and_a_part_of_wrt(rng: np.random.Generator) -> None:
    table = gx.input("table", ("n", 2), "float64")
    rows = gx.input("rows", ("k",), "int32")
    scale = gx.input("scale", (), "float64")
    output = gx.mean(gx.square(table[rows])) * scale
    values = {"table": rng.normal(size=(5, 2)), "rows": [0, 3, 3, 1], "scale": 2.0}
    agreed(output, values)
    result = gx.compare(
        gx.Problem(output, values, wrt=["scale"]),
        engines=("reverse",),
        memory=False,
        pictures=False,
    )
    assert result.wrt == ("scale",)
    assert list(result.engines[0].gradient) == ["scale"]


def test_empty_arrays_constants_and_zero_gradients() -> None:
    empty = gx.input("e", (0,), "float64")
    agreed(gx.sum(empty * empty), {"e": []})
    x = gx.input("x", (3,), "float64")
    agreed(gx.sum(x * 0) + 3.0, {"x": [1.0, 2.0, 3.0]})
    agreed(gx.sum(gx.stop_gradient(x) * 2 + x * 0), {"x": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_do_not_break_the_check(special: float) -> None:
    x = gx.input("x", (3,), "float64")
    agreed(gx.sum(x * x), {"x": [1.0, special, 3.0]})
    agreed(gx.sum(gx.exp(x) / x), {"x": [1.0, special, 0.0]})


def test_elements_without_a_derivative_do_not_hide_the_others() -> None:
    x, z = gx.input("x", (), "float64"), gx.input("z", (), "float64")
    right = gx.with_gradient(x * x + gx.sqrt(z), {x: 2 * x, z: 0.5 / gx.sqrt(z)})
    wrong = gx.with_gradient(x * x + gx.sqrt(z), {x: 3 * x, z: 0.5 / gx.sqrt(z)})
    assert agreed(right, {"x": 1.0, "z": 0.0}).lines[0].verdict == "agrees"
    found = gx.check(gx.Problem(wrong, {"x": 1.0, "z": 0.0})).lines[0]
    assert found.verdict == "defect"
    assert "1 element(s) without a two-sided derivative" in found.words


def test_wide_graph_is_judged_along_directions(rng: np.random.Generator) -> None:
    w, u = gx.input("w", (30, 30), "float64"), gx.input("u", (8, 30), "float64")
    output = gx.sum(gx.tanh(u @ w) ** 2)
    values = {"w": rng.normal(size=(30, 30)), "u": rng.normal(size=(8, 30))}
    result = gx.check(gx.Problem(output, values), ("reverse", "forward", "jax"))
    assert result.truth == "50 digits along 4 directions"
    assert result.agreed
    assert lines(result)["forward"].rule_digits == 50.0


def test_largest_graphs_are_judged_against_each_other(rng: np.random.Generator) -> None:
    w, u = gx.input("w", (300, 300), "float64"), gx.input("u", (100, 300), "float64")
    output = gx.sum(gx.tanh(u @ w) ** 2)
    values = {"w": rng.normal(size=(300, 300)), "u": rng.normal(size=(100, 300))}
    result = gx.check(gx.Problem(output, values), ("reverse", "jax"))
    assert result.truth == "engines against each other"
    assert result.agreed
