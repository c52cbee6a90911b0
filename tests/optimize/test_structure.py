"""Structure made use of: the numbers stay, and it is done where it gains and only there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import mpmath
import numpy as np
import pytest

import graphc as gx
from graphc.backends.mpmath import MpNamespace
from graphc.backends.run import run
from graphc.core.graph import leaves
from graphc.core.node import Node
from graphc.core.walk import topological_order
from tests.optimize.matrices import grown, values_for

F = "float64"
N = 40
A = gx.input("A", (N, N), F)
S = gx.input("S", (N, N), F)
B = gx.input("B", (N, 3), F)
C = gx.input("C", (5, N), F)
W = gx.input("W", (7, N), F)
v = gx.input("v", (N,), F)
i = gx.input("i", (N,), "int32")
T = gx.input("T", (2, N, N), F)
L = gx.linalg
EYE = gx.eye(N, dtype=F)
P = gx.assume(S, "positive_definite")
#: A triangle far from singular.
LOW = gx.tril(A) * 0.1 + 3.0 * EYE
UP = gx.triu(A) * 0.1 + 3.0 * EYE
HOT = gx.one_hot(i, 7, dtype=F)


def _values(nodes: Sequence[Node]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(N, N))
    every = {
        "A": rng.normal(size=(N, N)), "S": root @ root.T + np.eye(N), "B": rng.normal(size=(N, 3)),
        "C": rng.normal(size=(5, N)), "W": rng.normal(size=(7, N)), "v": rng.normal(size=N) + 3.0,
        "i": rng.integers(-1, 8, N).astype(np.int32), "T": rng.normal(size=(2, N, N)),
    }  # fmt: skip
    return {str(n.name): every[str(n.name)] for n in leaves(nodes)}


def _ops(nodes: Sequence[Node]) -> set[str]:
    return {n.op.name for n in topological_order(nodes)}


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
    names = _ops([made])
    assert names >= set(there.split()), names
    assert not names & set(gone.split()), names
    assert made.type == written.type
    values = _values([written])
    before, after = gx.evaluate([written, made], values) if leaves([made]) else (None, None)
    compiled = np.asarray(gx.compile(written)(values))
    if before is None:
        before = after = gx.evaluate(written, values)
    size = np.max(np.abs(before))
    for found in (after, compiled):
        assert np.max(np.abs(found - before)) <= 1e-12 * size * (1 + _condition(values, written))


def _condition(values: dict[str, Any], written: Node) -> float:
    """Returns a bound of the condition of what is solved here, 1 where nothing is."""
    solved = _ops([written]) & {"inv", "solve", "slogdet", "det"}
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
    values = _values([written])
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
    assert _ops([gx.optimize(written, rewrites="woodbury")]) >= {"inv"}


def test_an_inverse_that_something_else_needs_is_multiplied() -> None:
    inverse = L.inv(A)
    made = gx.optimize([inverse @ v, inverse])
    assert _ops(made) & {"inv", "solve", "matmul"} == {"inv", "matmul"}


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
def test_random_expressions_keep_their_values(seed: int) -> None:
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
    assert not _ops([made]) & {"abs", "relu", "maximum", "sqrt", "sign"}
    before, after = gx.evaluate([written, made], v=np.arange(1.0, N + 1))
    np.testing.assert_allclose(after, before, rtol=1e-15)
    assert gx.optimize(write(v)) is write(v)
    assert gx.optimize(write(gx.assume(v, "non_negative"))) is write(gx.assume(v, "non_negative"))


# -- Gaussian log-density --------------------------------------------------------------------------


def _log_density(covariance: Node, r: Node) -> Node:
    return -0.5 * (r @ L.inv(covariance) @ r) - 0.5 * L.slogdet(covariance).logabsdet


@pytest.mark.parametrize("declared", [True, False])
def test_log_density_and_its_gradient_factor_once(declared: bool) -> None:
    covariance = P if declared else A @ A.T + EYE
    density = _log_density(covariance, v)
    wanted = S if declared else A
    outputs = [density, *gx.grad(density, [wanted, v])]
    made = gx.optimize(outputs)
    found = [n.op.name for n in topological_order(made)]
    assert found.count("cholesky") == 1
    assert not set(found) & {"inv", "slogdet", "solve"}
    values = _values(outputs)
    compiled = gx.compile(outputs)(values)
    for before, after in zip(gx.evaluate(outputs, values), compiled, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9 * np.max(np.abs(before)))


def test_jax_differentiates_what_was_compiled_as_it_was_written() -> None:
    # The gradient of an unsymmetric perturbation too: a factor is a means, not an operand.
    density = _log_density(P, v)
    values = _values([density])
    expected = gx.evaluate(gx.grad(density, S), values)
    compiled = gx.compile(density)
    found = jax.grad(lambda s: compiled({**values, "S": s}))(values["S"])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.max(np.abs(expected)))
    tangent = np.random.default_rng(2).normal(size=(N, N))
    along = jax.jvp(lambda s: compiled({**values, "S": s}), (values["S"],), (tangent,))[1]
    np.testing.assert_allclose(along, np.sum(expected * tangent), rtol=1e-8)


def test_log_density_agrees_with_fifty_digits() -> None:
    n = 6
    small = gx.input("S", (n, n), F)
    r = gx.input("r", (n,), F)
    density = _log_density(gx.assume(small, "positive_definite"), r)
    outputs = [density, *gx.grad(density, [small, r])]
    made = gx.optimize(outputs, rewrites="structure")
    rng = np.random.default_rng(3)
    root = rng.normal(size=(n, n))
    values = {"S": root @ root.T + 0.01 * np.eye(n), "r": rng.normal(size=n)}
    xp = MpNamespace(50)
    given = {small: xp.convert(values["S"]), r: xp.convert(values["r"])}
    truth, exact = run(outputs, given, xp), run(made, given, xp)
    floats = gx.evaluate(made, values)
    condition = np.linalg.cond(values["S"])
    for true, same, float_ in zip(truth, exact, floats, strict=True):
        size = max(abs(x) for x in np.ravel(true))
        for t, s, f in zip(np.ravel(true), np.ravel(same), np.ravel(float_), strict=True):
            assert abs(t - s) <= size * mpmath.mpf(10) ** -40
            assert abs(t - f) <= size * condition * 1e-13


# -- never NaN where there was a number ------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_a_matrix_that_rounding_made_indefinite_is_eliminated(backend: str) -> None:
    x = gx.input("x", (N, 3), F)
    near = x @ x.T + 1e-18 * EYE  # definite, and no float of it is
    outputs = [L.solve(near, v), L.slogdet(near).logabsdet]
    made = gx.optimize(outputs, rewrites="structure")
    assert _ops(made) >= {"factor_solve", "factor_logdet"}
    values = {"x": np.random.default_rng(0).normal(size=(N, 3)), "v": np.ones(N)}
    assert np.any(np.isnan(gx.evaluate(L.cholesky(near), {"x": values["x"]})))
    if backend == "numpy":
        found = gx.evaluate(made, values)
    else:
        found = gx.compile(outputs, optimize="structure")(values)
    plain = gx.compile(outputs, optimize=False)(values)
    assert all(np.all(np.isfinite(np.asarray(p))) for p in plain)
    assert all(np.all(np.isfinite(np.asarray(f))) for f in found)


def test_semidefinite_alone_asks_for_no_factor() -> None:
    assert gx.optimize(L.solve(A @ A.T, v), rewrites="structure") is L.solve(A @ A.T, v)


def test_places_out_of_range_give_zeros() -> None:
    hot, table = gx.one_hot(i, 7, dtype=F), gx.input("W", (7, N), F)
    values = {"i": np.array([-1, 0, 6, 7, 100] * 8, np.int32), "W": np.ones((7, N))}
    found = gx.compile(hot @ table, optimize="structure")(values)
    np.testing.assert_array_equal(np.asarray(found)[:, 0], [0, 1, 1, 0, 0] * 8)
    back = gx.compile(hot.T @ gx.broadcast_to(table[:1, :1], (N, 3)), optimize="structure")(values)
    np.testing.assert_array_equal(np.asarray(back)[:, 0], [8, 0, 0, 0, 0, 0, 8])


def test_rows_said_to_be_one_hot_are_gathered() -> None:
    rows = gx.assume(gx.input("H", (N, 50), F), "one_hot")
    wide = gx.input("M", (50, 200), F)
    made = gx.optimize(rows @ wide, rewrites="structure")
    assert _ops([made]) >= {"argmax", "gather"}
    values = {"H": np.eye(50)[np.arange(N)], "M": np.random.default_rng(0).normal(size=(50, 200))}
    np.testing.assert_array_equal(gx.evaluate(made, values), values["M"][:N])


# -- bodies, named sizes, float32 ------------------------------------------------------------------


def test_bodies_of_loops_and_blocks_are_rewritten() -> None:
    @gx.block
    def layer(a: Node) -> Node:
        return gx.diag(v) @ a

    def step(carry: Node, _: Any) -> tuple[Node, Node]:
        made = L.solve(gx.diag(v), carry)
        return made, made

    mapped = gx.map(lambda row: gx.diag(v) @ row, C)
    looped = gx.scan(step, B, length=3)[0]
    outputs = [layer(B), mapped, looped]
    made = gx.optimize(outputs, rewrites="structure")
    bodies = [str(c) for c in gx.plan(outputs, rewrites="structure").choices]
    assert len(bodies) == 3
    values = _values(outputs)
    for before, after in zip(*gx.evaluate([outputs, made], values), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12)


def test_a_graph_without_structure_is_left_as_it_is() -> None:
    outputs = [gx.map(lambda row: gx.sin(row), C), gx.tanh(A @ B)]
    made = gx.optimize(outputs, rewrites="structure")
    assert all(new is old for new, old in zip(made, outputs, strict=True))


def test_named_sizes() -> None:
    x, r = gx.input("x", ("n", "n"), F), gx.input("r", ("n",), F)
    said = gx.assume(x, "positive_definite")
    outputs = [
        L.inv(said) @ r, L.slogdet(said).logabsdet, gx.diag(r) @ x, L.solve(gx.tril(x), r),
        L.inv(gx.diag(r)), gx.eye("n", dtype=F) @ x,
    ]  # fmt: skip
    made = gx.optimize(outputs, rewrites="structure")
    assert not _ops(made) & {"inv", "slogdet", "solve", "matmul"}
    root = np.random.default_rng(0).normal(size=(5, 5))
    values = {"x": root @ root.T + np.eye(5), "r": np.arange(1.0, 6.0)}
    compiled = gx.compile(outputs)(values)
    for before, after, third in zip(*gx.evaluate([outputs, made], values), compiled, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(third, before, rtol=1e-9, atol=1e-12)


def test_single_precision_stays_single() -> None:
    x, r = gx.input("x", (50, 50)), gx.input("r", (50,))
    made = gx.optimize(L.inv(gx.assume(x, "positive_definite")) @ r)
    assert made.dtype is gx.float32
    root = np.random.default_rng(0).normal(size=(50, 50)).astype(np.float32)
    values = {"x": root @ root.T + np.eye(50, dtype=np.float32) * 50, "r": np.ones(50, np.float32)}
    np.testing.assert_allclose(
        gx.evaluate(made, values), np.linalg.solve(values["x"], values["r"]), rtol=1e-4
    )


# -- low rank --------------------------------------------------------------------------------------

U = gx.input("U", (N, 2), F)
V = gx.input("V", (2, N), F)
LOW_RANK: list[tuple[str, Callable[[], Node]]] = [
    ("D + U V", lambda: L.solve(gx.diag(v) + U @ V, B)),
    ("U V + I", lambda: L.solve(U @ V + EYE, v)),
    ("D - U V", lambda: L.solve(gx.diag(v) - U @ V, v)),
    ("(D + U V)'", lambda: L.solve((gx.diag(v) + U @ V).T, v)),
    ("D + U U'", lambda: L.solve(gx.diag(v) + U @ U.T, B)),
    ("log det", lambda: L.slogdet(gx.diag(v) + U @ V).logabsdet),
    ("sign", lambda: L.slogdet(gx.diag(v) + U @ V).sign),
]


@pytest.mark.parametrize("build", [b for _, b in LOW_RANK], ids=[name for name, _ in LOW_RANK])
def test_low_rank_changes_are_solved_by_a_small_matrix_on_request(
    build: Callable[[], Node],
) -> None:
    written = build()
    plain = {c.family for c in gx.plan(written).choices}
    assert "woodbury" not in plain
    made = gx.optimize(written, rewrites="woodbury")
    sizes = [
        n.args[0].shape[-1] for n in topological_order([made]) if n.op.name in ("solve", "slogdet")
    ]
    assert set(sizes) == {2}
    rng = np.random.default_rng(4)
    every = {
        "v": rng.normal(size=N) + 4.0, "U": rng.normal(size=(N, 2)), "V": rng.normal(size=(2, N)),
        "B": rng.normal(size=(N, 3)),
    }  # fmt: skip
    values = {str(n.name): every[str(n.name)] for n in leaves([written])}
    before, after = gx.evaluate([written, made], values)
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-11)
    compiled = gx.compile(written, optimize="woodbury")(values)
    np.testing.assert_allclose(compiled, before, rtol=1e-9, atol=1e-11)


def test_high_rank_is_no_low_rank() -> None:
    wide = gx.input("X", (N, N), F)
    written = L.solve(gx.diag(v) + wide @ wide.T, v)
    assert gx.optimize(written, rewrites="woodbury") is written


def test_what_is_said_outside_of_a_loop_is_known_within() -> None:
    said = gx.assume(S, "positive_definite")
    last, _ = gx.scan(lambda x, b: (L.solve(said, x) + b, x), v, gx.broadcast_to(v, (20, N)))
    made = gx.optimize(last)
    (loop,) = [n for n in topological_order([made]) if n.op.name == "scan"]
    inside = _ops(loop.params["graph"].outputs)
    assert "factor_solve" in inside
    assert "cholesky" not in inside  # the factor is that of every step, and computed once
    values = _values([last])
    np.testing.assert_allclose(gx.compile(last)(values), gx.evaluate(last, values), rtol=1e-9)


def test_what_changes_from_step_to_step_is_known_of_no_body() -> None:
    low = gx.tril(A)
    last, _ = gx.scan(lambda x, _: (x @ x.T, None), low, length=2)
    made = gx.optimize(L.solve(last, v), rewrites="structure")
    assert "triangular_solve" not in _ops([made])
    stepped, _ = gx.scan(lambda x, _: (L.inv(x), x), low + 9.0 * EYE, length=2)
    (loop,) = [n for n in topological_order([gx.optimize(stepped)]) if n.op.name == "scan"]
    assert "inv" in _ops(loop.params["graph"].outputs)
