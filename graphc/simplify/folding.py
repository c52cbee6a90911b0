"""Constant folding: an op of constants becomes the constant that NumPy computes for it.

The value is that of the NumPy evaluator in the node's own dtype. For elementwise ops that are
correctly rounded, and for ops that only move elements, every backend agrees on it; NumPy's
exponentials, sums and the like may differ from XLA's in the last place (fold with `"exact"` to
leave those). A folded constant is a rounded number: where an evaluator at higher precision would
have divided 1 by 3, it now reads the float.
"""

from __future__ import annotations

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.core.const import Const
from graphc.core.errors import GraphcError
from graphc.core.node import Node, make
from graphc.core.type import TensorType, element_count
from graphc.ops.source import constant_op

#: A folded constant has no more elements than this, and takes no more operations to compute.
MAX_ELEMENTS = 4096
MAX_FLOPS = 1_000_000

_FOLDED_GROUPS = frozenset({"elementwise", "reduction", "shape", "indexing", "contraction"})
_MOVING_GROUPS = frozenset({"shape", "indexing"})
# Repeating a number is no progress, and stop_gradient is the author's own mark.
_LEFT_ALONE = frozenset({"broadcast_to", "stop_gradient", "scatter_add", "complex", "imag"}) | {
    "index_add",
    "pool_place",
    "add_along_axis",
}


def correctly_rounded(node: Node) -> bool:
    """Tells whether every backend computes the same bits for an op."""
    group = node.op.group
    return group in _MOVING_GROUPS or (group == "elementwise" and node.op.ulp <= 0.5)


def fold_node(node: Node, only_exact: bool) -> Node | None:
    """Returns the constant that a node of constant operands is, None where it is left as it is.

    Left are: results and work above a limit, results that hold NaN, and whatever raises one of
    IEEE's flags (overflow, division by zero, invalid, underflow), so that a NaN is traced to the op
    that made it and not to a constant.
    """
    for arg in node.args:
        if arg.op is not constant_op:
            return None
    op = node.op
    if not node.args or op.group not in _FOLDED_GROUPS or op.name in _LEFT_ALONE:
        return None
    if only_exact and not correctly_rounded(node):
        return None
    made = node.type
    if not isinstance(made, TensorType) or not made.is_static or made.dtype.kind == "c":
        return None
    flops = op.flops(node)
    count = element_count(made.shape)
    if not (isinstance(count, int) and count <= MAX_ELEMENTS):
        return None
    if not (isinstance(flops, int) and flops <= MAX_FLOPS):
        return None
    arrays = [arg.params["value"].array for arg in node.args]
    try:
        with np.errstate(all="raise"):
            value = NumpyNamespace({}).apply(node, arrays, node.params)
    except (FloatingPointError, GraphcError):
        return None
    if made.dtype.is_float and np.isnan(value).any():
        return None
    return make(constant_op, (), {"value": Const(value)})
