"""Wrong calls of `assume` and of rewrites by name: each an error at the caller's line."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc as gx
from tests.bad_input_checker import Case, wrong_calls

F = "float64"
v = gx.input("v", (3,), F)
A = gx.input("A", (3, 4), F)
S = gx.input("S", (3, 3), F)
N = gx.input("N", ("n", "m"), F)
C = gx.input("C", (3, 3), "complex128")
s = gx.input("s", (), F)
said: Any = gx.assume
WRONG: Any = ("structure", 3)

SQUARE = (
    "symmetric", "positive_definite", "positive_semidefinite", "diagonal", "orthogonal",
)  # fmt: skip
MATRIX = (*SQUARE, "lower_triangular", "upper_triangular")

CASES: dict[str, list[Case]] = {
    "unknown": [
        (lambda: gx.assume(S, "round"), gx.ArgumentError, "there is no fact 'round'"),
        (lambda: gx.assume(S, "Symmetric"), gx.ArgumentError, "say one of diagonal"),
        (lambda: gx.assume(S, ""), gx.ArgumentError, "there is no fact ''"),
        (lambda: gx.assume(S, "symmetric", "round"), gx.ArgumentError, "'round'"),
        (lambda: gx.assume(gx.assume(S, "symmetric"), "x"), gx.ArgumentError, "'x'"),
        (lambda: said(S, 3), gx.ArgumentError, "there is no fact 3"),
        (lambda: said(S, None), gx.ArgumentError, "there is no fact None"),
        (lambda: said(S, ["symmetric"]), gx.ArgumentError, "there is no fact"),
        (lambda: said(S, S), gx.ArgumentError, "there is no fact"),
        (lambda: gx.assume(S), gx.ArgumentError, "nothing is said"),
        (lambda: gx.assume(gx.assume(S, "symmetric")), gx.ArgumentError, "nothing is said"),
    ],
    "vectors": [
        (lambda n=n: gx.assume(v, n), gx.ShapeError, f"a vector can't be {n}") for n in MATRIX
    ],
    "scalars": [
        (lambda n=n: gx.assume(s, n), gx.ShapeError, f"a scalar can't be {n}")
        for n in (*MATRIX, "one_hot")
    ],
    "not square": [
        (lambda n=n: gx.assume(A, n), gx.ShapeError, "3 rows and 4 columns") for n in SQUARE
    ],
    "named sizes": [
        (lambda: gx.assume(N, "symmetric"), gx.ShapeError, "n rows and m columns"),
    ],
    "dtypes": [
        (lambda: gx.assume(C, "symmetric"), gx.DTypeError, "complex"),
        (lambda: gx.assume(1j, "positive"), gx.DTypeError, "complex"),
    ],
    "no values": [
        (lambda: gx.assume("S", "symmetric"), gx.GraphcError, "assume"),
        (lambda: gx.assume(None, "symmetric"), gx.GraphcError, "assume"),
    ],
    "rewrites": [
        (lambda: gx.optimize(S, rewrites="structures"), gx.ArgumentError, "structure"),
        (lambda: gx.compile(S, optimize=WRONG), gx.ArgumentError, "woodbury"),
    ],
    "false, in debug": [
        (
            lambda: gx.debug(gx.sum(gx.assume(S, "diagonal")), S=np.ones((3, 3))),
            gx.StructureError,
            "element [0,1] is 1, not 0",
        ),
        (
            lambda: gx.debug(gx.sum(gx.assume(v, "one_hot")), v=np.ones(3)),
            gx.StructureError,
            "the row [:] has 3 ones",
        ),
    ],
}


test_wrong_call_is_an_error_at_its_line = wrong_calls(CASES)
