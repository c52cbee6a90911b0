"""How Jacobians and Hessians are planned: candidates, costs, the choice, and what it computes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.diff.plan import derivative_plan
from graphc.diff.waist import find_route


def waist(inner: int = 2, many: int = 40) -> tuple[Any, Any, dict[str, Any]]:
    """Returns many numbers into few into many: output, wrt, values."""
    x = gx.input("x", (many,), gx.float64)
    first = gx.input("first", (inner, many), gx.float64)
    second = gx.input("second", (many + 5, inner), gx.float64)
    y = gx.tanh(second @ gx.sin(first @ gx.exp(x)))
    generator = np.random.default_rng(0)
    values = {
        "x": generator.uniform(size=many),
        "first": generator.uniform(size=(inner, many)) / many,
        "second": generator.uniform(size=(many + 5, inner)),
    }
    return y, x, values


@pytest.mark.parametrize("engine", ["auto", "mixed"])
def test_every_way_gives_one_jacobian(engine: str) -> None:
    y, x, values = waist()
    wanted = gx.evaluate(gx.jacobian(y, x), values)
    found = gx.evaluate(gx.jacobian(y, x, engine=engine), values)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-16)


def test_a_narrow_waist_is_found_and_used() -> None:
    y, x, _ = waist()
    plan = derivative_plan(y, x)
    assert plan.choice == "mixed"
    mixed = next(c for c in plan.candidates if c.engine == "mixed")
    assert mixed.passes == 4
    assert "waist of 2" in mixed.route
    assert "times less than" in plan.why


def test_of_several_waists_the_narrowest_carries_all_passes() -> None:
    x = gx.input("x", (30,), gx.float64)
    sizes = (30, 3, 20, 2, 40)
    value = x
    for i, (low, high) in enumerate(itertools.pairwise(sizes)):
        value = gx.sin(gx.input(f"w{i}", (high, low), gx.float64) @ value)
    route = find_route(value, x)
    assert route is not None
    assert route.inner() == [2]
    assert route.leg.passes == 4
    generator = np.random.default_rng(1)
    values: dict[str, Any] = {"x": generator.uniform(size=30)}
    for i, (low, high) in enumerate(itertools.pairwise(sizes)):
        values[f"w{i}"] = generator.uniform(size=(high, low))
    wanted = gx.evaluate(gx.jacobian(value, x), values)
    found = gx.evaluate(gx.jacobian(value, x, engine="mixed"), values)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)


def test_without_a_waist_mixed_is_refused() -> None:
    x = gx.input("x", (6,), gx.float64)
    with pytest.raises(gx.EngineError, match="no waist"):
        gx.jacobian(gx.sin(x), x, engine="mixed")
    # A path around the narrow node is no waist.
    with pytest.raises(gx.EngineError, match="no waist"):
        gx.jacobian(gx.sin(x) * gx.sum(x), x, engine="mixed")


@pytest.mark.parametrize(("rows", "columns", "choice"), [(2, 50, "reverse"), (50, 2, "forward")])
def test_the_mode_follows_the_shorter_side(rows: int, columns: int, choice: str) -> None:
    x = gx.input("x", (columns,), gx.float64)
    w = gx.input("w", (rows, columns), gx.float64)
    plan = derivative_plan(gx.sin(w @ gx.exp(x)), x)
    assert plan.choice == choice
    assert (plan.rows, plan.columns) == (rows, columns)


def test_scalar_graphs_count_multiplications() -> None:
    x = gx.input("x", (3,), gx.float64)
    y = gx.stack([x[0] * x[1], gx.sin(x[1] * x[2])])
    plan = derivative_plan(y, x)
    found = next(c for c in plan.candidates if c.engine == "elimination")
    assert set(found.multiplications) == {"forward", "reverse", "markowitz"}
    assert plan.choice == "elimination"
    assert "Markowitz" in str(plan)


def test_auto_makes_what_the_plan_chose_for_hessians_too() -> None:
    x = gx.input("x", (3,), gx.float64)
    f = gx.sin(x[0] * x[1]) * gx.exp(x[2])
    plan = derivative_plan(f, x, order=2)
    assert plan.order == 2 and plan.choice == "elimination"
    auto, own = gx.hessian(f, x, engine="auto"), gx.hessian(f, x, engine="elimination")
    assert auto is own
    values = np.array([0.3, 1.1, -0.2])
    np.testing.assert_allclose(
        gx.evaluate(auto, x=values), gx.evaluate(gx.hessian(f, x), x=values), rtol=1e-13
    )


def test_a_nest_is_planned_in_its_nest() -> None:
    x, s = gx.input("x", (3,), gx.float64), gx.input("s", (), gx.float64)
    y = gx.exp(x * s)
    plans = derivative_plan(y, {"x": x, "s": s})
    assert plans["s"].columns == 1 and plans["x"].columns == 3
    blocks = derivative_plan(gx.sum(y), [x, s], order=2)
    assert blocks[0][1].rows == 3 and blocks[0][1].columns == 1
    auto = gx.hessian(gx.sum(y), [x, s], engine="auto")
    wanted = gx.hessian(gx.sum(y), [x, s])
    values = {"x": np.array([0.1, 0.2, 0.3]), "s": np.array(0.7)}
    for i in range(2):
        for j in range(2):
            found = gx.evaluate(auto[i][j], values)
            np.testing.assert_allclose(found, gx.evaluate(wanted[i][j], values), rtol=1e-13)


def test_named_sizes_are_planned_for_the_numbers_given() -> None:
    n = gx.dim("n")
    x, w = gx.input("x", (n,), gx.float32), gx.input("w", (8, n), gx.float32)
    y = gx.sin(w @ gx.exp(x))
    assert derivative_plan(y, x, sizes={"n": 200}).choice == "reverse"
    assert derivative_plan(y, x, sizes={"n": 2}).choice == "forward"


def test_measured_and_predicted_stand_side_by_side() -> None:
    x = gx.input("x", (12,), gx.float32)
    plan = derivative_plan(gx.exp(x) * gx.sum(x), x, measure={"x": np.ones(12, np.float32)})
    timed = [c for c in plan.candidates if c.applies]
    assert len(timed) == 2
    assert all(c.measured is not None and 0 < c.measured < 10 for c in timed)
    assert all(0 < c.seconds < 10 for c in timed)
    assert plan.fastest in ("reverse", "forward")
    assert "measured" in str(plan)
    assert derivative_plan(gx.exp(x), x).fastest is None


def test_a_hessian_too_large_to_hold_points_to_products() -> None:
    x = gx.input("x", (100_000,), gx.float64)
    with pytest.raises(gx.BudgetError, match=r"75 GiB.*gx\.hvp"):
        gx.hessian(gx.sum(x**3), x)
    assert gx.hvp(gx.sum(x**3), x, x).shape == (100_000,)


def test_wrong_calls_are_told() -> None:
    x = gx.input("x", (3,), gx.float64)
    y = gx.exp(x)
    with pytest.raises(gx.EngineError, match="auto, mixed, elimination"):
        gx.jacobian(y, x, engine="best")
    with pytest.raises(gx.ArgumentError, match="no option"):
        gx.jacobian(y, x, engine="auto", method="central")
    with pytest.raises(gx.ArgumentError, match="neither 1 nor 2"):
        derivative_plan(y, x, order=3)
    with pytest.raises(gx.GradError, match="not a scalar"):
        derivative_plan(y, x, order=2)
    with pytest.raises(gx.ArgumentError, match="gives no values"):
        derivative_plan(y, x, measure=True)  # pyright: ignore[reportArgumentType]
    with pytest.raises(gx.ArgumentError):
        derivative_plan(y, x, measure={"z": 1.0})
    with pytest.raises(gx.GraphcError):
        derivative_plan(y, x, match="abacus")
    with pytest.raises(gx.GraphcError):
        gx.hessian(y, x, engine="auto")
