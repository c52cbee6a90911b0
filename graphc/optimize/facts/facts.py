"""Facts of nodes, derived on the graph without evaluating: what is zero, symmetric, definite, ....

A fact is true in exact arithmetic, of every matrix of a stack `[..., m, n]`, or is the author's
own word (`gx.assume`). One fold, operands first, a table of rules by the op's name. Infinities and
NaN are left out of account, as everywhere in these rewrites: a triangle times infinity is a
triangle.

Whatever is computed from a positive definite matrix must be ready for one that rounding has made
indefinite: A A^T + s I is positive definite for every s > 0, and its float is not where s is small
beside A A^T. So DEFINITE alone lets nobody trust a Cholesky factor; DECLARED does.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.core.walk import topological_order_until
from graphc.optimize.facts.bits import (
    DIAGONAL,
    IDENTITY,
    IMPLIED,
    LOWER,
    NAMES,
    SYMMETRIC,
    UPPER,
    closed,
)
from graphc.optimize.facts.elements import elementwise
from graphc.optimize.facts.rules import RULES


class Facts:
    """The facts of the nodes that somebody asked about, and of what they need.

    Args:
        given: facts of leaves that are known from elsewhere, as those of a body's inputs are.
    """

    def __init__(self, given: Mapping[Node, int] | None = None) -> None:
        self._known: dict[Node, int] = dict(given or {})
        self.given = any(self._known.values())

    def of(self, node: Node) -> int:
        """Returns the facts of a node as bits."""
        known = self._known
        if node not in known:
            for inner in topological_order_until([node], known):
                rule = RULES.get(inner.op.name)
                if rule is None and inner.op.group == "elementwise":
                    rule = elementwise
                if rule is None or _is_complex(inner):
                    known[inner] = 0
                else:
                    known[inner] = closed(rule(inner, known), inner)
        return known[node]

    def holds(self, node: Node, fact: int) -> bool:
        """Tells whether all of some facts hold of a node."""
        return self.of(node) & fact == fact


def facts_of(node: Node) -> list[str]:
    """Returns the names of a node's facts, without those that others of them imply."""
    bits = Facts().of(node)
    told = bits
    for fact, implied in IMPLIED:
        if bits & fact == fact:
            told &= ~implied
    if bits & DIAGONAL == DIAGONAL and not bits & IDENTITY:
        told = told & ~SYMMETRIC
    names: list[str] = []
    for name, fact in NAMES.items():
        if told & fact == fact and not (fact in (LOWER, UPPER) and "diagonal" in names):
            names.append(name)
    return names


def _is_complex(node: Node) -> bool:
    return isinstance(node.type, TensorType) and node.dtype.kind == "c"
