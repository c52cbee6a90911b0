"""A family of rewrites: a name, what it does in words, and the pass itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphc.core.errors import Place
from graphc.core.node import Node
from graphc.optimize.choice import Choice
from graphc.optimize.price import USUAL, Machine


@dataclass(slots=True)
class Context:
    """What a pass may ask, and where it tells what it did.

    Attributes:
        sizes: numbers of the named sizes, as far as they are known.
        machine: the speeds that costs are predicted with.
        memory: bytes that what is kept for the backward pass may take; None for no limit.
        forced: names of families asked for by the caller: made wherever they fit.
        choices: what was weighed, taken or left.
        notes: what a family found that another may use.
    """

    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    machine: Machine = USUAL
    memory: int | None = None
    forced: frozenset[str] = frozenset()
    choices: list[Choice] = field(default_factory=list[Choice])
    notes: dict[str, Any] = field(default_factory=dict[str, Any])

    def weigh(
        self,
        family: str,
        before: str,
        after: str,
        seconds_before: float,
        seconds_after: float,
        place: Place | None = None,
        why: str = "",
        always: bool = False,
    ) -> bool:
        """Notes a choice, and returns whether it is taken: cheaper, asked for, or `always`."""
        forced = family in self.forced
        taken = forced or always or seconds_after < seconds_before
        words = "asked for" if forced else why or ("cheaper" if taken else "no cheaper")
        self.choices.append(
            Choice(family, before, after, taken, seconds_before, seconds_after, words, place)
        )
        return taken


@dataclass(frozen=True, slots=True)
class Family:
    """A family of rewrites.

    Attributes:
        name: as `optimize=` takes it, a few words.
        doc: what it does, one line.
        valid: where the rewrites hold, in words.
        apply: `apply(roots, context)`: the roots rewritten, of the same types in the same order.
    """

    name: str
    doc: str
    valid: str
    apply: Callable[[Sequence[Node], Context], list[Node]]
