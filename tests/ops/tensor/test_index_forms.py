"""Random forms of an index, everything mixed: values are NumPy's, slopes follow."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gx

SHAPE = (4, 3, 2, 5)
VALUES = np.arange(120.0).reshape(SHAPE)


@st.composite
def arrays(draw: st.DrawFn, size: int) -> Any:
    """Returns an index array that broadcasts with the others, of an integer dtype."""
    shape = draw(st.sampled_from([(), (1,), (2,), (3, 1), (3, 2), (1, 2)]))
    count = int(np.prod(shape, dtype=int))
    values = draw(st.lists(st.integers(-size, size - 1), min_size=count, max_size=count))
    return np.array(values, draw(st.sampled_from(["int8", "int32", "int64"]))).reshape(shape)


@st.composite
def indices(draw: st.DrawFn) -> Any:
    """Returns an index of integers, slices, arrays, a mask, an ellipsis and new axes."""
    items: list[Any] = []
    axis = 0
    while axis < len(SHAPE) and draw(st.integers(0, 5)):
        size = SHAPE[axis]
        bound = st.none() | st.integers(-size - 1, size + 1)
        kind = draw(st.sampled_from(["slice", "integer", "array", "array", "mask"]))
        if kind == "slice":
            step = draw(st.sampled_from([None, 1, 2, -1, -2]))
            items.append(slice(draw(bound), draw(bound), step))
        elif kind == "integer":
            items.append(draw(st.integers(-size, size - 1)))
        elif kind == "array" or any(getattr(i, "dtype", None) is np.dtype(bool) for i in items):
            items.append(draw(arrays(size)))
        else:  # of two True, or one, so that it broadcasts with the arrays
            mask = np.zeros(size, bool)
            mask[draw(st.integers(0, size - 1))] = True
            mask[0] = True
            items.append(mask)
        axis += 1
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), Ellipsis)
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), None)
    return tuple(items)


@settings(max_examples=150, deadline=None)
@given(indices())
def test_what_is_read_and_its_slope_are_numpys(index: Any) -> None:
    try:
        expected = VALUES[index]
    except IndexError:  # arrays that do not broadcast
        with pytest.raises(gx.IndexingError):
            gx.input("x", SHAPE, "float64")[index]
        return
    x = gx.input("x", SHAPE, "float64")
    node = x[index]
    weights = np.arange(1.0, 1.0 + expected.size).reshape(expected.shape)
    gradient = gx.grad(gx.sum(node * gx.constant(weights)), x)
    value, slope, _ = gx.evaluate([node, gradient, x], x=VALUES)
    assert node.shape == expected.shape
    np.testing.assert_array_equal(value, expected)
    truth = np.zeros(SHAPE)
    np.add.at(truth, index, weights)
    np.testing.assert_array_equal(slope, truth)


@settings(max_examples=150, deadline=None)
@given(indices(), st.sampled_from(["set", "add", "max", "min"]), st.booleans())
def test_what_is_written_is_numpys(index: Any, way: str, spread: bool) -> None:
    try:
        shape = VALUES[index].shape
    except IndexError:
        return
    if spread:  # a value that broadcasts
        shape = tuple(1 if k % 2 else n for k, n in enumerate(shape))[-2:]
    new = np.random.default_rng(0).uniform(0.0, 120.0, size=shape)
    x, u = gx.input("x", SHAPE, "float64"), gx.input("u", shape, "float64")
    found, _ = gx.evaluate([getattr(x.at[index], way)(u), x], x=VALUES, u=new)
    expected = VALUES.copy()
    if way == "set":
        expected[index] = new
    else:
        join = {"add": np.add, "max": np.maximum, "min": np.minimum}[way]
        join.at(expected, index, new)
    np.testing.assert_allclose(found, expected, rtol=1e-15)


#: Forms that are compiled, each beside JAX's own x.at[...] and its derivative.
FORMS: dict[str, Any] = {
    "array": [0, 2, 0],
    "pair": ([0, 2, 0], [1, 1, 1]),
    "apart": ([0, 2, 0], slice(None), [1, 1, 1]),
    "column": ([[0], [3]], slice(None), slice(None), [1, 4]),
    "integer-apart": (slice(1, 3), 0, slice(None), [4, 4, 0]),
    "new": (None, [1, 1], slice(None), None, [0, 1]),
    "mask": np.arange(12).reshape(4, 3) % 5 == 0,
    "mask-last": (Ellipsis, np.array([True, False, True, True, False])),
    "steps": (slice(None, None, -2), slice(None), 1, slice(4, 0, -1)),
    "window": (slice(1, 3), Ellipsis, slice(2, 5)),
    "point": (3, 2, 1, -5),
}


@pytest.mark.parametrize("way", ["get", "set", "add"])
def test_compiled_forms_and_their_slopes_are_jaxs(way: str) -> None:
    x = gx.input("x", SHAPE, "float64")
    asked: dict[str, Any] = {"input": x}
    rng = np.random.default_rng(3)
    given: dict[str, Any] = {"x": VALUES}
    truths: dict[str, Any] = {}
    for name, index in FORMS.items():
        key = tuple(np.asarray(i) if isinstance(i, list) else i for i in _tuple(index))
        new = rng.normal(size=VALUES[index].shape)
        u = gx.input(f"u {name}", new.shape, "float64")
        made: Any = x[index] if way == "get" else getattr(x.at[index], way)(u)
        weights = rng.normal(size=made.type.shape)
        asked[name] = [
            made,
            *gx.grad(gx.sum(made * gx.constant(weights)), [x, u], unreachable="zero"),
            u,
        ]
        given[u.name or ""] = new

        def run(X: Any, U: Any, key: Any = key) -> Any:
            return X[key] if way == "get" else getattr(X.at[key], way)(U)

        def total(X: Any, U: Any, run: Any = run, weights: Any = weights) -> Any:
            return jnp.sum(run(X, U) * weights)

        truths[name] = [run(jnp.asarray(VALUES), new), *jax.grad(total, (0, 1))(VALUES, new)]
    found = gx.compile(asked)(given)
    for name, truth in truths.items():
        for mine, theirs in zip(found[name], truth, strict=False):
            np.testing.assert_allclose(mine, theirs, rtol=1e-14, atol=1e-15, err_msg=name)


def _tuple(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def test_indices_given_at_the_call_may_be_mixed_with_everything() -> None:
    x = gx.input("x", SHAPE, "float64")
    i, j = gx.input("i", (2, 1), "int32"), gx.input("j", (3,), "uint8")
    nodes = [x[i, :, None, 1, j], x.at[1:3, i, ::2, j].add(1.0), x[..., j], x.at[i, 0].set(2.0)]
    given: dict[str, Any] = {
        "x": VALUES,
        "i": np.array([[-1], [2]]),
        "j": np.array([0, 4, 4], "uint8"),
    }
    at_i, at_j = given["i"], given["j"]
    added, put = VALUES.copy(), VALUES.copy()
    key: Any = (slice(1, 3), at_i, slice(None, None, 2), at_j)
    np.add.at(added, key, 1.0)
    put[at_i, 0] = 2.0
    for found in (
        gx.evaluate(nodes, given),
        gx.compile(nodes)({**given, "i": at_i.astype("int32")}),
    ):
        np.testing.assert_array_equal(found[0], VALUES[at_i, :, None, 1, at_j])
        np.testing.assert_array_equal(found[1], added)
        np.testing.assert_array_equal(found[2], VALUES[..., at_j])
        np.testing.assert_array_equal(found[3], put)


def test_mask_that_only_a_call_knows_chooses_where_the_value_goes() -> None:
    x, m = gx.input("x", (3, 2), "float64"), gx.input("m", (3,), "bool")
    v = gx.input("v", (2,), "float64")
    made = x.at[m].set(v)
    given = {"x": np.ones((3, 2)), "m": [True, False, True], "v": [5.0, 6.0]}
    asked = [made, *gx.grad(gx.sum(made), [x, v]), x.at[m].add(1), x.at[m].multiply(3.0)]
    found = gx.evaluate(asked, given)
    assert found[0].tolist() == [[5, 6], [1, 1], [5, 6]]
    assert found[1].tolist() == [[0, 0], [1, 1], [0, 0]]
    assert found[2].tolist() == [2, 2]
    assert found[3].tolist() == [[2, 2], [1, 1], [2, 2]]
    assert found[4].tolist() == [[3, 3], [1, 1], [3, 3]]


def test_multiply_takes_each_place_once() -> None:
    x = gx.input("x", (4,), "float64")
    made = x.at[[0, -1]].multiply(gx.constant([3.0, 5.0], "float64"))
    given = [1.0, 2.0, 3.0, 4.0]
    assert gx.evaluate(made, x=given).tolist() == [3.0, 2.0, 3.0, 20.0]
    assert gx.evaluate(gx.grad(gx.sum(made), x), x=given).tolist() == [3.0, 1.0, 1.0, 5.0]
    assert gx.evaluate(x.at[1:3].multiply(2.0), x=given).tolist() == [1.0, 4.0, 6.0, 4.0]
    with pytest.raises(gx.IndexingError, match=r"at.multiply\(x: f64\[4\].* named twice"):
        x.at[[0, 0]].multiply(2.0)


def test_named_sizes_are_indexed_and_written() -> None:
    x = gx.input("x", ("n", 3), "float64")
    given = np.arange(12.0).reshape(4, 3)
    asked = [x[::-1], x[[0, -1]], x.at[-1].set(0.0), x.at[[0, -1], 1].add(1.0), x.at[1:].max(6.0)]
    expected = [given[::-1], given[[0, -1]]]
    last, added, top = given.copy(), given.copy(), given.copy()
    last[-1] = 0.0
    added[[0, -1], 1] += 1.0
    top[1:] = np.maximum(top[1:], 6.0)
    for found in (gx.evaluate(asked, x=given), gx.compile(asked)(x=given)):
        for mine, truth in zip(found, [*expected, last, added, top], strict=True):
            np.testing.assert_array_equal(mine, truth)
    empty = gx.evaluate(x[::-1], x=np.zeros((0, 3)))
    assert empty.shape == (0, 3)


def test_place_that_is_set_twice_is_told_by_lint() -> None:
    x, v = gx.input("x", (3, 2), "float64"), gx.input("v", (3,), "float64")
    (told,) = gx.lint(x.at[[0, 2, -1], 1].set(v))
    assert told.rule == "place set twice" and "1 of 2 places" in told.better
    assert gx.lint(x.at[[0, 2, 1], 1].set(v)) == []
    assert gx.lint(x.at[0, 1].set(v[0])) == []
