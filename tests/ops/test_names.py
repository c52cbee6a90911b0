"""The Array API's other names and NumPy's functions on graph values, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gx

X = np.array([[1.5, -2.25, 7.0], [0.0, np.inf, np.nan]])
Y = np.array([[2.0, 4.0, -3.0], [1.0, 2.0, 0.5]])


def nodes() -> tuple[gx.Node, gx.Node]:
    return gx.input("x", (2, 3), "float64"), gx.input("y", (2, 3), "float64")


@pytest.mark.parametrize(
    "name", ["subtract", "multiply", "divide", "remainder", "floor_divide", "negative", "positive",
             "isnan", "isinf", "isfinite"],
)  # fmt: skip
def test_name_of_the_array_api_does_what_numpy_does_both_ways(name: str) -> None:
    numpy = getattr(np, name)
    values = (X, Y)[: numpy.nin]
    with np.errstate(all="ignore"):
        expected = numpy(*values)
    for function in (getattr(gx, name), numpy):
        made = function(*nodes()[: numpy.nin])
        names = dict([("x", X), ("y", Y)][: numpy.nin])
        np.testing.assert_array_equal(gx.evaluate(made, names), expected)


def test_shapes_follow_numpy() -> None:
    x, _ = nodes()
    pairs = [
        (np.ravel(x), X.ravel()), (x.flatten(), X.flatten()), (np.swapaxes(x, 0, 1), X.T),
        (np.squeeze(x[:1]), X[0]), (x[:1].squeeze(), X[0]), (gx.permute_dims(x, (1, 0)), X.T),
        (np.concatenate([x, x]), np.concatenate([X, X])), (x.swapaxes(0, 1), X.T),
        (np.dot(x, x.T[:, 0]), X @ X[0]), (np.outer(x[0], x[0]), np.outer(X[0], X[0])),
        (x.clip(0, 2), X.clip(0, 2)), (gx.clip(x, max=1), np.minimum(X, 1)),
    ]  # fmt: skip
    for made, expected in pairs:
        np.testing.assert_array_equal(gx.evaluate(made, x=X), expected)


def test_filled_arrays() -> None:
    for made, expected in (
        (gx.zeros((2, 3)), np.zeros((2, 3), "float32")),
        (gx.ones(4, "int8"), np.ones(4, "int8")),
        (gx.full((2,), 7.5, "float64"), np.full(2, 7.5)),
        (gx.full_like(gx.input("k", (3,), "int32"), 2), np.full(3, 2, "int32")),
    ):
        value = gx.evaluate(made)
        np.testing.assert_array_equal(value, expected)
        assert value.dtype == expected.dtype


def test_a_named_size_is_a_number_in_arithmetic() -> None:
    x = gx.input("x", ("batch",), "float64")
    mean = gx.sum(x) / gx.dim("batch")
    assert mean.dtype is gx.float64
    assert float(gx.evaluate(mean, x=[1.0, 2.0, 6.0])) == 3.0


def test_sizes_meet_graph_values_on_either_side() -> None:
    x, b = gx.input("x", ("batch",), "float32"), gx.dim("batch")
    total = gx.sum(x)
    asked = [total / b, b / total, b * total, total - b, b - total, b + total, b // total]
    assert all(node.dtype is gx.float32 for node in asked)
    found = [float(v) for v in gx.evaluate(asked, x=[1.0, 2.0, 5.0])]
    assert found == pytest.approx([8 / 3, 3 / 8, 24, 5, -5, 11, 0], rel=1e-6)
    assert [float(v) for v in gx.compile(asked)(x=[1.0, 2.0, 5.0])] == pytest.approx(found)
    count = gx.constant(b)
    assert count.dtype is gx.int32
    assert gx.clip(total, 0, b).dtype is gx.float32
    assert float(gx.evaluate(gx.grad(total / b, x), x=[1.0, 2.0])[0]) == 0.5
    assert float(gx.evaluate((total * 0 + 2.0) ** (b * 2), x=[1.0, 2.0])) == 16.0
    assert isinstance(b == total, gx.Node)
    with pytest.raises(TypeError):
        b * 0.5  # no size, and no graph value: it was 0 once


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32", "float64"])
def test_floor_division_is_that_of_numpy_in_every_evaluator(dtype: str) -> None:
    x, y = gx.input("x", (6,), dtype), gx.input("y", (6,), dtype)
    left = np.array([7, 200, 3, 6, 9, 10]).astype(dtype)
    right = np.array([2, 7, 4, 3, 1, 0]).astype(dtype)
    if dtype[0] != "u":
        left, right = left * [1, -1, 1, -1, 1, 1], right * [1, 1, -1, -1, 1, 1]
        left, right = left.astype(dtype), right.astype(dtype)
    with np.errstate(all="ignore"):
        expected = left // right
    node = x // y
    assert node.dtype is gx.input("x", (), dtype).dtype
    for found in (gx.evaluate(node, x=left, y=right), gx.compile(node)(x=left, y=right)):
        np.testing.assert_array_equal(found, expected)
    exact = gx.evaluate_mpmath(node, x=left, y=right)
    assert [float(v) for v in exact[:5]] == expected[:5].tolist()
    assert gx.evaluate(7 // x, x=left).tolist() == [7 // int(v) for v in left]


def test_floor_division_has_slope_0_and_says_so() -> None:
    x = gx.input("x", (), "float64")
    with pytest.warns(gx.NonDifferentiableWarning, match="floor_divide"):
        slope = gx.grad(x // 2 + x, x)
    assert float(gx.evaluate(slope, x=3.0)) == 1.0


NAMES_OF_NUMPY = [
    lambda x: np.arccos(x / 9) + np.arcsin(x / 9) + np.arctan(x),
    lambda x: np.arccosh(x + 9) + np.arcsinh(x) + np.arctanh(x / 9),
    lambda x: np.absolute(x) + np.fabs(x) + np.true_divide(x, 2) + np.positive(x),
    lambda x: np.round(x, 1) + np.round(x, decimals=-1) + np.around(x) + np.rint(x),
    lambda x: np.clip(x, 0, 1) + np.clip(x, None, 2.0) + np.clip(x, a_min=0.5, a_max=2),
    lambda x: np.full_like(x, 3.0) + np.full_like(x, fill_value=2) * np.zeros_like(x) + x,
    lambda x: np.swapaxes(x, axis1=0, axis2=1),
    lambda x: np.ravel(np.transpose(x)),
    lambda x: np.squeeze(np.expand_dims(x, 0)),
    lambda x: np.concatenate([x, x], axis=1),
    lambda x: np.where(np.isfinite(x), x, 0.0),
    lambda x: np.floor_divide(x, 2) + np.mod(x, 2) + np.remainder(x, 3),
    lambda x: np.dot(x, np.ones((3, 2))) + np.dot(2.0, x)[:, :2],
]


@pytest.mark.parametrize("number", range(len(NAMES_OF_NUMPY)))
def test_functions_of_numpy_take_graph_values(number: int) -> None:
    values = np.array([[0.25, -1.46, 2.75], [12.5, 0.5, -3.35]])
    values = np.clip(values, -8, 8)
    function = NAMES_OF_NUMPY[number]
    found = gx.evaluate(function(gx.input("x", (2, 3), "float64")), x=values)
    np.testing.assert_allclose(found, function(values), rtol=1e-15)
