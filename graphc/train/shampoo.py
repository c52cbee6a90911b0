"""Shampoo as an Optax transformation: a preconditioner for each axis of a parameter."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class ShampooState(NamedTuple):
    """Statistics of each parameter: for each axis a matrix, or a diagonal where it is long."""

    count: Any
    statistics: Any
    roots: Any


class _Axes(NamedTuple):
    """One array for each axis of a parameter, in order."""

    axes: tuple[Any, ...]


def _is_axes(value: Any) -> bool:
    return isinstance(value, _Axes)


def scale_by_shampoo(
    *, eps: float = 1e-4, limit: int = 1024, every: int = 1, decay: float = 1.0
) -> optax.GradientTransformation:
    """Returns the preconditioning of Shampoo, without learning rate.

    A parameter G with k axes keeps for each axis i the matrix `L_i = eps I + sum of G_(i) G_(i)^T`
    (G unfolded along i), and its change is G multiplied along every axis i by `L_i ** (-1 / 2k)`.

    Args:
        eps: what each matrix begins with on its diagonal, above 0.
        limit: an axis longer than this keeps only the diagonal of its matrix, for the roots take
            time in the cube of its length.
        every: steps from one computation of the roots to the next.
        decay: 1 adds the statistics up, as the paper does; below 1 they are a moving average,
            `decay * L + (1 - decay) * G G^T`.

    Source: Gupta, Koren, Singer, "Shampoo: Preconditioned Stochastic Tensor Optimization", 2018,
    algorithm 2; diagonal axes are its section 5's remark on large dimensions.
    """

    def first(p: Any, value: float) -> _Axes:
        kind = p.dtype if jnp.finfo(p.dtype).bits >= 32 else jnp.float32
        return _Axes(
            tuple(
                value * (jnp.eye(n, dtype=kind) if n <= limit else jnp.ones(n, kind))
                for n in (p.shape or (1,))
            )
        )

    def init(params: Any) -> Any:
        def root(p: Any) -> _Axes:
            return first(p, eps ** (-0.5 / max(p.ndim, 1)))

        return ShampooState(
            jnp.zeros((), jnp.int32),
            jax.tree.map(lambda p: first(p, eps), params),
            jax.tree.map(root, params),
        )

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        del params
        fresh = 1.0 if decay == 1.0 else 1.0 - decay

        def gather(g: Any, old: _Axes) -> _Axes:
            g = g.reshape(g.shape or (1,)).astype(old.axes[0].dtype)
            made: list[Any] = []
            for axis, kept in enumerate(old.axes):
                rows = jnp.moveaxis(g, axis, 0).reshape(g.shape[axis], -1)
                seen = rows @ rows.T if kept.ndim == 2 else jnp.sum(rows * rows, axis=1)
                made.append(decay * kept + fresh * seen)
            return _Axes(tuple(made))

        statistics = jax.tree.map(gather, updates, state.statistics, is_leaf=_is_axes)
        anew = lambda: jax.tree.map(_roots, statistics, is_leaf=_is_axes)
        if every == 1:
            roots = anew()
        else:
            roots = jax.lax.cond(state.count % every == 0, anew, lambda: state.roots)
        changes = jax.tree.map(_precondition, updates, roots, is_leaf=_is_axes)
        return changes, ShampooState(state.count + 1, statistics, roots)

    return optax.GradientTransformation(init, update)


def _roots(kept: _Axes) -> _Axes:
    """Returns each matrix to the power -1 / (2 * number of axes)."""
    power = -0.5 / len(kept.axes)
    made: list[Any] = []
    for matrix in kept.axes:
        if matrix.ndim == 1:
            made.append(matrix**power)
            continue
        values, vectors = jnp.linalg.eigh(matrix)
        # Rounding may leave an eigenvalue of a sum of squares at 0 or below.
        floor = values[-1] * jnp.finfo(values.dtype).eps
        made.append((vectors * jnp.maximum(values, floor) ** power) @ vectors.T)
    return _Axes(tuple(made))


def _precondition(g: Any, roots: _Axes) -> Any:
    made = g.reshape(g.shape or (1,)).astype(roots.axes[0].dtype)
    for axis, root in enumerate(roots.axes):
        if root.ndim == 1:
            made = made * root.reshape([-1 if a == axis else 1 for a in range(made.ndim)])
        else:
            made = jnp.moveaxis(jnp.tensordot(root, made, ((1,), (axis,))), 0, axis)
    return made.reshape(g.shape).astype(g.dtype)


def shampoo(
    learning_rate: Any,
    *,
    momentum: float | None = None,
    eps: float = 1e-4,
    limit: int = 1024,
    every: int = 1,
    decay: float = 1.0,
) -> optax.GradientTransformation:
    """Returns Shampoo as an Optax optimiser.

    Args:
        learning_rate: a number, or Optax's function of the step.
        momentum: that of the preconditioned changes, 0 to 1; None for none.
        eps: see `scale_by_shampoo`.
        limit: see `scale_by_shampoo`.
        every: see `scale_by_shampoo`.
        decay: see `scale_by_shampoo`.
    """
    parts = [scale_by_shampoo(eps=eps, limit=limit, every=every, decay=decay)]
    if momentum is not None:
        parts.append(optax.trace(momentum))
    return optax.chain(*parts, optax.scale_by_learning_rate(learning_rate))
