"""Cases of convolution and pooling: stride, padding, dilation, groups, one to three space axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import graphc as gx
from graphc.core.node import Node, make
from graphc.core.op import op_named
from tests.every_op_cases import Case, case

#: Input, kernel and the arguments of `conv`.
_CONVOLUTIONS: tuple[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 4, 2), (2, 2, 1), {}),
    ((1, 5, 1), (3, 1, 2), {"stride": 2, "padding": "same"}),
    ((2, 4, 1), (2, 1, 1), {"dilation": 2, "padding": ((2, 0),)}),
    ((2, 3, 4), (2, 2, 2), {"groups": 2, "padding": 1}),
    ((1, 3, 3, 2), (2, 2, 1, 2), {"groups": 2, "stride": (2, 1), "padding": "same"}),
    ((1, 2, 2, 2, 1), (2, 1, 2, 1, 1), {}),
)
_TRANSPOSED: tuple[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 2, 1), (3, 1, 2), {"stride": 2}),
    ((1, 2, 2, 1), (2, 1, 1, 1), {"stride": (3, 2), "padding": "valid"}),
    ((1, 3, 4), (2, 1, 4), {"stride": 2, "groups": 2, "transpose_kernel": True}),
)
#: Input and the arguments of a pooling.
_POOLINGS: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 4, 1), {"window": 2}),
    ((1, 5, 2), {"window": 3, "stride": 2, "padding": "same"}),
    ((1, 3, 4, 1), {"window": (2, 3), "stride": 1, "padding": ((1, 0), (0, 2))}),
    ((1, 18, 1), {"window": 17, "stride": 1, "padding": 1}),
)


def _named(name: str, operand: tuple[int, ...], more: dict[str, Any]) -> str:
    return f"{name}-{operand}-" + "-".join(f"{k}={v}" for k, v in more.items())


def _conv(more: dict[str, Any], transposed: bool = False) -> Callable[..., Node]:
    function = gx.conv_transpose if transposed else gx.conv
    return lambda x, kernel: function(x, kernel, **more)


def _conv_cases() -> list[Case]:
    # The leading size may be named in the input, where it is the batch, but not in the kernel.
    found = [
        case("conv", _conv(more), x, kernel, label=_named("conv", x, more), named=False)
        for x, kernel, more in _CONVOLUTIONS
    ]
    found += [
        case("conv", _conv(more, True), x, kernel, label=_named("conv_t", x, more), named=False)
        for x, kernel, more in _TRANSPOSED
    ]
    weights = np.arange(1.0, 5.0).reshape(2, 2, 1)
    return [*found, case("conv", lambda x: gx.conv(x, weights), (2, 3, 2), label="conv-batch")]


def _pool(name: str, more: dict[str, Any]) -> Callable[..., Node]:
    return lambda x: getattr(gx, name)(x, **more)


def _pool_cases(name: str) -> list[Case]:
    return [case(name, _pool(name, more), x, label=_named(name, x, more)) for x, more in _POOLINGS]


def _spread_cases() -> list[Case]:
    """Returns sums over an input with zeros between its elements, as derivatives are."""
    ways = (
        {"window": (3,), "strides": (1,), "padding": ((2, 2),), "dilation": (2,)},
        {"window": (3,), "strides": (1,), "padding": ((3, -1),), "dilation": (2,)},
        {"window": (2,), "strides": (3,), "padding": ((0, 1),), "dilation": (2,)},
    )
    return [
        case(
            "sum_pool",
            lambda x, way=way: make(op_named("sum_pool"), (x,), way),
            (2, 3, 1),
            label=f"sum_pool-spread-{number}",
        )
        for number, way in enumerate(ways)
    ]


def _params(more: dict[str, Any]) -> dict[str, Any]:
    """Returns the parameters of the record that a pooling builds."""
    made = gx.max_pool(gx.input("x", (1, 5, 1)), **more)
    return dict(made.params)


_STEPS = _params({"window": 2, "stride": 2, "padding": ((1, 0),)})
_OVERLAP = _params({"window": 3, "stride": 1, "padding": ((1, 1),)})
_CHOICE = {"ranges": ((-2.0, 2.0), (0.0, 2.0)), "dtypes": ("float", "int32")}


def _pick_cases() -> list[Case]:
    op = op_named("pool_pick")
    return [
        case(
            "pool_pick",
            lambda x, i: make(op, (x, i), _STEPS),
            (2, 5, 1),
            (2, 3, 1),
            # A first window of padding and one element; the chosen place is a real one.
            ranges=((-2.0, 2.0), (1.0, 2.0)),
            dtypes=("float", "int32"),
        ),
        case(
            "pool_pick",
            lambda x: make(op, (x, np_index((2, 5, 2), 3)), _OVERLAP),
            (2, 5, 2),
            label="pool_pick-overlap",
            named=False,
        ),
    ]


def np_index(shape: tuple[int, ...], window: int) -> Node:
    """Returns places inside the windows: the middle one, which is never padding."""
    return gx.constant(np.full(shape, window // 2, np.int32))


def _index(x: Node) -> Node:
    return gx.cast(make(op_named("pool_index"), (x,), _OVERLAP), "float64")


def _place_cases() -> list[Case]:
    op = op_named("pool_place")
    return [
        case(
            "pool_place",
            lambda x, i: make(op, (x, i), {**_STEPS, "space": (5,)}),
            (2, 3, 1),
            (2, 3, 1),
            ranges=((-2.0, 2.0), (1.0, 2.0)),
            dtypes=("float", "int32"),
        ),
        case(
            "pool_place",
            lambda x: make(op, (x, np_index((2, 5, 2), 3)), {**_OVERLAP, "space": (5,)}),
            (2, 5, 2),
            label="pool_place-overlap",
            named=False,
        ),
    ]


BUILDERS: dict[str, Callable[[], list[Case]]] = {
    "conv": _conv_cases,
    "max_pool": lambda: _pool_cases("max_pool"),
    "sum_pool": lambda: [*_pool_cases("sum_pool"), *_spread_cases()],
    "pool_index": lambda: [case("pool_index", _index, (2, 5, 1))],
    "pool_pick": _pick_cases,
    "pool_place": _place_cases,
}
