"""The operations: one record each. Importing this package fills the registry."""

from graphc.ops import (  # noqa: F401  (imported for what they register)
    arithmetic,
    complexes,
    contraction,
    control,
    exponential,
    indexing,
    logic,
    losses,
    neural,
    reduction,
    shaping,
    source,
    trigonometry,
)
