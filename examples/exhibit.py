"""What the examples share: their command line, and how their pictures look and are saved."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure

#: Okabe and Ito's colours, which people with any colour vision tell apart; black comes first.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#767676"

#: Sizes in inches, for a page that is read at 100 %.
WIDTH, HEIGHT = 7.0, 3.2

_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": "#333333",
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "savefig.facecolor": "white",
    "svg.hashsalt": "graphc",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
}


def arguments(text: str, quick: str) -> argparse.Namespace:
    """Returns the command line's `out` (a folder) and `quick`.

    Args:
        text: the module's docstring.
        quick: what --quick leaves out, in words.
    """
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture")
    parser.add_argument("--quick", action="store_true", help=quick)
    return parser.parse_args()


def in_style(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Makes a function draw its figure in the house's style, whatever matplotlib is set to."""

    @functools.wraps(draw)
    def drawn(*args: Any, **options: Any) -> Figure:
        with matplotlib.rc_context(_STYLE):
            return draw(*args, **options)

    return drawn


def axes(rows: int = 1, columns: int = 1, *, height: float = HEIGHT, **options: Any) -> Any:
    """Returns an array of axes of shape [rows, columns] on a new figure; call it `in_style`.

    Args:
        rows: of pictures.
        columns: of pictures.
        height: of one row, in inches.
        options: of `Figure.subplots`.
    """
    figure = Figure(figsize=(WIDTH, height * rows), layout="constrained")
    return figure.subplots(rows, columns, squeeze=False, **options)


def name_line(axis: Any, x: float, y: float, text: str, colour: str = COLOURS[0]) -> None:
    """Writes a line's name beside its last point, so that no legend is needed."""
    axis.annotate(
        text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", color=colour
    )


def save(figure: Figure, folder: Path, name: str, kind: str = "svg") -> Path:
    """Writes a figure as `folder/name.svg` (or .png), the same bytes every time, and says so."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{kind}"
    with matplotlib.rc_context(_STYLE):
        figure.savefig(path, dpi=110, metadata={"Date": None} if kind == "svg" else None)
    print(f"picture: {path}")
    return path
