"""The logistic regression against NumPy by hand and against scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import graphc as gx
from examples import logistic_regression as example


@pytest.fixture(autouse=True)
def sixty_four_bits() -> Iterator[None]:
    before = jax.config.jax_enable_x64  # type: ignore[attr-defined]
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("engine", ["analytic", "reverse"])
def test_gradient_is_the_one_derived_by_hand(engine: str) -> None:
    model, data = example.build(), example.load()
    generator = np.random.default_rng(0)
    w, b = generator.normal(size=30), 0.3
    values = {"x": data.train_x, "y": data.train_y, "w": w, "b": b}
    loss = gx.with_gradient(model.loss, model.by_hand)
    by_w, by_b = gx.evaluate(gx.grad(loss, [model.w, model.b], engine=engine), values)

    a = 1 / (1 + np.exp(-(data.train_x @ w + b)))
    error = a - data.train_y
    n = len(error)
    # n terms, each rounded a few times: n * eps * the sum of what is added.
    room = n * np.finfo(float).eps * (np.abs(data.train_x).T @ np.abs(error) / n + np.abs(w))
    assert np.all(np.abs(by_w - (data.train_x.T @ error / n + example.PENALTY * w)) <= room)
    assert abs(by_b - error.mean()) <= n * np.finfo(float).eps * np.abs(error).mean()


def test_fit_reaches_scikit_learns_minimum_and_accuracy() -> None:
    model, data = example.build(), example.load()
    w, b = example.fit(model, data)
    referee = LogisticRegression(
        C=1 / (example.PENALTY * len(data.train_y)), tol=1e-10, max_iter=5000
    )
    referee.fit(data.train_x, data.train_y)
    # At the minimum the slope is below 1e-8, and the curvature at least the penalty: 1e-6 apart.
    assert np.abs(w - referee.coef_[0]).max() <= 1e-5
    assert abs(b - referee.intercept_[0]) <= 1e-5
    assert example.accuracy(w, b, data) >= 0.95


def test_problems_are_the_start_and_the_minimum() -> None:
    start, trained = example.problems(16)
    assert not np.any(start.values[start.wrt[0]])
    at_start = gx.evaluate(start.output, start.values)
    assert gx.evaluate(trained.output, trained.values) < at_start
    # At zero every probability is 1/2, whatever the data.
    assert abs(at_start - np.log(2)) <= 16 * np.finfo(float).eps
