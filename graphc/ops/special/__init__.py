"""Operations: special functions."""

from graphc.ops.special import bessel, betas, entropies, gammas, igammas, inverse_error, zetas

__all__ = ["bessel", "betas", "entropies", "gammas", "igammas", "inverse_error", "zetas"]
