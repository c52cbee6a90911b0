"""Reductions of products without the product, and the broadcasts of their derivatives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import graphc as gx
from graphc.core.node import Node
from graphc.core.walk import topological_order
from tests.optimize.algebra import LARGE, largest, matrix, products, rewritten, vector

A, B, P, Q = matrix("A"), matrix("B"), matrix("P", "n", "m"), matrix("Q", "m", "n")
v, w = vector("v"), vector("w")

FORMS: dict[str, Callable[[], Node]] = {
    "sum": lambda: gx.sum(A @ B),
    "mean": lambda: gx.mean(P @ Q),
    "sum over rows": lambda: gx.sum(P @ Q, axis=0),
    "sum over columns": lambda: gx.sum(P @ Q, axis=1, keepdims=True),
    "mean over rows": lambda: gx.mean(A @ B, axis=0),
    "trace": lambda: gx.trace(P @ Q),
    "diagonal": lambda: gx.diagonal(P @ Q),
    "scaled": lambda: gx.sum(-2.0 * (A @ B) / 3.0),
    "three": lambda: gx.sum(A @ P @ Q),
    "outer": lambda: gx.sum(v[:, None] * w[None, :]),
    "outer by a matrix": lambda: gx.sum(gx.einsum("i,j->ij", v, w) * A),
    "einsum": lambda: gx.einsum("ij,jk->", A, B),
    "slope of sum": lambda: gx.grad(gx.sum(A @ B), A),
    "slope of mean": lambda: gx.grad(gx.mean(A @ B, axis=0)[0], B),
}  # fmt: skip


@pytest.mark.parametrize("what", FORMS)
def test_no_product_of_matrices_is_left(what: str) -> None:
    node = FORMS[what]()
    made = rewritten(node)
    big = {gx.dim("n"), gx.dim("m")}
    assert all(sum(s in big for s in p.shape) < 2 for p in products(made)), made


def test_diagonals_of_known_size_need_no_product() -> None:
    a, b = matrix("a", 60, 50), matrix("b", 50, 60)
    for node in (gx.trace(a @ b), gx.diag(a @ b), gx.grad(gx.trace(a @ b), a)):
        assert not products(rewritten(node))
    x = vector("x", 60)
    assert not products(rewritten(gx.diag(x) @ a))


def test_a_product_written_by_broadcasting_is_a_product() -> None:
    node = gx.sum(P[:, :, None] * Q[None, :, :], axis=1)
    (product,) = products(rewritten(node))
    assert product.shape == node.shape


def test_what_is_needed_elsewhere_is_reduced_as_it_is() -> None:
    product = A @ B
    made = gx.optimize([product, gx.sum(product, axis=0)], sizes=LARGE)
    assert made[0] is product
    assert largest(made[1]) <= 2


@pytest.mark.parametrize(
    "node",
    [gx.sum(A * B), gx.sum(A * v), gx.sum(v * w), gx.sum(A @ v), gx.sum(gx.exp(A @ B)), gx.mean(A)],
    ids=["A * B", "A * v", "v * w", "A v", "exp(A B)", "A"],
)
def test_what_xla_fuses_or_nothing_shortens_is_kept(node: Node) -> None:
    made = gx.optimize(node, rewrites="reductions", sizes=LARGE)
    assert made is node or not any(p.ndim > 1 for p in products(made))


def test_sizes_that_only_a_broadcast_has_are_multiplied_in() -> None:
    wide = gx.broadcast_to(gx.input("s", (), gx.float64), (gx.dim("n"), gx.dim("m")))
    made = rewritten(gx.sum(wide @ Q))
    assert largest(made) == 0


def test_small_ones_are_left_and_names_overrule() -> None:
    node = gx.sum(matrix("a", 2, 2) @ matrix("b", 2, 2))
    assert gx.optimize(node) is node
    big = gx.sum(A @ B)
    assert gx.optimize(big, rewrites=False, sizes=LARGE) is big


def test_a_mean_of_nothing_stays() -> None:
    node = gx.mean(matrix("a", 0, 3) @ matrix("b", 3, 4))
    assert any(n.op.name == "mean" for n in topological_order([gx.optimize(node)]))
