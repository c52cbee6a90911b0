"""Vertex elimination against the other engines and against differences at 50 digits."""

from __future__ import annotations

import time
from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gx
from graphc.core.walk import topological_order
from graphc.diff.elimination import elimination


def scalars() -> tuple[Any, Any, Any]:
    """A graph of scalars with branches, masks, shared parts, and elements of an array."""
    x = gx.input("x", (4,), gx.float64)
    s = gx.input("s", (), gx.float64)
    back = x[::-1]
    a = x[0] * x[1]
    b = gx.sin(a) * s
    c = gx.exp(b) + back[0] * back[1]
    d = gx.tanh(c * b)
    pair = gx.stack([d * a, gx.where(x[2] > 0, c, gx.log(-x[2]))])
    return gx.concat([pair, gx.reshape(d / b, (1,))]), x, s


VALUES = {"x": np.array([0.3, 0.7, -1.1, 0.4]), "s": np.array(1.3)}


@pytest.mark.parametrize("order", ["forward", "reverse", "markowitz"])
def test_every_order_gives_the_jacobian_of_the_modes(order: str) -> None:
    y, x, s = scalars()
    made = elimination(y, [x, s], order=order).jacobians
    wanted = gx.jacobian(y, [x, s])
    for found, truth in zip(made, wanted, strict=True):
        assert found.type == truth.type
        value, known = gx.evaluate(found, VALUES), gx.evaluate(truth, VALUES)
        np.testing.assert_allclose(value, known, rtol=1e-14, atol=1e-15)


def test_the_rule_is_that_of_differences_at_50_digits() -> None:
    y, x, s = scalars()
    by_x, by_s = gx.jacobian(y, [x, s], engine="elimination")
    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -20
        base = {"x": [mpmath.mpf(float(v)) for v in VALUES["x"]], "s": mpmath.mpf(1.3)}

        def at(values: Any) -> Any:
            return np.asarray(gx.evaluate_mpmath(y, values, digits=60), dtype=object)

        found = gx.evaluate_mpmath([by_x, by_s], base, digits=60)
        for column in range(5):
            up = {"x": list(base["x"]), "s": base["s"]}
            down = {"x": list(base["x"]), "s": base["s"]}
            if column < 4:
                up["x"][column] += step
                down["x"][column] -= step
            else:
                up["s"] += step
                down["s"] -= step
            slope = (at(up) - at(down)) / (2 * step)
            own = np.asarray(found[0])[:, column] if column < 4 else np.asarray(found[1])
            for one, other in zip(own, slope, strict=True):
                assert abs(one - other) <= mpmath.mpf(10) ** -30 * (1 + abs(other))


def test_derivatives_by_a_node_within_and_by_what_lies_below_it_are_both_total() -> None:
    x = gx.input("x", (), gx.float64)
    a = gx.sin(x)
    y = gx.stack([a * x, gx.exp(a)])
    found = gx.jacobian(y, [x, a], engine="elimination")
    wanted = gx.jacobian(y, [x, a])
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(gx.evaluate(one, x=0.4), gx.evaluate(other, x=0.4), rtol=1e-15)


def test_a_dead_branch_stays_zero() -> None:
    x = gx.input("x", (), gx.float64)
    y = gx.where(x > 0, gx.sqrt(x) * x, 0.0)
    assert float(gx.evaluate(gx.jacobian(y, x, engine="elimination"), x=0.0)) == 0.0


def test_markowitz_needs_fewer_multiplications_than_either_mode_across_a_waist() -> None:
    # Four inputs into one number into four outputs, twice: modes pay for the ends.
    x = gx.input("x", (4,), gx.float64)
    first = gx.sin(x[0] * x[1]) * gx.sin(x[2] * x[3])
    outs = gx.stack([gx.exp(first) * first, gx.cos(first) * first, gx.tanh(first), gx.sin(first)])
    counts = elimination(outs, [x]).multiplications
    greedy, forward, reverse = (counts[n] for n in ("markowitz", "forward", "reverse"))
    assert greedy is not None and forward is not None and reverse is not None
    assert greedy < min(forward, reverse)


def test_reverse_elimination_of_a_product_takes_two_multiplications_a_factor() -> None:
    x = gx.input("x", (50,), gx.float64)
    product = x[0]
    for i in range(1, 50):
        product = product * x[i]
    made = elimination(product, [x])
    assert made.order == "reverse"
    assert made.multiplications["reverse"] == 2 * 50 - 4


def test_results_are_graph_and_can_be_differentiated_again() -> None:
    x = gx.input("x", (3,), gx.float64)
    f = gx.sin(x[0] * x[1]) + gx.exp(x[1]) * x[2]
    values = np.array([0.4, -0.3, 1.2])
    found = gx.evaluate(gx.hessian(f, x, engine="elimination"), x=values)
    np.testing.assert_allclose(found, gx.evaluate(gx.hessian(f, x), x=values), rtol=1e-13)
    third = gx.jacobian(gx.hessian(f, x, engine="elimination"), x, engine="forward")
    other = gx.jacobian(gx.hessian(f, x), x, engine="forward")
    np.testing.assert_allclose(
        gx.evaluate(third, x=values), gx.evaluate(other, x=values), rtol=1e-12, atol=1e-15
    )


def test_match_takes_another_systems_side() -> None:
    x = gx.input("x", (), gx.float64)
    y = gx.abs(x)
    assert float(gx.evaluate(gx.jacobian(y, x, engine="elimination"), x=0.0)) == 0.0
    assert float(gx.evaluate(gx.jacobian(y, x, engine="elimination", match="jax"), x=0.0)) == 1.0


def test_a_hundred_thousand_nodes_are_linear_work() -> None:
    x = gx.input("x", (2,), gx.float64)
    value = x[0]
    for _ in range(50_000):
        value = gx.sin(value) * x[1]
    begin = time.process_time()
    made = elimination(value, [x])
    assert made.multiplications["reverse"] is not None
    assert made.multiplications["reverse"] <= 200_000
    assert len(topological_order(made.jacobians)) < 600_000
    assert time.process_time() - begin < 120  # some 5 s; a quadratic pass takes hours


def test_what_does_not_reach_is_zero() -> None:
    x, z = gx.input("x", (2,), gx.float64), gx.input("z", (3,), gx.float64)
    found = gx.evaluate(gx.jacobian(x[0] * 2.0, z, engine="elimination"))
    assert found.tolist() == [0.0, 0.0, 0.0]


def test_a_graph_of_arrays_is_refused_with_a_way_out() -> None:
    x = gx.input("x", (3,), gx.float64)
    with pytest.raises(gx.EngineError, match=r"graphs of scalars.*use reverse or forward"):
        gx.jacobian(gx.sin(x), x, engine="elimination")
    with pytest.raises(gx.EngineError, match="graphs of scalars"):
        gx.jacobian(gx.sum(x), x, engine="elimination")
    n = gx.input("n", ("n",), gx.float64)
    with pytest.raises(gx.EngineError, match="numbers for sizes"):
        gx.jacobian(n, n, engine="elimination")
    big = gx.input("big", (2_000,), gx.float64)
    with pytest.raises(gx.EngineError, match="too large for elimination"):
        gx.jacobian(gx.stack([big[i] for i in range(1_000)]), big, engine="elimination")


def test_counts_are_given_up_where_an_order_is_far_behind() -> None:
    x = gx.input("x", (300,), gx.float64)
    product = x[0]
    for i in range(1, 300):
        product = product * x[i]
    made = elimination(product, [x])
    assert made.multiplications["forward"] is None
