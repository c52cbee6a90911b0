"""Cases of the special functions."""

from __future__ import annotations

from typing import Any

DOMAINS: dict[str, tuple[tuple[float, float], ...]] = {"0 < p < 1": ((0.05, 0.95),)}
