"""The operations: one record each. Importing this package fills the registry."""

from graphc.ops import (  # noqa: F401  (imported for what they register)
    arithmetic,
    contraction,
    control,
    exponential,
    indexing,
    logic,
    neural,
    reduction,
    shaping,
    source,
    trigonometry,
)
