"""Facts of scans, order and places: exact slopes, saved graphs, JAX around them, verdicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import graphc as gx
from graphc.core.node import apply_named

F = "float64"
x = gx.input("x", (2, 4), F)
i, t = gx.input("i", (3,), "int32"), gx.input("t", (), "int32")
u = gx.input("u", (3, 4), F)
GIVEN: dict[str, Any] = {
    "x": np.array([[1.5, -0.5, 2.5, 0.25], [3.0, 4.0, -1.0, 0.75]]),
    "i": np.array([1, 0, 1], "int32"),
    "t": np.int32(1),
    "u": np.arange(12.0).reshape(3, 4) * 0.7 - 3.1,
}

GRAPHS: dict[str, Callable[[], Any]] = {
    "index_gather": lambda: x[i, [0, 3, 3]],
    "index_set": lambda: x.at[i].set(u),
    "index_add": lambda: x.at[i].add(u),
    "index_max": lambda: x.at[i].max(u),
    "index_min": lambda: x.at[i].min(u),
    "take_along_axis": lambda: gx.take_along_axis(x, gx.argsort(x), axis=1),
    "dynamic_slice": lambda: gx.dynamic_slice(x, (0, t), (2, 3)),
    "dynamic_update_slice": lambda: gx.dynamic_update_slice(x, x[:, :2] * 3.0, (0, t)),
    "pad": lambda: gx.pad(x, ((1, 0), (0, 2)), constant_values=x[0, 0]),
    "pad-reflect": lambda: gx.pad(x, ((0, 0), (2, 3)), "reflect"),
    "sort": lambda: gx.sort(x, axis=0, descending=True),
    "top_k": lambda: gx.top_k(x, 2)[0],
    "argmax": lambda: gx.take_along_axis(x, gx.argmax(x, axis=1, keepdims=True)),
    "searchsorted": lambda: x[0] * gx.searchsorted(gx.sort(x[1]), x[0]),
    "any": lambda: gx.where(gx.any(x > 3.5, axis=0), x, 2 * x),
    "cumsum": lambda: gx.cumsum(x, axis=1),
    "cumprod": lambda: gx.cumprod(x, axis=0, reverse=True),
    "cummax": lambda: gx.cummax(x, axis=1),
    "cummin": lambda: gx.cummin(x, axis=1, reverse=True),
    "cumlogsumexp": lambda: gx.cumlogsumexp(x, axis=1),
    "linear_recurrence": lambda: apply_named("linear_recurrence", x, x * x, axis=1, reverse=False),
    "unique": lambda: gx.unique(x, size=9, fill_value=0.5),
    "nonzero": lambda: gx.ravel(x)[gx.nonzero(gx.ravel(x) > 0, size=8)[0]],
    "repeat": lambda: gx.repeat(x, [1, 0, 2, 1], axis=1),
    "roll": lambda: gx.roll(x, t, axis=1),
    "diagonal": lambda: gx.diagonal(x, 1),
    "linspace": lambda: gx.linspace(x[0], x[1], 3),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_saved_graph_comes_back_itself(name: str, tmp_path: Path) -> None:
    made = GRAPHS[name]()
    path = tmp_path / "graph.json"
    gx.save(path, {"value": made, "slope": gx.grad(gx.sum(made * made), x)})
    loaded = gx.load(path)
    assert loaded["value"] is made
    assert loaded["slope"] is gx.grad(gx.sum(made * made), x)


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    """Returns one compiled function of all graphs, and JAX's slope of each through it."""
    losses = {name: gx.sum(gx.sin(build())) for name, build in GRAPHS.items()}
    asked = {n: [loss, gx.grad(loss, x)] for n, loss in losses.items()}
    step = gx.compile([list(losses.values()), [i, t, u, x]], jit=False)

    def stacked(value: Any) -> Any:
        return jnp.stack(step({**GIVEN, "x": value})[0])

    jacobian = jax.jit(jax.jacrev(stacked))(jnp.asarray(GIVEN["x"]))
    return {
        "numpy": gx.evaluate([asked, i, t, u], GIVEN)[0],
        "jax": gx.compile([asked, i, t, u])(GIVEN)[0],
        "by jax": dict(zip(losses, np.asarray(jacobian), strict=True)),
    }


