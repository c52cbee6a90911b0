"""Every kink of the registry: `at` is true there and only there, the slope is the rule's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.backends.mpmath import MpNamespace
from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import run
from graphc.core.node import apply_named
from graphc.core.op import Op, all_ops

#: For each op with a kink: operands at a kink, operands beside it, and parameters.
POINTS: dict[str, tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], dict[str, Any]]] = {
    "abs": ([(0.0,), (-0.0,)], [(1e-300,), (-2.0,)], {}),
    "sign": ([(0.0,)], [(1e-300,), (-2.0,)], {}),
    "step_sign": ([(0.0,)], [(1e-300,), (-2.0,)], {}),
    "relu": ([(0.0,), (-0.0,)], [(1e-300,), (-2.0,)], {}),
    "leaky_relu": ([(0.0,)], [(1e-300,), (-2.0,)], {"slope": 0.25}),
    "elu": ([(0.0,)], [(1e-300,), (-2.0,)], {"alpha": 0.7}),
    "selu": ([(0.0,)], [(1e-300,), (-2.0,)], {}),
    "threshold": ([(0.5,)], [(0.50001,), (-2.0,)], {"at": 0.5}),
    "floor": ([(2.0,), (-3.0,), (0.0,)], [(2.5,), (-0.1,)], {}),
    "ceil": ([(2.0,), (-3.0,), (0.0,)], [(2.5,), (-0.1,)], {}),
    "round": ([(0.5,), (1.5,), (-2.5,)], [(1.0,), (0.49,)], {}),
    "trunc": ([(1.0,), (-2.0,)], [(0.0,), (0.5,)], {}),
    "mod": ([(4.0, 2.0), (-6.0, 3.0), (0.0, 2.0)], [(1.0, 2.0), (-1.0, 3.0)], {}),
    "floor_divide": ([(4.0, 2.0), (-6.0, 3.0), (0.0, 2.0)], [(1.0, 2.0), (-1.0, 3.0)], {}),
    "maximum": ([(2.0, 2.0), (-0.0, 0.0)], [(1.0, 2.0), (2.0, 1.0)], {}),
    "minimum": ([(2.0, 2.0)], [(1.0, 2.0), (2.0, 1.0)], {}),
    "clip": ([(-1.0, -1.0, 2.0), (2.0, -1.0, 2.0)], [(0.0, -1.0, 2.0), (3.0, -1.0, 2.0)], {}),
    "hypot": ([(0.0, 0.0)], [(0.0, 1.0), (-2.0, 0.0)], {}),
    "atan2": ([(0.0, 0.0)], [(0.0, 1.0), (-2.0, 0.0)], {}),
    "i0e": ([(0.0,)], [(1e-300,), (-2.0,)], {}),
    "bessel_moment": ([(0.0,)], [(1e-300,), (-2.0,)], {"order": 1}),
    "copysign": ([(0.0, -2.0), (2.0, 0.0), (-3.0, 0.0)], [(1.0, -2.0), (-2.0, 1e-300)], {}),
    "xlogy": ([(0.0, 0.0)], [(0.0, 1.0), (-2.0, 0.0), (1e-300, 0.0)], {}),
    "xlog1py": ([(0.0, -1.0)], [(0.0, 1.0), (-2.0, -1.0), (0.0, 0.0)], {}),
    "pow": ([(0.0, 0.0), (0.0, 1.5)], [(0.0, 2.0), (2.0, 0.0), (0.0, 1.0), (3.0, 1.5)], {}),
    "pow_less": ([(0.0, 1.0), (0.0, 2.5)], [(0.0, 3.0), (2.0, 1.0), (3.0, 1.5)], {"steps": 1}),
    "max": ([([1.0, 3.0, 3.0],)], [([1.0, 2.0, 3.0],)], {"axis": (0,), "keepdims": False}),
    "min": ([([1.0, 1.0, 3.0],)], [([1.0, 2.0, 3.0],)], {"axis": (0,), "keepdims": False}),
    "max_pool": (
        [([[[1.0], [3.0], [3.0]]],)],
        [([[[1.0], [2.0], [3.0]]],)],
        {"window": (3,), "strides": (3,), "padding": ((0, 0),)},
    ),
    "cummax": (
        [([3.0, 3.0],), ([1.0, 3.0, 3.0, 2.0, 3.0],), ([-0.0, 0.0],)],
        [([1.0, 2.0, 1.0, 1.0],)],
        {"axis": 0, "reverse": False},
    ),
    "cummin": (
        [([3.0, 1.0, 2.0, 1.0],), ([1.0] * 3,)],
        [([2.0, 3.0, 4.0],)],
        {"axis": 0, "reverse": True},
    ),
    "index_max": (
        [([1.0, 5.0], [1.0, 0.0, 2.0], [0, 0, 1]), ([0.0, 5.0], [3.0, 3.0, 2.0], [0, 0, 1])],
        [([1.0, 5.0], [2.0, 0.0, 2.0], [0, 0, 1])],
        {"axes": (0,)},
    ),
    "index_min": (
        [([1.0, 5.0], [1.0, 4.0, 9.0], [0, 0, 1])],
        [([1.0, 5.0], [0.0, 1.0, 9.0], [0, 0, 1])],
        {"axes": (0,)},
    ),
    "norm": ([([0.0, 0.0],)], [([0.0, 1.0],)], {"axis": (0,), "keepdims": False, "ord": 2}),
    "std": ([([2.0, 2.0],)], [([0.0, 1.0],)], {"axis": (0,), "keepdims": False, "correction": 0}),
}
#: Comparisons bend nothing themselves: at a tie they decide which branch of a choice counts.
DECIDING = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
POINTS |= {name: ([(2.0, 2.0), (-0.0, 0.0)], [(1.0, 2.0), (2.0, 1.0)], {}) for name in DECIDING} | {
    "pool_index": POINTS["max_pool"]
}
KINKED = [op for op in all_ops() if op.kink is not None]
BENT = [op for op in KINKED if op.name not in (*DECIDING, "pool_index")]

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")


@pytest.mark.parametrize("op", KINKED, ids=lambda op: op.name)
def test_kink_is_true_there_and_only_there(op: Op) -> None:
    assert op.name in POINTS, f"{op.name}: add a point at its kink to POINTS"
    assert op.kink is not None
    there, beside, params = POINTS[op.name]
    for xp, convert in namespaces():
        for points, expected in ((there, True), (beside, False)):
            for point in points:
                found = op.kink.at(xp, *[convert(np.asarray(p)) for p in point], **params)
                assert bool(np.any(np.asarray(found).astype(bool))) is expected, (
                    point,
                    type(xp).__name__,
                )


@pytest.mark.parametrize("op", BENT, ids=lambda op: op.name)
@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_promised_slope_is_the_rules_own(op: Op, engine: str) -> None:
    assert op.kink is not None
    there, _, params = POINTS[op.name]
    for point in there:
        arrays = [np.asarray(p) for p in point]
        kinds = ["int32" if a.dtype.kind == "i" else "float64" for a in arrays]
        nodes = [
            gx.input(f"x{i}", a.shape, kind)
            for i, (a, kind) in enumerate(zip(arrays, kinds, strict=True))
        ]
        made = gx.sum(apply_named(op.name, *nodes, **params))
        gradients = gx.grad(made, [n for n in nodes if n.dtype.is_float], engine=engine)
        values = dict(zip(nodes, arrays, strict=True))
        found = gx.evaluate([made, *gradients], values)[1:]
        xp = MpNamespace(50)
        exact = run(gradients, {n: xp.convert(v) for n, v in values.items()}, xp)
        compiled = gx.compile([made, *gradients])({n.name: v for n, v in values.items()})[1:]
        for position, array in enumerate(arrays):
            if kinds[position] == "int32":  # indices, behind the floats
                continue
            for index in np.ndindex(*array.shape):
                deltas = [np.zeros(a.shape) for a in arrays]
                deltas[position][index] = 1.0
                line = op.kink.slope(NumpyNamespace(), *deltas, *arrays, **params)
                promised = float(np.sum(line))
                for slopes in (found, compiled, exact):
                    slope = float(slopes[position][index])
                    # Two infinities of one sign have no difference.
                    close = slope == promised or abs(slope - promised) <= 4e-16 * abs(promised)
                    assert close, (point, position)


def namespaces() -> list[tuple[Any, Any]]:
    """Returns the evaluators that read kinks, and how each takes an array."""
    precise = MpNamespace(50)
    return [(NumpyNamespace(), lambda a: a), (precise, precise.convert)]


@pytest.mark.parametrize("name", DECIDING)
@pytest.mark.parametrize("at", [0.0, 1.0])
def test_choice_at_a_tie_has_the_slope_of_the_branch_taken(name: str, at: float) -> None:
    x = gx.input("x", (), "float64")
    chosen = gx.where(apply_named(name, x, at), 3 * x, x * x)
    taken = 3.0 if name in ("equal", "less_equal", "greater_equal") else 2.0 * at
    found = gx.check(gx.Problem(chosen, {"x": at}), ("reverse", "forward", "symbolic", "jax"))
    assert {line.verdict for line in found.lines} == {"agrees"}
    for engine in ("reverse", "forward"):
        assert gx.evaluate([gx.grad(chosen, x, engine), x], x=at)[0] == taken
    (met,) = gx.kinks(chosen, x=at).kinks
    assert met.op == name and "branch taken" in met.where


def test_integers_that_are_equal_are_no_tie() -> None:
    k, x = gx.input("k", (3,), "int32"), gx.input("x", (3,), "float64")
    chosen = gx.sum(gx.where(k == 1, x, x * x))
    assert not gx.kinks(chosen, k=[0, 1, 2], x=[1.0, 2.0, 3.0]).kinks
