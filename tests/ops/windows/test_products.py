"""einsum along its path, and the products said by it, against NumPy and JAX."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import opt_einsum
import pytest

import graphc as gx
from graphc.core.walk import topological_order

SUMS: tuple[tuple[Any, ...], ...] = (
    ("ij,kj->ik", (2, 3), (4, 3)),
    ("bij,bkj->bik", (2, 3, 4), (2, 5, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)),
    ("...ij,...jk", (2, 3, 4), (4, 2)),
    ("i...,i...->...", (3, 2), (3, 2)),
    ("...,...", (3, 1), (2,)),
    ("...i->...", (2, 3)),
    ("ii...->i...", (3, 3, 2)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("ij,ij,ij->i", (2, 3), (2, 3), (2, 3)),
    ("i,j,k->kji", (2,), (3,), (4,)),
    ("a,ab,b", (2,), (2, 3), (3,)),
    ("ij,jk,ki->", (2, 3), (3, 2), (2, 2)),
    ("ij,kl->lj", (2, 3), (4, 5)),
    ("ab,bc,cd,de,ef,fg->ga", (2, 3), (3, 4), (4, 2), (2, 5), (5, 3), (3, 2)),
    ("i,->i", (3,), ()),
)


def draw(*shapes: tuple[int, ...]) -> tuple[list[gx.Node], list[Any], dict[str, Any]]:
    """Returns inputs, arrays for them, and the arrays by name."""
    generator = np.random.default_rng(3)
    values = [generator.normal(size=s) for s in shapes]
    nodes = [gx.input(f"x{i}", s, "float64") for i, s in enumerate(shapes)]
    return nodes, values, {f"x{i}": v for i, v in enumerate(values)}


@pytest.mark.parametrize(("text", "shapes"), [(t, s) for t, *s in SUMS])
def test_einsum_is_numpys_and_its_gradient_jaxs(text: str, shapes: Any) -> None:
    nodes, values, named = draw(*shapes)
    made = gx.einsum(text, *nodes)
    truth = np.einsum(text, *values)
    weights = np.random.default_rng(1).normal(size=truth.shape)
    slopes = gx.grad(gx.sum(made * gx.constant(weights)), nodes)
    theirs = jax.grad(lambda v: jnp.sum(jnp.einsum(text, *v) * weights))(values)
    for found in (gx.evaluate([made, slopes], named), gx.compile([made, slopes])(named)):
        np.testing.assert_allclose(found[0], truth, rtol=1e-12, atol=1e-13)
        for mine, other in zip(found[1], theirs, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-13)


def test_path_is_the_one_with_the_fewest_operations() -> None:
    # ((A B) v) takes 2 * 100**3 and more, (A (B v)) 4 * 100**2.
    nodes, _, _ = draw((100, 100), (100, 100), (100,))
    made = gx.einsum("ij,jk,k->i", *nodes)
    assert gx.cost(made).flops == 4 * 100**2
    backward = gx.cost(gx.grad(gx.sum(made), nodes)).flops
    assert isinstance(backward, int)
    assert backward < 20 * 100**2
    assert [n.op.name for n in topological_order([made])].count("einsum") == 2


def test_named_sizes_choose_a_path_too() -> None:
    x = gx.input("x", ("n", 5))
    made = gx.einsum("ni,ij,jk->nk", x, gx.ones((5, 2)), gx.ones((2, 6)))
    assert [str(s) for s in made.shape] == ["n", "6"]
    assert np.all(gx.evaluate(made, x=np.ones((3, 5))) == 10)


def test_chain_of_sixty_matrices_has_more_letters_than_there_are() -> None:
    letters = [opt_einsum.get_symbol(i) for i in range(61)]
    text = ",".join(a + b for a, b in itertools.pairwise(letters))
    nodes, values, named = draw(*[(4, 4)] * 60)
    begin = time.perf_counter()
    made = gx.einsum(f"{text}->{letters[0]}{letters[-1]}", *nodes)
    assert time.perf_counter() - begin < 5
    np.testing.assert_allclose(
        gx.evaluate(made, named), np.linalg.multi_dot(values), rtol=1e-10, atol=0
    )


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("ij,kj->ik", (8, 4), (6, 4)),
        ("ij,jk->ki", (8, 4), (4, 6)),
        ("bij,bkj->bik", (3, 8, 4), (3, 6, 4)),
        ("ijk,jkl->il", (8, 3, 4), (3, 4, 5)),
    ],
)
def test_products_are_dots_without_a_transpose_before(text: str, left: Any, right: Any) -> None:
    nodes, values, _ = draw(left, right)
    compiled = gx.compile(gx.einsum(text, *nodes))
    module = jax.jit(lambda a, b: compiled(x0=a, x1=b)).lower(*values).as_text()
    assert "dot_general" in module
    assert "transpose" not in module


@pytest.mark.parametrize("axes", [0, 1, ((2, 1), (0, 1)), (2, 0), ((-1,), (0,))])
def test_tensordot_is_numpys(axes: Any) -> None:
    (x, y), (a, b), named = draw((2, 3, 4), (4, 3, 5))
    found = gx.evaluate(gx.tensordot(x, y, axes=axes), named)
    np.testing.assert_allclose(found, np.tensordot(a, b, axes), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    "numbers", [(((2,), (0,)), ((), ())), (((2,), (0,)), ((1,), (1,))), (((), ()), ((1,), (1,)))]
)
def test_dot_general_is_jaxs(numbers: Any) -> None:
    (x, y), (a, b), named = draw((2, 3, 4), (4, 3, 5))
    found = gx.evaluate(gx.dot_general(x, y, numbers), named)
    np.testing.assert_allclose(found, jax.lax.dot_general(a, b, numbers), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("dot", (2, 3, 4), (5, 4, 2)),
        ("dot", (2, 3, 4), (4,)),
        ("dot", (3, 4), (4, 2)),
        ("dot", (), (4, 2)),
        ("inner", (2, 3, 4), (5, 4)),
        ("inner", (4,), (4,)),
        ("kron", (2, 3, 4), (3, 2)),
        ("kron", (2,), (2, 3)),
        ("kron", (), (2, 3)),
    ],
)
def test_products_are_numpys(name: str, left: Any, right: Any) -> None:
    (x, y), (a, b), named = draw(left, right)
    found = gx.evaluate(getattr(gx, name)(x, y), named)
    np.testing.assert_allclose(found, getattr(np, name)(a, b), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "left", "right", "more", "text"),
    [
        ("vecdot", (2, 1, 3), (4, 3), {}, "...i,...i->..."),
        ("vecdot", (3, 2), (3, 2), {"axis": 0}, "ij,ij->j"),
        ("matvec", (5, 1, 3, 4), (2, 4), {}, "...ij,...j->...i"),
        ("vecmat", (2, 3), (5, 1, 3, 4), {}, "...i,...ij->...j"),
    ],
)
def test_vectors_and_matrices_broadcast(
    name: str, left: Any, right: Any, more: dict[str, Any], text: str
) -> None:
    (x, y), (a, b), named = draw(left, right)
    found = gx.evaluate(getattr(gx, name)(x, y, **more), named)
    np.testing.assert_allclose(found, np.einsum(text, a, b), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("left", "right", "axis"), [((3,), (3,), -1), ((2, 1, 3), (4, 3), -1), ((3, 4), (3, 4), 0)]
)
def test_cross_product_is_numpys_and_stands_upright(left: Any, right: Any, axis: int) -> None:
    (x, y), (a, b), named = draw(left, right)
    made = gx.cross(x, y, axis=axis)
    found, along = gx.evaluate(
        [made, gx.vecdot(gx.broadcast_to(x, made.shape), made, axis=axis)], named
    )
    np.testing.assert_allclose(found, np.cross(a, b, axis=axis), rtol=1e-13, atol=1e-14)
    assert np.all(np.abs(along) < 1e-14)


def test_numpys_own_functions_take_graph_values() -> None:
    (x, y), (a, b), named = draw((3,), (2,))
    made = {
        "convolve": np.convolve(x, y, "same"),  # pyright: ignore[reportCallIssue, reportArgumentType]
        "kron": np.kron(x, y),  # pyright: ignore[reportCallIssue, reportArgumentType]
        "einsum": np.einsum("i,j->ji", x, y),  # pyright: ignore[reportCallIssue, reportArgumentType]
        "tensordot": np.tensordot(x, y, 0),  # pyright: ignore[reportCallIssue, reportArgumentType]
    }
    truth = {
        "convolve": np.convolve(a, b, "same"),
        "kron": np.kron(a, b),
        "einsum": np.einsum("i,j->ji", a, b),
        "tensordot": np.tensordot(a, b, 0),
    }
    for name, found in gx.evaluate(made, named).items():
        np.testing.assert_allclose(found, truth[name], rtol=1e-14, atol=0)


def test_saved_product_is_the_same(tmp_path: Path) -> None:
    nodes, _, _ = draw((2, 3), (3, 4), (4, 2))
    made = gx.einsum("ij,jk,ki->", *nodes)
    gx.save(tmp_path / "sum.json", {"sum": made})
    assert gx.load(tmp_path / "sum.json")["sum"] is made


def test_engines_agree_about_a_contraction() -> None:
    nodes, _, named = draw((2, 3), (3, 2), (2,))
    loss = gx.sum(gx.sin(gx.einsum("ij,jk,k->i", *nodes))) + gx.sum(gx.kron(nodes[2], nodes[0]))
    assert gx.check(gx.Problem(loss, named)).agreed
