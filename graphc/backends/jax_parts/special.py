"""Special functions of which XLA's own form keeps its digits."""

from __future__ import annotations

from typing import Any

from jax.scipy import special


def i0e(xp: Any, x: Any) -> Any:
    """Returns exp(-abs(x)) I0(x)."""
    return special.i0e(x)


def i1e(xp: Any, x: Any) -> Any:
    """Returns exp(-abs(x)) I1(x)."""
    return special.i1e(x)
