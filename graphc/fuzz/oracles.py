"""The oracles: each looks at one random graph and returns what it found wrong, or nothing.

No oracle has a tolerance. Two graphs that must be equal are evaluated at 60 digits, and where they
share fewer than 18 of them again at 800: rounding shrinks with the digits, a fault does not. Floats
are held against the graph's own rounding bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import run
from graphc.compare.bounds import smallest
from graphc.compare.rules import DIGITS, MOST_DIGITS, RULE_DIGITS
from graphc.compare.truth import Truth, digits_between
from graphc.core.graph import Graph
from graphc.core.node import Node, apply_named, make
from graphc.core.walk import topological_order
from graphc.diff.engines import differentiate
from graphc.fuzz.bench import Bench
from graphc.fuzz.disputes import BEYOND, Explained
from graphc.ops.source import EXACT_NUMBERS
from graphc.simplify.passes import simplify


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold.

    Attributes:
        oracle: which one says so.
        words: what it saw.
    """

    oracle: str
    words: str


@dataclass(slots=True)
class Verdicts:
    """What the oracles said of one graph.

    Attributes:
        findings: what does not hold.
        held: by oracle, 1 where it applied and held.
        undecided: by oracle, why it could not tell.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    held: dict[str, int] = field(default_factory=dict[str, int])
    undecided: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, oracle: str, outcome: str | None, undecided: str = "") -> None:
        """Enters an outcome: None holds, words are a finding; `undecided` says why neither."""
        if undecided:
            self.undecided[oracle] = undecided
        elif outcome is None:
            self.held[oracle] = 1
        else:
            self.findings.append(Finding(oracle, outcome))


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


def _finite(value: Any) -> bool:
    return bool(value == value and abs(value) != float("inf"))


def disagreement(
    left: Callable[[int], Any], right: Callable[[int], Any], floor: float = 0.0
) -> str | None:
    """Returns how two numbers differ that must be equal, or None.

    Args:
        left: the number at so many digits.
        right: what it must be.
        floor: digits count relative to max(|right|, floor).
    """
    a, b = left(DIGITS), right(DIGITS)
    if digits_between(a, b, floor, 60.0) >= RULE_DIGITS:
        return None
    if not _finite(a) or not _finite(b):
        same = (a != a and b != b) or a == b
        return None if same else f"{_show(a)} where it must be {_show(b)}"
    c, d = left(MOST_DIGITS), right(MOST_DIGITS)
    found = digits_between(c, d, floor, 60.0)
    if found >= RULE_DIGITS or abs(c - d) < abs(a - b) * 1e-100:
        return None
    return f"{_show(c)} where it must be {_show(d)}: {found:.1f} digits agree"


def _show(value: Any) -> str:
    try:
        return f"{float(value):.17g}"
    except (OverflowError, TypeError, ValueError):
        return str(value)


# -- rules ---------------------------------------------------------------------------------------


def check_truth(bench: Bench, verdicts: Verdicts) -> None:
    """Holds the engines' slopes along a direction against differences of the forward graph."""
    true = bench.true_slope
    kinked = bool(bench.truth.kinks()) or has_op(bench.output, "stop_gradient")
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
        if not _finite(value):
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
        if found is not None and not _finite(slope(DIGITS)) and no_slope(bench):
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
    return f"{_show(found)} where it must be {_show(true)}"


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
    return any(not _finite(v) for g in graphs for v in np.ravel(bench.exact(g)))


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
        verdicts.add(name, found, _infinite(bench, found, [first, other], once))


# -- floats --------------------------------------------------------------------------------------


def check_floats(bench: Bench, verdicts: Verdicts) -> None:
    """Holds NumPy's values of the output and of each engine's gradient against their bounds."""
    groups: dict[str, Sequence[Node]] = {
        "the value": [bench.output],
        "reverse": bench.reverse,
        "forward": bench.forward,
        "symbolic": bench.symbolic or [],
    }
    for name, nodes in groups.items():
        if nodes:
            outcome, undecided = within_bounds(bench, nodes, bench.floats)
            verdicts.add(f"floats of {name}", outcome, undecided)


def within_bounds(
    bench: Bench, nodes: Sequence[Node], found: Mapping[Node, Any]
) -> tuple[str | None, str]:
    """Returns where computed values leave their bounds, and why that may be no fault.

    Args:
        bench: the graph.
        nodes: graphs with bounds, see `Bench.float_roots`.
        found: their computed values.
    """
    for node in nodes:
        words = outside(found[node], bench.exact(node), bench.bounds[node])
        if words is None:
            continue
        if outside(found[node], bench.exact(node, MOST_DIGITS), bench.bounds[node]) is None:
            continue
        explained = Explained(node, bench.values, bench.sizes)
        if outside(found[node], bench.exact(node), explained.bound_at_exact()) is None:
            continue
        reason = explained.reason()
        return (None, reason) if reason else (words, "")
    if any(_overflowed(found[n], bench.exact(n)) for n in nodes):
        return None, BEYOND  # the bound is infinite there, and holds anything
    return None, ""


