from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx
from graphc.diff.numeric import METHODS, relative_step

HERE = Path(__file__).name
ALL = ("reverse", "forward", "jax", "symbolic", "numeric")

W = np.array([[0.3, -0.8], [1.2, 0.4], [-0.5, 0.9]])
B = np.array([0.1, -0.2])
DATA = np.linspace(-1.0, 1.0, 12).reshape(4, 3)


def network(w: Any, b: Any, x: Any) -> Any:
    hidden = gx.tanh(x @ w + b)
    return gx.mean(gx.logsumexp(hidden * 2.0, axis=1)) + gx.sum(w * w) * 0.1


def by_jax(w: Any, b: Any, x: Any) -> Any:
    hidden = jnp.tanh(x @ w + b)
    return jnp.mean(jax.scipy.special.logsumexp(hidden * 2.0, axis=1)) + jnp.sum(w * w) * 0.1


@pytest.fixture
def graph() -> tuple[gx.Node, list[gx.Node], dict[str, Any]]:
    """Returns the loss of a small network, its parameters and values."""
    w, b, x = (
        gx.param("w", (3, 2), "float64"),
        gx.param("b", 2, "float64"),
        gx.input("x", (4, 3), "float64"),
    )
    return network(w, b, x), [w, b], {"w": W, "b": B, "x": DATA}


@pytest.mark.parametrize("engine", ALL)
def test_engines_agree_with_jax_on_a_network(graph: Any, engine: str) -> None:
    loss, wrt, values = graph
    truth = jax.grad(by_jax, (0, 1))(W, B, DATA)
    found = gx.compile(gx.grad(loss, wrt, engine=engine))(values)
    for f, t, node in zip(found, truth, wrt, strict=True):
        assert f.shape == node.shape and f.dtype == node.dtype.numpy
        np.testing.assert_allclose(f, t, rtol=2e-9 if engine == "numeric" else 1e-13, atol=1e-12)


@pytest.mark.parametrize("engine", ALL)
def test_scalar_derivatives_are_right_to_the_digits_of_the_engine(engine: str) -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
    output = gx.exp(x * y) / (1 + x * x) + gx.sin(y)
    exact = gx.evaluate_mpmath(gx.grad(output, [x, y]), x=0.7, y=-1.3)
    found = gx.compile(gx.grad(output, [x, y], engine=engine))(x=0.7, y=-1.3)
    for f, t in zip(found, exact, strict=True):
        assert abs(float(f) - float(t)) <= (1e-9 if engine == "numeric" else 8e-16) * abs(float(t))


@pytest.mark.parametrize("engine", ["reverse", "forward", "jax"])
def test_third_order_by_applying_again(engine: str) -> None:
    x = gx.input("x", (), "float64")
    node = gx.sin(x * x)
    for _ in range(3):
        node = gx.grad(node, x, engine=engine)
    truth = jax.grad(jax.grad(jax.grad(lambda v: jnp.sin(v * v))))(0.7)
    np.testing.assert_allclose(gx.compile(node)(x=0.7), truth, rtol=1e-13)


@pytest.mark.parametrize(("order", "digits"), [(2, 8), (3, 6), (4, 4)])
def test_differences_of_differences_keep_their_digits_with_the_wider_step(
    order: int, digits: int
) -> None:
    x = gx.input("x", (), "float64")
    node = gx.sin(x)
    for _ in range(order):
        node = gx.grad(node, x, engine="numeric", step=2.0 ** (-52 / (order + 2)))
    truth = math.sin(0.5 + order * math.pi / 2)
    assert abs(float(gx.evaluate(node, x=0.5)) - truth) < 10.0**-digits


def test_engines_mix_in_higher_orders() -> None:
    x = gx.input("x", (3,), "float64")
    values = np.array([0.3, -0.7, 1.1])
    out = gx.sum(gx.exp(x) * gx.sin(x)) * gx.prod(x)
    truth = jax.hessian(lambda v: jnp.sum(jnp.exp(v) * jnp.sin(v)) * jnp.prod(v))(values)
    for inner in ("reverse", "forward", "jax", "symbolic"):
        for outer in ("reverse", "forward", "jax"):
            made = gx.jacobian(gx.grad(out, x, engine=inner), x, engine=outer)
            np.testing.assert_allclose(gx.compile(made)(x=values), truth, rtol=1e-12, atol=1e-13)


