"""Measures every stable form and writes docs/stable.md: `python -m docs.build_stable`."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax  # pyright: ignore[reportMissingImports]
import mpmath
import numpy as np

import graphc as gx
from graphc.backends.mpmath import evaluate_mpmath
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import topological_order
from graphc.simplify.harms import CROSSED, HARMS
from graphc.simplify.passes import simplify
from graphc.simplify.rule import Rule
from graphc.simplify.rules import ALL_RULES

TARGET = Path(__file__).parent / "stable.md"
STABLE = [rule for rule in ALL_RULES if rule.validity == "stable"]
#: Enough to see what is left of exp(-800) beside 1.
DIGITS = 800

WORDS = """# Stable forms

Made by `python -m docs.build_stable`; a test holds that every rule stands here with its domain and
its words. The figures are of one machine, named below, and are not tested: they differ by an ulp
or two between processors and versions.

A formula written naively loses digits, overflows, or has a derivative of NaN, where the function
itself is harmless. graphc knows {count} such forms. It uses them on request:

- `gx.simplify(f, stable=True)` puts the stable form in the place of the naive one, before or after
  differentiation: what reverse or forward mode left of the naive form is recognised too.
- `gx.grad(f, x, stable=True)`, and so `value_and_grad`, `vjp`, `jvp`, `jacobian`, `hessian` and
  `hvp`, make the graph stable, differentiate it, and make the derivative stable.
- `gx.lint(f)` and `graphc lint FILE.py | FORMULA` only tell: the line, what is lost and where, and
  what to write.

```python
>>> import graphc as gx
>>> x = gx.input("x", (), gx.float64)
>>> naive = gx.log(1 + gx.exp(x))
>>> float(gx.evaluate(gx.grad(naive, x, stable=True), x=800.0))
1.0
>>> gx.simplify(gx.grad(naive, x), stable=True)
<sigmoid(x): f64>
>>> print(gx.lint((1 - gx.cos(x)) / x**2)[0].better)
mul(square(mul(sinc(mul(x, 0.5)), 0.5)), 2.0)
```

The value is changed by the error that is removed, and by nothing else: at every point of the
domain where the naive form has a finite value in exact arithmetic, the stable form has the same.
Where the naive form is 0 / 0 and has a limit, the stable form has the limit; where its slope is
undefined, at a kink, the stable form has the slope of `docs/conventions.md`.
"""

MEASURED = """## Measured

Errors in ulp of the result's dtype against {digits} digits, the worst over the spellings of a rule
and its hard points, for value and slope by x and y. **lost**: NaN, infinite or 0 where the truth is
none of these, or an error of more than a quarter of the truth. *Derived first* is the slope of the
naive form, taken before `simplify(..., stable=True)`. In float32 a hard point beyond 1e30 stands
for the same part of the exponent's range: 3e200 is 3e25.

Where a form has a kink (the standard deviation of equal numbers) its naive slope stays NaN when it
is derived first; so does the slope of log(softmax(x)[i]), whose element was taken out before the
logarithm. With `stable=True` in `gx.grad` both are right.
"""


@dataclass(slots=True)
class Errors:
    """The worst errors in ulp; infinite where the value is lost."""

    value_before: float = 0.0
    value_after: float = 0.0
    slope_before: float = 0.0
    slope_after: float = 0.0
    derived_first: float = 0.0


def measure(rule: Rule, dtype: str, run: Callable[..., list[Any]]) -> Errors:
    """Measures one rule.

    Args:
        rule: a stable rule.
        dtype: float32 or float64.
        run: `run(nodes, given)`: the values.
    """
    found = Errors()
    x, y = gx.input("x", (1, 1), dtype), gx.input("y", (1, 1), dtype)
    for before in flatten(rule.example(x, y))[0]:
        after = simplify(before, stable=True)
        wrt = [n for n in topological_order([before]) if n is x or n is y]
        slopes = gx.grad(gx.sum(before), wrt)
        good = gx.grad(gx.sum(after), wrt, unreachable="zero")
        late = simplify(slopes, stable=True)
        nodes = [before, after, *slopes, *good, *late]
        for point in rule.hard:
            _measure_at(found, nodes, wrt, point_in(point, dtype), run)
    return found


def _measure_at(
    found: Errors,
    nodes: Sequence[Node],
    wrt: Sequence[Node],
    point: tuple[Any, Any],
    run: Callable[..., list[Any]],
) -> None:
    given = {n.name: np.full((1, 1), point[n.name == "y"]) for n in wrt}
    before, slopes = nodes[0], nodes[2 : 2 + len(wrt)]
    truths = [np.asarray(t) for t in evaluate_mpmath([before, *slopes], given, digits=DIGITS)]
    values = run(nodes, given)
    groups = (values[2:][i : i + len(wrt)] for i in range(0, 3 * len(wrt), len(wrt)))
    found.value_before = max(found.value_before, error(values[0], truths[0]))
    found.value_after = max(found.value_after, error(values[1], truths[0]))
    for name, group in zip(("slope_before", "slope_after", "derived_first"), groups, strict=True):
        worst = max(map(error, group, truths[1:]))
        setattr(found, name, max(getattr(found, name), worst))


def point_in(point: tuple[float, float], dtype: str) -> tuple[Any, Any]:
    """Returns a hard point in a dtype; what overflows is moved to the same part of the range."""
    if dtype == "float64":
        return (np.float64(point[0]), np.float64(point[1]))
    moved = [
        np.sign(v) * abs(v) ** (1 / 8) if v and not 1e-30 < abs(v) < 1e30 else v for v in point
    ]
    return (np.float32(moved[0]), np.float32(moved[1]))


def error(value: Any, truth: Any) -> float:
    """Returns the worst error in ulp, infinite where the digits are lost."""
    array = np.asarray(value)
    info = np.finfo(array.dtype)
    worst = 0.0
    for got, true in zip(array.reshape(-1), truth.reshape(-1), strict=True):
        if mpmath.isnan(true):
            worst = max(worst, 0.0 if np.isfinite(got) else np.inf)
            continue
        if abs(true) > float(info.max):
            worst = max(worst, 0.0 if np.isinf(got) and (got > 0) == (true > 0) else np.inf)
            continue
        if not np.isfinite(got):
            return np.inf
        off = abs(mpmath.mpf(float(got)) - true)
        size = max(abs(true), mpmath.mpf(float(info.smallest_normal)))
        if off > size / 4:
            return np.inf
        exponent = int(mpmath.floor(mpmath.log(size, 2)))
        worst = max(worst, float(off / mpmath.mpf(2) ** (exponent - info.nmant)))
    return worst


def with_numpy(nodes: Sequence[Node], given: dict[str, Any]) -> list[Any]:
    """Returns the nodes' values by NumPy."""
    with np.errstate(all="ignore"):
        return list(gx.evaluate(list(nodes), given))


