"""A derivative that passes a step is 0 there: one warning, or a note to whoever gathers them."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from graphc.core.errors import NonDifferentiableWarning

_gathered: ContextVar[list[str] | None] = ContextVar("graphc_steps", default=None)


@contextmanager
def steps_gathered() -> Generator[list[str]]:
    """Gives a list to which this thread's warnings of steps go, instead of being shown.

    `warnings.catch_warnings` would not do: it exchanges the filters of all threads.
    """
    words: list[str] = []
    token = _gathered.set(words)
    try:
        yield words
    finally:
        _gathered.reset(token)


def tell_step(words: str, mend: str) -> None:
    """Warns that a derivative passes a step, or adds the words to what is being gathered."""
    gathered = _gathered.get()
    if gathered is None:
        warnings.warn(NonDifferentiableWarning(f"{words}; {mend}"), stacklevel=3)
    else:
        gathered.append(words)
