"""The table of linear algebra in docs/conventions.md: every row is run, graphc's side and JAX's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx

linalg = gx.linalg
PAGE = (Path(__file__).parents[3] / "docs" / "conventions.md").read_text("utf-8")
I2, I3, ZERO, NAN = np.eye(2), np.eye(3), np.zeros((2, 2)), np.full((2, 2), np.nan)
SINGULAR, TALL = np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
NINE = np.arange(9.0).reshape(3, 3)
LOW = np.outer([1.0, 2.0, 3.0], [1.0, 2.0])
BESIDE = LOW + TALL
RIGHT = np.array([1.0, 2.0, -1.0])


def ours(function: Callable[[Any], Any], at: Any) -> Any:
    """Returns graphc's gradient."""
    x = gx.input("x", np.shape(at), "float64")
    return np.asarray(gx.evaluate([gx.grad(function(x), x), x], x=at)[0])


def theirs(function: Callable[[Any], Any], at: Any) -> Any:
    """Returns JAX's gradient."""
    return np.asarray(jax.grad(function)(jnp.asarray(at)))


def second_of_last_two(np_: Any) -> Any:
    matrix = np.diag([1.0, 2.0, 0.0, 0.0])
    if np_ is jnp:
        return np.asarray(jax.hessian(jnp.linalg.det)(matrix))[2, 2, 3, 3]
    x = gx.input("x", (4, 4), "float64")
    return gx.evaluate(gx.hessian(linalg.det(x), x), x=matrix)[2, 2, 3, 3]


def by_eigh(np_: Any) -> Callable[[Any], Any]:
    def function(a: Any) -> Any:
        w, v = np_.linalg.eigh(a)
        return np_.sum((v * np_.exp(w)) @ v.mT)

    return function


def simple_vector(np_: Any) -> Callable[[Any], Any]:
    def function(a: Any) -> Any:
        v = np_.linalg.eigh(a)[1][:, 2:]
        return np_.sum((v @ v.mT) * NINE)

    return function


def rebuilt(np_: Any) -> Callable[[Any], Any]:
    def function(a: Any) -> Any:
        u, s, vh = np_.linalg.svd(a, full_matrices=False)
        return np_.sum((u * s) @ vh)

    return function


def refused(function: Callable[[Any], Any]) -> bool:
    """Tells whether graphc has no gradient and says so."""
    x = gx.input("x", (3, 2), "float64")
    with pytest.raises(gx.GradError, match="any basis"):
        gx.grad(function(x), x)
    return True


def raises_in_debug(function: Callable[[Any], Any], at: Any) -> bool:
    """Tells whether debug mode names the matrix."""
    x = gx.input("x", (2, 2), "float64")
    with pytest.raises(gx.SingularError, match="x: f64"):
        gx.debug(function(x), x=at)
    return not np.isfinite(gx.evaluate(function(x), x=at)).all()


def same(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-13, atol=1e-15, equal_nan=True))


def lost(found: Any) -> bool:
    return not np.isfinite(found).any()


