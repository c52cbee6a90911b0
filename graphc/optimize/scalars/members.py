"""Which nodes the machine can run, and in which order of parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.dim import Dim
from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node
from graphc.core.type import Shape, TensorType

#: Ops of one value that stand in the machine's table.
INSIDE = frozenset({"constant", "number"})
PASSED_ON = frozenset({"stop_gradient", "broadcast_to", "reshape", "assume"})


def is_member(node: Node, shape: Shape) -> bool:
    """Tells whether the machine can run a node of this shape."""
    t = node.type
    if not isinstance(t, TensorType) or t.shape != shape or t.dtype.kind not in "fb":
        return False
    if node.op.group != "elementwise":
        return node.op.name in PASSED_ON and node.args[0].type.shape in (shape, ())
    for arg in node.args:
        a = arg.type
        if (a.shape != shape and a.shape) or a.dtype.kind not in "fb":
            return False
    return not any(isinstance(v, Dim) for v in node.params.values())


def is_read(node: Node) -> bool:
    """Tells whether a node is one element of a tensor, `x[i]`."""
    if node.op.name != "reshape" or node.type.shape or node.type.dtype.kind not in "fb":
        return False
    cut = node.args[0]
    return cut.op.name == "slice" and cut.args[0].type.is_static and cut.type.size == 1


def is_scalar(order: Sequence[Node], outputs: Sequence[Node]) -> bool:
    """Tells whether the machine can run all of a body."""
    ends = set(outputs)
    for node in order:
        t, name = node.type, node.op.name
        if not isinstance(t, TensorType) or t.dtype.kind not in "fb" or not t.is_static:
            return False
        if name in LEAF_OPS or name in INSIDE or is_read(node) or is_member(node, ()):
            continue
        if name == "slice" and t.size == 1 and node.args[0].op.name in LEAF_OPS:
            continue
        if name != "stack" or node not in ends or node.args[0].type.shape:
            return False
    return True


@dataclass(slots=True)
class Members:
    """What the machine can run of a graph, in parts between operations of other kinds.

    Attributes:
        inside: the nodes that it can run.
        stages: these nodes by stage.
        late: the stage of every node, member or not, where that is not 0.
        rest: the other nodes, and the members of later stages.
    """

    inside: set[Node]
    stages: dict[int, list[Node]]
    late: dict[Node, int]
    rest: list[Node]


def members_of(order: Sequence[Node], shape: Shape) -> Members:
    """Returns what the machine can run of the nodes of one shape.

    A block can be run when all it needs is there: no operation of another kind lies between its
    members. A stage counts the changes from members to others on the way up.
    """
    inside: set[Node] = set()
    first: list[Node] = []
    stages = {0: first}
    late: dict[Node, int] = {}
    rest: list[Node] = []
    known: dict[Any, bool] = {}  # by op and types: there are few of them, and many nodes
    for node in order:
        args = node.args
        if args and not node.params:
            key = (node.op, id(node.type), *[id(a.type) for a in args])
            member = known.get(key)
            if member is None:
                member = known[key] = is_member(node, shape)
        else:
            member = is_member(node, shape)
        if member:
            inside.add(node)
            if not late or late.keys().isdisjoint(args):
                first.append(node)
                continue
            late[node] = level = max([late.get(a, 0) for a in args])
            stages.setdefault(level, []).append(node)
        elif args:
            level = max([late.get(a, 0) + (a in inside) for a in args])
            if level:
                late[node] = level
        rest.append(node)
    return Members(inside, stages, late, rest)
