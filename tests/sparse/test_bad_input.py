"""Wrong calls of the sparse derivatives: an error of ours at the caller's line, or a warning."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import graphc as gx
from tests.bad_input_checker import wrong_calls
from tests.sparse.graphs import arrow, tridiagonal

#: Wrong calls are wrong for a type checker too.
anything: Any = gx
X, OUTPUT = tridiagonal(8)
MADE: Any = gx.sparse_jacobian(OUTPUT, X)
NAMED = gx.input("named", ("n",), gx.float64)
WHOLE = gx.input("whole", (3,), gx.int32)
COMPLEX = gx.input("complex", (3,), gx.complex128)
LONG = gx.input("long", (20_000,), gx.float64)

HUGE = gx.input("huge", (2**33,), gx.float32)
WIDE = gx.input("wide", (30_000,), gx.float32)

CASES: Any = {
    "wrt": [
        (lambda: anything.sparse_jacobian(OUTPUT, [X]), gx.ArgumentError, "no graph value"),
        (lambda: anything.sparse_jacobian(OUTPUT, None), gx.ArgumentError, "no graph value"),
        (lambda: anything.sparsity(OUTPUT, "x"), gx.ArgumentError, "no graph value"),
        (lambda: anything.sparse_jacobian(gx.cast(WHOLE, "float64"), WHOLE), gx.GradError, "float"),
        (lambda: anything.sparse_jacobian(gx.real(COMPLEX), COMPLEX), gx.GradError, "complex"),
        (lambda: anything.sparse_jacobian(NAMED * 2, NAMED), gx.DimError, "named size"),
    ],
    "output": [
        (lambda: anything.sparse_jacobian(3.0, X), gx.ArgumentError, "no graph value"),
        (lambda: anything.sparsity([OUTPUT], X), gx.ArgumentError, "no graph value"),
        (lambda: anything.sparse_jacobian(X > 0, X), gx.GradError, "bool"),
        (lambda: anything.sparse_hessian(OUTPUT, X), gx.GradError, "not a scalar"),
        (lambda: anything.sparse_hessian(gx.sum(NAMED**2), NAMED), gx.DimError, "named size"),
        (lambda: anything.sparse_jacobian(), gx.ArgumentError, "missing"),
    ],
    "mode": [
        (lambda: anything.sparse_jacobian(OUTPUT, X, mode="hvp"), gx.EngineError, "'hvp'"),
        (lambda: anything.sparse_jacobian(OUTPUT, X, mode=3), gx.EngineError, "3"),
        (lambda: anything.sparse_hessian(gx.sum(X), X, mode="vjp"), gx.EngineError, "'vjp'"),
        (
            lambda: anything.sparse_jacobian(gx.softmax(X, axis=0), X, mode="bands"),
            gx.EngineError,
            "softmax",
        ),
        (lambda: anything.sparse_jacobian(OUTPUT, X, mode="both"), gx.EngineError, "no few rows"),
    ],
    "values": [
        (lambda: MADE.csr(np.ones(3)), gx.ShapeError, "22 entries"),
        (lambda: MADE.dense("x"), gx.ShapeError, "no array of numbers"),
        (lambda: MADE.bcoo(np.ones((22, 1))), gx.ShapeError, "22 entries"),
        (lambda: MADE.csr(), gx.ArgumentError, "missing"),
        (lambda: MADE.spy("picture.pdf"), gx.FormatError, "pdf"),
        (lambda: MADE.spy(3), gx.FileError, "no path"),
    ],
    "size": [
        (lambda: anything.sparse_jacobian(HUGE * 2, HUGE), gx.BudgetError, "each element"),
        (lambda: anything.sparsity(gx.sum(WIDE[:, None] * WIDE), WIDE), gx.BudgetError, "mul"),
        (lambda: anything.sparse_jacobian(gx.sum(WIDE[:, None] * WIDE), WIDE), gx.BudgetError, ""),
    ],
    "dense": [
        (
            lambda: anything.sparse_jacobian(gx.softmax(LONG, axis=0), LONG),
            gx.BudgetError,
            "dense",
        ),
    ],
}


test_a_wrong_call_says_what_is_wrong_at_its_line = wrong_calls(CASES)


@pytest.mark.parametrize("mode", [None, "jvp", "vjp"])
def test_a_dense_derivative_warns_at_the_callers_line_and_is_right(mode: str | None) -> None:
    x = gx.input("x", (9,), gx.float64)
    output = gx.softmax(x, axis=0)
    with pytest.warns(gx.DenseWarning, match="dense: 100% of its 9 x 9 entries") as caught:
        made = gx.sparse_jacobian(output, x, mode=mode)
    assert caught[0].filename == __file__
    point = np.linspace(-1, 1, 9)
    dense = np.asarray(gx.evaluate(gx.jacobian(output, x), x=point))
    found = made.dense(gx.evaluate(made.values, x=point))
    np.testing.assert_allclose(found, dense, rtol=0, atol=2.0**-50)


def test_a_dense_hessian_warns() -> None:
    x = gx.input("x", (3,), gx.float64)
    with pytest.warns(gx.DenseWarning, match="dense"):
        gx.sparse_hessian(gx.logsumexp(x), x)


def test_sparse_ones_and_gradients_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gx.sparse_jacobian(OUTPUT, X)
        gx.sparse_jacobian(*reversed(arrow(30)))
        gx.sparse_jacobian(gx.sum(X**2), X)  # one row, as sparse as it gets
