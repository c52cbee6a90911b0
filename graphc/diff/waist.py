"""The engine `mixed`: a Jacobian as a product of Jacobians between narrow waists of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graphc.core.node import Node, apply_named
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.ops.chain import reshape
from graphc.ops.sweep import active_nodes
from graphc.optimize.price import number_of

#: Waists that are weighed: the narrowest ones.
_WAISTS = 16


@dataclass(frozen=True, slots=True)
class Leg:
    """How the Jacobian of one cut of the graph by an earlier one is made.

    Attributes:
        start: the number of the earlier cut.
        end: the number of the later one.
        mode: `forward`, `reverse`, or `product` of the two legs.
        legs: the two factors of a product, the later one first.
        passes: of both modes, through the parts.
    """

    start: int
    end: int
    mode: str
    legs: tuple[Leg, ...] = ()
    passes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """The cuts, what is differentiated by first and the output last, and the way over them."""

    cuts: tuple[Node, ...]
    leg: Leg

    def words(self) -> str:
        """Returns the route in words, from the output back."""
        parts: list[str] = []
        for leg in self.passes():
            count = self.cuts[leg.start if leg.mode == "forward" else leg.end].size
            parts.append(f"{leg.mode} ({count} passes)")
        waists = self.inner()
        return f"{' times '.join(parts)}, at a waist of {' and '.join(map(str, waists))}"

    def passes(self) -> list[Leg]:
        """Returns the legs that are no products of others, from the output back."""
        found: list[Leg] = []
        todo = [self.leg]
        while todo:
            leg = todo.pop()
            if leg.mode == "product":
                todo += reversed(leg.legs)
            else:
                found.append(leg)
        return found

    def inner(self) -> list[int]:
        """Returns the sizes of the cuts used, from the output back."""
        found = [leg.start for leg in self.passes()]
        return [number_of_elements(self.cuts[i]) for i in found if i]


def number_of_elements(node: Node, sizes: Mapping[str, int] | None = None) -> int:
    """Returns a node's number of elements, named sizes taken as `number_of` takes them."""
    return int(number_of(node.size, sizes))


def find_route(output: Node, wrt: Node, sizes: Mapping[str, int] | None = None) -> Route | None:
    """Returns the cheapest route over waists; None where no waist saves anything.

    A waist is a node that every path from `wrt` to the output goes through, with fewer elements
    than both ends. Between two cuts forward takes a pass for each element of the earlier one,
    reverse for each of the later one; two legs are multiplied, in the order of fewest flops.
    """
    order = topological_order([output])
    active = active_nodes(order, [wrt])
    if wrt is output or output not in active:
        return None
    needed = [output]
    wanted = {output}
    for node in reversed(order):
        if node in wanted and node is not wrt:
            for arg in node.args:
                if arg in active and arg not in wanted:
                    wanted.add(arg)
                    needed.append(arg)
    path = [node for node in order if node in wanted]
    place = {node: i for i, node in enumerate(path)}
    last = list(range(len(path)))
    for i, node in enumerate(path):
        for arg in node.args if node is not wrt else ():
            if arg in place:
                last[place[arg]] = i
    ends = min(number_of_elements(output, sizes), number_of_elements(wrt, sizes))
    reach = 0
    waists: list[int] = []
    for i, node in enumerate(path[:-1]):
        waist = i and reach <= i and isinstance(node.type, TensorType)
        if waist and number_of_elements(node, sizes) < ends:
            waists.append(i)
        reach = max(reach, last[i])
    if not waists:
        return None
    waists.sort(key=lambda i: (number_of_elements(path[i], sizes), i))
    places = [0, *sorted(waists[:_WAISTS]), len(path) - 1]
    work = [0.0]
    for node in path:
        work.append(work[-1] + number_of(node.op.flops(node), sizes) + 1.0)
    cuts = tuple(path[i] for i in places)
    leg = _cheapest(
        [number_of_elements(c, sizes) for c in cuts],
        [work[places[i + 1] + 1] - work[places[i] + 1] for i in range(len(places) - 1)],
    )
    return Route(cuts, leg) if leg.mode == "product" else None


def _cheapest(widths: Sequence[int], work: Sequence[float]) -> Leg:
    """Returns the cheapest leg from the first cut to the last, by flops."""
    best: dict[tuple[int, int], tuple[float, Leg]] = {}
    count = len(widths)
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            flops = sum(work[i:j])
            ways = [
                (flops * widths[i], Leg(i, j, "forward", (), widths[i])),
                (flops * widths[j], Leg(i, j, "reverse", (), widths[j])),
            ]
            for k in range(i + 1, j):
                (left, first), (right, second) = best[i, k], best[k, j]
                price = left + right + 2.0 * widths[i] * widths[k] * widths[j]
                passes = first.passes + second.passes
                ways.append((price, Leg(i, j, "product", (second, first), passes)))
            best[i, j] = min(ways, key=lambda way: way[0])
    return best[0, count - 1][1]


def mixed_jacobian(route: Route, one_way: Mapping[str, Callable[[Node, Node], Node]]) -> Node:
    """Returns the Jacobian of the last cut by the first, shape output.shape + wrt.shape.

    Args:
        route: what `find_route` gave.
        one_way: for `forward` and `reverse` a function of (output, wrt) that gives a Jacobian.
    """
    made: dict[tuple[int, int], Node] = {}
    todo: list[tuple[Leg, bool]] = [(route.leg, False)]
    while todo:
        leg, ready = todo.pop()
        start, end = route.cuts[leg.start], route.cuts[leg.end]
        if leg.mode != "product":
            made[leg.start, leg.end] = one_way[leg.mode](end, start)
        elif not ready:
            todo += [(leg, True), *[(part, False) for part in leg.legs]]
        else:
            later, earlier = leg.legs
            middle = route.cuts[later.start]
            left = reshape(made[later.start, later.end], (end.size, middle.size))
            right = reshape(made[earlier.start, earlier.end], (middle.size, start.size))
            product = apply_named("matmul", left, right)
            made[leg.start, leg.end] = reshape(product, (*end.shape, *start.shape))
    return made[route.leg.start, route.leg.end]
