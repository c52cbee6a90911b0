"""Where gradients flow between backward nodes, and where such a node merely reads a value.

Nodes are interned: where an adjoint is a forward node, or one that also serves elsewhere, a rule
may hold the same node twice, once as the adjoint it passes on and once as a value that it reads.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from graphc.core.node import Node
from graphc.ops.chain import is_constant
from graphc.render.glyphs import glyph, is_number, number_text
from graphc.render.record import Flow, Record
from graphc.render.text import CHOICE, SIGN, text

#: A backward node and the position of one of its operands.
Slot = tuple[Node, int]

#: Operations linear in each of these operands, where an adjoint passes through one of them.
_FACTORS = {"mul": (0, 1), "matmul": (0, 1), "einsum": (0, 1, 2, 3), "div": (0,)}
#: Operations linear in these operands together; `...` stands for all.
_TERMS: dict[str, tuple[int, ...] | None] = {
    "add": None, "sub": None, "concat": None, "stack": None, "where": (1, 2), "neg": None,
    "sum": None, "mean": None, "reshape": None, "transpose": None, "broadcast_to": None,
    "slice": None, "slice_transpose": None, "cast": None, "gather": (0,), "scatter_add": (0, 2),
    "index_gather": (0,), "index_set": (0, 1), "index_add": (0, 1), "take_along_axis": (0,),
    "add_along_axis": (0,), "dynamic_slice": (0,), "dynamic_update_slice": (0, 1), "pad": (0, 1),
    "cumsum": (0,), "linear_recurrence": (1,),
}  # fmt: skip

#: Characters of a formula on the sign of an adjoint.
SIGN_LIMIT = 14


def entries(value: Node, adjoint: Node, backward: Container[Node]) -> list[Slot]:
    """Returns where an adjoint enters the rule that made a contribution.

    A contribution is linear in its adjoint, so that the way is followed through linear operations
    alone, and of a product's factors through one: `s * sech(s)**2` has its adjoint s at the left.

    Args:
        value: the contribution.
        adjoint: the adjoint that the rule was given.
        backward: the backward nodes; a rule made no others.
    """
    carries: dict[Node, tuple[int, ...]] = {}
    waiting = [value]
    while waiting:
        node = waiting[-1]
        if node in carries or node is adjoint or node not in backward:
            waiting.pop()
            continue
        deeper = [a for a in _linear_operands(node) if _is_open(a, adjoint, carries, backward)]
        if deeper:
            waiting.extend(deeper)
            continue
        waiting.pop()
        carries[node] = _ways(node, adjoint, carries)
    found: dict[Slot, None] = {}
    waiting = [value]
    while waiting:
        node = waiting.pop()
        for index in carries.get(node, ()):
            if node.args[index] is adjoint:
                found[node, index] = None
            else:
                waiting.append(node.args[index])
    return list(found)


def entrance(value: Node, backward: Container[Node]) -> Node:
    """Returns the node of a rule that stands for its product with an adjoint of 1, left out.

    It is the first on the contribution's linear way: the quotient in -(a / b).
    """
    while True:
        deeper = [a for a in _linear_operands(value) if a in backward and not is_number(a)]
        if len(deeper) != 1:
            return value
        value = deeper[0]


def _is_open(
    node: Node, adjoint: Node, carries: Mapping[Node, object], backward: Container[Node]
) -> bool:
    return node is not adjoint and node not in carries and node in backward


def _positions(node: Node) -> tuple[int, ...]:
    name = node.op.name
    chosen = _FACTORS.get(name) or _TERMS.get(name)
    if chosen is None:
        return tuple(range(len(node.args))) if name in _TERMS else ()
    return tuple(i for i in chosen if i < len(node.args))


def _linear_operands(node: Node) -> list[Node]:
    return [node.args[i] for i in _positions(node)]


def _ways(node: Node, adjoint: Node, carries: Mapping[Node, tuple[int, ...]]) -> tuple[int, ...]:
    """Returns the positions of the operands through which the adjoint comes."""
    places = _positions(node)
    direct = tuple(i for i in places if node.args[i] is adjoint)
    found = tuple(i for i in places if node.args[i] is adjoint or carries.get(node.args[i]))
    if node.op.name in _FACTORS:
        return (direct or found)[:1]
    return found


def terms(adjoint: Node, flows: Sequence[Flow], backward: Container[Node]) -> dict[Slot, Flow]:
    """Returns which contribution each operand of the sum that makes an adjoint is.

    Args:
        adjoint: the sum, perhaps within a mask.
        flows: its contributions, at least two.
        backward: the backward nodes.
    """
    waiting: dict[Node, list[Flow]] = {}
    for flow in flows:
        waiting.setdefault(flow.value, []).append(flow)
    found: dict[Slot, Flow] = {}
    stack = [adjoint]
    while stack:
        node = stack.pop()
        if node not in backward:
            continue
        for index in {"add": (0, 1), "where": (1,)}.get(node.op.name, ()):
            arg = node.args[index]
            # The last of equal contributions stands for any further use.
            same = waiting.get(arg)
            if same:
                found[node, index] = same.pop(0) if len(same) > 1 else same[0]
            elif node is adjoint or node.op.name == "add":
                stack.append(arg)
    return found


def sign_of(flow: Flow, record: Record) -> str:
    """Returns what stands on a box for a contribution that no backward node makes.

    `× (x + y)` where this is the user's partial times an adjoint of 1, `=` where the user passes
    its own adjoint on.
    """
    value, adjoint = flow.value, record.adjoints.get(flow.user)
    if value is adjoint or adjoint is None:
        return "="
    if is_number(value):
        if is_number(adjoint) and number_text(value) == number_text(adjoint):
            return "="
        return f"× {number_text(value)}" if is_constant(adjoint, 1.0) else number_text(value)
    if is_constant(adjoint, 1.0):
        return f"× {_short(value)}"
    if value.op.name == "mul" and any(factor is adjoint for factor in value.args):
        return f"× {_short(value.args[1 if value.args[0] is adjoint else 0])}"
    return f"= {_short(value, CHOICE)}"


def _short(node: Node, need: int = SIGN) -> str:
    """Returns a formula of a few characters, what does not fit left out, or the last operation."""
    for budget in (6, 3, 2, 1):
        shown = text(node, budget, need=need)
        if len(shown) <= SIGN_LIMIT:
            return shown
    return glyph(node).line
