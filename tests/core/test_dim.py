from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphc as gx
from graphc.core.dim import Dim, exact_quotient, size_value

N, M = gx.dim("n"), gx.dim("m")
SIZES = {"n": 7, "m": 5}

polynomials = st.recursive(
    st.integers(-5, 5) | st.sampled_from([N, M]),
    lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner).map(
        lambda t: {"+": t[1] + t[2], "-": t[1] - t[2], "*": t[1] * t[2]}[t[0]]
    ),
    max_leaves=6,
)


@given(polynomials, polynomials)
def test_arithmetic_is_that_of_the_numbers(left: Any, right: Any) -> None:
    a, b = size_value(left, SIZES), size_value(right, SIZES)
    assert size_value(left + right, SIZES) == a + b
    assert size_value(left - right, SIZES) == a - b
    assert size_value(left * right, SIZES) == a * b


@given(polynomials, polynomials)
def test_quotient_undoes_a_product(left: Any, right: Any) -> None:
    if isinstance(right, int) and right == 0:
        return
    product = left * right
    assert exact_quotient(product, right) == left


def test_equal_polynomials_are_one_size() -> None:
    assert (N + 1) * (N - 1) == N * N - 1
    assert hash((N + M) * 2) == hash(M * 2 + N * 2)
    assert N - N == 0 and isinstance(N - N, int)
    assert (N * 4) // 4 == N
    assert (N * M) // N == M
    assert str(N * 2 + 1 - M) == "-m+2*n+1"


@pytest.mark.parametrize(
    ("left", "right"), [(N, 2), (N + 1, N), (N, M), (7, 2), (N * N + 1, N + 1), (7, N)]
)
def test_inexact_quotient_is_an_error(left: Any, right: Any) -> None:
    with pytest.raises(gx.DimError, match="is not an exact multiple"):
        exact_quotient(left, right)


def test_division_by_0_and_wrong_names_are_errors() -> None:
    with pytest.raises(gx.DimError, match="divided by 0"):
        _ = N // 0
    for wrong in ("", "2x", "a b", 3, None):
        with pytest.raises(gx.DimError, match=r"test_dim.py:\d+: size name"):
            gx.dim(wrong)


def test_size_is_immutable_and_survives_pickling() -> None:
    with pytest.raises(AttributeError):
        N.terms = ()
    assert pickle.loads(pickle.dumps(N * M + 3)) == N * M + 3
    assert isinstance(N, Dim)


def test_reshape_and_concatenate_know_size_arithmetic() -> None:
    x, y = gx.input("x", (N, 4), "float64"), gx.input("y", (M, 4), "float64")
    joined = gx.concat([x, y])
    assert joined.shape == (N + M, 4)
    assert gx.reshape(joined, -1).shape == ((N + M) * 4,)
    assert gx.reshape(x, (-1, 2)).shape == (N * 2, 2)
    assert gx.reshape(gx.input("z", (N * 6,)), (3, -1)).shape == (3, N * 2)
    with pytest.raises(gx.ShapeError, match="not an exact multiple"):
        gx.reshape(x, (3, -1))
    with pytest.raises(gx.ShapeError, match="elements"):
        gx.reshape(x, (N, 5))


def test_sizes_are_bound_and_checked_at_the_call() -> None:
    x, y = gx.input("x", (N,), "float64"), gx.input("y", (N,), "float64")
    run = gx.compile(x + y)
    assert run(x=np.ones(3), y=np.ones(3)).shape == (3,)
    for call in (lambda **v: gx.evaluate(x + y, **v), run):
        with pytest.raises(gx.DimError, match="the size 'n' is 3 in x and 4 in y"):
            call(x=np.ones(3), y=np.ones(4))
        with pytest.raises(gx.ShapeError, match="x is declared f64"):
            call(x=np.ones((3, 1)), y=np.ones(3))


def test_compound_sizes_are_solved_in_any_order() -> None:
    both = gx.input("a", (N + M,), "float64")
    twice = gx.input("b", (N * 2,), "float64")
    total = gx.sum(both) + gx.sum(twice)
    assert gx.evaluate(total, a=np.ones(7), b=np.ones(6)) == 13.0
    for a, b in ((7, 5), (2, 6)):
        with pytest.raises(gx.DimError):
            gx.evaluate(total, a=np.ones(a), b=np.ones(b))


def test_slice_of_a_named_size_is_checked_when_called() -> None:
    x = gx.input("x", (N,), "float64")
    asked = [x[1:], x[:3], x[-1], x[2], x[: N - 1]]
    ones = np.arange(4.0)
    for run in (gx.evaluate, lambda nodes, **v: gx.compile(nodes)(**v)):
        found = run(asked, x=ones)
        for f, e in zip(found, [ones[1:], ones[:3], ones[-1], ones[2], ones[:-1]], strict=True):
            np.testing.assert_array_equal(f, e)
        with pytest.raises(gx.IndexingError, match="out of range: axis 0 now has size 2"):
            run(x[:3], x=np.ones(2))
        with pytest.raises(gx.IndexingError, match="out of range"):
            run(x[3:], x=np.ones(2))


def test_size_that_no_binding_gives_says_which_axis_was_declared_how() -> None:
    q = gx.input("q", (3, N * 2), "float64")
    square = gx.input("s", (N * N,), "float64")
    for run in (gx.evaluate, lambda node, **v: gx.compile(node)(**v)):
        with pytest.raises(gx.DimError, match=r"axis 1 of q is declared 2\*n, the value has 5"):
            run(gx.sum(q), q=np.ones((3, 5)))
        with pytest.raises(gx.DimError, match=r"axis 0 of s is declared n\*\*2.*it is 9 for n = 3"):
            run(gx.sum(q) + gx.sum(square), q=np.ones((3, 6)), s=np.ones(4))
        with pytest.raises(gx.DimError, match="the size 'n' is not known"):
            run(gx.sum(square), s=np.ones(4))


def test_product_of_ever_more_terms_is_refused() -> None:
    size: Any = 1
    with pytest.raises(gx.DimError, match=r"test_dim.py:\d+: the product of sizes .* too long"):
        for number in range(200):
            size = size * (gx.dim(f"a{number}") + gx.dim(f"b{number}"))
