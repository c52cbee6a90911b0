"""The oracles: each looks at one random graph and returns what it found wrong, or nothing.

No oracle has a tolerance. Two graphs that must be equal are evaluated at 60 digits, and where they
share fewer than 18 of them again at 800: rounding shrinks with the digits, a fault does not. Floats
are held against the graph's own rounding bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.compare.bounds import smallest
from graphc.compare.rules import DIGITS, MOST_DIGITS, RULE_DIGITS
from graphc.compare.truth import Truth, digits_between
from graphc.core.graph import holds_op
from graphc.core.node import Node, apply_named, make
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.diff.engines import differentiate
from graphc.fuzz.bench import Bench
from graphc.fuzz.disputes import BEYOND, TURNED, Explained
from graphc.fuzz.floats import check_floats, check_rewrites
from graphc.fuzz.verdicts import Finding, Verdicts, disagreement, is_finite, show
from graphc.ops.source import EXACT_NUMBERS

#: Inputs further from 1 than this are no place for differences of a step of 1e-20.
_FAR = 1e10

#: There 0 * inf and the like hang on how a slope is written.
NO_SLOPE = "an op on the way has no finite slope"


#: SymPy's products of constants come as numbers of 60 digits, which 800 digits can't mend.
ROUNDED = "numbers of 60 digits in a graph that cancels more"


def _rounded_numbers(graphs: Sequence[Node]) -> bool:
    """Tells whether graphs hold decimal numbers, which are rounded, beside the exact ones."""
    numbers = [n for n in topological_order(graphs) if n.op.name == "number"]
    return any(n.params["name"] not in EXACT_NUMBERS for n in numbers)


# -- rules ---------------------------------------------------------------------------------------


def check_truth(bench: Bench, verdicts: Verdicts) -> None:
    """Holds the engines' slopes along a direction against differences of the forward graph."""
    true = bench.true_slope
    kinked = bool(bench.truth.kinks()) or holds_op([bench.output], "stop_gradient")
    engines: dict[str, list[Node] | None] = {
        "reverse": bench.reverse,
        "forward": bench.forward,
        "symbolic": bench.symbolic,
        "analytic": bench.analytic,
        "numeric": bench.numeric if not kinked and _within_steps(bench) else None,
    }
    floor = bench.floor
    reason = ""
    if true is None:
        value = bench.number(bench.output)
        if not is_finite(value):
            reason = "the value is no finite number"
        elif bench.truth.kinks():
            reason = "no finite two-sided derivative, at a kink"
        else:
            reason = "no finite two-sided derivative"
    for name, gradients in engines.items():
        if gradients is None:
            continue
        if true is None:
            verdicts.add(f"truth of {name}", None, reason)
            continue

        def slope(digits: int, gradients: Sequence[Node] = gradients) -> Any:
            return bench.along(gradients, digits)

        found = disagreement(slope, lambda digits: true, floor)
        if found is not None and _rounded_numbers(gradients):
            verdicts.add(f"truth of {name}", None, ROUNDED)
            continue
        if found is not None and name == "numeric":
            found = _with_a_smaller_step(bench, true, floor)
            exact = Explained(bench.output, bench.values, bench.sizes)
            if found is not None and exact.reason() == TURNED:
                # A quotient that is whole in exact numbers alone: no digits see the jump there.
                verdicts.add("truth of numeric", None, TURNED)
                continue
        if found is not None and not is_finite(slope(DIGITS)) and no_slope(bench):
            verdicts.add(f"truth of {name}", None, NO_SLOPE)
            continue
        if found is not None and not bench.smooth:
            verdicts.add(
                f"truth of {name}", None, "no gradient: the slopes of elements don't add up"
            )
            continue
        if found is not None and name == "reverse":
            found = _truth_again(bench, found, floor)
        verdicts.add(f"truth of {name}", found)


def no_slope(bench: Bench, roots: Sequence[Node] | None = None) -> bool:
    """Tells whether a single op on the way has no finite slope at its operands.

    acosh at 1, or x**y at (-1, 0) in y: a factor of 0 makes no number of it, here or in IEEE. Each
    op is cut out and asked alone, and asked is the truth, not a rule.
    """
    for root in [bench.output] if roots is None else roots:
        explained = Explained(root, bench.values, bench.sizes)
        if any(_has_no_slope(node, explained) for node in explained.nodes):
            return True
    return False


def _has_no_slope(node: Node, explained: Explained) -> bool:
    if any(not isinstance(n.type, TensorType) for n in (node, *node.args)):
        return False  # several results in one: each of them is asked where it is taken out
    floats = [a for a in dict.fromkeys(node.args) if a.type.dtype.is_float]
    if not node.type.dtype.is_float or not floats or node.op.group == "shape":
        return False
    stand_ins = {
        a: apply_named("input", name=f"s{i}", type=a.type)
        for i, a in enumerate(dict.fromkeys(node.args))
    }
    alone = make(node.op, tuple(stand_ins[a] for a in node.args), node.params)
    values = {new: explained.exact[old] for old, new in stand_ins.items()}
    for index in np.ndindex(*np.shape(explained.exact[node])):
        bounds = tuple((i, i + 1, 1) for i in index)
        part = apply_named("slice", alone, bounds=bounds) if index else alone
        part = apply_named("reshape", part, shape=()) if index else part
        truth = Truth(part, values, explained.sizes)
        for arg in floats:
            # Weights without symmetry: the slopes of a softmax along equal ones are 0.
            count = int(np.size(explained.exact[arg]))
            weights = (np.arange(count) * 0.375 + 1).reshape(np.shape(explained.exact[arg]))
            if truth.along({stand_ins[arg]: weights}) is None:
                return True
    return False


