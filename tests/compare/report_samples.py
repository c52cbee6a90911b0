"""Hand-made comparison records for the tests of the report writers."""

from __future__ import annotations

import math
from typing import Any

from graphc.compare.record import (
    Comparison,
    EngineResult,
    KinkSeen,
    Parting,
    Picture,
    PlanSeen,
    StepCurve,
    Swell,
    WaySeen,
)

HOSTILE = "</script><script>alert(1)</script>"
SVG = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'
    '<svg width="262pt" height="116pt" viewBox="0 0 262 116" xmlns="http://www.w3.org/2000/svg" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"><g id="graph0" class="graph" '
    'transform="translate(4 112)"><polygon fill="white" points="-4,4 -4,-112 258,-112 258,4"/>'
    '<g id="node1" class="node"><title>x</title><ellipse fill="none" stroke="black" cx="27" '
    'cy="-90" rx="27" ry="18"/><text text-anchor="middle" x="27" y="-86">x</text></g>'
    '<g id="node2" class="node"><title>z</title><ellipse fill="none" stroke="black" cx="27" '
    'cy="-18" rx="27" ry="18"/><text text-anchor="middle" x="27" y="-14">z</text></g>'
    '<g id="edge1" class="edge"><path fill="none" stroke="black" d="M54,-90C90,-90 110,-60 130,-54"'
    '/></g><g id="node3" class="node"><ellipse fill="none" stroke="black" cx="157" cy="-54" rx="27"'
    ' ry="18"/><text text-anchor="middle" x="157" y="-50">mul</text></g></g></svg>'
)
HOSTILE_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'onload="alert(1)" width="10" height="10"><script>alert(2)</script><style>*{display:none}'
    '</style><a xlink:href="javascript:alert(3)" xlink:title="a tip"><rect id="r" width="9" '
    'height="9" style="fill:url(#g);stroke:url(http://evil.example/x);stroke-width:2" '
    'onclick="alert(4)"/></a><image xlink:href="http://evil.example/y.png"/><foreignObject>'
    '<body xmlns="http://www.w3.org/1999/xhtml"><iframe src="http://evil.example"/></body>'
    '</foreignObject><linearGradient id="g"><stop offset="0" stop-color="red"/></linearGradient>'
    "</svg>"
)


def engine(name: str, gradient: dict[str, Any] | None = None, **more: Any) -> EngineResult:
    """Returns an engine's result for (x + y) * z, changed as asked."""
    gradient = {"x": -4.0, "y": -4.0, "z": 3.0} if gradient is None else gradient
    given: dict[str, Any] = {
        "name": name, "status": "ok", "verdict": "agrees", "gradient": gradient,
        "verdict_words": "All digits that rounding leaves are right.",
        "digits": dict.fromkeys(gradient, math.inf),
        "digits_expected": dict.fromkeys(gradient, 15.3), "rule_digits": 49.7,
        "nodes": 9, "tree_size": 11, "flops": 4, "depth": 3, "hlo_size": 5,
        "build_seconds": 0.00042, "compile_seconds": 0.031, "run_seconds": 6.2e-6,
        "peak_bytes": 182_000, "shared_nodes": 7, "own_nodes": 0,
        "text": {"x": "z", "y": "z", "z": "x + y"},
        "latex": {"x": "z", "y": "z", "z": "x + y"}, "picture": f"engine-{name}.svg",
    }  # fmt: skip
    return EngineResult(**(given | more))


def absent(name: str, status: str, reason: str) -> EngineResult:
    """Returns the result of an engine that gave no gradient."""
    return EngineResult(
        name=name, status=status, reason=reason, gradient={}, digits={}, digits_expected={},
        text={}, latex={},
    )  # fmt: skip


