"""Wrong calls of convolution, pooling and products: graphc's errors, at the caller's line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from tests.bad_input_checker import Case, wrong_calls
from tests.test_bad_operands import VALUES

x = gx.input("x", ("n", 8, 8, 4), "float64")
line = gx.input("line", (2, 8, 4), "float64")
short = gx.input("short", (2, 2, 4), "float64")
empty = gx.input("empty", (2, 0, 4), "float64")
named = gx.input("named", (2, "time", 4), "float64")
mask = gx.input("mask", (2, 8, 4), "bool")
kernel = gx.input("kernel", (3, 3, 4, 6), "float64")
taps = gx.input("taps", (3, 4, 6), "float64")
deep = gx.input("deep", (1, 2, 2, 2, 2, 1), "float64")
v = gx.input("v", (3,), "float64")
w = gx.input("w", (4,), "float64")
A = gx.input("A", (3, 4), "float64")
B = gx.input("B", (5, 6), "float64")
huge = 10**30
no: Any = None
one: Any = 1

CASES: dict[str, list[Case]] = {
    "conv": [
        (lambda: gx.conv(short, taps), gx.ShapeError, "larger than space axis 0"),
        (lambda: gx.conv(short, taps, dilation=2, padding=1), gx.ShapeError, "4 with its padding"),
        (lambda: gx.conv(line, kernel), gx.ShapeError, "line: f64[2,8,4]"),
        (lambda: gx.conv(line, gx.ones((3, 5, 6))), gx.ShapeError, "4 channels"),
        (lambda: gx.conv(line, taps, groups=2), gx.ShapeError, "in each of 2 groups"),
        (lambda: gx.conv(line, gx.ones((3, 2, 5)), groups=2), gx.ShapeError, "5 channels out"),
        (lambda: gx.conv(line, gx.ones((0, 4, 6))), gx.ShapeError, "is empty"),
        (lambda: gx.conv(empty, taps, padding=3), gx.ShapeError, "is empty"),
        (lambda: gx.conv(v, taps), gx.ShapeError, "[batch, *space, channels]"),
        (lambda: gx.conv(deep, gx.ones((1, 1, 1, 1, 1, 1))), gx.ShapeError, "1 to 3 space axes"),
        (lambda: gx.conv(line, taps, stride=0), gx.ArgumentError, "stride=0"),
        (lambda: gx.conv(line, taps, stride=-1), gx.ArgumentError, "stride=-1"),
        (lambda: gx.conv(line, taps, stride=True), gx.ArgumentError, "stride=True"),
        (lambda: gx.conv(line, taps, stride=1.5), gx.ArgumentError, "stride=1.5"),
        (lambda: gx.conv(line, taps, stride=huge), gx.ArgumentError, "too large"),
        (lambda: gx.conv(x, kernel, stride=(1, 2, 3)), gx.ArgumentError, "is for 3 space axes"),
        (lambda: gx.conv(line, taps, dilation=0), gx.ArgumentError, "dilation=0"),
        (lambda: gx.conv(line, taps, groups=0), gx.ArgumentError, "groups=0"),
        (lambda: gx.conv(line, taps, groups=True), gx.ArgumentError, "groups=True"),
        (lambda: gx.conv(line, taps, padding=-1), gx.ArgumentError, "padding=-1"),
        (lambda: gx.conv(line, taps, padding="full"), gx.ArgumentError, "padding='full'"),
        (lambda: gx.conv(line, taps, padding=((1, 2, 3),)), gx.ArgumentError, "no integers"),
        (lambda: gx.conv(line, taps, padding=((1, 1), (1, 1))), gx.ArgumentError, "2 space axes"),
        (lambda: gx.conv(line, taps, padding=None), gx.ArgumentError, "padding=None"),
        (lambda: gx.conv(line, taps, padding=huge), gx.ArgumentError, "too large"),
        (lambda: gx.conv(line, taps, padding=2**48), gx.ShapeError, "2**48"),
        (lambda: gx.conv(mask, taps > 0), gx.DTypeError, "not defined for bool"),
        (lambda: gx.conv(named, taps, stride=2), gx.DimError, "named size"),
        (lambda: gx.conv(named, taps, stride=2, padding="same"), gx.DimError, '"same"'),
        (lambda: gx.conv(line, gx.input("k", ("m", 4, 6))), gx.ShapeError, "named size m"),
        (lambda: gx.conv(line, "taps"), gx.ArgumentError, "conv("),
        (
            lambda: gx.evaluate(gx.conv(named, taps), named=np.ones((2, 2, 4)), taps=ones(taps)),
            gx.ShapeError,
            "larger than space axis 0",
        ),
    ],
    "conv_transpose": [
        (lambda: gx.conv_transpose(line, kernel), gx.ShapeError, "line: f64[2,8,4]"),
        (lambda: gx.conv_transpose(line, taps, stride=0), gx.ArgumentError, "stride=0"),
        (lambda: gx.conv_transpose(line, taps, padding="none"), gx.ArgumentError, "padding='none'"),
        (lambda: gx.conv_transpose(line, taps, groups=3), gx.ShapeError, "3 groups"),
        (lambda: gx.conv_transpose(line, taps, transpose_kernel=one), gx.ArgumentError, "no bool"),
        (
            lambda: gx.conv_transpose(line, gx.ones((3, 2, 5)), groups=2, transpose_kernel=True),
            gx.ShapeError,
            "do not divide",
        ),
    ],
    "convolve": [
        (lambda: gx.convolve(v, A), gx.ShapeError, "takes vectors"),
        (lambda: gx.convolve(v, gx.ones(0)), gx.ShapeError, "empty vector"),
        (lambda: gx.convolve(v, w, "circular"), gx.ArgumentError, "mode='circular'"),
        (lambda: gx.correlate(v, w, no), gx.ArgumentError, "mode=None"),
        (
            lambda: gx.convolve(gx.input("a", ("n",)), gx.input("b", ("m",))),
            gx.ShapeError,
            "named size",
        ),
    ],
    "pooling": [
        (lambda: gx.max_pool(line, 9), gx.ShapeError, "larger than space axis 0"),
        (lambda: gx.max_pool(v, 2), gx.ShapeError, "[batch, *space, channels]"),
        (lambda: gx.max_pool(empty, 1), gx.ShapeError, "is empty"),
        (lambda: gx.max_pool(line, 0), gx.ArgumentError, "window=0"),
        (lambda: gx.max_pool(line, None), gx.ArgumentError, "window=None"),
        (lambda: gx.max_pool(line, 2, 0), gx.ArgumentError, "stride=0"),
        (lambda: gx.max_pool(x, (2, 2, 2)), gx.ArgumentError, "is for 3 space axes"),
        (lambda: gx.max_pool(line, 2, padding=2), gx.ArgumentError, "padding=2 is not below"),
        (lambda: gx.max_pool(mask, 2), gx.DTypeError, "bool"),
        (lambda: gx.min_pool(mask, 2), gx.DTypeError, "bool"),
        (lambda: gx.max_pool(named, 2), gx.DimError, "named size"),
        (lambda: gx.sum_pool(line, 9), gx.ShapeError, "larger than space axis 0"),
        (lambda: gx.sum_pool(line, 2, padding=-1), gx.ArgumentError, "padding=-1"),
        (lambda: gx.avg_pool(line, 2, count_include_pad=one), gx.ArgumentError, "no bool"),
        (lambda: gx.avg_pool(mask, 2), gx.DTypeError, "bool"),
    ],
    "products": [
        (lambda: gx.einsum("ij,jk->ik", A, B), gx.ShapeError, "sizes 4 and 5"),
        (lambda: gx.einsum("...ij->..", A), gx.ArgumentError, "no ellipsis"),
        (lambda: gx.einsum("...i,...->i", A, A), gx.ArgumentError, "lacks the ellipsis"),
        (lambda: gx.einsum("...ijk->...", A), gx.ShapeError, "fewer axes"),
        (lambda: gx.einsum("...i->...i", A, B), gx.ArgumentError, "not 2"),
        (lambda: gx.einsum("...i,...i->...i", A, gx.ones((5, 4))), gx.ShapeError, "sizes 3 and 5"),
        (lambda: gx.tensordot(A, B), gx.ShapeError, "size 3"),
        (lambda: gx.tensordot(A, B, axes=3), gx.AxisError, "axes=3"),
        (lambda: gx.tensordot(A, B, axes=-1), gx.AxisError, "axes=-1"),
        (lambda: gx.tensordot(A, B, axes="ab"), gx.AxisError, "no integer"),
        (lambda: gx.tensordot(A, B, axes=None), gx.ArgumentError, "axes=None"),
        (lambda: gx.tensordot(A, B, axes=((0, 0), (0, 1))), gx.AxisError, "one twice"),
        (lambda: gx.tensordot(A, B, axes=((0,), (0, 1))), gx.ArgumentError, "as many axes"),
        (lambda: gx.dot_general(A, B, 3), gx.ArgumentError, "no pairs of axes"),
        (lambda: gx.dot_general(A, B, (((1,), (0,)), ((), ()))), gx.ShapeError, "size 4"),
        (lambda: gx.dot_general(A, B, (((5,), (0,)), ((), ()))), gx.AxisError, "axis 5"),
        (lambda: gx.inner(A, B), gx.ShapeError, "size 4"),
        (lambda: gx.dot(gx.ones((2, 3, 4)), gx.ones((2, 3, 4))), gx.ShapeError, "size 4"),
        (lambda: gx.vecdot(v, w), gx.ShapeError, "sizes 3 and 4"),
        (lambda: gx.vecdot(v, A, axis=0), gx.AxisError, "from the front"),
        (lambda: gx.vecdot(v, gx.ones(())), gx.AxisError, "out of range"),
        (lambda: gx.cross(v, w), gx.ShapeError, "has 4 elements"),
        (lambda: gx.cross(v, gx.ones((2, 3)), axis=5), gx.AxisError, "axis 5"),
        (lambda: gx.cross(gx.ones((2, 3)), gx.ones((4, 3))), gx.ShapeError, "do not broadcast"),
        (lambda: gx.matvec(A, v), gx.ShapeError, "sizes 4 and 3"),
        (lambda: gx.matvec(v, A), gx.ShapeError, "no matrices"),
        (lambda: gx.vecmat(w, A), gx.ShapeError, "sizes 4 and 3"),
        (lambda: gx.vecmat(w, w), gx.ShapeError, "no vectors and matrices"),
        (lambda: gx.kron(gx.ones(2**30), gx.ones(2**30)), gx.ShapeError, "2**48"),
    ],
}


def ones(node: gx.Node) -> Any:
    """Returns ones of a node's shape."""
    return np.ones([int(str(s)) for s in node.shape])


