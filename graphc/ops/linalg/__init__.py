"""Records of linear algebra: systems, factorisations, spectra, determinants, functions."""

from graphc.ops.linalg import (
    determinants,
    exponential,
    factored,
    factors,
    least_squares,
    norms,
    singular,
    solving,
    spectra,
    spectral,
)

__all__ = [
    "determinants",
    "exponential",
    "factored",
    "factors",
    "least_squares",
    "norms",
    "singular",
    "solving",
    "spectra",
    "spectral",
]
