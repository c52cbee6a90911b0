"""A product as its factors, however it was written: what the stable forms of quotients look at.

a / b * c, c * (a * reciprocal(b)) and -(c * a) / b have the same factors. A rule names two factors
and what takes their places; the rest of the product keeps its form, so that no new overflow comes
in by another order of multiplication.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.type import Shape
from graphc.ops.chain import broadcast_to

#: Products of more factors are looked at only as far as this: a rule costs a bounded time.
MOST_FACTORS = 8
_MOVES = frozenset({"reshape", "broadcast_to", "sum"})
_INVERSES = frozenset({"reciprocal", "inverse_positive"})


@dataclass(slots=True, eq=False)
class Factor:
    """A node inside a product.

    Attributes:
        node: the factor, or a product whose factors are `parts`.
        power: 1, or -1 where it divides.
        above: the product it stands in; None for the whole.
        parts: its own factors, empty for one that is looked at as a whole.
    """

    node: Node
    power: int
    above: Factor | None
    parts: list[Factor]

    def path(self) -> list[Node]:
        """Returns the nodes above, from the next one to the whole product."""
        found: list[Node] = []
        step = self.above
        while step is not None:
            found.append(step.node)
            step = step.above
        return found


def factors_of(node: Node, moving: bool = True) -> list[Factor]:
    """Returns the product and its parts, each after what it stands in.

    Args:
        node: any node; one that is no product is its own single factor.
        moving: whether to look through reshapes, broadcasts and sums: what stands under a sum is a
            factor of it only where it is the same along the axis, which the caller must see to.
    """
    found = [Factor(node, 1, None, [])]
    leaves = 1
    position = 0
    while position < len(found):
        item = found[position]
        position += 1
        below = _parts(item.node, moving)
        if not below or leaves + len(below) - 1 > MOST_FACTORS:
            continue
        leaves += len(below) - 1
        item.parts = [Factor(n, item.power * p, item, []) for n, p in below]
        found += item.parts
    return found


def _parts(node: Node, moving: bool) -> list[tuple[Node, int]]:
    name, args = node.op.name, node.args
    if name == "mul":
        return [(args[0], 1), (args[1], 1)]
    if name == "div":
        return [(args[0], 1), (args[1], -1)]
    if name == "neg" or (moving and name in _MOVES):
        return [(args[0], 1)]
    if name in _INVERSES:
        return [(args[0], -1)]
    if name == "square":
        return [(args[0], 1)] * 2
    if name == "add" and args[0] is args[1]:
        return [(args[0], 1), (scalar(2.0, node.type.dtype), 1)]
    if name == "sigmoid_slope":
        (x,) = args
        opposite = x.args[0] if x.op.name == "neg" else apply_named("neg", x)
        return [(apply_named("sigmoid", x), 1), (apply_named("sigmoid", opposite), 1)]
    if name == "integer_pow" and 2 <= abs(node.params["exponent"]) <= 4:
        count = node.params["exponent"]
        return [(args[0], 1 if count > 0 else -1)] * abs(count)
    return []


#: What `outline` found, by the node's number: names only, so that no node is kept alive.
_outlines: dict[int, frozenset[str]] = {}
_REPEATED = "repeated"


def outline(node: Node) -> frozenset[str]:
    """Returns the names of the ops of a product's factors, and `repeated` if one stands thrice.

    Every rule asks this first: most products have nothing to offer, and finding their factors anew
    for each rule would take most of the time.
    """
    found = _outlines.get(node.uid)
    if found is None:
        items = factors_of(node)
        count = Counter(item.node for item in items if not item.parts)
        names = {item.node.op.name for item in items[1:]}
        if any(times > 2 for times in count.values()):
            names.add(_REPEATED)
        found = frozenset(names)
        if len(_outlines) > 4096:
            _outlines.clear()
        _outlines[node.uid] = found
    return found


def has_repeated(node: Node) -> bool:
    """Tells whether a factor stands in a product three times or more."""
    return _REPEATED in outline(node)


def _is_single(node: Node) -> bool:
    """Tells whether a node has one element, which stands everywhere in the product."""
    return all(isinstance(size, int) and size == 1 for size in node.type.shape)


def is_moved(factor: Factor) -> bool:
    """Tells whether its elements stand elsewhere in the product than in the factor itself."""
    if _is_single(factor.node):
        return False
    return any(n.op.name in ("reshape", "sum") for n in factor.path())


def is_spread(factor: Factor, total: Node, wide: Shape) -> bool:
    """Tells whether a reduction over axes of `wide` meets it as `keepdims=True` would have it.

    Args:
        factor: a reduction, or a node of its shape.
        total: the reduction, whose parameters tell the axes.
        wide: the shape of what was reduced.
    """
    axes = total.params["axis"]
    kept = tuple([1 if i in axes else size for i, size in enumerate(wide)])
    short = tuple([size for i, size in enumerate(wide) if i not in axes])
    if _is_single(factor.node):
        return True
    # Numpy's alignment puts missing axes first.
    leading = axes == tuple(range(len(axes)))
    is_kept = factor.node.type.shape == kept or leading
    for node in factor.path():
        shape, name = node.type.shape, node.op.name
        if name == "reshape":
            if shape not in (kept, short):
                return False
            is_kept = shape == kept or leading
        elif name == "sum":
            if not is_kept or node.params["axis"] != axes:
                return False
            is_kept = node.params["keepdims"] or leading
        elif shape != short and not (is_kept and shape in (kept, wide)):
            return False
    return is_kept


def replaced(items: Sequence[Factor], new: dict[Factor, Node | None]) -> Node:
    """Returns the product with some factors replaced; None stands for 1, the factor left out.

    A factor that divides is replaced by one that divides too.
    """
    values: dict[Factor, Node | None] = {}
    for item in reversed(items):
        if item in new:
            values[item] = new[item]
        elif all(values[part] is part.node for part in item.parts):
            values[item] = item.node
        else:
            values[item] = _again(item.node, [values[part] for part in item.parts])
    whole = values[items[0]]
    node = items[0].node
    return scalar(1.0, node.type.dtype) if whole is None else whole


def _again(node: Node, parts: list[Node | None]) -> Node | None:
    name = node.op.name
    one = scalar(1.0, node.type.dtype)
    if name in _MOVES:
        (inner,) = parts
        if inner is None and name != "sum":
            return None
        wide = broadcast_to(one if inner is None else inner, node.args[0].type.shape)
        return make(node.op, (wide,), node.params)
    if name == "neg":
        return apply_named("neg", one if parts[0] is None else parts[0])
    if name in _INVERSES:
        # What is left of x**2 > 0 may be negative: no case for `inverse_positive` any more.
        return None if parts[0] is None else apply_named("reciprocal", parts[0])
    if name == "div":
        x, y = parts
        if y is None:
            return x
        return apply_named("reciprocal", y) if x is None else apply_named("div", x, y)
    present = [p for p in parts if p is not None]
    if not present:
        return None
    product = present[0]
    for part in present[1:]:
        product = apply_named("mul", product, part)
    inverse = name == "integer_pow" and node.params["exponent"] < 0
    return apply_named("reciprocal", product) if inverse else product


#: What a rule makes of two factors: what takes their places; None where it does not fit.
Match = Callable[[Factor, Factor], "tuple[Node | None, Node | None] | None"]


def pairwise(
    node: Node, first: frozenset[str], second: frozenset[str], match: Match
) -> Node | None:
    """Returns a product in which two factors were replaced, None where no pair matches.

    Args:
        node: the product.
        first: ops of the first factor, which multiplies.
        second: ops of the second factor; empty for any.
        match: what to put in place of the two.
    """
    names = outline(node)
    if (first and not first & names) or (second and not second & names):
        return None
    items = factors_of(node)
    leaves = [item for item in items if not item.parts]
    for one in leaves:
        if one.power < 0 or (first and one.node.op.name not in first):
            continue
        for other in items:
            if other is one or other.above is None or (second and other.node.op.name not in second):
                continue
            made = match(one, other)
            if made is not None:
                return replaced(items, {one: made[0], other: made[1]})
    return None
