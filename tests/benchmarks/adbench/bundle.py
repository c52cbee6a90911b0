"""ADBench's bundle adjustment: reprojection errors, and the blocks of their sparse Jacobian."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import graphc as gx
from tests.benchmarks.adbench import Case


def _error(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    """Returns one observation's error; a camera is rotation, centre, focus, offset, bend."""
    axis, apart = camera[:3], point - camera[3:6]
    squared = gx.sum(axis * axis)
    angle = gx.sqrt(squared)
    sine, cosine = gx.sin(angle), gx.cos(angle)
    unit = axis / angle
    turned = (
        apart * cosine
        + gx.cross(unit, apart) * sine
        + unit * (gx.sum(unit * apart) * (1.0 - cosine))
    )
    flat = turned[:2] / turned[2]
    radius = gx.sum(flat * flat)
    bent = flat * (1.0 + camera[9] * radius + camera[10] * radius * radius)
    return weight * (bent * camera[6] + camera[7:9] - feature)


def _scalar_error(c: Any, p: Any, weight: Any, feature: Any) -> Any:
    """Returns the same, a number at a time: in a map each is an array over the observations."""
    r, apart = [c[i] for i in range(3)], [p[i] - c[3 + i] for i in range(3)]
    angle = gx.sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
    sine, cosine = gx.sin(angle), gx.cos(angle)
    u = [x / angle for x in r]
    along = (u[0] * apart[0] + u[1] * apart[1] + u[2] * apart[2]) * (1.0 - cosine)
    turned = [
        apart[i] * cosine
        + (u[(i + 1) % 3] * apart[(i + 2) % 3] - u[(i + 2) % 3] * apart[(i + 1) % 3]) * sine
        + u[i] * along
        for i in range(3)
    ]
    flat = [turned[0] / turned[2], turned[1] / turned[2]]
    radius = flat[0] * flat[0] + flat[1] * flat[1]
    bend = 1.0 + c[9] * radius + c[10] * radius * radius
    return gx.stack([weight * (flat[i] * bend * c[6] + c[7 + i] - feature[i]) for i in range(2)])


def _by_hand(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    axis, apart = camera[:3], point - camera[3:6]
    angle = jnp.sqrt(jnp.sum(axis * axis))
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    unit = axis / angle
    turned = (
        apart * cosine
        + jnp.cross(unit, apart) * sine
        + unit * (jnp.sum(unit * apart) * (1.0 - cosine))
    )
    flat = turned[:2] / turned[2]
    radius = jnp.sum(flat * flat)
    bent = flat * (1.0 + camera[9] * radius + camera[10] * radius * radius)
    return weight * (bent * camera[6] + camera[7:9] - feature)


def case(cameras: int, points: int, observations: int) -> Case:
    """Returns the case; the Jacobian is a block for each observation, by camera, point, weight."""
    generator = np.random.default_rng(0)
    many = generator.normal(size=(cameras, 11)) * 0.1
    many[:, :3] += 0.3
    many[:, 5] -= 5.0
    many[:, 6] += 1.0
    values = (
        many,
        generator.normal(size=(points, 3)),
        generator.uniform(0.5, 1.0, observations),
        generator.normal(size=(observations, 2)),
        generator.integers(cameras, size=observations).astype(np.int32),
        generator.integers(points, size=observations).astype(np.int32),
    )
    seen = gx.input("cameras", (cameras, 11), gx.float64)
    places = gx.input("points", (points, 3), gx.float64)
    weights = gx.input("weights", (observations,), gx.float64)
    features = gx.input("features", (observations, 2), gx.float64)
    which = gx.input("camera_of", (observations,), gx.int32)
    where = gx.input("point_of", (observations,), gx.int32)
    inputs = [seen, places, weights, features, which, where]

    def blocks(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
        error = _scalar_error(camera, point, weight, feature)
        return gx.jacobian(error, [camera, point, weight], engine="reverse")

    def each(function: Any) -> Any:
        taken = gx.take(seen, which, axis=0), gx.take(places, where, axis=0)
        return gx.map(function, *taken, weights, features)

    def mapped(function: Any) -> Any:
        def called(seen: Any, places: Any, weights: Any, features: Any, c: Any, p: Any) -> Any:
            return jax.vmap(function)(seen[c], places[p], weights, features)

        return called

    return Case(
        name=f"bundle adjustment, {observations:,} observations",
        objective=each(_error),
        derivative=each(blocks),
        inputs=inputs,
        by_hand=mapped(_by_hand),
        derivatives_by_hand={
            "jax.jacrev": mapped(jax.jacrev(_by_hand, (0, 1, 2))),
            "jax.jacfwd": mapped(jax.jacfwd(_by_hand, (0, 1, 2))),
        },
        values=values,
    )
