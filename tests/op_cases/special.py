"""Cases of the special functions, and of the elementwise ones that the Array API adds."""

from __future__ import annotations

from typing import Any

DOMAINS: dict[str, tuple[tuple[float, float], ...]] = {
    "0 < p < 1": ((0.05, 0.95),),
    "x not 0, -1, -2, ...": ((-0.9, 4.0),),
    "y > 0": ((-3.0, 3.0), (0.2, 3.0)),
    "y > -1": ((-3.0, 3.0), (-0.8, 3.0)),
    "a, x > 0": ((0.4, 6.0), (0.3, 8.0)),
    "x, y > 0": ((0.3, 12.0), (0.3, 12.0)),
    "s > 1, q > 0": ((1.2, 6.0), (0.3, 20.0)),
    "a > 0, 0 < p < 1": ((0.4, 6.0), (0.05, 0.95)),
    "a > 0, y a logarithm": ((0.4, 6.0), (-1.5, 1.8)),
    "integers": ((-50.0, 50.0), (0.0, 5.0)),
}

PARAMS: dict[str, tuple[dict[str, Any], ...]] = {
    "polygamma": ({"order": 1}, {"order": 2}, {"order": 5}),
    "bessel_i": ({"order": 0}, {"order": 1}, {"order": 3}),
    "polygamma_step": ({"order": 0}, {"order": 2}),
    "zeta": ({"order": 0}, {"order": 1}, {"order": 2}),
    "igamma": ({"order": 0},),
    "igamma_quotient": ({"order": 1}, {"order": 2}),
    "bessel_moment": ({"order": 1}, {"order": 2}),
}

_BITWISE = (
    "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift whole_pow".split()
)
DTYPES: dict[str, tuple[str, ...]] = dict.fromkeys(_BITWISE, ("int32", "int32"))
