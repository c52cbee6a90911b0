"""The size of a compiled function, counted in its HLO text."""

from __future__ import annotations

import re
from dataclasses import dataclass

# `  ROOT %add.3 = f32[3]{0} add(%a, %b), metadata=...`; a tuple type holds blanks and brackets.
_INSTRUCTION = re.compile(r"^\s+(?:ROOT\s+)?%?[\w.-]+\s+=\s+(?P<rest>.*)$")
_COMPUTATION = re.compile(r"^(?P<entry>ENTRY\s+)?%?[\w.-]+\s.*\{\s*$")
_OPCODE = re.compile(r"\b([a-z][a-z0-9-]*)\(")


@dataclass(frozen=True, slots=True)
class HloSize:
    """Counts of an HLO module.

    Attributes:
        instructions: of all computations, parameters and constants included.
        entry: of the entry computation alone.
        computations: the entry, the bodies of fusions and loops, reducers.
        counts: instructions by opcode, in the order of the names.
    """

    instructions: int
    entry: int
    computations: int
    counts: dict[str, int]


def hlo_size(text: str) -> HloSize:
    """Returns the counts of an HLO module's text, as `Compiled.hlo()` gives it."""
    instructions = entry = computations = 0
    counts: dict[str, int] = {}
    in_entry = False
    for line in text.splitlines():
        found = _INSTRUCTION.match(line)
        if found:
            instructions += 1
            entry += in_entry
            name = _opcode(found["rest"])
            counts[name] = counts.get(name, 0) + 1
            continue
        head = None if line.startswith(("HloModule", " ", "}")) else _COMPUTATION.match(line)
        if head:
            computations += 1
            in_entry = head["entry"] is not None
        elif line.startswith("}"):
            in_entry = False
    return HloSize(instructions, entry, computations, {n: counts[n] for n in sorted(counts)})


def _opcode(rest: str) -> str:
    """Returns the opcode after the result's type, which may be a tuple in brackets."""
    if rest.startswith("("):
        depth = 0
        for position, letter in enumerate(rest):
            depth += (letter == "(") - (letter == ")")
            if depth == 0:
                rest = rest[position + 1 :]
                break
    found = _OPCODE.search(rest)
    return found[1] if found else "unknown"