def test_reverse_of_reverse_through_the_referee() -> None:
    x = gx.input("x", (3,), "float64")
    slope = gx.sum(gx.grad(gx.sum(gx.sin(x) * x), x, engine="jax") ** 2)
    values = np.array([0.3, -0.7, 1.1])

    def twin(v: Any) -> Any:
        return jnp.sum(jax.grad(lambda u: jnp.sum(jnp.sin(u) * u))(v) ** 2)

    for engine in ("reverse", "forward", "jax"):
        found = gx.compile(gx.grad(slope, x, engine=engine))(x=values)
        np.testing.assert_allclose(found, jax.grad(twin)(values), rtol=1e-13)


# -- jacobian, hessian, products -------------------------------------------------------------------


def vector_function(x: Any, m: Any, xp: Any) -> Any:
    return xp.stack([xp.sin(x) * xp.sum(m), x * x[::-1]], axis=0)


@pytest.mark.parametrize("engine", ["reverse", "forward", "numeric", "jax"])
def test_jacobian_is_that_of_jax(engine: str) -> None:
    x, m = gx.input("x", (3,), "float64"), gx.input("m", (2, 2), "float64")
    values = {"x": np.array([0.3, -0.7, 1.1]), "m": np.array([[1.0, 2.0], [-0.5, 0.25]])}
    made = gx.jacobian(vector_function(x, m, gx), {"x": x, "m": m}, engine=engine, chunk=2)
    truth = jax.jacobian(lambda x, m: vector_function(x, m, jnp), (0, 1))(values["x"], values["m"])
    found = gx.compile(made)(values)
    for name, t in zip(("x", "m"), truth, strict=True):
        assert found[name].shape == t.shape
        np.testing.assert_allclose(
            found[name], t, rtol=1e-9 if engine == "numeric" else 1e-14, atol=1e-10
        )


def test_products_with_the_jacobian_are_those_of_jax(graph: Any) -> None:
    loss, wrt, values = graph
    w, _ = wrt
    x = gx.input("x", (4, 3), "float64")
    output = gx.tanh(x @ w)
    function = lambda v: jnp.tanh(DATA @ v)
    cotangent, tangent = np.cos(np.arange(8.0)).reshape(4, 2), np.sin(np.arange(6.0)).reshape(3, 2)
    _, pull = jax.vjp(function, W)
    np.testing.assert_allclose(
        gx.evaluate(gx.vjp(output, w, cotangent), w=W, x=DATA), pull(cotangent)[0], rtol=1e-13
    )
    pushed = jax.jvp(function, (W,), (tangent,))[1]
    np.testing.assert_allclose(
        gx.evaluate(gx.jvp(output, w, tangent), w=W, x=DATA), pushed, rtol=1e-13
    )
    full = jax.hessian(by_jax)(W, B, DATA)
    np.testing.assert_allclose(
        gx.evaluate(gx.hessian(loss, w), values), full, rtol=1e-11, atol=1e-13
    )
    product = gx.evaluate(gx.hvp(loss, {"w": w}, {"w": tangent}), values)["w"]
    np.testing.assert_allclose(product, np.tensordot(full, tangent, 2), rtol=1e-11, atol=1e-13)


def test_value_and_gradient_come_together(graph: Any) -> None:
    loss, wrt, values = graph
    value, gradient = gx.evaluate(gx.value_and_grad(loss, {"w": wrt[0], "b": [wrt[1]]}), values)
    np.testing.assert_allclose(value, by_jax(W, B, DATA), rtol=1e-15)
    assert gradient["w"].shape == (3, 2) and gradient["b"][0].shape == (2,)


def test_derivative_by_an_inner_node_cuts_the_graph_there() -> None:
    x = gx.input("x", (3,), "float64")
    hidden = gx.tanh(x)
    loss = gx.sum(hidden**2 * x)
    values = np.array([0.3, -0.7, 1.1])
    truth = 2 * np.tanh(values) * values
    for engine in ("reverse", "forward", "numeric", "jax", "symbolic"):
        found = gx.compile(gx.grad(loss, hidden, engine=engine))(x=values)
        np.testing.assert_allclose(found, truth, rtol=1e-8 if engine == "numeric" else 1e-14)


