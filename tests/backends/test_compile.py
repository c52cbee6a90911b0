from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx

HERE = Path(__file__).name
W = np.array([[0.3, -0.8], [1.2, 0.4], [-0.5, 0.9]])
DATA = np.linspace(-1.0, 1.0, 12).reshape(4, 3)


def loss_graph() -> tuple[gx.Node, gx.Node, gx.Node]:
    """Returns a small loss with its parameter and input."""
    w, x = gx.param("w", (3, 2), "float64"), gx.input("x", ("n", 3), "float64")
    return gx.sum(gx.softplus(gx.tanh(x @ w)) ** 2), w, x


def twin(w: Any, x: Any) -> Any:
    return jnp.sum(jax.nn.softplus(jnp.tanh(x @ w)) ** 2)


# -- how it is called ------------------------------------------------------------


def test_values_go_in_by_name_and_come_out_in_the_nest() -> None:
    loss, w, x = loss_graph()
    run = gx.compile({"loss": loss, "parts": [w * 2, (x,)]})
    for found in (run(w=W, x=DATA), run({"w": W, "x": DATA}), run({"w": W}, x=DATA)):
        assert set(found) == {"loss", "parts"} and isinstance(found["parts"][1], tuple)
        np.testing.assert_allclose(found["loss"], twin(W, DATA), rtol=1e-15)
        assert isinstance(found["loss"], jax.Array)
    np.testing.assert_allclose(run({w: W, x: DATA})["loss"], twin(W, DATA), rtol=1e-15)
    np.testing.assert_allclose(run({w: W}, x=DATA)["loss"], twin(W, DATA), rtol=1e-15)


def test_values_go_in_by_place_in_any_pytree() -> None:
    a, b, c = (gx.input(n, (), "float64") for n in "abc")
    run = gx.compile(a * 2 + b * 3 + c * 5, inputs=[{"z": a, "a": [b]}, c])
    assert run({"a": [10.0], "z": 1.0}, 100.0) == 532.0
    assert gx.compile([a, b], inputs=[(b, a)])((1.0, 2.0)) == [2.0, 1.0]
    assert gx.compile(a, inputs=[a, b])(1.0, 2.0) == 1.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r: r(w=W), r"no value for x: f64\[n,3\]"),
        (lambda r: r(w=W, x=DATA, y=1.0), "no input named 'y'; the inputs are"),
        (lambda r: r(W, DATA), "values are passed by name"),
        (lambda r: r(w=W.T, x=DATA), r"w is declared f64\[3,2\], the value has shape \[2,3\]"),
        (lambda r: r(w=W, x=DATA[0]), r"x is declared f64\[n,3\]"),
        (lambda r: r(w=W * 1j, x=DATA), "w is declared f64.*complex"),
        (lambda r: r(w="text", x=DATA), "w"),
        (lambda r: r(w=None, x=DATA), "w"),
    ],
)
def test_wrong_call_is_an_error_at_the_line(call: Any, words: str) -> None:
    run = gx.compile(loss_graph()[0])
    with pytest.raises(gx.GraphcError, match=rf"{HERE}:\d+: .*{words}"):
        call(run)


def test_float_for_an_integer_input_is_an_error() -> None:
    i = gx.input("i", (2,), "int32")
    for run in (gx.evaluate, lambda n, **v: gx.compile(n)(**v)):
        with pytest.raises(gx.DTypeError, match=rf"{HERE}:\d+: i is declared i32"):
            run(i + 1, i=np.array([0.5, 1.0]))
        assert np.array_equal(run(gx.input("f", (2,)) + 1, f=np.array([1, 2])), [2.0, 3.0])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda a, b: gx.compile(3.0), "3.0 is no graph value"),
        (lambda a, b: gx.compile(a + b, inputs=[a]), "needs b"),
        (lambda a, b: gx.compile(a, inputs=a), "inputs is no list"),
        (lambda a, b: gx.compile(a, inputs=[a + b]), "is no input node"),
        (lambda a, b: gx.compile(a, derivative="mine"), "neither 'jax' nor 'graphc'"),
        (lambda a, b: gx.compile(a, inputs=[[a, b]])([1.0]), "has the nest"),
        (lambda a, b: gx.compile(a, inputs=[a, b])(1.0), "takes 2 arguments, not 1"),
        (lambda a, b: gx.compile(a, inputs=[a])(a=1.0), "passed by name"),
    ],
)
def test_wrong_compilation_is_an_error_at_the_line(make: Any, words: str) -> None:
    with pytest.raises(gx.GraphcError, match=rf"{HERE}:\d+: .*{words}"):
        make(gx.input("a"), gx.input("b"))


def test_compiled_graph_is_immutable_and_says_what_it_is() -> None:
    run = gx.compile(loss_graph()[0])
    with pytest.raises(AttributeError, match="immutable"):
        run.function = None
    assert "w: f64[3,2]" in repr(run) and "-> f64" in repr(run)


