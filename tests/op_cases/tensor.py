"""Cases of the structure of tensors: places, order, running sums, windows, padding, grids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graphc as gx
from graphc.core.node import Node, apply_named
from tests.every_op_cases import Case, case

_INT = {"ranges": ((-2.0, 2.0), (-3.0, 3.0)), "dtypes": ("float", "int32")}
_PAIR = {
    "ranges": ((-2.0, 2.0), (-3.0, 3.0), (-2.0, 2.0)),
    "dtypes": ("float", "int32", "int32"),
}
_WRITE = {"ranges": ((-2.0, 2.0), (-2.0, 2.0), (-3.0, 3.0)), "dtypes": ("float", "float", "int32")}
_START = {"ranges": ((-2.0, 2.0), (0.0, 2.0)), "dtypes": ("float", "int32")}


def _written(name: str) -> Callable[[], list[Case]]:
    """Returns cases of a write at places that only a call knows, and at places that repeat."""

    def build() -> list[Case]:
        def at_call(x: Node, u: Node, i: Node) -> Node:
            return getattr(x.at[i], name[6:])(u)

        def at_two(x: Node, u: Node) -> Node:
            return getattr(x.at[[0, 2, 0], :, [1, 1, -1]], name[6:])(u)

        return [
            case(name, at_call, (3, 2), (4, 2), (4,), named=False, **_WRITE),
            case(name, at_two, (3, 2, 2), (3, 2), label=f"{name}-apart", named=False),
            case(
                name,
                lambda x, u: getattr(x.at[:, [0, 2]], name[6:])(u),
                (2, 3),
                (2, 2),
                label=f"{name}-last",
            ),
        ]

    return build


def _running(name: str, ranges: Any = ((-2.0, 2.0),)) -> Callable[[], list[Case]]:
    def build() -> list[Case]:
        function = getattr(gx, name)
        return [
            case(name, lambda x: function(x, axis=1), (2, 4), ranges=ranges),
            case(name, lambda x: function(x, axis=0), (4, 2), label=f"{name}-lead", ranges=ranges),
            case(
                name,
                lambda x: function(x, axis=1, reverse=True),
                (2, 3),
                label=f"{name}-reverse",
                ranges=ranges,
            ),
        ]

    return build


def _recur(reverse: bool) -> Callable[..., Node]:
    return lambda a, b: apply_named("linear_recurrence", a, b, axis=1, reverse=reverse)


BUILDERS: dict[str, Callable[[], list[Case]]] = {
    "index_gather": lambda: [
        case("index_gather", lambda x, i, j: x[i, j], (3, 2), (4,), (4,), named=False, **_PAIR),
        case(
            "index_gather",
            lambda x: x[[0, 2, 0], :, [1, 1, -1]],
            (3, 2, 2),
            label="index_gather-apart",
            named=False,
        ),
        case(
            "index_gather",
            lambda x: x[:, [[0], [2]], [1, 0]],
            (2, 3, 2),
            label="index_gather-last",
        ),
    ],
    "index_set": _written("index_set"),
    "index_add": _written("index_add"),
    "index_max": _written("index_max"),
    "index_min": _written("index_min"),
    "take_along_axis": lambda: [
        case(
            "take_along_axis",
            lambda x, i: gx.take_along_axis(x, i, axis=1),
            (2, 3),
            (2, 2),
            **_INT,
        )
    ],
    "add_along_axis": lambda: [
        case(
            "add_along_axis",
            lambda x, i: apply_named("add_along_axis", x, i, axis=1, size=3),
            (2, 4),
            (2, 4),
            **_INT,
        )
    ],
    "dynamic_slice": lambda: [
        case(
            "dynamic_slice",
            lambda x, i: gx.dynamic_slice(x, (0, i), (x.shape[0], 2)),
            (2, 3),
            (),
            **_START,
        )
    ],
    "dynamic_update_slice": lambda: [
        case(
            "dynamic_update_slice",
            lambda x, u, i: gx.dynamic_update_slice(x, u, (0, i)),
            (2, 3),
            (2, 2),
            (),
            ranges=((-2.0, 2.0), (-2.0, 2.0), (0.0, 2.0)),
            dtypes=("float", "float", "int32"),
        )
    ],
    "pad": lambda: [
        case(
            "pad",
            lambda x, v: gx.pad(x, ((0, 0), (1, 2)), constant_values=v),
            (2, 2),
            (),
        )
    ],
    "sort": lambda: [
        case("sort", lambda x: gx.sort(x, axis=1), (2, 4)),
        case("sort", lambda x: gx.sort(x, axis=0), (3, 2), label="sort-lead"),
        case("sort", lambda x: gx.sort(x, descending=True), (2, 4), label="sort-descending"),
    ],
    "top_k": lambda: [
        case("top_k", lambda x: gx.top_k(x, 2)[0], (2, 4)),
    ],
    "argmax": lambda: [case("argmax", lambda x: gx.cast(gx.argmax(x, axis=1), x.dtype), (2, 3))],
    "argmin": lambda: [
        case("argmin", lambda x: gx.cast(gx.argmin(x, axis=0, keepdims=True), x.dtype), (2, 3))
    ],
    "searchsorted": lambda: [
        case(
            "searchsorted",
            lambda x, v: gx.cast(gx.searchsorted(gx.cumsum(x * x), v), x.dtype),
            (4,),
            (3,),
            named=False,
        ),
    ],
    "any": lambda: [
        case("any", lambda x: gx.cast(gx.any(x > 0.5, axis=1), x.dtype), (2, 3)),
    ],
    "all": lambda: [
        case("all", lambda x: gx.cast(gx.all(x > -0.5, axis=(0, 1)), x.dtype), (2, 3)),
    ],
    "cumsum": _running("cumsum"),
    "cumprod": _running("cumprod"),
    "cummax": _running("cummax"),
    "cummin": _running("cummin"),
    "cumlogsumexp": _running("cumlogsumexp"),
    "linear_recurrence": lambda: [
        case("linear_recurrence", _recur(False), (2, 4), (2, 4)),
        case("linear_recurrence", _recur(True), (2, 3), (2, 3), label="linear_recurrence-reverse"),
    ],
}
