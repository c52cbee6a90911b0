"""Where a training left the finite numbers: the step, and the node that did it first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backends.numpy import evaluate
from graphc.core.errors import GraphcError, show_place
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.train.model import is_finite

#: Nodes above which nobody looks: all values are held at once.
_NODES = 20_000


def first_non_finite(loss: Node, slopes: Sequence[Node], values: Mapping[str, Any]) -> str:
    """Returns in words which node is the first whose value is not finite, though its operands are.

    Args:
        loss: the loss.
        slopes: its slopes, looked at where the loss is finite.
        values: values of all inputs and parameters, by name.

    Returns:
        The words; empty where all is finite or nobody could look.
    """
    for roots, what in (([loss], ""), (list(slopes), " in the backward pass")):
        order = [n for n in topological_order(roots) if isinstance(n.type, TensorType)]
        if len(order) > _NODES:
            return ""
        names = {n.name for n in order if n.name}
        try:
            found = evaluate(order, {k: v for k, v in values.items() if k in names})
        except (GraphcError, MemoryError):  # it only helps; the training has failed for its reason
            return ""
        results: dict[Node, Any] = dict(zip(order, found, strict=True))
        for node in order:
            operands = [results[a] for a in node.args if a in results]
            if not is_finite(results[node]) and all(map(is_finite, operands)):
                return f"{_words(node, results[node])}{what}"
    return ""


def _words(node: Node, value: Any) -> str:
    flat = np.asarray(value).ravel()
    wrong = flat[~np.isfinite(flat.astype(np.float64))][0]
    place = show_place(node.place)
    return f"{describe(node, 3)}{f' at {place}' if place else ''} is the first to be {wrong}"
