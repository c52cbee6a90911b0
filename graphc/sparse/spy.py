"""A picture of a structure: a square for each entry, or shades where there are too many."""

from __future__ import annotations

import os
import struct
import zlib
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
#: Squares of so many pixels stand apart.
_APART = 7.0
#: From a few entries in a cell to all of it.
_FULL = (0x0B, 0x4F, 0x86)


def spy_picture(structure: Any, path: str | os.PathLike[str] | None, words: str) -> str:
    """Returns the picture as SVG, and writes it (or a PNG of its squares) where a path is given.

    Raises:
        FormatError: the path ends neither in `.svg` nor in `.png`.
        FileError: the file can't be written.
    """
    kind = "svg" if path is None else format_of(path)
    if kind not in ("svg", "png"):
        raise FormatError(f"a structure has no picture as {kind}", "end the path in .svg or .png")
    made = _svg(structure, words)
    if path is not None:
        write_atomic(path, made.encode("utf-8") if kind == "svg" else _png(structure))
    return made


def _grid(structure: Any) -> tuple[int, int]:
    """Returns how many cells the picture has, down and across."""
    height, width = structure.shape
    side = max(height, width, 1)
    cells = min(side, _CELLS)
    return max(round(height * cells / side), 1), max(round(width * cells / side), 1)


def _counted(structure: Any, tall: int, wide: int) -> tuple[Any, Any]:
    """Returns the cells that hold entries, in order, and for each its shade, 1 to 4."""
    height, width = structure.shape
    row = structure.rows.astype(np.int64) * tall // max(height, 1)
    column = structure.columns.astype(np.int64) * wide // max(width, 1)
    cells, counts = np.unique(row * wide + column, return_counts=True)
    return cells, np.ceil(4 * counts / counts.max(initial=1)).astype(np.int64)


def _png(structure: Any) -> bytes:
    tall, wide = _grid(structure)
    cells, shades = _counted(structure, tall, wide)
    image = np.full((tall * wide, 3), 255, np.uint8)
    palette = np.array([[255, 255, 255], *map(_parts, range(1, 5))], np.uint8)
    image[cells] = palette[shades]
    zoom = max(int(2 * _WIDTH) // max(tall, wide), 1)
    big = image.reshape(tall, wide, 3).repeat(zoom, axis=0).repeat(zoom, axis=1)
    big = np.pad(big, ((2, 2), (2, 2), (0, 0)), constant_values=0x60)  # a frame
    lines = np.zeros((big.shape[0], 1 + 3 * big.shape[1]), np.uint8)
    lines[:, 1:] = big.reshape(big.shape[0], -1)
    head = struct.pack(">IIBBBBB", big.shape[1], big.shape[0], 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _svg(structure: Any, words: str) -> str:
    height, width = structure.shape
    tall, wide = _grid(structure)
    pixel = _WIDTH / max(tall, wide)
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
    cells, shades = _counted(structure, tall, wide)
    found: list[str] = []
    # Neighbours of one shade are one rectangle: a band of a million rows takes a few hundred.
    start = 0
    gap = 0.8 if pixel >= _APART else 0.0
    for end in range(1, len(cells) + 1):
        follows = end < len(cells) and cells[end] == cells[end - 1] + 1 and cells[end] % wide
        if pixel < _APART and follows and shades[end] == shades[start]:
            continue
        r, c = divmod(int(cells[start]), wide)
        found.append(
            f'<rect x="{left + c * pixel:.2f}" y="{top + r * pixel:.2f}" '
            f'width="{(end - start) * pixel - gap:.2f}" height="{pixel - gap:.2f}" '
            f'fill="{_colour(int(shades[start]))}"/>'
        )
        start = end
    return found


def _colour(shade: int) -> str:
    return "#" + "".join(f"{part:02x}" for part in _parts(shade))


def _parts(shade: int) -> list[int]:
    """Returns red, green and blue of one of four shades, the fourth the darkest."""
    share = 0.4 + 0.15 * shade
    return [round(255 - (255 - part) * share) for part in _FULL]


def _axis(
    size: int, first: float, length: float, across: float, anchor: str, flat: bool, origin: float
) -> list[str]:
    """Returns the numbers of the first and the last line along one side."""
    found: list[str] = []
    for number in sorted({0, max(size - 1, 0)}):
        place = first + (length * (number + 0.5) / size if size else 0)
        if flat:
            found.append(
                _text(
                    place,
                    across,
                    f"{number:,}",
                    FAINT,
                    10,
                    anchor if size < 1000 else ("end" if number else "start"),
                )
            )
        else:
            found.append(_text(across, place + 3.5, f"{number:,}", FAINT, 10, anchor))
    return found


def _text(x: float, y: float, words: str, colour: str, size: int, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" '
        f'text-anchor="{anchor}">{words}</text>'
    )


def _share(density: float) -> str:
    return f"{density:.1%}" if density >= 0.001 else f"{100 * density:.2g}%"
