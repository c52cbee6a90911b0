"""Equal blocks become one: a loop where each needs the one before, one batched call where not.

XLA compiles every copy of a repeated block, and each of its kernels is started by itself; a loop is
compiled once. What the blocks take that differs (parameters, constants, rows, what an earlier loop
kept) is stacked and handed out entry by entry. Compiled, stacked leaves are packed outside of the
program, see `graphc/backends/packing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.node import Node, make, place_new_nodes
from graphc.ops.shaping import stack_op
from graphc.optimize.equal_blocks.blocks import Maker
from graphc.optimize.equal_blocks.in_order import Ordering
from graphc.optimize.equal_blocks.placed import stacked_rows
from graphc.optimize.equal_blocks.runs import Run, find_runs
from graphc.optimize.family import Context, Family

#: Blocks and nodes that a run has at least; fewer never pay for the loop.
_REPEATS, _LEAST = 4, 24


def _apply(name: str, roots: Sequence[Node], context: Context) -> list[Node]:
    forced = name in context.forced
    if name == "roll":
        roots = stacked_rows(roots)
    ordering, found = _runs(roots, context, 3 if forced else _REPEATS, 3 if forced else _LEAST)
    found = [run for run in found if run.moves or name == "batch" or len(found) > 1]
    if not found:
        return list(roots)
    maker = Maker(name, ordering, roots, context, found)
    made = False
    before = place_new_nodes(None)
    try:
        runs = iter(found)
        run = next(runs, None)
        i = 0
        while i < len(ordering.nodes):
            if run is not None and i == run.start:
                here = maker.fitted(run)
                if here is not None and here.start > i:
                    run = here  # its first blocks stay as they are
                else:
                    run = next(runs, None)
                    if here is not None and maker.rolled(here):
                        made = True
                        i = here.stop
                        continue
            node = ordering.nodes[i]
            place_new_nodes(node.place)
            joined = maker.joined(node) if made and node.op is stack_op else None
            args = () if joined is not None else tuple([maker.get(a) for a in node.args])
            if joined is not None:
                maker.made[node] = joined
            elif all(new is old for new, old in zip(args, node.args, strict=True)):
                maker.made[node] = node
            else:
                maker.made[node] = make(node.op, args, node.params)
            i += 1
        return [maker.get(root) for root in roots] if made else list(roots)
    finally:
        place_new_nodes(before)


def _runs(
    roots: Sequence[Node], context: Context, repeats: int, least: int
) -> tuple[Ordering, list[Run]]:
    """Returns a graph's order and runs: those that the family before found, where they are."""
    known = context.notes.get("runs")
    asked = (repeats, least, [id(root) for root in roots])
    if known is None or known[0] != asked:
        ordering = Ordering(roots)
        known = (asked, ordering, find_runs(ordering, repeats, least), list(roots))
        context.notes["runs"] = known
    return known[1], known[2]


ROLL = Family(
    "roll",
    "equal blocks in a row become one loop over stacked parameters",
    "always: the same operations on the same values; what is kept for later is stacked",
    lambda roots, context: _apply("roll", roots, context),
)
BATCH = Family(
    "batch",
    "equal blocks that do not need one another become one batched call",
    "always; sums within a product may be taken in another order",
    lambda roots, context: _apply("batch", roots, context),
)
