"""Reductions and contractions in the atlas: four numbers at a time, hard cases among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.compare.atlas.cases import Case, Counterpart, label_of
from graphc.compare.atlas.points import Density
from graphc.compare.atlas.ulp import format_of
from graphc.core.dtype import DType
from graphc.core.node import Node, apply_named
from graphc.core.op import op_named
from graphc.ops.windows.conv import conv_params

Array = np.ndarray[Any, Any]

NAMES = ("a", "b", "c", "d")


def _total(m: Any, x: tuple[Any, ...]) -> Any:
    return m.context.fsum(x)


def _log_total(m: Any, x: tuple[Any, ...]) -> Any:
    return m.log(_total(m, tuple(m.exp(v) for v in x)))


def _variance(m: Any, x: tuple[Any, ...], correction: int) -> Any:
    middle = _total(m, x) / len(x)
    return _total(m, tuple((v - middle) ** 2 for v in x)) / (len(x) - correction)


def _norm(m: Any, x: tuple[Any, ...], ord: float) -> Any:
    order = m.context.mpf(ord)
    return m.power(_total(m, tuple(m.power(abs(v), order) for v in x)), 1 / order)


#: What each op computes, in plain mpmath: `formula(m, x, **params)` of four numbers.
FORMULAS: dict[str, Callable[..., Any]] = {
    "sum": _total,
    "mean": lambda m, x: _total(m, x) / len(x),
    "prod": lambda m, x: x[0] * x[1] * x[2] * x[3],
    "max": lambda m, x: max(x),
    "min": lambda m, x: min(x),
    "logsumexp": _log_total,
    "softmax": lambda m, x: 1 / _total(m, tuple(m.exp(v - x[0]) for v in x)),
    "log_softmax": lambda m, x: -_log_total(m, tuple(v - x[0] for v in x)),
    "var": _variance,
    "std": lambda m, x, correction: m.sqrt(_variance(m, x, correction)),
    "norm": _norm,
    "matmul": lambda m, x: x[0] * x[2] + x[1] * x[3],
    "einsum": lambda m, x: x[0] * x[2] + x[1] * x[3],
    "conv": lambda m, x: x[0] * x[2] + x[1] * x[3],
    "max_pool": lambda m, x: max(x),
    "sum_pool": _total,
    "cumsum": _total,
    "cumprod": lambda m, x: x[0] * x[1] * x[2] * x[3],
    "cummax": lambda m, x: max(x),
    "cummin": lambda m, x: min(x),
    "cumlogsumexp": _log_total,
    "linear_recurrence": lambda m, x: x[1] * x[2] + x[3],
}

#: Parameters of each op, several sets where they change what it does.
PARAMS: dict[str, tuple[dict[str, Any], ...]] = {
    "var": ({"correction": 0}, {"correction": 1}),
    "std": ({"correction": 0}, {"correction": 1}),
    "norm": ({"ord": 2}, {"ord": 1}, {"ord": 3.5}),
}

#: Poolings, as records take them: one window over the four numbers.
_WINDOWS: dict[str, dict[str, Any]] = {
    "max_pool": {"window": (4,), "strides": (4,), "padding": ((0, 0),)},
    "sum_pool": {"window": (4,), "strides": (4,), "padding": ((0, 0),), "dilation": (1,)},
}

#: Running ops, of which the last element is measured, and JAX's names for them.
_SCANS = {
    "cumsum": "jnp.cumsum",
    "cumprod": "jnp.cumprod",
    "cummax": "lax.cummax",
    "cummin": "lax.cummin",
    "cumlogsumexp": "lax.cumlogsumexp",
    "linear_recurrence": "",
}

#: Ops of which the first element of the result is measured.
_FIRST = ("softmax", "log_softmax")


def vector_cases(names: tuple[str, ...] = ()) -> list[Case]:
    """Returns the cases of reductions and contractions, or of those named."""
    return [
        _case(name, params)
        for name in FORMULAS
        if not names or name in names
        for params in PARAMS.get(name, ({},))
    ]


def _case(name: str, params: dict[str, Any]) -> Case:
    def kinked(points: Array) -> Array:
        kink = op_named(name).kink
        if kink is None:
            return np.zeros(len(points), dtype=bool)
        if name in _SCANS:
            found = kink.at(NumpyNamespace(), points, axis=1, reverse=False)[:, -1]
        elif name in _WINDOWS:
            found = kink.at(NumpyNamespace(), points[:, :, None], **_WINDOWS[name])[:, 0, 0]
        else:
            found = kink.at(NumpyNamespace(), points, axis=(1,), keepdims=False, **params)
        if params.get("ord", 2) < 2:  # |x| to a small power has a kink at each zero
            found = found | (points == 0).any(axis=1)
        return np.asarray(found).astype(bool)

    return Case(
        op=name,
        label=label_of(name, params),
        names=NAMES,
        formula=lambda m, *x: FORMULAS[name](m, x, **params),
        build=lambda *nodes: _build(name, params, nodes),
        jax=lambda: _jax(name, params),
        points=hard_vectors,
        kinked=kinked,
    )


def _build(name: str, params: dict[str, Any], nodes: tuple[Node, ...]) -> Node:
    def rows(*parts: Node) -> Node:
        return apply_named("stack", *parts, axis=1)

    if name == "einsum":
        left, right = rows(*nodes[:2]), rows(*nodes[2:])
        return apply_named("einsum", left, right, subscripts="ni,ni->n")
    if name == "matmul":
        size = nodes[0].shape[0]
        left = apply_named("reshape", rows(*nodes[:2]), shape=(size, 1, 2))
        right = apply_named("reshape", rows(*nodes[2:]), shape=(size, 2, 1))
        product = apply_named("matmul", left, right, transpose_x=False, transpose_y=False)
        return apply_named("reshape", product, shape=(size,))
    if name == "conv":
        # A group of its own for each row.
        size = nodes[0].shape[0]
        left = apply_named("stack", *nodes[:2], axis=0)
        right = apply_named("stack", *nodes[2:], axis=0)
        product = apply_named(
            "conv",
            apply_named("reshape", left, shape=(1, 2, size)),
            apply_named("reshape", right, shape=(2, 1, size)),
            **conv_params(1, (1,), ((0, 0),), groups=int(str(size))),
        )
        return apply_named("reshape", product, shape=(size,))
    if name in _WINDOWS:
        lines = apply_named("reshape", rows(*nodes), shape=(nodes[0].shape[0], 4, 1))
        return apply_named(name, lines, **_WINDOWS[name])[:, 0, 0]
    if name in _SCANS:
        halves = (rows(*nodes[:2]), rows(*nodes[2:])) if not _SCANS[name] else (rows(*nodes),)
        return apply_named(name, *halves, axis=1, reverse=False)[:, -1]
    if name in _FIRST:
        return apply_named(name, rows(*nodes), axis=(1,))[:, 0]
    return apply_named(name, rows(*nodes), axis=(1,), keepdims=False, **params)


def _jax(name: str, params: dict[str, Any]) -> Counterpart:
    import jax
    import jax.numpy as jnp
    from jax.scipy import special

    def over(function: Callable[..., Any], **more: Any) -> Callable[..., Any]:
        return lambda *x: function(jnp.stack(x, axis=1), axis=1, **more)

    def first(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *x: function(jnp.stack(x, axis=1), axis=1)[:, 0]

    if name in _SCANS:
        module, _, function = _SCANS[name].rpartition(".")
        if not module:
            return None, "JAX has no such function"
        scan = getattr(jnp if module == "jnp" else jax.lax, function)
        return lambda *x: scan(jnp.stack(x, axis=1), axis=1)[:, -1], _SCANS[name]
    if name in _FIRST:
        return first(getattr(jax.nn, name)), f"jax.nn.{name}"
    if name == "logsumexp":
        return over(special.logsumexp), "special.logsumexp"
    if name == "norm":
        return over(jnp.linalg.norm, ord=params["ord"]), "jnp.linalg.norm"
    if name in ("matmul", "einsum"):
        return lambda *x: jnp.einsum(
            "ni,ni->n", jnp.stack(x[:2], axis=1), jnp.stack(x[2:], axis=1)
        ), "jnp.einsum"
    if name == "conv":
        return lambda *x: jax.lax.conv_general_dilated(
            jnp.stack(x[:2])[None],
            jnp.stack(x[2:])[:, None],
            (1,),
            "VALID",
            dimension_numbers=("NWC", "WIO", "NWC"),
            feature_group_count=len(x[0]),
        )[0, 0], "lax.conv_general_dilated"
    if name in _WINDOWS:
        start, join = (-jnp.inf, jax.lax.max) if name == "max_pool" else (0.0, jax.lax.add)
        return lambda *x: jax.lax.reduce_window(
            jnp.stack(x, axis=1), start, join, (1, 4), (1, 4), "VALID"
        )[:, 0], "lax.reduce_window"
    given = {"ddof": params["correction"]} if "correction" in params else {}
    return over(getattr(jnp, name), **given), f"jnp.{name}"


def hard_vectors(dtype: DType, density: Density) -> Array:
    """Returns vectors of four at which reductions lose digits: `float64[n, 4]`."""
    form, random = format_of(dtype), np.random.default_rng(13)
    step, wide = 2.0 ** (1 - form.precision), 2.0**form.top
    chosen: list[list[float]] = [
        [1, 2, 3, 4],
        [0, 1, -2, 3],
        [-1, 1, -1, 1.5],
        [1, -1 + 2**-6, 0.5, -0.5],
        # nearly equal, and far from 0
        [1, 1 + step, 1 - step, 1 + 2 * step],
        [100, 100.5, 99.5, 101],
        [1 / step / 8, 1 / step / 8 + 1, 1 / step / 8 + 2, 1 / step / 8 + 4],
        # saturated
        [40, 0, 0, 1],
        [0, 40, 1, 0],
        [-50, -60, -70, -80],
        [80, 79, 78, 70],
        [0, 0.001, -30, -60],
        [1e4, 9999, 0, -1e4],
        [-1e4, 1e4, 3, 0],
        # spread, large, small
        [1, 2**-20, 2**-40, 2**-60],
        [wide**0.4, 1, wide**-0.4, 3],
        [wide**0.6, wide**0.61, wide**0.55, wide**0.5],
        [wide**-0.6, wide**-0.61, wide**-0.55, wide**-0.5],
        [wide / 8, wide / 16, wide / 10, wide / 32],
        [form.tiny, 3 * form.tiny, 5 * form.tiny, 8 * form.tiny],
        [wide**0.3, -(wide**0.3), 1, 2],
    ]
    drawn = random.normal(size=(density.events * 4, 4)) * np.array([[1.0], [30.0]]).repeat(
        density.events * 2, axis=0
    )
    everything = np.concatenate([np.array(chosen), drawn])
    return everything.astype(dtype.numpy).astype(np.float64)
