"""Values of linear algebra against NumPy and SciPy; edges, named sizes, files, pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import graphc as gx

linalg = gx.linalg
RNG = np.random.default_rng(8)
BATCH = RNG.normal(size=(2, 4, 4)) + 3 * np.eye(4)
TALL, WIDE = RNG.normal(size=(2, 5, 3)), RNG.normal(size=(2, 3, 5))
VECTOR, COLUMNS = RNG.normal(size=4), RNG.normal(size=(2, 4, 3))


def value(node: Any, *arrays: Any) -> Any:
    """Returns what NumPy makes of nodes of the inputs x0, x1, ..., after XLA has given the same."""
    given = {f"x{i}": a for i, a in enumerate(arrays)}
    found = gx.evaluate(node, given)
    for left, right in zip(_flat(found), _flat(gx.compile(node)(given)), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-11)
    return found


def _flat(nest: Any) -> list[Any]:
    return list(nest) if isinstance(nest, (tuple, list)) else [nest]


def inputs(*arrays: Any) -> list[gx.Node]:
    return [gx.input(f"x{i}", np.shape(a), "float64") for i, a in enumerate(arrays)]


ONE_OPERAND: dict[str, tuple[Any, Any, Any]] = {
    "inv": (linalg.inv, np.linalg.inv, BATCH),
    "det": (linalg.det, np.linalg.det, BATCH),
    "pinv": (linalg.pinv, np.linalg.pinv, TALL),
    "pinv-wide": (linalg.pinv, np.linalg.pinv, WIDE),
    "svdvals": (linalg.svdvals, lambda a: np.linalg.svd(a, compute_uv=False), TALL),
    "eigvalsh": (linalg.eigvalsh, lambda a: np.linalg.eigvalsh((a + a.mT) / 2), BATCH),
    "expm": (linalg.expm, scipy.linalg.expm, BATCH),
    "power": (lambda a: linalg.matrix_power(a, 5), lambda a: np.linalg.matrix_power(a, 5), BATCH),
    "power-0": (lambda a: linalg.matrix_power(a, 0) + a * 0.0, lambda a: a * 0 + np.eye(4), BATCH),
    "power--3": (
        lambda a: linalg.matrix_power(a, -3), lambda a: np.linalg.matrix_power(a, -3), BATCH
    ),
    "rank": (linalg.matrix_rank, np.linalg.matrix_rank, np.stack([np.ones((3, 3)), np.eye(3)])),
    "trace": (linalg.trace, lambda a: np.trace(a, axis1=-2, axis2=-1), WIDE),
    "trace-2": (
        lambda a: linalg.trace(a, offset=2), lambda a: np.trace(a, 2, axis1=-2, axis2=-1), WIDE
    ),
    "diagonal--1": (
        lambda a: linalg.diagonal(a, offset=-1), lambda a: np.diagonal(a, -1, -2, -1), TALL
    ),
    "diagonal-9": (
        lambda a: linalg.diagonal(a, offset=9), lambda a: np.diagonal(a, 9, -2, -1), TALL
    ),
    "sqrt": (
        lambda a: linalg.spectral(gx.sqrt, a @ a.mT), lambda a: np.stack(
            [scipy.linalg.sqrtm(m @ m.T) for m in a]), BATCH,
    ),
    "log": (
        lambda a: linalg.spectral(gx.log, a @ a.mT), lambda a: np.stack(
            [scipy.linalg.logm(m @ m.T) for m in a]), BATCH,
    ),
    **{
        f"cond-{p}": (lambda a, p=p: linalg.cond(a, p), lambda a, p=p: np.linalg.cond(a, p), BATCH)
        for p in (None, 2, -2, 1, -1, math.inf, -math.inf, "fro", "nuc")
    },
    **{
        f"norm-{o}": (
            lambda a, o=o: linalg.matrix_norm(a, ord=o),
            lambda a, o=o: np.linalg.norm(a, o, axis=(-2, -1)),
            TALL,
        )
        for o in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)
    },
    **{
        f"vector-{o}": (
            lambda a, o=o: linalg.vector_norm(a, ord=o, axis=-1, keepdims=True),
            lambda a, o=o: np.linalg.norm(a, o, axis=-1, keepdims=True),
            TALL,
        )
        for o in (2, 1, 3.5, math.inf, -math.inf, 0, 0.5, -1)
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_OPERAND)
def test_value_is_numpys_or_scipys(name: str) -> None:
    own, reference, array = ONE_OPERAND[name]
    found = value(own(*inputs(array)), array)
    expected = reference(array)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
    assert found.shape == np.shape(expected)


def test_vector_norm_over_all_axes_is_that_of_all_elements() -> None:
    (x,) = inputs(TALL)
    found = value([linalg.vector_norm(x), linalg.vector_norm(x, axis=(0, 2))], TALL)
    assert abs(found[0] - np.linalg.norm(TALL.ravel())) < 1e-14
    np.testing.assert_allclose(found[1], np.sqrt((TALL**2).sum((0, 2))), rtol=1e-14)


def test_solve_takes_vectors_columns_and_stacks() -> None:
    a, b = inputs(BATCH, COLUMNS)
    np.testing.assert_allclose(
        value(linalg.solve(a, b), BATCH, COLUMNS), np.linalg.solve(BATCH, COLUMNS), rtol=1e-12
    )
    found = gx.evaluate(linalg.solve(a, VECTOR), x0=BATCH)
    np.testing.assert_allclose(np.einsum("bij,bj->bi", BATCH, found), np.tile(VECTOR, (2, 1)))
    one = gx.input("x0", (4, 4), "float64")
    assert np.allclose(BATCH[0] @ gx.evaluate(linalg.solve(one, VECTOR), x0=BATCH[0]), VECTOR)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_triangular_solve_is_scipys_and_reads_one_triangle(
    lower: bool, transpose: bool, unit: bool
) -> None:
    flags = {"lower": lower, "unit_diagonal": unit}
    a, b = inputs(BATCH, COLUMNS)
    found = value(linalg.triangular_solve(a, b, transpose=transpose, **flags), BATCH, COLUMNS)
    expected = scipy.linalg.solve_triangular(BATCH, COLUMNS, trans=int(transpose), **flags)
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_factorisations_multiply_to_their_matrix() -> None:
    for array in (TALL, WIDE, BATCH):
        (x,) = inputs(array)
        for mode in ("reduced", "complete"):
            q, r = value(tuple(linalg.qr(x, mode=mode)), array)
            expected = np.linalg.qr(array, mode=mode)
            np.testing.assert_allclose(q @ r, array, atol=1e-13)
            np.testing.assert_allclose(r, expected.R, atol=1e-13)
            np.testing.assert_allclose(q, expected.Q, atol=1e-13)
        for full in (False, True):
            u, s, vh = gx.evaluate(tuple(linalg.svd(x, full_matrices=full)), x0=array)
            k = s.shape[-1]
            np.testing.assert_allclose(
                (u[..., :k] * s[..., None, :]) @ vh[..., :k, :], array, atol=1e-13
            )
            for square in (np.swapaxes(u, -1, -2) @ u, vh @ np.swapaxes(vh, -1, -2)):
                np.testing.assert_allclose(
                    square, np.tile(np.eye(square.shape[-1]), (2, 1, 1)), atol=1e-13
                )
            assert u.shape[-1] == (array.shape[-2] if full else k)
            assert vh.shape[-2] == (array.shape[-1] if full else k)
    (x,) = inputs(BATCH)
    lower = value(linalg.cholesky(x @ x.mT), BATCH)
    np.testing.assert_allclose(lower @ lower.mT, BATCH @ BATCH.mT, rtol=1e-12)
    assert not np.triu(lower, 1).any()
    upper = value(linalg.cholesky(x @ x.mT, upper=True), BATCH)
    assert np.array_equal(upper, lower.mT)
    w, v = gx.evaluate(tuple(linalg.eigh(x)), x0=BATCH)
    np.testing.assert_allclose((v * w[:, None, :]) @ v.mT, (BATCH + BATCH.mT) / 2, atol=1e-13)


def test_results_have_names() -> None:
    (x,) = inputs(TALL)
    assert linalg.svd(x)._fields == ("U", "S", "Vh")
    assert linalg.qr(x)._fields == ("Q", "R")
    assert linalg.eigh(x.mT @ x)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.slogdet(x.mT @ x)._fields == ("sign", "logabsdet")


def test_least_squares_is_numpys() -> None:
    b = RNG.normal(size=(5, 2))
    x = gx.input("x0", (5, 3), "float64")
    found = value(tuple(linalg.lstsq(x, b)), TALL[0])
    expected = np.linalg.lstsq(TALL[0], b)
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12)
    flat = value(tuple(linalg.lstsq(x, b[:, 0])), TALL[0])
    np.testing.assert_allclose(flat[0], expected[0][:, 0], rtol=1e-12)
    assert flat[1].shape == ()


def test_product_of_many_takes_the_cheapest_order() -> None:
    shapes = ((10, 100), (100, 5), (5, 50))
    nodes = [gx.input(f"x{i}", s, "float64") for i, s in enumerate(shapes)]
    arrays = [RNG.normal(size=s) for s in shapes]
    made = linalg.multi_dot(nodes)
    np.testing.assert_allclose(value(made, *arrays), np.linalg.multi_dot(arrays), rtol=1e-11)
    assert gx.cost(made).flops == 2 * (10 * 100 * 5 + 10 * 5 * 50)
    ends = [gx.input("x0", (3,), "float64"), nodes[0][:3], gx.input("x3", (100,), "float64")]
    assert linalg.multi_dot(ends).shape == ()


@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3), (2, 0, 0), (1, 1)])
def test_empty_matrices_and_single_elements_have_values_and_gradients(
    shape: tuple[int, ...],
) -> None:
    x = gx.input("x0", shape, "float64")
    made = [
        linalg.inv(x), linalg.det(x), linalg.slogdet(x)[1], linalg.cholesky(x), linalg.qr(x)[1],
        linalg.eigvalsh(x), linalg.svdvals(x), linalg.expm(x), linalg.trace(x),
        linalg.solve(x, x), linalg.triangular_solve(x, x), linalg.pinv(x),
        linalg.matrix_norm(x), linalg.spectral(gx.exp, x), linalg.matrix_power(x, 2),
    ]  # fmt: skip
    array = np.full(shape, 2.0)
    slopes = [gx.grad(gx.sum(m), x, unreachable="zero") for m in made]
    for node, found in zip([*made, *slopes], value([*made, *slopes], array), strict=True):
        assert found.shape == node.shape
        assert np.isfinite(found).all()
    if shape == (1, 1):
        expected = [-0.25, 1.0, 0.5, 0.5 / math.sqrt(2), 1, 1, 1, math.exp(2), 1, 0, 0, -0.25, 1]
        firsts = [s.item() for s in gx.evaluate(slopes, x0=array)[:13]]
        np.testing.assert_allclose(firsts, expected, rtol=1e-14, atol=1e-15)


def test_named_sizes_of_square_matrices_work() -> None:
    n = gx.dim("n")
    x, b = gx.input("x0", (n, n), "float64"), gx.input("x1", (n,), "float64")
    made = [
        linalg.solve(x, b), linalg.inv(x), linalg.det(x), linalg.slogdet(x)[1],
        linalg.cholesky(x @ x.mT), linalg.qr(x)[1], linalg.eigvalsh(x), linalg.svdvals(x),
        linalg.expm(x), linalg.pinv(x, rtol=1e-10), linalg.trace(x), linalg.matrix_power(x, 3),
        linalg.spectral(gx.exp, x), linalg.triangular_solve(x, b),
    ]  # fmt: skip
    plain, right = inputs(BATCH[0], VECTOR)
    fixed = [
        linalg.solve(plain, right), linalg.inv(plain), linalg.det(plain), linalg.slogdet(plain)[1],
        linalg.cholesky(plain @ plain.mT), linalg.qr(plain)[1], linalg.eigvalsh(plain),
        linalg.svdvals(plain), linalg.expm(plain), linalg.pinv(plain, rtol=1e-10),
        linalg.trace(plain), linalg.matrix_power(plain, 3), linalg.spectral(gx.exp, plain),
        linalg.triangular_solve(plain, right),
    ]  # fmt: skip
    found = value([gx.grad(gx.sum(m), x) for m in made] + made, BATCH[0], VECTOR)
    expected = gx.evaluate(
        [gx.grad(gx.sum(m), plain) for m in fixed] + fixed, x0=BATCH[0], x1=VECTOR
    )
    for left, right_ in zip(found, expected, strict=True):
        np.testing.assert_allclose(left, right_, rtol=1e-11, atol=1e-12)


def test_one_bad_matrix_of_a_stack_spoils_no_other() -> None:
    stack = np.stack([np.eye(2), np.zeros((2, 2)), -np.eye(2)])
    (x,) = inputs(stack)
    for made, good in (
        (linalg.inv(x), [0, 2]),
        (linalg.cholesky(x), [0]),
        (linalg.solve(x, x), [0, 2]),
    ):
        for found in (gx.evaluate(made, x0=stack), np.asarray(gx.compile(made)(x0=stack))):
            kept = [i for i in range(3) if np.isfinite(found[i]).all()]
            assert kept == good


def test_exponential_keeps_digits_where_jax_and_scipy_lose_them() -> None:
    (x,) = inputs(np.eye(2))
    point = np.array([[2.99278877, -0.50886584], [-0.70016124, 7.99566527]])
    exact = gx.evaluate_mpmath(linalg.expm(x), x0=point)
    for found in (gx.evaluate(linalg.expm(x), x0=point), gx.compile(linalg.expm(x))(x0=point)):
        error = np.abs(np.asarray(found).astype(object) - exact) / np.abs(exact)
        assert error.max() < 2e-14


def test_saved_graphs_come_back(tmp_path: Path) -> None:
    (x,) = inputs(BATCH)
    made = [
        linalg.solve(x, x.mT), linalg.spectral(gx.exp, x), linalg.pinv(x, rtol=1e-9),
        linalg.triangular_solve(x, x, lower=True), gx.grad(gx.sum(linalg.det(x)), x),
        linalg.svd(x, full_matrices=False).S, linalg.qr(x).R,
    ]  # fmt: skip
    gx.save(tmp_path / "g.gxg", made)
    again = gx.load(tmp_path / "g.gxg")
    for left, right in zip(gx.evaluate(made, x0=BATCH), gx.evaluate(again, x0=BATCH), strict=True):
        assert np.array_equal(left, right)


def test_pictures_and_formulas_name_the_functions() -> None:
    (x,) = inputs(BATCH)
    made = gx.sum(linalg.solve(x, linalg.cholesky(x @ x.mT))) + gx.sum(linalg.svd(x).S)
    text = gx.draw(made).dot
    assert all(f">{word}<" in text for word in ("solve", "cholesky", "svd"))


def test_numpys_own_functions_take_graph_values() -> None:
    (x,) = inputs(BATCH)
    assert np.linalg.inv(x) is linalg.inv(x)
    assert np.linalg.det(x) is linalg.det(x)
    assert np.linalg.solve(x, VECTOR).shape == (2, 4)
