"""Operations: special functions."""

from graphc.ops.special import gammas, inverse_error

__all__ = ["gammas", "inverse_error"]
