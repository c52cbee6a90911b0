"""Records of the structure of tensors: places, order, running sums, windows, padding, grids."""

from graphc.ops.tensor import (
    along,
    arrange,
    at,
    counting,
    dynamic,
    grids,
    index,
    order,
    padding,
    places,
    scans,
)

__all__ = [
    "along",
    "arrange",
    "at",
    "counting",
    "dynamic",
    "grids",
    "index",
    "order",
    "padding",
    "places",
    "scans",
]
