"""Every registered op against mpmath, JAX and its own promises; a new op needs no new test here."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

import graphc as gx
from graphc.backends.mpmath import MpNamespace
from graphc.backends.run import run
from graphc.core.node import Node
from graphc.core.op import Op, all_ops
from graphc.core.walk import rebuild
from graphc.ops.sweep import forward_sweep
from tests.every_op_cases import Case, all_cases, cases_of, weights

OPS = list(all_ops())
CASES = all_cases()
#: Differences at 80 digits with this step are right to more than 35 digits.
DIGITS, STEP = 80, mpmath.mpf(10) ** -26
AGREE = mpmath.mpf(10) ** -25

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")


def exact(nodes: Sequence[Node], values: dict[Node, Any], digits: int = DIGITS) -> list[Any]:
    """Returns the nodes' values with that many digits."""
    xp = MpNamespace(digits)
    return run(nodes, {n: xp.convert(v) for n, v in values.items()}, xp)


def scalar_of(case: Case, nodes: Sequence[Node], plain: bool = False) -> Node:
    """Returns a weighted sum of the case's result."""
    made = (case.twin if plain and case.twin else case.build)(*nodes)
    if made.dtype.kind == "b":
        made = gx.cast(made, "float64")
    return gx.sum(made * gx.constant(weights(made.shape), made.dtype))


def differences(
    output: Node, values: dict[Node, Any], directions: Sequence[dict[Node, Any]]
) -> list[Any]:
    """Returns the derivative of a scalar along directions, by central differences at 80 digits."""
    xp = MpNamespace(DIGITS)
    base = {n: xp.convert(v) for n, v in values.items()}
    step = xp.context.mpf(STEP)
    found: list[Any] = []
    for direction in directions:
        ends: list[Any] = []
        for sign in (1, -1):
            moved = dict(base)
            for node, amount in direction.items():
                moved[node] = base[node] + xp.convert(amount) * (step * sign)
            ends.append(run([output], moved, xp)[0].item())
        found.append((ends[0] - ends[1]) / (2 * step))
    return found


def axes_of(node: Node) -> list[dict[Node, Any]]:
    """Returns the directions along each element of a node."""
    directions: list[dict[Node, Any]] = []
    for index in np.ndindex(*node.shape):
        hot = np.zeros(node.shape)
        hot[index] = 1.0
        directions.append({node: hot})
    return directions


def assert_agree(found: Sequence[Any], truth: Sequence[Any], what: str) -> None:
    """Fails unless all numbers share 25 digits."""
    size = max([abs(t) for t in truth], default=0) + mpmath.mpf(10) ** -6
    for position, (f, t) in enumerate(zip(found, truth, strict=True)):
        assert abs(f - t) <= AGREE * size, f"{what}[{position}]: {f} is not {t}"


def flat(arrays: Sequence[Any]) -> list[Any]:
    """Returns all elements of arrays in one list."""
    return [v for a in arrays for v in np.asarray(a, dtype=object).ravel()]


def without_rule(op: Op) -> bool:
    """Tells whether a record says in words that it has no derivative; the sweep serves `item`."""
    return isinstance(op.vjp, str) and op.name != "item"


def case_ids(cases: Sequence[Case]) -> list[str]:
    """Returns the labels of cases."""
    return [c.label for c in cases]


# -- the record ------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_op_has_a_case(op: Op) -> None:
    assert cases_of(op), f"{op.name}: add a builder to tests/every_op_cases.py"
    assert all(case.op is op for case in cases_of(op))


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_record_leaves_nothing_unsaid(op: Op) -> None:
    for field in dataclasses.fields(op):
        value = getattr(op, field.name)
        if field.name != "kink":
            assert value is not None, field.name
        if isinstance(value, str):
            assert value.strip(), field.name
    assert op.doc.endswith(".")
    assert callable(op.flops)
    assert op.ulp >= 0
    if op.kink is not None:
        assert op.kink.where
        assert callable(op.kink.at)
        assert callable(op.kink.slope)


@pytest.mark.parametrize("case", CASES, ids=case_ids(CASES))
def test_flops_are_a_count(case: Case) -> None:
    node = case.build(*case.inputs())
    assert node.op.flops(node) >= 0


# -- the rules, at 80 digits -----------------------------------------------------------------------


#: Cases the evaluator of 80 digits can run: not JAX's own derivatives, not ops of integers alone.
#: The float derivatives of the others are tested further below.
EXACT = [case for case in CASES if case.twin is None and case.floats()]
#: Those of them whose op has a derivative.
SMOOTH = [case for case in EXACT if not without_rule(case.op)]


