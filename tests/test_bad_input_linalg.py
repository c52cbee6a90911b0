"""Wrong calls of linear algebra: each error at the caller's line, with operands and a way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from tests.bad_input_checker import Case, check_case, flat

linalg = gx.linalg
F = "float64"
v = gx.input("v", (3,), F)
A = gx.input("A", (3, 4), F)
S = gx.input("S", (3, 3), F)
T = gx.input("T", (2, 4, 4), F)
U = gx.input("U", (5, 3, 3), F)
K = gx.input("K", (3, 3), "int32")
M = gx.input("M", (3, 3), "bool")
C = gx.input("C", (3, 3), "complex128")
rows = gx.input("rows", ("n", 4), F)
scale = gx.input("scale", (), F)

SQUARE = ("inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh", "expm")
ANY = ("svd", "svdvals", "qr", "pinv", "matrix_rank", "matrix_norm")

CASES: dict[str, list[Case]] = {
    "not square": [
        (lambda n=n: getattr(linalg, n)(A), gx.ShapeError, "3 rows, 4 columns") for n in SQUARE
    ],
    "no matrix": [
        (lambda n=n: getattr(linalg, n)(v), gx.ShapeError, f"{n}(v: f64[3])") for n in SQUARE + ANY
    ],
    "integers": [
        (lambda n=n: getattr(linalg, n)(K), gx.DTypeError, "int32") for n in SQUARE + ANY
    ],
    "booleans": [
        (lambda n=n: getattr(linalg, n)(M), gx.DTypeError, "bool") for n in SQUARE + ANY
    ],
    "complex": [
        (lambda n=n: getattr(linalg, n)(C), gx.DTypeError, "complex128") for n in SQUARE + ANY
    ],
    "systems": [
        (lambda: linalg.solve(A, v), gx.ShapeError, "solve(A: f64[3,4], v: f64[3])"),
        (lambda: linalg.solve(T, v), gx.ShapeError, "4 rows, the right side 3"),
        (lambda: linalg.solve(S, T), gx.ShapeError, "3 rows, the right side 4"),
        (lambda: linalg.solve(S, scale), gx.ShapeError, "3 rows, the right side no"),
        (lambda: linalg.solve(T, np.zeros((5, 4, 1))), gx.ShapeError, "sizes 2 and 5"),
        (lambda: linalg.solve(K, v), gx.DTypeError, "int32"),
        (lambda: linalg.solve(S, np.arange(3)), gx.DTypeError, "int64"),
        (lambda: linalg.solve(rows, v), gx.ShapeError, "n rows, 4 columns"),
        (lambda: linalg.triangular_solve(A, v), gx.ShapeError, "3 rows, 4 columns"),
        (lambda: linalg.triangular_solve(S, T), gx.ShapeError, "the right side 4"),
        (lambda: linalg.triangular_solve(S, v, lower="yes"), gx.ArgumentError, "lower='yes'"),
        (lambda: linalg.triangular_solve(S, v, transpose=1), gx.ArgumentError, "transpose=1"),
        (lambda: linalg.triangular_solve(S, v, unit=True), gx.ArgumentError, "unit"),
        (lambda: linalg.lstsq(A, np.zeros(4)), gx.ShapeError, "3 rows, the right side 4"),
        (lambda: linalg.lstsq(A, scale), gx.ShapeError, "the right side no"),
        (lambda: linalg.lstsq(A, v, rcond=2.0), gx.ArgumentError, "rcond=2.0"),
        (lambda: linalg.lstsq(rows, np.zeros(3)), gx.ShapeError, "n rows"),
    ],
    "parameters": [
        (lambda: linalg.cholesky(S, upper=1), gx.ArgumentError, "upper=1"),
        (lambda: linalg.qr(A, mode="full"), gx.ArgumentError, "'reduced' or 'complete'"),
        (lambda: linalg.qr(rows), gx.ShapeError, "n rows"),
        (lambda: linalg.svd(rows), gx.ShapeError, "n and 4"),
        (lambda: linalg.svd(A, full_matrices="no"), gx.ArgumentError, "full_matrices='no'"),
        (lambda: linalg.pinv(A, rtol=-1.0), gx.ArgumentError, "rtol=-1.0"),
        (lambda: linalg.pinv(A, rtol=float("nan")), gx.ArgumentError, "rtol=nan"),
        (lambda: linalg.matrix_rank(A, rtol=True), gx.ArgumentError, "rtol=True"),
        (lambda: linalg.matrix_power(S, 1.5), gx.ArgumentError, "n=1.5"),
        (lambda: linalg.matrix_power(S, True), gx.ArgumentError, "n=True"),
        (lambda: linalg.matrix_power(S, 10**12), gx.ArgumentError, "beyond 2**31"),
        (lambda: linalg.matrix_power(A, 2), gx.ShapeError, "3 rows, 4 columns"),
        (lambda: linalg.matrix_norm(A, ord=3), gx.ArgumentError, "ord=3"),
        (lambda: linalg.matrix_norm(A, ord="l2"), gx.ArgumentError, "ord='l2'"),
        (lambda: linalg.matrix_norm(A, keepdims=1), gx.ArgumentError, "keepdims=1"),
        (lambda: linalg.vector_norm(v, ord="fro"), gx.ArgumentError, "ord='fro'"),
        (lambda: linalg.vector_norm(v, ord=float("nan")), gx.ArgumentError, "ord=nan"),
        (lambda: linalg.vector_norm(v, axis=1), gx.AxisError, "axis 1"),
        (lambda: linalg.vector_norm(K), gx.DTypeError, "int32"),
        (lambda: linalg.cond(A, 1), gx.ShapeError, "3 rows, 4 columns"),
        (lambda: linalg.cond(S, 3), gx.ArgumentError, "p=3"),
        (lambda: linalg.trace(v), gx.ShapeError, "no matrix"),
        (lambda: linalg.trace(S, offset=0.5), gx.ArgumentError, "offset=0.5"),
        (lambda: linalg.diagonal(rows), gx.ShapeError, "n rows and 4 columns"),
        (lambda: linalg.multi_dot(S), gx.ArgumentError, "a list"),
        (lambda: linalg.multi_dot([S]), gx.ArgumentError, "two or more"),
        (lambda: linalg.multi_dot([S, v, S]), gx.ShapeError, "operand 1"),
        (lambda: linalg.multi_dot([A, S]), gx.ShapeError, "inner sizes 4 and 3"),
    ],
    "functions of matrices": [
        (lambda: linalg.spectral(gx.log, A), gx.ShapeError, "3 rows, 4 columns"),
        (lambda: linalg.spectral(3, S), gx.ArgumentError, "no function"),
        (lambda: linalg.spectral(lambda w: w * scale, S), gx.ArgumentError, "'scale'"),
        (lambda: linalg.spectral(lambda w: (w, w), S), gx.ArgumentError, "one number"),
        (lambda: linalg.spectral(lambda w: w > 0, S), gx.DTypeError, "bool"),
        (lambda: linalg.spectral(lambda w: w + np.zeros(2), S), gx.ArgumentError, "one number"),
    ],
    "gradients": [
        (lambda: gx.grad(linalg.matrix_rank(S), S), gx.GradError, "only a float"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), list(flat(CASES)))
def test_wrong_call_is_told_at_the_callers_line(
    call: Callable[[], Any], kind: type[gx.GraphcError], words: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    check_case(call, kind, words, tmp_path)


@pytest.mark.parametrize(
    ("function", "value", "words"),
    [
        (
            linalg.inv,
            np.zeros((3, 3)),
            r"inv\(S: f64\[3,3\]\).*singular values go from 0 down to 0",
        ),
        (linalg.cholesky, -np.eye(3), r"not positive definite: its smallest eigenvalue is -1"),
        (lambda s: linalg.solve(s, v), np.ones((3, 3)), r"singular to its dtype"),
        (
            lambda s: linalg.triangular_solve(s, v),
            np.diag([1.0, 0.0, 1.0]),
            r"element \[1,1\] of its diagonal is 0",
        ),
    ],
)
def test_debug_names_a_matrix_without_an_answer(
    function: Callable[[Any], Any], value: Any, words: str
) -> None:
    given: dict[str, Any] = {"S": value}
    if "v" in str(function.__code__.co_names):
        given["v"] = np.ones(3)
    with pytest.raises(gx.SingularError, match=words):
        gx.debug(gx.sum(function(S)), given)


def test_debug_names_the_place_in_a_stack() -> None:
    stack = np.stack([np.eye(3)] * 4 + [np.zeros((3, 3))])
    with pytest.raises(gx.SingularError, match=r"the matrix \[4\] of the stack is singular"):
        gx.debug(gx.sum(linalg.inv(U)), U=stack)
