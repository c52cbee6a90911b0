"""ADBench's Gaussian mixture: log likelihood with a Wishart prior, gradient by all parameters."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import graphc as gx
from tests.benchmarks.adbench import Case

_GAMMA, _WISHART_M = 1.0, 0


def _constants(d: int, k: int, n: int) -> tuple[float, Any]:
    """Returns the likelihood's constant with the prior's, and rows and columns below diagonals."""
    freedom = d + _WISHART_M + 1
    multigamma = 0.25 * d * (d - 1) * math.log(math.pi)
    multigamma += sum(math.lgamma(0.5 * freedom + 0.5 * (1 - j)) for j in range(1, d + 1))
    prior = freedom * d * (math.log(_GAMMA) - 0.5 * math.log(2)) - multigamma
    columns, rows = np.triu_indices(d, 1)  # a column after the other, as ADBench stores them
    return -n * d * 0.5 * math.log(2 * math.pi) - k * prior, (rows, columns)


def case(d: int, k: int, n: int) -> Case:
    """Returns the case with n points in d dimensions and k components."""
    constant, (rows, columns) = _constants(d, k, n)
    generator = np.random.default_rng(0)
    values = (
        generator.normal(size=k),
        generator.uniform(size=(k, d)),
        generator.normal(size=(k, d * (d + 1) // 2)) * 0.1,
        generator.normal(size=(n, d)),
    )

    alphas = gx.input("alphas", (k,), gx.float64)
    means = gx.input("means", (k, d), gx.float64)
    factors = gx.input("factors", (k, d * (d + 1) // 2), gx.float64)
    points = gx.input("points", (n, d), gx.float64)
    logs = factors[:, :d]
    diagonals = gx.exp(logs)
    sums = gx.sum(logs, axis=1)
    below = factors[:, d:]
    lower = gx.zeros((k, d, d), gx.float64).at[:, rows, columns].set(below)
    apart = gx.expand_dims(points, 1) - means
    scaled = diagonals * apart + gx.einsum("kij,nkj->nki", lower, apart)
    terms = alphas + sums - 0.5 * gx.sum(scaled * scaled, axis=2)
    likelihood = gx.sum(gx.logsumexp(terms, axis=1)) - n * gx.logsumexp(alphas)
    prior = 0.5 * _GAMMA**2 * (gx.sum(diagonals**2) + gx.sum(below**2)) - _WISHART_M * gx.sum(sums)
    objective = constant + likelihood + prior

    def by_hand(alphas: Any, means: Any, factors: Any, points: Any) -> Any:
        logs = factors[:, :d]
        diagonals, sums, below = jnp.exp(logs), jnp.sum(logs, 1), factors[:, d:]
        lower = jnp.zeros((k, d, d)).at[:, rows, columns].set(below)
        apart = points[:, None] - means
        scaled = diagonals * apart + jnp.einsum("kij,nkj->nki", lower, apart)
        terms = alphas + sums - 0.5 * jnp.sum(scaled**2, axis=2)
        likelihood = jnp.sum(jax.nn.logsumexp(terms, axis=1)) - n * jax.nn.logsumexp(alphas)
        prior = 0.5 * _GAMMA**2 * (jnp.sum(diagonals**2) + jnp.sum(below**2))
        return constant + likelihood + prior - _WISHART_M * jnp.sum(sums)

    return Case(
        name=f"Gaussian mixture, d = {d}, k = {k}, n = {n:,}",
        objective=objective,
        derivative=gx.grad(objective, [alphas, means, factors]),
        inputs=[alphas, means, factors, points],
        by_hand=by_hand,
        derivatives_by_hand={"jax.grad": jax.grad(by_hand, (0, 1, 2))},
        values=values,
    )
