"""The plan of a mirrored picture: which forward node each backward node belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node
from graphc.core.walk import depends_on, topological_order, topological_order_until
from graphc.render.fold import Folding
from graphc.render.record import Record


@dataclass(slots=True)
class Mirror:
    """The backward half of a picture, by the forward node that each part belongs to.

    Attributes:
        order: the backward nodes that are drawn or folded, operands before users.
        owner: the forward node whose rule made a backward node (or whose contributions it adds).
        made: the backward nodes of each forward node, in order: a fold maps round to round by it.
        home: for a backward node that is an adjoint, the forward node it is drawn beside.
        copies: forward nodes whose adjoint is drawn as a copy: it is another node's adjoint too, or
            a forward node, or a number.
        active: forward nodes through which the gradients asked for flow.
    """

    order: list[Node] = field(default_factory=list[Node])
    owner: dict[Node, Node] = field(default_factory=dict[Node, Node])
    made: dict[Node, list[Node]] = field(default_factory=dict[Node, list[Node]])
    home: dict[Node, Node] = field(default_factory=dict[Node, Node])
    copies: dict[Node, None] = field(default_factory=dict[Node, None])
    active: set[Node] = field(default_factory=set[Node])


def mirror(record: Record, forward: Sequence[Node], wrt: Sequence[Node] | None = None) -> Mirror:
    """Returns how the backward graph stands beside the forward graph.

    Args:
        record: the reverse pass.
        forward: the forward nodes, operands before users.
        wrt: the nodes whose gradients are wanted; by default every input and parameter.
    """
    if wrt is None:
        wrt = [n for n in forward if n.op.name in LEAF_OPS and n in record.adjoints]
    targets = [n for n in wrt if n in record.adjoints]
    found = Mirror()
    found.active = depends_on(forward, targets)
    found.active.intersection_update(record.adjoints)
    before = dict.fromkeys(forward)
    needed = set(topological_order_until([record.adjoints[n] for n in targets], before))
    done: dict[Node, None] = dict(before)

    def enter(value: Node, owner: Node) -> None:
        for node in topological_order_until([value], done):
            done[node] = None
            if node in needed:
                found.order.append(node)
                found.owner[node] = owner
                found.made.setdefault(owner, []).append(node)

    last: Node | None = None
    for contribution in record.contributions:
        user = contribution.user
        if user is not last:
            enter(record.adjoints.get(user, contribution.value), user)
            last = user
        enter(contribution.value, user)
    for node in reversed(forward):
        if node in record.adjoints:
            enter(record.adjoints[node], node)
    for node in reversed(forward):
        if node not in found.active:
            continue
        adjoint = record.adjoints[node]
        if adjoint in found.owner and adjoint not in found.home and adjoint.args:
            found.home[adjoint] = node
        else:
            found.copies[node] = None
    found.order = [n for n in topological_order([*found.order]) if n in found.owner]
    return found


def counterpart(node: Node, plan: Mirror, folding: Folding) -> Node | None:
    """Returns the backward node drawn for one whose owner is folded; None in the remainder."""
    owner = plan.owner[node]
    shown = folding.drawn(owner)
    if shown in folding.hidden:
        return None
    if shown is owner:
        return node
    own, other = plan.made[owner], plan.made.get(shown, [])
    position = _position(own, node)
    return other[min(position, len(other) - 1)] if other else None


def _position(nodes: Sequence[Node], node: Node) -> int:
    return next(i for i, other in enumerate(nodes) if other is node)


def flows_by_operand(record: Record, active: Mapping[Node, None] | set[Node]) -> dict[Node, list[tuple[Node, Node]]]:
    """Returns, for each active node, the (user, contribution) pairs that make its adjoint."""
    found: dict[Node, list[tuple[Node, Node]]] = {}
    for flow in record.contributions:
        if flow.operand in active:
            found.setdefault(flow.operand, []).append((flow.user, flow.value))
    return found