def test_named_sizes_are_bound_anew_by_each_call() -> None:
    run = gx.compile(loss_graph()[0])
    for n in (1, 4, 2, 0):
        np.testing.assert_allclose(run(w=W, x=DATA[:n]), twin(W, DATA[:n]), rtol=1e-15)
    x, y = gx.input("x", ("n",), "float64"), gx.input("y", ("n",), "float64")
    with pytest.raises(gx.DimError, match="the size 'n' is 2 in x and 3 in y"):
        gx.compile(x + y)(x=np.ones(2), y=np.ones(3))


def test_16_threads_call_one_compiled_graph() -> None:
    loss, w, _ = loss_graph()
    run = gx.compile(gx.grad(loss, w))
    truth = jax.grad(twin)
    failures: list[Any] = []

    def work(seed: int) -> None:
        x = np.random.default_rng(seed).normal(size=(seed % 3 + 1, 3))
        for _ in range(20):
            if not np.allclose(run(w=W, x=x), truth(W, x), rtol=1e-12):
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# -- inside JAX ------------------------------------------------------------


@pytest.mark.parametrize("derivative", ["jax", "graphc"])
def test_compiled_graph_works_in_jaxs_transforms(derivative: str) -> None:
    loss, w, x = loss_graph()
    run = gx.compile(loss, inputs=[w, x], derivative=derivative)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
    close(jax.jit(run)(W, DATA), twin(W, DATA))
    close(jax.grad(run)(W, DATA), jax.grad(twin)(W, DATA))
    close(jax.jacfwd(run, 1)(W, DATA), jax.jacfwd(twin, 1)(W, DATA))
    close(jax.hessian(run)(W, DATA), jax.hessian(twin)(W, DATA))
    close(jax.jacrev(jax.jacrev(run))(W, DATA), jax.hessian(twin)(W, DATA))
    close(jax.jacfwd(jax.jacfwd(run))(W, DATA), jax.hessian(twin)(W, DATA))
    close(
        jax.grad(lambda a, b: jnp.sum(jax.grad(run)(a, b) ** 2), 1)(W, DATA),
        jax.grad(lambda a, b: jnp.sum(jax.grad(twin)(a, b) ** 2), 1)(W, DATA),
    )
    stacked = jnp.stack([W, 2 * W])
    close(jax.vmap(run, (0, None))(stacked, DATA), jax.vmap(twin, (0, None))(stacked, DATA))
    close(
        jax.jit(jax.vmap(jax.grad(run), (0, None)))(stacked, DATA),
        jax.vmap(jax.grad(twin), (0, None))(stacked, DATA),
    )
    tangent = np.ones_like(W)
    close(
        jax.jvp(lambda a: run(a, DATA), (W,), (tangent,))[1],
        jax.jvp(lambda a: twin(a, DATA), (W,), (tangent,))[1],
    )
    close(
        jax.jit(
            lambda a: jax.lax.fori_loop(0, 3, lambda _, v: v - 0.1 * jax.grad(run)(v, DATA), a)
        )(W),
        descend(W),
    )


def descend(w: Any) -> Any:
    for _ in range(3):
        w = w - 0.1 * jax.grad(twin)(w, DATA)
    return w


def test_graphcs_derivative_keeps_our_conventions_inside_jax() -> None:
    x = gx.input("x", (), "float64")
    node = gx.abs(x) + gx.hypot(x, 0.0)
    assert jax.grad(gx.compile(node, inputs=[x], derivative="graphc"))(0.0) == 0.0
    assert jax.jacfwd(gx.compile(node, inputs=[x], derivative="graphc"))(0.0) == 0.0
    assert jax.grad(gx.compile(gx.tanh(x), inputs=[x], derivative="graphc"))(19.0) > 1.2e-16
    v = gx.input("v", (2, 3), "float64")
    rows = gx.reshape(gx.log(v.T), (6,))
    safe = gx.where(gx.reshape(v.T, (6,)) > 0, rows * 3 / gx.sqrt(gx.reshape(v.T, (6,))), 0.0)
    run = gx.compile(gx.sum(safe) + gx.norm(v * 0), inputs=[v], derivative="graphc")
    values = np.array([[-1.0, 0.0, 2.0], [3.0, 0.5, -2.0]])
    truth = gx.evaluate(gx.grad(gx.sum(safe), v), v=values)
    for made in (jax.grad(run), jax.jacfwd(run), jax.jit(jax.grad(run))):
        np.testing.assert_allclose(made(values), truth, rtol=1e-14)
    alone = gx.compile(gx.sum(safe), inputs=[v], derivative="graphc")
    for second in (jax.hessian(alone)(values), jax.jacrev(jax.jacrev(alone))(values)):
        np.testing.assert_allclose(
            second, gx.evaluate(gx.hessian(gx.sum(safe), v), v=values), rtol=1e-12
        )


