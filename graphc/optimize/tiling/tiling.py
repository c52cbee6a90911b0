"""Long arrays whose rows are treated alike: a block of rows at a time, as many as a cache holds.

A loss is most often a sum over many examples, and so is its gradient. Computed as it is written,
each step writes an array of all examples to memory, and the next one reads it from there. Here a
loop takes a block of examples through all steps, forward and backward, and adds up what is summed.
The classic name is loop tiling (M. Wolf and M. Lam, "A data locality optimizing algorithm", PLDI
1991); a compiler does it within one loop nest, here it spans the whole graph.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.core.walk import rebuild
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import in_bodies
from graphc.optimize.price import Prices
from graphc.optimize.tiling.body import Body
from graphc.optimize.tiling.region import Region, region

NAME = "tiling"

#: Fewer rows than this are not split; a block has this many, though a cache holds fewer (so many
#: times fewer at most): a product of few rows is slow.
_ROWS, _BLOCK, _OVER = 64, 64, 4
#: With fewer caches' worth of arrays nothing is gained. Measured on a mixture of Gaussians with
#: 2 MB of cache: 1.0 where XLA takes 14 MB for temporaries, 1.7 at 87 MB, 2.4 at 138 MB.
_CACHES = 12
#: Nodes beyond which a body would take XLA long: equal layers become a loop of their own.
_NODES = 1000
#: Sizes of first axes that are tried.
_SIZES = 3
#: What a rewrite must gain: predicted ratios nearer to 1 mean nothing.
_GAIN = 0.5
#: What starting an operation takes within a loop, of what it takes alone (XLA on a CPU).
_WITHIN = 0.2


def tiled(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with what can be computed in blocks of rows computed so where it gains."""
    if not context.machine.cache:
        return list(roots)
    prices = Prices(context.sizes, context.machine)

    def rewrite(roots: Sequence[Node], order: Sequence[Node]) -> list[Node]:
        plans = [
            plan
            for rows in _sizes(order, prices, NAME in context.forced)
            if (part := region(roots, order, rows)) is not None
            and (plan := _planned(part, prices, context)) is not None
        ]
        if not plans:
            return list(roots)
        best = max(plans, key=lambda plan: plan.before - plan.after)
        return rebuild(roots, best.body.results_by_node()) if _taken(best, context) else list(roots)

    return in_bodies(roots, rewrite)


def _sizes(order: Sequence[Node], prices: Prices, forced: bool) -> list[int]:
    """Returns sizes of first axes that may be split; none where all arrays fit the cache."""
    total = 0.0
    found: dict[int, None] = {}
    for node in order:
        if not isinstance(node.type, TensorType):
            continue
        if node.args:
            total += prices.bytes(node.type)
        elif node.op.name in LEAF_OPS and node.type.shape:
            size = node.type.shape[0]
            if isinstance(size, int) and size >= _ROWS:
                found[size] = None
    if not forced and total < _CACHES * prices.machine.cache:
        return []
    if any(not n.type.is_static for n in order if isinstance(n.type, TensorType)):
        return []
    return sorted(found, reverse=True)[:_SIZES]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A region in blocks, and the predicted seconds without and with them."""

    body: Body
    before: float
    after: float


def _planned(part: Region, prices: Prices, context: Context) -> _Plan | None:
    """Returns blocks of the region; None where its arrays fit the cache, or it has no blocks."""
    forced, machine = NAME in context.forced, context.machine
    if len(part.order) > _NODES and not forced:
        return None
    ends = part.ends
    # What is read twice is kept too: XLA seldom computes a long array again. What is not read is a
    # result, which blocks write to memory as well.
    stored = prices.stored(part.order, ends)
    uses = Counter(a for n in part.order for a in n.args)
    made = [n for n in part.order if n in part.steps]
    inner = [n for n in made if uses[n] > 1 or (uses[n] and n in stored)]
    sizes = [prices.bytes(n.type) for n in inner]
    kept = sum(sizes)
    if kept < _CACHES * machine.cache and not forced:
        return None
    row = max(kept, 1.0) / part.rows
    rows = _block(part.rows, max(machine.cache / row, min(_BLOCK, _OVER * machine.cache / row)))
    if rows >= part.rows or (rows < _BLOCK // 2 and not forced):
        return None
    body = Body(part, rows)
    before = prices.of(ends, dict.fromkeys([*body.entries, *body.wholes]))
    # Memory that no cache holds is new memory: the system hands it out page by page.
    before += sum([size for size in sizes if size > machine.cache]) / machine.fresh
    return _Plan(body, before, _seconds(body, context))


def _taken(plan: _Plan, context: Context) -> bool:
    """Tells whether the blocks are taken, and notes it."""
    body, after, why = plan.body, plan.after, ""
    if NAME not in context.forced and not after < _GAIN * plan.before:
        after, why = max(after, plan.before), "gains too little"
    words = f"{len(body.part.order)} operations on {body.part.rows:,} rows"
    blocks = f"{body.count:,} blocks of {body.rows:,} rows"
    place = next((n.place for n in body.part.ends if n.place), None)
    return context.weigh(NAME, words, blocks, plan.before, after, place, why)


def _block(rows: int, wanted: float) -> int:
    """Returns how many rows a block has: near to what is wanted, a divisor if one is."""
    target = min(max(int(wanted), 1), max(rows // 2, 1))
    near = range(max(target // 2, 1), min(2 * target, rows - 1) + 1)
    divisors = [n for n in near if rows % n == 0]
    return min(divisors, key=lambda n: abs(math.log(n / target)), default=target)


def _seconds(body: Body, context: Context) -> float:
    """Returns the predicted seconds of all blocks."""
    machine = context.machine
    fast = replace(machine, moved=machine.cached, launch=machine.launch * _WITHIN)
    prices = Prices(context.sizes, fast)
    one = prices.of(body.results, body.formals)
    # What is taken whole is read again by each block, and what is summed is read and written.
    sums = body.part.sums
    again = sum([prices.bytes(n.type) for n in (*body.wholes, *sums, *sums)])
    one += again / (machine.moved if again > machine.cache else machine.cached)
    once = sum([prices.bytes(n.type) / machine.moved for n in (*body.entries, *body.part.made)])
    once += sum([prices.bytes(n.type) / machine.strided for n in body.turned])
    return body.count * one + once


TILING = Family(
    name=NAME,
    doc="long arrays whose rows are treated alike, a block of rows at a time, sums added up",
    valid="operations that treat the rows along an axis alike, or add them up: the same numbers; "
    "sums in another order, within the bound of any order",
    apply=tiled,
)