def _within_steps(bench: Bench) -> bool:
    """Tells whether a step of 1e-20 max(|x|, 1) is a short one at every input."""
    values = [abs(float(v)) for n in bench.wrt for v in np.ravel(bench.values[n])]
    return all(v == 0 or 1 / _FAR < v < _FAR for v in values)


def _truth_again(bench: Bench, found: str, floor: float) -> str | None:
    """Asks the truth once more, from 400 digits on, before it accuses a rule."""
    directions = dict(zip(bench.wrt, bench.amounts(0), strict=True))
    true = Truth(bench.output, bench.values, bench.sizes).along(directions, least=400)
    if true is None:
        return None
    known = digits_between(bench.along(bench.reverse, MOST_DIGITS), true, floor, 60.0)
    return None if known >= RULE_DIGITS else found


def _with_a_smaller_step(bench: Bench, true: Any, floor: float) -> str | None:
    """Returns how the numeric engine misses the truth with a step of 1e-200 at 800 digits."""
    graphs = differentiate(bench.output, bench.wrt, "numeric", step=1e-200).gradients
    found = bench.along(graphs, MOST_DIGITS)
    if digits_between(found, true, floor, 60.0) >= RULE_DIGITS:
        return None
    if abs(found - true) < 1e-150:  # the root of rounding at 800 digits, over the step
        return None
    return f"{show(found)} where it must be {show(true)}"


def check_engines(bench: Bench, verdicts: Verdicts) -> None:
    """Holds the engines against each other element by element; also where there is no truth."""
    floor = bench.floor
    found = _pushed_against_pulled(bench, floor)
    verdicts.add("jvp of vjp", found, _infinite(bench, found, [bench.pushed, *bench.reverse]))
    for name, gradients in (("forward", bench.forward), ("symbolic", bench.symbolic)):
        if gradients is None:
            continue
        found = _elements(bench, gradients, bench.reverse, floor)
        undecided = _infinite(bench, found, [*gradients, *bench.reverse])
        if found is not None and _rounded_numbers(gradients):
            undecided = ROUNDED
        verdicts.add(f"{name} against reverse", found, undecided)


def _infinite(
    bench: Bench,
    found: str | None,
    graphs: Sequence[Node],
    roots: Sequence[Node] | None = None,
) -> str:
    """Returns why a finding is none: 0 times an exact infinity depends on how it is written."""
    if found is None or not _no_number(bench, graphs):
        return ""
    return NO_SLOPE if no_slope(bench, roots) else ""


def _no_number(bench: Bench, graphs: Sequence[Node]) -> bool:
    return any(not is_finite(v) for g in graphs for v in np.ravel(bench.exact(g)))


def _pushed_against_pulled(bench: Bench, floor: float) -> str | None:
    return disagreement(
        lambda digits: bench.number(bench.pushed, digits),
        lambda digits: bench.along(bench.reverse, digits),
        floor,
    )


def _elements(
    bench: Bench, left: Sequence[Node], right: Sequence[Node], floor: float
) -> str | None:
    for a, b, w in zip(left, right, bench.wrt, strict=True):
        for index in np.ndindex(*np.shape(bench.values[w])):

            def of(node: Node, index: Any = index) -> Callable[[int], Any]:
                return lambda digits: np.asarray(bench.exact(node, digits), dtype=object)[index]

            found = disagreement(of(a), of(b), floor)
            if found is not None:
                return f"by {w.params['name']}{list(index) or ''}: {found}"
    return None


def check_identity(bench: Bench, verdicts: Verdicts) -> None:
    """Holds <J v, w> = <v, J^T w> for an inner value that is no scalar."""
    pair = bench.identity
    if pair is None:
        return
    left, right = pair
    found = disagreement(
        lambda digits: bench.number(left, digits),
        lambda digits: bench.number(right, digits),
        smallest(bench.output.dtype),
    )
    verdicts.add("<J v, w> = <v, J' w>", found, _infinite(bench, found, [left, right]))


def check_second_order(bench: Bench, verdicts: Verdicts) -> None:
    """Holds the second derivative along two directions by three routes against each other."""
    routes = bench.second
    first = routes["forward over reverse"]
    for name in ("reverse over reverse", "reverse over forward"):
        other = routes[name]
        found = disagreement(
            lambda digits, other=other: bench.number(other, digits),
            lambda digits: bench.number(first, digits),
            bench.floor,
        )
        once = [bench.output, *bench.reverse, bench.pushed]
        undecided = _infinite(bench, found, [first, other], once)
        if found is not None and not undecided:
            # Terms of 1e600 that cancel leave nothing at 800 digits.
            reason = Explained(other, bench.values, bench.sizes).reason()
            undecided = reason if reason == BEYOND else ""
        verdicts.add(name, found, undecided)


# -- all of them ---------------------------------------------------------------------------------

#: The oracles that need no compiler, in the order in which they are asked.
ORACLES: dict[str, Callable[[Bench, Verdicts], None]] = {
    "truth": check_truth,
    "engines": check_engines,
    "identity": check_identity,
    "second order": check_second_order,
    "floats": check_floats,
    "rewrites": check_rewrites,
}


def judge(bench: Bench) -> Verdicts:
    """Returns what all oracles say of a graph."""
    return asked(bench, ORACLES)


def asked(bench: Bench, oracles: Mapping[str, Callable[[Bench, Verdicts], None]]) -> Verdicts:
    """Returns what some oracles say of a graph."""
    verdicts = Verdicts()
    for name, check in oracles.items():
        try:
            check(bench, verdicts)
        except Exception as error:  # whatever is raised here is a fault of ours, and is reported
            words = f"{type(error).__name__}: {str(error)[:300]}"
            verdicts.findings.append(Finding(name, f"raises {words}"))
    return verdicts
