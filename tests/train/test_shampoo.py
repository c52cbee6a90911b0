from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from graphc import train


def power(matrix: Any, exponent: float) -> Any:
    """Returns a symmetric matrix to a power, by NumPy."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T


def test_two_steps_are_those_of_the_paper_by_numpy() -> None:
    generator = np.random.default_rng(0)
    w, slopes = np.zeros((3, 4)), [generator.normal(size=(3, 4)) for _ in range(2)]
    optimiser = train.shampoo(0.1, eps=1e-2)
    state = optimiser.init(w)
    left, right, mine = 1e-2 * np.eye(3), 1e-2 * np.eye(4), w
    for slope in slopes:
        changes, state = optimiser.update(jnp.asarray(slope), state, w)
        w = optax.apply_updates(w, changes)
        left, right = left + slope @ slope.T, right + slope.T @ slope
        mine = mine - 0.1 * power(left, -0.25) @ slope @ power(right, -0.25)
    np.testing.assert_allclose(w, mine, rtol=1e-10)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4)])
def test_any_number_of_axes_takes_one_matrix_an_axis(shape: tuple[int, ...]) -> None:
    slope = np.random.default_rng(1).normal(size=shape)
    optimiser = train.scale_by_shampoo(eps=1e-3)
    found, _ = optimiser.update(jnp.asarray(slope), optimiser.init(jnp.asarray(slope)))
    made = slope.reshape(shape or (1,))
    count = max(len(shape), 1)
    for axis, size in enumerate(shape or (1,)):
        rows = np.moveaxis(slope.reshape(shape or (1,)), axis, 0).reshape(size, -1)
        root = power(1e-3 * np.eye(size) + rows @ rows.T, -0.5 / count)
        made = np.moveaxis(np.tensordot(root, made, (1, axis)), 0, axis)
    np.testing.assert_allclose(found, made.reshape(shape), rtol=1e-8)


def test_a_long_axis_keeps_only_its_diagonal() -> None:
    slope = np.random.default_rng(2).normal(size=(3, 6))
    optimiser = train.scale_by_shampoo(eps=1e-3, limit=4)
    state = optimiser.init(jnp.asarray(slope))
    assert [a.shape for a in state.statistics.axes] == [(3, 3), (6,)]
    found, _ = optimiser.update(jnp.asarray(slope), state)
    left = power(1e-3 * np.eye(3) + slope @ slope.T, -0.25)
    right = (1e-3 + (slope**2).sum(axis=0)) ** -0.25
    np.testing.assert_allclose(found, (left @ slope) * right, rtol=1e-8)


def test_roots_may_be_computed_every_few_steps_only() -> None:
    slope = jnp.ones((2, 2))
    optimiser = train.scale_by_shampoo(every=3)
    state = optimiser.init(slope)
    roots: list[Any] = []
    for _ in range(4):
        _, state = optimiser.update(slope, state)
        roots.append(np.asarray(state.roots.axes[0]))
    assert np.array_equal(roots[0], roots[1]) and np.array_equal(roots[1], roots[2])
    assert not np.array_equal(roots[2], roots[3])


def test_it_beats_diagonal_methods_where_the_axes_of_the_loss_are_turned() -> None:
    generator = np.random.default_rng(3)
    turn = lambda n: np.linalg.qr(generator.normal(size=(n, n)))[0]
    left = turn(6) @ np.diag(np.logspace(0, -2, 6)) @ turn(6)
    right = turn(5) @ np.diag(np.logspace(0, -2, 5)) @ turn(5)
    goal = generator.normal(size=(6, 5))
    loss = lambda w: 0.5 * jnp.sum((left @ (w - goal) @ right) ** 2)

    def reached(optimiser: Any) -> float:
        def step(carry: Any, _: Any) -> Any:
            w, state = carry
            changes, state = optimiser.update(jax.grad(loss)(w), state, w)
            return (optax.apply_updates(w, changes), state), None

        start = jnp.zeros((6, 5))
        (w, _), _ = jax.lax.scan(step, (start, optimiser.init(start)), length=300)
        return float(loss(w))

    rates = (0.01, 0.03, 0.1, 0.3, 1.0)
    best = lambda make: min(v for v in (reached(make(r)) for r in rates) if np.isfinite(v))
    mine = best(train.shampoo)
    for other in (optax.sgd, optax.adagrad, optax.rmsprop):
        assert mine < 0.5 * best(other), other.__name__
