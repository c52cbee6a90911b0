"""Python's cycle collector while many nodes are made.

Nodes form no cycles of their own, so it finds nothing among them. But it looks through all that is
new after every 700 objects, and through everything whenever a quarter has been added: half the time
of a program that makes a million nodes. What it then finds late is the caller's own garbage that
holds itself. So it rests only where that is safe: in a pass of graphc's, which makes no such
garbage, it sleeps (`core.walk.collection_paused`); while the caller builds, it looks less often, in
proportion to the graph, and as before from the next pass on.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

#: Of the nodes alive, the collector lets this part of new objects go by before it looks.
_PART = 8

_Thresholds = tuple[int, int, int]
#: The thresholds that were set when `ease` raised them, and those it set.
_raised: list[tuple[_Thresholds, _Thresholds]] = []


def ease(live: int) -> None:
    """Makes the collector look less often, where so many nodes are alive."""
    now = gc.get_threshold()
    before = _raised[-1][0] if _raised and _raised[-1][1] == now else now
    if not before[0] or live // _PART <= before[0]:  # 0 is for a collector that never looks
        return
    eased = (live // _PART, before[1], before[2])
    _raised[:] = [(before, eased)]
    gc.set_threshold(*eased)


@contextmanager
def asleep() -> Generator[None]:
    """Has the collector sleep while modules load: it would look through what is there to stay."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def restore() -> None:
    """Sets the collector back to how it was before `ease`, unless others set it since."""
    if _raised:
        before, eased = _raised.pop()
        if gc.get_threshold() == eased:
            gc.set_threshold(*before)
