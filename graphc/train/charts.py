"""Charts as standalone SVG: lines, points, bars and surfaces on axes; no script and no network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, FormatError, show_value
from graphc.core.files import write_atomic
from graphc.train.axes import FONT, Axes, Panel, legend_rows, text


@guarded("train.chart")
def chart(
    path: str | os.PathLike[str],
    panels: Panel | Sequence[Panel],
    *,
    title: str = "",
    columns: int = 2,
    width: int = 440,
    height: int = 280,
) -> Path:
    """Writes panels side by side as one picture.

    Args:
        path: the file: `.svg`, or `.html` for a page that holds the same picture.
        panels: one or several.
        title: what stands above all of them.
        columns: panels in a row, at most.
        width: of a panel, in pixels.
        height: of a panel, in pixels.

    Returns:
        The path.

    Raises:
        ArgumentError: there is no panel, or a series whose x and y differ in length.
        FormatError: the file's ending is another.
        FileError: it can't be written.
    """
    try:
        ending = Path(path).suffix.lower()
    except TypeError:
        raise ArgumentError(f"{show_value(path)} is no path", 'for example "curves.svg"') from None
    if ending not in (".svg", ".html"):
        raise FormatError(
            f"{show_value(str(path))} ends in {ending or 'nothing'}", "write .svg or .html"
        )
    for name, number in (("columns", columns), ("width", width), ("height", height)):
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= 10_000:
            raise ArgumentError(f"{name}={show_value(number)} is no count", "give a plain number")
    svg = chart_svg(panels, title=title, columns=columns, width=width, height=height)
    if ending == ".html":
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        svg = (
            "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f"<title>{escape(title or 'chart')}</title></head>\n<body>{svg}</body></html>\n"
        )
    return write_atomic(path, svg)


def chart_svg(
    panels: Any, *, title: str = "", columns: int = 2, width: int = 440, height: int = 280
) -> str:
    """Returns the picture of `chart` as SVG text."""
    listed = [panels] if isinstance(panels, Panel) else list(panels)
    if not listed or not all(isinstance(p, Panel) for p in listed):
        raise ArgumentError("there is no panel to draw", "pass one or several train.Panel")
    columns = min(columns, len(listed))
    rows = -(-len(listed) // columns)
    head = 34 if title else 4
    # Two legends of one row may need different heights: the row takes the larger.
    heights = [
        max(height + 16 * legend_rows(p, width) for p in listed[r * columns : (r + 1) * columns])
        for r in range(rows)
    ]
    total = (columns * width, head + sum(heights))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total[0]}" height="{total[1]}" '
        f'viewBox="0 0 {total[0]} {total[1]}" font-family="{escape(FONT)}" font-size="11">',
        f"<title>{escape(title or listed[0].title)}</title>",
        f'<rect width="{total[0]}" height="{total[1]}" fill="#ffffff"/>',
    ]
    if title:
        parts.append(text(total[0] / 2, 22, title, size=15, weight="600", anchor="middle"))
    y = head
    for row in range(rows):
        for column, panel in enumerate(listed[row * columns : (row + 1) * columns]):
            parts.append(f'<g transform="translate({column * width},{y})">')
            parts += Axes(panel, width, height).draw()
            parts.append("</g>")
        y += heights[row]
    parts.append("</svg>\n")
    return "\n".join(parts)
