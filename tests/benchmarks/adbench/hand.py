"""ADBench's hand tracking (simple): a posed, skinned hand, and its Jacobian by the 26 angles."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import graphc as gx
from tests.benchmarks.adbench import Case

_BONES = 22
#: The wrist, then for each of five fingers a chain of four bones.
_PARENTS = (-1, 0, *(1 if j == 0 else 2 + 4 * f + j - 1 for f in range(5) for j in range(4)))


def _poses() -> tuple[np.ndarray, np.ndarray]:
    """Returns which of the 26 numbers turns each bone about x and about z; 26 stands for none."""
    first, second = np.full(_BONES, 26), np.full(_BONES, 26)
    number = 6
    for finger in range(5):
        for joint in range(3):
            bone = 2 + 4 * finger + joint
            first[bone], number = number, number + 1
            if joint == 0:
                second[bone], number = number, number + 1
    return first, second


_FIRST, _SECOND = _poses()


def _positions(xp: Any, theta: Any, relative: Any, inverse: Any, base: Any, weights: Any) -> Any:
    """Returns the skinned vertices `f[3, v]`; `xp` is graphc or jax.numpy, which write it alike."""
    angles = xp.concat([theta, xp.zeros((1,), theta.dtype)])
    x, z = xp.take(angles, _FIRST), xp.take(angles, _SECOND)
    sx, cx, sz, cz = xp.sin(x), xp.cos(x), xp.sin(z), xp.cos(z)
    zero, one = xp.zeros_like(x), xp.ones_like(x)
    turns = xp.stack([
        xp.stack([cz, -sz * cx, sz * sx, zero], axis=1),
        xp.stack([sz, cz * cx, -cz * sx, zero], axis=1),
        xp.stack([zero, sx, cx, zero], axis=1),
        xp.stack([zero, zero, zero, one], axis=1),
    ], axis=1)  # fmt: skip
    local = xp.matmul(relative, turns)
    absolute: list[Any] = []
    for bone, parent in enumerate(_PARENTS):
        own = local[bone]
        absolute.append(own if parent < 0 else xp.matmul(absolute[parent], own))
    moves = xp.matmul(xp.stack(absolute), inverse)
    # f[bone, 3, 4] by f[4, v], weighed by f[bone, v].
    spots = xp.einsum("bij,jv->biv", moves[:, :3], base)
    skinned = xp.sum(spots * xp.expand_dims(weights, 1), axis=0)
    return xp.matmul(_turn(xp, theta[:3]), skinned) + xp.expand_dims(theta[3:6], 1)


def _turn(xp: Any, axis: Any) -> Any:
    """Returns the rotation about an axis by its length, as a matrix (Rodrigues)."""
    angle = xp.sqrt(xp.sum(axis * axis) + 1e-12)
    u = axis / angle
    sine, rest = xp.sin(angle), 1.0 - xp.cos(angle)
    zero = xp.zeros_like(angle)
    skew = xp.stack([
        xp.stack([zero, -u[2], u[1]]), xp.stack([u[2], zero, -u[0]]), xp.stack([-u[1], u[0], zero])
    ])  # fmt: skip
    eye = np.eye(3)
    outer = xp.expand_dims(u, 1) * xp.expand_dims(u, 0)
    return eye * xp.cos(angle) + skew * sine + outer * rest


def case(vertices: int) -> Case:
    """Returns the case with so many vertices, all of them measured."""
    generator = np.random.default_rng(0)
    relative = np.tile(np.eye(4), (_BONES, 1, 1))
    relative[:, :3, 3] = generator.normal(size=(_BONES, 3)) * 0.2
    inverse = np.tile(np.eye(4), (_BONES, 1, 1))
    inverse[:, :3, 3] = generator.normal(size=(_BONES, 3)) * 0.2
    base = np.concatenate([generator.normal(size=(3, vertices)), np.ones((1, vertices))])
    weights = generator.uniform(size=(_BONES, vertices)) ** 4
    weights /= weights.sum(axis=0)
    values = (
        generator.normal(size=26) * 0.3,
        relative,
        inverse,
        base,
        weights,
        generator.normal(size=(3, vertices)),
    )
    names = ("theta", "relative", "inverse", "base", "weights", "points")
    inputs = [gx.input(n, np.shape(v), gx.float64) for n, v in zip(names, values, strict=True)]
    theta, *model, points = inputs
    errors = points - _positions(gx, theta, *model)

    def by_hand(theta: Any, relative: Any, inverse: Any, base: Any, weights: Any, p: Any) -> Any:
        return p - _positions(jnp, theta, relative, inverse, base, weights)

    return Case(
        name=f"hand tracking, {vertices:,} vertices",
        objective=errors,
        derivative=gx.jacobian(errors, theta, engine="auto"),
        inputs=inputs,
        by_hand=by_hand,
        derivatives_by_hand={"jax.jacfwd": jax.jacfwd(by_hand)},
        values=values,
    )
