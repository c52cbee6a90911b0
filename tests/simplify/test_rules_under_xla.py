"""Exact rules keep their bits under XLA too, away from subnormals, which XLA flushes to zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.node import Node
from graphc.core.walk import topological_order
from graphc.simplify.passes import simplify
from graphc.simplify.rule import Rule
from graphc.simplify.rules import ALL_RULES

DTYPES = {"f": "float32", "i": "int32", "b": "bool"}
SMALLEST = float(np.finfo(np.float32).smallest_normal)
VALUES = {
    "f": [
        0.0,
        -0.0,
        1.0,
        -1.0,
        np.inf,
        -np.inf,
        np.nan,
        0.3,
        -2.5,
        SMALLEST * 4,
        3e38,
        7.25,
        -12.0,
    ],
    "i": [0, 1, 2, 3, -1, -2, 100, 2**31 - 1, -(2**31)],
    "b": [True, False],
}


def compiled_values(nodes: list[Node], given: dict[str, Any]) -> list[Any]:
    names = {n.params["name"] for n in topological_order(nodes) if n.op.name == "input"}
    found = gx.compile(nodes)({k: v for k, v in given.items() if k in names})
    return [np.asarray(v) for v in found]


@pytest.mark.parametrize(
    "rule", [r for r in ALL_RULES if r.validity == "exact"], ids=lambda r: r.name
)
def test_exact_rule_keeps_its_bits_under_xla(rule: Rule) -> None:
    kind = rule.kinds[0]
    a, b = np.meshgrid(*[np.array(VALUES[kind], DTYPES[kind])] * 2, indexing="ij")
    x, y = gx.input("x", a.shape, DTYPES[kind]), gx.input("y", a.shape, DTYPES[kind])
    example = rule.example(x, y)
    before = list(example) if isinstance(example, tuple) else [example]
    try:
        first = compiled_values(before, {"x": a, "y": b})
    except gx.PrecisionError:
        pytest.skip("the example needs 64-bit types, which JAX has turned off")
    second = compiled_values([simplify(node) for node in before], {"x": a, "y": b})
    for left, right in zip(first, second, strict=True):
        assert left.dtype == right.dtype
        if left.dtype.kind == "f":
            left, right = (np.where(np.isnan(v), np.float32(0.125), v) for v in (left, right))
        np.testing.assert_array_equal(
            left.view(f"u{left.dtype.itemsize}"), right.view(f"u{left.dtype.itemsize}")
        )
