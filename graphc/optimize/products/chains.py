"""Products of several matrices in the order that costs least, wherever they stand in a graph.

A B v as A (B v), (A A') v as A (A' v), through transposes, signs, scalings by scalars and
diagonals, and in derivatives, whose reverse pass makes such chains. A partial product that is used
elsewhere is there already and costs nothing; it is given up only where all that use it together
are cheaper without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from graphc.core.naming import describe
from graphc.core.node import Node, place_new_nodes
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import in_bodies, substituted
from graphc.optimize.price import Prices
from graphc.optimize.products.assembling import Arranged, arrange, assemble
from graphc.optimize.products.network import (
    CORE,
    OPENED,
    Network,
    is_floating,
    is_one,
    read,
    readable,
    without_ones,
)
from graphc.optimize.products.ordering import Orders

NAME = "product order"

#: Factors of one network at most; what is below them is a network of its own.
_FACTORS = 16
#: A shared product is weighed anew where no more networks than this use it.
_SHARERS = 8
#: What must be gained for a rewrite: predicted ratios nearer to 1 mean nothing.
GAIN = 0.95
#: Ops that sum over axes, or put elements on them: the other family's.
REDUCING = frozenset({"sum", "mean", "slice", "index_gather", "broadcast_to"})


@dataclass(slots=True, eq=False)
class _Region:
    """A part of the graph that is one network, with the shared nodes it is read through."""

    root: Node
    through: set[Node] = field(default_factory=set[Node])
    arranged: Arranged | None = None

    @property
    def net(self) -> Network:
        assert self.arranged is not None
        return self.arranged.net

    @property
    def seconds(self) -> float:
        assert self.arranged is not None
        return self.arranged.seconds


class Reorder:
    """One run over one graph.

    Args:
        roots: what is computed.
        order: their topological order.
        context: sizes, speeds, and where choices are noted.
        family: the name under which they are.
        wanted: tells whether a network belongs to the family.
    """

    def __init__(
        self,
        roots: Sequence[Node],
        order: Sequence[Node],
        context: Context,
        family: str,
        wanted: Callable[[Network], bool],
    ) -> None:
        self.roots, self.context = list(roots), context
        self.family, self.wanted = family, wanted
        self.prices = Prices(context.sizes, context.machine)
        self.orders = Orders(self.prices)
        self.order = order
        #: Nodes with a product in what they are read through.
        self.inner: set[Node] = set()
        #: Nodes that are read through where one network uses them.
        self.open: set[Node] = set()
        #: Operands of those: what no network could be read through to needs none of its own.
        self.below: set[Node] = set()
        self.uses: dict[Node, int] = {}
        self.reader: dict[Node, Node] = {}
        self.regions: dict[Node, _Region] = {}
        #: The regions that have a node among their factors.
        self.holders: dict[Node, dict[_Region, None]] = {}

    def run(self) -> list[Node]:
        """Returns the roots rewritten."""
        self._look()
        if not self.inner:
            return self.roots
        self._count_uses()
        self.below.update([a for node in self.order if node in self.open for a in node.args])
        for node in self.order:
            if node in self.inner and not self._is_absorbed(node) and self._has_more(node):
                self._add(node)
        for node in reversed(self.order):
            if node in self.open and self.uses[node] > 1:
                self._open_shared(node)
        replaced = self._rewritten()
        return substituted(self.roots, replaced) if replaced else self.roots

    # -- what is there ----------------

    def _look(self) -> None:
        inner, opened = self.inner, self.open
        for node in self.order:
            name = node.op.name
            if name not in OPENED:
                continue
            args = node.args
            shape = node.type.shape
            if name == "mul":  # mostly of numbers, or of arrays of one shape
                x, y = args
                if shape == x.type.shape == y.type.shape and not (x in inner or y in inner):
                    continue
            if not is_floating(node):
                continue
            if name in CORE:
                inner.add(node)
                opened.add(node)
                continue
            if not shape and not any(a.shape for a in args):
                continue  # plain numbers
            if not readable(node):
                continue
            if name == "slice":  # a diagonal: read through the flat matrix that it is taken from
                flat = args[0]
                args = flat.args
                self._count_uses()
                if self.uses[flat] > 1:
                    continue
                opened.add(flat)
                if args[0] in inner:
                    inner.add(flat)
            below = any(a in inner and a.dtype is node.dtype for a in args)
            if name in ("mul", "div"):
                wide = _wide(node)
                fewer = [_wide(a) < wide for a in args]
                if not below and not any(fewer):
                    continue
                # An outer product, as broadcasting writes it.
                below = below or (name == "mul" and all(fewer))
            opened.add(node)
            if below:
                inner.add(node)

    def _count_uses(self) -> None:
        uses, reader = self.uses, self.reader
        if uses:
            return
        for node in self.order:
            for arg in node.args:
                uses[arg] = uses.get(arg, 0) + 1
                reader[arg] = node
        for root in self.roots:
            uses[root] = uses.get(root, 0) + 2  # it is needed whatever else is

    def _is_absorbed(self, node: Node) -> bool:
        """Tells whether a node is read as a part of the one that uses it."""
        if self.uses.get(node, 0) != 1:
            return False
        reader = self.reader[node]
        return reader in self.inner and reader in self.open and reader.dtype is node.dtype

    def _has_more(self, node: Node) -> bool:
        """Tells whether a node is more than one product of two values, used once."""
        while _is_same_row(node) and node.args[0] in self.inner and self.uses[node.args[0]] == 1:
            (node,) = node.args
        if node.op.name in CORE:
            shared = self.uses[node] > 1 and node in self.below
            return shared or any(map(self._may_open, node.args))
        if node.op.name != "mul":
            return True
        shape = node.shape
        for arg in node.args:
            if arg in self.inner and (arg.op.name not in CORE or arg.shape != shape):
                return True
            if arg in self.inner and (self._is_scaled(node) or self._has_more(arg)):
                return True
        return False

    def _may_open(self, node: Node) -> bool:
        """Tells whether a node may be read through, now or where all that share it do."""
        if node not in self.open:
            return False
        if _is_same_row(node) and node not in self.inner and without_ones(node.shape) == node.shape:
            return False  # it has its own letters
        return self.uses[node] == 1 or self._is_worth_sharing(node)

    def _is_worth_sharing(self, node: Node) -> bool:
        """Tells whether a shared node is one that reading it several times can make cheaper."""
        return node.op.name != "mul" or self._is_scaled(node)

    def _is_scaled(self, node: Node) -> bool:
        """Tells whether an elementwise product is of arrays of different shapes."""
        return any(a.shape != node.shape for a in node.args)

    def _add(self, node: Node) -> None:
        if node in self.regions:
            return
        pending = [node]
        while pending:
            root = pending.pop()
            if root in self.regions:
                continue
            region = _Region(root)
            self.regions[root] = region
            self._set(region, self._arranged(region))
            # What did not fit is a network of its own.
            below = [f.node for f in region.net.factors if f.node in self.inner]
            pending += [n for n in below if self._has_more(n)]

    def _set(self, region: _Region, arranged: Arranged) -> None:
        if region.arranged is not None:
            for factor in region.net.factors:
                self.holders[factor.node].pop(region, None)
        region.arranged = arranged
        for factor in region.net.factors:
            self.holders.setdefault(factor.node, {})[region] = None

    def _arranged(self, region: _Region, more: Node | None = None) -> Arranged:
        def opens(node: Node) -> bool:
            if node not in self.open:
                return False
            if self.uses[node] == 1 or node in region.through or node is more:
                return True
            return node not in self.inner and node.op.name in ("transpose", "reshape", "neg")

        return arrange(read(region.root, opens, _FACTORS), self.orders)

    # -- products that several use ----------------

    def _open_shared(self, node: Node) -> None:
        """Reads a shared node as a part of what uses it, where that is cheaper for all together."""
        if not self._is_worth_sharing(node):
            return
        sharers = [r for r in self.holders.get(node, ()) if r.root in self.regions]
        if not sharers or len(sharers) > _SHARERS:
            return
        trials = [self._arranged(region, node) for region in sharers]
        own = self.regions.get(node)
        users = sum([n is node for trial in trials for n in trial.net.opened])
        if own is not None and users == self.uses[node]:
            before = sum([r.seconds for r in sharers]) + own.seconds
            if sum([t.seconds for t in trials]) < GAIN * before:
                for region, trial in zip(sharers, trials, strict=True):
                    region.through.add(node)
                    self._set(region, trial)
                del self.regions[node]
                return
        for region, trial in zip(sharers, trials, strict=True):
            if trial.seconds < GAIN * region.seconds:
                region.through.add(node)
                self._set(region, trial)

    # -- what becomes of it ----------------

    def _rewritten(self) -> dict[Node, Node]:
        replaced: dict[Node, Node] = {}
        for group in self._groups():
            changed = [r for r in group if self._is_worth(r)]
            if not changed or not any(self.wanted(r.net) for r in changed):
                continue
            made = [self._assembled(region) for region in changed]
            if any(new.type != r.root.type for new, r in zip(made, changed, strict=True)):
                continue
            if all(new is r.root for new, r in zip(made, changed, strict=True)):
                continue
            if self._pays(changed, made):
                replaced.update(zip([r.root for r in changed], made, strict=True))
        return replaced

    def _is_worth(self, region: _Region) -> bool:
        """Tells whether there is anything to choose."""
        net = region.net
        kinds = {frozenset(f.letters) for f in net.factors} - {frozenset()}
        if len(kinds) < 2 and not any(node.op.name in CORE for node in net.opened):
            return False  # elementwise products and their sums, which XLA fuses
        return len(net.factors) > 2 or len(net.opened) > 1

    def _groups(self) -> list[list[_Region]]:
        """Returns the regions, those together that gave up a product they shared."""
        groups: dict[int, list[_Region]] = {}
        place: dict[Node, list[_Region]] = {}
        for region in self.regions.values():
            group: list[_Region] = [region]
            for node in sorted(region.through, key=lambda n: n.uid):
                other = place.get(node)
                if other is not None and other is not group:
                    other += [r for r in group if r not in other]
                    groups.pop(id(group), None)
                    for key, value in place.items():
                        if value is group:
                            place[key] = other
                    group = other
                place[node] = group
            groups.setdefault(id(group), group)
        return list(groups.values())

    def _assembled(self, region: _Region) -> Node:
        assert region.arranged is not None
        before = place_new_nodes(region.root.place)
        try:
            return assemble(region.arranged, self.orders)
        finally:
            place_new_nodes(before)

    def _pays(self, regions: Sequence[_Region], made: Sequence[Node]) -> bool:
        roots = [region.root for region in regions]
        own = set(roots)
        leaves: dict[Node, None] = {}
        for region in regions:
            for factor in region.net.factors:
                leaves[factor.node] = None
        # A shared node that others still need is no saving.
        inside = {n for region in regions for n in region.net.opened}
        there = [
            n
            for n in dict.fromkeys(n for region in regions for n in region.net.opened)
            if n not in own and self._is_needed_outside(n, inside)
        ]
        old = self.prices.of(roots, [*leaves, *there])
        new = self.prices.of(made, leaves)
        forced = self.family in self.context.forced
        if new >= GAIN * old and not (forced and new < old):
            return False
        first = next(i for i, (m, r) in enumerate(zip(made, roots, strict=True)) if m is not r)
        also = f", and {len(roots) - 1} more that share it" if len(roots) > 1 else ""
        return self.context.weigh(
            self.family,
            describe(roots[first], 6) + also,
            describe(made[first], 6),
            old,
            new,
            roots[first].place,
        )

    def _is_needed_outside(self, node: Node, inside: set[Node]) -> bool:
        if node not in self.open or self.uses[node] == 1:
            return False
        counted = sum([a is node for n in inside for a in n.args])
        return counted < self.uses[node]


def _wide(node: Node) -> int:
    return sum([not is_one(size) for size in node.shape])


def _is_same_row(node: Node) -> bool:
    """Tells whether a node is its operand with axes of size 1 put in or left out."""
    if node.op.name != "reshape":
        return False
    return without_ones(node.args[0].shape) == without_ones(node.shape)


def is_reducing(net: Network) -> bool:
    """Tells whether a network sums over axes beside its products."""
    return any(node.op.name in REDUCING for node in net.opened) or bool(net.same)


def ordered(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with products in the cheapest order."""
    return in_bodies(
        roots,
        lambda nodes, order: Reorder(
            nodes, order, context, NAME, lambda net: not is_reducing(net)
        ).run(),
    )


PRODUCT_ORDER = Family(
    name=NAME,
    doc="products of several matrices, vectors, scalings and diagonals in the cheapest order",
    valid="(A B) v = A (B v) in exact arithmetic, with the same bound |A| |B| |v| on its rounding; "
    "floating-point of 32 bits and more, where no partial product overflows",
    apply=ordered,
)
