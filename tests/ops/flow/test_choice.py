from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import graphc as gx

ENGINES = ("reverse", "forward", "symbolic", "jax")


def choice() -> tuple[gx.Node, gx.Node]:
    x = gx.input("x", (), "float64")
    return x, gx.cond(x > 0, lambda u: gx.log(u), lambda u: u * 2.0, x)


@pytest.mark.parametrize(("at", "value", "slope"), [(2.0, np.log(2.0), 0.5), (-1.0, -2.0, 2.0)])
def test_value_and_slope_are_those_of_the_branch_taken(
    at: float, value: float, slope: float
) -> None:
    x, out = choice()
    made = [out, *[gx.grad(out, x, engine=e) for e in ENGINES]]
    found = gx.compile(made)(x=at)
    np.testing.assert_allclose(found, [value, *[slope] * 4], rtol=1e-15)
    np.testing.assert_allclose(gx.evaluate(made[:4], x=at), [value, *[slope] * 3], rtol=1e-15)


def test_every_engine_agrees_about_both_branches() -> None:
    _, out = choice()
    assert gx.check(gx.Problem(out, {"x": 1.3})).agreed
    assert gx.check(gx.Problem(out, {"x": -1.3})).agreed


def test_second_derivative_is_that_of_the_branch() -> None:
    x, out = choice()
    hessian = gx.hessian(out, x)
    assert gx.evaluate(hessian, x=2.0) == -0.25
    assert gx.evaluate(hessian, x=-2.0) == 0.0


def test_the_other_branch_is_not_run() -> None:
    x, i = gx.input("x", (3,), "float64"), gx.input("i", (), "int32")
    out = gx.cond(i < 3, lambda: gx.take(x, i), lambda: gx.sum(x))
    # Out of range, `take` raises in NumPy; here it is never reached.
    assert gx.evaluate(out, x=[1.0, 2.0, 3.0], i=7) == 6.0
    assert gx.evaluate(out, x=[1.0, 2.0, 3.0], i=1) == 2.0


def test_dead_branch_has_a_structural_zero() -> None:
    x = gx.input("x", (2,), "float64")
    out = gx.cond(
        x[0] > 0, lambda u: gx.sum(gx.sqrt(u)), lambda u: gx.sum(u / u[0]) * 0.0 + gx.sum(u), x
    )
    slope = gx.grad(out, x)
    np.testing.assert_array_equal(gx.evaluate(slope, x=[-4.0, -4.0]), [1.0, 1.0])
    np.testing.assert_array_equal(gx.compile(slope)(x=np.array([4.0, 16.0])), [0.25, 0.125])


def test_index_out_of_range_takes_the_nearest_branch() -> None:
    i, x = gx.input("i", (), "int32"), gx.input("x", (), "float64")
    out = gx.switch(i, [lambda u: u, lambda u: u * 10.0, lambda u: u * 100.0], x)
    slope = gx.grad(out, x)
    compiled = gx.compile([out, slope])
    branches = [lambda u: u, lambda u: u * 10.0, lambda u: u * 100.0]
    for at in (-5, 0, 1, 2, 9):
        expected = float(jax.lax.switch(at, branches, 3.0))
        for found in (gx.evaluate([out, slope], x=3.0, i=at), compiled(x=3.0, i=at)):
            np.testing.assert_array_equal(found, [expected, expected / 3.0])


def test_a_plain_number_takes_the_dtype_of_the_other_branch() -> None:
    x = gx.input("x", (), "float64")
    out = gx.cond(x > 0, lambda: x, lambda: 0.0)
    assert out.dtype is gx.float64
    assert gx.evaluate(out, x=-1.0) == 0.0


def test_nests_of_results_and_operands() -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (2,), "float64")

    def small(values: Any, scale: gx.Node) -> Any:
        return {"sum": values["a"] + scale, "rest": [values["b"] * scale]}

    def large(values: Any, scale: gx.Node) -> Any:
        return {"sum": values["a"] * scale, "rest": [values["b"] - scale]}

    out = gx.cond(x > 1, large, small, {"a": x, "b": y}, x)
    assert out["rest"][0].shape == (2,)
    found = gx.evaluate(out, x=3.0, y=[1.0, 2.0])
    assert found["sum"] == 9.0
    np.testing.assert_array_equal(found["rest"][0], [-2.0, -1.0])


def test_under_a_map_each_entry_chooses_for_itself() -> None:
    x = gx.input("x", (4,), "float64")
    out = gx.map(lambda t: gx.cond(t > 0, gx.sqrt, gx.neg, t), x)
    values = np.array([4.0, -2.0, 9.0, -1.0])
    slopes = gx.grad(gx.sum(out), x)
    for found in (gx.evaluate([out, slopes], x=values), gx.compile([out, slopes])(x=values)):
        np.testing.assert_allclose(found[0], [2.0, 2.0, 3.0, 1.0])
        np.testing.assert_allclose(found[1], [0.25, -1.0, 1 / 6, -1.0])


def test_what_both_branches_need_is_computed_before_the_choice() -> None:
    x = gx.input("x", (), "float64")
    shared = gx.exp(x)
    out = gx.cond(x > 0, lambda: shared * 2.0, lambda: shared + gx.sin(x))
    assert any(a is shared for a in out.args)
    names = [{n.op.name for n in b.order()} for b in out.params["branches"]]
    assert "sin" in names[0]
    assert "exp" not in names[0] | names[1]


def test_saved_choice_comes_back_the_same(tmp_path: Path) -> None:
    x, out = choice()
    nodes = [out, gx.grad(out, x)]
    gx.save(tmp_path / "graph", nodes)
    assert all(a is b for a, b in zip(gx.load(tmp_path / "graph"), nodes, strict=True))


def test_picture_names_both_branches() -> None:
    def up(u: gx.Node) -> gx.Node:
        return u + 1.0

    def down(u: gx.Node) -> gx.Node:
        return u - 1.0

    x = gx.input("x", (), "float64")
    assert "up : down" in gx.draw(gx.cond(x > 0, up, down, x)).dot