def test_graphcs_derivative_reaches_into_blocks_and_keeps_the_second_order() -> None:
    v = gx.input("v", (3,), "float64")
    safe = gx.block(lambda x: gx.where(x > 0, gx.log(x) * x, 0.0))
    values = np.array([-1.0, 0.0, 2.0])
    for node in (gx.sum(safe(v)), gx.sum(gx.map(safe, v))):
        run = gx.compile(node, inputs=[v], derivative="graphc")
        for made in (jax.grad(run), jax.jacfwd(run)):
            np.testing.assert_allclose(made(values), [0.0, 0.0, np.log(2.0) + 1.0], rtol=1e-15)
    cubed = gx.abs(v) * v * v  # a second slope that JAX takes from its own sign(0) = 0
    hessian = gx.evaluate(gx.hessian(gx.sum(cubed), v), v=values)
    run = gx.compile(gx.sum(cubed), inputs=[v], derivative="graphc")
    np.testing.assert_allclose(jax.jacrev(jax.jacrev(run))(values), hessian, rtol=1e-14)


@pytest.mark.parametrize("derivative", ["jax", "graphc"])
def test_integer_inputs_and_results_pass_through_derivatives(derivative: str) -> None:
    x, i = gx.input("x", (3,), "float64"), gx.input("i", (2,), "int32")
    run = gx.compile((gx.sum(gx.take(x, i) ** 2), i + 1), inputs=[x, i], derivative=derivative)
    where = np.array([0, 2], "int32")
    found, aux = jax.grad(lambda a: run(a, where), has_aux=True)(np.array([1.0, 2.0, 3.0]))
    assert np.array_equal(found, [2.0, 0.0, 6.0]) and np.array_equal(aux, [1, 3])
    second = jax.hessian(lambda a: run(a, where)[0])(np.array([1.0, 2.0, 3.0]))
    assert np.array_equal(second, np.diag([2.0, 0.0, 2.0]))


def test_gradient_graph_inside_jit_is_the_gradient() -> None:
    loss, w, x = loss_graph()
    step = gx.compile(w - gx.grad(loss, w) * 0.1, inputs=[w, x], jit=False)
    np.testing.assert_allclose(
        jax.jit(step)(W, DATA), W - 0.1 * jax.grad(twin)(W, DATA), rtol=1e-14
    )


# -- what it became ------------------------------------------------------------


def test_compiled_graph_shows_its_forms_and_costs() -> None:
    a, b = gx.input("a", (32, 64)), gx.input("b", (64, 16))
    run = gx.compile(gx.tanh(a @ b))
    assert "dot_general" in run.jaxpr() and "tanh" in run.jaxpr()
    assert "stablehlo.dot_general" in run.stablehlo()
    assert "ENTRY" in run.hlo()
    assert run.cost()["flops"] >= 2 * 32 * 64 * 16
    memory = run.memory()
    assert memory["argument"] == 4 * (32 * 64 + 64 * 16)
    assert memory["output"] == 4 * 32 * 16
    named = gx.compile(loss_graph()[0])
    with pytest.raises(gx.ArgumentError, match="a named size must be known here"):
        named.hlo()
    assert "ENTRY" in named.hlo(w=W, x=DATA)
    placed = gx.compile(a @ b, inputs=[{"a": a}, [b]])
    assert "dot_general" in placed.jaxpr()


def test_matrix_products_are_lowered_without_a_transpose() -> None:
    a, b = gx.input("a", (8, 4)), gx.input("b", (8, 4))
    text = gx.compile(gx.grad(gx.sum((a @ b.T) ** 2), [a, b])).stablehlo()
    assert "dot_general" in text
    assert gx.compile(gx.matmul(a, b, transpose_x=True)).stablehlo().count("transpose") == 0


# -- precision ------------------------------------------------------------


def test_dtypes_are_kept_whatever_goes_in() -> None:
    for name in ("float16", "bfloat16", "float32", "float64"):
        x = gx.input("x", (2,), name)
        found = gx.compile([gx.sin(x) * 2 + 1, gx.sum(x), gx.grad(gx.sum(x * x), x)])(x=np.ones(2))
        assert all(f.dtype == x.dtype.numpy for f in found)


ALONE = """
import numpy as np
import graphc as gx
single = gx.input("s", (2,))
assert gx.compile(single * 2 + 1)(s=np.ones(2)).dtype == np.float32
assert gx.compile(single[np.array([0, 1])])(s=np.ones(2)).dtype == np.float32
assert gx.compile(gx.grad(gx.sum(gx.sin(single)), single))(s=np.ones(2)).dtype == np.float32
double = gx.input("d", (2,), "float64")
for make in (
    lambda: gx.compile(double * 2),
    lambda: gx.compile(gx.cast(gx.cast(single, "float64"), "float32")),
    lambda: gx.compile(gx.map(lambda v: gx.cast(gx.cast(v, "float64") * 2, "float32"), single)),
    lambda: gx.compile(gx.input("i", (), "int64") + 1),
):
    try:
        make()
    except gx.PrecisionError as error:
        assert "jax_enable_x64" in str(error)
        assert "would silently be 32-bit" in str(error)
    else:
        raise SystemExit("no error")
import jax
assert not jax.config.jax_enable_x64
assert gx.evaluate(double * 2, d=[1.0, 2.0]).dtype == np.float64
print("fine")
"""


def test_float64_without_jaxs_64_bit_types_is_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "fine", done.stderr


def test_importing_graphc_loads_nothing_heavy() -> None:
    heavy = "jax sympy scipy mpmath jinja2 pygraphviz click rich"
    code = f"import sys, graphc; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
