from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.graph import leaves, nodes_everywhere
from graphc.core.walk import topological_order
from graphc.ops.flow.scan import scan_op
from graphc.optimize.equal_blocks.placed import stacked_rows


def scans(outputs: Any) -> list[gx.Node]:
    return [n for n in topological_order(outputs) if n.op is scan_op]


def chain(count: int, width: int = 3, batch: int = 4, dtype: str = "float64") -> Any:
    """Returns loss and gradients of equal layers, and their inputs."""
    x = gx.input("x", (batch, width), dtype)
    weights = [gx.param(f"W{i}", (width, width), dtype) for i in range(count)]
    biases = [gx.param(f"b{i}", (width,), dtype) for i in range(count)]
    h = x
    for w, b in zip(weights, biases, strict=True):
        h = gx.tanh(h @ w + b)
    loss, slopes = gx.value_and_grad(gx.sum(h * h), [weights, biases])
    return [loss, *slopes[0], *slopes[1]], [x, *weights, *biases]


def values(inputs: list[gx.Node], seed: int = 0) -> dict[gx.Node, Any]:
    rng: Any = np.random.default_rng(seed)
    return {n: rng.normal(size=n.shape).astype(n.dtype.numpy) for n in inputs}


def agree(outputs: Any, made: Any, given: dict[gx.Node, Any], ulp: float = 0.0) -> None:
    """Asserts equal types and values: NumPy runs the same operations in the same order."""
    assert [n.type for n in outputs] == [n.type for n in made]
    found, rolled = (
        gx.evaluate(roots, {n: given[n] for n in leaves(roots)}) for roots in (outputs, made)
    )
    for left, right in zip(found, rolled, strict=True):
        scale = ulp * np.finfo(left.dtype).eps * np.max(np.abs(left)) if ulp else 0.0
        assert np.max(np.abs(left - right), initial=0.0) <= scale


# -- what is rolled ------------------------------------------------------------


@pytest.mark.parametrize("count", [24, 60, 300])
def test_layers_and_their_gradients_become_two_loops_and_two_batched_calls(count: int) -> None:
    outputs, inputs = chain(count)
    # 300 of them are rolled by themselves.
    made = gx.optimize(outputs, rewrites=True if count == 300 else ["roll", "batch"])
    names = [n.op.name for n in topological_order(made)]
    assert names.count("scan") == 2 and (names.count("map") == 2 or count == 300)
    assert names.count("tanh") == 0 and names.count("matmul") <= 3
    agree(outputs, made, values(inputs), ulp=8)


def test_a_regular_scalar_recurrence_and_its_slope_become_two_loops() -> None:
    x = gx.input("x", (), "float64")
    y = x
    for _ in range(256):
        y = 3.7 * y * (1 - y)
    outputs = [y, gx.grad(y, x)]
    made = gx.optimize(outputs)
    assert len(scans(made)) == 2
    assert len(topological_order(made)) < 30
    agree(outputs, made, {x: 0.3})


def test_two_steps_back_are_two_carries() -> None:
    a, b = gx.input("a", (), "float64"), gx.input("b", (), "float64")
    c = gx.input("c", (), "float64")
    before, now = a, b
    for _ in range(40):
        before, now = now, gx.sin(now) + c * before
    made = gx.optimize([now], rewrites="roll")
    (loop,) = scans(made)
    assert loop.params["length"] >= 38 and loop.params["carries"] == 2
    agree([now], made, {a: 0.1, b: 0.2, c: 0.7})


def test_constants_and_rows_that_differ_are_stacked() -> None:
    xs = gx.input("xs", (30, 2), "float64")
    h = gx.input("h", (2,), "float64")
    first = h
    for t in range(30):
        h = gx.tanh(h * (0.5 + t) + xs[29 - t])
    made = gx.optimize([h], rewrites="roll")
    (loop,) = scans(made)
    assert loop.params["scanned"] == 2
    assert "stack" not in [n.op.name for n in topological_order(made)]
    agree([h], made, values([xs, first]))


def test_what_is_the_same_for_all_blocks_stays_one() -> None:
    w = gx.param("w", (3, 3), "float64")
    x = gx.input("x", (2, 3), "float64")
    h = x
    for _ in range(25):
        h = gx.tanh(h @ w)
    loss = gx.sum(h)
    outputs = [loss, gx.grad(loss, w)]
    made = gx.optimize(outputs, rewrites="roll")
    assert len(scans(made)) == 2
    agree(outputs, made, values([w, x]), ulp=8)