def test_derivative_by_a_node_and_by_what_lies_below_it() -> None:
    x = gx.input("x", (), "float64")
    hidden = gx.sin(x)
    loss = hidden * hidden + x
    for engine in ("reverse", "forward", "jax", "symbolic"):
        found = gx.compile(gx.grad(loss, [hidden, x, loss], engine=engine))(x=0.4)
        truth = [2 * math.sin(0.4), 2 * math.sin(0.4) * math.cos(0.4) + 1, 1.0]
        np.testing.assert_allclose(found, truth, rtol=1e-14)


def test_gradient_of_an_input_by_itself_is_1() -> None:
    x = gx.input("x", (), "float64")
    for engine in ("reverse", "forward", "numeric", "jax", "symbolic"):
        assert abs(float(gx.compile([gx.grad(x, x, engine=engine), x])(x=0.4)[0]) - 1.0) < 1e-9


# -- numeric ---------------------------------------------------------------------------------------

SMOOTH: list[Callable[[Any], Any]] = [
    gx.sin,
    gx.exp,
    lambda x: x**3 / (1 + x * x),
    lambda x: gx.tanh(x) * gx.cos(x),
]
#: Relative error that theory promises, and a factor for the function's own derivatives.
THEORY = {
    "forward": 2.0**-26,
    "central": 2.0**-34.6,
    "complex-step": 2.0**-52,
    "richardson": 2.0**-44,
}


@pytest.mark.parametrize(
    ("method", "point"),
    # Richardson's step at 40 is 1.5, longer than a wave of the sine: out of its theory's reach.
    [(m, p) for m in METHODS for p in (0.7, -2.3, 40.0) if (m, p) != ("richardson", 40.0)],
)
def test_numeric_method_is_as_good_as_theory_promises(method: str, point: float) -> None:
    x = gx.input("x", (), "float64")
    for function in SMOOTH:
        truth = float(gx.evaluate_mpmath(gx.grad(function(x), x), x=point))
        found = float(
            gx.evaluate(gx.grad(function(x), x, engine="numeric", method=method), x=point)
        )
        second = abs(float(gx.evaluate_mpmath(gx.grad(gx.grad(function(x), x), x), x=point)))
        value = abs(float(gx.evaluate(function(x), x=point)))
        size = (abs(truth) + second + value + 1e-3) * max(abs(point), 1.0)
        assert abs(found - truth) <= 40 * THEORY[method] * size, (method, found, truth)


@pytest.mark.parametrize("method", METHODS)
def test_numeric_gradient_of_a_tensor_goes_element_by_element(method: str, graph: Any) -> None:
    loss, wrt, values = graph
    truth = gx.evaluate(gx.grad(loss, wrt), values)
    found = gx.compile(gx.grad(loss, wrt, engine="numeric", method=method, chunk=4))(values)
    for f, t in zip(found, truth, strict=True):
        np.testing.assert_allclose(f, t, atol=100 * THEORY[method])


@pytest.mark.parametrize("method", ["forward", "central"])
def test_search_finds_a_step_where_the_formula_fails(method: str) -> None:
    x = gx.input("x", (), "float64")
    steep = gx.sin(x * 3000.0)
    truth = 3000 * math.cos(3000 * 0.7)
    plain = float(gx.evaluate(gx.grad(steep, x, engine="numeric", method=method), x=0.7))
    searched = float(
        gx.evaluate(gx.grad(steep, x, engine="numeric", method=method, search=True), x=0.7)
    )
    assert abs(searched - truth) < abs(plain - truth)


def test_step_is_relative_and_can_be_chosen() -> None:
    x = gx.input("x", (), "float64")
    made = gx.grad(x**3, x, engine="numeric", method="central", step=0.25)
    assert abs(float(gx.evaluate(made, x=1.0)) - (3.0 + 0.0625)) < 1e-14
    assert abs(float(gx.evaluate(made, x=4.0)) - (48.0 + 1.0)) < 1e-12
    assert relative_step("central", 2.0**-52) == (2.0**-52) ** (1 / 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "magic"}, "no numeric method 'magic'"),
        ({"step": 0.0}, "no positive number"),
        ({"step": -1.0}, "no positive number"),
        ({"search": True, "method": "richardson"}, "for forward and central"),
        ({"budget": 3}, "has no option 'budget'"),
    ],
)
def test_wrong_numeric_option_is_an_error_at_the_line(options: Any, words: str) -> None:
    x = gx.input("x", (), "float64")
    with pytest.raises(gx.GraphcError, match=rf"{HERE}:\d+: .*{words}"):
        gx.grad(x * x, x, engine="numeric", **options)


