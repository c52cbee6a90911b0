"""Every identity, in the order in which they are tried, and the table by op that passes read."""

from __future__ import annotations

import functools

from graphc.simplify import arithmetic, blocks, finite, logic, shapes, stable
from graphc.simplify.rule import Rule

#: Exact ones first: they bring the forms that the others look for.
ALL_RULES: tuple[Rule, ...] = (
    *arithmetic.RULES,
    *logic.RULES,
    *shapes.RULES,
    *blocks.RULES,
    *finite.RULES,
    *stable.RULES,
)


@functools.cache
def rules_by_op(validities: frozenset[str]) -> dict[str, tuple[Rule, ...]]:
    """Returns the rules of the given validities, by the name of the op they fire on."""
    table: dict[str, list[Rule]] = {}
    for rule in ALL_RULES:
        if rule.validity in validities:
            for name in rule.ops:
                table.setdefault(name, []).append(rule)
    return {name: tuple(rules) for name, rules in table.items()}
