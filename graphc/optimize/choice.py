"""What is told of one choice: what stood there, what stands there now, and what either costs."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.core.errors import Place, show_place


@dataclass(frozen=True, slots=True)
class Choice:
    """One place where the graph could be written in another way.

    Attributes:
        family: the name of the family of rewrites, as `optimize=` takes it.
        before: what stood there, in words.
        after: what stands there now, or would.
        taken: whether it was rewritten.
        seconds_before: what it costs as it stood, as predicted.
        seconds_after: what it costs rewritten, as predicted.
        why: what decided, in words.
        place: (file, line) where the user wrote it.
    """

    family: str
    before: str
    after: str
    taken: bool
    seconds_before: float
    seconds_after: float
    why: str
    place: Place | None = None

    def __str__(self) -> str:
        where = show_place(self.place)
        head = f"{where}: " if where else ""
        verb = "->" if self.taken else "kept, not"
        costs = f"{self.seconds_before:.2e} s -> {self.seconds_after:.2e} s"
        return f"{head}{self.before} {verb} {self.after}  [{self.family}: {costs}; {self.why}]"


@dataclass(frozen=True, slots=True)
class Plan:
    """All choices made for one graph, in the order in which they were made.

    Attributes:
        choices: those taken, and those weighed and left.
    """

    choices: tuple[Choice, ...]

    def __str__(self) -> str:
        if not self.choices:
            return "compiled as it was written: nothing to choose"
        return "\n".join(str(choice) for choice in self.choices)
