"""What the atlas measures: elementwise ops with parameters, and their counterparts in JAX."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphc
from graphc.backends.numpy import NumpyNamespace
from graphc.compare.atlas.params import operands_of, params_of
from graphc.compare.atlas.points import Density
from graphc.core.dtype import DType
from graphc.core.node import Node, apply_named
from graphc.core.op import Op

Array = np.ndarray[Any, Any]

#: A function of JAX, or None; and its name, or why there is none.
Counterpart = tuple[Callable[..., Any] | None, str]

#: Ops whose jumps crowd together where the first operand is much larger than the second.
JUMPS = ("mod", "floor_divide")

#: Ops that people reach by an operator, x**3, or by another name, i0(x), and not by their own.
BY_OPERATOR = ("integer_pow", "bessel_i")

#: Domains that the formula does not know, by the record's words: where to measure.
DOMAINS: dict[str, Callable[..., Any]] = {"low < high": lambda x, low, high: low < high}

#: Functions of which 50 digits take minutes where operands are huge or tiny: they are measured with
#: every operand between these sizes.
REGIONS = {
    "igamma": (1e-3, 200.0),
    "igammac": (1e-3, 200.0),
    "betaln": (1e-6, 1e6),
}

#: JAX's names where they differ from graphc's, of functions and of parameters.
JAX_NAMES = {
    "add": "jnp.add",
    "sub": "jnp.subtract",
    "mul": "jnp.multiply",
    "div": "jnp.divide",
    "neg": "jnp.negative",
    "pow": "jnp.power",
    "atan2": "jnp.arctan2",
    "integer_pow": "lax.integer_pow",
    "normal_cdf": "special.ndtr",
    "normal_quantile": "special.ndtri",
    "gamma": "special.gamma",
    "lgamma": "lax.lgamma",
}
JAX_PARAMS = {
    "integer_pow": {"exponent": "y"},
    "leaky_relu": {"slope": "negative_slope"},
}

#: Where a function of an op's name is looked for, in this order.
JAX_MODULES = ("jnp", "jax.nn", "special", "lax")


@dataclass(frozen=True, slots=True)
class Case:
    """One function that is measured.

    Attributes:
        op: the op's name.
        label: the name with parameters, for example `elu alpha=0.7`.
        names: the operands' names.
        formula: `formula(m, *operands)`: the value in mpmath, see `Op.formula`.
        build: the function as graph, of nodes of shape `f[n]`.
        jax: `jax()`: the same function of JAX, of arrays `f[n]`.
        points: `points(dtype, density)`: where, `float64[n, operands]`; None for the whole range.
        kinked: `kinked(points)`: which points are exactly at a kink, `bool[n]`.
        jumps: see `Truth`.
        inner: only derivatives of other ops use it; people do not call it.
    """

    op: str
    label: str
    names: tuple[str, ...]
    formula: Callable[..., Any]
    build: Callable[..., Node]
    jax: Callable[[], Counterpart]
    points: Callable[[DType, Density], Array] | None = None
    kinked: Callable[[Array], Array] | None = None
    inside: Callable[..., Any] | None = None
    jumps: bool = False
    inner: bool = False

    @property
    def count(self) -> int:
        """How many operands there are."""
        return len(self.names)


def cases_of(op: Op) -> list[Case]:
    """Returns the cases of an elementwise op, one for each set of parameters."""
    if why_not(op):
        return []
    return [case_of(op, params) for params in params_of(op)]


def label_of(name: str, params: dict[str, Any]) -> str:
    """Returns an op's name with its parameters."""
    return " ".join([name, *[f"{k}={v}" for k, v in params.items()]])


def case_of(op: Op, params: dict[str, Any]) -> Case:
    """Returns an elementwise op with one set of parameters."""
    assert callable(op.formula)

    def kinked(points: Array) -> Array:
        assert op.kink is not None
        at = op.kink.at(NumpyNamespace(), *points.T, **params)
        return np.broadcast_to(np.asarray(at).astype(bool), (len(points),))

    return Case(
        op=op.name,
        label=label_of(op.name, params),
        names=operands_of(op, params),
        formula=functools.partial(op.formula, **params),
        build=lambda *nodes: apply_named(op.name, *nodes, **params),
        jax=lambda: jax_function(op.name, params),
        kinked=kinked if op.kink is not None else None,
        inside=_inside(op),
        jumps=op.name in JUMPS,
        inner=op.name not in graphc.__all__ and op.name not in BY_OPERATOR,
    )


