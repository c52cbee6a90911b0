"""Structure made use of: log-densities, failed factors, bodies, named sizes, low rank."""

from __future__ import annotations

from collections.abc import Callable
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
from tests.optimize.structured import EYE, A, B, C, F, L, N, P, S, i, ops_of, v, values_of

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
    values = values_of(outputs)
    compiled = gx.compile(outputs)(values)
    for before, after in zip(gx.evaluate(outputs, values), compiled, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9 * np.max(np.abs(before)))


def test_jax_differentiates_what_was_compiled_as_it_was_written() -> None:
    # The gradient of an unsymmetric perturbation too: a factor is a means, not an operand.
    density = _log_density(P, v)
    values = values_of([density])
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
    assert ops_of(made) >= {"factor_solve", "factor_logdet"}
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
    assert ops_of([made]) >= {"argmax", "gather"}
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
    values = values_of(outputs)
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
    assert not ops_of(made) & {"inv", "slogdet", "solve", "matmul"}
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
    inside = ops_of(loop.params["graph"].outputs)
    assert "factor_solve" in inside
    assert "cholesky" not in inside  # the factor is that of every step, and computed once
    values = values_of([last])
    np.testing.assert_allclose(gx.compile(last)(values), gx.evaluate(last, values), rtol=1e-9)


def test_what_changes_from_step_to_step_is_known_of_no_body() -> None:
    low = gx.tril(A)
    last, _ = gx.scan(lambda x, _: (x @ x.T, None), low, length=2)
    made = gx.optimize(L.solve(last, v), rewrites="structure")
    assert "triangular_solve" not in ops_of([made])
    stepped, _ = gx.scan(lambda x, _: (L.inv(x), x), low + 9.0 * EYE, length=2)
    (loop,) = [n for n in topological_order([gx.optimize(stepped)]) if n.op.name == "scan"]
    assert "inv" in ops_of(loop.params["graph"].outputs)
