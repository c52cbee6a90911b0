"""The special functions as SymPy's own, and as functions that SymPy leaves as they are.

SymPy's derivatives lose digits (exp(erfinv(x)**2) near 1) or do not exist; those of the opaque
functions are the ones that the records name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as _sympy

sympy: Any = _sympy


def _opaque(name: str, *slopes: Callable[..., Any]) -> Any:
    """Returns a function that SymPy differentiates by one slope per operand and never rewrites."""

    def fdiff(self: Any, argindex: int = 1) -> Any:
        return sympy.sympify(slopes[argindex - 1](*self.args), strict=True)

    return type(name, (sympy.Function,), {"nargs": len(slopes), "fdiff": fdiff})


ErfInv = _opaque("erfinv", lambda x: ErfInvSlope(x))
ErfInvSlope = _opaque("erfinv_slope", lambda x: 2 * ErfInv(x) * ErfInvSlope(x) ** 2)
NormalQuantile = _opaque("normal_quantile", lambda p: NormalQuantileSlope(p))
NormalQuantileSlope = _opaque(
    "normal_quantile_slope", lambda p: NormalQuantile(p) * NormalQuantileSlope(p) ** 2
)

_half = sympy.sqrt(sympy.pi) / 2


def _quantile(p: Any) -> Any:
    return sympy.sqrt(2) * sympy.erfinv(2 * p - 1)


#: By the name in a formula: SymPy's own form.
STANDARD: dict[str, Callable[..., Any]] = {
    "erfinv": sympy.erfinv,
    "erfinv_slope": lambda x: _half * sympy.exp(sympy.erfinv(x) ** 2),
    "normal_quantile": _quantile,
    "normal_quantile_slope": lambda p: 2 * _half * sympy.sqrt(2) * sympy.exp(_quantile(p) ** 2 / 2),
}
#: The opaque ones, whose names are those of the ops.
OPAQUE: dict[str, Any] = {
    f.__name__: f for f in (ErfInv, ErfInvSlope, NormalQuantile, NormalQuantileSlope)
}
