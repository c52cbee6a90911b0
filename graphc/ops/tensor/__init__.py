"""Records of the structure of tensors: places, order, running sums, windows, padding, grids."""

from graphc.ops.tensor import (
    along,
    arrange,
    at,
    constant_pad,
    counting,
    dynamic,
    grids,
    index,
    order,
    padding,
    places,
    ranges,
    running,
    scans,
    segments,
)

__all__ = [
    "along",
    "arrange",
    "at",
    "constant_pad",
    "counting",
    "dynamic",
    "grids",
    "index",
    "order",
    "padding",
    "places",
    "ranges",
    "running",
    "scans",
    "segments",
]
