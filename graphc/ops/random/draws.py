"""Draws of the usual distributions, from a key: each a few operations on one record's numbers.

A draw is differentiable in the distribution's parameters, the key held fast (reparameterisation).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.dim import Dim
from graphc.core.dtype import DEFAULT_INT, DType, dtype_of, float16
from graphc.core.errors import ArgumentError, DTypeError, show_value
from graphc.core.node import Node, apply_named, apply_public
from graphc.core.type import Size, as_index, shape_of
from graphc.ops.random.arguments import drawn_shape, float_dtype, parameter, require
from graphc.ops.random.bits import (
    random_bits,
    random_integers,
    random_normal,
    random_uniform,
)
from graphc.ops.random.keys import as_key


@guarded("random.bits")
def bits(key: Any, shape: Any = (), dtype: Any = "uint32") -> Node:
    """Returns random bits as unsigned integers, `jax.random.bits`."""
    return random_bits(as_key(key), shape=shape_of(shape), dtype=dtype_of(dtype))


@guarded("random.uniform")
def uniform(
    key: Any, shape: Any = None, dtype: Any = None, low: Any = 0.0, high: Any = 1.0
) -> Node:
    """Returns numbers spread evenly over [low, high), as `jax.random.uniform` draws them.

    Args:
        key: `u32[2]`.
        shape: of the draw; that in which `low` and `high` meet unless given.
        dtype: a float dtype; that of `low` and `high` where they are graph values, else float32.
        low: the least number, finite; differentiable.
        high: the bound, finite, not below `low`; differentiable.

    Raises:
        ArgumentError: a bound is no finite number, or `high` is below `low`.
        DTypeError: the dtype is no float dtype.
    """
    node, target = as_key(key), float_dtype(dtype, low, high)
    bottom, top = parameter("low", low, target), parameter("high", high, target)
    require("high", high, lambda v: v >= _number(low, -np.inf), f">= low={show_value(low)}")
    drawn = random_uniform(node, shape=drawn_shape(shape, bottom, top), dtype=target)
    if _is(bottom, 0.0) and _is(top, 1.0):
        return drawn
    return drawn * (top - bottom) + bottom


def _number(value: Any, otherwise: float) -> float:
    return float(value) if isinstance(value, (int, float)) else otherwise


def _is(node: Node, value: float) -> bool:
    return node.op.name == "constant" and not node.shape and node.params["value"].array == value


@guarded("random.normal")
def normal(
    key: Any, shape: Any = None, dtype: Any = None, mean: Any = 0.0, scale: Any = 1.0
) -> Node:
    """Returns numbers of the normal distribution, `mean + scale * jax.random.normal(...)`.

    Args:
        key: `u32[2]`.
        shape: of the draw; that in which `mean` and `scale` meet unless given.
        dtype: a float dtype; that of `mean` and `scale` where they are graph values, else float32.
        mean: the centre, finite; differentiable.
        scale: the standard deviation, 0 or more; differentiable.

    Raises:
        ArgumentError: a parameter is no finite number, or `scale` is negative.
        DTypeError: the dtype is no float dtype.
    """
    node, target = as_key(key), float_dtype(dtype, mean, scale)
    centre, width = parameter("mean", mean, target), parameter("scale", scale, target)
    require("scale", scale, lambda v: v >= 0, "0 or more")
    drawn = random_normal(node, shape=drawn_shape(shape, centre, width), dtype=target)
    drawn = drawn if _is(width, 1.0) else drawn * width
    return drawn if _is(centre, 0.0) else drawn + centre


@guarded("random.bernoulli")
def bernoulli(key: Any, p: Any = 0.5, shape: Any = None) -> Node:
    """Returns booleans that are true with probability p, as `jax.random.bernoulli` draws them.

    Args:
        key: `u32[2]`.
        p: the probability, 0 to 1: a number, an array or a graph value. No derivative flows to it.
        shape: of the draw; that of p unless given.

    Raises:
        ArgumentError: a probability that is known is NaN or outside [0, 1].
    """
    node, target = as_key(key), float_dtype(None, p)
    chance = parameter("p", p, target)
    require("p", p, lambda v: (v >= 0) & (v <= 1), "in [0, 1]")
    drawn = random_uniform(node, shape=drawn_shape(shape, chance), dtype=target)
    return apply_named("less", drawn, chance)


@guarded("random.exponential")
def exponential(key: Any, shape: Any = (), dtype: Any = None) -> Node:
    """Returns numbers of the exponential distribution with mean 1, `jax.random.exponential`."""
    return -apply_named("log1p", -uniform(key, shape, dtype))


@guarded("random.gumbel")
def gumbel(key: Any, shape: Any = (), dtype: Any = None) -> Node:
    """Returns numbers of the Gumbel distribution, -log(-log u), `jax.random.gumbel` in mode "low".

    Drawn from one uniform number each, so that none lies above 16 in float32, 36 in float64.
    """
    target = float_dtype(dtype)
    tiny = float(np.finfo(target.numpy).tiny) if target.name != "bfloat16" else 2.0**-126
    drawn = random_uniform(as_key(key), shape=shape_of(shape), dtype=target)
    # JAX draws from [tiny, 1): 0 becomes tiny, and any other number stays what it is.
    drawn = apply_named("maximum", drawn, tiny) if target is not float16 else drawn + tiny
    return -apply_named("log", -apply_named("log", drawn))


@guarded("random.laplace")
def laplace(key: Any, shape: Any = (), dtype: Any = None) -> Node:
    """Returns numbers of the Laplace distribution, 1/2 e**-|x|, `jax.random.laplace`."""
    target = float_dtype(dtype)
    drawn = uniform(key, shape, target, 2.0**-target.precision - 1, 1.0)
    size = apply_named("log1p", -apply_named("abs", drawn))
    return apply_named("where", drawn < 0, -size, size)


@guarded("random.randint")
def randint(key: Any, shape: Any, low: Any, high: Any, dtype: Any = None) -> Node:
    """Returns integers in [low, high), as `jax.random.randint` draws them.

    An integer is favoured by at most one part in 2**64 / (high - low)**2.

    Args:
        key: `u32[2]`.
        shape: of the draw.
        low: the least integer, an integer or a named size.
        high: the bound, an integer or a named size, above `low`.
        dtype: an integer dtype that holds them; int32 unless given.

    Raises:
        ArgumentError: a bound is no integer, the dtype can't hold it, or `high <= low`.
        DTypeError: the dtype is no integer dtype.
    """
    node, target = as_key(key), DEFAULT_INT if dtype is None else dtype_of(dtype)
    if not target.is_integer:
        raise DTypeError(f"dtype {target.name} is no integer dtype", "for example gx.int32")
    bounds = (_bound("low", low, target, 0), _bound("high", high, target, 1))
    if all(isinstance(b, int) for b in bounds) and not bounds[0] < bounds[1]:  # pyright: ignore[reportOperatorIssue]
        raise ArgumentError(f"there is no integer from {low} up to {high}", "take low < high")
    shape = shape_of(shape)
    return random_integers(node, shape=shape, low=bounds[0], high=bounds[1], dtype=target)


def _bound(name: str, value: Any, dtype: DType, past: int) -> Size:
    if isinstance(value, Dim):
        return value
    number = as_index(value)
    if number is None:
        raise ArgumentError(f"{name}={show_value(value)} is no integer", f"{name}=0, for example")
    limits = np.iinfo(dtype.numpy)
    if not int(limits.min) + past <= number <= int(limits.max) + past:
        raise ArgumentError(
            f"{name}={show_value(number)} does not fit into {dtype.name}", "give a wider dtype="
        )
    return number


@guarded("random.truncated_normal")
def truncated_normal(
    key: Any, lower: Any = -2.0, upper: Any = 2.0, shape: Any = None, dtype: Any = None
) -> Node:
    """Returns numbers of the normal distribution that lie in [lower, upper].

    Drawn by the quantile, as `jax.random.truncated_normal` does, and differentiable in the bounds.
    Bounds that lie both above 3 or both below -3 leave few digits, or none: draw others, and shift.

    Args:
        key: `u32[2]`.
        lower: the least number, finite.
        upper: the largest, finite, not below `lower`.
        shape: of the draw; that in which the bounds meet unless given.
        dtype: a float dtype; that of the bounds where they are graph values, else float32.

    Raises:
        ArgumentError: a bound is no finite number, or `upper` is below `lower`.
    """
    node, target = as_key(key), float_dtype(dtype, lower, upper)
    bottom, top = parameter("lower", lower, target), parameter("upper", upper, target)
    require("upper", upper, lambda v: v >= _number(lower, -np.inf), f">= {show_value(lower)}")
    drawn = random_uniform(node, shape=drawn_shape(shape, bottom, top), dtype=target)
    low, high = (apply_named("erf", bound * math.sqrt(0.5)) for bound in (bottom, top))
    found = apply_public("erfinv", drawn * (high - low) + low) * math.sqrt(2)
    least, most = apply_named("stop_gradient", bottom), apply_named("stop_gradient", top)
    return apply_public("clip", found, least, most)