@pytest.mark.parametrize("case", EXACT, ids=case_ids(EXACT))
def test_reverse_and_forward_rules_are_the_derivative_to_25_digits(
    case: Case, rng: np.random.Generator
) -> None:
    nodes = case.inputs()
    if without_rule(case.op):
        with pytest.raises(gx.GradError, match=f"has no derivative: {case.op.vjp}"):
            gx.grad(scalar_of(case, nodes), nodes)
        return
    values = dict(zip(nodes, case.values(rng).values(), strict=True))
    output = scalar_of(case, nodes)
    wrt = [nodes[i] for i in case.floats()]
    truth = differences(output, values, [d for n in wrt for d in axes_of(n)])
    reverse = gx.grad(output, wrt, unreachable="zero")
    assert_agree(flat(exact(reverse, values)), truth, "reverse")
    amounts = [weights(n.shape, 7) for n in wrt]
    pushed = gx.jvp(output, wrt, amounts)
    total = sum(t * a for t, a in zip(truth, flat(amounts), strict=True))
    assert_agree(flat(exact([pushed], values)), [total], "forward")


@pytest.mark.parametrize("case", SMOOTH, ids=case_ids(SMOOTH))
def test_second_derivatives_are_the_derivative_of_the_first_to_25_digits(
    case: Case, rng: np.random.Generator
) -> None:
    nodes = case.inputs()
    values = dict(zip(nodes, case.values(rng).values(), strict=True))
    output = scalar_of(case, nodes)
    wrt = [nodes[i] for i in case.floats()]
    amounts = [weights(n.shape, 7) for n in wrt]
    gradients = gx.grad(output, wrt, unreachable="zero")
    slope = sum(gx.sum(g * a) for g, a in zip(gradients, amounts, strict=True))
    truth = differences(slope, values, [d for n in wrt for d in axes_of(n)])
    twice = gx.grad(slope, wrt, unreachable="zero")
    assert_agree(flat(exact(twice, values)), truth, "reverse over reverse")
    total = [sum(t * a for t, a in zip(truth, flat(amounts), strict=True))]
    for first, words in (
        (slope, "forward over reverse"),
        (gx.jvp(output, wrt, amounts), "forward over forward"),
    ):
        assert_agree(flat(exact([gx.jvp(first, wrt, amounts)], values)), total, words)
    backwards = gx.grad(gx.jvp(output, wrt, amounts), wrt, unreachable="zero")
    assert_agree(flat(exact(backwards, values)), truth, "reverse over forward")


# -- floats, within the graph's own error bound ----------------------------------------------------


def bounds_of(nodes: Sequence[Node]) -> list[Node]:
    """Returns the error bounds of float nodes whose inputs are exact."""
    found = forward_sweep(nodes, {}, "bound")
    return [
        gx.zeros_like(n) if b is None else gx.broadcast_to(b, n.shape)
        for n, b in zip(nodes, found, strict=True)
    ]


def assert_within(found: Any, truth: Any, bound: Any, dtype: gx.DType, what: str) -> None:
    """Fails where a float differs from the truth by more than its bound."""
    for f, t, b in zip(flat([found]), flat([truth]), flat([bound]), strict=True):
        if t != t:
            assert f != f, what
            continue
        # The bound is of first order, and is itself computed in the dtype.
        room = mpmath.mpf(float(b)) * (1 + 64 * dtype.epsilon) + mpmath.mpf(TINY[dtype.name])
        assert abs(mpmath.mpf(float(f)) - t) <= room, f"{what}: {f} is not {t} within {b}"


TINY = {"float64": 1e-300, "float32": 1e-37, "float16": 1e-6, "bfloat16": 1e-37}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_numpy_and_jax_stay_within_the_error_bound(
    op: Op, dtype: str, rng: np.random.Generator
) -> None:
    asked: dict[str, Any] = {}
    given: dict[str, Any] = {}
    truths: dict[str, Any] = {}
    twins: set[str] = set()
    for number, case in enumerate(cases_of(op)):
        nodes = case.inputs(dtype)
        values = case.values(rng, dtype)
        known = dict(zip(nodes, values.values(), strict=True))
        result = case.build(*nodes)
        wrt = [] if without_rule(op) else [nodes[i] for i in case.floats()]
        asked_nodes, plain = [result], [case.twin(*nodes) if case.twin else result]
        if wrt:
            asked_nodes += gx.grad(scalar_of(case, nodes), wrt, unreachable="zero")
            plain += gx.grad(scalar_of(case, nodes, plain=True), wrt, unreachable="zero")
        if case.twin is not None:
            twins.add(case.label)
        # Inputs of all cases share one compilation, so each case gets names of its own.
        own = {n: gx.input(f"{n.name}_{number}", n.shape, n.dtype) for n in nodes}
        given |= {own[n].name: v for n, v in known.items()}
        bounds = bounds_of(plain)
        asked[case.label] = [rebuild(part, own) for part in (asked_nodes, bounds)]
        truths[case.label] = exact(plain, known, 50)
    by_jax = gx.compile(asked)(given)
    by_numpy = {} if twins else gx.evaluate(asked, given)
    for label, truth in truths.items():
        for words, outcome in (("numpy", by_numpy), ("jax", by_jax)):
            if label not in outcome:
                continue
            results, bounds = outcome[label]
            for position, (r, t, b) in enumerate(zip(results, truth, bounds, strict=True)):
                if r.dtype.kind in "bui":
                    assert np.array_equal(np.asarray(r), t.astype(r.dtype)), (words, label)
                    continue
                kind = asked[label][0][position].dtype
                assert_within(r, t, b, kind, f"{words} {label} {position}")