#: For each row: whether graphc's side holds, and JAX's.
ROWS: dict[str, tuple[Callable[[], bool], Callable[[], bool]]] = {
    "`det` of a singular matrix": (
        lambda: same(ours(linalg.det, SINGULAR), [[4, -2], [-2, 1]]),
        lambda: same(theirs(jnp.linalg.det, SINGULAR), [[4, -2], [-2, 1]]),
    ),
    "`det`, second derivative where two eigenvalues are 0": (
        lambda: second_of_last_two(gx) == 2.0,
        lambda: second_of_last_two(jnp) == 0.0,
    ),
    "`slogdet` of a singular matrix": (
        lambda: lost(ours(lambda a: linalg.slogdet(a)[1], SINGULAR)),
        lambda: lost(theirs(lambda a: jnp.linalg.slogdet(a)[1], SINGULAR)),
    ),
    "`inv`, `solve` with a singular matrix": (
        lambda: (
            raises_in_debug(linalg.inv, ZERO)
            and raises_in_debug(lambda a: linalg.solve(a, [1.0, 2.0]), ZERO)
        ),
        lambda: lost(jnp.linalg.solve(ZERO, jnp.ones(2))) and lost(jnp.linalg.inv(ZERO)),
    ),
    "`cholesky` of a matrix that is not positive definite": (
        lambda: raises_in_debug(linalg.cholesky, -I2),
        lambda: bool(np.isnan(jnp.linalg.cholesky(-I2)).any()),
    ),
    "`eigvalsh`, equal eigenvalues, a symmetric function of them": (
        lambda: same(ours(lambda a: gx.sum(linalg.eigvalsh(a) ** 3), I2), 3 * I2),
        lambda: same(theirs(lambda a: jnp.sum(jnp.linalg.eigvalsh(a) ** 3), I2), 3 * I2),
    ),
    "`eigvalsh`, equal eigenvalues, one of them": (
        lambda: same(ours(lambda a: linalg.eigvalsh(a)[0], I2), [[1, 0], [0, 0]]),
        lambda: same(theirs(lambda a: jnp.linalg.eigvalsh(a)[0], I2), [[1, 0], [0, 0]]),
    ),
    "`eigh`, V f(w) V^T where eigenvalues are equal": (
        lambda: lost(ours(by_eigh(gx), I2)),
        lambda: lost(theirs(by_eigh(jnp), I2)),
    ),
    "`spectral(f, A)` where eigenvalues are equal": (
        lambda: same(ours(lambda a: gx.sum(linalg.spectral(gx.exp, a)), ZERO), np.ones((2, 2))),
        lambda: not hasattr(jnp.linalg, "spectral"),
    ),
    "`eigh`, the vector of a simple eigenvalue beside equal ones": (
        lambda: same(
            ours(simple_vector(gx), np.diag([1.0, 1.0, 2.0])), [[0, 0, 4], [0, 0, 6], [4, 6, 0]]
        ),
        lambda: lost(theirs(simple_vector(jnp), np.diag([1.0, 1.0, 2.0]))),
    ),
    "`svd`, U S V^T where singular values are equal, or 0 with unequal sides": (
        lambda: (
            not np.isfinite(ours(rebuilt(gx), I2)).all()
            and not np.isfinite(ours(rebuilt(gx), TALL)).all()
        ),
        lambda: lost(theirs(rebuilt(jnp), I2)) and lost(theirs(rebuilt(jnp), TALL)),
    ),
    "`matrix_norm` of order 2 at I": (
        lambda: same(ours(lambda a: linalg.matrix_norm(a, ord=2), I2), I2 / 2),
        lambda: same(theirs(lambda a: jnp.linalg.norm(a, 2), I2), I2 / 2),
    ),
    '`matrix_norm` of order 2, "nuc", "fro", at 0': (
        lambda: all(
            same(ours(lambda a, o=o: linalg.matrix_norm(a, ord=o), ZERO), ZERO)
            for o in (2, "nuc", "fro")
        ),
        lambda: all(
            same(theirs(lambda a, o=o: jnp.linalg.norm(a, o), ZERO), expected)
            for o, expected in ((2, I2 / 4), ("nuc", I2), ("fro", NAN))
        ),
    ),
    "columns that complete Q to a square, those of U": (
        lambda: (
            refused(lambda a: gx.sum(linalg.qr(a, mode="complete").Q))
            and refused(lambda a: gx.sum(linalg.svd(a).U))
        ),
        lambda: bool(
            np.isfinite(
                theirs(lambda a: jnp.sum(jnp.linalg.qr(a, "complete")[0]), LOW + TALL)
            ).all()
        ),
    ),
    "`pinv`, `lstsq` of less than full rank": (
        lambda: same(
            ours(lambda a: gx.sum(linalg.pinv(a, rtol=1e-9)), LOW),
            theirs(lambda a: jnp.sum(jnp.linalg.pinv(a, rtol=1e-9)), LOW),
        ),
        lambda: same(
            ours(lambda a: gx.sum(linalg.lstsq(a, RIGHT, rcond=1e-9).x), LOW),
            theirs(lambda a: jnp.sum(jnp.linalg.lstsq(a, RIGHT, rcond=1e-9)[0]), LOW),
        ),
    ),
    "`matrix_rank`, the sign of `slogdet`": (
        lambda: (
            same(ours(lambda a: linalg.slogdet(a)[0] + gx.sum(a), I2), np.ones((2, 2)))
            and linalg.matrix_rank(gx.input("x", (2, 2))).dtype is gx.int32
        ),
        lambda: same(theirs(lambda a: jnp.linalg.slogdet(a)[0], I2), ZERO),
    ),
}


def test_table_has_no_other_rows() -> None:
    part = PAGE.split("## Linear algebra\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    assert [line.strip("|").split("|")[0].strip() for line in lines] == list(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_row_holds_on_both_sides(row: str) -> None:
    graphc, jax_ = ROWS[row]
    assert graphc()
    assert jax_()
