"""The report of debug mode as text: about a screen, what is wrong first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # records know how they are written; the writer reads their fields
    from graphc.compare.debug.record import DebugReport, Level, Vanishing

_WIDTH = 100

#: How the words of an activation end that is in order.
ALIVE = "all alive"

#: Entries of each kind that are shown; the record has all of them.
_SHOWN = 4
#: Rows of the table of norms.
_ROWS = 10


def report_text(report: DebugReport) -> str:
    """Returns the report as text, lines up to 100 wide."""
    lines = [f"debug of {', '.join(report.outputs[:3])}: {_verdict(report)}"]
    _section(lines, "values", _value_words(report))
    adjoint = [report.adjoint.words] if report.adjoint is not None else []
    _section(lines, "adjoints", adjoint)
    _section(lines, "checks", [f"{f.kind}: {f.words}" for f in report.failures])
    _section(lines, "vanishing", [v.words for v in _worth_showing(report.vanishing)])
    counted = sorted(report.units, key=lambda u: -(u.dead + u.beyond + u.saturated / u.elements))
    _section(lines, "units", [u.words for u in counted if not u.words.endswith(ALIVE)])
    _section(
        lines,
        "XLA",
        [
            f"{d.what}: {d.count} elements {d.kind}; {d.numpy:.7g} with NumPy, {d.xla:.7g} with XLA"
            for d in report.differences
        ],
    )
    if report.levels:
        lines += ["", *_table(report.levels)]
    _section(lines, "notes", list(report.notes))
    return "\n".join(lines)


def _verdict(report: DebugReport) -> str:
    if report.ok:
        return "values and adjoints are finite, nothing vanishes artificially"
    count = len(report.findings)
    return f"{count} finding{'s' * (count > 1)}"


def _value_words(report: DebugReport) -> list[str]:
    first = report.first
    if first is None:
        return [b.words for b in report.births]
    words = [f"first: {first.words}"]
    if first.steps > 1:
        words.append(f"spreads over {first.steps} values: {_way(first.spread, first.steps)}")
    words += [b.words for b in report.births if b is not first]
    if report.births_total > len(report.births):
        words.append(f"and {report.births_total - len(report.births)} births more")
    return words


def _worth_showing(found: Sequence[Vanishing]) -> list[Vanishing]:
    """Returns the gradients that were asked for, else inner adjoints; some true zeros are usual."""
    telling = [v for v in found if v.kind != "true" or v.true_zeros in (0, v.size)]
    asked = [v for v in telling if v.wanted] or telling
    return sorted(asked, key=lambda v: ("artificial", "unjudged", "true").index(v.kind))


def _way(spread: Sequence[str], steps: int) -> str:
    if steps <= len(spread):
        return " -> ".join(spread)
    half = len(spread) // 2
    return " -> ".join([*spread[:half], "...", *spread[half:]])


def _section(lines: list[str], title: str, entries: Sequence[str]) -> None:
    for position, entry in enumerate(entries[:_SHOWN]):
        head = f"{title:<10}" if not position else " " * 10
        lines += textwrap.wrap(
            entry, _WIDTH, initial_indent=f"  {head}", subsequent_indent=" " * 14,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    if len(entries) > _SHOWN:
        lines.append(f"{' ' * 12}and {len(entries) - _SHOWN} more")


def _table(levels: Sequence[Level]) -> list[str]:
    """Returns the norm by depth: evenly chosen levels, and those that were asked for."""
    step = max(1, -(-len(levels) // _ROWS))
    chosen = [x for i, x in enumerate(levels) if i % step == 0 or i == len(levels) - 1]
    asked = [x for x in levels if x.wanted and not any(x is c for c in chosen)][:_ROWS]
    rows = sorted([*chosen, *asked], key=lambda level: level.depth)
    top = max((r.norm for r in rows if r.norm < float("inf")), default=0.0)
    truth = "at 50 digits" if any(r.exact is not None for r in rows) else ""
    lines = ["  norm of the adjoint by depth:", f"  depth        norm  {truth}".rstrip()]
    for row in rows:
        exact = f"{row.exact:12.4g}" if row.exact is not None else " " * 12
        place = f" ({row.place})" if row.place else ""
        bar = "#" * _bar(row.norm, top)
        mark = "*" if row.wanted else " "
        text = f"{row.node}{place}"
        exact = exact if truth else ""
        lines.append(f"  {row.depth:5d}{mark} {row.norm:11.4g}  {exact}  {bar:<12} {text}"[:_WIDTH])
    return lines


def _bar(norm: float, top: float) -> int:
    """Returns a length that falls by one for each factor of 10."""
    if not norm > 0 or not top > 0 or norm == float("inf"):
        return 0
    length, scale = 12, top
    while length > 1 and norm < scale / 10:
        length, scale = length - 1, scale / 10
    return length
