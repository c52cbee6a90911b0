"""Gradients of linear algebra where they are delicate: singular and repeated cases, any order."""

from __future__ import annotations

import functools
import itertools
import math
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx
from graphc.backends.mpmath import MpNamespace
from graphc.backends.run import run

linalg = gx.linalg
A3 = gx.input("A", (3, 3), "float64")
I3 = np.eye(3)


def values_of(nodes: Any, **given: Any) -> list[np.ndarray[Any, Any]]:
    """Returns the nodes' values by NumPy, after XLA has given the same."""
    listed = nodes if isinstance(nodes, list) else [nodes]
    found = gx.evaluate(listed, given)
    for left, right in zip(found, gx.compile(listed)(given), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-11)
    return found


# -- det: a polynomial, by exact fractions ---------------------------------------------------------


def exact_det(matrix: list[list[Fraction]]) -> Fraction:
    """Returns the determinant as the sum over permutations."""
    n = len(matrix)
    total = Fraction(0)
    for order in itertools.permutations(range(n)):
        sign = (-1) ** sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n))
        total += sign * math.prod((matrix[i][order[i]] for i in range(n)), start=Fraction(1))
    return total


def exact_slope(matrix: list[list[Fraction]], places: list[tuple[int, int]]) -> Fraction:
    """Returns the derivative of det by elements: det is linear in each, so minors are left."""
    if not places:
        return exact_det(matrix)
    (i, j), *rest = places
    if any(p == i or q == j for p, q in rest):
        return Fraction(0)
    moved = [[Fraction(int(c == j)) if r == i else x for c, x in enumerate(row)]
             for r, row in enumerate(matrix)]  # fmt: skip
    for r, row in enumerate(moved):
        if r != i:
            row[j] = Fraction(0)
    return exact_slope(moved, rest)


RANKS = {
    3: [[2.0, 1.0, 0.0], [1.0, -3.0, 4.0], [0.0, 5.0, 1.0]],
    2: [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
    1: [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [-1.0, -2.0, -3.0]],
    0: [[0.0] * 3] * 3,
}


@pytest.mark.parametrize("rank", RANKS)
def test_det_has_its_three_derivatives_at_every_rank(rank: int) -> None:
    matrix = RANKS[rank]
    exact = [[Fraction(x) for x in row] for row in matrix]
    places = list(itertools.product(range(3), repeat=2))
    slope = gx.grad(linalg.det(A3), A3)
    second = gx.jacobian(slope, A3)
    third = gx.grad(second[0, 0, 1, 1], A3)
    found = values_of([slope, second, third], A=matrix)
    for p in places:
        assert abs(found[0][p] - float(exact_slope(exact, [p]))) < 1e-12
        for q in places:
            assert abs(found[1][(*p, *q)] - float(exact_slope(exact, [p, q]))) < 1e-12
        assert abs(found[2][p] - float(exact_slope(exact, [(0, 0), (1, 1), p]))) < 1e-12
    fourth = gx.grad(third[2, 2], A3, unreachable="zero")
    assert not gx.evaluate([fourth, A3], A=matrix)[0].any()


def test_det_forward_and_reverse_agree_where_jax_gives_zero() -> None:
    x = gx.input("A", (4, 4), "float64")
    matrix = np.diag([1.0, 2.0, 0.0, 0.0])
    second = gx.hessian(linalg.det(x), x)
    assert gx.evaluate(second, A=matrix)[2, 2, 3, 3] == 2.0
    assert np.asarray(jax.hessian(jnp.linalg.det)(matrix))[2, 2, 3, 3] == 0.0
    bent = gx.hvp(linalg.det(x), x, np.ones((4, 4)))
    summed = np.einsum("ijkl->ij", gx.evaluate(second, A=matrix))
    np.testing.assert_allclose(gx.evaluate(bent, A=matrix), summed, atol=1e-14)


def test_cofactors_of_a_nearly_singular_matrix_keep_their_digits() -> None:
    near = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0 + 1e-13]])
    slope = values_of(gx.grad(linalg.det(A3), A3), A=near)[0]
    exact = [[Fraction(x) for x in row] for row in near.tolist()]
    for p in itertools.product(range(3), repeat=2):
        assert abs(slope[p] - float(exact_slope(exact, [p]))) < 1e-13


def test_slogdet_of_a_singular_matrix_is_minus_infinity_with_no_finite_slope() -> None:
    singular = np.ones((3, 3))
    sign, log = linalg.slogdet(A3)
    found = gx.evaluate([sign, log, gx.grad(log, A3)], A=singular)
    assert found[0] == 0 and found[1] == -np.inf
    assert not np.isfinite(found[2]).any()


