"""A convex polygon by two layers of thresholds, and a star by three.

Run `python examples/convex_polygon.py`. Each neuron of the first layer fires on one side of an
edge; AND of them is the inside of a convex polygon; OR of several polygons, in a third layer, need
no longer be convex.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import exhibit
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline

import graphc as gx

#: Corners, counter-clockwise.
PENTAGON = np.array([(-0.9, -0.5), (0.1, -1.0), (1.0, -0.2), (0.6, 0.8), (-0.5, 0.9)])


def triangle(first: float) -> Any:
    """Returns the corners of a triangle with equal sides, the first at an angle in degrees."""
    angles = np.deg2rad(first + np.array([0.0, 120.0, 240.0]))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


#: Two triangles that make a star with six points.
STAR = (triangle(90.0), triangle(270.0))


@dataclass(frozen=True, slots=True)
class Result:
    """What the networks say on a grid of points.

    Attributes:
        side: the grid's places along either axis.
        sides_of_pentagon: in how many of its half planes each point lies.
        pentagon: 1 where its network fires.
        star: the same for the star.
        wrong: how many points of the grid each network tells wrong.
        dents: pairs of points of each shape whose middle lies outside of it.
    """

    side: Any
    sides_of_pentagon: Any
    pentagon: Any
    star: Any
    wrong: dict[str, int]
    dents: dict[str, int]


def half_planes(x: gx.Node, corners: Any) -> gx.Node:
    """Returns the first layer: for each edge, 1 on its left.

    A point p lies left of the edge from a along d where the cross product of d and p - a is
    positive, which is linear in p.

    Args:
        x: points, `f64[points, 2]`.
        corners: `f64[edges, 2]`, counter-clockwise.
    """
    along = np.roll(corners, -1, axis=0) - corners
    weights = np.stack([-along[:, 1], along[:, 0]])
    bias = along[:, 1] * corners[:, 0] - along[:, 0] * corners[:, 1]
    return gx.threshold(x @ weights + bias)


def polygon(x: gx.Node, corners: Any) -> gx.Node:
    """Returns two layers: AND of the half planes, 1 where all of them are."""
    return gx.threshold(gx.sum(half_planes(x, corners), axis=1) - (len(corners) - 0.5))


def union(x: gx.Node, shapes: Sequence[Any]) -> gx.Node:
    """Returns three layers: OR of the polygons, 1 where at least one of them is."""
    inside = gx.stack([polygon(x, corners) for corners in shapes], axis=1)
    return gx.threshold(gx.sum(inside, axis=1) - 0.5)


def dents(fires: Any, points: Any, shape: gx.Node) -> int:
    """Returns how many of 2,000 pairs of points of a shape have their middle outside of it."""
    inside = points[fires == 1]
    pairs = np.random.default_rng(0).integers(0, len(inside), (2, 2000))
    middle = (inside[pairs[0]] + inside[pairs[1]]) / 2
    return int(np.sum(np.asarray(gx.evaluate(shape, x=middle)) == 0))


def compute(quick: bool = False) -> Result:
    """Evaluates both networks on a grid and compares them with what lies within the outlines."""
    size = 100 if quick else 300  # no point of these grids lies on an outline
    side = np.linspace(-1.2, 1.2, size)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    x = gx.input("x", ("points", 2), gx.float64)
    shapes = {"pentagon": polygon(x, PENTAGON), "star": union(x, STAR)}
    sides, *fires = gx.evaluate(
        [gx.sum(half_planes(x, PENTAGON), axis=1), *shapes.values()], x=points
    )
    outlines = {"pentagon": (PENTAGON,), "star": STAR}
    wrong: dict[str, int] = {}
    bent: dict[str, int] = {}
    for (name, shape), found in zip(shapes.items(), fires, strict=True):
        within = np.any([Outline(c).contains_points(points) for c in outlines[name]], axis=0)
        wrong[name] = int(np.sum(np.asarray(found) != within))
        bent[name] = dents(np.asarray(found), points, shape)
    counts, pentagon, star = (np.reshape(found, (size, size)) for found in (sides, *fires))
    return Result(side, counts, pentagon, star, wrong, bent)


def shade(axis: Any, counts: Any, colours: list[str]) -> None:
    """Colours the plane by a whole number at each point of the grid."""
    axis.imshow(
        counts, cmap=ListedColormap(colours), vmin=-0.5, vmax=len(colours) - 0.5, origin="lower",
        extent=(-1.2, 1.2, -1.2, 1.2), interpolation="nearest",
    )  # fmt: skip


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns how many half planes hold a point, all of them, and the union of two triangles."""
    panels = exhibit.axes(1, 3, height=2.7, sharex=True, sharey=True)[0]
    shades = ["#FFFFFF", "#FFFFFF", "#F2F2F2", "#DDDDDD", "#BFCBD6", "#7FB0D8"]
    shade(panels[0], result.sides_of_pentagon, shades)
    for place, corner in enumerate(PENTAGON):
        panels[0].axline(corner, PENTAGON[place - 1], color="black", lw=0.9)
    for x, y, count in ((0.05, 0.0, 5), (1.05, 0.4, 4), (0.05, 1.05, 4),
                        (-1.05, 0.2, 4), (-0.65, -0.9, 4), (1.1, -0.85, 3)):  # fmt: skip
        panels[0].text(x, y, str(count), ha="center", va="center", fontsize=9)
    panels[0].set_title("layer 1: half planes that fire", fontsize=9)
    for axis, fires, shapes, words in (
        (panels[1], result.pentagon, (PENTAGON,), "layer 2: all five (AND)"),
        (panels[2], result.star, STAR, "layer 3: one of two (OR)"),
    ):
        shade(axis, fires, ["#FFFFFF", "#7FB0D8"])
        for corners, style in zip(shapes, ("-", "--"), strict=False):
            closed = np.array([*corners, corners[0]])
            axis.plot(closed[:, 0], closed[:, 1], color="black", lw=1.2, ls=style)
        axis.set_title(words, fontsize=9)
    for axis in panels:
        axis.set(xlabel="$x_1$", xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), xticks=(-1, 0, 1))
        axis.set(yticks=(-1, 0, 1), aspect="equal")
        axis.grid(visible=False)
    panels[0].set_ylabel("$x_2$")
    return panels[0].figure


def main() -> int:
    """Prints how often the networks are right, and returns 0 where it is always."""
    given = exhibit.arguments(__doc__ or "", "a coarser grid")
    result = compute(given.quick)
    for name, layers, neurons in (("pentagon", 2, "5 + 1"), ("star", 3, "6 + 2 + 1")):
        print(
            f"{name:>8}: {layers} layers, {neurons} neurons, {result.wrong[name]} of "
            f"{result.side.size**2:,} points wrong; {result.dents[name]} of 2,000 pairs of its "
            "points have their middle outside"
        )
    exhibit.save(picture(result), given.out, "convex_polygon")
    right = not any(result.wrong.values())
    return 0 if right and result.dents["pentagon"] == 0 < result.dents["star"] else 1


if __name__ == "__main__":
    sys.exit(main())