@pytest.mark.parametrize("name", ["relu", "abs", "max", "norm", "erf", "floor"])
def test_complex_step_names_the_op_in_its_way(name: str) -> None:
    x = gx.input("x", (3,), "float64")
    made = getattr(gx, name)(x * 2)
    loss = made if made.ndim == 0 else gx.sum(made)
    with pytest.raises(
        gx.EngineError, match=rf"{HERE}:\d+: complex-step does not apply: {name}\("
    ) as caught:
        gx.grad(loss, x, engine="numeric", method="complex-step")
    assert "use central or richardson" in str(caught.value)


def test_complex_step_passes_holomorphic_ops_blocks_and_float32() -> None:
    x = gx.input("x", (3,), "float32")
    inner = gx.block(lambda v: gx.softmax(gx.tanh(v)) * gx.sigmoid(v))
    loss = gx.sum(gx.log_softmax(inner(x)) ** 2) + gx.logsumexp(x) + gx.sum(gx.softplus(x))
    values = np.array([0.3, -0.7, 1.1], "float32")
    made = gx.grad(loss, x, engine="numeric", method="complex-step")
    truth = np.array([float(v) for v in gx.evaluate_mpmath(gx.grad(loss, x), x=values)])
    for found in (gx.evaluate(made, x=values), gx.compile(made)(x=values)):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, truth, rtol=2e-6)


# -- a formula beside the expression ---------------------------------------------------------------


def test_right_formula_is_the_gradient_and_a_wrong_one_is_kept_apart() -> None:
    x, y = gx.input("x", (3,), "float64"), gx.input("y", (3,), "float64")
    loss = gx.sum((x - y) ** 2)
    values = {"x": np.array([1.0, 2.0, 3.0]), "y": np.array([0.5, 0.5, 0.5])}
    right = gx.with_gradient(loss, {x: 2 * (x - y)})
    wrong = gx.with_gradient(loss, {x: 3 * (x - y)})
    truth = gx.evaluate(gx.grad(loss, x), values)
    assert gx.evaluate(right, values) == gx.evaluate(loss, values)
    np.testing.assert_array_equal(gx.evaluate(gx.grad(right, x, engine="analytic"), values), truth)
    np.testing.assert_array_equal(
        gx.evaluate(gx.grad(wrong, x, engine="analytic"), values), 1.5 * truth
    )
    for engine in ("reverse", "forward", "jax", "symbolic"):
        np.testing.assert_allclose(gx.compile(gx.grad(wrong, x, engine=engine))(values), truth)


def test_formula_beside_a_part_is_carried_on_by_our_rules() -> None:
    x = gx.input("x", (3,), "float64")
    part = gx.with_gradient(gx.sin(x), {x: gx.cos(x)})
    loss = gx.sum(part**2)
    values = np.array([0.3, -0.7, 1.1])
    found = gx.evaluate(gx.grad(loss, x, engine="analytic"), x=values)
    np.testing.assert_allclose(found, np.sin(2 * values), rtol=1e-14)


def test_missing_or_misshapen_formula_is_an_error_at_the_line() -> None:
    x, y = gx.input("x", (3,), "float64"), gx.input("y", (3,), "float64")
    loss = gx.sum(x * y)
    with pytest.raises(
        gx.EngineError, match=rf"{HERE}:\d+: there is no formula beside the expression"
    ):
        gx.grad(loss, x, engine="analytic")
    partly = gx.with_gradient(loss, {x: y})
    with pytest.raises(gx.EngineError, match="there is no formula for y"):
        gx.grad(partly, [x, y], engine="analytic")
    with pytest.raises(gx.ShapeError, match=r"formula for x: f64\[3\] is f64\[2\]"):
        gx.with_gradient(loss, {x: gx.input("z", (2,), "float64")})
    with pytest.raises(gx.ArgumentError, match="there is no formula"):
        gx.with_gradient(loss, {})
    with pytest.raises(gx.ArgumentError, match="use the nodes as keys"):
        gx.with_gradient(loss, {"x": y})
    with pytest.raises(gx.ShapeError, match="elementwise slope"):
        gx.with_gradient(x * 2, {gx.sum(x): y})


