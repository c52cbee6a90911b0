"""Wrong indices, windows, orders, paddings and grids: graphc's errors, at the caller's line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.calls import public_functions
from tests.bad_input_checker import Case, wrong_calls
from tests.test_bad_operands import VALUES, fault

F = "float64"
any_gx: Any = gx  # what a type checker would refuse
x = gx.input("x", (3, 4), F)
v = gx.input("v", (5,), F)
s = gx.input("s", (), F)
k = gx.input("k", (3,), "int32")
i = gx.input("i", (), "int32")
mask = gx.input("mask", (3,), "bool")
rows = gx.input("rows", ("batch", 4), F)
empty = gx.input("empty", (0,), F)
huge = 10**30

CASES: dict[str, list[Case]] = {
    "index": [
        (lambda: x[[3]], gx.IndexingError, "index 3 is out of range for axis 0 of size 3"),
        (lambda: x[0, [4]], gx.IndexingError, "index 4 is out of range for axis 1 of size 4"),
        (lambda: x[[0, 1], [0, 1, 2]], gx.IndexingError, "sizes 2 and 3"),
        (lambda: x[np.ones((3, 3), bool)], gx.IndexingError, "does not fit the axes [3,4]"),
        (lambda: x[mask], gx.IndexingError, "nonzero"),
        (lambda: x[[0], [0], [0]], gx.IndexingError, "3 indices for 2 axes"),
        (lambda: x[np.array(True)], gx.IndexingError, "can't index axis 0"),
        (lambda: x[v], gx.IndexingError, "v: f64[5]"),
        (lambda: rows[::2], gx.IndexingError, "named size"),
        (lambda: x[i : i + 2], gx.IndexingError, "dynamic_slice"),
        (lambda: rows[np.ones(3, bool)], gx.IndexingError, "[batch]"),
    ],
    "at": [
        (lambda: x.at[0].set(v), gx.ShapeError, "the value is f64[5] and the place [4]"),
        (lambda: x.at[[0, 1]].set(v), gx.ShapeError, "the place [2,4]"),
        (lambda: x.at[5].set(0.0), gx.IndexingError, "at.set(x: f64[3,4]"),
        (lambda: x.at[[0, 3]].add(0.0), gx.IndexingError, "at.add(x: f64[3,4]"),
        (lambda: k.at[0].set(0.5), gx.DTypeError, "0.5"),
        (lambda: k.at[[0]].set(v[:1]), gx.DTypeError, "cast it: gx.cast(value, 'int32')"),
        (lambda: mask.at[[0]].add(True), gx.DTypeError, "not defined for bool"),
        (lambda: x.at[[0, 0]].multiply(2.0), gx.IndexingError, "named twice"),
        (lambda: x.at[k].multiply(2.0), gx.IndexingError, "named twice"),
        (lambda: x.at[mask].set(v), gx.ShapeError, "one value for all of them"),
        (lambda: x.at[mask[:2]].set(0.0), gx.IndexingError, "each leading axis"),
        (lambda: x.at[0].set("a"), gx.ArgumentError, "'a'"),
    ],
    "take": [
        (lambda: gx.take_along_axis(x, k), gx.ShapeError, "1 axes, x has 2"),
        (lambda: gx.take_along_axis(x, np.zeros((2, 1), int)), gx.ShapeError, "sizes 3 and 2"),
        (lambda: gx.take_along_axis(x, [[4]]), gx.IndexingError, "index 4 is out of range"),
        (lambda: gx.take_along_axis(x, x), gx.DTypeError, "not integers"),
        (lambda: gx.take_along_axis(s, 0), gx.AxisError, "scalar"),
        (lambda: gx.take_along_axis(x, [[0]], axis=2), gx.AxisError, "axis 2 is out of range"),
    ],
    "windows": [
        (lambda: gx.dynamic_slice(x, (0,), (1,)), gx.ShapeError, "1 starts"),
        (lambda: gx.dynamic_slice(x, (0, 0), (1, 5)), gx.IndexingError, "a window of 5"),
        (lambda: gx.dynamic_slice(x, (i, i), (1, 5)), gx.ShapeError, "a window of 5"),
        (lambda: gx.dynamic_slice(x, (0, 3), (1, 2)), gx.IndexingError, "at 3 leaves axis 1"),
        (lambda: gx.dynamic_slice(x, (s, 0), (1, 1)), gx.DTypeError, "f64, no integer"),
        (lambda: gx.dynamic_slice(x, (0.5, 0), (1, 1)), gx.ArgumentError, "0.5"),
        (lambda: gx.dynamic_update_slice(x, v, (0, 0)), gx.ShapeError, "x: f64[3,4]"),
        (lambda: gx.dynamic_update_slice(v, k, (i,)), gx.DTypeError, "cast one of them"),
    ],
    "order": [
        (lambda: gx.sort(s), gx.AxisError, "scalar"),
        (lambda: gx.sort(x, axis=2), gx.AxisError, "axis 2 is out of range"),
        (lambda: any_gx.sort(x, descending=1), gx.ArgumentError, "descending=1"),
        (lambda: any_gx.argsort(x, stable="yes"), gx.ArgumentError, "stable='yes'"),
        (lambda: gx.top_k(x, 5), gx.ShapeError, "no 5 largest"),
        (lambda: gx.top_k(x, -1), gx.ArgumentError, "k=-1"),
        (lambda: any_gx.top_k(x, 1.5), gx.ArgumentError, "k=1.5"),
        (lambda: gx.top_k(x, True), gx.ArgumentError, "k=True"),
        (lambda: gx.argmax(empty), gx.ShapeError, "no extreme"),
        (lambda: any_gx.argmin(x, axis=(0, 1)), gx.AxisError, "no integer"),
        (lambda: gx.searchsorted(x, 0.5), gx.ShapeError, "no vector"),
        (lambda: gx.searchsorted(v, 0.5, side="middle"), gx.ArgumentError, "side='middle'"),
    ],
    "scans": [
        (lambda: gx.cumsum(x, axis=2), gx.AxisError, "axis 2 is out of range"),
        (lambda: any_gx.cumsum(x, reverse=1), gx.ArgumentError, "reverse=1"),
        (lambda: gx.cumulative_sum(x), gx.AxisError, "give axis=0"),
        (lambda: any_gx.cumulative_prod(v, include_initial=2), gx.ArgumentError, "initial=2"),
        (lambda: gx.cummax(s, axis=0), gx.AxisError, "axis 0 is out of range"),
        (lambda: gx.diff(v, n=-1), gx.ArgumentError, "n=-1"),
        (lambda: gx.diff(s), gx.AxisError, "axis -1 is out of range"),
    ],
    "padding": [
        (lambda: gx.pad(x, -1), gx.ArgumentError, "the width -1"),
        (lambda: gx.pad(x, 1.5), gx.ArgumentError, "the width 1.5"),
        (lambda: gx.pad(x, ((1, 1),) * 3), gx.ShapeError, "3 pairs for 2 axes"),
        (lambda: gx.pad(x, (1, 2, 3)), gx.ShapeError, "3 numbers for one axis"),
        (lambda: gx.pad(x, 1, "mirror"), gx.ArgumentError, "mode='mirror'"),
        (lambda: gx.pad(x, 1, "edge", constant_values=1), gx.ArgumentError, "no option of"),
        (lambda: gx.pad(x, 1, "edge", reflect_type="odd"), gx.ArgumentError, "no option of"),
        (lambda: gx.pad(x, 1, "reflect", reflect_type="up"), gx.ArgumentError, "reflect_type='up'"),
        (lambda: gx.pad(x, 1, constant_values=v), gx.ShapeError, "no scalar"),
        (lambda: gx.pad(k, 1, constant_values=0.5), gx.DTypeError, "0.5"),
        (lambda: gx.pad(k, 1, "mean"), gx.DTypeError, "not whole"),
        (lambda: gx.pad(k, 1, "linear_ramp"), gx.DTypeError, "ramp of int32"),
        (lambda: gx.pad(empty, 1, "wrap"), gx.ShapeError, "no elements"),
        (lambda: gx.pad(x, 1, "mean", stat_length=0), gx.ArgumentError, "stat_length=0"),
        (lambda: gx.pad(v, 9, "reflect", reflect_type="odd"), gx.ShapeError, "several steps"),
        (lambda: gx.pad(x, huge), gx.ShapeError, "2**48"),
        (lambda: gx.pad(rows, 1, "median"), gx.ShapeError, "named size"),
    ],
    "arrange": [
        (lambda: gx.flip(x, axis=2), gx.AxisError, "axis 2 is out of range"),
        (lambda: gx.roll(x, (1, 2), axis=0), gx.ArgumentError, "2 shifts for 1 axes"),
        (lambda: gx.roll(x, 1.5), gx.ArgumentError, "shift=1.5"),
        (lambda: gx.roll(x, v), gx.ArgumentError, "no integer"),
        (lambda: gx.tile(x, -1), gx.ArgumentError, "repetitions=-1"),
        (lambda: gx.tile(x, 2**50), gx.ShapeError, "2**48"),
        (lambda: gx.repeat(x, i), gx.ArgumentError, "graph value"),
        (lambda: gx.repeat(x, [1, 2], axis=0), gx.ShapeError, "2 counts"),
        (lambda: gx.repeat(v, [2**30] * 5), gx.BudgetError, "above 2**27"),
        (lambda: gx.repeat(x, -2), gx.ArgumentError, "repeats=-2"),
        (lambda: gx.moveaxis(x, (0, 1), 0), gx.AxisError, "2 axes do not go to 1"),
        (lambda: gx.moveaxis(x, (0, 0), (0, 1)), gx.AxisError, "twice"),
        (lambda: gx.unstack(rows), gx.ShapeError, "named size"),
        (lambda: gx.unstack(gx.zeros((10**6,))), gx.BudgetError, "above 100,000"),
        (lambda: gx.broadcast_arrays(x, v), gx.ShapeError, "do not broadcast"),
        (lambda: gx.broadcast_shapes((2,), (3,)), gx.ShapeError, "sizes 2 and 3"),
    ],
    "grids": [
        (lambda: gx.arange(0, 10, 0), gx.ArgumentError, "step=0"),
        (lambda: gx.arange(float("nan")), gx.ArgumentError, "no finite number"),
        (lambda: gx.arange(0, huge), gx.ShapeError, "2**48"),
        (lambda: gx.arange(0, 300, dtype="uint8"), gx.DTypeError, "uint8 does not hold"),
        (lambda: gx.arange(0.5, 3.0, dtype="int32"), gx.DTypeError, "floats does not fit"),
        (lambda: gx.arange("batch", step=2), gx.ArgumentError, "step 1"),
        (lambda: gx.arange(0.5, "batch"), gx.ArgumentError, "start=0.5"),
        (lambda: gx.linspace(0, 1, -1), gx.ArgumentError, "num=-1"),
        (lambda: any_gx.linspace(0, 1, 2.5), gx.ArgumentError, "num=2.5"),
        (lambda: gx.meshgrid(x), gx.ShapeError, "no vector"),
        (lambda: gx.meshgrid(v, indexing="yx"), gx.ArgumentError, "indexing='yx'"),
        (lambda: gx.one_hot(v, 3), gx.DTypeError, "not integer"),
        (lambda: gx.one_hot(k, -1), gx.ShapeError, "negative"),
        (lambda: gx.eye(-1), gx.ShapeError, "negative"),
        (lambda: any_gx.eye(3, k=0.5), gx.ArgumentError, "k=0.5"),
        (lambda: gx.tril(v), gx.ShapeError, "no matrix"),
        (lambda: gx.diagonal(v), gx.ShapeError, "no matrix"),
        (lambda: gx.diagonal(x, axis1=1), gx.AxisError, "are one"),
        (lambda: gx.diagonal(rows), gx.ShapeError, "no known length"),
        (lambda: gx.diag(s), gx.ShapeError, "neither vector nor matrix"),
        (lambda: gx.diag(v, 2**40), gx.ShapeError, "2**48"),
    ],
    "counting": [
        (lambda: gx.nonzero(x), gx.ArgumentError, "size="),
        (lambda: gx.nonzero(s, size=1), gx.ShapeError, "scalar"),
        (lambda: gx.nonzero(x, size=3, fill_value=0.5), gx.ArgumentError, "fill_value=0.5"),
        (lambda: gx.unique(x), gx.ArgumentError, "size="),
        (lambda: gx.unique(empty, size=1), gx.ShapeError, "no elements"),
        (lambda: gx.unique(x, size=-2), gx.ShapeError, "negative"),
        (lambda: gx.unique(k, size=2, fill_value=0.5), gx.DTypeError, "0.5"),
        (lambda: gx.segment_sum(v, k, 3), gx.ShapeError, "for each entry"),
        (lambda: gx.segment_max(k, [0, 1, 3], 3), gx.IndexingError, "index 3 is out of range"),
        (lambda: gx.segment_sum(v, v, 3), gx.DTypeError, "not integers"),
        (lambda: gx.segment_sum(s, 0, 3), gx.ShapeError, "scalar"),
        (lambda: gx.bincount(x, 3), gx.ShapeError, "no vector"),
        (lambda: gx.bincount([0, 5], 3), gx.IndexingError, "index 5 is out of range"),
    ],
}  # fmt: skip


test_wrong_call_is_an_error_of_ours_at_the_callers_line = wrong_calls(CASES)


@pytest.mark.parametrize("word", VALUES)
def test_any_value_as_index_or_update_is_a_node_or_an_error_of_ours(word: str) -> None:
    value = VALUES[word]
    index = public_functions["index"]
    wrong = [
        found
        for array in (x, v, s, rows)
        for key in (value, (value,), (0, value), (slice(value), ...), [value], ([0], value))
        if (found := fault(index, (array, key), {})) and "an error elsewhere" not in found
    ]
    for way in ("set", "add", "max", "multiply"):
        for key in (0, [0, 1], slice(0, 2), value, (Ellipsis, value)):

            def write(*_: Any, key: Any = key, way: str = way) -> Any:
                return getattr(x.at[key], way)(value)

            found = fault(write, (), {})
            if found and "an error elsewhere" not in found:
                wrong.append(f"at[{key!r:.40}].{way}: {found}")
    assert not wrong, "\n".join(wrong[:10])
