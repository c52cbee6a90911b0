"""What the kink report found, as frozen records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphc.compare.kinks import text

#: How an element stands at its kink: in floats and at 50 digits; in floats only, since rounding
#: made the tie; at 50 digits only, since rounding undid it.
EXACT, ROUNDED, HIDDEN = "exact", "by rounding", "hidden by rounding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The slopes along one element of one operand, the others held.

    Attributes:
        operand: the operand as text; `position` which one it is, from 0.
        element: the index within what the result's element is made of; empty for a scalar.
        value: the operand's value there.
        left, right: the one-sided derivatives of the node's own value by differences at 50 digits;
            infinite at a jump, NaN where there is no value on that side.
        jump_left, jump_right: what the value jumps by when the kink is left; 0 without a jump.
        slope: what graphc promises.
        others: what other systems give, where it is not the same; see `core.system`.
    """

    operand: str
    position: int
    element: tuple[int, ...]
    value: float
    left: float
    right: float
    jump_left: float
    jump_right: float
    slope: float
    others: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class KinkElement:
    """One element of a node's value that stands at a kink.

    Attributes:
        index: of the element in the node's value.
        run: which evaluation of the node, from 0: inside a block or a map there are many.
        kind: `exact`, `by rounding` or `hidden by rounding`.
        sides: along its operands' elements, the first few.
    """

    index: tuple[int, ...]
    run: int
    kind: str
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KinkMet:
    """A node that was evaluated at a kink or tie.

    Attributes:
        node: as text; `op` its operation, `place` the user's `file.py:LINE`.
        where: the kink in words.
        departs: how JAX's convention differs, in words; empty where it is the same.
        count: elements at the kink in floats, over all evaluations of the node.
        rounded: how many of them are a tie by rounding alone.
        hidden: elements at the kink at 50 digits that rounding moved off it; not in `count`.
        size: elements of the node's value, over all evaluations.
        runs: how often the node was evaluated.
        elements: the first few; none past the first hundred nodes.
    """

    node: str
    op: str
    place: str
    where: str
    departs: str
    count: int
    rounded: int
    hidden: int
    size: int
    runs: int
    elements: tuple[KinkElement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KinkReport:
    """The nodes met at a kink or tie.

    Attributes:
        kinks: one entry for each node, operands before users.
        looked_at: how many nodes have a kink somewhere, blocks' bodies included.
        exact: False where the graph was too large for 50 digits; ties are those of floats then.
    """

    kinks: tuple[KinkMet, ...]
    looked_at: int
    exact: bool

    def __iter__(self) -> Iterator[KinkMet]:
        return iter(self.kinks)

    def __len__(self) -> int:
        return len(self.kinks)

    def __str__(self) -> str:
        return text.report_text(self)

    def _repr_html_(self) -> str:
        return text.report_html(self)
