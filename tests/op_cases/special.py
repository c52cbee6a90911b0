"""Cases of the special functions."""

from __future__ import annotations

from typing import Any

DOMAINS: dict[str, tuple[tuple[float, float], ...]] = {
    "0 < p < 1": ((0.05, 0.95),),
    "x not 0, -1, -2, ...": ((-0.9, 4.0),),
}

PARAMS: dict[str, tuple[dict[str, Any], ...]] = {
    "polygamma": ({"order": 1}, {"order": 2}, {"order": 5}),
}
