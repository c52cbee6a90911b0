"""Large graphs of scalars as blocks that a machine runs inside XLA."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx
from graphc.backends.jax_parts import machine
from graphc.backends.jax_parts.instructions import instructions_of
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import topological_order
from graphc.ops.flow.placed import gather_placed
from graphc.optimize.family import Context
from graphc.optimize.scalars.costs import Load
from graphc.optimize.scalars.levels import levels

_OPS: list[Callable[[Node, Node], Node]] = [
    lambda a, b: a * 0.5 + b,
    lambda a, b: gx.sin(a) * b,
    lambda a, b: gx.where(a > b, a * b, gx.log(gx.abs(b) + 1.0)),
    lambda a, b: gx.tanh(a),
    gx.maximum,
    lambda a, b: gx.where((a > 0.0) & (b < 0.3), gx.sqrt(gx.abs(a) + 0.5), b),
    lambda a, b: gx.abs(a - b) / (1.0 + gx.square(b)),
    lambda a, b: a**3 * 0.1,
]


def drawn(count: int, leaves: list[Node], seed: int = 0, window: int = 12) -> Node:
    """Returns a random function of scalars that uses every one of its values."""
    generator = np.random.default_rng(seed)
    values = list(leaves)
    for _ in range(count):
        i, j = generator.integers(max(0, len(values) - window), len(values), 2)
        values.append(_OPS[generator.integers(len(_OPS))](values[i], values[j]))
    total = values[-1]
    for value in values[-window:-1]:
        total = total + gx.tanh(value)
    return total


def entries(count: int, dtype: Any = gx.float64) -> tuple[Node, list[Node]]:
    x = gx.input("x", (count,), dtype)
    return x, [x[i] for i in range(count)]


def blocks(outputs: Any) -> int:
    return sum(n.op.name == "levelled" for n in topological_order(flatten(outputs)[0]))


def forced(outputs: Any) -> Any:
    nodes, rebuild = flatten(outputs)
    return rebuild(levels(nodes, Context(forced=frozenset({"levels"}))))


def agree(left: Any, right: Any, ulps: float = 64) -> None:
    """Holds arrays to be equal up to some units in the last place of their largest number."""
    for a, b in zip(flatten(left)[0], flatten(right)[0], strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype and a.shape == b.shape
        room = ulps * np.finfo(b.dtype).eps * np.abs(b).max(initial=0)
        np.testing.assert_allclose(a, b, rtol=0, atol=room)


@pytest.mark.parametrize("dtype", [gx.float64, gx.float32, gx.float16, gx.bfloat16])
def test_values_are_those_of_the_graph_in_every_float_type(dtype: Any) -> None:
    x, values = entries(6, dtype)
    y = drawn(60, values, seed=1)
    at = np.random.default_rng(2).normal(size=6).astype(dtype.numpy)
    found = gx.compile(y, [x], optimize="levels")(at)
    expected = gx.evaluate(y, {"x": at})
    assert found.dtype == dtype.numpy
    room = 64 * float(jnp.finfo(dtype.numpy).eps)
    assert abs(float(found) - float(expected)) <= room * (1 + abs(float(expected)))


def test_a_block_is_the_graph_in_numpy_and_at_fifty_digits() -> None:
    x, values = entries(6)
    y = drawn(60, values, seed=3)
    outputs = list(gx.value_and_grad(y, x))
    better = forced(outputs)
    assert blocks(better) == 1
    at = np.random.default_rng(4).normal(size=6)
    for new, old in zip(
        gx.evaluate(better, {"x": at}), gx.evaluate(outputs, {"x": at}), strict=True
    ):
        np.testing.assert_array_equal(new, old)
    exact = gx.evaluate_mpmath(better, x=at, digits=50)
    agree(gx.compile(better, [x])(at), [np.asarray(e, float) for e in exact])


def test_the_gradient_by_entries_of_a_vector_is_one_block_and_one_vector() -> None:
    x, values = entries(40)
    y = drawn(100, values, seed=5, window=60)
    better = forced(gx.grad(y, x))
    order = topological_order([better])
    assert [n.op.name for n in order] == ["input", "levelled"]
    at = np.random.default_rng(6).normal(size=40)
    agree(gx.compile(better, [x])(at), gx.evaluate(gx.grad(y, x), {"x": at}))


def test_few_entries_of_a_long_vector_are_gathered() -> None:
    x = gx.input("x", (10_000,), gx.float64)
    read = [x[101 * i] for i in range(12)]
    y = drawn(40, read, seed=7)
    for value in read:
        y = y + gx.sin(value)
    outputs = list(gx.value_and_grad(y, x))
    better = forced(outputs)
    (block,) = [n for n in topological_order(better) if n.op.name == "levelled"]
    assert [a.shape for a in block.args] == [(12,)]
    at = np.random.default_rng(8).normal(size=10_000)
    agree(gx.compile(better, [x])(at), gx.evaluate(outputs, {"x": at}))


def test_entries_of_matrices_and_scalars_of_their_own_are_read() -> None:
    x, t = gx.input("x", (3, 4), gx.float64), gx.input("t", (), gx.float64)
    y = drawn(40, [*[x[i, j] for i in range(3) for j in range(4)], t, gx.sum(x)], seed=9)
    outputs = list(gx.value_and_grad(y, [x, t]))
    flat = flatten(outputs)[0]
    generator = np.random.default_rng(10)
    at = {"x": generator.normal(size=(3, 4)), "t": generator.normal()}
    better = forced(flat)
    assert blocks(better) > 0
    agree(gx.compile(better)(**at), gx.evaluate(flat, at))


def test_blocks_between_other_operations_keep_their_order() -> None:
    x, values = entries(8)
    first = [drawn(20, values, seed=s) for s in range(8)]
    mixed = gx.softmax(gx.stack(first))
    y = drawn(40, [mixed[i] for i in range(8)], seed=11)
    outputs = list(gx.value_and_grad(y, x))
    better = forced(outputs)
    assert blocks(better) >= 2
    at = np.random.default_rng(12).normal(size=8)
    agree(gx.compile(better, [x])(at), gx.evaluate(outputs, {"x": at}), 512)


@pytest.mark.parametrize("size", [(5,), (20,), (3, 4), ("n",)])
def test_operations_on_arrays_of_one_shape_are_run_for_every_entry(size: Any) -> None:
    x, y = gx.input("x", size, gx.float64), gx.input("y", size, gx.float64)
    z = drawn(30, [x, y, gx.input("t", (), gx.float64) + x], seed=13)
    outputs = [z, *gx.grad(gx.sum(z), [x, y])]
    generator = np.random.default_rng(14)
    shape = tuple(7 if isinstance(s, str) else s for s in size)
    at = {"x": generator.normal(size=shape), "y": generator.normal(size=shape), "t": 0.3}
    compiled = gx.compile(outputs, optimize="levels")
    assert "machine" in str(compiled.plan(**at))
    agree(compiled(**at), gx.evaluate(outputs, at))


def test_no_points_give_no_results() -> None:
    x = gx.input("x", ("n",), gx.float64)
    compiled = gx.compile(drawn(30, [x, x * 2.0], seed=15), optimize="levels")
    assert compiled(x=np.zeros(0)).shape == (0,)


def test_a_dead_branch_stays_dead() -> None:
    x, (a, b) = entries(2)
    y = gx.where(a > 0.0, gx.sqrt(a), b) + gx.where(b > 0.0, gx.log(b), a * b) * gx.tanh(a)
    outputs = list(gx.value_and_grad(y, x))
    compiled = gx.compile(outputs, [x], optimize="levels")
    assert "machine" in str(compiled.plan())
    for at in ([-1.0, 0.5], [-1.0, -2.0], [0.0, 1.0], [np.inf, 1.0], [np.nan, 1.0], [-1.0, np.inf]):
        found = compiled(np.asarray(at))
        for new, old in zip(found, gx.evaluate(outputs, {"x": np.asarray(at)}), strict=True):
            np.testing.assert_allclose(new, old, rtol=1e-15)


def test_truth_values_and_casts_come_out_as_they_are() -> None:
    x, (a, b) = entries(2)
    kept = (a > b) | ~(b > 0.5)
    outputs = [kept, gx.cast(gx.sin(a) * b, gx.float32), gx.where(kept, a, b) + 0.0, -a * 0.0]
    compiled = gx.compile(outputs, [x], optimize="levels")
    for at in ([1.0, 0.5], [0.25, 0.75]):
        found = compiled(np.asarray(at))
        for new, old in zip(found, gx.evaluate(outputs, {"x": np.asarray(at)}), strict=True):
            assert new.dtype == old.dtype
            np.testing.assert_array_equal(np.asarray(new), old)
            np.testing.assert_array_equal(np.signbit(new) if new.dtype != bool else 0,
                                          np.signbit(old) if old.dtype != bool else 0)  # fmt: skip


@pytest.fixture(scope="module")
def two() -> tuple[Any, Any]:
    """Returns the same function compiled for the machine and unrolled."""
    x, values = entries(5)
    y = drawn(24, values, seed=16)
    made = gx.compile(y, [x], optimize="levels")
    assert "machine" in str(made.plan())
    return made, gx.compile(y, [x], optimize=False)


_AT = np.random.default_rng(17).normal(size=(6, 5))
_TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: jax.grad(f)(_AT[0]),
    "jvp": lambda f: jax.jvp(f, (_AT[0],), (_AT[1],)),
    "vmap": lambda f: jax.vmap(f)(_AT),
    "vmap of vmap": lambda f: jax.vmap(jax.vmap(f))(_AT.reshape(2, 3, 5)),
    "vmap of grad": lambda f: jax.vmap(jax.grad(f))(_AT),
    "grad of vmap": lambda f: jax.grad(lambda v: jnp.sum(jax.vmap(f)(v) ** 2))(jnp.asarray(_AT)),
    "hessian": lambda f: jax.hessian(f)(_AT[0]),
    "jacrev of grad": lambda f: jax.jacrev(jax.grad(f))(_AT[0]),
    "linearize": lambda f: jax.linearize(f, _AT[0])[1](_AT[1]),
    "checkpoint": lambda f: jax.grad(jax.checkpoint(f))(_AT[0]),
    "vmap over axis 1": lambda f: jax.vmap(f, in_axes=1)(_AT.T),
}


@pytest.mark.parametrize("name", sorted(_TRANSFORMS))
def test_transforms_of_jax_hold(
    two: tuple[Any, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Load, "unrolled_pays", lambda *_: False)  # batches by the machine too
    ours, unrolled = two
    found = jax.jit(lambda: _TRANSFORMS[name](ours))()
    agree(list(flatten(found)[0]), list(flatten(_TRANSFORMS[name](unrolled))[0]), 2048)


def test_own_derivative_goes_through_a_block() -> None:
    x, (a, b) = entries(2)
    y = gx.abs(a) * b + gx.sin(b)
    compiled = gx.compile(y, [x], optimize="levels", derivative="graphc")
    np.testing.assert_allclose(jax.grad(compiled)(np.zeros(2)), [0.0, 1.0])
    theirs = gx.compile(y, [x], optimize="levels")
    at = np.asarray([0.0, 2.0])
    np.testing.assert_allclose(jax.grad(theirs)(at)[0], 2.0)  # JAX: the slope of |x| at 0 is 1


def test_both_loops_run_the_same_program() -> None:
    _, values = entries(6)
    y = drawn(60, values, seed=18)
    (block,) = [n for n in topological_order([forced(y)]) if n.op.name == "levelled"]
    at = jnp.asarray(np.random.default_rng(19).normal(size=(11, 6)))
    graph = block.params["graph"]
    for args, mapped in (([at[0]], (False,)), ([at], (True,))):
        one, slabs = (
            jax.jit(lambda *a, loop=loop, m=mapped: machine.run(loop, *a, graph=graph, mapped=m))
            for loop in (machine.one_by_one, machine.slab_by_slab)
        )
        agree(slabs(*args), one(*args))


def test_instructions_of_a_batch_do_not_need_each_other() -> None:
    _, values = entries(6)
    (block,) = [
        n for n in topological_order([forced(drawn(80, values, 20))]) if n.op.name == "levelled"
    ]
    program = instructions_of(block.params["graph"], (False,))
    ends = [start for start, _ in program.batches[1:]] + [len(program.rows)]
    for (start, count), end in zip(program.batches, ends, strict=True):
        assert start + count == end
        rows = program.rows[start:end]
        assert len(set(rows[:, 0])) == 1
        assert rows[:, 1:].max() < program.first + start


def test_what_the_machine_cannot_run_is_unrolled() -> None:
    formal = gx.Graph([z := gx.input("z", (), gx.complex128)], [gx.exp(z) * z], "scalars")
    from graphc.ops.flow.levelled import levelled

    w = gx.input("w", (3,), gx.complex128)
    made = levelled(w, graph=formal, mapped=(True,))
    at = np.asarray([1 + 2j, 0.5j, -1.0])
    np.testing.assert_allclose(gx.compile(made)(w=at), np.exp(at) * at, rtol=1e-14)


def test_a_graph_with_a_block_is_saved_and_loaded(tmp_path: Path) -> None:
    _, values = entries(4)
    better = forced(drawn(20, values, seed=21))
    gx.save(tmp_path / "f.json", better)
    assert json.loads((tmp_path / "f.json").read_text())
    again = gx.load(tmp_path / "f.json")
    assert again is better


# -- the choice ------------------------------------------------------------------------------------


def test_large_graphs_of_scalars_are_taken_and_small_ones_left() -> None:
    _, values = entries(8)
    small, large = drawn(20, values, seed=22), drawn(1_000, values, seed=23)
    assert blocks(gx.optimize(small)) == 0
    assert blocks(gx.optimize(large)) == 1
    assert blocks(gx.optimize(large, rewrites=False)) == 0
    assert "to compile" in str(gx.plan(large))


def cheap(count: int) -> tuple[Node, Node]:
    """Returns an irregular function of products and sums, and its input."""
    x, values = entries(4)
    generator = np.random.default_rng(28)
    for _ in range(count):
        i, j, k = generator.integers(max(0, len(values) - 6), len(values), 3)
        values.append(values[i] * 0.25 + (values[j] - values[k]))
    return values[-1], x


def test_a_batch_from_outside_is_unrolled_where_its_points_are_many() -> None:
    y, x = cheap(300)
    compiled = gx.compile(y, [x])
    (choice,) = [c for c in compiled.plan().choices if c.taken]
    assert choice.family == "scalars" and "unrolled where batched to" in choice.after
    batch = jax.jit(jax.vmap(compiled))
    few, many = (jax.ShapeDtypeStruct((points, 4), np.float64) for points in (3, 1_000_000))
    assert "while" in batch.lower(few).as_text()
    assert "while" not in batch.lower(many).as_text()


def test_a_batch_unrolled_has_the_values_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = cheap(40)
    compiled = gx.compile(list(gx.value_and_grad(y, x)), [x], optimize="levels")
    at = np.random.default_rng(29).normal(size=(9, 4))
    results: list[Any] = []
    for unrolled in (True, False):
        monkeypatch.setattr(Load, "unrolled_pays", lambda *_, choice=unrolled: choice)
        run = jax.jit(jax.vmap(compiled)).lower(at)
        assert ("while" in run.as_text()) is not unrolled
        results.append(run.compile()(at))
    agree(*results)


def test_where_the_machine_was_chosen_for_its_points_it_stays() -> None:
    x = gx.input("x", (100_000,), gx.float64)
    y = x
    for k in range(5):
        y = y * 0.5 + gx.where(y > 0.1 * k, y * y, -y)
    text = gx.compile(y, [x], optimize="levels").stablehlo()
    assert "while" in text


def mapped(count: int, points: Any, seed: int) -> tuple[Node, list[Node]]:
    """Returns the input and the value and gradient of a function at each row of it."""
    x = gx.input("x", (points, 6), gx.float64)
    y = gx.map(lambda row: drawn(count, [row[i] for i in range(6)], seed=seed), x)
    return x, [y, gx.grad(gx.sum(y), x)]


def test_maps_of_large_scalar_bodies_become_one_block() -> None:
    x, outputs = mapped(400, 12, seed=32)
    better = [n.op.name for n in topological_order(gx.optimize(outputs))]
    assert better.count("levelled") == 1 and "map" not in better
    at = np.random.default_rng(33).normal(size=(12, 6))
    compiled = gx.compile(outputs, [x])
    assert "(12,)" in str(compiled.plan())
    agree(compiled(at), gx.evaluate(outputs, {"x": at}), 1e4)


def test_maps_for_xla_are_joined_too() -> None:
    x = gx.input("x", ("n",), gx.float64)

    def function(v: Node) -> Node:
        for _ in range(40):
            v = 3.7 * v * (1.0 - v)
        return v

    y = gx.map(function, x)
    outputs = [y, gx.grad(gx.sum(y), x)]
    better = gx.optimize(outputs, sizes={"n": 1_000_000})
    assert [n.op.name for n in topological_order(better)].count("map") == 1
    at = {"x": np.linspace(0.1, 0.9, 3)}
    for new, old in zip(gx.evaluate(better, at), gx.evaluate(outputs, at), strict=True):
        np.testing.assert_array_equal(new, old)


def test_a_small_map_is_run_by_the_machine_where_that_is_asked_for() -> None:
    x = gx.input("x", (5,), gx.float64)
    y = gx.map(lambda v: gx.sin(v) * v, x)
    assert blocks(gx.optimize(y)) == 0
    asked = gx.compile(y, [x], optimize="scalars")
    assert asked.plan().choices[0].why == "asked for"
    at = np.linspace(-1.0, 1.0, 5)
    agree(asked(at), np.sin(at) * at)


def test_maps_with_a_named_number_of_entries_are_planned_for_each_number() -> None:
    x, outputs = mapped(150, "n", seed=34)
    compiled = gx.compile(outputs, [x])
    few, many = np.ones((3, 6)), np.ones((5, 6))
    for at in (few, many):
        agree(compiled(at), gx.evaluate(outputs, {"x": at}), 1e4)
        assert any(c.family == "scalars" and c.taken for c in compiled.plan(at).choices)


def test_maps_that_need_each_other_or_hold_more_than_scalars_are_apart() -> None:
    x = gx.input("x", (5,), gx.float64)
    first = gx.map(lambda v: drawn(150, [v, v * v], seed=35), x)
    second = gx.map(lambda v: drawn(150, [v, gx.sin(v)], seed=36), first)
    better = gx.optimize([first, second])
    assert [n.op.name for n in topological_order(better)].count("levelled") == 1
    at = np.linspace(0.1, 0.9, 5)
    agree(gx.compile([first, second], [x])(at), gx.evaluate([first, second], {"x": at}), 1e4)
    rows = gx.input("rows", (5, 3), gx.float64)
    y = gx.map(lambda r: drawn(150, [gx.sum(r), gx.max(gx.sort(r))], seed=37), rows)
    assert any(n.op.name == "map" for n in topological_order([gx.optimize(y)]))


def test_maps_of_one_function_over_different_arrays_are_not_mixed_up() -> None:
    x, z = gx.input("x", (5,), gx.float64), gx.input("z", (5,), gx.float64)

    def function(v: Node) -> Node:
        return drawn(150, [v, v * v], seed=38)

    outputs = [gx.map(function, x), gx.map(function, z)]
    at = {"x": np.linspace(0.1, 0.9, 5), "z": np.linspace(-0.9, 0.2, 5)}
    agree(gx.compile(outputs)(**at), gx.evaluate(outputs, at), 1e4)


def test_most_costs_grow_with_work_and_many_cheap_points_are_for_xla() -> None:
    small, heavy = Load(1_000, 0, 5), Load(1_000, 500, 20)
    assert small.unrolled(10)[1] < small.unrolled(1_000)[1]
    assert small.machine(10)[1] < small.machine(1_000)[1]
    assert not small.unrolled_pays(1) and small.unrolled_pays(1e6)
    assert not heavy.unrolled_pays(1e6)
    assert not Load(20_000, 0, 5).unrolled_pays(1e6)  # XLA may crash


def test_mostly_scalars_are_levelled_before_other_families_look() -> None:
    _, values = entries(8)
    plan = gx.plan(drawn(1_000, values, seed=30))
    assert [c.family for c in plan.choices] == ["scalars"]
    w = gx.input("w", (3, 3), gx.float64)
    mixed = gx.matmul(w, w) * drawn(30, values, seed=31)
    for _ in range(200):
        mixed = mixed @ w + gx.tanh(mixed)
    assert all(c.family != "scalars" for c in gx.plan(mixed).choices)


def test_a_recurrence_is_left_to_a_loop_but_not_one_that_reads_an_entry_a_step() -> None:
    t = gx.input("t", (), gx.float64)
    y = t
    for _ in range(100):
        y = 3.7 * y * (1.0 - y)
    assert {c.family for c in gx.plan(list(gx.value_and_grad(y, t))).choices} >= {"roll"}
    x, values = entries(300)
    y = values[0]
    for v in values[1:]:
        y = y * v
    assert [c.family for c in gx.plan(list(gx.value_and_grad(y, x))).choices] == ["scalars"]


def test_many_points_of_a_small_function_stay_unrolled() -> None:
    x = gx.input("x", (1_000_000,), gx.float64)
    y = drawn(100, [x, x * 2.0, x - 1.0], seed=24)
    assert blocks(gx.optimize(y)) == 0


def test_networks_have_no_scalar_part_to_speak_of() -> None:
    x, w = gx.input("x", (32, 8)), gx.param("w", (8, 8))
    y = x
    for _ in range(20):
        y = gx.tanh(y @ w)
    assert blocks(gx.optimize(list(gx.value_and_grad(gx.sum(y), w)))) == 0


def test_asked_for_where_there_is_nothing_it_is_refused() -> None:
    w = gx.input("w", (3, 3), gx.float64)
    with pytest.raises(gx.ArgumentError, match=r"'levels' asked for.*a large graph of scalars"):
        gx.compile(w @ w, [w], optimize="levels")


def test_a_graph_that_xla_could_not_compile_is_compiled() -> None:
    x, values = entries(20)
    y = drawn(8_000, values, seed=25, window=200)
    outputs = list(gx.value_and_grad(y, x))
    assert len(topological_order(outputs)) > 15_000
    at = np.random.default_rng(26).normal(size=20)
    agree(gx.compile(outputs, [x])(at), gx.evaluate(outputs, {"x": at}), 1e6)
    with pytest.raises(gx.BudgetError):
        gx.compile(outputs, [x], optimize=False)


def test_a_block_on_arrays_that_reads_nothing_but_one_number() -> None:
    x = gx.input("x", (), gx.float64)
    y = gx.input("y", (1, 3), gx.float64)
    spread = gx.broadcast_to(x, (1, 3))
    node = gx.cumsum(gx.tanh(spread) * spread + 1.0, axis=1) + y
    (made,) = levels([node], Context(forced=frozenset(["levels"])))
    assert "levelled" in [n.op.name for n in topological_order([made])]
    given = {"x": 0.3, "y": np.array([[1.0, 2.0, 3.0]])}
    one = np.tanh(0.3) * 0.3 + 1.0
    np.testing.assert_allclose(
        gx.evaluate(made, given), one * np.array([[1, 2, 3]]) + given["y"], rtol=1e-15
    )


# -- placed scalars --------------------------------------------------------------------------------


def test_sums_of_placed_scalars_become_one_stack() -> None:
    x, values = entries(30)
    y = values[0]
    for v in values[1:]:
        y = y * gx.sin(v)
    (made,) = gather_placed([gx.grad(y, x)])
    names = [n.op.name for n in topological_order([made])]
    assert "slice_transpose" not in names and names[-1] == "stack"
    at = np.random.default_rng(27).normal(size=30)
    np.testing.assert_array_equal(
        gx.evaluate(made, {"x": at}), gx.evaluate(gx.grad(y, x), {"x": at})
    )


def test_masks_go_along_with_placed_scalars() -> None:
    x, values = entries(8)
    y = gx.zeros((), gx.float64)
    for v in values:
        y = y + gx.where(v > 0.0, gx.sqrt(v), 0.0) * v + gx.where(v > 0.5, gx.log(v), v)
    slope = gx.grad(y, x)
    (made,) = gather_placed([slope])
    assert "slice_transpose" not in [n.op.name for n in topological_order([made])]
    at = np.linspace(-1.0, 1.0, 8)
    np.testing.assert_array_equal(gx.evaluate(made, {"x": at}), gx.evaluate(slope, {"x": at}))