def test_calls_of_one_block_roll() -> None:
    @gx.block
    def layer(x: Any, w: Any) -> Any:
        return x + gx.tanh(x @ w)

    x = gx.input("x", (2, 3), "float64")
    ws = [gx.param(f"W{i}", (3, 3), "float64") for i in range(20)]
    h = x
    for w in ws:
        h = layer(h, w)
    loss = gx.sum(h)
    outputs = [loss, *gx.grad(loss, ws)]
    made = gx.optimize(outputs, rewrites=["roll", "batch"])
    assert len(scans(made)) >= 1
    assert [n.op.name for n in topological_order(made)].count("call") < 20
    agree(outputs, made, values([x, *ws]), ulp=8)


def test_residual_layers_carry_one_value() -> None:
    x = gx.input("x", (2, 3), "float64")
    ws = [gx.param(f"W{i}", (3, 3), "float64") for i in range(30)]
    h = x
    for w in ws:
        h = h + gx.tanh(h @ w)
    made = gx.optimize([h], rewrites="roll")
    assert [loop.params["carries"] for loop in scans(made)] == [1]
    agree([h], made, values([x, *ws]))


def test_values_read_from_several_blocks_are_rows() -> None:
    x = gx.input("x", (3,), "float64")
    h, kept = x, []
    for k in range(40):
        h = gx.sin(h) * 1.25 + 0.5
        if k % 7 == 0:
            kept.append(gx.exp(h))
    outputs = [h, *kept]
    made = gx.optimize(outputs, rewrites="roll")
    assert len(scans(made)) == 1
    agree(outputs, made, {x: np.linspace(0, 1, 3)})


def test_named_sizes_roll() -> None:
    x = gx.input("x", ("n", 3), "float64")
    ws = [gx.param(f"W{i}", (3, 3), "float64") for i in range(30)]
    h = x
    for w in ws:
        h = gx.tanh(h @ w)
    loss = gx.sum(h)
    outputs = [loss, *gx.grad(loss, ws)]
    made = gx.optimize(outputs, rewrites="roll", sizes={"n": 4})
    assert len(scans(made)) == 2
    given = values(ws)
    agree(outputs, made, {**given, x: np.linspace(-1, 1, 12).reshape(4, 3)}, ulp=8)


def test_a_rolled_graph_is_differentiated_like_the_unrolled_one() -> None:
    outputs, inputs = chain(24)
    made = gx.optimize(outputs[:1], rewrites="roll")
    given = values(inputs)
    for left, right in zip(
        gx.evaluate(gx.grad(made[0], inputs[:3]), given),
        gx.evaluate(gx.grad(outputs[0], inputs[:3]), given),
        strict=True,
    ):
        np.testing.assert_allclose(left, right, rtol=1e-12)


def test_nodes_keep_their_places() -> None:
    outputs, _ = chain(24)
    made = gx.optimize(outputs, rewrites="roll")
    here = {n.place for n in topological_order(outputs)}
    assert all(loop.place in here for loop in scans(made))
    assert {n.place for n in nodes_everywhere(made)} <= here


# -- equal blocks side by side ------------------------------------------------------------


def test_equal_blocks_side_by_side_become_one_batched_call() -> None:
    x = gx.input("x", (4, 3), "float64")
    ws = [gx.param(f"W{i}", (3, 3), "float64") for i in range(40)]
    outputs = [gx.sum(gx.tanh(x @ w) ** 2) for w in ws]
    made = gx.optimize(outputs, rewrites="batch")
    names = [n.op.name for n in topological_order(made)]
    assert names.count("map") == 1 and names.count("matmul") == 0
    agree(outputs, made, values([x, *ws]), ulp=8)


# -- where it loses, and what is told ------------------------------------------------------------


def test_few_layers_stay_as_they_are() -> None:
    for count in (3, 8, 40):
        outputs, _ = chain(count)
        made = gx.optimize(outputs, rewrites=True)
        assert not scans(made)
        assert "map" not in [n.op.name for n in topological_order(made)]


def test_large_layers_that_would_be_copied_for_a_loop_stay_as_they_are() -> None:
    outputs, _ = chain(300, width=1024, dtype="float32")
    plan = gx.plan(outputs)
    assert not any(c.taken for c in plan.choices if c.family == "roll")
    assert any("costs more" in c.why for c in plan.choices if c.family == "roll")


def test_an_irregular_scalar_graph_is_left_alone() -> None:
    rng = np.random.default_rng(5)
    xs = [gx.input(f"x{i}", (), "float64") for i in range(5)]
    made = list(xs)
    for _ in range(600):
        i, j = rng.integers(len(made), size=2)
        kind = rng.integers(4)
        a, b = made[i], made[j]
        made.append([a + b, a * b, gx.sin(a), gx.tanh(a - b)][kind])
    outputs = [made[-1] + made[-2]]
    assert not scans(gx.optimize(outputs, rewrites=["roll", "batch"]))


def test_the_plan_tells_what_was_rolled_and_where() -> None:
    outputs, _ = chain(300)
    text = str(gx.plan(outputs))
    assert "300 equal blocks of matmul, add, tanh -> one loop over 2 packed stacks" in text
    assert "test_roll.py:" in text and "one batched call" in text


