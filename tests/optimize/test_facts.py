"""Facts of matrices: which are derived, that each is true, and what `assume` adds and refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import graphc as gx
from graphc.core.node import Node
from graphc.core.walk import topological_order
from graphc.optimize.facts.bits import NAMES
from graphc.optimize.facts.facts import Facts, facts_of
from tests.optimize.matrices import EYE, A, F, grown, i, s, v, values_for

B = gx.input("B", (4, 3), F)
T = gx.input("T", (2, 4, 4), F)
N = gx.input("N", ("n", "n"), F)
w = gx.input("w", ("n",), F)
L = gx.linalg

#: What is built, and the facts that are derived of it: those that imply all others.
DERIVED: list[tuple[str, Callable[[], Node], set[str]]] = [
    ("eye", lambda: EYE, {"identity"}),
    ("eye of a named size", lambda: gx.eye("n", dtype=F), {"identity"}),
    ("eye beside the diagonal", lambda: gx.eye(4, k=1, dtype=F), {"upper_triangular", "one_hot"}),
    ("eye, wide", lambda: gx.eye(4, 5, dtype=F), {"diagonal", "one_hot"}),
    ("diag", lambda: gx.diag(v), {"diagonal"}),
    ("diag of a named size", lambda: gx.diag(w), {"diagonal"}),
    ("diag beside the diagonal", lambda: gx.diag(v, 1), set()),
    ("diag of positive", lambda: gx.diag(gx.exp(v)), {"diagonal", "positive_definite"}),
    ("diag of squares", lambda: gx.diag(v * v), {"diagonal", "positive_semidefinite"}),
    ("eye times rows", lambda: EYE * v, {"diagonal"}),
    ("eye times columns", lambda: v[:, None] * EYE, {"diagonal"}),
    ("diag @ diag", lambda: gx.diag(v) @ gx.diag(2.0 * v), {"diagonal"}),
    ("diag + diag", lambda: gx.diag(v) + 2.0 * EYE, {"diagonal"}),
    ("diag - dense", lambda: gx.diag(v) - A, set()),
    ("diag + number", lambda: gx.diag(v) + 1.0, {"symmetric"}),
    ("inverse of diag", lambda: L.inv(gx.diag(v)), {"diagonal"}),
    ("tril", lambda: gx.tril(A), {"lower_triangular"}),
    ("tril, one above", lambda: gx.tril(A, 1), set()),
    ("tril, one below", lambda: gx.tril(A, -1), {"lower_triangular"}),
    ("triu", lambda: gx.triu(T), {"upper_triangular"}),
    ("triu, one below", lambda: gx.triu(A, -1), set()),
    ("both triangles", lambda: gx.triu(gx.tril(A)), {"diagonal"}),
    ("tril of a named size", lambda: gx.tril(N), {"lower_triangular"}),
    ("transpose of tril", lambda: gx.tril(A).T, {"upper_triangular"}),
    ("tril @ tril", lambda: gx.tril(A) @ gx.tril(A), {"lower_triangular"}),
    ("tril @ triu", lambda: gx.tril(A) @ gx.triu(A), set()),
    ("tril + triu", lambda: gx.tril(A) + gx.triu(A), set()),
    ("relu(tril)", lambda: gx.relu(gx.tril(A)), {"lower_triangular", "non_negative"}),
    ("exp(tril)", lambda: gx.exp(gx.tril(A)), {"positive"}),
    ("inverse of tril", lambda: L.inv(gx.tril(A)), {"lower_triangular"}),
    ("cholesky", lambda: L.cholesky(A), {"lower_triangular"}),
    ("R of qr", lambda: L.qr(B).R, {"upper_triangular"}),
    ("A + A'", lambda: A + A.T, {"symmetric"}),
    ("A - A'", lambda: A - A.T, set()),
    ("A * A'", lambda: A * A.T, {"symmetric"}),
    ("stack + its transposes", lambda: T + T.mT, {"symmetric"}),
    ("exp(A + A')", lambda: gx.exp(A + A.T), {"symmetric", "positive"}),
    ("inverse of symmetric", lambda: L.inv(A + A.T), {"symmetric"}),
    ("symmetric @ symmetric", lambda: (A + A.T) @ (A + A.T), {"positive_semidefinite"}),
    ("v v'", lambda: L.outer(v, v), {"positive_semidefinite"}),
    ("v_i + v_j", lambda: v[:, None] + v, {"symmetric"}),
    ("v_i - v_j", lambda: v[:, None] - v, set()),
    ("A A'", lambda: A @ A.T, {"positive_semidefinite"}),
    ("B' B", lambda: B.T @ B, {"positive_semidefinite"}),
    ("B' A", lambda: B.T @ A, set()),
    ("A A", lambda: A @ A, set()),
    ("A A' / 4 + e^s I", lambda: A @ A.T / 4 + gx.exp(s) * EYE, {"positive_definite"}),
    ("A A' + s I", lambda: A @ A.T + s * EYE, {"symmetric"}),
    ("A A' - I", lambda: A @ A.T - EYE, {"symmetric"}),
    ("named A A' + I", lambda: N @ N.T + gx.eye("n", dtype=F), {"positive_definite"}),
    ("A D A', D >= 0", lambda: A @ gx.diag(v * v) @ A.T, {"positive_semidefinite"}),
    ("A (D A'), D >= 0", lambda: A @ (gx.diag(v * v) @ A.T), {"positive_semidefinite"}),
    ("A D A', any D", lambda: A @ gx.diag(v) @ A.T, set()),
    ("L L'", lambda: L.cholesky(A) @ L.cholesky(A).T, {"positive_definite"}),
    ("inverse of definite", lambda: L.inv(A @ A.T + EYE), {"positive_definite"}),
    ("sum over a stack", lambda: gx.sum(T @ T.mT, 0), {"positive_semidefinite"}),
    ("sum over rows", lambda: gx.sum(T @ T.mT, 1), set()),
    ("-definite", lambda: -(A @ A.T + EYE), {"symmetric"}),
    ("Schur's product", lambda: (A @ A.T + EYE) * (A @ A.T + EYE), {"positive_definite"}),
    ("Q of a square", lambda: L.qr(A).Q, {"orthogonal"}),
    ("Q of a tall matrix", lambda: L.qr(B).Q, {"orthonormal_columns"}),
    ("Q' of a tall matrix", lambda: L.qr(B).Q.T, set()),
    ("eigenvectors", lambda: L.eigh(A).eigenvectors, {"orthogonal"}),
    ("Q' Q", lambda: L.qr(B).Q.T @ L.qr(B).Q, {"identity"}),
    ("Q Q'", lambda: L.qr(B).Q @ L.qr(B).Q.T, {"positive_semidefinite"}),
    ("Q Q", lambda: L.qr(A).Q @ L.eigh(A).eigenvectors, {"orthogonal"}),
    ("Q + Q", lambda: L.qr(A).Q + L.qr(A).Q, set()),
    ("one_hot", lambda: gx.one_hot(i, 5, dtype=F), {"one_hot"}),
    ("one_hot along columns", lambda: gx.one_hot(i, 5, dtype=F, axis=0), set()),
    ("ones", lambda: gx.ones((3, 3), dtype=F), {"symmetric", "uniform", "positive"}),
    ("A @ zeros", lambda: A @ gx.zeros((4, 3), dtype=F), {"zero", "diagonal"}),
    ("constant", lambda: gx.constant([[2.0, 1.0], [1.0, 2.0]]), {"positive_definite", "positive"}),
    ("indefinite", lambda: gx.constant([[1.0, 2.0], [2.0, 1.0]]), {"symmetric", "positive"}),
    ("cut to integers", lambda: gx.cast(A @ A.T + EYE, "int32"), {"symmetric"}),
    ("complex A A'", lambda: gx.complex(A, A) @ gx.complex(A, A).T, set()),
    ("dense", lambda: A, set()),
    ("said", lambda: gx.assume(A, "positive_definite"), {"positive_definite"}),
    ("said, transposed", lambda: gx.assume(A, "lower_triangular").T, {"upper_triangular"}),
    ("said + A A'", lambda: gx.assume(A, "positive_definite") + A @ A.T, {"positive_definite"}),
]
#: Facts that others of the list below imply or that say nothing of structure there.
QUIET = {"uniform", "non_negative", "positive_semidefinite"}


@pytest.mark.parametrize(
    ("build", "facts"), [row[1:] for row in DERIVED], ids=[row[0] for row in DERIVED]
)
def test_facts_are_derived(build: Callable[[], Node], facts: set[str]) -> None:
    found = set(facts_of(build()))
    if "zero" in facts:
        found -= QUIET
    assert found - ({"non_negative"} - facts) == facts


# -- every fact is true ----------------------------------------------------------------------------


def _true(name: str, x: Any) -> bool:
    """Tells by NumPy whether a fact holds of an array, up to rounding."""
    x = x.astype(np.float64)
    size = max(float(np.max(np.abs(x), initial=0.0)), 1.0)
    near = 1e-9 * size
    swapped = np.swapaxes(x, -1, -2) if x.ndim > 1 else x
    if name in ("positive", "non_negative"):
        return bool(np.all(x >= -near))
    if name in ("zero", "uniform"):
        return bool(np.all(x == (0 if name == "zero" else x.flat[0])))
    if name == "lower_triangular":
        return bool(np.all(np.abs(np.triu(x, 1)) <= near))
    if name == "upper_triangular":
        return bool(np.all(np.abs(np.tril(x, -1)) <= near))
    if name == "diagonal":
        return _true("lower_triangular", x) and _true("upper_triangular", x)
    if name == "identity":
        return bool(np.all(np.abs(x - np.eye(x.shape[-1])) <= near))
    if name == "symmetric":
        return bool(np.all(np.abs(x - swapped) <= near))
    if name in ("positive_definite", "positive_semidefinite"):
        least = np.min(np.linalg.eigvalsh((x + swapped) / 2))
        return _true("symmetric", x) and bool(least > (-near))
    if name in ("orthogonal", "orthonormal_columns"):
        return _true("identity", swapped @ x)
    assert name == "one_hot"
    alike = np.minimum(np.abs(x), np.abs(x - 1)) <= near
    return bool(np.all(alike) and np.all(np.sum(x, axis=-1) <= 1 + near))


def _check_all(root: Node, values: dict[str, Any]) -> int:
    """Asserts that what is derived of every node below a root is true, and counts."""
    nodes = [n for n in topological_order([root]) if hasattr(n.type, "shape") and n.ndim >= 2]
    facts, count = Facts(), 0
    for node, value in zip(nodes, gx.evaluate(nodes, values), strict=True):
        if not np.all(np.isfinite(value)) or not value.size:
            continue
        for name, bits in NAMES.items():
            if facts.holds(node, bits):
                count += 1
                assert _true(name, np.asarray(value)), f"{node!r} is not {name}"
    return count


#: Those whose words are about values that the random ones below need not have.
EVALUATED = [
    row[:2]
    for row in DERIVED
    if not row[0].startswith(("said", "complex", "L L'", "cholesky", "cut to", "eye of"))
]


@pytest.mark.parametrize("build", [row[1] for row in EVALUATED], ids=[row[0] for row in EVALUATED])
@pytest.mark.parametrize("seed", range(3))
def test_facts_of_the_table_are_true(build: Callable[[], Node], seed: int) -> None:
    root = build()
    _check_all(root, values_for([root], seed))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("seed", range(60))
def test_facts_of_random_expressions_are_true(seed: int) -> None:
    root = grown(np.random.default_rng(seed), 12)
    assert _check_all(root, values_for([root], seed)) > 10


# -- what is said ----------------------------------------------------------------------------------


def test_assume_is_its_operand_with_its_derivatives() -> None:
    made = gx.sum(gx.assume(A * A, "non_negative") * A)
    values = {"A": np.random.default_rng(0).normal(size=(4, 4))}
    found = gx.evaluate([made, gx.grad(made, A), gx.jvp(made, A, gx.ones((4, 4), dtype=F))], values)
    assert found[0] == np.sum(values["A"] ** 3)
    np.testing.assert_allclose(found[1], 3 * values["A"] ** 2)
    np.testing.assert_allclose(found[2], np.sum(3 * values["A"] ** 2))


def test_what_is_said_twice_is_said_once() -> None:
    once = gx.assume(A, "symmetric", "positive_definite")
    assert gx.assume(gx.assume(A, "positive_definite"), "symmetric", "symmetric") is once
    assert once.params["facts"] == ("positive_definite", "symmetric")


def test_assume_costs_nothing_under_xla() -> None:
    plain = gx.compile(gx.sum(gx.sin(A)), optimize=False)
    said = gx.compile(gx.sum(gx.sin(gx.assume(A, "symmetric"))), optimize=False)
    spec = {"A": np.zeros((4, 4))}
    texts = [jax.jit(c.function).lower(spec).compile().as_text() for c in (plain, said)]
    counts = [str(text).count(" = ") for text in texts]
    assert counts[0] == counts[1]


def test_assume_outlives_saving(tmp_path: Any) -> None:
    made = gx.assume(A, "positive_definite", "symmetric")
    gx.save(tmp_path / "graph.json", made)
    assert gx.load(tmp_path / "graph.json") is made


#: What is said, a value of which it is false, and the element that is told.
FALSE: list[tuple[str, Any, str]] = [
    ("symmetric", [[1.0, 2.0], [3.0, 1.0]], "element [0,1] is 2 and element [1,0] is 3"),
    ("positive_definite", [[1.0, 2.0], [2.0, 1.0]], "the smallest eigenvalue is -1"),
    ("positive_definite", [[1.0, 2.0], [0.0, 1.0]], "element [0,1] is 2 and element [1,0] is 0"),
    ("positive_semidefinite", [[1.0, 2.0], [2.0, 1.0]], "the smallest eigenvalue is -1"),
    ("diagonal", [[1.0, 0.0], [0.5, 1.0]], "element [1,0] is 0.5, not 0"),
    ("lower_triangular", [[1.0, 0.25], [0.0, 1.0]], "element [0,1] is 0.25, not 0"),
    ("upper_triangular", [[1.0, 0.0], [0.25, 1.0]], "element [1,0] is 0.25, not 0"),
    ("orthogonal", [[1.0, 0.0], [0.0, 2.0]], "columns 1 and 1 have the product 4, not 1"),
    ("one_hot", [[0.0, 1.0], [1.0, 1.0]], "the row [1,:] has 2 ones"),
    ("one_hot", [[0.0, 1.0], [0.0, 0.0]], "the row [1,:] has 0 ones"),
    ("one_hot", [[0.0, 1.0], [0.5, 0.5]], "element [1,0] is 0.5, neither 0 nor 1"),
    ("positive", [[1.0, 2.0], [0.0, 1.0]], "element [1,0] is 0"),
    ("non_negative", [[1.0, 2.0], [-3.0, 1.0]], "element [1,0] is -3"),
]
X = gx.input("X", (2, 2), F)


@pytest.mark.parametrize(("fact", "value", "words"), FALSE, ids=[f"{r[0]}: {r[2]}" for r in FALSE])
def test_debug_tells_what_is_falsely_said(fact: str, value: Any, words: str) -> None:
    said = gx.assume(X, fact)
    with pytest.raises(gx.StructureError) as caught:
        gx.debug(gx.sum(said), X=value)
    text = str(caught.value)
    assert words in text, text
    assert "test_facts.py:" in text, text
    assert fact in text, text


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("symmetric", np.array([[1.0, 2.0], [2.0 + 1e-15, 1.0]])),
        ("positive_definite", np.array([[2.0, 1.0], [1.0, 2.0]])),
        ("positive_semidefinite", np.array([[1.0, 1.0], [1.0, 1.0]])),
        ("orthogonal", np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])),
        ("one_hot", np.eye(2)),
        ("diagonal", np.eye(2)),
        ("positive", np.full((2, 2), 1e-300)),
        ("non_negative", np.zeros((2, 2))),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_debug_is_silent_about_what_is_true(fact: str, value: Any) -> None:
    assert gx.debug(gx.sum(gx.assume(X, fact)), X=value).ok


def test_false_facts_are_collected_where_debug_goes_on() -> None:
    report = gx.debug(gx.sum(gx.assume(X, "symmetric")), X=[[1.0, 2.0], [3.0, 1.0]], checked=False)
    assert [f.kind for f in report.failures] == ["StructureError"]


def test_one_matrix_of_a_stack_is_named() -> None:
    said = gx.assume(gx.input("Z", (2, 2, 2), F), "positive_definite")
    with pytest.raises(gx.StructureError, match=r"smallest eigenvalue of matrix \[1\] is -1"):
        gx.debug(gx.sum(said), Z=[[[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]])
