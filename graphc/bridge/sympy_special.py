"""The special functions as SymPy's own, and as functions that SymPy leaves as they are.

SymPy's derivatives lose digits (exp(erfinv(x)**2) near 1) or do not exist; those of the opaque
functions are the ones that the records name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as _sympy

from graphc.core.node import Node, apply_named, apply_public
from graphc.ops.special.igammas import bell

sympy: Any = _sympy


def _opaque(name: str, *slopes: Callable[..., Any], params: tuple[str, ...] = ()) -> Any:
    """Returns a function that SymPy differentiates by one slope per operand and never rewrites.

    Behind the operands stand the op's parameters, which are integers.
    """

    def fdiff(self: Any, argindex: int = 1) -> Any:
        return sympy.sympify(slopes[argindex - 1](*self.args), strict=True)

    fields = {"nargs": len(slopes) + len(params), "fdiff": fdiff, "params": params}
    return type(name, (sympy.Function,), fields)


ErfInv = _opaque("erfinv", lambda x: ErfInvSlope(x))
ErfInvSlope = _opaque("erfinv_slope", lambda x: 2 * ErfInv(x) * ErfInvSlope(x) ** 2)
NormalQuantile = _opaque("normal_quantile", lambda p: NormalQuantileSlope(p))
NormalQuantileSlope = _opaque(
    "normal_quantile_slope", lambda p: NormalQuantile(p) * NormalQuantileSlope(p) ** 2
)
Gamma = _opaque("gamma", lambda x: Gamma(x) * Digamma(x))
LogGamma = _opaque("lgamma", lambda x: Digamma(x))
Digamma = _opaque("digamma", lambda x: PolyGamma(x, 1))
PolyGamma = _opaque("polygamma", lambda x, n: PolyGamma(x, n + 1), params=("order",))

Cbrt = _opaque("cbrt", lambda x: 1 / (3 * Cbrt(x) ** 2))
BesselI = _opaque(
    "bessel_i",
    lambda x, n: (BesselI(x, n - 1) + BesselI(x, n + 1)) / 2 if n else BesselI(x, 1),
    params=("order",),
)
BesselMoment = _opaque(
    "bessel_moment", lambda x, n: -_sign(x) * BesselMoment(x, n + 1), params=("order",)
)
I0e = _opaque("i0e", lambda x: -_sign(x) * BesselMoment(x, 1))
I1e = _opaque("i1e", lambda x: BesselMoment(x, 2) - BesselMoment(x, 1))
PolyGammaStep = _opaque(
    "polygamma_step",
    lambda x, d, n: PolyGammaStep(x, d, n + 1),
    lambda x, d, n: PolyGamma(x + d, n + 1),
    params=("order",),
)
BetaLn = _opaque(
    "betaln", lambda x, y: -PolyGammaStep(x, y, 0), lambda x, y: -PolyGammaStep(y, x, 0)
)
Zeta = _opaque(
    "zeta",
    lambda s, q, n: Zeta(s, q, n + 1),
    lambda s, q, n: -(s * Zeta(s + 1, q, n) + (n * Zeta(s + 1, q, n - 1) if n else 0)),
    params=("order",),
)
IGamma = _opaque(
    "igamma",
    lambda a, x, n: IGamma(a, x, n + 1),
    lambda a, x, n: _density_slope(a, x, int(n)),
    params=("order",),
)
IGammaC = _opaque("igammac", lambda a, x: -IGamma(a, x, 1), lambda a, x: -_density_slope(a, x, 0))
IGammaQuotient = _opaque(
    "igamma_quotient",
    lambda a, y, n: IGammaQuotient(a, y, n + 1) - IGammaQuotient(a, y, n) * (y - Digamma(a)),
    lambda a, y, n: (
        sympy.nsimplify(bell(int(n), y - Digamma(a), lambda k: PolyGamma(a, k)))
        - IGammaQuotient(a, y, n) * (a - sympy.exp(y))
    ),
    params=("order",),
)
LogGammaQuantile = _opaque(
    "log_gamma_quantile",
    lambda a, p: -IGammaQuotient(a, LogGammaQuantile(a, p), 1),
    lambda a, p: sympy.exp(
        sympy.exp(LogGammaQuantile(a, p)) + LogGamma(a) - a * LogGammaQuantile(a, p)
    ),
)

_half = sympy.sqrt(sympy.pi) / 2


def _density_slope(a: Any, x: Any, order: int) -> Any:
    from graphc.bridge.sympy_names import Log

    first = Log(x) - Digamma(a)
    factor = sympy.nsimplify(bell(order, first, lambda k: PolyGamma(a, k))) if order else 1
    return sympy.exp((a - 1) * Log(x) - x - LogGamma(a)) * factor


def _lower(a: Any, x: Any, order: int) -> Any:
    inner = sympy.Dummy()
    value = sympy.lowergamma(inner, x) / sympy.gamma(inner)
    return value.diff(inner, order).subs(inner, a) if order else value.subs(inner, a)


def _zeta(s: Any, q: Any, order: int) -> Any:
    inner = sympy.Dummy()
    return sympy.zeta(inner, q).diff(inner, order).subs(inner, s) if order else sympy.zeta(s, q)


def _log_beta(x: Any, y: Any) -> Any:
    return sympy.loggamma(x) + sympy.loggamma(y) - sympy.loggamma(x + y)


def _sign(x: Any) -> Any:
    from graphc.bridge.sympy_names import Sign  # which reads this module

    return Sign(x)


def _moment(x: Any, order: int) -> Any:
    if order == 0:
        return sympy.exp(-sympy.Abs(x)) * sympy.besseli(0, x)
    a = order + sympy.Rational(1, 2)
    scale = 2**order * sympy.gamma(a) / (sympy.sqrt(sympy.pi) * sympy.factorial(order))
    return scale * sympy.hyper([a], [order + 1], -2 * sympy.Abs(x))


def _quantile(p: Any) -> Any:
    return sympy.sqrt(2) * sympy.erfinv(2 * p - 1)


#: By the name in a formula: SymPy's own form.
STANDARD: dict[str, Callable[..., Any]] = {
    "erfinv": sympy.erfinv,
    "erfinv_slope": lambda x: _half * sympy.exp(sympy.erfinv(x) ** 2),
    "normal_quantile": _quantile,
    "normal_quantile_slope": lambda p: 2 * _half * sympy.sqrt(2) * sympy.exp(_quantile(p) ** 2 / 2),
    "gamma": sympy.gamma,
    "lgamma": sympy.loggamma,
    "polygamma": lambda x, order: sympy.polygamma(order, x),
    "cbrt": lambda x: sympy.sign(x) * sympy.Abs(x) ** sympy.Rational(1, 3),
    "logaddexp": lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    "logaddexp2": lambda x, y: sympy.log(2**x + 2**y) / sympy.log(2),
    "xlogy": lambda x, y: x * sympy.log(y),
    "xlog1py": lambda x, y: x * sympy.log(1 + y),
    "entr": lambda x: -x * sympy.log(x),
    "bessel_i": lambda x, order: sympy.besseli(order, x),
    "betaln": _log_beta,
    "polygamma_step": lambda x, d, order: sympy.polygamma(order, x + d) - sympy.polygamma(order, x),
    "zeta": _zeta,
    "igamma": _lower,
    "igammac": lambda a, x: sympy.uppergamma(a, x) / sympy.gamma(a),
    "bessel_moment": _moment,
    "i1e": lambda x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(1, x),
}
#: The opaque ones, whose names are those of the ops.
OPAQUE: dict[str, Any] = {
    f.__name__: f
    for f in (
        ErfInv, ErfInvSlope, NormalQuantile, NormalQuantileSlope, Gamma, LogGamma, Digamma,
        PolyGamma, Cbrt, BesselI, BesselMoment, I0e, I1e, PolyGammaStep, BetaLn, Zeta,
        IGamma, IGammaC, IGammaQuotient, LogGammaQuantile,
    )
}  # fmt: skip
#: What the symbolic engine reads in a formula.
EXACT: dict[str, Callable[..., Any]] = {
    **OPAQUE,
    "polygamma": lambda x, order: Digamma(x) if order == 0 else PolyGamma(x, order),
    "bessel_moment": lambda x, order: I0e(x) if order == 0 else BesselMoment(x, order),
}

#: The subexpressions that one needs, and how its node is made of theirs.
_Plan = tuple[Sequence[Any], Callable[[Sequence[Node]], Node]]


def _polygamma(expression: Any) -> _Plan | None:
    n, x = expression.args
    if not n.is_Integer:
        return None
    return (x,), lambda nodes: apply_public("polygamma", int(n), *nodes)


def _besseli(expression: Any) -> _Plan | None:
    n, x = expression.args
    if not n.is_Integer:
        return None
    return (x,), lambda nodes: apply_named("bessel_i", *nodes, order=abs(int(n)))


def _incomplete(name: str) -> Callable[[Any], _Plan]:
    def build(nodes: Sequence[Node]) -> Node:
        return apply_public(name, *nodes) * apply_named("gamma", nodes[0])

    return lambda expression: (expression.args, build)


def _hurwitz(expression: Any) -> _Plan:
    return expression.args, lambda nodes: apply_public("zeta", *nodes)


def _plain(name: str) -> Callable[[Any], _Plan]:
    return lambda expression: (expression.args, lambda nodes: apply_public(name, *nodes))


#: How SymPy's own functions become nodes.
_READERS: dict[Any, Callable[[Any], _Plan | None]] = {
    sympy.erfinv: _plain("erfinv"),
    sympy.erfcinv: _plain("erfcinv"),
    sympy.gamma: _plain("gamma"),
    sympy.loggamma: _plain("lgamma"),
    sympy.polygamma: _polygamma,
    sympy.besseli: _besseli,
    sympy.beta: _plain("beta"),
    sympy.zeta: _hurwitz,
    sympy.lowergamma: _incomplete("igamma"),
    sympy.uppergamma: _incomplete("igammac"),
}


def special_plan(expression: Any) -> _Plan | None:
    """Returns how a special function becomes a node; None for any other expression."""
    kind = type(expression)
    if OPAQUE.get(kind.__name__) is kind:
        count = len(expression.args) - len(kind.params)
        given = zip(kind.params, expression.args[count:], strict=True)
        params = {name: int(value) for name, value in given}
        return expression.args[:count], lambda nodes: apply_named(kind.__name__, *nodes, **params)
    return _READERS[kind](expression) if kind in _READERS else None
