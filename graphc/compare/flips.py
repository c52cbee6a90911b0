"""Decisions that rounding turns over: a comparison, or the side of a kink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import run
from graphc.compare.problem import Problem
from graphc.compare.truth import Truth
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.core.walk import topological_order


def flipped(problem: Problem, truth: Truth) -> Node | None:
    """Returns the first node that decides otherwise in floats than exactly, None where none does.

    Looked at are comparisons, and for ops with a kink the signs of the operand, or of the
    difference of two.
    """
    order = [n for n in topological_order([problem.output]) if isinstance(n.type, TensorType)]
    exact = dict(zip(order, truth.node_values(order), strict=True))
    with np.errstate(all="ignore"):
        floats = run(order, dict(problem.values), NumpyNamespace(truth.sizes))
    rounded = dict(zip(order, floats, strict=True))
    for node in order:
        if node.dtype.kind == "b":
            sides = [exact[node], rounded[node]]
        elif node.op.kink is not None and 0 < len(node.args) <= 2:
            sides = [_side([values[a] for a in node.args]) for values in (exact, rounded)]
        else:
            continue
        if np.any(sides[0].astype(float) != np.asarray(sides[1]).astype(float)):
            return node
    return None


def _side(operands: Sequence[Any]) -> Any:
    difference = operands[0] if len(operands) == 1 else operands[0] - operands[1]
    positive = np.asarray(difference > 0).astype(float)
    return positive - np.asarray(difference < 0).astype(float)
