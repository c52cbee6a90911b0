"""What a drawing needs to know of a reverse pass; the record the pass keeps has it all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from graphc.core.node import Node


class Flow(Protocol):
    """What one edge adds to an adjoint: `value` goes from the user back to its operand."""

    @property
    def user(self) -> Node: ...
    @property
    def index(self) -> int: ...
    @property
    def operand(self) -> Node: ...
    @property
    def value(self) -> Node: ...


class Record(Protocol):
    """A reverse pass: the output, each node's adjoint, each edge's contribution."""

    @property
    def output(self) -> Node: ...
    @property
    def adjoints(self) -> Mapping[Node, Node]: ...
    @property
    def contributions(self) -> Sequence[Flow]: ...
