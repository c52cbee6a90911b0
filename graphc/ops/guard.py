"""Tangent graphs made safe for JAX's transpose: a dead factor becomes 0 before it is multiplied.

`where(alive, dx * slope, 0)` is 0 where the branch is dead, whatever `slope` is. JAX transposes it
to `where(alive, adjoint, 0) * slope`, which is 0 * inf = NaN there. So `slope` is written
`where(alive, slope, 0)` too. Our own reverse pass needs none of this: its masks travel along.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.graph import Graph
from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.walk import depends_on, rebuild, topological_order
from graphc.ops.chain import both, broadcast_to, reshape
from graphc.ops.flow.inner import Body, bodies_run, is_running, with_bodies

#: A mask, or None where every element may be alive.
Mask = Node | None

_PASSING = frozenset({"neg", "cast", "add", "sub", "mul", "div", "stop_gradient"})


def guard(results: Sequence[Node], tangents: Sequence[Node]) -> list[Node]:
    """Returns results that are linear in the tangents with every dead factor replaced by 0.

    Masks go through elementwise ops, reshape and transpose; at reductions, products of tensors and
    the edges of blocks they end.
    """
    order = topological_order(results)
    linear = depends_on(order, tangents)
    masks: dict[Node, Mask] = dict.fromkeys(results)
    for node in reversed(order):
        if node in linear and node in masks:
            for arg, mask in _handed_down(node, masks[node], linear):
                masks[arg] = _either(masks[arg], mask) if arg in masks else mask

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        mask = masks.get(node)
        if mask is not None and node.op.name in ("mul", "div"):
            neutral = 0.0 if node.op.name == "mul" else 1.0
            args = tuple(
                new if old in linear else _where(mask, new, neutral)
                for old, new in zip(node.args, args, strict=True)
            )
        params = node.params
        if node in linear and is_running(node):
            moving = {i for i, a in enumerate(node.args) if a in linear}
            params = with_bodies(node, [_guarded(node, body, moving) for body in bodies_run(node)])
        elif all(new is old for new, old in zip(args, node.args, strict=True)):
            return node
        return make(node.op, args, params)

    return rebuild(results, {}, step)


def _guarded(node: Node, body: Body, moving: set[int]) -> Graph:
    """Returns a body with the dead factors of what is linear in it replaced by 0."""
    graph, carries = body.graph, node.params.get("carries", 0)
    if graph is node.params.get("test"):
        return graph
    found = {k for k, i in enumerate(body.operands) if i in moving}
    while carries:  # a carry that a tangent reaches within the loop is one of them
        order = topological_order(graph.outputs)
        reached = depends_on(order, [graph.inputs[k] for k in found])
        more = found | {k for k in range(carries) if graph.outputs[k] in reached}
        if more == found:
            break
        found = more
    outputs = guard(graph.outputs, [graph.inputs[k] for k in sorted(found)])
    return Graph(graph.inputs, outputs, graph.name)


def _handed_down(node: Node, mask: Mask, linear: set[Node]) -> list[tuple[Node, Mask]]:
    """Returns the linear operands of a node with the mask under which each of them counts."""
    name, args = node.op.name, node.args
    if name == "where":
        sides = (both(mask, args[0]), both(mask, apply_named("logical_not", args[0])))
        pairs: list[tuple[Node, Mask]] = list(zip(args[1:], sides, strict=True))
    elif mask is None:
        pairs = [(a, None) for a in args]
    elif name in _PASSING:
        pairs = [(a, mask) for a in args]
    elif name == "reshape":
        return [(args[0], reshape(broadcast_to(mask, node.shape), args[0].shape))]
    elif name == "transpose":
        axes = node.params["axes"]
        inverse = tuple(axes.index(i) for i in range(len(axes)))
        return [(args[0], apply_named("transpose", broadcast_to(mask, node.shape), axes=inverse))]
    else:
        pairs = [(a, None) for a in args]
    # An operand that is broadcast is alive where any of its copies is: its mask ends here.
    return [
        (a, m if m is not None and a.shape == node.shape else None) for a, m in pairs if a in linear
    ]


def _either(left: Mask, right: Mask) -> Mask:
    if left is None or right is None or left is right:
        return left if left is right else None
    return apply_named("logical_or", left, right)


def _where(mask: Node, value: Node, neutral: float) -> Node:
    return apply_named("where", mask, value, scalar(neutral, value.type.dtype))
