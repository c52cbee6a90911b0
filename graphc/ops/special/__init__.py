"""Operations: special functions."""

from graphc.ops.special import entropies, gammas, inverse_error

__all__ = ["entropies", "gammas", "inverse_error"]
