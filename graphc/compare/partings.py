"""Where an engine leaves the truth: the first node, seen from the output."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np

from graphc.backends.compile import compile
from graphc.backends.mpmath import MpNamespace
from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import run
from graphc.compare.classify import Judged
from graphc.compare.problem import Problem
from graphc.compare.record import Parting
from graphc.compare.rules import RULE_DIGITS, TRUTH_BUDGET
from graphc.compare.truth import Truth, digits_between
from graphc.compare.verdict import Judgement
from graphc.core.dim import size_value
from graphc.core.errors import GraphcError, show_place
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, make
from graphc.core.type import TensorType
from graphc.core.walk import rebuild, topological_order
from graphc.diff.engines import differentiate
from graphc.measure.cost import cost
from graphc.ops.steps import steps_gathered
from graphc.ops.sweep import active_nodes

#: Inner nodes looked at, from the output down; fewer where the graph is large.
BUDGET = 60

#: Blocks are opened while the graph has at most this many nodes.
_OPENED_NODES = 5_000

#: The name of the input that stands for the node at which the graph is cut.
_CUT = "cut here"

#: Verdicts that make a reader ask where it happened.
ASKED = ("defect", "convention", "kink", "cancellation", "overflow")


def first_parting(problem: Problem, entry: Judged, judgement: Judgement) -> Parting | None:
    """Returns the node nearest to the output whose derivative the engine gets wrong, or None.

    The graph is cut at each inner node in turn, the engine differentiates by it, and one random
    direction of its derivative is compared with the truth.
    """
    truth = judgement.truth
    asked = entry.verdict in ASKED and min(entry.digits.values(), default=99.0) < judgement.most
    if not asked or truth is None or entry.run.name == "numeric":
        return None
    whole = problem.output if entry.run.name == "analytic" else problem.plain
    opened = _without_blocks(whole)
    outputs = [whole] if opened is whole else [opened, whole]
    for output in outputs:
        found = _search(output, problem, entry, judgement)
        if found is not None:
            return found
    return None


def _search(output: Node, problem: Problem, entry: Judged, judgement: Judgement) -> Parting | None:
    order = topological_order([output])
    active = active_nodes(order, problem.wrt)
    chosen = [n for n in reversed(order) if n in active and isinstance(n.type, TensorType)]
    # A truth takes about six runs of the graph.
    flops = size_value(cost([output], judgement.sizes).flops, judgement.sizes)
    for node in chosen[: max(4, min(BUDGET, 4 * TRUTH_BUDGET // (6 * max(flops, len(order)))))]:
        if node is output or node.op.name == "constant":
            continue
        stand_in = apply_named("input", name=_CUT, type=node.type)
        (cut,) = rebuild([output], {node: stand_in})
        found = _compare_at(problem, entry, judgement, node, stand_in, cut)
        if found is not None:
            user = _blamed_user(output, problem, entry, judgement, node, stand_in, order)
            return _describe(entry, node, user, *found)
    return None


def _without_blocks(output: Node) -> Node:
    """Returns the graph with every called block opened, so that a node inside can be named."""
    order = topological_order([output])
    while any(n.op.name == "call" for n in order) and len(order) <= _OPENED_NODES:
        results: dict[Node, list[Node]] = {}

        def step(node: Node, args: tuple[Node, ...], results: Any = results) -> Node:
            if node.op.name == "call":
                body = node.params["graph"]
                results[node] = body.inline(args)
                return results[node][0]
            if node.op.name == "item" and node.args[0] in results:
                return results[node.args[0]][node.params["index"]]
            return make(node.op, args, node.params)

        (output,) = rebuild([output], {}, step)
        order = topological_order([output])
    return output


def _blamed_user(
    output: Node,
    problem: Problem,
    entry: Judged,
    judgement: Judgement,
    node: Node,
    stand_in: Node,
    order: list[Node],
) -> Node:
    """Returns the user of a node through which alone the derivative is wrong."""
    users = [n for n in reversed(order) if any(a is node for a in n.args)]
    for user in users if len(users) > 1 else []:
        cut = make(user.op, tuple(stand_in if a is node else a for a in user.args), user.params)
        (rest,) = rebuild([output], {user: cut})
        if _compare_at(problem, entry, judgement, node, stand_in, rest) is not None:
            return user
    return users[0]


def _compare_at(
    problem: Problem, entry: Judged, judgement: Judgement, node: Node, stand_in: Node, output: Node
) -> tuple[float, Any, float] | None:
    """Returns the engine's derivative by a node, the true one and their relative distance.

    Both are sums along one random direction; None where they agree. An input stands in for the
    node, so that every engine can differentiate by it.
    """
    with steps_gathered():
        try:
            (gradient,) = differentiate(output, [stand_in], entry.run.name).gradients
        except GraphcError:
            return None
    assert judgement.truth is not None
    generator = np.random.default_rng(2)
    exact = judgement.truth.node_values([node])[0]
    weight = generator.choice([-1.0, 1.0], size=exact.shape)
    truth = Truth(output, {**problem.values, stand_in: exact}, judgement.sizes)
    true = truth.along({stand_in: weight})
    if true is None:
        return None
    if entry.rule_digits is not None and entry.rule_digits < RULE_DIGITS:
        xp = MpNamespace(60, judgement.sizes)
        values = {n: xp.convert(v) for n, v in problem.values.items()} | {stand_in: exact}
        (value,) = run([gradient], values, xp)
        total = np.sum(value * xp.convert(weight))
        same = digits_between(total, true, 0.0, 50.0) >= RULE_DIGITS
        return None if same else (float(total), true, _gap(total, true))
    with np.errstate(all="ignore"):
        (rounded,) = run([node], dict(problem.values), NumpyNamespace(judgement.sizes))
    inputs = [*problem.inputs, stand_in]
    given = [*[problem.values[n] for n in problem.inputs], rounded]
    value = np.asarray(compile(gradient, inputs)(*given))
    total = float(np.sum(value.astype(np.float64) * weight))
    # What explains the loss must itself have lost as much, but for a digit or two.
    lost = min(entry.digits.values(), default=0.0) + 1.5
    needed = min(node.dtype.precision * math.log10(2) - 3, lost)
    same = digits_between(total, true, 0.0, 50.0) >= needed
    return None if same else (total, true, _gap(total, true))


def _gap(found: Any, true: Any) -> float:
    return float(abs(found - true) / abs(true)) if true else math.inf


def _describe(
    entry: Judged, node: Node, user: Node, engine: float, true: Any, gap: float
) -> Parting:
    # As many digits as it takes to see the two differ.
    shown = min(17, 3 + math.ceil(-math.log10(gap))) if 0 < gap < 1e-3 else 6
    far = f" (relative distance {gap:.2g})" if math.isfinite(gap) else ""
    words = (
        f"The derivative by {describe(user, 3)} is still right, the one by {describe(node, 3)} is "
        f"{engine:.{shown}g} where the truth is {mpmath.nstr(true, shown)}{far}: they part in "
        f"the rule of {user.op.name}."
    )
    return Parting(
        node=describe(node, 6),
        op=user.op.name,
        place=show_place(user.place),
        kind=entry.verdict,
        engine_value=engine,
        other_value=float(true),
        words=words,
    )
