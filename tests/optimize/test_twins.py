"""Products that stand in a graph twice, one of them transposed or spelt otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.core.node import Node
from tests.optimize.algebra import LARGE, matrix, products, rewritten, vector

A, B, P, v = matrix("A"), matrix("B"), matrix("P", "n", "m"), vector("v")

TWINS: dict[str, Callable[[], Node]] = {
    "A B, B' A'": lambda: gx.exp(A @ B / 40) + B.T @ A.T,
    "A B', B A'": lambda: gx.exp(A @ B.T / 40) * (B @ A.T),
    "x' x, (x' x)'": lambda: gx.exp(P.T @ P / 40) - (P.T @ P).T,
    "einsum": lambda: gx.exp(A @ B / 40) - gx.einsum("ij,jk->ik", A, B),
    "einsum transposed": lambda: gx.exp(A @ B / 40) - gx.einsum("ji,kj->ik", B, A),
    "v A, A' v": lambda: gx.sin(v @ A) * (A.T @ v),
    "by hand": lambda: gx.exp(A.T @ B / 40) + (B.T @ A).T,
}


@pytest.mark.parametrize("what", TWINS)
def test_one_product_is_left(what: str) -> None:
    made = rewritten(TWINS[what](), "twins")
    assert len(products(made)) == 1


def test_different_products_stay_two() -> None:
    for node in (A @ B + B @ A, A.T @ B + B @ A.T, gx.einsum("ij,kj->ik", A, B) + A @ B):
        before = len(products(node))
        made = gx.optimize(node, rewrites="twins", sizes=LARGE)
        assert len(products(made)) in (before, before - (node.args[1].op.name == "einsum"))


def test_batches_have_twins() -> None:
    x, y = gx.input("x", (4, "n", "m"), gx.float64), gx.input("y", (4, "m", "n"), gx.float64)
    made = rewritten(
        gx.exp(x @ y / 40) + gx.matrix_transpose(y).__matmul__(gx.matrix_transpose(x)), "twins"
    )
    assert len(products(made)) == 1


def test_a_vector_has_no_twin_among_its_own_axes() -> None:
    a, x, y = matrix("a", 40, 40), vector("x", 40), vector("y", 40)
    node = (a @ x) * (a @ y)
    assert gx.optimize(node, rewrites="twins") is node


def test_derivatives_of_symmetric_losses_have_one_product() -> None:
    node = gx.grad(gx.sum(gx.tanh(A @ B)) + gx.sum(gx.tanh(B.T @ A.T)), A)
    found = gx.optimize(node, sizes=LARGE)
    assert len(products(found)) < len(products(node))
    rewritten(node)


def test_the_plan_names_the_other() -> None:
    choices = gx.plan(gx.exp(A @ B) + B.T @ A.T, rewrites="twins", sizes=LARGE).choices
    assert [c.taken for c in choices] == [True]
    assert choices[0].after == "the transpose of matmul(A, B)"


def test_numbers_are_the_same(rng: np.random.Generator) -> None:
    a, b = matrix("a", 30, 20), matrix("b", 20, 30)
    node = gx.sin(a @ b) + (b.T @ a.T).T
    given = {a: rng.normal(size=(30, 20)), b: rng.normal(size=(20, 30))}
    assert len(products(gx.optimize(node))) == 1
    np.testing.assert_allclose(
        gx.evaluate(gx.optimize(node), given), gx.evaluate(node, given), rtol=1e-12, atol=1e-12
    )
