"""Sums of terms taken of each term, where a product among them shrinks by it."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc as gx
from graphc.core.walk import topological_order
from graphc.optimize.family import Context
from graphc.optimize.products.split_sums import NAME, split_sums


def terms(n: Any = 500, k: int = 40, dtype: Any = gx.float64) -> tuple[Any, list[Any]]:
    """Returns sum over n of A B - C * d, whose product shrinks from n x k x k to k x k."""
    a, b = gx.input("a", (n, k), dtype), gx.input("b", (k, k), dtype)
    c, d = gx.input("c", (n, k), dtype), gx.input("d", (k,), dtype)
    return gx.sum(-(a @ b - gx.sin(c) * d), axis=0), [a, b, c, d]


def values(n: int = 500, k: int = 40, dtype: Any = np.float64) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    shapes = {"a": (n, k), "b": (k, k), "c": (n, k), "d": (k,)}
    return {name: generator.normal(size=s).astype(dtype) for name, s in shapes.items()}


def products(nodes: Any) -> list[Any]:
    return [n for n in topological_order(nodes) if n.op.name in ("einsum", "matmul")]


def test_the_sum_goes_into_the_product() -> None:
    y, _ = terms()
    context = Context()
    (made,) = split_sums([y], context)
    assert [choice.taken for choice in context.choices] == [True]
    assert all(500 not in n.shape for n in products([made]))
    np.testing.assert_allclose(
        gx.evaluate(made, values()), gx.evaluate(y, values()), rtol=1e-12, atol=1e-11
    )


def test_it_is_equal_within_the_rounding_of_its_terms() -> None:
    y, _ = terms(30, 5)
    given = values(30, 5)
    (made,) = split_sums([y], Context(forced=frozenset({NAME})))
    exact = gx.evaluate_mpmath(y, given)
    size = np.abs(given["a"]) @ np.abs(given["b"]) + np.abs(np.sin(given["c"]) * given["d"])
    bound = 2.0**-52 * (30 + 5 + 4) * size.sum(axis=0)
    found = gx.evaluate(made, given)
    for one, other, room in zip(found, exact, bound, strict=True):
        assert abs(float(one - float(other))) <= room


def test_what_has_no_product_to_shrink_is_left() -> None:
    a, b = gx.input("a", (50, 8), gx.float64), gx.input("b", (8, 8), gx.float64)
    for y in (
        gx.sum(gx.sin(a) + gx.cos(a), axis=0),
        gx.sum(gx.sin(a @ b) + a, axis=0),
        gx.sum(a @ b, axis=0),  # one term: the next family's
    ):
        context = Context()
        assert split_sums([y], context)[0] is y
        assert not context.choices


def test_a_term_that_others_use_is_not_computed_twice() -> None:
    a, b = gx.input("a", (500, 40), gx.float64), gx.input("b", (40, 40), gx.float64)
    product = a @ b
    y = gx.sum(product + a, axis=0)
    made = split_sums([y, product], Context())
    assert len([n for n in products(made) if n.shape == (500, 40)]) == 1


def test_gradients_of_what_was_split_are_the_same() -> None:
    y, wrt = terms(40, 6)
    (made,) = split_sums([y], Context(forced=frozenset({NAME})))
    given = values(40, 6)
    found = gx.evaluate(gx.grad(gx.sum(made * made), wrt), given)
    wanted = gx.evaluate(gx.grad(gx.sum(y * y), wrt), given)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-10)


def test_named_sizes_are_weighed_by_their_numbers() -> None:
    y, _ = terms(gx.dim("n"), 40)
    (made,) = split_sums([y], Context(sizes={"n": 2_000}))
    assert made is not y
    np.testing.assert_allclose(
        gx.evaluate(made, values()), gx.evaluate(y, values()), rtol=1e-12, atol=1e-11
    )


def test_compile_does_it_and_the_plan_tells() -> None:
    y, inputs = terms(dtype=gx.float32)
    compiled = gx.compile(y, inputs)
    assert NAME in str(compiled.plan())
    given = values(dtype=np.float32)
    plain = gx.compile(y, inputs, optimize=False)(*given.values())
    np.testing.assert_allclose(compiled(*given.values()), plain, rtol=1e-3, atol=1e-3)