def test_slogdet_of_a_huge_matrix_does_not_overflow() -> None:
    sign, log = linalg.slogdet(A3)
    found = values_of([sign, log], A=-1e200 * I3)
    assert found[0] == -1 and abs(found[1] - 3 * math.log(1e200)) < 1e-12


# -- repeated eigenvalues and singular values ------------------------------------------------------


@pytest.mark.parametrize("power", [1, 2, 3])
def test_sum_of_powers_of_repeated_eigenvalues_has_its_gradient(power: int) -> None:
    total = gx.sum(linalg.eigvalsh(A3) ** power)
    for matrix in (I3 * 2.0, np.diag([2.0, 2.0, -1.0])):
        expected = power * np.linalg.matrix_power(matrix, power - 1)
        np.testing.assert_allclose(values_of(gx.grad(total, A3), A=matrix)[0], expected, atol=1e-14)
        forward = gx.grad(total, A3, engine="forward")
        np.testing.assert_allclose(gx.evaluate(forward, A=matrix), expected, atol=1e-14)


WEIGHT = np.arange(1.0, 10.0).reshape(3, 3)


@functools.cache
def spectral_slopes() -> tuple[list[gx.Node], Any]:
    """Returns the gradients of sum(WEIGHT * exp((A + A^T) / 2)), written twice, and their XLA."""
    known = gx.grad(gx.sum(linalg.spectral(gx.exp, A3) * WEIGHT), A3)
    by_block = gx.grad(gx.sum(linalg.expm((A3 + A3.mT) / 2.0) * WEIGHT), A3)
    return [known, by_block], gx.compile([known, by_block])


def spectral_truth(weight: Any, matrix: Any, step: str = "1e-20") -> Any:
    """Returns the gradient of sum(weight * exp((A + A^T) / 2)) by differences at 80 digits."""
    half = (A3 + A3.mT) / 2.0
    output = gx.sum(linalg.expm(half) * weight)
    xp = MpNamespace(80)
    h = xp.context.mpf(step)
    slopes = np.zeros((3, 3))
    for place in np.ndindex(3, 3):
        ends: list[Any] = []
        for sign in (1, -1):
            moved = xp.convert(matrix)
            moved[place] = moved[place] + sign * h
            ends.append(run([output], {A3: moved}, xp)[0].item())
        slopes[place] = float((ends[0] - ends[1]) / (2 * h))
    return slopes


@pytest.mark.parametrize("matrix", [I3, np.diag([1.0, 1.0, 2.0]), np.zeros((3, 3)),
                                    np.diag([1.0, 1.0 + 1e-9, 1.0 + 1e-5])],
                         ids=["all", "two", "zero", "close"])  # fmt: skip
def test_spectral_functions_are_right_at_repeated_and_close_eigenvalues(matrix: Any) -> None:
    nodes, compiled = spectral_slopes()
    turn = np.linalg.qr(np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0], [2.0, 0.0, 1.0]]))[0]
    for base in (matrix, (turn @ matrix @ turn.T + (turn @ matrix @ turn.T).T) / 2):
        truth = spectral_truth(WEIGHT, base)
        for known, by_block in (gx.evaluate(nodes, A=base), compiled(A=base)):
            np.testing.assert_allclose(known, truth, rtol=1e-11, atol=1e-11)
            np.testing.assert_allclose(by_block, truth, rtol=1e-13, atol=1e-13)


def test_second_derivatives_of_spectral_functions_are_right_at_the_identity() -> None:
    weight = np.arange(1.0, 10.0).reshape(3, 3)
    by_values = gx.hessian(gx.sum(linalg.spectral(gx.exp, A3) * weight), A3)
    by_block = gx.hessian(gx.sum(linalg.expm((A3 + A3.mT) / 2.0) * weight), A3)
    found = values_of([by_values, by_block], A=I3)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-11, atol=1e-11)
    square = gx.hessian(gx.sum(linalg.spectral(gx.square, A3) * weight), A3)
    half = (A3 + A3.mT) / 2.0
    product = gx.hessian(gx.sum(half @ half * weight), A3)
    found = values_of([square, product], A=2.0 * I3)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-12)


def test_vectors_of_a_repeated_eigenvalue_have_no_derivative_and_say_so() -> None:
    w, v = linalg.eigh(A3)
    rebuilt = gx.sum((v * w[None, :]) @ v.mT * np.arange(9.0).reshape(3, 3))
    for matrix in (I3, np.zeros((3, 3)), np.diag([1.0, 1.0, 2.0])):
        assert np.isnan(gx.evaluate(gx.grad(rebuilt, A3), A=matrix)).any()
        assert np.isnan(gx.evaluate(gx.jvp(rebuilt, A3, np.ones((3, 3))), A=matrix))