def _inside(op: Op) -> Callable[..., Any] | None:
    """Returns where several operands are measured; None for everywhere."""
    if op.name not in REGIONS:
        return DOMAINS.get(op.domain)
    least, most = REGIONS[op.name]

    def inside(*operands: Array) -> Array:
        sizes = np.abs(np.stack(operands))
        return np.all((sizes >= least) & (sizes <= most), axis=0)

    return inside


#: Why a group of ops has no row of its own.
_GROUPS = {
    "source": "a leaf: it has no operand",
    "shape": "moves elements, exactly, and so do its derivatives",
    "indexing": "moves elements, exactly; where places are repeated its derivative adds",
    "control": "carries a graph, and is as accurate as that",
    "reduction": "measured on vectors",
    "contraction": "measured on vectors",
    "random": "draws from a key, and has no operand that is a real number",
    "linalg": "takes matrices: its bound holds its digits to the condition",
}
NAMED = {
    "stop_gradient": "hands its operand on; its derivative is 0 by definition",
    "where": "hands one operand on, exactly: its slopes are 1 and 0",
    "cast": "rounds once; its slope is 1",
    "dft": "a transform of complex numbers: its bound holds it, relative to the largest",
    "irdft": "a transform of complex numbers: its bound holds it, relative to the largest",
    "rdft": "a transform: its bound holds it, relative to the largest",
    "polygamma_step": "the slope of betaln, and measured there",
    "log_gamma_quantile": "a step of the gamma distribution's numbers: 50 digits take minutes",
    "igamma_quotient": "a step of the gamma distribution's numbers: 50 digits take minutes",
}


def why_not(op: Op) -> str:
    """Returns why an op is not measured over the whole range; an empty string where it is."""
    if op.name in NAMED:
        return NAMED[op.name]
    if op.group != "elementwise":
        return _GROUPS[op.group]
    if not callable(op.formula):
        return f"has no scalar form: {op.formula}"
    if isinstance(op.vjp, str):
        return f"has no derivative: {op.vjp}"
    if op.domain == "booleans" or op.name in _COMPARISONS:
        return "its result is true or false, so it has no derivative"
    if op.domain == "integers":
        return "it takes integers, so it has no derivative"
    return ""


_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def jax_function(name: str, params: dict[str, Any]) -> Counterpart:
    """Returns JAX's own function for an op and its name, or None and why there is none."""
    import jax
    import jax.numpy as jnp
    from jax import lax
    from jax.scipy import special

    if name == "sinc":
        if params["scale"] == "pi":
            return jnp.sinc, "jnp.sinc"
        return lambda x: jnp.sinc(x / jnp.pi), "jnp.sinc(x / pi)"
    if name == "polygamma":
        return functools.partial(special.polygamma, params["order"]), "special.polygamma"
    if name == "zeta":
        return special.zeta, "special.zeta"
    if name in ("igamma", "igammac"):
        return None, "JAX's function has no second derivative"
    if name == "nextafter":
        return None, "JAX's function has no derivative"
    if name == "bessel_i":
        own = f"i{params['order']}"
        return getattr(special, own), f"special.{own}"
    modules: dict[str, Any] = {"jnp": jnp, "jax.nn": jax.nn, "special": special, "lax": lax}
    module, _, own = JAX_NAMES.get(name, "").rpartition(".")
    for place in (module,) if module else JAX_MODULES:
        function = getattr(modules[place], own or name, None)
        if callable(function):
            renamed = JAX_PARAMS.get(name, {})
            given = {renamed.get(k, k): v for k, v in params.items()}
            return functools.partial(function, **given), f"{place}.{own or name}"
    return None, "JAX has no such function"


def orders_of(count: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Returns the orders by each operand of the value, the first and the second derivatives."""
    unit = [tuple(int(i == k) for i in range(count)) for k in range(count)]
    second = [
        tuple(a + b for a, b in zip(unit[i], unit[k], strict=True))
        for i in range(count)
        for k in range(i, count)
    ]
    return ((0,) * count,), tuple(unit), tuple(second)


def words_of(orders: Sequence[int], names: Sequence[str]) -> str:
    """Returns a derivative in words: `d/dx`, `d2/dxdy`; an empty string for the value."""
    parts = [n for n, k in zip(names, orders, strict=True) for _ in range(k)]
    if not parts:
        return ""
    return f"d{len(parts) if len(parts) > 1 else ''}/" + "".join(f"d{p}" for p in parts)
