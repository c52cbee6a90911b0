from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.graph import MAX_NESTING, Graph, close_over, leaves
from graphc.core.op import op_named
from graphc.core.walk import topological_order

HERE = Path(__file__).name


def test_one_name_with_two_types_is_an_error_with_both_places() -> None:
    a, b = gx.input("w", (2,), "float64"), gx.input("w", (3,), "float64")
    total = gx.sum(a) + gx.sum(b)
    with pytest.raises(
        gx.NameClashError, match=rf"'w' stands for two inputs: .*{HERE}:\d+ and .*{HERE}:\d+"
    ):
        gx.evaluate(total, w=np.ones(2))
    with pytest.raises(gx.NameClashError):
        gx.compile(total)
    param = gx.param("v") + gx.input("v")
    with pytest.raises(gx.NameClashError):
        gx.compile(param)


def test_graph_needs_every_input_listed() -> None:
    x, y = gx.input("x"), gx.input("y")
    with pytest.raises(
        gx.ArgumentError, match=r"needs y: f32, which is not among its inputs \(x\)"
    ):
        Graph([x], [x + y])
    assert leaves([x + y]) == [x, y] or all(
        a is b for a, b in zip(leaves([x + y]), [x, y], strict=True)
    )


def test_graphs_of_the_same_nodes_are_equal() -> None:
    x = gx.input("x")
    assert Graph([x], [gx.sin(x)]) == Graph([x], [gx.sin(x)], "another name")
    assert Graph([x], [gx.sin(x)]) != Graph([x], [gx.cos(x)])
    assert len({Graph([x], [gx.sin(x)]), Graph([x], [gx.sin(x)])}) == 1
    assert "sin" not in repr(Graph([x], [gx.sin(x)], "f")) and "f(x: f32)" in repr(
        Graph([x], [gx.sin(x)], "f")
    )


def test_inlining_checks_types_and_replaces_inputs() -> None:
    x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
    graph = Graph([x, y], [x * y + x])
    (made,) = graph.inline([y, x])
    assert made is y * x + y
    with pytest.raises(gx.ArgumentError, match="takes x: f64"):
        graph.inline([gx.input("z"), y])


def test_closing_cuts_inner_nodes_and_takes_the_other_leaves_along() -> None:
    x, w = gx.input("x", (), "float64"), gx.input("w", (), "float64")
    hidden = gx.sin(x)
    graph, others = close_over([hidden * w + hidden], [hidden], "tail")
    assert [o.name for o in others] == ["w"]
    assert all(n.op.name == "formal" for n in graph.inputs)
    values = gx.evaluate(
        graph.outputs, dict(zip([n.params["name"] for n in graph.inputs], [2.0, 3.0], strict=True))
    )
    assert values[0] == 8.0


# -- blocks ----------------------------------------------------------------------------------------


def test_block_called_often_is_one_graph() -> None:
    w = gx.param("w", (2, 2), "float64")

    @gx.block
    def layer(h: Any) -> Any:
        return gx.tanh(h @ w)

    x = gx.input("x", (3, 2), "float64")
    out = layer(layer(layer(x)))
    graphs = {n.params["graph"] for n in topological_order([out]) if n.op.name == "call"}
    assert len(graphs) == 1
    gradient = gx.grad(gx.sum(out), [x, w])
    bodies = {n.params["graph"] for n in topological_order(gradient) if n.op.name == "call"}
    assert len(bodies) == 2  # forward and backward


