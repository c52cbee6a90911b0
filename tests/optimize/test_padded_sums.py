"""Sums of arrays that are zero but for ranges side by side, joined."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc as gx
from graphc.core.walk import topological_order
from graphc.optimize.family import Context
from graphc.optimize.slices.padded_sums import NAME, joined_slices


def count(node: Any, name: str) -> int:
    return len([n for n in topological_order([node]) if n.op.name == name])


def adjoint_of_slices(*cuts: tuple[int, int], size: int = 12) -> tuple[Any, Any]:
    """Returns the gradient of a function of slices of one array, and the array."""
    q = gx.input("q", (3, size), gx.float64)
    total = gx.sum(gx.concat([gx.sin(q[:, a:b] * (i + 1.0)) for i, (a, b) in enumerate(cuts)], 1))
    return gx.grad(total, q), q


def same(made: Any, known: Any, size: int = 12) -> None:
    given = {"q": np.random.default_rng(0).normal(size=(3, size))}
    assert np.array_equal(gx.evaluate(made, given), gx.evaluate(known, given))


def test_the_adjoints_of_all_slices_are_joined_and_nothing_is_added() -> None:
    slope, _ = adjoint_of_slices((0, 4), (4, 6), (6, 12))
    context = Context()
    (made,) = joined_slices([slope], context)
    assert [c.taken for c in context.choices] == [True]
    assert (count(made, "add"), count(made, "slice_transpose")) == (0, 0)
    same(made, slope)


def test_a_part_of_the_whole_stays_in_zeros() -> None:
    slope, _ = adjoint_of_slices((2, 4), (4, 9))
    (made,) = joined_slices([slope], Context())
    assert (count(made, "add"), count(made, "slice_transpose")) == (0, 1)
    same(made, slope)


def test_overlaps_and_gaps_are_added_as_they_were() -> None:
    for cuts in (((0, 5), (4, 12)), ((0, 3), (5, 12)), ((0, 12), (0, 12))):
        slope, _ = adjoint_of_slices(*cuts)
        assert joined_slices([slope], Context())[0] is slope
    slope, _ = adjoint_of_slices((0, 4), (4, 8), (4, 12))
    same(joined_slices([slope], Context())[0], slope)


def test_other_terms_of_the_sum_are_kept() -> None:
    q = gx.input("q", (3, 12), gx.float64)
    loss = gx.sum(gx.sin(q[:, :5])) + gx.sum(gx.cos(q) * q) + gx.sum(gx.exp(q[:, 5:]))
    slope = gx.grad(loss, q)
    (made,) = joined_slices([slope], Context())
    assert count(made, "slice_transpose") == 0
    given = {"q": np.random.default_rng(0).normal(size=(3, 12))}
    exact = np.asarray(gx.evaluate_mpmath(made, given), float)
    np.testing.assert_allclose(gx.evaluate(made, given), exact, rtol=1e-14)
    np.testing.assert_allclose(gx.evaluate(slope, given), exact, rtol=1e-14)


def test_gradients_of_what_was_joined_are_the_same() -> None:
    slope, q = adjoint_of_slices((0, 4), (4, 12))
    (made,) = joined_slices([slope], Context())
    given = {"q": np.random.default_rng(0).normal(size=(3, 12))}
    found = gx.evaluate(gx.grad(gx.sum(made**2), q), given)
    np.testing.assert_allclose(found, gx.evaluate(gx.grad(gx.sum(slope**2), q), given), rtol=1e-14)


def test_compile_does_it_with_named_sizes_too() -> None:
    q = gx.input("q", ("n", 6), gx.float32)
    slope = gx.grad(gx.sum(gx.sin(q[:, :2]) * 2.0) + gx.sum(gx.cos(q[:, 2:])), q)
    compiled = gx.compile(slope)
    value = np.ones((5, 6), np.float32)
    assert NAME in str(compiled.plan({"q": value}))
    plain = gx.compile(slope, optimize=False)
    np.testing.assert_allclose(compiled(q=value), plain(q=value), rtol=1e-6)
