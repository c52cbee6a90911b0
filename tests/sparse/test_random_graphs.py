"""Structure and values on random graphs of every operation, against dense derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.fuzz.generate import Case, generate


def pairs(case: Case) -> Iterator[tuple[gx.Node, gx.Node]]:
    """Yields the last nodes of a graph and its inputs, of float64 and with sizes as numbers."""
    inner = [n for n in topological_order([case.output]) if n.args and is_plain(n)]
    for wrt in case.wrt:
        if is_plain(wrt):
            yield from ((node, wrt) for node in inner[-4:])


def is_plain(node: gx.Node) -> bool:
    """Tells whether a node is an array of float64 with sizes as numbers."""
    known = isinstance(node.type, TensorType) and node.type.is_static
    return known and node.dtype is gx.float64


@pytest.mark.parametrize("index", range(30))
def test_structure_and_values_fit_the_dense_jacobian(index: int) -> None:
    warnings.simplefilter("ignore")
    case: Any = generate("tensor", 77, index)
    for node, wrt in pairs(case):
        values = {n: case.values[n] for n in topological_order([node]) if n in case.values}
        try:
            dense = np.asarray(gx.evaluate(gx.jacobian(node, wrt), values))
            there = gx.sparsity(node, wrt)
        except gx.GraphcError:  # no derivative by rule, or a size on the way that is only named
            continue
        dense = dense.reshape(there.shape)
        assert not np.any(np.nan_to_num(dense[~there.dense()])), (node, wrt)
        for mode in ("bands", "jvp", None):
            try:
                made = gx.sparse_jacobian(node, wrt, mode=mode)
            except gx.EngineError:
                assert mode == "bands"
                continue
            found = made.dense(gx.evaluate(made.values, values))
            finite = np.isfinite(dense) & np.isfinite(found)
            scale = np.abs(dense[finite]).max(initial=1.0)
            # Modes sum in other orders; where terms cancel the larger ones leave their rounding.
            np.testing.assert_allclose(found[finite], dense[finite], rtol=0, atol=2.0**-26 * scale)


@pytest.mark.parametrize("index", range(20))
def test_values_fit_the_dense_hessian(index: int) -> None:
    warnings.simplefilter("ignore")
    case: Any = generate("tensor", 33, index)
    for wrt in [w for w in case.wrt if is_plain(w) and is_plain(case.output)]:
        try:
            dense = np.asarray(gx.evaluate(gx.hessian(case.output, wrt), case.values))
            made = gx.sparse_hessian(case.output, wrt)
        except gx.GraphcError:
            continue
        found = made.dense(gx.evaluate(made.values, case.values))
        dense = dense.reshape(found.shape)
        finite = np.isfinite(dense) & np.isfinite(found)
        scale = np.abs(dense[finite]).max(initial=1.0)
        np.testing.assert_allclose(found[finite], dense[finite], rtol=0, atol=2.0**-26 * scale)
