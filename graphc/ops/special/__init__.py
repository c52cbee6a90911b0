"""Operations: special functions."""

from graphc.ops.special import (
    bessel,
    betas,
    entropies,
    gamma_quantiles,
    gammas,
    igammas,
    inverse_error,
    zetas,
)

__all__ = [
    "bessel",
    "betas",
    "entropies",
    "gamma_quantiles",
    "gammas",
    "igammas",
    "inverse_error",
    "zetas",
]
