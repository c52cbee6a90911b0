"""A node's expression as a tree that is cut to a budget, for the writers of text and LaTeX.

Sharing can make the whole tree exponentially large, so it is never built: the budget counts
operations, spent level by level from the root, so that what is left out is what lies deepest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphc.core.node import Node
from graphc.core.walk import topological_order

#: Operands of one operation that are shown.
WIDEST = 8


@dataclass(slots=True)
class Part:
    """One occurrence of a node in an expression.

    Attributes:
        node: the node.
        name: set where a name stands for the node.
        cut: True where an ellipsis stands for it.
        parts: the operands.
    """

    node: Node
    name: str = ""
    cut: bool = False
    parts: list[Part] = field(default_factory=list["Part"])


def expression(node: Node, budget: int, names: Mapping[Node, str] | None = None) -> Part:
    """Returns the expression of a node with at most `budget` operations.

    Args:
        node: the root.
        budget: operations; what lies deeper is cut.
        names: nodes that a name stands for (not for the root itself).
    """
    known = names or {}
    root = Part(node)
    waiting = deque([root])
    while waiting:
        part = waiting.popleft()
        if part is not root and part.node in known:
            part.name = known[part.node]
        elif part.node.args:
            budget -= 1
            if budget < 0:
                part.cut = True
                continue
            args = part.node.args
            part.parts = [Part(arg) for arg in (args if len(args) <= WIDEST else args[:WIDEST])]
            if len(args) > WIDEST:
                part.parts[-1].cut = True
                waiting.extend(part.parts[:-1])
                continue
            waiting.extend(part.parts)
    return root


def shared(node: Node, least: int = 2) -> list[Node]:
    """Returns the operations used at least `least` times below a node, operands before users."""
    order = topological_order([node])
    uses: dict[Node, int] = {}
    for one in order:
        for arg in one.args:
            uses[arg] = uses.get(arg, 0) + 1
    return [one for one in order if one.args and uses.get(one, 0) >= least]
