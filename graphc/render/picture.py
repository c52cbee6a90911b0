"""A picture that is laid out when somebody looks at it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from graphc.core.errors import RenderError
from graphc.core.files import write_atomic
from graphc.render.layout import TIME_LIMIT, check_format, format_of, inline_svg, render


class Picture:
    """DOT text, and SVG, PNG and PDF made from it on first use. Notebooks show it as SVG.

    Args:
        dot: the DOT text.
        limit: seconds that a layout may take.
    """

    __slots__ = ("_files", "dot", "limit")

    def __init__(self, dot: str, limit: float = TIME_LIMIT) -> None:
        self.dot = dot
        self.limit = limit
        self._files: dict[str, bytes] = {}

    def data(self, format: str) -> bytes:
        """Returns the file's bytes in a format: dot, svg, png or pdf.

        Raises:
            FormatError: the format is not one of these.
            RenderError: the layout failed, took too long, or there is no layout engine.
        """
        name = check_format(format)
        if name not in self._files:
            self._files[name] = render(self.dot, name, limit=self.limit)
        return self._files[name]

    @property
    def svg(self) -> str:
        """The picture as SVG text."""
        return self.data("svg").decode("utf-8")

    @property
    def png(self) -> bytes:
        """The picture as PNG, 144 dots per inch."""
        return self.data("png")

    @property
    def pdf(self) -> bytes:
        """The picture as PDF."""
        return self.data("pdf")

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Writes the picture; the format is the file name's ending unless it is given.

        Raises:
            FormatError: the ending names no format.
            FileError: the file can't be written.
            RenderError: the layout failed.
        """
        return write_atomic(path, self.data(format_of(path, format)))

    def __repr__(self) -> str:
        return f"<Picture of {self.dot.count(chr(10))} lines of DOT; .svg .png .pdf .save(path)>"

    def _repr_svg_(self) -> str:
        return inline_svg(self.data("svg"))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Returns SVG for a notebook; where nothing can lay it out, the DOT text and why."""
        try:
            return {"image/svg+xml": self._repr_svg_(), "text/plain": repr(self)}
        except RenderError as error:
            return {"text/plain": f"{error}\n\n{self.dot}"}
