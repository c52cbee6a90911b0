"""The operations: one record each. Importing this package fills the registry."""

from graphc.ops import (
    arithmetic,
    complexes,
    contraction,
    control,
    exponential,
    indexing,
    logic,
    losses,
    names,
    neural,
    reduction,
    rounding,
    shaping,
    source,
    trigonometry,
)

__all__ = [
    "arithmetic",
    "complexes",
    "contraction",
    "control",
    "exponential",
    "indexing",
    "logic",
    "losses",
    "names",
    "neural",
    "reduction",
    "rounding",
    "shaping",
    "source",
    "trigonometry",
]