def test_blocks_with_the_same_names_nest_and_capture() -> None:
    x = gx.input("x", (), "float64")
    a = gx.input("a", (), "float64")

    @gx.block
    def inner(x: Any) -> Any:
        return x * a + gx.sin(x)

    @gx.block
    def outer(x: Any, a: Any) -> Any:
        return inner(x * a) + inner(x) * a

    def plain(x: Any, b: Any) -> Any:
        def inside(v: Any) -> Any:
            return v * a + gx.sin(v)

        return inside(x * b) + inside(x) * b

    made, expected = outer(x, a * 2) + outer(a, x), plain(x, a * 2) + plain(a, x)
    values = {"x": 0.7, "a": -1.3}
    np.testing.assert_allclose(gx.evaluate(made, values), gx.evaluate(expected, values), rtol=1e-14)
    for engine in ("reverse", "forward", "jax"):
        found = gx.compile(gx.grad(made, [x, a], engine=engine))(values)
        truth = gx.evaluate(gx.grad(expected, [x, a]), values)
        np.testing.assert_allclose(found, truth, rtol=1e-13)
    twice = gx.grad(gx.grad(made, x), a)
    np.testing.assert_allclose(
        gx.evaluate(twice, values),
        gx.evaluate(gx.grad(gx.grad(expected, x), a), values),
        rtol=1e-12,
    )


def test_block_takes_nests_options_and_several_results() -> None:
    @gx.block
    def layer(params: Any, h: Any, *, scale: float, bias: Any = None) -> Any:
        z = h * params["w"] * scale + params["b"][0]
        return {"z": z, "parts": (gx.sum(z), bias)}

    w, b, h, c = (gx.input(n, (2,), "float64") for n in "wbhc")
    out = layer({"w": w, "b": [b]}, h, scale=2.0, bias=c)
    assert set(out) == {"z", "parts"} and isinstance(out["parts"], tuple)
    found = gx.evaluate(out, w=[1.0, 2.0], b=[0.5, 0.5], h=[3.0, 4.0], c=[9.0, 9.0])
    assert found["z"].tolist() == [6.5, 16.5] and found["parts"][0] == 23.0
    assert found["parts"][1].tolist() == [9.0, 9.0]


def test_block_without_graph_values_is_an_error_at_the_line() -> None:
    double = gx.block(lambda x: x * 2)
    with pytest.raises(gx.ArgumentError, match=rf"{HERE}:\d+: the block .* without a graph value"):
        double(3.0)
    with pytest.raises(gx.ArgumentError, match="something that is no graph value"):
        gx.block(lambda x: 3.0)(gx.input("x"))


def test_map_and_block_nest_with_the_same_names() -> None:
    x = gx.input("x0", (3, 2), "float64")

    def row(x0: Any) -> Any:
        return gx.sum(gx.map(lambda x0: x0 * gx.sum(gx.sin(x0) * x[0]), x0))

    out = gx.sum(gx.map(row, x))
    plain = sum(
        gx.sum(x[i, j] * gx.sum(gx.sin(x[i, j]) * x[0])) for i in range(3) for j in range(2)
    )
    values = np.linspace(-1, 1, 6).reshape(3, 2)
    np.testing.assert_allclose(
        gx.evaluate(out, x0=values), gx.evaluate(plain, x0=values), rtol=1e-14
    )
    for engine in ("reverse", "forward", "numeric"):
        found = gx.evaluate(gx.grad(out, x, engine=engine), x0=values)
        np.testing.assert_allclose(
            found,
            gx.evaluate(gx.grad(plain, x), x0=values),
            rtol=1e-8 if engine == "numeric" else 1e-13,
        )


def test_blocks_nest_to_their_limit_and_no_further() -> None:
    x = gx.input("x", (), "float64")

    def nested(depth: int) -> Any:
        def body(v: Any) -> Any:
            return gx.sin(v)

        for _ in range(depth):
            body = gx.block(lambda v, inner=body: inner(v) + 1.0)
        return body(x)

    deep = nested(MAX_NESTING - 1)
    assert gx.evaluate(gx.grad(deep, x), x=0.0) == 1.0
    with pytest.raises(gx.BudgetError, match="blocks nest"):
        nested(MAX_NESTING + 2)


def test_item_of_something_else_is_an_error() -> None:
    with pytest.raises(gx.ArgumentError):
        op_named("item")(gx.input("x"), index=0)