def test_a_forced_loop_where_nothing_repeats_is_an_error_in_words() -> None:
    x = gx.input("x", (3,))
    y = gx.input("y", ("n",))
    for name in ("roll", "batch", "twins"):
        words = f"'{name}' asked for, and nothing in this graph fits"
        with pytest.raises(gx.ArgumentError, match=words):
            gx.compile([gx.sin(x) * 2], optimize=name)
        with pytest.raises(gx.ArgumentError, match=words):  # its sizes are known when it is called
            gx.compile(gx.sin(y) * 2, optimize=name)(y=np.ones(3, np.float32))


def test_a_forced_loop_is_made_where_it_costs_more() -> None:
    outputs, inputs = chain(6)
    assert not scans(gx.optimize(outputs))
    made = gx.optimize(outputs, rewrites="roll")
    assert len(scans(made)) == 2
    agree(outputs, made, values(inputs), ulp=8)


def test_rolling_the_same_graph_twice_gives_the_same_nodes() -> None:
    outputs, _ = chain(30)
    first, second = (gx.optimize(outputs, rewrites="roll") for _ in range(2))
    assert all(a is b for a, b in zip(first, second, strict=True))


def test_rows_of_one_stacked_parameter_and_its_gradient_roll() -> None:
    x, w = gx.input("x", (2, 3), "float64"), gx.param("W", (30, 3, 3), "float64")
    h = x
    for k in range(30):
        h = gx.tanh(h @ w[k])
    loss = gx.sum(h)
    outputs = [loss, gx.grad(loss + gx.sum(w * w), w)]
    made = gx.optimize(outputs, rewrites=["roll", "batch"])
    names = [n.op.name for n in topological_order(made)]
    assert names.count("scan") == 2 and names.count("map") == 1
    assert "slice_transpose" not in names and len(names) < 60
    agree(outputs, made, values([x, w]), ulp=8)


def test_a_sum_of_some_placed_rows_is_zero_elsewhere() -> None:
    w = gx.param("W", (9, 2), "float64")
    total = gx.sum(w[1])
    for k in (3, 4, 5, 5, 7):
        total = total + gx.sum(gx.sin(w[k]) * (k + 1))
    slope = gx.grad(total, w)
    made = stacked_rows([slope])
    assert "slice_transpose" not in [n.op.name for n in topological_order(made)]
    agree([slope], made, values([w]))


# -- random blocks ------------------------------------------------------------


def random_chain(seed: int) -> tuple[list[gx.Node], list[gx.Node]]:
    """Returns outputs and inputs of a random block repeated, with random wiring between blocks."""
    rng = np.random.default_rng(seed)
    count, width = int(rng.integers(8, 20)), 2
    history = [gx.input(f"h{i}", (width,), "float64") for i in range(3)]
    fixed = gx.param("fixed", (width,), "float64")
    table = gx.input("table", (count + 3, width), "float64")
    own = [gx.param(f"p{k}", (width,), "float64") for k in range(count)]
    inputs = [*history, fixed, table, *own]
    plan = rng.integers(0, 1 << 30, size=(int(rng.integers(1, 5)), 3)).tolist()
    backwards, offset = bool(rng.integers(2)), int(rng.integers(4))
    taps: list[gx.Node] = []
    for k in range(count):
        row = count + 2 - k if backwards else k + offset
        pool = [history[-1], history[-2], history[-3], fixed, table[row], own[k]]
        pool += [history[-1] * (0.25 + k), gx.full((width,), float(k % 5))]
        for kind, left, right in plan:
            a, b = pool[left % len(pool)], pool[right % len(pool)]
            made = [a + b, a * b, gx.sin(a) - b, gx.tanh(a * 0.5), gx.maximum(a, b)][kind % 5]
            pool.append(gx.tanh(made))
        history.append(gx.tanh(pool[-1] + 0.5 * history[-1]))
        if k % 3 == seed % 3:
            taps.append(pool[-1])
    loss = gx.sum(history[-1] * fixed) + sum(gx.sum(t) for t in taps[: seed % 4])
    return [loss, *taps, *gx.grad(loss, [*own, fixed, table], unreachable="zero")], inputs


@pytest.mark.parametrize("seed", range(60))
def test_random_repeated_blocks_keep_values_and_gradients(seed: int) -> None:
    outputs, inputs = random_chain(seed)
    try:
        made = gx.optimize(outputs, rewrites="roll")
    except gx.ArgumentError:  # nothing repeats evenly in some
        return
    agree(outputs, made, values(inputs, seed), ulp=32)


def test_most_random_repeated_blocks_roll() -> None:
    rolled = 0
    for seed in range(30):
        try:
            rolled += bool(scans(gx.optimize(random_chain(seed)[0], rewrites="roll")))
        except gx.ArgumentError:
            continue
    assert rolled >= 24
