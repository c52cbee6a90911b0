"""The oracles of floats and rewrites: bounds for what is rounded, bits for what is rewritten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import run
from graphc.compare.bounds import smallest
from graphc.compare.rules import DIGITS, MOST_DIGITS
from graphc.core.graph import nodes_everywhere
from graphc.core.node import Node
from graphc.fuzz.bench import Bench
from graphc.fuzz.disputes import BEYOND, Explained
from graphc.fuzz.verdicts import Verdicts, disagreement, is_finite, show
from graphc.optimize.families import ALL_FAMILIES
from graphc.optimize.optimize import optimized
from graphc.simplify.passes import simplify


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
    return any(not np.isfinite(v) and is_finite(e) for v, e in pairs)


def outside(found: Any, exact: Any, bound: Any) -> str | None:
    """Returns the first element that is further from the exact one than its bound, in words."""
    exact = np.asarray(exact, dtype=object)
    wide = np.broadcast_to(np.asarray(found).astype(np.float64), exact.shape)
    limit = np.broadcast_to(bound, exact.shape)
    for index in np.ndindex(*exact.shape):
        true, value, allowed = exact[index], float(wide[index]), float(limit[index])
        if not is_finite(true) or allowed == float("inf"):
            continue  # what is no number exactly is judged by conventions, not by bounds
        if not is_finite(value) or abs(true - value) > allowed + abs(true) * 1e-50:
            at = f"[{', '.join(map(str, index))}]" if index else ""
            gap = float(abs(true - value)) if is_finite(value) else float("inf")
            return (
                f"{value:.17g}{at} is {gap:.3g} from the exact {show(true)}, beyond the bound "
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
    after, _ = optimized(nodes, [family.name for family in ALL_FAMILIES], sizes=bench.sizes)
    if any(a is not b for a, b in zip(nodes, after, strict=True)):
        verdicts.add("rewrites by cost", _same_numbers(bench, nodes, after))


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

            if not is_finite(of(old)(DIGITS)):
                continue  # what these rules promise, they promise of finite values
            found = disagreement(of(new), of(old), smallest(old.dtype))
            if found is not None and _beyond_rounding(bench, old, new, index):
                return found
    return None


def _beyond_rounding(bench: Bench, old: Node, new: Node, index: Any) -> bool:
    """Tells whether a rewrite changes more than a constant that it computed could, by rounding.

    sqrt(x**2 + 2) becomes hypot(x, sqrt(2)), and sqrt(2) is rounded to its dtype.
    """
    before = {n for n in nodes_everywhere([old]) if n.op.name == "constant"}
    after = {n for n in nodes_everywhere([new]) if n.op.name == "constant"}
    if after <= before:
        return True
    gap = abs(np.asarray(bench.exact(new))[index] - np.asarray(bench.exact(old))[index])
    return bool(gap > np.broadcast_to(bench.bounds[old], np.shape(bench.exact(old)))[index])
