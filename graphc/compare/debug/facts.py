"""What `gx.assume` says of a value, held against the value: elsewhere it is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.core.node import Node

#: Rounding that a computed matrix may show against its fact, in units of n eps of its largest
#: element: products and factorisations leave so much.
_ROUNDING = 32.0


def broken_fact(node: Node, value: Any) -> tuple[str, str] | None:
    """Returns the fact that a value breaks, with the element, and a way out; None where all hold.

    Elements that are NaN are not judged: they have a finding of their own.

    Args:
        node: a node of `assume`.
        value: the array it was run on.
    """
    wide = np.asarray(value)
    if wide.dtype.kind != "b":
        wide = wide.astype(np.float64)
    for fact in node.params["facts"]:
        words = _CHECKS[fact](wide, _tolerance(node, wide))
        if words is not None:
            return f"it is said to be {fact}, but {words}", "correct the value, or say less of it"
    return None


def _tolerance(node: Node, value: Any) -> Any:
    """Returns what rounding explains, for each matrix."""
    if value.ndim < 2 or not node.dtype.is_inexact or not value.size:
        return 0.0
    largest = np.max(np.abs(np.nan_to_num(value)), axis=(-2, -1), keepdims=True)
    return _ROUNDING * value.shape[-1] * node.dtype.epsilon * largest


def _first(wrong: Any) -> tuple[int, ...] | None:
    if not wrong.any():
        return None
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))


def _element(value: Any, at: Sequence[int]) -> str:
    return f"element [{','.join(map(str, at))}] is {float(value[tuple(at)]):.7g}"


def _zero(where: Callable[[Any], Any]) -> Callable[[Any, Any], str | None]:
    """Returns the check that all elements are 0 where a mask of rows and columns says so."""

    def check(value: Any, tolerance: Any) -> str | None:
        rows, columns = value.shape[-2:]
        mask = np.broadcast_to(where(np.ones((rows, columns), bool)), value.shape)
        at = _first(mask & (value != 0) & ~np.isnan(value))
        return None if at is None else f"{_element(value, at)}, not 0"

    return check


def _symmetric(value: Any, tolerance: Any) -> str | None:
    with np.errstate(invalid="ignore"):  # infinities of one sign are alike
        apart = np.abs(value - np.swapaxes(value, -1, -2)) > tolerance
    at = _first(apart)
    if at is None:
        return None
    mirror = (*at[:-2], at[-1], at[-2])
    return f"{_element(value, at)} and {_element(value, mirror)}"


def _definite(strict: bool) -> Callable[[Any, Any], str | None]:
    def check(value: Any, tolerance: Any) -> str | None:
        words = _symmetric(value, tolerance)
        if words is not None or not value.size or not np.all(np.isfinite(value)):
            return words
        half = (value + np.swapaxes(value, -1, -2)) / 2
        least = np.linalg.eigvalsh(half)[..., 0]
        floor = 0.0 if strict else -np.broadcast_to(tolerance, value.shape)[..., 0, 0]
        at = _first(np.asarray(least <= floor if strict else least < floor))
        if at is None:
            return None
        where = f" of matrix [{','.join(map(str, at))}]" if at else ""
        return f"the smallest eigenvalue{where} is {float(np.asarray(least)[at]):.7g}"

    return check


def _orthogonal(value: Any, tolerance: Any) -> str | None:
    if not value.size or not np.all(np.isfinite(value)):
        return None
    seen = np.swapaxes(value, -1, -2) @ value
    unit = np.eye(value.shape[-1])
    at = _first(np.abs(seen - unit) > np.maximum(tolerance, _ROUNDING * np.finfo(float).eps))
    if at is None:
        return None
    pair = f"columns {at[-2]} and {at[-1]} have the product {float(seen[at]):.7g}"
    return f"{pair}, not {unit[at[-2:]]:g}"


def _one_hot(value: Any, tolerance: Any) -> str | None:
    at = _first((value != 0) & (value != 1) & ~np.isnan(value))
    if at is not None:
        return f"{_element(value, at)}, neither 0 nor 1"
    count = np.sum(value, axis=-1)
    row = _first(np.asarray((count != 1) & ~np.isnan(count)))
    if row is None:
        return None
    return f"the row [{','.join(map(str, (*row, ':')))}] has {int(np.asarray(count)[row])} ones"


def _above(strict: bool) -> Callable[[Any, Any], str | None]:
    def check(value: Any, tolerance: Any) -> str | None:
        at = _first(np.asarray(value <= 0 if strict else value < 0))
        return None if at is None else _element(value, at)

    return check


_CHECKS: dict[str, Callable[[Any, Any], str | None]] = {
    "diagonal": _zero(lambda ones: ~np.eye(*ones.shape, dtype=bool)),
    "lower_triangular": _zero(lambda ones: np.triu(ones, 1)),
    "non_negative": _above(strict=False),
    "one_hot": _one_hot,
    "orthogonal": _orthogonal,
    "positive": _above(strict=True),
    "positive_definite": _definite(strict=True),
    "positive_semidefinite": _definite(strict=False),
    "symmetric": _symmetric,
    "upper_triangular": _zero(lambda ones: np.tril(ones, -1)),
}