def test_formulas_of_scalars_broadcast_and_feed_higher_orders() -> None:
    x = gx.input("x", (), "float64")
    cube = gx.with_gradient(x**3, {x: 3 * x * x})
    first = gx.grad(cube, x, engine="analytic")
    assert gx.evaluate(gx.grad(first, x), x=2.0) == 12.0


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["analytic", "numeric", "symbolic", "reverse", "forward", "jax"])
def test_what_can_not_be_differentiated_is_named_at_the_line(engine: str) -> None:
    x, i, z = (
        gx.input("speed", (2,), "float64"),
        gx.input("count", (), "int32"),
        gx.input("other", (), "float64"),
    )
    loss = gx.sum(x) * 2.0
    cases: list[tuple[Any, Any, type[Exception], str]] = [
        (x * 2, x, gx.GradError, r"mul\(speed, 2.0\) has shape \[2\], not a scalar"),
        (loss, z, gx.GradError, r"does not depend on other"),
        (loss, i, gx.GradError, "count is i32: only a float has a derivative"),
        (gx.cast(loss, "int32"), x, gx.GradError, "is i32: only a float"),
        (loss, [], gx.ArgumentError, "nothing to differentiate by"),
        (loss, "speed", gx.ArgumentError, "'speed' is no graph value"),
        (3.0, x, gx.ArgumentError, "no graph value"),
    ]
    for output, wrt, error, words in cases:
        with pytest.raises(error, match=rf"{HERE}:\d+: .*{words}"):
            gx.grad(output, wrt, engine=engine)


def test_unknown_engine_names_those_there_are() -> None:
    x = gx.input("x")
    with pytest.raises(
        gx.EngineError,
        match=rf"grad\(.*x: f32.* at {HERE}:\d+: there is no engine 'revers'; use one of analytic",
    ):
        gx.grad(x * x, x, engine="revers")
    with pytest.raises(gx.EngineError, match="there is no engine 'revers'; use one of analytic"):
        gx.jacobian(x * x, x, engine="revers")
    with pytest.raises(gx.ArgumentError, match="neither 'error' nor 'zero'"):
        gx.grad(x * x, x, unreachable="maybe")


def test_unreachable_node_has_gradient_0_when_asked() -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (2,), "float64")
    for engine in ("reverse", "forward", "numeric", "jax", "symbolic"):
        made = gx.grad(gx.sin(x), [x, y], engine=engine, unreachable="zero")
        found = gx.compile([*made, gx.sin(x) + gx.sum(y)])(x=0.5, y=np.ones(2))
        assert np.array_equal(found[1], [0.0, 0.0]), engine
        assert abs(float(found[0]) - math.cos(0.5)) < 1e-9


def test_wrong_cotangents_and_tangents_are_errors() -> None:
    x = gx.input("x", (3,), "float64")
    with pytest.raises(gx.ShapeError, match=r"the cotangent is f64\[2\], not f64\[3\]"):
        gx.vjp(x * 2, x, np.ones(2))
    with pytest.raises(gx.ShapeError, match="the tangent of x"):
        gx.jvp(x * 2, x, np.ones(2))
    with pytest.raises(gx.ArgumentError, match="2 tangents for 1 nodes"):
        gx.jvp(x * 2, [x], [np.ones(3), np.ones(3)])


# -- the record ------------------------------------------------------------------------------------


def test_reverse_keeps_every_contribution_and_they_add_up_to_the_adjoints() -> None:
    from graphc.diff.reverse import reverse

    x, y, z = (gx.input(n, (), "float64") for n in "xyz")
    total = x + y
    record = reverse(total * z + total, [x, y, z])
    values = {"x": -2.0, "y": 5.0, "z": -4.0}
    assert gx.evaluate(list(record.gradients), values) == [-3.0, -3.0, 3.0]
    sums: dict[gx.Node, float] = {}
    for part in record.contributions:
        assert part.user.args[part.index] is part.operand
        sums[part.operand] = sums.get(part.operand, 0.0) + float(
            gx.evaluate([part.value, x * y * z], values)[0]
        )
    for node, amount in sums.items():
        assert float(gx.evaluate([record.adjoints[node], x * y * z], values)[0]) == amount
    assert sums[total] == -3.0 and len(record.contributions) == 6
