"""What oracles say, and how two numbers that must be equal are compared.

Two graphs that must be equal are evaluated at 60 digits, and where they share fewer than 18 of them
again at 800: rounding shrinks with the digits, a fault does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphc.compare.rules import DIGITS, MOST_DIGITS, RULE_DIGITS
from graphc.compare.truth import digits_between


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold.

    Attributes:
        oracle: which one says so.
        words: what it saw.
    """

    oracle: str
    words: str


@dataclass(slots=True)
class Verdicts:
    """What the oracles said of one graph.

    Attributes:
        findings: what does not hold.
        held: by oracle, 1 where it applied and held.
        undecided: by oracle, why it could not tell.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    held: dict[str, int] = field(default_factory=dict[str, int])
    undecided: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, oracle: str, outcome: str | None, undecided: str = "") -> None:
        """Enters an outcome: None holds, words are a finding; `undecided` says why neither."""
        if undecided:
            self.undecided[oracle] = undecided
        elif outcome is None:
            self.held[oracle] = 1
        else:
            self.findings.append(Finding(oracle, outcome))


def is_finite(value: Any) -> bool:
    """Tells whether a number is neither infinite nor NaN."""
    return bool(value == value and abs(value) != float("inf"))


def disagreement(
    left: Callable[[int], Any], right: Callable[[int], Any], floor: float = 0.0
) -> str | None:
    """Returns how two numbers differ that must be equal, or None.

    Args:
        left: the number at so many digits.
        right: what it must be.
        floor: digits count relative to max(|right|, floor).
    """
    a, b = left(DIGITS), right(DIGITS)
    if digits_between(a, b, floor, 60.0) >= RULE_DIGITS:
        return None
    if not is_finite(a) or not is_finite(b):
        same = (a != a and b != b) or a == b
        return None if same else f"{show(a)} where it must be {show(b)}"
    c, d = left(MOST_DIGITS), right(MOST_DIGITS)
    found = digits_between(c, d, floor, 60.0)
    if found >= RULE_DIGITS or abs(c - d) < abs(a - b) * 1e-100:
        return None
    return f"{show(c)} where it must be {show(d)}: {found:.1f} digits agree"


def show(value: Any) -> str:
    """Returns a number of any precision as text."""
    try:
        return f"{float(value):.17g}"
    except (OverflowError, TypeError, ValueError):
        return str(value)
