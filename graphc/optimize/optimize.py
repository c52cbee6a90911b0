"""`optimize`: the graph rewritten by cost; the same function up to rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import collection_paused, orders_shared
from graphc.optimize.choice import Plan
from graphc.optimize.families import ALL_FAMILIES
from graphc.optimize.family import Context
from graphc.optimize.memory.residuals import RESIDUALS
from graphc.optimize.price import Machine, this_machine
from graphc.simplify.passes import check_nodes


@guarded("optimize")
def optimize(
    outputs: Any,
    *,
    rewrites: bool | str | Sequence[str] = True,
    memory: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Any:
    """Returns the same function as a graph that costs less to run.

    What is rewritten is chosen by predicted cost, and equal in exact arithmetic; rounding differs
    within the graph's own error bound. `gx.compile` does this by itself.

    Args:
        outputs: a node or a nest (dict, list, tuple) of nodes.
        rewrites: True for all families, by cost; False for none; or names of families (see
            `gx.plan`), which are then made wherever they fit, cheaper or not.
        memory: bytes that what is kept for the backward pass may take; None for no limit.
        sizes: numbers of named sizes, which costs hang on.

    Returns:
        The same nest of nodes, of the same types.

    Raises:
        ArgumentError: an output is no node, or an option is none of those above.
    """
    nodes, rebuild = flatten(outputs)
    check_nodes(nodes)
    return rebuild(optimized(nodes, rewrites, memory, sizes)[0])


@guarded("plan")
def plan(
    outputs: Any,
    *,
    rewrites: bool | str | Sequence[str] = True,
    memory: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Plan:
    """Returns what `optimize` with the same arguments weighs: what it takes, leaves, and why."""
    nodes, _ = flatten(outputs)
    check_nodes(nodes)
    return optimized(nodes, rewrites, memory, sizes)[1]


def optimized(
    nodes: Sequence[Node],
    rewrites: bool | str | Sequence[str] = True,
    memory: int | None = None,
    sizes: Mapping[str, int] | None = None,
    machine: Machine | None = None,
) -> tuple[list[Node], Plan]:
    """Returns the nodes rewritten, and what was weighed; for this processor unless told."""
    names = _names(rewrites)
    if memory is not None and (isinstance(memory, bool) or not isinstance(memory, int)):
        raise ArgumentError(
            f"memory={show_value(memory)} is no count of bytes", "for example memory=2**30"
        )
    everything = rewrites is True
    known = _checked_sizes(sizes)
    context = Context(known, machine or this_machine(), memory, frozenset(names))
    if memory is not None:  # whatever else is chosen
        names.append(RESIDUALS.name)
    made = list(nodes)
    with collection_paused(), orders_shared():
        for family in ALL_FAMILIES:
            if everything or family.name in names:
                made = family.apply(made, context)
    return made, Plan(tuple(context.choices))


def require_fit(rewrites: bool | str | Sequence[str], plan: Plan) -> None:
    """Raises ArgumentError where families were asked for by name, and nothing fits any of them."""
    names = set(_names(rewrites))
    if not names or any(c.taken and c.family in names for c in plan.choices):
        return
    wanted = [family for family in ALL_FAMILIES if family.name in names]
    raise ArgumentError(
        f"{' and '.join(repr(f.name) for f in wanted)} asked for, and nothing in this graph fits: "
        f"{'; '.join(f.doc for f in wanted)}",
        "leave the choice to optimize=True, and see gx.plan",
    )


def _checked_sizes(sizes: Any) -> dict[str, int]:
    """Returns numbers by the names of sizes.

    Raises:
        ArgumentError: they are no such mapping.
    """
    if sizes is None:
        return {}
    if not isinstance(sizes, Mapping):
        raise ArgumentError(
            f"sizes={show_value(sizes)} is no mapping", "write sizes={'batch': 128}"
        )
    for name, number in sizes.items():
        whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
        if not isinstance(name, str) or not whole or number < 0:
            raise ArgumentError(
                f"sizes holds {show_value(name)}: {show_value(number)}",
                "give each name a number of 0 or more, as in sizes={'batch': 128}",
            )
    return {name: int(number) for name, number in sizes.items()}


def _names(rewrites: bool | str | Sequence[str]) -> list[str]:
    if isinstance(rewrites, bool):
        return []
    given = [rewrites] if isinstance(rewrites, str) else rewrites
    known = [family.name for family in ALL_FAMILIES]
    if not isinstance(given, (list, tuple)):
        raise ArgumentError(
            f"rewrites={show_value(rewrites)} is neither True, False nor names",
            f"name some of {', '.join(known)}",
        )
    for name in given:
        if not isinstance(name, str) or name not in known:
            raise ArgumentError(
                f"there is no family of rewrites {show_value(name)}",
                f"name some of {', '.join(known)}",
            )
    return list(given)
