"""The size of what XLA made: instructions in an HLO module's text."""

from __future__ import annotations

import re

_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?[\w.\-]+ = ", re.MULTILINE)


def instruction_count(hlo: str) -> int:
    """Returns how many instructions the text of an HLO module holds, fused ones included."""
    return len(_INSTRUCTION.findall(hlo))
