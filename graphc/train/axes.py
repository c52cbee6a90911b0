"""One pair of axes as SVG: where numbers fall on it, and what is drawn there.

Series differ by dash and marker as well as by colour, so they are told apart without colour.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from graphc.core.errors import ArgumentError, show_value
from graphc.train.scales import edges, number, range_of, share, ticks

#: Colours that people with any colour vision tell apart (Okabe and Ito, 2008), darkest first.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a0529a", "#8a6d00", "#3a8fb7", "#444444")
_DASHES = ("", "6 3", "2 2.5", "8 3 2 3", "4 2", "1 3", "10 4")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_INK, _QUIET, _GRID = "#1a1a1a", "#5a5a5a", "#e2e2e2"
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 30, 44
#: Points of a line beyond which it is thinned: no picture shows more.
_POINTS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Numbers that are drawn together.

    Attributes:
        label: what the legend calls it; empty leaves it out.
        x: positions, or for bars their n + 1 edges.
        y: values; what is not finite leaves a gap.
        kind: "line", "points", "bars" or "path" (a line with a ring where it ends).
        style: the number of its colour and dash; by default its place among the series.
        dash: the number of its dash where that is not its style's.
    """

    label: str
    x: Any
    y: Any
    kind: str = "line"
    style: int | None = None
    dash: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One pair of axes.

    Attributes:
        title: what stands above it.
        series: what is drawn.
        x_label: what the horizontal axis counts.
        y_label: what the vertical axis counts.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical axis is logarithmic.
        marks: vertical lines: `{position: words}`.
        surface: `(x, y, z)`: a surface behind it, z of shape [len(y), len(x)], as levels of grey.
        x_range: the ends of the horizontal axis, where the data do not say them.
        y_range: the ends of the vertical axis.
    """

    title: str
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    marks: dict[float, str] = field(default_factory=dict[float, str])
    surface: tuple[Any, Any, Any] | None = None
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None


# -- one panel -------------------------------------------------------------------------------------


class Axes:
    """Draws one panel; holds where numbers fall on it."""

    def __init__(self, panel: Panel, width: int, height: int) -> None:
        self.panel = panel
        self.width, self.height = width, height
        self.left, self.right = _LEFT, width - _RIGHT
        self.top, self.bottom = _TOP, height - _BOTTOM
        self.data = [_arrays(s) for s in panel.series]
        xs = [x for x, _ in self.data] + ([np.asarray(panel.surface[0])] if panel.surface else [])
        ys = [y for _, y in self.data] + ([np.asarray(panel.surface[1])] if panel.surface else [])
        bars = any(s.kind == "bars" for s in panel.series)
        points = any(s.kind == "points" for s in panel.series) and not panel.surface
        self.x_range = panel.x_range or range_of(xs, panel.log_x, 0.03 if points else 0.0)
        room = 0.0 if panel.surface else 0.04
        self.y_range = panel.y_range or range_of(ys, panel.log_y, room, zero=bars)

    def x(self, value: Any) -> Any:
        part = share(value, self.x_range, self.panel.log_x)
        return self.left + part * (self.right - self.left)

    def y(self, value: Any) -> Any:
        part = share(value, self.y_range, self.panel.log_y)
        return self.bottom - part * (self.bottom - self.top)

    def draw(self) -> list[str]:
        panel = self.panel
        parts = [text(self.left, 18, panel.title, size=12, weight="600")]
        parts += self._surface()
        parts += self._grid()
        clip = f"c{zlib.crc32(repr((panel.title, self.x_range, self.y_range)).encode()):x}"
        parts.append(
            f'<clipPath id="{clip}"><rect x="{self.left}" y="{self.top - 4}" '
            f'width="{self.right - self.left}" height="{self.bottom - self.top + 8}"/></clipPath>'
            f'<g clip-path="url(#{clip})">'
        )
        for place, (series, (x, y)) in enumerate(zip(panel.series, self.data, strict=True)):
            parts += self._series(series, x, y, place)
        parts.append("</g>")
        for at, words in panel.marks.items():
            if not self.x_range[0] <= at <= self.x_range[1]:
                continue
            x = self.x(at)
            parts.append(_line(x, self.top, x, self.bottom, _QUIET, dash="3 3"))
            late = x > (self.left + self.right) / 2
            anchor, shift = ("end", -4) if late else ("start", 4)
            parts.append(text(x + shift, self.top + 9, words, fill=_QUIET, anchor=anchor, size=10))
        return parts + self._legend()

    def _grid(self) -> list[str]:
        panel = self.panel
        parts: list[str] = []
        plain = "none" if panel.surface else _GRID
        for value in ticks(*self.y_range, log=panel.log_y):
            y = self.y(value)
            parts.append(_line(self.left, y, self.right, y, plain))
            parts.append(text(self.left - 6, y + 3.5, number(value), fill=_QUIET, anchor="end"))
        for value in ticks(*self.x_range, log=panel.log_x):
            x = self.x(value)
            parts.append(_line(x, self.bottom, x, self.bottom + 4, _QUIET))
            parts.append(text(x, self.bottom + 16, number(value), fill=_QUIET, anchor="middle"))
        parts.append(_line(self.left, self.bottom, self.right, self.bottom, _QUIET))
        middle = (self.left + self.right) / 2
        parts.append(text(middle, self.bottom + 33, panel.x_label, anchor="middle"))
        if panel.y_label:
            y = (self.top + self.bottom) / 2
            parts.append(
                f'<text x="13" y="{_n(y)}" transform="rotate(-90 13 {_n(y)})" '
                f'text-anchor="middle" fill="{_INK}">{escape(panel.y_label)}</text>'
            )
        return parts

    def _series(self, series: Series, x: Any, y: Any, place: int) -> list[str]:
        style = place if series.style is None else series.style
        colour = COLOURS[style % len(COLOURS)]
        if series.kind == "bars":
            base = self.y(max(self.y_range[0], 0.0) if not self.panel.log_y else self.y_range[0])
            parts: list[str] = []
            for low, high, value in zip(x[:-1], x[1:], y, strict=True):
                if np.isfinite(value) and value > 0:
                    left, right, top = self.x(low), self.x(high), self.y(value)
                    parts.append(
                        f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(max(right - left, 0.5))}" '
                        f'height="{_n(max(base - top, 0))}" fill="{colour}" fill-opacity="0.75"/>'
                    )
            return parts
        seen = np.isfinite(x) & np.isfinite(y)
        if self.panel.log_y:
            seen &= y > 0
        if self.panel.log_x:
            seen &= x > 0
        px, py = self.x(np.where(seen, x, 1.0)), self.y(np.where(seen, y, 1.0))
        if series.kind == "points":
            return [
                _marker(style, a, b, colour)
                for a, b, s in zip(px, py, seen, strict=True) if s
            ]  # fmt: skip
        dash = _DASHES[(style if series.dash is None else series.dash) % len(_DASHES)]
        parts = [_polyline(run, colour, dash) for run in _runs(px, py, seen)]
        alone = [run for run in _runs(px, py, seen) if len(run) == 1]
        parts += [f'<circle cx="{_n(a)}" cy="{_n(b)}" r="2.5" fill="{colour}"/>'
                  for ((a, b),) in alone]  # fmt: skip
        if series.kind == "path" and seen.any():
            last = int(np.flatnonzero(seen)[-1])
            first = int(np.flatnonzero(seen)[0])
            parts.append(
                f'<circle cx="{_n(px[first])}" cy="{_n(py[first])}" r="3" fill="{colour}"/>'
                f'<circle cx="{_n(px[last])}" cy="{_n(py[last])}" r="5" fill="none" '
                f'stroke="{colour}" stroke-width="2"/>'
            )
        return parts

    def _surface(self) -> list[str]:
        if self.panel.surface is None:
            return []
        xs, ys, z = (np.asarray(a, np.float64) for a in self.panel.surface)
        finite = z[np.isfinite(z)]
        if z.shape != (len(ys), len(xs)) or not len(finite):
            raise ArgumentError(
                f"a surface over {len(xs)} and {len(ys)} places has the shape {list(z.shape)}",
                "give (x, y, z) with finite z of shape [len(y), len(x)]",
            )
        high = float(finite.max())
        # Equal steps of the rank show a valley and its walls alike.
        order = np.searchsorted(np.sort(finite), np.where(np.isfinite(z), z, high))
        level = np.floor(order / max(len(finite) - 1, 1) * 11.999)
        xe, ye = edges(xs), edges(ys)
        parts = ['<g shape-rendering="crispEdges">']
        for row in range(len(ys)):
            start = 0
            for column in range(1, len(xs) + 1):
                if column < len(xs) and level[row, column] == level[row, start]:
                    continue
                shade = round(255 - 11 * level[row, start])
                x0, x1 = self.x(xe[start]), self.x(xe[column])
                y0, y1 = self.y(ye[row + 1]), self.y(ye[row])
                x0, x1 = max(x0, self.left), min(x1, self.right)
                y0, y1 = max(y0, self.top), min(y1, self.bottom)
                if x1 > x0 and y1 > y0:
                    parts.append(
                        f'<rect x="{_n(x0)}" y="{_n(y0)}" width="{_n(x1 - x0)}" '
                        f'height="{_n(y1 - y0)}" fill="rgb({shade},{shade},{shade})"/>'
                    )
                start = column
        return [*parts, "</g>"]

    def _legend(self) -> list[str]:
        parts: list[str] = []
        x, y = float(self.left), float(self.height + 6)
        for place, series in enumerate(self.panel.series):
            if not series.label:
                continue
            wide = 42 + 6.4 * len(series.label)
            if x > self.left and x + wide > self.width:
                x, y = float(self.left), y + 16
            style = place if series.style is None else series.style
            colour = COLOURS[style % len(COLOURS)]
            if series.kind == "points":
                parts.append(_marker(style, x + 10, y - 4, colour))
            elif series.kind == "bars":
                parts.append(
                    f'<rect x="{_n(x)}" y="{_n(y - 9)}" width="20" height="10" fill="{colour}" '
                    'fill-opacity="0.75"/>'
                )
            else:
                dash = _DASHES[(style if series.dash is None else series.dash) % len(_DASHES)]
                parts.append(_line(x, y - 4, x + 22, y - 4, colour, dash=dash, width=2))
            parts.append(text(x + 27, y, series.label))
            x += wide
        return parts


def legend_rows(panel: Panel, width: int) -> int:
    """Returns how many lines a panel's legend takes."""
    rows, x = 1, float(_LEFT)
    for series in panel.series:
        if series.label:
            wide = 42 + 6.4 * len(series.label)
            if x > _LEFT and x + wide > width:
                rows, x = rows + 1, float(_LEFT)
            x += wide
    return rows if x > _LEFT or rows > 1 else 0