@pytest.mark.parametrize("name", GRAPHS)
def test_both_evaluators_and_jaxs_own_derivative_agree(name: str, compiled: Any) -> None:
    value, slope = compiled["numpy"][name]
    np.testing.assert_allclose(compiled["jax"][name][0], value, rtol=1e-14)
    np.testing.assert_allclose(compiled["jax"][name][1], slope, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(compiled["by jax"][name], slope, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["index_max", "sort", "cumprod", "cummax", "cumlogsumexp", "pad"])
def test_engines_agree(name: str) -> None:
    made = GRAPHS[name]()
    needed = {k: v for k, v in GIVEN.items() if k != "t" and (k == "x" or name == "index_max")}
    assert gx.check(gx.Problem(gx.sum(gx.sin(made)), needed)).agreed


def test_running_log_sum_exp_keeps_its_digits_and_does_not_overflow() -> None:
    v = gx.input("v", (4,), F)
    made = gx.cumlogsumexp(v)
    for given in ([800.0, 1e4, -1e4, 1e4], [-1e4, -800.0, -1e5, 0.0]):
        value, slope, _ = gx.evaluate([made, gx.grad(made[3], v), v], v=given)
        exact = gx.evaluate_mpmath([made, gx.grad(made[3], v), v], v=given)
        np.testing.assert_allclose(value, exact[0].astype(float), rtol=4e-16)
        np.testing.assert_allclose(slope, exact[1].astype(float), rtol=1e-12, atol=1e-300)


def test_jaxs_running_log_sum_exp_agrees() -> None:
    v = gx.input("v", (5,), F)
    given = np.array([0.3, -2.0, 7.5, 7.25, 1.0])
    found = gx.evaluate(gx.cumlogsumexp(v), v=given)
    np.testing.assert_allclose(found, lax.cumlogsumexp(jnp.asarray(given)), rtol=1e-15)


def test_scans_of_nothing_and_of_one_are_what_they_are_given() -> None:
    for size in (0, 1):
        v = gx.input("v", (size, 2), F)
        given = np.full((size, 2), 3.0)
        for name in ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"):
            made = getattr(gx, name)(v, axis=0)
            nodes = [made, gx.grad(gx.sum(made), v), v]
            for found in (gx.evaluate(nodes, v=given), gx.compile(nodes)(v=given)):
                np.testing.assert_array_equal(found[0], given)
                np.testing.assert_array_equal(found[1], np.ones((size, 2)))


def test_order_of_nothing_is_nothing() -> None:
    v = gx.input("v", (0,), F)
    nodes = [gx.sort(v), gx.argsort(v), gx.top_k(v, 0)[0], gx.unique(gx.pad(v, 1), size=2), v]
    found = gx.evaluate(nodes, v=np.zeros(0))
    assert [f.shape for f in found[:3]] == [(0,), (0,), (0,)]
    assert found[3].tolist() == [0.0, 0.0]


def test_last_of_two_values_stays_wherever_the_indices_come_from() -> None:
    v = gx.input("v", (4,), F)
    k = gx.input("k", (4,), "int32")
    zeros = gx.zeros((3,), F)
    for where in (k, [0, 2, 0, 2]):
        made = zeros.at[where].set(v)
        slope = gx.grad(gx.sum(made * gx.constant([1.0, 2.0, 3.0], F)), v)
        tangent = gx.jvp(made, v, gx.constant([1.0, 10.0, 100.0, 1000.0], F))
        given = {"v": [1.0, 2.0, 3.0, 4.0], "k": np.array([0, 2, 0, 2], "int32")}
        nodes = [made, slope, tangent, v, k]
        for found in (gx.evaluate(nodes, given), gx.compile(nodes)(given)):
            assert np.asarray(found[0]).tolist() == [3.0, 0.0, 4.0]
            assert np.asarray(found[1]).tolist() == [0.0, 0.0, 1.0, 3.0]
            assert np.asarray(found[2]).tolist() == [100.0, 0.0, 1000.0]


def test_infinity_that_is_overwritten_does_not_reach_the_gradient() -> None:
    v = gx.input("v", (3,), F)
    for made in (gx.log(v).at[0].set(5.0), gx.log(v).at[[0]].set(5.0)):
        found = gx.evaluate([gx.grad(gx.sum(made), v), v], v=[0.0, 1.0, 2.0])[0]
        assert found.tolist() == [0.0, 1.0, 0.5]


def test_write_out_of_range_is_an_error_or_left_out() -> None:
    k = gx.input("k", (2,), "int32")
    v = gx.input("v", (3,), F)
    given = {"v": np.zeros(3), "k": np.array([1, 3], "int32")}
    for way in ("set", "add", "max"):
        made = getattr(v.at[k], way)(2.0)
        with pytest.raises(gx.IndexingError, match="out of range"):
            gx.evaluate(made, given)
        with pytest.raises(gx.IndexingError, match=r"index 3 at k\[1\] .* axis 0 of size 3"):
            gx.debug(gx.sum(made), given)
        assert gx.compile(made)(given).tolist() == [0.0, 2.0, 0.0]


def test_numpys_functions_find_those_on_tensors() -> None:
    given = GIVEN["x"]
    for call in (
        lambda x: np.sort(x, axis=0), np.cumsum, lambda x: np.pad(x, 1, mode="edge"),
        lambda x: np.flip(x, axis=1), lambda x: np.roll(x, 1, axis=0), np.triu, np.argmax,
        lambda x: np.repeat(x, 2, axis=1), lambda x: np.tile(x, reps=2), np.trace,
        lambda x: np.diagonal(x, axis1=1, axis2=0), lambda x: np.moveaxis(x, 0, 1),
        lambda x: np.take_along_axis(x, np.array([[1], [0]]), axis=1), np.count_nonzero,
        lambda x: np.diff(x, axis=0), np.any, lambda x: np.swapaxes(x, axis1=0, axis2=1),
    ):  # fmt: skip
        np.testing.assert_allclose(gx.evaluate(call(x), x=given), call(given), rtol=1e-15)


def test_methods_are_numpys() -> None:
    given = GIVEN["x"]
    for call in (
        lambda x: x.argmax(axis=1), lambda x: x.argmin(), lambda x: x.argsort(axis=0),
        lambda x: x.cumsum(axis=1), lambda x: x.cumprod(), lambda x: x.repeat(2, axis=0),
        lambda x: x.take([1, 0], axis=1), lambda x: x.diagonal(1), lambda x: x.trace(),
        lambda x: (x > 0).any(axis=0), lambda x: (x > 0).all(),
    ):  # fmt: skip
        np.testing.assert_allclose(gx.evaluate(call(x), x=given), call(given), rtol=1e-15)


def test_named_sizes_go_through_everything_that_needs_no_number() -> None:
    r = gx.input("r", ("n", 3), F)
    given = GIVEN["x"][:, :3]
    made = {
        "pad": (gx.pad(r, 1), np.pad(given, 1)),
        "edge": (gx.pad(r, ((1, 2), (0, 0)), "edge"), np.pad(given, ((1, 2), (0, 0)), "edge")),
        "wrap": (gx.pad(r, ((1, 3), (0, 0)), "wrap"), np.pad(given, ((1, 3), (0, 0)), "wrap")),
        "reflect": (
            gx.pad(r, ((1, 3), (0, 0)), "reflect"), np.pad(given, ((1, 3), (0, 0)), "reflect")
        ),
        "roll": (gx.roll(r, 1, axis=0), np.roll(given, 1, axis=0)),
        "tile": (gx.tile(r, (2, 1)), np.tile(given, (2, 1))),
        "repeat": (gx.repeat(r, 2, axis=0), np.repeat(given, 2, axis=0)),
        "flip": (gx.flip(r), np.flip(given)),
        "sort": (gx.sort(r, axis=0), np.sort(given, axis=0)),
        "argmax": (gx.argmax(r), np.argmax(given)),
        "initial": (
            gx.cumulative_sum(r, axis=0, include_initial=True),
            np.cumulative_sum(given, axis=0, include_initial=True),
        ),
        "diag": (gx.diag(r[:, 0], -1), np.diag(given[:, 0], -1)),
        "square": (gx.diagonal(gx.diag(r[:, 0])), given[:, 0]),
        "diff": (gx.diff(r, axis=0), np.diff(given, axis=0)),
        "arange": (gx.arange(1, gx.dim("n")) * r[0, 0], np.arange(1, 2) * given[0, 0]),
        "one_hot": (gx.one_hot(gx.argmax(r, axis=1), gx.dim("n") + 1), np.eye(3)[[2, 1]]),
        "unique": (gx.unique(r, size=gx.dim("n")), np.unique(given)[:2]),
        "concat": (gx.concat([r, r[:1], r]), np.concatenate([given, given[:1], given])),
        "broadcast": (gx.broadcast_to(r[:, :1], ("n", 5)), np.broadcast_to(given[:, :1], (2, 5))),
    }  # fmt: skip
    nodes = {k: node for k, (node, _) in made.items()}
    for found in (gx.evaluate([nodes, r], r=given)[0], gx.compile([nodes, r])(r=given)[0]):
        for name, (_, truth) in made.items():
            np.testing.assert_allclose(found[name], truth, rtol=1e-15, err_msg=name)


def test_ranges_take_the_array_apis_arguments_and_a_dtype_in_second_place() -> None:
    assert gx.arange(3).dtype is gx.int32
    assert gx.arange(3, "int64").dtype is gx.int64
    assert gx.arange(3, gx.float64).dtype is gx.float64
    assert gx.arange(0.5, 2).dtype is gx.float32
    assert gx.arange("batch").shape == (gx.dim("batch"),)
    assert gx.arange(2, gx.dim("n")).shape == (gx.dim("n") - 2,)


def test_shapes_broadcast_with_names() -> None:
    assert gx.broadcast_shapes((3, 1), ("n",)) == (3, gx.dim("n"))
    assert gx.broadcast_shapes() == ()


def test_pictures_of_them_are_drawn() -> None:
    for build in GRAPHS.values():
        assert "digraph" in str(gx.draw(build()).dot)