class WithXla:
    """The nodes' values by XLA, compiled once for each list of nodes."""

    def __init__(self) -> None:
        self.compiled: dict[tuple[Node, ...], Any] = {}

    def __call__(self, nodes: Sequence[Node], given: dict[str, Any]) -> list[Any]:
        """Returns the values."""
        key = tuple(nodes)
        if key not in self.compiled:
            self.compiled = {key: gx.compile(list(nodes))}
        return [np.asarray(v) for v in self.compiled[key](**given)]


# -- the page --------------------------------------------------------------------------------------


def words() -> str:
    """Returns the part of the page that does not depend on the machine."""
    parts = [WORDS.format(count=len(STABLE)), "## Rules", _rules(), "## Lint alone", _harms()]
    return "\n\n".join(part.strip() for part in parts)


def _rules() -> str:
    lines = ["| rule | identity | where it holds | the form before |", "|---|---|---|---|"]
    for rule in STABLE:
        lines.append(_row(rule.name, f"`{rule.pattern}`", rule.domain, rule.loses))
    return "\n".join(lines)


def _harms() -> str:
    lines = [
        "What `gx.lint` tells beside these, because it is seldom meant:",
        "",
        "| check | looks for | the form |",
        "|---|---|---|",
    ]
    for harm in (CROSSED, *HARMS):
        lines.append(_row(harm.name, f"`{harm.pattern}`", harm.loses))
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in cells) + " |"


def page() -> str:
    """Returns the whole page, measured here."""
    jax.config.update("jax_enable_x64", True)
    parts = [words(), MEASURED.format(digits=DIGITS).strip()]
    machine = f"{platform.machine()}, NumPy {np.__version__}, JAX {jax.__version__} on the CPU"
    parts.append(f"Machine: {machine}.")
    for dtype in ("float64", "float32"):
        for title, run in (("NumPy", with_numpy), ("XLA", WithXla())):
            sys.stderr.write(f"{title}, {dtype}\n")
            parts.append(f"### {title}, {dtype}\n\n{_table(dtype, run)}")
    return "\n\n".join(parts) + "\n"


def _table(dtype: str, run: Callable[..., list[Any]]) -> str:
    lines = [
        "| rule | hard points (x, y) | value before | after | slope before | after "
        "| derived first |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for rule in STABLE:
        found = measure(rule, dtype, run)
        points = "; ".join(_point(point_in(p, dtype)) for p in rule.hard)
        figures = (
            found.value_before, found.value_after, found.slope_before, found.slope_after,
            found.derived_first,
        )  # fmt: skip
        lines.append(_row(rule.name, points, *map(_figure, figures)))
    return "\n".join(lines)


def _point(point: tuple[Any, Any]) -> str:
    return "(" + ", ".join(f"{float(v):.6g}" for v in point) + ")"


def _figure(ulp: float) -> str:
    if not np.isfinite(ulp):
        return "**lost**"
    return f"{ulp:.1f}" if ulp < 100 else f"{ulp:.1e}".replace("e+0", "e")


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.name}: {len(STABLE)} rules\n")
