"""XLA and JAX as oracles: many graphs with their gradients, ours and JAX's, compiled as one.

A graph with its gradients takes XLA about 0.1 s, ten times what all other oracles take together, so
a run compiles some of its graphs only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.backends.compile import compile
from graphc.core.errors import EngineError
from graphc.core.graph import LEAF_OPS, holds_op
from graphc.core.node import Node, make
from graphc.core.walk import rebuild, topological_order
from graphc.diff.engines import differentiate
from graphc.fuzz.bench import Bench
from graphc.fuzz.disputes import TURNED
from graphc.fuzz.floats import outside, within_bounds
from graphc.fuzz.verdicts import Verdicts

#: The oracle's name in summaries.
SLOPE = "JAX's slope"
#: A slope that differs from the truth by more than this share of it has not lost digits: it is
#: another slope.
_ANOTHER = 1e-3


def check_compiled(benches: Sequence[Bench], jax: bool = True) -> list[Verdicts]:
    """Holds compiled values and gradients against their bounds, and JAX's against the truth.

    Args:
        benches: the graphs.
        jax: whether JAX differentiates too.
    """
    outputs: list[list[Node]] = []
    given: dict[str, Any] = {}
    for number, bench in enumerate(benches):
        # All graphs share one compilation, so each gets inputs of its own names.
        own = {
            n: make(n.op, (), {**n.params, "name": f"g{number}.{n.params['name']}"})
            for n in bench.case.leaves
        }
        given |= {own[n].params["name"]: bench.values[n] for n in own}
        referee = differentiate(bench.output, bench.wrt, "jax").gradients if jax else []
        outputs.append(rebuild([bench.output, *bench.reverse, *referee], own))
    try:
        found = compile(outputs, budget=None)(_needed(outputs, given))
    except EngineError:  # in one of these graphs is a function that JAX can't differentiate
        if len(benches) > 1:
            return [check_compiled([bench])[0] for bench in benches]
        if not jax:
            raise
        (verdicts,) = check_compiled(benches, jax=False)
        verdicts.add(SLOPE, None, "JAX has no derivative of a function here")
        return [verdicts]
    return [_judge(b, [np.asarray(v) for v in vs]) for b, vs in zip(benches, found, strict=True)]


def _needed(outputs: Sequence[Sequence[Node]], given: dict[str, Any]) -> dict[str, Any]:
    nodes = topological_order([o for part in outputs for o in part])
    names = {n.params["name"] for n in nodes if n.op.name in LEAF_OPS}
    return {k: v for k, v in given.items() if k in names}


def _judge(bench: Bench, values: Sequence[Any]) -> Verdicts:
    verdicts = Verdicts()
    count = len(bench.reverse)
    arrays = dict(zip([bench.output, *bench.reverse], values[: 1 + count], strict=True))
    for name, nodes in (("the value", [bench.output]), ("reverse", bench.reverse)):
        outcome, undecided = within_bounds(bench, nodes, arrays)
        verdicts.add(f"jit of {name}", outcome, undecided)
    if len(values) > 1 + count:
        check_referee(bench, list(values[1 + count :]), verdicts)
    return verdicts


def check_referee(bench: Bench, slopes: Sequence[Any], verdicts: Verdicts) -> None:
    """Holds JAX's own gradient against the truth.

    JAX's rules lose digits where ours keep them, so what differs by rounding is counted and no
    finding. What is another slope must be a convention that a record tells of.

    Args:
        bench: the graph.
        slopes: JAX's gradient, by input.
        verdicts: where the outcome is entered.
    """
    name = SLOPE
    pairs = zip(bench.reverse, slopes, strict=True)
    if all(outside(s, bench.exact(n), bench.bounds[n]) is None for n, s in pairs):
        verdicts.add(name, None)
        return
    # Numbers that tie in floats alone: graphc's own floats are judged by an oracle of theirs.
    own = [
        (s, bench.floats[n], n.dtype.epsilon) for s, n in zip(slopes, bench.reverse, strict=True)
    ]
    ours = all(_alike(theirs, mine, 64 * epsilon) for theirs, mine, epsilon in own)
    true = bench.true_slope
    if true is None:
        verdicts.add(name, None, "there is no truth to judge it by")
        return
    parts = [np.asarray(s).astype(np.float64) for s in slopes]
    total = sum(float(np.sum(p * a)) for p, a in zip(parts, bench.amounts(0), strict=True))
    exact = [np.abs(np.asarray(bench.exact(g)).astype(np.float64)) for g in bench.reverse]
    largest = max(float(np.max(e, initial=0.0)) for e in exact)
    gap = abs(total - true)
    kinks = bench.truth.kinks()
    told = [n.op.kink.departs for n in kinks if n.op.kink and n.op.kink.departs]
    if gap == gap and gap <= _ANOTHER * max(float(abs(true)), largest):
        verdicts.add(name, None, "JAX's rule loses digits")
    elif told:
        verdicts.add(name, None, f"a convention: {told[0]}")
    elif not np.isfinite(total):
        dead = "a convention: JAX forms 0 * inf in the branch of `where` that is not taken"
        words = (
            dead if holds_op([bench.output], "where") else "JAX's rule leaves the range of floats"
        )
        verdicts.add(name, None, words)
    elif kinks and ours:
        verdicts.add(name, None, TURNED)
    elif kinks:
        verdicts.add(
            name, f"{total:.6g} at a kink where graphc has {float(true):.6g}, and no record says so"
        )
    else:  # the rule is proven at 50 digits, and there is no kink: JAX's floats lose all digits
        verdicts.add(name, None, "JAX's rule loses all digits")


def _alike(left: Any, right: Any, room: float) -> bool:
    wide = [np.asarray(side).astype(np.float64) for side in (left, right)]
    return bool(np.allclose(*wide, rtol=room))
