"""The report as GitHub-flavoured Markdown, pictures linked by their file names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphc.compare.record import Comparison
from graphc.compare.report.blocks import (
    Block,
    Cell,
    Chart,
    Drawing,
    Facts,
    Fold,
    Formula,
    Gallery,
    Span,
    Table,
    Terms,
    Words,
)
from graphc.compare.report.clean import printable
from graphc.compare.report.layout import sections_of
from graphc.compare.report.verdicts import SIGNS, headline, tally

#: Every sign that Markdown or the HTML in it could read as its own.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&])")
#: What would make a line a list, a title or a rule.
_START = re.compile(r"(\d*)([-+=#.)])")


def markdown_report(comparisons: Sequence[Comparison], names: Sequence[dict[str, str]]) -> str:
    """Returns the comparisons as Markdown text.

    Args:
        comparisons: the records.
        names: for each, from its pictures' stems to their names in the folder.
    """
    lines: list[str] = []
    if len(comparisons) > 1:
        lines += ["# Gradient comparisons", "", "| problem | verdict | in words |", "|---|---|---|"]
        for c in comparisons:
            sign = SIGNS["agrees" if c.agreed else "defect"]
            cells = (escape(c.title), f"{sign} {headline(c)}", escape(c.verdict_words))
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    for comparison, own in zip(comparisons, names, strict=True):
        lines += _comparison(comparison, own)
    return printable("\n".join(lines).rstrip() + "\n")


def escape(text: str) -> str:
    """Returns text that Markdown shows as it is, on one line."""
    line = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    start = _START.match(line)
    return f"{start[1]}\\{line[start.start(2) :]}" if start else line


def _comparison(comparison: Comparison, names: dict[str, str]) -> list[str]:
    sign = SIGNS["agrees" if comparison.agreed else "defect"]
    lines = [f"# {escape(comparison.title)}", ""]
    told = f"**{sign} {headline(comparison)}.** {escape(comparison.verdict_words)}"
    lines += [told, "", f"{escape(tally(comparison))}.", ""]
    for section in sections_of(comparison, names):
        lines += [f"## {escape(section.title)}", ""]
        for block in section.blocks:
            lines += _block(block)
    return lines


def _block(block: Block) -> list[str]:
    """Returns a block's lines, an empty one at the end; folds nest one level deep."""
    match block:
        case Words(spans):
            return ["".join(map(_span, spans)), ""]
        case Table():
            return _table(block)
        case Terms(items):
            return [*(f"- *{escape(term)}*: {escape(text)}" for term, text in items), ""]
        case Facts(items):
            return [*(f"- {escape(name)}: {_span(value)}" for name, value in items), ""]
        case Formula(latex, text):
            if latex and "\n" not in latex.strip() and len(latex) < 2000:
                return _fenced("math", latex.strip())
            return _fenced("", text or latex)
        case Chart():
            return []  # its numbers stand in a table
        case Drawing(name, title, told, svg):
            if not svg:
                return [f"**{escape(title)}** (not drawn): {escape(told)}", ""]
            picture = f"![{escape(title)}]({name}.svg)"
            return [f"**{escape(title)}.** {escape(told)}", "", picture, ""]
        case Gallery(drawings):
            return [line for drawing in drawings for line in _block(drawing)]
        case Fold(summary, blocks):
            inner = [line for part in blocks for line in _block(part)]
            plain = summary.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            return ["<details>", f"<summary>{plain}</summary>", "", *inner, "</details>", ""]


def _table(table: Table) -> list[str]:
    lines = [f"*{escape(table.caption)}*", ""] if table.caption else []
    titles = [escape(title) or " " for title, _ in table.columns]
    lines.append(f"| {' | '.join(titles)} |")
    marks = ["---:" if kind == "number" else "---" for _, kind in table.columns]
    lines.append(f"|{'|'.join(marks)}|")
    for row in table.rows:
        cells: list[str] = []
        for cell in row.cells:
            spread = [""] * cell.columns
            # Words over several columns stand in the one made for words.
            last = table.columns[len(cells) + cell.columns - 1][1]
            spread[-1 if last == "wide" else 0] = _cell(cell)
            cells += spread
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(cell: Cell) -> str:
    return "".join(map(_span, cell.spans))


def _span(span: Span) -> str:
    text = " ".join(span.text.split()) if span.mark else span.text
    if not text:
        return ""
    match span.mark:
        case "code":
            return _code(text)
        case "wrong":
            return f"<ins>{escape(text)}</ins>"
        case "strong":
            return f"**{escape(text)}**"
        case _:
            return escape(text) if span.mark else _spaced(text)


def _spaced(text: str) -> str:
    """Returns escaped text that keeps a space at its ends, where another span goes on."""
    head = " " if text[:1].isspace() else ""
    tail = " " if text[-1:].isspace() and text.strip() else ""
    return head + escape(text) + tail


def _code(text: str) -> str:
    """Returns a code span; a table splits at a bar even within code, unless it is escaped."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if "`" in (text[0], text[-1]) else ""
    bars = text.replace("|", "\\|")
    return f"{fence}{pad}{bars}{pad}{fence}"


def _fenced(language: str, text: str) -> list[str]:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence, ""]