def _arrays(series: Series) -> tuple[Any, Any]:
    if not isinstance(series, Series):
        raise ArgumentError(f"{show_value(series)} is no train.Series", "pass train.Series(...)")
    x, y = (np.asarray(v, np.float64).ravel() for v in (series.x, series.y))
    wanted = len(y) + 1 if series.kind == "bars" else len(y)
    if series.kind not in ("line", "points", "bars", "path"):
        raise ArgumentError(
            f"kind={show_value(series.kind)} is no kind of series", "say line, points, bars, path"
        )
    if len(x) != wanted:
        raise ArgumentError(
            f"the series {series.label!r} has {len(x)} positions for {len(y)} values",
            "bars have one edge more than values, all others one position a value",
        )
    if series.kind == "line" and len(x) > _POINTS:
        chosen = np.unique(np.linspace(0, len(x) - 1, _POINTS).round().astype(int))
        x, y = x[chosen], y[chosen]
    return x, y


# -- shapes ----------------------------------------------------------------------------------------


def _n(value: Any) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def text(
    x: Any, y: Any, words: str, *, size: int = 11, weight: str = "", anchor: str = "",
    fill: str = _INK,
) -> str:  # fmt: skip
    """Returns words at a place."""
    if not words:
        return ""
    more = f' font-weight="{weight}"' if weight else ""
    more += f' text-anchor="{anchor}"' if anchor else ""
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{size}" fill="{fill}"{more}>'
        f"{escape(str(words)[:200])}</text>"
    )


