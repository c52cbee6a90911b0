"""Structure made use of: the numbers stay, and it is done where it gains and only there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.graph import leaves
from graphc.core.node import Node
from graphc.core.walk import topological_order
from tests.optimize.matrices import grown, values_for
from tests.optimize.structured import EYE, LOW, UP, A, B, C, F, L, N, P, T, ops_of, v, values_of

#: What is written, and the ops that stand there afterwards, and that do not any more. All of these
#: are made by cost, without being asked for.
REWRITTEN: list[tuple[str, Callable[[], Node], str, str]] = [
    ("inv(S) v", lambda: L.inv(P) @ v, "cholesky factor_solve", "inv"),
    ("v inv(S)", lambda: v @ L.inv(P), "cholesky factor_solve", "inv"),
    ("C inv(S)", lambda: C @ L.inv(P), "cholesky factor_solve", "inv"),
    ("inv(A) v, nothing known", lambda: L.inv(A) @ v, "solve", "inv"),
    ("v inv(A)", lambda: v @ L.inv(A), "solve", "inv"),
    ("inv(A) B", lambda: L.inv(A) @ B, "solve", "inv"),
    ("inv(A') B", lambda: L.inv(A.T) @ B, "solve", "inv"),
    ("inv(A)' B", lambda: L.inv(A).T @ B, "solve", "inv"),
    ("C inv(A)'", lambda: C @ L.inv(A).T, "solve", "inv"),
    ("C inv(A)", lambda: C @ L.inv(A), "solve", "inv"),
    ("inv(A) B by flags", lambda: gx.matmul(L.inv(A), B, transpose_x=True), "solve", "inv"),
    ("C inv(A) by flags", lambda: gx.matmul(C, L.inv(A), transpose_y=True), "solve", "inv"),
    ("inv(T) v, a stack", lambda: L.inv(T) @ v, "solve", "inv"),
    ("inv(S)", lambda: L.inv(P), "cholesky factor_inverse", "inv"),
    ("solve(S, v)", lambda: L.solve(P, v), "cholesky factor_solve", "solve"),
    ("solve(S', B)", lambda: L.solve(P.T, B), "cholesky factor_solve", "solve"),
    ("log det S", lambda: L.slogdet(P).logabsdet, "factor_logdet", "slogdet"),
    ("sign of det S", lambda: L.slogdet(P).sign, "constant", "slogdet"),
    ("log(det S)", lambda: gx.log(L.det(P)), "factor_logdet", "det log"),
    ("derived", lambda: L.solve(A @ A.T + EYE, B), "factor_solve", "solve"),
    ("solve(D, B)", lambda: L.solve(gx.diag(v), B), "div", "solve"),
    ("solve(D + I, v)", lambda: L.solve(gx.diag(v) + EYE, v), "div", "solve"),
    ("solve(I v, B)", lambda: L.solve(EYE * v, B), "div", "solve"),
    ("solve(low, B)", lambda: L.solve(LOW, B), "triangular_solve", "solve"),
    ("solve(up, B)", lambda: L.solve(UP, B), "triangular_solve", "solve"),
    ("solve(low', B)", lambda: L.solve(LOW.T, B), "triangular_solve", "solve"),
    ("solve(Q, B)", lambda: L.solve(L.qr(A).Q, B), "matmul", "solve"),
    ("solve(I, B)", lambda: L.solve(EYE, B), "input", "solve"),
    ("inv(D)", lambda: L.inv(gx.diag(v)), "div", "inv"),
    ("inv(low)", lambda: L.inv(LOW), "triangular_solve", "inv"),
    ("inv(Q)", lambda: L.inv(L.qr(A).Q), "transpose", "inv"),
    ("inv(I)", lambda: L.inv(EYE), "", "inv"),
    ("det D", lambda: L.det(gx.diag(v)), "prod", "det"),
    ("det low", lambda: L.det(LOW), "prod", "det"),
    ("log det low", lambda: L.slogdet(LOW).logabsdet, "sum log", "slogdet"),
    ("sign of det up", lambda: L.slogdet(UP).sign, "prod sign", "slogdet"),
    ("substitution in D", lambda: L.triangular_solve(gx.diag(v), B), "div", "triangular_solve"),
    ("cholesky of D", lambda: L.cholesky(gx.diag(v * v)), "sqrt", "cholesky"),
    ("D B", lambda: gx.diag(v) @ B, "mul", "matmul"),
    ("C D", lambda: C @ gx.diag(v), "mul", "matmul"),
    ("D v", lambda: gx.diag(v) @ v, "mul", "matmul"),
    ("v D", lambda: v @ gx.diag(v), "mul", "matmul"),
    ("D' B by flags", lambda: gx.matmul(gx.diag(v), B, transpose_x=True), "mul", "matmul"),
    ("D B' by flags", lambda: gx.matmul(gx.diag(v), C, transpose_y=True), "mul", "matmul"),
    ("(2 D + I) B", lambda: (2.0 * gx.diag(v) + EYE) @ B, "mul", "matmul"),
    ("D D B", lambda: gx.diag(v) @ gx.diag(v) @ B, "mul", "matmul"),
    ("D T, a stack", lambda: gx.diag(v) @ T, "mul", "matmul"),
    ("I B", lambda: EYE @ B, "input", "matmul"),
    ("C I", lambda: C @ EYE, "input", "matmul"),
    ("0 B", lambda: gx.zeros((N, N), dtype=F) @ B, "broadcast_to", "matmul"),
    ("Q' Q", lambda: L.qr(A).Q.T @ L.qr(A).Q, "iota", "matmul"),
    ("D B as einsum", lambda: gx.einsum("ij,jk->ik", gx.diag(v), B), "mul", "einsum matmul"),
    ("(D B)' as einsum", lambda: gx.einsum("ij,jk->ki", gx.diag(v), B), "mul", "einsum matmul"),
    ("C D as einsum", lambda: gx.einsum("ij,kj->ik", C, gx.diag(v)), "mul", "einsum matmul"),
    ("D v as einsum", lambda: gx.einsum("ij,j->i", gx.diag(v), v), "mul", "einsum matmul"),
]


@pytest.mark.parametrize(
    ("build", "there", "gone"), [row[1:] for row in REWRITTEN], ids=[row[0] for row in REWRITTEN]
)
def test_structure_is_used_and_the_numbers_stay(
    build: Callable[[], Node], there: str, gone: str
) -> None:
    written = build()
    made = gx.optimize(written, rewrites=True)
    names = ops_of([made])
    assert names >= set(there.split()), names
    assert not names & set(gone.split()), names
    assert made.type == written.type
    values = values_of([written])
    before, after = gx.evaluate([written, made], values) if leaves([made]) else (None, None)
    compiled = np.asarray(gx.compile(written)(values))
    if before is None:
        before = after = gx.evaluate(written, values)
    size = np.max(np.abs(before))
    for found in (after, compiled):
        assert np.max(np.abs(found - before)) <= 1e-12 * size * (1 + _condition(values, written))


def _condition(values: dict[str, Any], written: Node) -> float:
    """Returns a bound of the condition of what is solved here, 1 where nothing is."""
    solved = ops_of([written]) & {"inv", "solve", "slogdet", "det"}
    sizes = [np.linalg.cond(values[k]).max() for k in ("A", "S", "T") if k in values]
    return float(np.prod(sizes)) if solved else 1.0


@pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")
@pytest.mark.parametrize("build", [row[1] for row in REWRITTEN], ids=[row[0] for row in REWRITTEN])
def test_rewritten_graphs_have_the_same_gradients(build: Callable[[], Node]) -> None:
    written = build()
    inputs = [n for n in leaves([written]) if n.dtype.is_float]
    if not inputs:
        return
    made = gx.optimize(written)
    if not [n for n in leaves([made]) if n.dtype.is_float]:
        return
    before = gx.grad(gx.sum(gx.square(written)), inputs)
    values = values_of([written])
    derived = gx.evaluate(gx.grad(gx.sum(gx.square(made)), inputs), values)
    expected = gx.evaluate(before, values)
    rewritten = gx.evaluate(gx.optimize(before), values)
    for first, second, third in zip(expected, derived, rewritten, strict=True):
        size = np.max(np.abs(first)) + 1e-12
        bound = 1e-12 * size * (1 + _condition(values, written)) + 1e-9
        # The derivative of det's sign and of Q' Q is 0: what is left is rounding.
        assert np.max(np.abs(first - second)) <= bound
        assert np.max(np.abs(first - third)) <= bound


#: Sizes at which the form by structure gains, and where the plain one does.
BY_SIZE: list[tuple[str, Callable[[int], Node], int, int]] = [
    ("H W", lambda n: _hot(n) @ gx.input("M", (n, 10), F), 1000, 4),
    ("H' X", lambda n: _hot(n).T @ gx.input("M", (n, 64), F), 1000, 4),
    ("X H'", lambda n: gx.input("M", (10, n), F) @ _hot(n).T, 1000, 4),
    ("X H", lambda n: gx.input("M", (64, n), F) @ _hot(n), 1000, 4),
    ("1 X", lambda n: gx.ones((n, n), dtype=F) @ gx.input("M", (n, n), F), 300, 4),
    ("X 1", lambda n: gx.input("M", (n, n), F) @ gx.full((n, n), 2.0, dtype=F), 300, 4),
    (
        "derived definite",
        lambda n: L.solve(
            gx.input("M", (n, n), F) @ gx.input("M", (n, n), F).T + gx.eye(n, dtype=F),
            gx.input("x", (n,), F),
        ),
        100,
        8,
    ),
]


def _hot(n: int) -> Node:
    return gx.one_hot(gx.input("at", (n,), "int32"), n, dtype=F)


@pytest.mark.parametrize("row", BY_SIZE, ids=[row[0] for row in BY_SIZE])
def test_rewrites_are_chosen_by_cost(row: tuple[str, Callable[[int], Node], int, int]) -> None:
    _, build, large, small = row
    taken = [c.taken for c in gx.plan(build(large)).choices if c.family == "structure"]
    left = [c.taken for c in gx.plan(build(small)).choices if c.family == "structure"]
    assert taken == [True]
    assert left == [False]


@pytest.mark.parametrize("row", BY_SIZE, ids=[row[0] for row in BY_SIZE])
def test_rewrites_asked_for_are_made_and_right_at_every_size(
    row: tuple[str, Callable[[int], Node], int, int],
) -> None:
    written = row[1](row[3])
    made = gx.optimize(written, rewrites="structure")
    assert made is not written
    rng = np.random.default_rng(1)
    values: dict[str, Any] = {}
    for node in leaves([written]):
        shape = [int(str(size)) for size in node.shape]
        whole = node.dtype.is_integer
        drawn = rng.integers(-2, 7, shape) if whole else rng.normal(size=shape)
        values[str(node.name)] = drawn.astype(node.dtype.numpy)
    before, after = gx.evaluate([written, made], values)
    np.testing.assert_allclose(after, before, rtol=1e-10, atol=1e-12)
    compiled = gx.compile(written, optimize="structure")
    np.testing.assert_allclose(np.asarray(compiled(values)), before, rtol=1e-10, atol=1e-12)


def test_structure_can_be_refused() -> None:
    written = L.inv(P) @ v
    assert gx.optimize(written, rewrites=False) is written
    assert ops_of([gx.optimize(written, rewrites="woodbury")]) >= {"inv"}


def test_an_inverse_that_something_else_needs_is_multiplied() -> None:
    inverse = L.inv(A)
    made = gx.optimize([inverse @ v, inverse])
    assert ops_of(made) & {"inv", "solve", "matmul"} == {"inv", "matmul"}


def test_several_products_with_one_inverse_share_a_factorisation() -> None:
    made = gx.optimize([L.inv(P) @ v, L.inv(P) @ B, L.slogdet(P).logabsdet])
    found = [n.op.name for n in topological_order(made)]
    assert found.count("cholesky") == 1
    assert found.count("factor_solve") == 2


def test_rewritten_nodes_stand_where_they_were_written() -> None:
    written = L.solve(gx.diag(v), B)
    assert gx.optimize(written).place == written.place
    (choice,) = [c for c in gx.plan(written).choices if c.taken]
    assert choice.place == written.place
    assert "diagonal" in str(choice)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::graphc.NonDifferentiableWarning")
@pytest.mark.parametrize("seed", range(40))
def test_random_expressions_keep_theirvalues_of(seed: int) -> None:
    written = topological_order([grown(np.random.default_rng(seed), 12)])
    matrices = [n for n in written if n.op.name in ("matmul", "inv") and n.shape == (4, 4)]
    matrices += [L.solve(m + 9.0 * gx.eye(4, dtype=F), written[-1][0]) for m in matrices[-3:]]
    made = gx.optimize(matrices, rewrites="structure")
    values = values_for(matrices, seed)
    before, after = gx.evaluate([matrices, made], values)  # one value may need fewer inputs now
    for node, first, second in zip(matrices, before, after, strict=True):
        if np.all(np.isfinite(first)) and np.max(np.abs(first)) < 1e8:
            size = np.max(np.abs(first)) + 1.0
            assert np.max(np.abs(first - second)) <= 1e-7 * size, node


@pytest.mark.parametrize(
    "write",
    [gx.abs, gx.relu, lambda x: gx.maximum(x, 0.0), lambda x: gx.sqrt(x * x), gx.sign],
    ids=["abs", "relu", "maximum", "sqrt", "sign"],
)
def test_what_is_said_to_be_positive_needs_no_sign(write: Callable[[Node], Node]) -> None:
    x = gx.assume(v, "positive")
    written = write(x) * 2.0
    made = gx.optimize(written)
    assert not ops_of([made]) & {"abs", "relu", "maximum", "sqrt", "sign"}
    before, after = gx.evaluate([written, made], v=np.arange(1.0, N + 1))
    np.testing.assert_allclose(after, before, rtol=1e-15)
    assert gx.optimize(write(v)) is write(v)
    assert gx.optimize(write(gx.assume(v, "non_negative"))) is write(gx.assume(v, "non_negative"))