def _overflowed(found: Any, exact: Any) -> bool:
    """Tells whether a float is no finite number where the exact value is one."""
    values = np.ravel(np.asarray(found).astype(np.float64))
    pairs = zip(values, np.ravel(np.asarray(exact, dtype=object)), strict=True)
    return any(not np.isfinite(v) and _finite(e) for v, e in pairs)


def outside(found: Any, exact: Any, bound: Any) -> str | None:
    """Returns the first element that is further from the exact one than its bound, in words."""
    exact = np.asarray(exact, dtype=object)
    wide = np.broadcast_to(np.asarray(found).astype(np.float64), exact.shape)
    limit = np.broadcast_to(bound, exact.shape)
    for index in np.ndindex(*exact.shape):
        true, value, allowed = exact[index], float(wide[index]), float(limit[index])
        if not _finite(true) or allowed == float("inf"):
            continue  # what is no number exactly is judged by conventions, not by bounds
        if not _finite(value) or abs(true - value) > allowed + abs(true) * 1e-50:
            at = f"[{', '.join(map(str, index))}]" if index else ""
            gap = float(abs(true - value)) if _finite(value) else float("inf")
            return (
                f"{value:.17g}{at} is {gap:.3g} from the exact {_show(true)}, beyond the bound "
                f"{allowed:.3g}"
            )
    return None


# -- rewrites ------------------------------------------------------------------------------------


def check_rewrites(bench: Bench, verdicts: Verdicts) -> None:
    """Holds simplified graphs against the graphs: the same bits, or the same at 60 digits."""
    nodes = [bench.output, *bench.reverse]
    verdicts.add("exact rewrites", _same_bits(bench, nodes, simplify(nodes)))
    for option in ("stable", "finite"):
        # A folded constant is rounded to its dtype: no equality at 60 digits survives that.
        after = simplify(nodes, fold_constants=False, **{option: True})
        if all(a is b for a, b in zip(nodes, after, strict=True)):
            continue
        verdicts.add(f"{option} rewrites", _same_numbers(bench, nodes, after))


def _same_bits(bench: Bench, before: Sequence[Node], after: Sequence[Node]) -> str | None:
    with np.errstate(all="ignore"):
        values = run(list(after), bench.values, NumpyNamespace(bench.sizes))
    for old, new, value in zip(before, after, values, strict=True):
        if new.type != old.type:
            return f"a value of type {old.type} becomes one of {new.type}"
        a, b = np.array(bench.floats[old]), np.array(value)
        both = [np.where(v != v, np.asarray(np.nan, v.dtype), v) for v in (a, b)]
        if both[0].tobytes() != both[1].tobytes():
            return f"{a.tolist()} becomes {b.tolist()}"
    return None


def _same_numbers(bench: Bench, before: Sequence[Node], after: Sequence[Node]) -> str | None:
    for old, new in zip(before, after, strict=True):
        if old is new:
            continue
        shape = np.shape(bench.exact(old))
        for index in np.ndindex(*shape):

            def of(node: Node, index: Any = index) -> Callable[[int], Any]:
                return lambda digits: np.asarray(bench.exact(node, digits), dtype=object)[index]

            if not _finite(of(old)(DIGITS)):
                continue  # what these rules promise, they promise of finite values
            found = disagreement(of(new), of(old), smallest(old.dtype))
            if found is not None and _beyond_rounding(bench, old, new, index):
                return found
    return None


def _beyond_rounding(bench: Bench, old: Node, new: Node, index: Any) -> bool:
    """Tells whether a rewrite changes more than a constant that it computed could, by rounding.

    sqrt(x**2 + 2) becomes hypot(x, sqrt(2)), and sqrt(2) is rounded to its dtype.
    """
    before = {n for n in topological_order([old]) if n.op.name == "constant"}
    after = {n for n in topological_order([new]) if n.op.name == "constant"}
    if after <= before:
        return True
    gap = abs(np.asarray(bench.exact(new))[index] - np.asarray(bench.exact(old))[index])
    return bool(gap > np.broadcast_to(bench.bounds[old], np.shape(bench.exact(old)))[index])


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


def has_op(output: Node, name: str) -> bool:
    """Tells whether an op is in a graph or in one of its blocks."""
    todo: list[Sequence[Node]] = [[output]]
    while todo:
        for node in topological_order(todo.pop()):
            if node.op.name == name:
                return True
            todo += [v.outputs for v in node.params.values() if isinstance(v, Graph)]
    return False
