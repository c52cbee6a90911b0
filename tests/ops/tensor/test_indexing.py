from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphc as gx

SHAPE = (4, 3, 5)
VALUES = np.arange(60.0).reshape(SHAPE)


def axis_index(size: int) -> st.SearchStrategy[Any]:
    """Returns integers and slices for an axis, steps of both signs and bounds beyond the ends."""
    bound = st.none() | st.integers(-size - 2, size + 2)
    step = st.sampled_from([None, 1, 2, 3, -1, -2, -3])
    return st.integers(-size, size - 1) | st.builds(slice, bound, bound, step)


basic_indices = st.tuples(
    *[axis_index(size) for size in SHAPE], st.integers(0, 3), st.booleans(), st.integers(0, 3)
).map(lambda t: shaped(list(t[:3]), t[3], t[4], t[5]))


def shaped(items: list[Any], kept: int, dots: bool, new: int) -> Any:
    """Returns an index of some of the items, perhaps with an ellipsis and a new axis."""
    chosen: list[Any] = items[:kept]
    if dots:
        chosen = [*items[:kept], Ellipsis, *items[3:]]
    if new:
        chosen.insert(min(new - 1, len(chosen)), None)
    return tuple(chosen) if len(chosen) != 1 else chosen[0]


@given(basic_indices)
def test_slicing_is_that_of_numpy(index: Any) -> None:
    x = gx.input("x", SHAPE, "float64")
    expected = VALUES[index]
    node = x[index]
    assert node.shape == expected.shape
    np.testing.assert_array_equal(gx.evaluate(node, x=VALUES), expected)
    weights = np.arange(1.0, 1.0 + expected.size).reshape(expected.shape)
    gradient = gx.grad(gx.sum(node * gx.constant(weights)), x)
    truth = np.zeros(SHAPE)
    truth[index] = weights
    np.testing.assert_array_equal(gx.evaluate([gradient, x], x=VALUES)[0], truth)


@pytest.mark.parametrize(
    "index",
    [
        (slice(None, None, -2), slice(2, 0, -1)),
        (slice(3, 3), 0),
        (Ellipsis, slice(-1, -5, -2)),
        (None, slice(1, None, 2), Ellipsis, 1),
        [0, 0, -1],
        ([1, 0], [2, 2]),
        (slice(None), [[0, 1], [2, 0]]),
        (Ellipsis, [4, -1, 0]),
        (slice(1, 3), 1, [0, 4]),
        np.array([3, 0], dtype=np.int8),
        (2, np.array([0, 1], dtype=np.uint8)),
    ],
    ids=str,
)
def test_indexing_compiles_to_what_numpy_does(index: Any) -> None:
    x = gx.input("x", SHAPE, "float64")
    node = x[index]
    expected = VALUES[index]
    gradient = gx.grad(gx.sum(node * node), x)
    truth = np.zeros(SHAPE)
    np.add.at(truth, index, 2 * expected)
    for found in (gx.evaluate([node, gradient], x=VALUES), gx.compile([node, gradient])(x=VALUES)):
        np.testing.assert_array_equal(found[0], expected)
        np.testing.assert_array_equal(found[1], truth)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
def test_indices_given_at_the_call_may_have_any_integer_dtype(dtype: str) -> None:
    x, i = gx.input("x", (300,), "float64"), gx.input("i", (3,), dtype)
    m = gx.input("m", (20, 30), "float64")
    values = {
        "x": np.arange(300.0),
        "m": np.arange(600.0).reshape(20, 30),
        "i": np.array([0, 19, 3], dtype),
    }
    asked = [x[i], m[i, i], gx.take(x, i), gx.grad(gx.sum(m[i, i] ** 2), m), x]
    for found in (gx.evaluate(asked, values), gx.compile(asked)(values)):
        where = values["i"].astype(int)
        np.testing.assert_array_equal(found[0], values["x"][where])
        np.testing.assert_array_equal(found[1], values["m"][where, where])
        np.testing.assert_array_equal(found[2], values["x"][where])
        assert found[3][19, 19] == 2 * values["m"][19, 19]