def test_vector_of_a_simple_eigenvalue_has_its_derivative_beside_repeated_ones() -> None:
    w, v = linalg.eigh(A3)
    weight = np.arange(9.0).reshape(3, 3)
    lead = gx.sum(v[:, 2:] @ v[:, 2:].mT * weight) + w[2]
    matrix = np.diag([1.0, 1.0, 2.0])
    # The projector turns by E_i3 / (w3 - wi).
    expected = np.zeros((3, 3))
    for i in (0, 1):
        share = (weight[i, 2] + weight[2, i]) / 2
        expected[i, 2] = expected[2, i] = share
    expected[2, 2] = 1.0
    np.testing.assert_allclose(values_of(gx.grad(lead, A3), A=matrix)[0], expected, atol=1e-14)


def test_singular_values_alone_are_differentiated_at_repeated_ones() -> None:
    turn = np.linalg.qr(np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0], [2.0, 0.0, 1.0]]))[0]
    slope = gx.grad(linalg.matrix_norm(A3, ord="nuc"), A3)
    np.testing.assert_allclose(values_of(slope, A=3.0 * turn)[0], turn, atol=1e-14)
    np.testing.assert_allclose(
        values_of(gx.grad(linalg.matrix_norm(A3, ord=2), A3), A=I3)[0], I3 / 3, atol=1e-14
    )


def test_svd_vectors_are_refused_where_they_have_no_derivative() -> None:
    u, s, vh = linalg.svd(A3, full_matrices=False)
    rebuilt = gx.sum((u * s[None, :]) @ vh * np.arange(9.0).reshape(3, 3))
    for matrix in (I3, np.zeros((3, 3))):
        assert not np.isfinite(gx.evaluate(gx.grad(rebuilt, A3), A=matrix)).all()


def test_svd_rebuilds_its_matrix_with_the_gradient_of_the_identity() -> None:
    for shape in ((4, 3), (3, 4), (3, 3)):
        x = gx.input("x", shape, "float64")
        u, s, vh = linalg.svd(x, full_matrices=False)
        weight = np.random.default_rng(3).normal(size=shape)
        slope = gx.grad(gx.sum((u * s[None, :]) @ vh * weight), x)
        point = np.random.default_rng(4).normal(size=shape)
        np.testing.assert_allclose(values_of(slope, x=point)[0], weight, rtol=1e-11, atol=1e-12)


def test_full_vectors_give_a_gradient_error_where_they_are_used() -> None:
    x = gx.input("x", (3, 2), "float64")
    u, s, _ = linalg.svd(x)
    q, r = linalg.qr(x, mode="complete")
    for used in (u, q):
        with pytest.raises(gx.GradError, match="any basis of what is left"):
            gx.grad(gx.sum(used), x)
    point = np.array([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]])
    assert np.isfinite(gx.evaluate(gx.grad(gx.sum(s) + gx.sum(r * r), x), x=point)).all()


# -- norms at 0, powers, least squares -------------------------------------------------------------


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, 2, -1, -2, math.inf, -math.inf])
def test_matrix_norms_have_slope_0_at_0(ord: Any) -> None:
    slope = gx.grad(linalg.matrix_norm(A3, ord=ord), A3)
    assert np.array_equal(values_of(slope, A=np.zeros((3, 3)))[0], np.zeros((3, 3)))


@pytest.mark.parametrize("ord", [1, 1.5, 2, 3, math.inf])
def test_vector_norms_have_slope_0_at_0(ord: float) -> None:
    v = gx.input("v", (3,), "float64")
    slope = gx.grad(linalg.vector_norm(v, ord=ord), v)
    assert np.array_equal(values_of(slope, v=np.zeros(3))[0], np.zeros(3))


def test_least_squares_of_less_than_full_rank_has_the_derivative_along_that_rank() -> None:
    left = gx.input("p", (4, 2), "float64")
    right = gx.input("q", (2, 3), "float64")
    b = np.array([1.0, -2.0, 0.5, 3.0])
    found = linalg.lstsq(left @ right, b, rcond=1e-9)
    rng = np.random.default_rng(5)
    point = {"p": rng.normal(size=(4, 2)), "q": rng.normal(size=(2, 3))}
    total = gx.sum(found.x * np.arange(1.0, 4.0))
    assert gx.evaluate(found.rank, point) == 2
    slope = gx.evaluate(gx.grad(total, left), point)
    xp = MpNamespace(60)
    h = xp.context.mpf("1e-20")
    for place in np.ndindex(4, 2):
        ends: list[Any] = []
        for sign in (1, -1):
            moved = {left: xp.convert(point["p"]), right: xp.convert(point["q"])}
            moved[left][place] = moved[left][place] + sign * h
            ends.append(run([total], moved, xp)[0].item())
        assert abs(slope[place] - float((ends[0] - ends[1]) / (2 * h))) < 1e-12


