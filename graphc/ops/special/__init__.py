"""Operations: special functions."""

from graphc.ops.special import inverse_error

__all__ = ["inverse_error"]
