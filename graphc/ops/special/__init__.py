"""Operations: special functions."""

from graphc.ops.special import bessel, entropies, gammas, inverse_error

__all__ = ["bessel", "entropies", "gammas", "inverse_error"]
