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


def test_integers_are_not_floor_divided() -> None:
    with pytest.raises(gx.DTypeError, match="cast one to a float"):
        gx.input("i", (), "int32") // 2
