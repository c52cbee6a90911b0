"""The plan of a mirrored picture: which forward node each backward node belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node
from graphc.core.op import Op
from graphc.core.walk import depends_on, topological_order_until
from graphc.render.fold import Folding
from graphc.render.record import Flow, Record


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
    needed = dict.fromkeys(topological_order_until([record.adjoints[n] for n in targets], before))
    roots: list[tuple[Node, Node]] = []
    for contribution in record.contributions:
        user = contribution.user
        if user in record.adjoints and (not roots or roots[-1][1] is not user):
            roots.append((record.adjoints[user], user))
        roots.append((contribution.value, user))
    roots += [(record.adjoints[n], n) for n in reversed(forward) if n in record.adjoints]
    for node, owner in first_needed_by(roots, before):
        if node in needed:
            found.owner[node] = owner
            found.made.setdefault(owner, []).append(node)
    found.order = list(needed)
    for node in reversed(forward):
        if node not in found.active:
            continue
        adjoint = record.adjoints[node]
        if adjoint in found.owner and adjoint not in found.home and adjoint.args:
            found.home[adjoint] = node
        else:
            found.copies[node] = None
    return found


def first_needed_by(
    roots: Sequence[tuple[Node, Node]], before: Mapping[Node, None]
) -> list[tuple[Node, Node]]:
    """Returns each node that roots need, with the label of the first root needing it.

    A depth-first walk over roots in their order leaves, just before each root, what that root is
    the first to need: one walk is enough for all of them.

    Args:
        roots: pairs of a root and its label.
        before: nodes that are known already; they and what they need are left out.
    """
    order = topological_order_until([root for root, _ in roots], before)
    position = {node: i for i, node in enumerate(order)}
    found: list[tuple[Node, Node]] = []
    for root, label in roots:
        while len(found) <= position.get(root, -1):
            found.append((order[len(found)], label))
    return found


#: Backward nodes of folded rounds that are like none of the drawn round, and drawn themselves.
_MAX_STRAYS = 24


def counterparts(plan: Mirror, folding: Folding) -> dict[Node, Node | None]:
    """Returns what is drawn for each backward node: itself, its like in another round, or None.

    The rules of two rounds may differ by a factor of 1 or a sum; op by op they correspond. None
    means that it is part of the remainder.
    """
    found: dict[Node, Node | None] = {}
    strays = 0
    for owner, own in plan.made.items():
        shown = folding.drawn(owner)
        if shown in folding.hidden or shown is owner:
            found.update(
                (n, n if shown is owner and shown not in folding.hidden else None) for n in own
            )
            continue
        waiting: dict[Op, list[Node]] = {}
        for other in reversed(plan.made.get(shown, [])):
            waiting.setdefault(other.op, []).append(other)
        for node in own:
            like = waiting.get(node.op)
            if like:
                found[node] = like.pop()
            else:
                strays += 1
                found[node] = node if strays <= _MAX_STRAYS else None
    return found


def flows_by_operand(
    record: Record, active: Mapping[Node, None] | set[Node]
) -> dict[Node, list[Flow]]:
    """Returns, for each active node, the contributions that make its adjoint."""
    found: dict[Node, list[Flow]] = {}
    for flow in record.contributions:
        if flow.operand in active:
            found.setdefault(flow.operand, []).append(flow)
    return found


def absorbed_shapes(plan: Mirror, flows: Mapping[Node, Sequence[Flow]]) -> dict[Node, Node]:
    """Returns backward nodes that only prepare a shape, each with the one node that uses it.

    They are told on the user's cell: as cells of their own they would stretch the forward half,
    whose nodes keep the ranks of their adjoints.
    """
    users: dict[Node, list[Node]] = {}
    for node in plan.order:
        for arg in node.args:
            if arg.op.name in ("reshape", "broadcast_to"):
                users.setdefault(arg, []).append(node)
    told = dict.fromkeys(flow.value for found in flows.values() for flow in found)
    last: dict[Node, Node] = {}
    for node in reversed(plan.order):
        own = users.get(node, ())
        if len(own) != 1 or node in plan.home or node in told:
            continue
        if plan.owner[own[0]] is plan.owner[node]:
            last[node] = last.get(own[0], own[0])
    return dict(reversed(last.items()))
