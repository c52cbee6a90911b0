"""Wrong branches, loops, rules and equations: an error at the caller's line, with a way out."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc as gx
from tests.bad_input_checker import Case, wrong_calls

p = gx.input("p", (), gx.float64)
v = gx.input("v", (3,), gx.float64)
w = gx.input("w", (4,), gx.float64)
n = gx.input("n", (), gx.int32)
named = gx.input("named", ("k",), gx.float64)


#: What a type checker would refuse.
wrong: Any = [1, "yes", 3]


def step(carry: Any, x: Any) -> Any:
    return carry + x, carry


CASES: dict[str, list[Case]] = {
    "cond": [
        (lambda: gx.cond(p, gx.sin, gx.cos, p), gx.DTypeError, "f64, no boolean"),
        (lambda: gx.cond(1.0, gx.sin, gx.cos, p), gx.DTypeError, "no boolean"),
        (lambda: gx.cond(v > 0, gx.sin, gx.cos, p), gx.ShapeError, "bool[3], no scalar"),
        (lambda: gx.cond("yes", gx.sin, gx.cos, p), gx.ArgumentError, "yes"),
        (lambda: gx.cond(p > 0, 3.0, gx.cos, p), gx.ArgumentError, "if_true is 3.0, no function"),
        (lambda: gx.cond(p > 0, gx.sin, p, p), gx.ArgumentError, "if_false is p"),
        (lambda: gx.cond(p > 0, gx.sin, lambda: p, p), gx.ArgumentError, "1 argument"),
        (
            lambda: gx.cond(p > 0, lambda: v, lambda: w),
            gx.ShapeError,
            "f64[4] where if_true returns f64[3]",
        ),
        (
            lambda: gx.cond(p > 0, lambda: p, lambda: gx.cast(p, "float32")),
            gx.DTypeError,
            "f32 where if_true returns f64",
        ),
        (
            lambda: gx.cond(p > 0, lambda: (p, p), lambda: p),
            gx.ArgumentError,
            "if_false returns * and if_true returns (*, *)",
        ),
        (lambda: gx.cond(p > 0, lambda: None, lambda: None), gx.ArgumentError, "no graph value"),
        (lambda: gx.cond(p > 0, lambda: "a", lambda: p), gx.ArgumentError, "no graph value"),
        (lambda: gx.cond(p > 0, gx.sin, gx.cos, object()), gx.ArgumentError, "neither"),
    ],
    "switch": [
        (lambda: gx.switch(p, [gx.sin], p), gx.DTypeError, "f64, no integer"),
        (lambda: gx.switch(p > 0, [gx.sin, gx.cos], p), gx.DTypeError, "no integer"),
        (lambda: gx.switch(1.5, [gx.sin], p), gx.DTypeError, "no integer"),
        (lambda: gx.switch(n, [], p), gx.ArgumentError, "no list of functions"),
        (lambda: gx.switch(n, gx.sin, p), gx.ArgumentError, "no list of functions"),
        (lambda: gx.switch(n, [gx.sin, None], p), gx.ArgumentError, "branch 1 is None"),
        (lambda: gx.switch(gx.constant([0, 1]), [gx.sin], p), gx.ShapeError, "no scalar"),
        (
            lambda: gx.switch(n, [lambda x: x, lambda x: x[0]], v),
            gx.ShapeError,
            "branch 0 returns f64[3] where branch 1 returns f64",
        ),
    ],
    "scan": [
        (lambda: gx.scan(3, p, v), gx.ArgumentError, "the body is 3, no function"),
        (lambda: gx.scan(lambda c: c, p, v), gx.ArgumentError, "2 arguments"),
        (lambda: gx.scan(lambda c, x: c, p, v), gx.ArgumentError, "no pair"),
        (lambda: gx.scan(lambda c, x: (c, x, x), p, v), gx.ArgumentError, "no pair"),
        (lambda: gx.scan(step, p), gx.ArgumentError, "neither xs nor length"),
        (lambda: gx.scan(step, p, p), gx.ShapeError, "scalar p: f64"),
        (lambda: gx.scan(step, p, (v, w)), gx.ShapeError, "w has 4 entries, another of xs has 3"),
        (lambda: gx.scan(step, p, v, length=4), gx.ShapeError, "v has 3 entries, length=4"),
        (lambda: gx.scan(step, p, named, length=4), gx.ShapeError, "named has k entries"),
        (lambda: gx.scan(step, p, v, length=-1), gx.ArgumentError, "length=-1"),
        (lambda: gx.scan(step, p, v, length=True), gx.ArgumentError, "length=True"),
        (lambda: gx.scan(step, p, v, length=3.0), gx.ArgumentError, "length=3.0"),
        (lambda: gx.scan(step, p, v, length=float("nan")), gx.ArgumentError, "no count of steps"),
        (lambda: gx.scan(step, p, v, reverse=wrong[0]), gx.ArgumentError, "reverse=1"),
        (
            lambda: gx.scan(lambda c, x: (v, None), p, v),
            gx.ShapeError,
            "the carry c is f64, and scan returns f64[3]",
        ),
        (
            lambda: gx.scan(lambda c, x: (c > 0, None), p, v),
            gx.DTypeError,
            "the carry c is f64, and scan returns bool",
        ),
        (
            lambda: gx.scan(lambda c, x: ((c, c), None), p, v),
            gx.ArgumentError,
            "the carry is *, and scan returns (*, *)",
        ),
        (lambda: gx.scan(lambda c, x: (c, "y"), p, v), gx.ArgumentError, "no graph value"),
        (lambda: gx.scan(step, "p", v), gx.ArgumentError, "neither a graph value"),
        (lambda: gx.scan(step, p, "v"), gx.ArgumentError, "neither a graph value"),
    ],
    "while_loop": [
        (lambda: gx.while_loop(3, gx.sin, p), gx.ArgumentError, "the test is 3"),
        (lambda: gx.while_loop(lambda s: s > 0, 3, p), gx.ArgumentError, "the body is 3"),
        (lambda: gx.while_loop(lambda: True, gx.sin, p), gx.ArgumentError, "1 argument"),
        (lambda: gx.while_loop(lambda s: s, gx.sin, p), gx.DTypeError, "returns f64, no boolean"),
        (lambda: gx.while_loop(lambda s: s > 0, gx.sin, v), gx.ShapeError, "no scalar"),
        (lambda: gx.while_loop(lambda s: None, gx.sin, p), gx.ArgumentError, "no graph value"),
        (lambda: gx.while_loop(lambda s: s > 0, gx.sin, None), gx.ArgumentError, "to carry"),
        (
            lambda: gx.while_loop(lambda s: s > 0, lambda s: v, p),
            gx.ShapeError,
            "the carry s is f64, and while returns f64[3]",
        ),
        (lambda: gx.while_loop(lambda s: s > 0, gx.sin, p, bound=0), gx.ArgumentError, "bound=0"),
        (lambda: gx.while_loop(lambda s: s > 0, gx.sin, p, bound=-2), gx.ArgumentError, "bound=-2"),
        (
            lambda: gx.while_loop(lambda s: s > 0, gx.sin, p, bound=float("nan")),
            gx.ArgumentError,
            "bound=nan",
        ),
        (
            lambda: gx.grad(gx.while_loop(lambda s: s < 9, lambda s: s * 2, p), p),
            gx.GradError,
            "the number of steps is not known",
        ),
        (
            lambda: gx.grad(gx.while_loop(lambda s: s < 9, lambda s: s * 2, p), p, engine="jax"),
            gx.EngineError,
            "a loop without a bound",
        ),
        (
            lambda: gx.evaluate(gx.while_loop(lambda s: s < 9, lambda s: s * 2, p, bound=2), p=1.0),
            gx.BudgetError,
            "goes on beyond its bound of 2 steps",
        ),
    ],
    "fori_loop": [
        (lambda: gx.fori_loop(0, 2.5, step, p), gx.ArgumentError, "upper=2.5 is no integer"),
        (lambda: gx.fori_loop(None, 2, step, p), gx.ArgumentError, "lower=None"),
        (lambda: gx.fori_loop(0, p, step, p), gx.DTypeError, "f64, no integer"),
        (lambda: gx.fori_loop(0, gx.constant([1, 2]), step, p), gx.ShapeError, "no scalar"),
        (lambda: gx.fori_loop(0, 2**40, step, p), gx.RangeError, "int32"),
        (lambda: gx.fori_loop(0, 2, lambda c: c, p), gx.ArgumentError, "2 arguments"),
        (lambda: gx.fori_loop(0, 2, lambda i, c: v, p), gx.ShapeError, "the carry"),
    ],
    "associative_scan": [
        (lambda: gx.associative_scan(3, v), gx.ArgumentError, "combine is 3"),
        (lambda: gx.associative_scan(gx.add, v, axis=1), gx.AxisError, "out of range"),
        (lambda: gx.associative_scan(gx.add, p), gx.AxisError, "no axes"),
        (lambda: gx.associative_scan(gx.add, named), gx.DimError, "named size k"),
        (lambda: gx.associative_scan(gx.add, []), gx.ArgumentError, "nothing in xs"),
        (lambda: gx.associative_scan(lambda a, b: a, [v, w]), gx.ShapeError, "w has 4 entries"),
        (lambda: gx.associative_scan(lambda a, b: a > b, v), gx.ShapeError, "bool"),
        (lambda: gx.associative_scan(lambda a, b: (a, b), v), gx.ArgumentError, "(*, *)"),
        (lambda: gx.associative_scan(gx.add, v, reverse=wrong[1]), gx.ArgumentError, "reverse="),
    ],
    "checkpoint": [
        (lambda: gx.checkpoint(wrong[2]), gx.ArgumentError, "no function"),
        (lambda: gx.checkpoint(gx.sin)(1.0), gx.ArgumentError, "without a graph value"),
        (lambda: gx.checkpoint(lambda x: "a")(p), gx.ArgumentError, "no graph value"),
        (lambda: gx.checkpoint(lambda x: None)(p), gx.ArgumentError, "no graph value"),
    ],
    "custom_rule": [
        (lambda: gx.custom_rule(gx.sin), gx.ArgumentError, "there is no rule"),
        (lambda: gx.custom_rule(wrong[2], vjp=gx.sin), gx.ArgumentError, "no function"),
        (lambda: gx.custom_rule(gx.sin, vjp=3), gx.ArgumentError, "vjp is 3"),
        (
            lambda: gx.custom_rule(lambda x: x * v[0], vjp=lambda a, y, x: a)(p),
            gx.ArgumentError,
            "uses v, which",
        ),
        (
            lambda: gx.custom_rule(gx.sin, vjp=lambda a, y, x: a * p)(v),
            gx.ArgumentError,
            "uses p, which",
        ),
        (
            lambda: gx.custom_rule(gx.sin, vjp=lambda a, y, x: gx.ones(4, "float64"))(v),
            gx.ShapeError,
            "returned f64[4] where f64[3] belongs",
        ),
        (
            lambda: gx.custom_rule(lambda x, y: x, vjp=lambda a, r, x, y: a)(v, v),
            gx.ArgumentError,
            "for 2 arguments",
        ),
        (
            lambda: gx.grad(gx.custom_rule(gx.sin, jvp=lambda t, y, x: t[0] * t[0])(p), p),
            gx.GradError,
            "not linear",
        ),
        (
            lambda: gx.custom_rule(gx.sin, jvp=lambda t, y, x: (t[0], t[0]))(p),
            gx.ArgumentError,
            "for 1 result",
        ),
        (lambda: gx.custom_rule(gx.sin, vjp=lambda a, y, x: a)(1.0), gx.ArgumentError, "without"),
    ],
    "root": [
        (lambda: gx.root(3, p), gx.ArgumentError, "f is 3, no function"),
        (lambda: gx.root(lambda: p, p), gx.ArgumentError, "1 argument"),
        (lambda: gx.root(lambda x: x - p, 1), gx.DTypeError, "an unknown is a float"),
        (lambda: gx.root(lambda x: x - p, None), gx.ArgumentError, "the guess is empty"),
        (lambda: gx.root(gx.sin, named), gx.DimError, "named"),
        (lambda: gx.root(gx.sum, v), gx.ShapeError, "1 number for 3 unknowns"),
        (lambda: gx.root(lambda x: x > 0, p), gx.DTypeError, "returned bool"),
        (lambda: gx.root(lambda x: None, p), gx.ShapeError, "0 numbers for 1 unknown"),
        (lambda: gx.root(gx.sin, gx.ones(3000)), gx.ArgumentError, "3,000 numbers"),
        (lambda: gx.root(gx.sin, gx.ones(0)), gx.ArgumentError, "0 numbers"),
        (lambda: gx.root(gx.sin, p, max_steps=0), gx.ArgumentError, "max_steps=0"),
        (lambda: gx.root(gx.sin, p, max_steps=1.5), gx.ArgumentError, "max_steps=1.5"),
        (lambda: gx.root(gx.sin, p, tolerance=-1.0), gx.ArgumentError, "tolerance=-1.0"),
        (lambda: gx.root(gx.sin, p, tolerance=float("nan")), gx.ArgumentError, "tolerance=nan"),
        (lambda: gx.root(gx.sin, p, solve=3), gx.ArgumentError, "solve is 3"),
        (lambda: gx.root(gx.sin, p, solve=lambda g, x: p), gx.ShapeError, "solve returned f64"),
    ],
    "fixed_point": [
        (lambda: gx.fixed_point(gx.cos, p, damping=1.0), gx.ArgumentError, "damping=1.0"),
        (lambda: gx.fixed_point(gx.cos, p, damping=-0.1), gx.ArgumentError, "damping=-0.1"),
        (lambda: gx.fixed_point(gx.cos, p, damping=float("nan")), gx.ArgumentError, "damping=nan"),
        (lambda: gx.fixed_point(gx.sum, v), gx.ShapeError, "returned f64 for f64[3]"),
        (
            lambda: gx.fixed_point(gx.cos, np.zeros((50, 50))),
            gx.ArgumentError,
            "2,500 numbers",
        ),
    ],
}


test_wrong_call_is_an_error_at_its_line_with_a_way_out = wrong_calls(CASES)