def circuit(**more: Any) -> Comparison:
    """Returns the comparison of (x + y) * z at (-2, 5, -4), changed as asked."""
    central = {"x": -4.000000000013, "y": -3.9999999999872, "z": 3.0000000000031}
    steps = tuple(10.0**-k for k in range(1, 15))
    given: dict[str, Any] = {
        "title": "(x + y) * z", "source": "(x + y) * z", "description": "",
        "output": "(x + y) * z", "output_latex": r"\left(x + y\right) z",
        "inputs": {"x": "f64", "y": "f64", "z": "f64"},
        "values": {"x": -2.0, "y": 5.0, "z": -4.0}, "wrt": ("x", "y", "z"), "value": -12.0,
        "dtype": "float64", "truth_kind": "50 digits",
        "truth_words": "Differences of the forward graph at 50 and 75 digits agree to 45.",
        "truth": {"x": "-4." + "0" * 49, "y": "-4." + "0" * 49, "z": "3." + "0" * 49},
        "engines": (
            absent("analytic", "not applicable", "no formula is given beside the expression"),
            engine("numeric", central, verdict="truncation", nodes=61, tree_size=94, flops=40,
                   verdict_words="The error is what the step leaves over; central differences.",
                   digits={"x": 11.5, "y": 11.5, "z": 12.0}, own_nodes=52, shared_nodes=3,
                   digits_expected={"x": 10.4, "y": 10.4, "z": 10.2}, rule_digits=11.5,
                   route="central differences, step x·ulp^(1/3), one map over 6 points"),
            engine("symbolic", route="whole expression, 3 of 2,000 operations; swell 1.0"),
            engine("reverse"),
            engine("forward", nodes=14, tree_size=20, own_nodes=3, flops=9),
            engine("jax", nodes=4, tree_size=4, shared_nodes=3, own_nodes=1),
        ),
        "agreed": True,
        "verdict_words": "All five engines that apply agree with the 50-digit truth to as many "
                         "digits as rounding allows.",
        "forward_nodes": 5, "forward_flops": 2, "forward_depth": 3,
        "step_curves": (
            StepCurve(method="forward", steps=steps, chosen_step=1.5e-8, chosen_error=1.1e-8,
                      errors=tuple(0.3 * h + 2e-16 / h for h in steps)),
            StepCurve(method="central", steps=steps, chosen_step=6.1e-6, chosen_error=3.3e-12,
                      errors=tuple(0.05 * h * h + 1e-16 / h for h in steps)),
            StepCurve(method="complex-step", steps=steps, chosen_step=1e-14, chosen_error=0.0,
                      errors=tuple(h * h * 0.02 if h > 1e-8 else 0.0 for h in steps)),
            StepCurve(method="Richardson", steps=(), errors=(), chosen_step=math.nan,
                      chosen_error=math.nan, reason="the function jumps at this point"),
        ),
        "swell": (
            Swell(engine="problem", sizes=tuple(range(1, 9)), reasons=("",) * 8,
                  nodes=tuple(4 * n + 2 for n in range(1, 9)),
                  tree_sizes=tuple(4**n for n in range(1, 9))),
            Swell(engine="symbolic", sizes=tuple(range(1, 9)),
                  nodes=(*(3**n + 4 for n in range(1, 7)), None, None),
                  tree_sizes=(*(9**n for n in range(1, 7)), None, None),
                  reasons=("",) * 6 + ("over the budget of 2,000 operations",) * 2),
            Swell(engine="reverse", sizes=tuple(range(1, 9)), reasons=("",) * 8,
                  nodes=tuple(9 * n + 4 for n in range(1, 9)),
                  tree_sizes=tuple(7**n for n in range(1, 9))),
        ),
        "plans": (
            PlanSeen(
                kind="Jacobian", output="residuals", wrt="x", rows=30, columns=6, choice="mixed",
                fastest="forward", why="predicted to take 2.22 times less than forward",
                ways=(
                    WaySeen(engine="reverse", route="30 reverse passes, one an output element",
                            passes=30, flops=27_600, bytes=116_000, nodes=21,
                            predicted_seconds=2.2e-4, measured_seconds=4.35e-4),
                    WaySeen(engine="forward", route="6 forward passes, one an input element",
                            passes=6, flops=6_120, bytes=24_300, nodes=22,
                            predicted_seconds=5.3e-5, measured_seconds=1.9e-4),
                    WaySeen(engine="mixed", route="forward (2 passes) times reverse (2 passes)",
                            passes=4, flops=2_508, bytes=9_700, nodes=29,
                            predicted_seconds=2.4e-5, measured_seconds=4.36e-4),
                    WaySeen(engine="elimination", route="the graph holds arrays", applies=False),
                ),
            ),
        ),
        "pictures": (
            Picture(stem="forward", title="Forward", words="From inputs to the value.", svg=SVG),
            Picture(stem="engine-reverse", title="Graph of reverse", words="Backward.", svg=SVG),
        ),
        "versions": {"graphc": "0.1.0", "jax": "0.10.2", "python": "3.11.9"},
        "machine": "x86_64, 2 cores",
    }  # fmt: skip
    return Comparison(**(given | more))


