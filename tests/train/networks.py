"""Small losses and data that the tests of training share."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc as gx


def drawn(key: Any, shape: Any, dtype: Any) -> Any:
    """Returns a first value: normal numbers of a key."""
    return np.random.default_rng(np.asarray(key)).normal(size=shape)


def line() -> tuple[gx.Node, dict[str, Any]]:
    """Returns the squared loss of a linear map from 3 features, and 60 exact rows of it."""
    x, y = gx.input("x", ("batch", 3)), gx.input("y", ("batch",))
    w, b = gx.param("layer.w", (3,), init=0.0), gx.param("layer.b", (), init=0.0)
    loss = gx.mean(gx.square(x @ w + b - y))
    features = np.random.default_rng(1).normal(size=(60, 3)).astype(np.float32)
    return loss, {"x": features, "y": features @ np.float32([1, -2, 3]) + np.float32(0.5)}


def curved() -> tuple[gx.Node, gx.Node, dict[str, Any]]:
    """Returns loss and accuracy of a 2-6-1 network, and 40 rows of two classes."""
    x, y = gx.input("x", ("batch", 2)), gx.input("y", ("batch",))
    w1, b1 = gx.param("w1", (2, 6), init=drawn), gx.param("b1", (6,), init=0.0)
    w2 = gx.param("w2", (6,), init=drawn)
    score = gx.tanh(x @ w1 + b1) @ w2
    loss = gx.mean(gx.softplus(score) - score * y)
    right = gx.mean(gx.cast(gx.equal(score > 0, y > 0.5), gx.float32))
    rows = np.random.default_rng(2).normal(size=(40, 2)).astype(np.float32)
    return loss, right, {"x": rows, "y": (rows[:, 0] * rows[:, 1] > 0).astype(np.float32)}
