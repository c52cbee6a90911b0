"""A picture of a structure: a square for each entry, or shades where there are too many."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from graphc.core.errors import FormatError
from graphc.core.files import write_atomic
from graphc.render.layout import format_of
from graphc.render.style import FAINT, FONT, INK, LINE

#: Cells on the longer side; larger structures are counted into so many.
_CELLS = 120
#: Pixels of the longer side.
_WIDTH = 420.0
#: From a few entries in a cell to all of it.
_FULL = (0x0B, 0x4F, 0x86)


def spy_picture(structure: Any, path: str | os.PathLike[str] | None, words: str) -> str:
    """Returns the picture as SVG, and writes it where a path is given.

    Raises:
        FormatError: the path does not end in `.svg`.
        FileError: the file can't be written.
    """
    if path is not None and format_of(path) != "svg":
        raise FormatError(
            f"a structure has no picture as {format_of(path)}", "end the path in .svg"
        )
    made = _svg(structure, words)
    if path is not None:
        write_atomic(path, made.encode("utf-8"))
    return made


def _svg(structure: Any, words: str) -> str:
    height, width = structure.shape
    side = max(height, width, 1)
    cells = min(side, _CELLS)
    tall = max(round(height * cells / side), 1)
    wide = max(round(width * cells / side), 1)
    pixel = _WIDTH / cells
    left, top = 46.0, 40.0
    right, bottom = wide * pixel, tall * pixel
    squares = _squares(structure, tall, wide, pixel, left, top)
    total_width = max(left + right + 16, 300.0)
    caption = f"{structure.nnz:,} of {height:,} × {width:,} entries ({_share(structure.density)})"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width:.0f}" '
        f'height="{top + bottom + 44:.0f}" viewBox="0 0 {total_width:.0f} {top + bottom + 44:.0f}" '
        f'font-family="{FONT}" role="img" aria-label="{caption}">',
        f"<title>{caption}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        *squares,
        f'<rect x="{left:g}" y="{top:g}" width="{right:g}" height="{bottom:g}" fill="none" '
        f'stroke="{LINE}" stroke-width="1"/>',
        *_axis(width, left, right, top - 8, "middle", True, left),
        *_axis(height, top, bottom, left - 8, "end", False, top),
        _text(left, top + bottom + 20, caption, INK, 12, "start"),
    ]
    if words:
        parts.append(_text(left, top + bottom + 36, words, FAINT, 11, "start"))
    return "\n".join([*parts, "</svg>\n"])


def _squares(
    structure: Any, tall: int, wide: int, pixel: float, left: float, top: float
) -> list[str]:
    height, width = structure.shape
    row = structure.rows.astype(np.int64) * tall // max(height, 1)
    column = structure.columns.astype(np.int64) * wide // max(width, 1)
    cells, counts = np.unique(row * wide + column, return_counts=True)
    most = counts.max(initial=1)
    found: list[str] = []
    # Neighbours of one shade are one rectangle: a band of a million rows takes a few hundred.
    shades = np.ceil(4 * counts / most).astype(np.int64)
    start = 0
    for end in range(1, len(cells) + 1):
        follows = end < len(cells) and cells[end] == cells[end - 1] + 1 and cells[end] % wide
        if follows and shades[end] == shades[start]:
            continue
        r, c = divmod(int(cells[start]), wide)
        found.append(
            f'<rect x="{left + c * pixel:.2f}" y="{top + r * pixel:.2f}" '
            f'width="{(end - start) * pixel:.2f}" height="{pixel:.2f}" '
            f'fill="{_colour(int(shades[start]))}"/>'
        )
        start = end
    return found


def _colour(shade: int) -> str:
    """Returns one of four shades, the fourth the darkest."""
    share = 0.4 + 0.15 * shade
    parts = [round(255 - (255 - part) * share) for part in _FULL]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _axis(
    size: int, first: float, length: float, across: float, anchor: str, flat: bool, origin: float
) -> list[str]:
    """Returns the numbers of the first and the last line along one side."""
    found: list[str] = []
    for number in sorted({0, max(size - 1, 0)}):
        place = first + (length * (number + 0.5) / size if size else 0)
        if flat:
            found.append(_text(place, across, f"{number:,}", FAINT, 10, anchor))
        else:
            found.append(_text(across, place + 3.5, f"{number:,}", FAINT, 10, anchor))
    return found


def _text(x: float, y: float, words: str, colour: str, size: int, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" '
        f'text-anchor="{anchor}">{words}</text>'
    )


def _share(density: float) -> str:
    return f"{density:.1%}" if density >= 0.001 else f"{density:.1e}"
