"""Each function on tensors is NumPy's of that name, by both evaluators, and JAX's in its slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import graphc as gx

F = "float64"
M = np.array([[3.0, -1.0, 2.0, 7.0], [0.5, 4.0, -2.0, 1.0], [6.0, -3.0, 5.0, -4.0]])
V = np.array([2.0, -1.0, 4.0, 0.5, 3.0])
x, v = gx.input("x", (3, 4), F), gx.input("v", (5,), F)
GIVEN = {"x": M, "v": V}

#: By name: the function as graph, and the same in a module of NumPy's functions.
CASES: dict[str, tuple[Callable[[], Any], Callable[[Any, Any, Any], Any]]] = {
    "flip": (lambda: gx.flip(x), lambda np, x, v: np.flip(x)),
    "flip-1": (lambda: gx.flip(x, axis=-1), lambda np, x, v: np.flip(x, axis=-1)),
    "roll": (lambda: gx.roll(x, 5), lambda np, x, v: np.roll(x, 5)),
    "roll-back": (lambda: gx.roll(x, -1, axis=1), lambda np, x, v: np.roll(x, -1, axis=1)),
    "roll-two": (
        lambda: gx.roll(x, (1, 2), axis=(0, 1)),
        lambda np, x, v: np.roll(x, (1, 2), axis=(0, 1)),
    ),
    "tile": (lambda: gx.tile(x, (2, 1, 3)), lambda np, x, v: np.tile(x, (2, 1, 3))),
    "tile-fewer": (lambda: gx.tile(x, 2), lambda np, x, v: np.tile(x, 2)),
    "repeat": (lambda: gx.repeat(x, 2), lambda np, x, v: np.repeat(x, 2)),
    "repeat-axis": (lambda: gx.repeat(x, 2, axis=0), lambda np, x, v: np.repeat(x, 2, axis=0)),
    "repeat-each": (
        lambda: gx.repeat(x, [2, 0, 1], axis=0),
        lambda np, x, v: np.repeat(x, np.array([2, 0, 1]), axis=0, **total(np, 3)),
    ),
    "moveaxis": (
        lambda: gx.moveaxis(gx.reshape(x, (3, 2, 2)), 0, -1),
        lambda np, x, v: np.moveaxis(np.reshape(x, (3, 2, 2)), 0, -1),
    ),
    "moveaxis-two": (
        lambda: gx.moveaxis(gx.reshape(x, (3, 2, 2)), (0, 2), (1, 0)),
        lambda np, x, v: np.moveaxis(np.reshape(x, (3, 2, 2)), (0, 2), (1, 0)),
    ),
    "unstack": (lambda: gx.unstack(x, axis=1)[2], lambda np, x, v: x[:, 2]),
    "tril": (lambda: gx.tril(x, -1), lambda np, x, v: np.tril(x, -1)),
    "triu": (lambda: gx.triu(x, 1), lambda np, x, v: np.triu(x, 1)),
    "diagonal": (lambda: gx.diagonal(x, 1), lambda np, x, v: np.diagonal(x, 1)),
    "diagonal-below": (lambda: gx.diagonal(x, -2), lambda np, x, v: np.diagonal(x, -2)),
    "diagonal-axes": (
        lambda: gx.diagonal(gx.reshape(x, (3, 2, 2)), axis1=2, axis2=0),
        lambda np, x, v: np.diagonal(np.reshape(x, (3, 2, 2)), axis1=2, axis2=0),
    ),
    "diag": (lambda: gx.diag(v, 1), lambda np, x, v: np.diag(v, 1)),
    "diag-below": (lambda: gx.diag(v, -2), lambda np, x, v: np.diag(v, -2)),
    "diag-matrix": (lambda: gx.diag(x), lambda np, x, v: np.diag(x)),
    "trace": (lambda: gx.trace(x, 1), lambda np, x, v: np.trace(x, 1)),
    "linspace": (lambda: gx.linspace(v[0], v[1], 4), lambda np, x, v: np.linspace(v[0], v[1], 4)),
    "linspace-open": (
        lambda: gx.linspace(v, x[0, 0], 3, endpoint=False, axis=-1),
        lambda np, x, v: np.linspace(v, x[0, 0], 3, endpoint=False, axis=-1),
    ),
    "meshgrid": (lambda: gx.meshgrid(v, x[0])[0], lambda np, x, v: np.meshgrid(v, x[0])[0]),
    "meshgrid-ij": (
        lambda: gx.meshgrid(v, x[0], indexing="ij")[1],
        lambda np, x, v: np.meshgrid(v, x[0], indexing="ij")[1],
    ),
    "sort": (lambda: gx.sort(x), lambda np, x, v: np.sort(x)),
    "sort-all": (lambda: gx.sort(x, axis=None), lambda np, x, v: np.sort(x, axis=None)),
    "sort-down": (
        lambda: gx.sort(x, axis=0, descending=True),
        lambda np, x, v: -np.sort(-x, axis=0),
    ),
    "cumsum": (lambda: gx.cumsum(x), lambda np, x, v: np.cumsum(x)),
    "cumsum-axis": (lambda: x.cumsum(axis=1), lambda np, x, v: np.cumsum(x, axis=1)),
    "cumprod": (lambda: gx.cumprod(x, axis=0), lambda np, x, v: np.cumprod(x, axis=0)),
    "cumulative_sum": (
        lambda: gx.cumulative_sum(v, include_initial=True),
        lambda np, x, v: np.cumulative_sum(v, include_initial=True),
    ),
    "cumulative_prod": (
        lambda: gx.cumulative_prod(x, axis=1, include_initial=True),
        lambda np, x, v: np.cumulative_prod(x, axis=1, include_initial=True),
    ),
    "diff": (lambda: gx.diff(x, n=2), lambda np, x, v: np.diff(x, n=2)),
    "diff-edges": (
        lambda: gx.diff(v, prepend=0.0, append=v[:1]),
        lambda np, x, v: np.diff(v, prepend=0.0, append=v[:1]),
    ),
    "take_along_axis": (
        lambda: gx.take_along_axis(x, np.array([[0, -1], [2, 2], [1, 0]]), axis=1),
        lambda np, x, v: np.take_along_axis(x, np.array([[0, -1], [2, 2], [1, 0]]), axis=1),
    ),
    "take_along_axis-spread": (
        lambda: gx.take_along_axis(x, np.array([[1, 0, 1]]), axis=1),
        lambda np, x, v: np.take_along_axis(x, np.tile(np.array([[1, 0, 1]]), (3, 1)), axis=1),
    ),
    **{
        f"pad-{mode}": (
            lambda mode=mode: gx.pad(x, ((1, 2), (0, 3)), mode),
            lambda np, x, v, mode=mode: np.pad(x, ((1, 2), (0, 3)), mode),
        )
        for mode in (
            "constant",
            "edge",
            "reflect",
            "symmetric",
            "wrap",
            "linear_ramp",
            "maximum",
            "minimum",
            "mean",
            "median",
        )
    },
    **{
        f"pad-far-{mode}": (
            lambda mode=mode: gx.pad(x, ((7, 2), (9, 11)), mode),
            lambda np, x, v, mode=mode: np.pad(x, ((7, 2), (9, 11)), mode),
        )
        for mode in ("reflect", "symmetric", "wrap")
    },
    "pad-odd": (
        lambda: gx.pad(x, 2, "reflect", reflect_type="odd"),
        lambda np, x, v: np.pad(x, 2, "reflect", reflect_type="odd"),
    ),
    "pad-odd-symmetric": (
        lambda: gx.pad(x, (1, 2), "symmetric", reflect_type="odd"),
        lambda np, x, v: np.pad(x, (1, 2), "symmetric", reflect_type="odd"),
    ),
    "pad-values": (
        lambda: gx.pad(x, ((1, 0), (2, 1)), constant_values=((1, 2), (v[0], 4))),
        lambda np, x, v: np.pad(x, ((1, 0), (2, 1)), constant_values=((1, 2), (v[0], 4))),
    ),
    "pad-ramp": (
        lambda: gx.pad(v, (2, 3), "linear_ramp", end_values=(5.0, -4.0)),
        lambda np, x, v: np.pad(v, (2, 3), "linear_ramp", end_values=(5.0, -4.0)),
    ),
    "pad-stat": (
        lambda: gx.pad(x, ((1, 0), (2, 1)), "mean", stat_length=((2, 1), (3, 2))),
        lambda np, x, v: np.pad(x, ((1, 0), (2, 1)), "mean", stat_length=((2, 1), (3, 2))),
    ),
    "pad-one": (
        lambda: gx.pad(x[:, :1], ((0, 0), (2, 3)), "reflect"),
        lambda np, x, v: np.pad(x[:, :1], ((0, 0), (2, 3)), "reflect"),
    ),
    "segment_sum": (
        lambda: gx.segment_sum(v, [0, 2, 0, 2, 3], 4),
        lambda np, x, v: np.stack([v[0] + v[2], v[0] * 0, v[1] + v[3], v[4]]),
    ),
    "segment_max": (
        lambda: gx.segment_max(v, [1, 0, 1, 0, 2], 3),
        lambda np, x, v: np.stack([np.max(v[np.array([1, 3])]), np.max(v[::2][:2]), v[4]]),
    ),
    "segment_min": (
        lambda: gx.segment_min(v, [1, 0, 1, 0, 2], 3),
        lambda np, x, v: np.stack([np.min(v[np.array([1, 3])]), np.min(v[::2][:2]), v[4]]),
    ),
    "bincount": (
        lambda: gx.bincount([0, 2, 2, 1, 0], 4, weights=v),
        lambda np, x, v: np.stack([v[0] + v[4], v[3], v[1] + v[2], v[0] * 0]),
    ),
    "broadcast_arrays": (
        lambda: gx.broadcast_arrays(x, gx.expand_dims(v[:3], 1))[1],
        lambda np, x, v: np.broadcast_arrays(x, v[:3, None])[1],
    ),
    "dynamic_slice": (
        lambda: gx.dynamic_slice(x, (1, -3), (2, 3)),
        lambda np, x, v: x[1:3, 1:4],
    ),
    "dynamic_update_slice": (
        lambda: gx.dynamic_update_slice(v, x[0, :2], (2,)),
        lambda np, x, v: np.concatenate([v[:2], x[0, :2], v[4:]]),
    ),
    "unique": (
        lambda: gx.unique(gx.concat([v, v[1:3]]), size=5),
        lambda np, x, v: np.sort(v),
    ),
}


def total(module: Any, count: int) -> dict[str, int]:
    """Returns what jax.numpy's repeat must be told beside NumPy's."""
    return {} if module is np else {"total_repeat_length": count}


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, Any]]:
    """Returns value and gradient of all cases: by NumPy, and compiled in one piece."""
    asked: dict[str, Any] = {}
    for name, (build, _) in CASES.items():
        made = build()
        weights = gx.constant(weighted(made.shape))
        asked[name] = [made, *gx.grad(gx.sum(made * weights), [x, v], unreachable="zero")]
    asked["inputs"] = [x, v]
    return {"numpy": gx.evaluate(asked, GIVEN), "jax": gx.compile(asked)(GIVEN)}


def weighted(shape: Any) -> np.ndarray[Any, Any]:
    """Returns weights without symmetry."""
    return np.random.default_rng(1).uniform(0.5, 1.5, size=shape)


@pytest.mark.parametrize("name", CASES)
def test_value_is_numpys_and_slope_is_jaxs(name: str, results: Any) -> None:
    plain = CASES[name][1]
    expected = plain(np, M, V)

    def scalar(x: Any, v: Any) -> Any:
        made = plain(jnp, x, v)
        return jnp.sum(made * weighted(made.shape))

    if name.startswith("cumulative_prod"):  # jax.numpy has it under the other name
        slopes = jax.grad(
            lambda x, v: jnp.sum(
                jnp.concatenate([jnp.ones((3, 1)), jnp.cumprod(x, 1)], 1) * weighted((3, 5))
            ),
            (0, 1),
        )(M, V)
    else:
        slopes = jax.grad(scalar, (0, 1))(M, V)
    for found in results.values():
        value, *gradients = found[name]
        assert value.shape == expected.shape
        np.testing.assert_allclose(value, expected, rtol=4e-16, atol=1e-15)
        for mine, theirs in zip(gradients, slopes, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-14, atol=1e-13)


# -- results that are no real numbers --------------------------------------------------------------

E = np.array([[3.0, np.nan, 3.0, -np.inf], [2.0, 2.0, 5.0, np.nan], [-0.0, 0.0, 1.0, 1.0]])
TRUTHS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "argmax": (lambda: gx.argmax(x, axis=1), lambda: np.argmax(E, axis=1)),
    "argmin": (lambda: gx.argmin(x, axis=0, keepdims=True), lambda: np.argmin(E, 0, keepdims=True)),
    "argmax-all": (lambda: x.argmax(), lambda: np.argmax(E)),
    "argmin-kept": (lambda: gx.argmin(x, keepdims=True), lambda: np.argmin(E, keepdims=True)),
    "argsort": (lambda: gx.argsort(x), lambda: np.argsort(E, kind="stable")),
    "sort": (lambda: gx.sort(x, axis=0), lambda: np.sort(E, axis=0)),
    "argsort-down": (
        lambda: gx.argsort(x, descending=True),
        lambda: np.array([[0, 2, 3, 1], [2, 0, 1, 3], [2, 3, 0, 1]]),
    ),
    "sort-down": (
        lambda: gx.sort(x, descending=True),
        lambda: np.take_along_axis(E, np.array([[0, 2, 3, 1], [2, 0, 1, 3], [2, 3, 0, 1]]), 1),
    ),
    "top_k": (lambda: gx.top_k(x, 3)[1], lambda: np.array([[1, 0, 2], [3, 2, 0], [2, 3, 1]])),
    "top_k-axis": (lambda: gx.top_k(x, 1, axis=0)[1], lambda: np.array([[0, 0, 1, 1]])),
    "any": (lambda: gx.any(x, axis=1), lambda: np.any(E, axis=1)),
    "all": (lambda: x.all(axis=(0, 1), keepdims=True), lambda: np.all(E, keepdims=True)),
    "count_nonzero": (lambda: gx.count_nonzero(x, axis=0), lambda: np.count_nonzero(E, axis=0)),
    "isin": (lambda: gx.isin(x, [2.0, np.inf, 0.0, np.nan]), lambda: np.isin(E, [2.0, 0.0])),
    "isin-not": (lambda: gx.isin(x, [2.0], invert=True), lambda: np.isin(E, [2.0], invert=True)),
    "isin-nothing": (lambda: gx.isin(x, np.zeros((0,))), lambda: np.zeros((3, 4), bool)),
    "searchsorted": (
        lambda: gx.searchsorted(np.array([0.0, 1.0, 2.0, 3.0]), x),
        lambda: np.searchsorted([0.0, 1.0, 2.0, 3.0], E),
    ),
    "searchsorted-right": (
        lambda: gx.searchsorted(np.array([3.0, 1.0, 2.0]), x, "right", sorter=[1, 2, 0]),
        lambda: np.searchsorted([1.0, 2.0, 3.0], E, "right"),
    ),
    "nonzero": (lambda: gx.nonzero(x, size=10)[1], lambda: np.nonzero(E)[1]),
    "nonzero-first": (lambda: gx.nonzero(x, size=3)[0], lambda: np.nonzero(E)[0][:3]),
    "nonzero-more": (
        lambda: gx.nonzero(x, size=12, fill_value=-1)[0],
        lambda: np.concatenate([np.nonzero(E)[0], [-1, -1]]),
    ),
    "unique": (lambda: gx.unique(x, size=7), lambda: np.unique(E)),
    "unique-fewer": (lambda: gx.unique(x, size=2), lambda: np.unique(E)[:2]),
    "unique-more": (
        lambda: gx.unique(x, size=9, fill_value=7.0),
        lambda: np.concatenate([np.unique(E), [7.0, 7.0]]),
    ),
    "unique-index": (
        lambda: gx.unique(x, size=7, return_index=True)[1],
        lambda: np.unique(E, return_index=True)[1],
    ),
    "unique-inverse": (
        lambda: gx.unique(x, size=7, return_inverse=True)[1],
        lambda: np.unique(E, return_inverse=True)[1].reshape(3, 4),
    ),
    "unique-counts": (
        lambda: gx.unique(x, size=8, return_counts=True)[1],
        lambda: np.concatenate([np.unique(E, return_counts=True)[1], [0]]),
    ),
    "unique-counts-cut": (
        lambda: gx.unique(x, size=3, return_counts=True)[1],
        lambda: np.unique(E, return_counts=True)[1][:3],
    ),
    "one_hot": (
        lambda: gx.one_hot(np.array([2, 0, -1, 3]), 3),
        lambda: np.array([[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0]]),
    ),
    "one_hot-axis": (
        lambda: gx.one_hot(np.array([2, 0], "uint8"), 3, "bool", axis=0),
        lambda: np.array([[0, 1], [0, 0], [1, 0]], bool),
    ),
    "eye": (lambda: gx.eye(3, 4, 1), lambda: np.eye(3, 4, 1)),
    "eye-far": (lambda: gx.eye(2, k=2**60), lambda: np.zeros((2, 2))),
    "tril-bool": (lambda: gx.tril(x > 0), lambda: np.tril(E > 0)),
    "arange": (lambda: gx.arange(2, 11, 3), lambda: np.arange(2, 11, 3)),
    "arange-down": (lambda: gx.arange(5, -4, -2), lambda: np.arange(5, -4, -2)),
    "arange-float": (lambda: gx.arange(0.5, 2.0, 0.25, F), lambda: np.arange(0.5, 2.0, 0.25)),
    "arange-empty": (lambda: gx.arange(-3), lambda: np.arange(-3)),
    "arange-unsigned": (
        lambda: gx.arange(9, 0, -4, "uint8"),
        lambda: np.arange(9, 0, -4, dtype="uint8"),
    ),
    "cummax": (lambda: gx.cummax(x, axis=1), lambda: np.maximum.accumulate(E, axis=1)),
    "cummin": (
        lambda: gx.cummin(x, axis=0, reverse=True),
        lambda: np.minimum.accumulate(E[::-1], axis=0)[::-1],
    ),
    "cumsum-bool": (lambda: gx.cumsum(x > 0, axis=1), lambda: np.cumsum(E > 0, axis=1)),
    "diff-bool": (lambda: gx.diff(x > 0, axis=1), lambda: np.diff(E > 0, axis=1)),
    "roll-at-call": (
        lambda: gx.roll(x, gx.argmax(x[:, 0]) - 4, axis=1),
        lambda: np.roll(E, -4, axis=1),
    ),
    "mean-of-none": (lambda: gx.any(x[:, :0], axis=1), lambda: np.zeros(3, bool)),
}


@pytest.fixture(scope="module")
def truths() -> dict[str, dict[str, Any]]:
    """Returns the values of all of them by both evaluators."""
    asked = {name: build() for name, (build, _) in TRUTHS.items()}
    asked["input"] = x
    return {"numpy": gx.evaluate(asked, x=E), "jax": gx.compile(asked)(x=E)}


@pytest.mark.parametrize("name", TRUTHS)
def test_place_count_or_truth_is_numpys(name: str, truths: Any) -> None:
    expected = TRUTHS[name][1]()
    for words, found in truths.items():
        np.testing.assert_array_equal(np.asarray(found[name]), expected, err_msg=words)


def test_zero_keeps_its_sign_where_it_is_sorted_down() -> None:
    for run in (gx.evaluate, lambda n, **v: gx.compile(n)(**v)):
        found = run(gx.sort(v, descending=True), v=[-0.0, 0.0, 1.0, -0.0, 2.0])
        assert np.signbit(found).tolist() == [False, False, True, False, True]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64", "bool"])
def test_integers_are_sorted_down_to_the_end_of_their_range(dtype: str) -> None:
    kind = np.dtype(dtype)
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(kind).min, np.iinfo(kind).max)
    given = np.array([high, low, high, 1, low], kind)
    k = gx.input("k", (5,), dtype)
    nodes = [gx.sort(k, descending=True), gx.argsort(k, descending=True), *gx.top_k(k, 3)]
    for found in (gx.evaluate(nodes, k=given), gx.compile(nodes)(k=given)):
        assert found[0].tolist() == sorted(given.tolist(), reverse=True)
        assert found[1].tolist() == np.argsort(~given, kind="stable").tolist()
        assert found[2].tolist() == sorted(given.tolist(), reverse=True)[:3]
        assert found[3].tolist() == np.argsort(~given, kind="stable").tolist()[:3]


def test_window_that_leaves_is_moved_inside_as_jax_does() -> None:
    i = gx.input("i", (), "int32")
    nodes = [gx.dynamic_slice(v, (i,), (3,)), gx.dynamic_update_slice(v, x[0, :2], (i,))]
    for start in (-9, -5, -1, 0, 2, 3, 4, 99):
        given = {**GIVEN, "i": np.int32(start)}
        expected = [
            lax.dynamic_slice(jnp.asarray(V), (start,), (3,)),
            lax.dynamic_update_slice(jnp.asarray(V), jnp.asarray(M[0, :2]), (start,)),
        ]
        for mine, theirs in zip(gx.evaluate(nodes, given), expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        for mine, theirs in zip(gx.compile(nodes)(given), expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_window_that_leaves_is_reported_by_debug() -> None:
    i = gx.input("i", (), "int32")
    node = gx.sum(gx.dynamic_slice(v, (i,), (3,)))
    with pytest.raises(gx.IndexingError, match=r"index 3 at i is out of range .* moved inside"):
        gx.debug(node, v=V, i=3)
    gx.debug(node, v=V, i=-3)
    with pytest.raises(gx.IndexingError, match="index -2 at i"):
        gx.debug(node, v=V, i=-2)
