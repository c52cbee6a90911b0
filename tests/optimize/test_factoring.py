"""Factors taken out of sums, and sums multiplied out: by cost, and not by taste."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.core.node import Node
from tests.optimize.algebra import LARGE, largest, matrix, products, rewritten, values, vector

A, B, C, U = matrix("A"), matrix("B"), matrix("C"), matrix("U", "n", "k")
u, v, w, c = vector("u"), vector("v"), vector("w"), gx.input("c", (), gx.float64)

FACTORED: dict[str, Callable[[], Node]] = {
    "A v + A w": lambda: A @ v + A @ w,
    "A v - A w": lambda: A @ v - A @ w,
    "-A v - A w": lambda: -(A @ v) - A @ w,
    "A v + u - A w": lambda: A @ v + u - A @ w,
    "v A + w A": lambda: v @ A + w @ A,
    "A C + B C": lambda: A @ C + B @ C,
    "A' C - B' C": lambda: A.T @ C - B.T @ C,
    "C A + C B'": lambda: C @ A + C @ B.T,
    "A U + A V": lambda: A @ U + A @ matrix("V", "n", "k"),
}


@pytest.mark.parametrize("what", FACTORED)
def test_one_product_is_left(what: str) -> None:
    assert len(products(rewritten(FACTORED[what](), "factoring"))) == 1
    assert len(products(gx.optimize(FACTORED[what](), sizes=LARGE))) == 1


def test_the_sum_of_matrices_is_not_formed_for_a_vector() -> None:
    node = A @ v + B @ v
    assert gx.optimize(node, sizes=LARGE) is node
    (choice,) = gx.plan(node, sizes=LARGE).choices
    assert not choice.taken and choice.seconds_after > 1.5 * choice.seconds_before
    assert "kept, not matmul(add(A, B), v)" in str(choice)


def test_the_losing_form_is_made_where_it_is_asked_for() -> None:
    made = rewritten(A @ v + B @ v, "factoring")
    assert len(products(made)) == 1
    (choice,) = gx.plan(A @ v + B @ v, rewrites="factoring", sizes=LARGE).choices
    assert choice.taken and choice.why == "asked for"


def test_products_that_are_needed_elsewhere_stay() -> None:
    first, second = A @ v, A @ w
    made = gx.optimize([first, second, first + second], sizes=LARGE)
    assert made[2] is first + second


MULTIPLIED_OUT: dict[str, Callable[[], Node]] = {
    "(A B + C) v": lambda: (A @ B + C) @ v,
    "(A A' + c C) v": lambda: (A @ A.T + c * C) @ v,
    "(C - u w') v": lambda: (C - u[:, None] @ w[None, :]) @ v,
    "v (C + A B)": lambda: v @ (C + A @ B),
    "(A B + C)' v": lambda: (A @ B + C).T @ v,
    "(c U U' + C) v": lambda: (c * U @ U.T + C) @ v,
}


@pytest.mark.parametrize("what", MULTIPLIED_OUT)
def test_no_product_of_matrices_is_left_in_a_sum(what: str) -> None:
    assert largest(rewritten(MULTIPLIED_OUT[what]())) == 1


def test_a_sum_is_not_multiplied_out_where_that_is_dearer() -> None:
    for node in ((A + B) @ v, (A + B) @ C, (A @ B + C) @ A, (A @ v - w) @ A):
        assert gx.optimize(node, sizes=LARGE) is node
        assert not any(choice.taken for choice in gx.plan(node, sizes=LARGE).choices)


def test_gradients_of_rewritten_graphs_are_those_of_the_graph_as_written() -> None:
    node = gx.sum(gx.sin((A @ A.T + C) @ v + A @ v + A @ w))
    given = values([node])
    better = gx.optimize(node, sizes=LARGE)
    assert better is not node
    for one, two in zip(gx.grad(better, [A, C, v]), gx.grad(node, [A, C, v]), strict=True):
        left, right = gx.evaluate(one, given), gx.evaluate(two, given)
        np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-9 * np.abs(right).max())