def test_negative_indices_given_at_the_call_count_from_the_end() -> None:
    x, i = gx.input("x", (5,), "float64"), gx.input("i", (2,), "int32")
    for run in (gx.evaluate, lambda n, **v: gx.compile(n)(**v)):
        values = {"x": np.arange(5.0), "i": np.array([-1, -5], "int32")}
        assert np.array_equal(run(x[i], **values), [4.0, 0.0])
        assert np.array_equal(run(gx.take(x, i), **values), [4.0, 0.0])
        gradient = gx.grad(gx.sum(gx.take(x, i) * gx.constant([1.0, 2.0], "float64")), x)
        assert np.array_equal(run([gradient, x], **values)[0], [2.0, 0.0, 0.0, 0.0, 1.0])


def test_constant_indices_of_numpy_need_no_64_bit_types() -> None:
    x = gx.input("x", (5,))
    for node in (
        x[np.array([0, 1])],
        gx.take(x, np.array([0, 1])),
        gx.scatter_add(x, np.arange(5), 5),
    ):
        assert node.args[1].dtype is gx.int32


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (4, "index 4 is out of range for axis 0 of size 4"),
        ((0, -4), "index -4 is out of range for axis 1"),
        ((0, 0, 0, 0), "4 indices for 3 axes"),
        ((Ellipsis, 0, Ellipsis), "one ellipsis"),
        (1.5, "can't index axis 0"),
        ("a", "can't index axis 0"),
        (True, "can't index axis 0"),
        (slice(0, 2.5), "is no integer"),
        (slice(None, None, 0), "slice step on axis 0 is 0"),
        ([0, 9], "index 9 is out of range"),
        ([0.5], "not integer"),
        (
            np.array([True, False, True]),
            r"boolean array of shape \[3\] does not fit the axes \[4\]",
        ),
        (gx.input("mask", (4,), "bool"), "boolean array on axis 0 selects a number of elements"),
        (([0, 1], [0, 1, 2]), "index arrays sizes 2 and 3 on axis -1 do not broadcast"),
    ],
    ids=str,
)
def test_wrong_index_is_an_error_at_the_line(index: Any, words: str) -> None:
    x = gx.input("x", SHAPE)
    with pytest.raises(
        gx.IndexingError, match=rf"x: f32\[4,3,5\].* at test_indexing.py:\d+: .*{words}"
    ):
        x[index]


def test_scatter_add_is_the_transpose_of_gather() -> None:
    u, i = gx.input("u", (2, 3, 4), "float64"), gx.input("i", (3,), "int32")
    node = gx.scatter_add(u, i, 6, axis=1)
    assert node.shape == (2, 6, 4)
    values: dict[str, Any] = {
        "u": np.arange(24.0).reshape(2, 3, 4),
        "i": np.array([5, 0, 5], "int32"),
    }
    expected = np.zeros((2, 6, 4))
    where: Any = (slice(None), values["i"])
    np.add.at(expected, where, values["u"])
    for found in (gx.evaluate(node, values), gx.compile(node)(values)):
        np.testing.assert_array_equal(found, expected)
    assert gx.scatter_add(u, i, 6, axis=-2).shape == (2, 6, 4)
    with pytest.raises(gx.ShapeError):
        gx.scatter_add(u, gx.input("j", (5,), "int32"), 6)
    with pytest.raises(gx.AxisError):
        gx.scatter_add(u, i, 6, axis=3)
    with pytest.raises(gx.DTypeError):
        gx.scatter_add(u, gx.input("k", (2,)), 6)


def test_column_that_does_not_exist_is_no_element_of_the_next_row() -> None:
    table = gx.input("table", (3, 4), "float64")
    i, j = gx.input("i", (2,), "int32"), gx.input("j", (2,), "int32")
    values = np.arange(12.0).reshape(3, 4)
    good = gx.evaluate(table[i, j], table=values, i=[0, -1], j=[3, -4])
    assert good.tolist() == [3.0, 8.0]
    for wrong in ({"i": [0, 1], "j": [0, 5]}, {"i": [3, 0], "j": [-4, 0]}):
        with pytest.raises(gx.IndexingError, match="out of range"):
            gx.evaluate(table[i, j], table=values, **wrong)
        arrays = {k: np.array(v, "int32") for k, v in wrong.items()}
        found = gx.compile(table[i, j])(table=values, **arrays)
        assert np.isnan(found).sum() == 1
