"""graphc's own derivative inside JAX's transforms: a custom_jvp of any order.

The tangent is a graph that is linear in the input tangents. Its coefficients (the local slopes)
are computed by a function of the same kind, so that JAX differentiates them by graphc's rules
again; the linear rest is plain JAX, which JAX transposes for reverse mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from graphc.backends.jax import lower
from graphc.core.node import Node, apply_named
from graphc.core.walk import depends_on, rebuild, topological_order
from graphc.ops.chain import broadcast_to
from graphc.ops.guard import guard
from graphc.ops.sweep import forward_sweep


def with_own_derivative(
    nodes: Sequence[Node], inputs: Sequence[Node], sizes: Mapping[str, int]
) -> Any:
    """Returns the traced function of the nodes, with graphc's forward rules as its derivative.

    Inside a block (`call`, `map`) the first order is graphc's; higher ones are JAX's of that.

    Args:
        nodes: the outputs.
        inputs: the leaves, one positional argument each.
        sizes: numbers of the named sizes.
    """
    moving = [n for n in inputs if n.type.dtype.is_float]

    @jax.custom_jvp
    def function(*arrays: Any) -> tuple[Any, ...]:
        return tuple(lower(nodes, dict(zip(inputs, arrays, strict=True)), sizes))

    @function.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        formals = _formals("d", moving, inputs)
        found = forward_sweep(nodes, dict(zip(moving, formals, strict=True)))
        alive = [i for i, t in enumerate(found) if t is not None]
        pushed = guard([broadcast_to(found[i], nodes[i].shape) for i in alive], formals)
        coefficients = _coefficients(pushed, formals, inputs)
        made = with_own_derivative([*nodes, *coefficients], inputs, sizes)(*primals)
        values, slopes = made[: len(nodes)], made[len(nodes) :]
        stand_ins = _formals("c", coefficients, [*inputs, *formals])
        linear = rebuild(pushed, dict(zip(coefficients, stand_ins, strict=True)))
        given = [t for n, t in zip(inputs, tangents, strict=True) if n.type.dtype.is_float]
        known = dict(zip([*formals, *stand_ins], [*given, *slopes], strict=True))
        results = dict(zip(alive, lower(linear, known, sizes), strict=True))
        return values, tuple(_tangent(results.get(i), v) for i, v in enumerate(values))

    return function


def _coefficients(
    pushed: Sequence[Node], tangents: Sequence[Node], inputs: Sequence[Node]
) -> list[Node]:
    """Returns what the linear part reads of the inputs: operands that no tangent reaches."""
    order = topological_order(pushed)
    linear = depends_on(order, tangents)
    varying = depends_on(order, inputs)
    found = [a for n in order if n in linear for a in n.args if a not in linear and a in varying]
    return list(dict.fromkeys([*found, *[p for p in pushed if p not in linear and p in varying]]))


def _formals(mark: str, like: Sequence[Node], below: Sequence[Node]) -> list[Node]:
    # Above every level in sight: formals of one name, type and level are one node.
    level = max((n.params.get("level", 0) for n in below), default=0) + 1
    return [
        apply_named("formal", name=f"{mark}{i}·", type=n.type, level=level)
        for i, n in enumerate(like)
    ]


def _tangent(value: Any, primal: Any) -> Any:
    if value is not None:
        return value
    if jnp.issubdtype(primal.dtype, jnp.inexact):
        return jnp.zeros_like(primal)
    return np.zeros(primal.shape, jax.dtypes.float0)
