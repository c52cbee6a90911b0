"""The adjoint of every value on the way from the loss to the inputs, as a norm by depth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compare.bounds import smallest
from graphc.compare.debug.record import Level
from graphc.compare.debug.run import Frame, Lanes, Watcher
from graphc.core.errors import show_place
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.walk import topological_order


@dataclass(frozen=True, slots=True)
class Sums:
    """Figures of one adjoint as computed."""

    norm: float
    size: int
    zeros: int
    tiny: int


class Norms(Watcher):
    """Measures adjoints outside of blocks while they are computed.

    Args:
        adjoints: the adjoint nodes.
    """

    def __init__(self, adjoints: Sequence[Node]) -> None:
        self.found: dict[Node, Sums] = {}
        self._wanted = set(adjoints)

    def see(self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes) -> None:
        if frame.user is not None or node not in self._wanted:
            return
        array = value[0]
        if array.ndim == 0:  # chains are made of scalars
            one = abs(float(array))
            tiny = 0 < one < smallest(node.dtype)
            self.found[node] = Sums(one, 1, int(one == 0), int(tiny))
            return
        size = np.abs(array.astype(np.float64))
        self.found[node] = Sums(
            norm_of(size),
            int(array.size),
            int(np.sum(size == 0)),
            int(np.sum((size > 0) & (size < smallest(node.dtype)))),
        )


def norm_of(size: Any) -> float:
    """Returns the Euclidean norm of absolute values, safe from overflow and underflow."""
    top = float(np.max(size)) if size.size else 0.0
    if top == 0 or not math.isfinite(top):
        return top
    with np.errstate(all="ignore"):
        return top * math.sqrt(float(np.sum((size / top) ** 2)))


def depths(outputs: Sequence[Node]) -> dict[Node, int]:
    """Returns for each node the edges on the longest way from an output to it."""
    found = dict.fromkeys(outputs, 0)
    for node in reversed(topological_order(outputs)):
        below = found.setdefault(node, 0) + 1
        for arg in node.args:
            if found.get(arg, -1) < below:
                found[arg] = below
    return found


def levels(
    adjoints: Mapping[Node, Node],
    outputs: Sequence[Node],
    wrt: Sequence[Node],
    sums: Mapping[Node, Sums],
    exact: Mapping[Node, float],
) -> tuple[Level, ...]:
    """Returns the adjoints from the loss down, nearest first.

    Args:
        adjoints: for each value its adjoint.
        outputs: what was differentiated.
        wrt: by what.
        sums: figures of the adjoints.
        exact: their norms at 50 digits, as far as computed.
    """
    depth, wanted = depths(outputs), set(wrt)
    top = math.hypot(*[sums[adjoints[o]].norm for o in outputs if o in adjoints]) or 1.0
    found: list[Level] = []
    for node, adjoint in adjoints.items():
        one = sums[adjoint]
        found.append(
            Level(
                depth=depth[node],
                node=describe(node, 2),
                op=node.op.name,
                place=show_place(node.place),
                norm=one.norm,
                ratio=one.norm / top,
                exact=exact.get(adjoint),
                size=one.size,
                zeros=one.zeros,
                tiny=one.tiny,
                wanted=node in wanted,
            )
        )
    return tuple(sorted(found, key=lambda level: level.depth))