test_wrong_call_is_an_error_at_its_line_with_a_way_out = wrong_calls(CASES)


#: Calls with operands that fit, and one argument left open.
OPEN: dict[str, Callable[[Any], Any]] = {
    "conv stride": lambda value: gx.conv(line, taps, value),
    "conv padding": lambda value: gx.conv(line, taps, padding=value),
    "conv dilation": lambda value: gx.conv(line, taps, dilation=value),
    "conv groups": lambda value: gx.conv(line, taps, groups=value),
    "conv x": lambda value: gx.conv(value, taps),
    "conv kernel": lambda value: gx.conv(line, value),
    "transpose stride": lambda value: gx.conv_transpose(line, taps, value),
    "transpose padding": lambda value: gx.conv_transpose(line, taps, padding=value),
    "pool window": lambda value: gx.max_pool(line, value),
    "pool stride": lambda value: gx.min_pool(line, 2, value),
    "pool padding": lambda value: gx.sum_pool(line, 2, 2, value),
    "mean padding": lambda value: gx.avg_pool(line, 2, 2, value, False),
    "mode": lambda value: gx.convolve(v, w, value),
    "axes": lambda value: gx.tensordot(A, A, axes=value),
    "axis": lambda value: gx.vecdot(A, A, axis=value),
    "numbers": lambda value: gx.dot_general(A, A, value),
    "pair": lambda value: gx.dot_general(A, A, (value, ((), ()))),
    "cross axis": lambda value: gx.cross(v, v, axis=value),
    "subscripts": lambda value: gx.einsum(value, A, A),
}


@pytest.mark.parametrize("name", OPEN)
def test_an_argument_of_any_kind_gives_a_result_or_an_error_of_ours(name: str) -> None:
    for words, value in VALUES.items():
        try:
            OPEN[name](value)
        except gx.GraphcError as error:
            assert len(str(error)) < 3000, words
