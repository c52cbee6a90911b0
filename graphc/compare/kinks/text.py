"""The kink report as text and as a table of HTML."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # records know how they are written; the writer reads their fields
    from graphc.compare.kinks.record import KinkElement, KinkMet, KinkReport, Side

_WIDTH = 100
_HEAD = ("element", "operand", "left", "right", "graphc", "others")


def report_text(report: KinkReport) -> str:
    """Returns the report as text."""
    blocks = [_summary(report)]
    detailed = [met for met in report.kinks if met.elements]
    for met in detailed:
        lines = [
            textwrap.fill(_headline(met), _WIDTH, subsequent_indent="  ", break_long_words=False)
        ]
        lines += [f"  {line}" for line in _columns([_HEAD, *_rows(met)])]
        if more := _more(met):
            lines.append(f"  {more}")
        if met.departs:
            lines.append(
                textwrap.fill(met.departs, _WIDTH, initial_indent="  ", subsequent_indent="  ")
            )
        blocks.append("\n".join(lines))
    if rest := _rest(report, detailed):
        blocks.append(rest)
    return "\n\n".join(blocks)


def report_html(report: KinkReport) -> str:
    """Returns the report as HTML for a notebook: a table for each node, no style, no script."""
    parts = [f"<p>{html.escape(_summary(report))}</p>"]
    detailed = [met for met in report.kinks if met.elements]
    for met in detailed:
        rows = [_html_row(_HEAD, "th"), *[_html_row(row, "td") for row in _rows(met)]]
        notes = " ".join(w for w in (_more(met), met.departs) if w)
        parts.append(
            f"<table><caption>{html.escape(_headline(met))}</caption>{''.join(rows)}</table>"
        )
        if notes:
            parts.append(f"<p>{html.escape(notes)}</p>")
    if rest := _rest(report, detailed):
        parts.append(f"<p>{rest}</p>")
    return "".join(parts)


def _html_row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(c)}</{tag}>' for c in cells)}</tr>"


def _summary(report: KinkReport) -> str:
    if not report.looked_at:
        return "no node has a kink anywhere"
    met = len(report.kinks)
    words = f"at a kink or tie: {met or 'none'} of {report.looked_at} nodes that can be"
    if not report.exact:
        words += "; too large for 50 digits, so ties are those of floats"
    return words


def _rest(report: KinkReport, detailed: Sequence[KinkMet]) -> str:
    left = len(report.kinks) - len(detailed)
    return f"and {left} node{'s' * (left != 1)} more" if left else ""


def _headline(met: KinkMet) -> str:
    place = f" at {met.place}" if met.place else ""
    return "; ".join(part for part in (f"{met.node}{place}: {met.where}", _counts(met)) if part)


def _counts(met: KinkMet) -> str:
    parts: list[str] = []
    if met.count and met.size > 1:
        runs = f" in {met.runs} evaluations" if met.runs > 1 else ""
        parts.append(f"{met.count} of {met.size} elements{runs}")
    if met.rounded:
        which = f"{met.rounded} " if met.size > 1 else ""
        parts.append(f"{which}decided by rounding: no tie at 50 digits")
    if met.hidden:
        which = f"{met.hidden} " if met.size > 1 else ""
        parts.append(f"{which}hidden by rounding: a tie at 50 digits, not in floats")
    return ", ".join(parts)


def _rows(met: KinkMet) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for element in met.elements:
        first = _element(met, element)
        # maximum(x, x): one text for two operands needs their numbers.
        alike = len({s.operand for s in element.sides}) < len({s.position for s in element.sides})
        for side in element.sides:
            rows.append((first, _operand(side, alike), *_slopes(side), _others(side)))
            first = ""
        if not element.sides:
            rows.append((first, "smooth there", "", "", "", ""))
    return rows


def _element(met: KinkMet, element: KinkElement) -> str:
    words = f"[{', '.join(map(str, element.index))}]" if element.index else "value"
    if met.runs > 1:
        words += f" of evaluation {element.run}"
    return words if element.kind == "exact" else f"{words} ({element.kind})"


def _operand(side: Side, numbered: bool = False) -> str:
    index = f"[{', '.join(map(str, side.element))}]" if side.element else ""
    which = f"operand {side.position}: " if numbered else ""
    return f"{which}{side.operand}{index} = {number(side.value)}"


def _slopes(side: Side) -> tuple[str, str, str]:
    return (
        _one_side(side.left, side.jump_left),
        _one_side(side.right, side.jump_right),
        number(side.slope),
    )


def _one_side(slope: float, jump: float) -> str:
    if jump:
        return f"a jump by {number(jump)}"
    return "no value" if math.isnan(slope) else number(slope)


def _others(side: Side) -> str:
    alike: dict[str, list[str]] = {}
    for name, value in side.others.items():
        alike.setdefault(number(value), []).append(name)
    return "; ".join(f"{', '.join(names)} {value}" for value, names in alike.items())


def _more(met: KinkMet) -> str:
    left = met.count + met.hidden - len(met.elements)
    return f"and {left} element{'s' * (left != 1)} more" if left > 0 else ""


def number(value: float) -> str:
    """Returns a number in up to six digits."""
    return f"{value:.6g}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, wide, strict=True)).rstrip() for row in rows]


def sides_words(met: KinkMet) -> str:
    """Returns the slopes at a node's first elements in one line: left, right and promised."""
    words: list[str] = []
    for side in met.elements[0].sides if met.elements else ():
        left, right, slope = _slopes(side)
        words.append(f"{_operand(side)}: left {left}, right {right}, slope {slope}")
    return "; ".join(words)
