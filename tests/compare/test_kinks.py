"""The kink report: which nodes, which elements, and the slopes beside them, against hand values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import graphc as gx
from graphc.cli import main
from graphc.compare.compare import compare
from graphc.compare.kinks import find
from graphc.core.node import apply_named
from graphc.core.op import Op
from tests.test_every_kink import KINKED as ALL_KINKED
from tests.test_every_kink import POINTS

INF = math.inf

#: A place is an integer, and bends nothing: what is read from it does.
KINKED = [op for op in ALL_KINKED if op.name != "pool_index"]

#: Left and right slope by each operand at the first point of POINTS, by hand. A jump is infinite.
HAND: dict[str, Sequence[tuple[float, float]]] = {
    "abs": [(-1, 1)],
    "sign": [(INF, INF)],
    "step_sign": [(INF, INF)],
    "relu": [(0, 1)],
    "leaky_relu": [(0.25, 1)],
    "elu": [(0.7, 1)],
    "selu": [(1.7580993408473766, 1.0507009873554805)],
    "floor": [(INF, 0)],
    "ceil": [(0, INF)],
    "round": [(0, INF)],
    "trunc": [(INF, 0)],
    "mod": [(-INF, 1), (-2, INF)],
    "floor_divide": [(INF, 0), (0, -INF)],
    "maximum": [(0, 1), (0, 1)],
    "minimum": [(1, 0), (1, 0)],
    "clip": [(0, 1), (0, 1), (0, 0)],
    "hypot": [(-1, 1), (-1, 1)],
    "atan2": [(INF, INF), (-INF, 0)],
    "pow": [(0, 0), (-INF, -INF)],
    "pow_less": [(-INF, -INF)],
    "max": [(0, 1), (0, 1)],
    "min": [(1, 0), (1, 0)],
    "norm": [(-1, 1), (-1, 1)],
    "std": [(-0.5, 0.5), (-0.5, 0.5)],
    "equal": [(INF, -INF), (INF, -INF)],
    "not_equal": [(-INF, INF), (-INF, INF)],
    "less": [(-INF, 0), (0, INF)],
    "less_equal": [(0, -INF), (INF, 0)],
    "greater": [(0, INF), (-INF, 0)],
    "greater_equal": [(INF, 0), (0, -INF)],
    "threshold": [(INF, INF)],
    # e**-x I0(x) = 1 - x + 3/4 x**2 - ..., and order 1 is what it falls by.
    "i0e": [(1, -1)],
    "bessel_moment": [(1.5, -1.5)],
    # With y < 0 it is -|x|; by y, far from 0, it does not move.
    "copysign": [(1, -1)],
    "xlogy": [(-INF, -INF), (0, 0)],
    "xlog1py": [(-INF, -INF), (0, 0)],
    "max_pool": [(0, 1), (0, 1)],
    "cummax": [(0, 1), (0, 1)],
    "cummin": [(1, 0), (1, 0)],
    "index_max": [(0, 1), (0, 1)],
    "index_min": [(1, 0), (1, 0)],
}

#: How many elements stand at a kink there, and of how many, where the result has several.
COUNTED = {"cummax": (1, 2), "cummin": (2, 4), "index_max": (1, 2), "index_min": (1, 2)}


def given(op: Op, point: Sequence[Any]) -> tuple[list[Any], list[gx.Node]]:
    """Returns the operands of a point, and inputs of their types: places are integers."""
    places = 2 if op.group == "indexing" else len(point)
    arrays = [np.asarray(p, float if i < places else int) for i, p in enumerate(point)]
    return arrays, [gx.input(f"x{i}", a.shape, a.dtype.name) for i, a in enumerate(arrays)]


@pytest.mark.parametrize("op", KINKED, ids=lambda op: op.name)
def test_one_sided_slopes_are_those_found_by_hand(op: Op) -> None:
    there, _, params = POINTS[op.name]
    arrays, nodes = given(op, there[0])
    made = apply_named(op.name, *nodes, **params)
    (met,) = gx.kinks(made, dict(zip(nodes, arrays, strict=True)))
    count, size = COUNTED.get(op.name, (1, 1))
    assert (met.op, met.count, met.rounded, met.hidden, met.size) == (op.name, count, 0, 0, size)
    element = met.elements[0]
    expected = [pair for pair in HAND[op.name] if pair != (0, 0) or op.name == "pow"]
    assert len(element.sides) == len(expected)
    for side, pair in zip(element.sides, expected, strict=True):
        for found, hand in zip((side.left, side.right), pair, strict=True):
            assert found == hand or abs(found - hand) <= 2e-16 * abs(hand)


@pytest.mark.parametrize("op", KINKED, ids=lambda op: op.name)
def test_nothing_is_reported_beside_a_kink(op: Op) -> None:
    _, beside, params = POINTS[op.name]
    for point in beside:
        arrays, nodes = given(op, point)
        made = apply_named(op.name, *nodes, **params)
        report = gx.kinks(made, dict(zip(nodes, arrays, strict=True)))
        assert (len(report), report.looked_at) == (0, 1)


def test_promised_slope_is_the_gradients() -> None:
    x = gx.input("x", (3,), "float64")
    for made in (gx.max(x), gx.norm(x, 1), gx.sum(gx.abs(x)), gx.min(x * x)):
        at = np.array([0.0, 0.0, 0.0])
        slope = gx.evaluate(gx.grad(made, x), x=at)
        for met in gx.kinks(made, x=at):
            if met.op == "abs":
                assert [e.sides[0].slope for e in met.elements] == slope.tolist()
            elif met.op == "norm":
                assert [s.slope for s in met.elements[0].sides] == slope.tolist()
            else:
                assert [s.slope for s in met.elements[0].sides] == pytest.approx([1 / 3] * 3)


def test_elements_are_named_and_cut_with_their_count() -> None:
    x = gx.input("x", (100, 2), "float64")
    values = np.ones((100, 2))
    values[3:90, 1] = 0.0
    (met,) = gx.kinks(gx.sum(gx.abs(x)), x=values)
    assert (met.count, met.size, met.runs) == (87, 200, 1)
    assert [e.index for e in met.elements] == [(3, 1), (4, 1), (5, 1), (6, 1)]
    assert {e.kind for e in met.elements} == {"exact"}
    assert "and 83 elements more" in str(gx.kinks(gx.sum(gx.abs(x)), x=values))


def test_reduced_axes_and_kept_ones_are_told_apart() -> None:
    x = gx.input("x", (2, 3, 2), "float64")
    values = np.arange(12.0).reshape(2, 3, 2)
    values[1, 0, 1] = values[1, 2, 1]
    for keepdims in (False, True):
        (met,) = gx.kinks(gx.max(x, axis=1, keepdims=keepdims), x=values)
        (element,) = met.elements
        assert element.index == ((1, 0, 1) if keepdims else (1, 1))
        assert [(s.element, s.value) for s in element.sides] == [((0,), 11.0), ((2,), 11.0)]


def test_others_are_named_where_they_give_another_slope() -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
    (tie,) = gx.kinks(gx.maximum(x, y), x=2.0, y=2.0)
    assert [dict(s.others) for s in tie.elements[0].sides] == [{"pytensor": 1.0}, {"pytensor": 0.0}]
    (bound,) = gx.kinks(gx.clip(x, -1.0, 2.0), x=2.0)
    assert [dict(s.others) for s in bound.elements[0].sides] == [{"torch": 1.0, "pytensor": 1.0}]
    (bend,) = gx.kinks(gx.abs(x), x=0.0)
    assert dict(bend.elements[0].sides[0].others) == {"jax": 1.0}
    assert "JAX gives slope 1" in bend.departs


def test_jump_says_how_far() -> None:
    x = gx.input("x", (), "float64")
    (met,) = gx.kinks(gx.floor(x) * 3, x=2.0)
    (side,) = met.elements[0].sides
    assert (side.left, side.jump_left, side.right, side.jump_right) == (INF, -1.0, 0.0, 0.0)
    assert "a jump by -1" in str(gx.kinks(gx.floor(x) * 3, x=2.0))


def test_side_without_a_value_is_said_so() -> None:
    x = gx.input("x", (), "float64")
    (met,) = gx.kinks(gx.pow(x, 1.5), x=0.0)
    (side,) = met.elements[0].sides
    assert math.isnan(side.left) and side.right == 0.0
    assert "no value" in str(gx.kinks(gx.pow(x, 1.5), x=0.0))


def test_tie_that_rounding_made_is_told_from_a_true_one() -> None:
    x = gx.input("x", (), "float64")
    report = gx.kinks(gx.maximum(x + 1e-20, x), x=0.5)
    (met,) = report
    assert (met.count, met.rounded, met.hidden) == (1, 1, 0)
    assert met.elements[0].kind == "by rounding"
    assert "decided by rounding: no tie at 50 digits" in str(report)
    (plain,) = gx.kinks(gx.maximum(x * 1, x), x=0.5)
    assert (plain.count, plain.rounded, plain.elements[0].kind) == (1, 0, "exact")


def test_tie_that_rounding_undid_is_found() -> None:
    x = gx.input("x", (), "float64")
    report = gx.kinks(gx.abs((x + 1e17) - 1e17 - x), x=0.1)
    (met,) = report
    assert (met.count, met.rounded, met.hidden) == (0, 0, 1)
    assert met.elements[0].kind == "hidden by rounding"
    assert "hidden by rounding" in str(report)


def test_blocks_and_maps_are_looked_into() -> None:
    @gx.block
    def bend(x: Any) -> Any:
        return gx.leaky_relu(x, 0.25)

    x, y = gx.input("x", (4,), "float64"), gx.input("y", (), "float64")
    (mapped,) = gx.kinks(gx.sum(gx.map(bend, x)), x=[0.0, 3.0, 0.0, -1.0])
    assert (mapped.op, mapped.count, mapped.runs, mapped.size) == ("leaky_relu", 2, 4, 4)
    assert [e.run for e in mapped.elements] == [0, 2]
    assert mapped.place.startswith("test_kinks.py:")
    (called,) = gx.kinks(bend(y) * bend(y + 1), y=0.0)
    assert (called.op, called.count, called.runs) == ("leaky_relu", 1, 2)


def test_place_is_the_users_line() -> None:
    here = gx.input("here", (), "float64")
    (met,) = gx.kinks(gx.abs(here), here=0.0)
    assert met.place.startswith("test_kinks.py:")


def test_what_depends_on_no_input_is_not_reported() -> None:
    x = gx.input("x", (), "float64")
    report = gx.kinks(x * gx.abs(gx.constant(0.0, "float64")), x=1.0)
    assert (len(report), report.looked_at) == (0, 0)
    assert str(report) == "no node has a kink anywhere"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_float_dtype_is_looked_at(dtype: str) -> None:
    x = gx.input("x", (2,), dtype)
    (met,) = gx.kinks(gx.sum(gx.relu(x)), x=[0.0, 1.0])
    assert (met.count, met.elements[0].sides[0].right) == (1, 1.0)


def test_integers_have_no_slopes_and_are_not_reported() -> None:
    i = gx.input("i", (), "int32")
    assert len(gx.kinks(gx.abs(i), i=0)) == 0


def test_norm_of_order_1_bends_where_one_element_is_0() -> None:
    x = gx.input("x", (3,), "float64")
    (met,) = gx.kinks(gx.norm(x, 1), x=[0.0, 2.0, -3.0])
    (side,) = met.elements[0].sides
    assert (side.element, side.left, side.right, side.slope) == ((0,), -1.0, 1.0, 0.0)
    assert dict(side.others) == {"jax": 1.0}
    assert len(gx.kinks(gx.norm(x, 2), x=[0.0, 2.0, -3.0])) == 0


def test_nothing_and_a_named_size_are_fine() -> None:
    x = gx.input("x", ("n",), "float64")
    assert len(gx.kinks(gx.sum(gx.abs(x)), x=[])) == 0
    (met,) = gx.kinks([gx.sum(gx.abs(x)), gx.mean(gx.abs(x))], x=[0.0, 1.0])
    assert (met.count, met.size) == (1, 2)


def test_graph_too_large_for_50_digits_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "EXACT_BUDGET", 3)
    x = gx.input("x", (10,), "float64")
    report = gx.kinks(gx.sum(gx.abs(x)), x=np.zeros(10))
    (met,) = report
    assert not report.exact
    assert (met.count, met.elements[0].sides[0].left) == (10, -1.0)
    assert "too large for 50 digits" in str(report)


def test_many_nodes_are_counted_and_a_hundred_shown() -> None:
    x = gx.input("x", (), "float64")
    y = x
    for _ in range(1000):
        y = gx.relu(y)
    report = gx.kinks(y, x=0.0)
    assert len(report) == 1000
    assert len([met for met in report if met.elements]) == 100
    assert str(report).endswith("and 900 nodes more")


def test_html_is_escaped_and_holds_the_same_numbers() -> None:
    x = gx.input("<script>x</script>", (), "float64")
    page = gx.kinks(gx.abs(x), {x: 0.0})._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<td>-1</td><td>1</td><td>0</td><td>jax 1</td>" in page


def test_report_reads_as_the_documents_show_it() -> None:
    z = gx.input("z", (), "float64")
    lines = str(gx.kinks(gx.maximum(z, 0.0) - gx.abs(z), z=0.0)).splitlines()
    assert lines[0] == "at a kink or tie: 2 of 2 nodes that can be"
    assert lines[2].startswith("maximum(z, 0.0) at test_kinks.py:")
    assert lines[3].split() == ["element", "operand", "left", "right", "graphc", "others"]
    assert lines[4].split() == ["value", "z", "=", "0", "0", "1", "0.5", "pytensor", "1"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "no value for x"), ({"x": 0.0, "w": 1.0}, "there is no input named 'w'")],
)
def test_wrong_values_are_refused(given: dict[str, float], expected: str) -> None:
    x = gx.input("x", (), "float64")
    with pytest.raises(gx.ArgumentError, match=expected):
        gx.kinks(gx.abs(x), given)
    with pytest.raises(gx.ArgumentError, match="no graph value"):
        gx.kinks(3.0)


def test_command_prints_the_report() -> None:
    done = CliRunner().invoke(main, ["kinks", "max(z,0)-z+log1p(exp(-abs(z)))", "z=0"])
    assert done.exit_code == 0, done.output
    assert "at a kink or tie: 2 of 2 nodes that can be" in done.output
    assert "jax 1" in done.output and ".py:" not in done.output


def test_comparison_holds_the_slopes_beside_its_kinks() -> None:
    x = gx.input("x", (), "float64")
    record = compare(gx.Problem(gx.abs(x) * 2, {x: 0.0}), engines=["reverse"], memory=False)
    (seen,) = record.kinks
    assert (seen.count, seen.sides) == (1, "x = 0: left -1, right 1, slope 0")
