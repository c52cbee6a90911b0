"""What a graph costs to run, in predicted seconds: flops, bytes moved, and calls of a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.dim import Dim
from graphc.core.node import Node
from graphc.measure.cost import cost


@dataclass(frozen=True, slots=True)
class Machine:
    """Speeds of a machine; only their ratios decide.

    Attributes:
        flops: floating-point operations a second in a matrix product.
        moved: bytes a second between memory and processor.
        launch: seconds that starting one operation takes.
    """

    flops: float = 5e10
    moved: float = 1e10
    launch: float = 1e-6


#: Two cores of a server, about; the ratios of a GPU differ less from it than sizes do.
USUAL = Machine()

#: What a named size counts as where nobody has said.
UNKNOWN_SIZE = 128


def seconds(
    roots: Sequence[Node], sizes: Mapping[str, int] | None = None, machine: Machine = USUAL
) -> float:
    """Returns the predicted seconds of one run of a graph; shared parts count once."""
    found = cost(list(roots))
    return (
        number_of(found.flops, sizes) / machine.flops
        + number_of(found.bytes, sizes) / machine.moved
        + found.nodes * machine.launch
    )


def number_of(size: Any, sizes: Mapping[str, int] | None = None) -> float:
    """Returns a size as a number; a name nobody has bound counts as `UNKNOWN_SIZE`."""
    if not isinstance(size, Dim):
        return float(size)
    known = dict.fromkeys(size.names, UNKNOWN_SIZE)
    return float(size.value({**known, **(sizes or {})}))