def test_exponential_of_a_huge_gradient_keeps_its_digits() -> None:
    x = gx.input("x", (2, 2), "float64")
    point = np.array([[0.1, 2.0], [-1.0, 0.3]])
    plain = gx.evaluate(gx.grad(gx.sum(linalg.expm(x)), x), x=point)
    scaled = gx.evaluate(gx.grad(1e200 * gx.sum(linalg.expm(x)), x), x=point)
    np.testing.assert_allclose(scaled, plain * 1e200, rtol=1e-14)


# -- against JAX on random matrices ----------------------------------------------------------------

REFEREE: dict[str, tuple[Any, Any, tuple[int, ...]]] = {
    "solve": (
        lambda a: gx.sum(linalg.solve(a, np.arange(1.0, 5.0)) ** 2),
        lambda a: jnp.sum(jnp.linalg.solve(a, jnp.arange(1.0, 5.0)) ** 2),
        (4, 4),
    ),
    "inv": (
        lambda a: gx.sum(linalg.inv(a) ** 3), lambda a: jnp.sum(jnp.linalg.inv(a) ** 3), (4, 4)
    ),
    "det": (linalg.det, jnp.linalg.det, (4, 4)),
    "slogdet": (
        lambda a: linalg.slogdet(a).logabsdet, lambda a: jnp.linalg.slogdet(a)[1], (4, 4)
    ),
    "cholesky": (
        lambda a: gx.sum(linalg.cholesky(a @ a.mT + a) ** 3),
        lambda a: jnp.sum(jnp.linalg.cholesky(a @ a.T + a) ** 3),
        (4, 4),
    ),
    "qr": (
        lambda a: gx.sum(linalg.qr(a).Q ** 3) + gx.sum(linalg.qr(a).R ** 3),
        lambda a: sum(jnp.sum(x**3) for x in jnp.linalg.qr(a)),
        (5, 3),
    ),
    "eigh": (
        lambda a: gx.sum(linalg.eigh(a).eigenvectors ** 4 * linalg.eigh(a).eigenvalues),
        lambda a: jnp.sum(jnp.linalg.eigh(a)[1] ** 4 * jnp.linalg.eigh(a)[0]),
        (4, 4),
    ),
    "svd": (
        lambda a: gx.sum(linalg.svd(a, full_matrices=False).U ** 4 * linalg.svdvals(a)),
        lambda a: jnp.sum(
            jnp.linalg.svd(a, full_matrices=False)[0] ** 4 * jnp.linalg.svd(a, compute_uv=False)
        ),
        (5, 3),
    ),
    "pinv": (
        lambda a: gx.sum(linalg.pinv(a) ** 3), lambda a: jnp.sum(jnp.linalg.pinv(a) ** 3), (5, 3)
    ),
    "expm": (
        lambda a: gx.sum(linalg.expm(a) ** 2),
        lambda a: jnp.sum(jax.scipy.linalg.expm(a) ** 2),
        (4, 4),
    ),
    "matrix_power": (
        lambda a: gx.sum(linalg.matrix_power(a, 5)) + gx.sum(linalg.matrix_power(a, -2)),
        lambda a: jnp.sum(jnp.linalg.matrix_power(a, 5)) + jnp.sum(jnp.linalg.matrix_power(a, -2)),
        (3, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFEREE)
def test_gradient_is_jaxs_on_random_matrices(name: str) -> None:
    ours, theirs, shape = REFEREE[name]
    x = gx.input("x", shape, "float64")
    rng = np.random.default_rng(11)
    point = rng.normal(size=shape) + 3.0 * np.eye(*shape)
    slope = values_of(gx.grad(ours(x), x), x=point)[0]
    expected = np.asarray(jax.jit(jax.grad(theirs))(point))
    np.testing.assert_allclose(slope, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["solve", "svd"])
def test_check_agrees_and_compiled_code_has_jaxs_gradient(name: str) -> None:
    ours, _, shape = REFEREE[name]
    x = gx.input("x", shape, "float64")
    point = np.random.default_rng(12).normal(size=shape) + 3.0 * np.eye(*shape)
    assert gx.check(gx.Problem(ours(x), {"x": point}), ("reverse", "jax")).agreed
    step = gx.compile(ours(x))
    inside = jax.grad(lambda value: step(x=value))(jnp.asarray(point))
    np.testing.assert_allclose(
        inside, gx.evaluate(gx.grad(ours(x), x), x=point), rtol=1e-10, atol=1e-10
    )
