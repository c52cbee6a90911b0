"""Draws of the gamma distribution and of those made from it: beta, chi-square, Dirichlet.

A number is the quantile at one uniform number, as normal numbers are, so that there is nothing to
reject, the same key gives the same number wherever it is drawn, and with the key held fast the
draw is a smooth function of the shape a. Its derivative is the implicit one, -(dF/da) / density.
"""

from __future__ import annotations

from typing import Any

from graphc.core.calls import guarded
from graphc.core.dtype import float32
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, apply_named, apply_public
from graphc.core.type import Shape, broadcast_shapes, shape_of
from graphc.ops.random.arguments import drawn_shape, float_dtype, parameter, require
from graphc.ops.random.bits import random_uniform
from graphc.ops.random.keys import as_key, split


def _log_gamma(key: Node, a: Node, shape: Shape) -> Node:
    """Returns the logarithms of gamma numbers, in float32 at least."""
    a = a if a.dtype.bits >= 32 else apply_named("cast", a, dtype=float32)
    # The uniform numbers are multiples of 2**(1 - precision); a half more, and none is 0.
    chance = random_uniform(key, shape=shape, dtype=a.dtype) + 2.0**-a.dtype.precision
    return apply_named("log_gamma_quantile", a, chance)


def _shaped(
    key: Any, shape: Any, dtype: Any, **shapes: Any
) -> tuple[Node, Any, list[Node], tuple[Any, ...]]:
    """Returns the key, the dtype, the parameters, which must be above 0, and the draw's shape."""
    node, target = as_key(key), float_dtype(dtype, *shapes.values())
    for name, value in shapes.items():
        parameter(name, value, target)
        require(name, value, lambda v: v > 0, "above 0")
    nodes = [parameter(name, value, target) for name, value in shapes.items()]
    return node, target, nodes, drawn_shape(shape, *nodes)


@guarded("random.loggamma")
def loggamma(key: Any, a: Any, shape: Any = None, dtype: Any = None) -> Node:
    """Returns logarithms of gamma numbers, of which those of a small `a` are too small for floats.

    Args:
        key: `u32[2]`.
        a: the shape parameter, above 0; differentiable, see `gamma`.
        shape: of the draw; that of `a` unless given.
        dtype: a float dtype; that of `a` where it is a graph value, else float32.

    Raises:
        ArgumentError: `a` is no finite number above 0.
    """
    node, target, (order,), size = _shaped(key, shape, dtype, a=a)
    return _cast(_log_gamma(node, order, size), target)


def _cast(value: Node, dtype: Any) -> Node:
    return value if value.dtype is dtype else apply_named("cast", value, dtype=dtype)


@guarded("random.gamma")
def gamma(key: Any, a: Any, shape: Any = None, dtype: Any = None) -> Node:
    """Returns numbers of the gamma distribution, of density x**(a - 1) e**-x / Gamma(a).

    Multiply by a scale. Each is the quantile at one uniform number, of which there are 2**23 in
    float32 and 2**52 in float64; so they are not those of `jax.random.gamma`, which rejects.

    Args:
        key: `u32[2]`.
        a: the shape parameter, above 0. It is differentiable with the key held fast: the slope is
            the implicit one, that of `jax.random.gamma`, and has derivatives up to order 6.
        shape: of the draw; that of `a` unless given.
        dtype: a float dtype; that of `a` where it is a graph value, else float32.

    Raises:
        ArgumentError: `a` is no finite number above 0.
        DTypeError: the dtype is no float dtype.

    Source: Figurnov, Mohamed and Mnih, "Implicit reparameterization gradients" (2018).
    """
    node, target, (order,), size = _shaped(key, shape, dtype, a=a)
    return _cast(apply_named("exp", _log_gamma(node, order, size)), target)


@guarded("random.chisquare")
def chisquare(key: Any, df: Any, shape: Any = None, dtype: Any = None) -> Node:
    """Returns numbers of the chi-square distribution: the sum of the squares of `df` normal ones.

    Args:
        key: `u32[2]`.
        df: the degrees of freedom, above 0, any real number; differentiable.
        shape: of the draw; that of `df` unless given.
        dtype: a float dtype; that of `df` where it is a graph value, else float32.
    """
    node, target, (freedom,), size = _shaped(key, shape, dtype, df=df)
    drawn = apply_named("exp", _log_gamma(node, freedom * 0.5, size)) * 2.0
    return _cast(drawn, target)


@guarded("random.beta")
def beta(key: Any, a: Any, b: Any, shape: Any = None, dtype: Any = None) -> Node:
    """Returns numbers of the beta distribution, of density x**(a - 1) (1 - x)**(b - 1) / B(a, b).

    Args:
        key: `u32[2]`.
        a: the first shape parameter, above 0; differentiable.
        b: the second, above 0; differentiable.
        shape: of the draw; that in which `a` and `b` meet unless given.
        dtype: a float dtype; that of `a` and `b` where they are graph values, else float32.
    """
    node, target, (left, right), size = _shaped(key, shape, dtype, a=a, b=b)
    keys = split(node)
    odds = _log_gamma(keys[0], left, size) - _log_gamma(keys[1], right, size)
    return _cast(apply_named("sigmoid", odds), target)


@guarded("random.dirichlet")
def dirichlet(key: Any, alpha: Any, shape: Any = None, dtype: Any = None) -> Node:
    """Returns vectors of shares that add up to 1, of density prod x_i**(alpha_i - 1) / B(alpha).

    Args:
        key: `u32[2]`.
        alpha: `f[..., n]`, above 0; differentiable.
        shape: of the draw without the last axis; that of `alpha` unless given.
        dtype: a float dtype; that of `alpha` where it is a graph value, else float32.

    Returns:
        `f[*shape, n]`.
    """
    node, target, (powers,), size = _shaped(key, None, dtype, alpha=alpha)
    if not size:
        raise ArgumentError(f"alpha={show_value(alpha)} is one number", "one for each share")
    if shape is not None:
        asked = shape_of(shape)
        if broadcast_shapes(asked, size[:-1]) != asked:
            raise ShapeError("alpha does not fit the shape", "leave it out, or put axes in front")
        size = (*asked, size[-1])
    return _cast(apply_public("softmax", _log_gamma(node, powers, size), axis=-1), target)
