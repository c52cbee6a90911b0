"""The order of products: taken where it costs less, and kept where it does not."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
import pytest

import graphc as gx
from graphc.core.node import Node
from graphc.core.walk import topological_order
from tests.optimize.algebra import LARGE, largest, matrix, products, rewritten, values, vector

A, B, C, P, U = matrix("A"), matrix("B"), matrix("C"), matrix("P", "n", "m"), matrix("U", "n", "k")
u, v, w, c = vector("u"), vector("v"), vector("w"), gx.input("c", (), gx.float64)

#: What is to become a chain of products by vectors.
BY_VECTORS: dict[str, Callable[[], Node]] = {
    "A B v": lambda: (A @ B) @ v,
    "v A B": lambda: v @ (A @ B),
    "(A A') v": lambda: (A @ A.T) @ v,
    "(P P') v": lambda: (P @ P.T) @ v,
    "(A B)' v": lambda: (A @ B).T @ v,
    "A B C v": lambda: A @ B @ C @ v,
    "c A B v": lambda: (c * (A @ B)) @ v,
    "-A B v / c": lambda: (-(A @ B) / c) @ v,
    "diag(u) A B v": lambda: (u[:, None] * A @ B) @ v,
    "A diag(u) B v": lambda: (A @ (u[:, None] * B)) @ v,
    "A / u B v": lambda: ((A / u) @ B) @ v,
    "(u w') v": lambda: (u[:, None] * w[None, :]) @ v,
    "einsum outer": lambda: gx.einsum("i,j->ij", u, w) @ v,
    "einsum chain": lambda: gx.einsum("ij,jk->ik", A, B) @ v,
    "as a column": lambda: (A @ B @ v[:, None])[:, 0],
}


@pytest.mark.parametrize("what", BY_VECTORS)
def test_no_product_of_matrices_is_left(what: str) -> None:
    made = rewritten(BY_VECTORS[what](), "product order")
    assert products(made)
    one = {gx.dim("n"), gx.dim("m")}
    assert all(sum(s in one for s in p.shape) < 2 for p in products(made)), made


def test_a_tall_matrix_is_multiplied_from_the_right() -> None:
    made = rewritten(A @ B @ C @ U, "product order")
    assert [p.shape for p in products(made)] == [(gx.dim("n"), gx.dim("k"))] * 3


def test_batches_are_ordered_too() -> None:
    stack = gx.input("X", (4, "n", "n"), gx.float64)
    more = gx.input("Y", (4, "n", "n"), gx.float64)
    made = rewritten(gx.einsum("bij,bj->bi", stack @ more, gx.input("z", (4, "n"), gx.float64)))
    assert largest(made) == 2
    assert largest(rewritten((stack @ more) @ U)) == 3
    assert all(p.shape[-1] == gx.dim("k") for p in products(rewritten((stack @ more) @ U)))


def test_transposed_operands_are_never_formed() -> None:
    made = rewritten((A @ B).T @ (C.T @ U), "product order")
    assert all(n.op.name != "transpose" for n in topological_order([made]))


@pytest.mark.parametrize(
    "node",
    [A @ (B @ v), (A @ v) @ A, A @ B, v @ A @ B, u @ A @ v, A @ (B @ U)],
    ids=["A (B v)", "A' (A v)", "A B", "v A B", "u A v", "A (B U)"],
)
def test_what_is_cheap_already_is_kept(node: Node) -> None:
    # A' A once for one step costs a hundred times the two products by a vector.
    assert gx.optimize(node, sizes=LARGE) is node


def test_order_depends_on_named_sizes() -> None:
    wide, tall = gx.input("R", ("r", "n"), gx.float64), gx.input("S", ("n", "r"), gx.float64)
    node = (tall @ wide) @ matrix("Z")
    few = gx.optimize(node, sizes={"n": 1000, "r": 5})
    many = gx.optimize(node, sizes={"n": 50, "r": 5000})
    assert many is node
    assert few is gx.optimize(tall @ (wide @ matrix("Z")), sizes={"n": 1000, "r": 5}) is not node


def test_a_product_that_is_needed_elsewhere_costs_nothing() -> None:
    product = A @ B
    first, second = gx.optimize([gx.tanh(product), product @ v], sizes=LARGE)
    assert first is gx.tanh(product) and second is product @ v


def test_a_shared_product_goes_where_all_that_use_it_are_cheaper_without() -> None:
    product = A @ B
    found = gx.optimize([product @ v, product.T @ w], sizes=LARGE)
    assert largest(found[0]) == largest(found[1]) == 1


def test_a_product_of_low_rank_is_not_read_even_where_it_is_there() -> None:
    product = U @ U.T
    first, second = gx.optimize([gx.tanh(product), product @ v], sizes=LARGE)
    assert first.args[0].shape == product.shape
    assert largest(second) == 1


def test_derivatives_have_no_product_of_matrices() -> None:
    loss = gx.sum(gx.tanh((A @ B) @ v))
    made = gx.optimize(gx.grad(loss, [v, A, B]), sizes=LARGE)
    assert all(largest(node) <= 1 for node in made)
    for node in gx.grad(loss, [v, A, B]):
        rewritten(node)


def test_gradients_of_rewritten_graphs_are_those_of_the_graph_as_written() -> None:
    node = gx.sum(gx.sin((A @ A.T) @ B @ v))
    given = values([node])
    better = gx.optimize(node, sizes=LARGE)
    for one, two in zip(gx.grad(better, [A, B, v]), gx.grad(node, [A, B, v]), strict=True):
        left, right = gx.evaluate(one, given), gx.evaluate(two, given)
        np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-9 * np.abs(right).max())


def test_sums_of_squares_stay_squares() -> None:
    # r' r by way of v' (A' (A v)) might be negative.
    r = A @ v
    for node in (gx.sum(r * r), r @ r, gx.sum(gx.square(r)), (A @ U).T @ (A @ U)):
        assert gx.optimize(node, sizes=LARGE) is node
    both = [gx.sum(r * r), r @ A]
    assert all(new is old for new, old in zip(gx.optimize(both, sizes=LARGE), both, strict=True))


def test_half_precision_and_integers_are_left() -> None:
    for dtype in (gx.float16, gx.int32):
        a, b = gx.input("a", (500, 500), dtype), gx.input("b", (500,), dtype)
        assert gx.optimize((a @ a) @ b) is (a @ a) @ b


def test_complex_products_are_ordered() -> None:
    a, b = gx.input("a", (60, 60), gx.complex128), gx.input("b", (60,), gx.complex128)
    made = gx.optimize((a @ a) @ b)
    rng = np.random.default_rng(0)
    given = {a: rng.normal(size=(60, 60)) + 1j, b: rng.normal(size=60) + 2j}
    assert made is not (a @ a) @ b
    np.testing.assert_allclose(gx.evaluate(made, given), gx.evaluate((a @ a) @ b, given), rtol=1e-9)


def test_bodies_of_loops_are_ordered_with_their_places() -> None:
    a, x = gx.input("a", (200, 200), gx.float64), gx.input("x", (200,), gx.float64)
    b = gx.input("b", (3, 200, 200), gx.float64)
    last, _ = gx.scan(lambda s, m: (gx.sin((a @ m) @ s), None), x, b)
    (loop,) = [n for n in topological_order([gx.optimize(last)]) if n.op.name == "scan"]
    found = [n for n in loop.params["graph"].order() if n.op.name == "matmul"]
    assert [n.ndim for n in found] == [1, 1]
    assert all(n.place is not None and n.place[0].endswith("test_chains.py") for n in found)


def test_a_long_chain_is_ordered_in_time() -> None:
    made: Node = gx.input("m0", (30, 31), gx.float64)
    for i in range(1, 60):
        made = made @ gx.input(f"m{i}", (30 + i, 31 + i), gx.float64)
    found = gx.optimize(made @ gx.input("end", (90,), gx.float64))
    assert sum(p.ndim == 2 for p in products(found)) < 59


def test_plans_tell_what_was_done_and_where_and_names_overrule() -> None:
    node = (A @ B) @ v
    (choice,) = gx.plan(node, sizes=LARGE).choices
    assert choice.taken and choice.family == "product order"
    assert choice.seconds_after < choice.seconds_before / 10
    assert "test_chains.py" in str(choice) and "matmul(A, matmul(B, v))" in str(choice)
    assert gx.optimize(node, rewrites=False, sizes=LARGE) is node
    assert gx.optimize(node, rewrites="reductions", sizes=LARGE) is node


def test_compiled_graphs_are_ordered_and_agree_with_jax(rng: np.random.Generator) -> None:
    a, b = gx.input("a", ("n", "n"), gx.float64), gx.input("b", ("n",), gx.float64)
    function = gx.compile(gx.grad(gx.sum(gx.tanh((a @ a.T) @ b)), [a, b]), [a, b])
    given = rng.normal(size=(90, 90)) / 10, rng.normal(size=90) / 10
    expected = jax.grad(lambda m, x: jax.numpy.tanh((m @ m.T) @ x).sum(), (0, 1))(*given)
    for one, two in zip(function(*given), expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-11)
    assert any(choice.taken for choice in function.plan(*given).choices)