def network(**more: Any) -> Comparison:
    """Returns a larger comparison with a defect, kinks, a huge tree and no 50-digit truth."""
    weights = [[math.sin(3.0 * i + j) / 7 for j in range(12)] for i in range(16)]
    wrong = [[v * (1 + 1e-5 * (i == 3)) for v in line] for i, line in enumerate(weights)]
    biases = [0.25, -1.5, 1 / 3, 2e-7, -8e9, 0.0, math.nan, math.inf, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    good, bad = {"W": weights, "b": biases}, {"W": wrong, "b": [*biases[:2], 0.33333, *biases[3:]]}
    more_of: dict[str, Any] = {
        "digits": {"W": 6.9, "b": 7.0}, "digits_expected": {"W": 6.1, "b": 6.3},
        "rule_digits": 14.8, "text": {}, "latex": {}, "nodes": 61, "tree_size": 2**1000,
        "flops": 143_000, "depth": 24, "peak_bytes": 5_300_000, "picture": "",
    }  # fmt: skip
    parting = Parting(
        node="tanh(X @ W + b)", op="tanh", place="net.py:12", kind="defect",
        engine_value=0.33333, other_value=1 / 3,
        words="The partial of tanh is off by 1e-5: graphc's rule is wrong.",
    )  # fmt: skip
    given: dict[str, Any] = {
        "title": "digits network, trained", "source": "digits_mlp.py",
        "description": "A 64-32-10 network with relu and softmax cross-entropy, after 30 epochs.",
        "output": "mean(logsumexp(relu(X @ W + b)) - ...)", "output_latex": "",
        "inputs": {"X": "f32[128,16]", "W": "f32[16,12]", "b": "f32[14]"},
        "values": {"X": "f32[128,16], 0 to 1, mean 0.31", "W": "f32[16,12], normal",
                   "b": [0.0] * 14},
        "wrt": ("W", "b"), "value": 0.10431, "dtype": "float32",
        "truth_kind": "engines against each other", "truth_words": "", "truth": {},
        "engines": (
            absent("analytic", "not applicable", "no formula is given"),
            absent("numeric", "failed", "ran out of memory: 64 GiB asked"),
            engine("symbolic", good, **more_of, verdict="convention",
                   route="per node: the whole expression has 1.2e301 operations, past 2,000"),
            engine("reverse", bad, **(more_of | {"parting": parting}), verdict="defect",
                   verdict_words="1e-5 off at tanh, where rounding explains 3e-7."),
            engine("forward", good, **more_of), engine("jax", good, **more_of),
        ),
        "agreed": False,
        "verdict_words": "reverse is wrong from tanh (net.py:12) on; the other engines agree.",
        "forward_nodes": 33, "forward_flops": 61_000, "forward_depth": 12,
        "step_curves": (), "swell": (),
        "kinks": (
            KinkSeen(node="relu(h)", op="relu", place="net.py:13", where="x = 0",
                     departs="0 (left derivative), as JAX", count=17),
        ),
        "pictures": (
            Picture(stem="forward", title="Forward", words="Blocks folded.", svg=SVG),
            Picture(stem="circuit", title="Circuit", words="Not laid out.", svg=""),
        ),
    }  # fmt: skip
    return circuit(**(given | more))


def hostile() -> Comparison:
    """Returns a comparison whose every text tries to break out of the page."""
    name = HOSTILE
    gradient = {name: math.nan}
    return circuit(
        title=name, source=f"`{name}`|<b>", description=f"{name}\x00\x0b\ud800 &amp; \u2028",
        output=name, output_latex=rf"\text{{{name}}}", inputs={name: name},
        values={name: -math.inf}, wrt=(name,), value=math.nan, dtype=name, truth_kind=name,
        truth_words=name, truth={name: "nan"}, verdict_words=name, machine=name,
        engines=(
            engine(name, gradient, digits={name: math.nan}, digits_expected={name: math.nan},
                   verdict_words=name, route=name, text={name: name},
                   latex={name: rf"\text{{{name}}}"}, tree_size=10**9000, peak_bytes=None,
                   hlo_size=None, run_seconds=None, rule_digits=None,
                   parting=Parting(node=name, op=name, place=name, kind=name, words=name,
                                   engine_value=math.nan, other_value=-math.inf)),
        ),
        step_curves=(StepCurve(method=name, steps=(1e-3,), errors=(1e-3,), chosen_step=1e-3,
                               chosen_error=1e-3),),
        swell=(Swell(engine=name, sizes=(1, 2), nodes=(3, None), tree_sizes=(10**9000, None),
                     reasons=("", name)),),
        kinks=(KinkSeen(node=name, op=name, place=name, where=name, departs=name, count=1),),
        pictures=(Picture(stem="../" + name, title=name, words=name, svg=HOSTILE_SVG),
                  Picture(stem="report", title=name, words=name, svg="<svg><unclosed>")),
        versions={name: name},
    )  # fmt: skip