def _line(
    x0: Any, y0: Any, x1: Any, y1: Any, colour: str, *, dash: str = "", width: float = 1
) -> str:
    more = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{_n(x0)}" y1="{_n(y0)}" x2="{_n(x1)}" y2="{_n(y1)}" stroke="{colour}" '
        f'stroke-width="{width:g}"{more}/>'
    )


def _runs(x: Any, y: Any, seen: Any) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = []
    gap = True
    for a, b, s in zip(x, y, seen, strict=True):
        if s and gap:
            runs.append([])
        if s:
            runs[-1].append((float(a), float(b)))
        gap = not s
    return runs


def _polyline(run: Sequence[tuple[float, float]], colour: str, dash: str) -> str:
    points = " ".join(f"{_n(a)},{_n(b)}" for a, b in run)
    more = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8" '
        f'stroke-linejoin="round"{more}/>'
    )


def _marker(style: int, x: Any, y: Any, colour: str) -> str:
    a, b = _n(x), _n(y)
    kind = style % 4
    look = f'fill="{colour}" fill-opacity="0.8"'
    if kind == 0:
        return f'<circle cx="{a}" cy="{b}" r="3" {look}/>'
    if kind == 1:
        return f'<path d="M{a} {b}m-3.4 -3.4l6.8 6.8m0 -6.8l-6.8 6.8" stroke="{colour}" stroke-width="1.8" fill="none"/>'  # noqa: E501
    if kind == 2:
        return f'<path d="M{a} {b}m0 -4l3.8 6.6h-7.6z" {look}/>'
    return f'<path d="M{a} {b}m-3 -3h6v6h-6z" {look}/>'
