from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import graphc as gx

X = np.linspace(-1.0, 1.0, 6).reshape(3, 2)
A = np.array([0.5, -1.5])
ENGINES = ("reverse", "forward", "numeric", "jax")


def entry(row: Any, shift: Any) -> tuple[Any, Any]:
    return gx.tanh(row * shift) + row, gx.sum(row * shift)


@pytest.mark.parametrize("chunk", [0, 1, 2, 3, 7])
def test_map_is_a_loop(chunk: int) -> None:
    x, a = gx.input("x", (3, 2), "float64"), gx.input("a", (2,), "float64")
    first, second = gx.map(lambda row: entry(row, a), x, chunk=chunk)
    assert first.shape == (3, 2) and second.shape == (3,)
    expected = [np.tanh(X * A) + X, (X * A).sum(axis=1)]
    for found in (gx.evaluate([first, second], x=X, a=A), gx.compile([first, second])(x=X, a=A)):
        for f, e in zip(found, expected, strict=True):
            np.testing.assert_allclose(f, e, rtol=1e-15)


def test_map_takes_several_operands_nests_and_named_sizes() -> None:
    x, y = gx.input("x", ("n", 2), "float64"), gx.input("y", ("n",), "float64")
    out = gx.map(lambda r, s: {"scaled": r * s, "total": [gx.sum(r) + s]}, x, y)
    for run in (gx.evaluate, lambda n, **v: gx.compile(n)(**v)):
        found = run(out, x=X, y=np.arange(3.0))
        np.testing.assert_allclose(found["scaled"], X * np.arange(3.0)[:, None])
        np.testing.assert_allclose(found["total"][0], X.sum(axis=1) + np.arange(3.0))
    empty = gx.evaluate(out["scaled"], x=np.zeros((0, 2)), y=np.zeros(0))
    assert empty.shape == (0, 2)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", ["map", "call"])
def test_derivative_through_a_block_is_that_of_the_inline_graph(engine: str, how: str) -> None:
    x, a = gx.input("x", (3, 2), "float64"), gx.input("a", (2,), "float64")
    if how == "map":
        first, second = gx.map(lambda row: entry(row, a), x, chunk=2)
    else:
        parts = [gx.block(entry)(x[i], a) for i in range(3)]
        first, second = gx.stack([p[0] for p in parts]), gx.stack([p[1] for p in parts])
    rows = [entry(x[i], a) for i in range(3)]
    plain = gx.sum(gx.stack([r[0] for r in rows]) ** 2) + gx.sum(
        gx.sin(gx.stack([r[1] for r in rows]))
    )
    made = gx.sum(first**2) + gx.sum(gx.sin(second))
    found = gx.compile(gx.grad(made, [x, a], engine=engine))(x=X, a=A)
    truth = gx.evaluate(gx.grad(plain, [x, a]), x=X, a=A)
    for f, t in zip(found, truth, strict=True):
        np.testing.assert_allclose(f, t, rtol=3e-9 if engine == "numeric" else 1e-13)


@pytest.mark.parametrize("how", ["map", "call"])
def test_second_derivatives_through_a_block_agree_with_jax(how: str) -> None:
    x, a = gx.input("x", (3, 2), "float64"), gx.input("a", (2,), "float64")
    if how == "map":
        first, second = gx.map(lambda row: entry(row, a), x)
        out = gx.sum(first**2) + gx.sum(gx.sin(second))
    else:
        out = gx.sum(gx.block(lambda r, s: gx.tanh(r * s) ** 3)(x, gx.stack([a, a, a])))
    function = gx.compile(out, inputs=[a, x])
    truth = jax.hessian(function)(A, X)
    np.testing.assert_allclose(gx.evaluate(gx.hessian(out, a), x=X, a=A), truth, rtol=1e-12)
    jacobian = gx.jacobian(gx.grad(out, a), a)
    np.testing.assert_allclose(gx.evaluate(jacobian, x=X, a=A), truth, rtol=1e-12)
    vector = np.array([0.3, 2.0])
    np.testing.assert_allclose(
        gx.evaluate(gx.hvp(out, a, vector), x=X, a=A), truth @ vector, rtol=1e-12
    )


def test_block_with_several_results_of_which_one_is_used() -> None:
    x = gx.input("x", (), "float64")
    first, _ = gx.block(lambda v: (gx.sin(v), gx.exp(v)))(x)
    for engine in ("reverse", "forward", "jax"):
        found = gx.compile(gx.grad(first, x, engine=engine))(x=0.5)
        np.testing.assert_allclose(found, np.cos(0.5), rtol=1e-15)


def test_block_with_integer_operands_and_unused_inputs() -> None:
    x, i = gx.input("x", (3,), "float64"), gx.input("i", (2,), "int32")
    out = gx.sum(gx.block(lambda v, k, _: gx.take(v, k) ** 2)(x, i, x))
    values = {"x": np.array([1.0, 2.0, 3.0]), "i": np.array([0, 0], "int32")}
    for engine in ("reverse", "forward", "jax"):
        assert np.array_equal(gx.compile(gx.grad(out, x, engine=engine))(values), [4.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda x: gx.map(gx.sin), gx.ArgumentError, "nothing to map over"),
        (lambda x: gx.map(gx.sin, x[0, 0]), gx.ShapeError, "operand 0 is a scalar"),
        (lambda x: gx.map(lambda a, b: a, x, x[:2]), gx.ShapeError, "3, 2 entries"),
        (lambda x: gx.map(gx.sin, x, chunk=-1), gx.ArgumentError, "no count"),
    ],
)
def test_wrong_map_is_an_error_at_the_line(act: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=rf"test_control.py:\d+: .*{words}"):
        act(gx.input("x", (3, 2)))


def test_stop_gradient_stops_every_engine_that_knows_the_graph() -> None:
    x = gx.input("x", (), "float64")
    out = x * gx.stop_gradient(gx.sin(x))
    for engine in ("reverse", "forward", "jax"):
        np.testing.assert_allclose(
            gx.compile(gx.grad(out, x, engine=engine))(x=0.7), np.sin(0.7), rtol=1e-15
        )
