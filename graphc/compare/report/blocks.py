"""The parts a report is made of, the same for the HTML page and for Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: How a span stands out. `wrong`: digits that are not right. `pill-X`: a verdict's badge.
MARKS = ("", "code", "strong", "wrong", "quiet")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text with a mark: one of MARKS, or `pill-` and a verdict."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: spans, over so many columns."""

    spans: tuple[Span, ...]
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its cells; kind is empty, `quiet`, `bad` or `first` (starts a group)."""

    cells: tuple[Cell, ...]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. A column is a title and how its cells stand: `text`, `number` or `wide`."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms and what each of them means, in a line."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and their values, side by side."""

    items: tuple[tuple[str, Span], ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula as LaTeX without dollar signs, with the plain text as its fallback."""

    latex: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite spec; words say what is to be seen, also to who does not see it."""

    spec: dict[str, Any]
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture: its name in the folder without ending, its SVG, title and words."""

    name: str
    title: str
    words: str
    svg: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures to be held against each other, side by side where there is room."""

    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that are shown on demand."""

    summary: str
    blocks: tuple[Block, ...]


Block = Table | Words | Terms | Facts | Formula | Chart | Drawing | Gallery | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the report; its key is unique within one comparison."""

    key: str
    title: str
    blocks: tuple[Block, ...]


def words(text: str, mark: str = "") -> Words:
    """Returns a paragraph of one span."""
    return Words((Span(text, mark),))


def cell(*parts: str | Span, columns: int = 1) -> Cell:
    """Returns a cell of plain texts and spans."""
    return Cell(tuple(Span(p) if isinstance(p, str) else p for p in parts), columns)


def row(*cells: str | Span | Cell, kind: str = "") -> Row:
    """Returns a row of cells given as text, span or cell."""
    return Row(tuple(c if isinstance(c, Cell) else cell(c) for c in cells), kind)
