"""Losses against NumPy and Optax, their weights and reductions, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import optax
import pytest

import graphc as gx

RNG = np.random.default_rng(3)
A, B, C = (RNG.normal(size=(4, 3)) for _ in range(3))
UNIT = RNG.uniform(0.05, 0.95, size=(4, 3))
SIGNS = np.where(RNG.random((4, 3)) > 0.5, 1.0, -1.0)
BITS = (SIGNS + 1) / 2
LABELS = np.array([0, 2, 1, 2], np.int32)
SHARES = UNIT / UNIT.sum(1, keepdims=True)
WEIGHTS = RNG.uniform(0.5, 2.0, size=(4, 3))


def value(loss: Callable[..., Any], *arrays: Any, **options: Any) -> Any:
    """Returns a loss of arrays by the NumPy evaluator, of inputs and not of constants."""
    nodes = [gx.input(f"x{i}", a.shape, a.dtype.name) for i, a in enumerate(arrays)]
    return gx.evaluate(loss(*nodes, **options), {f"x{i}": a for i, a in enumerate(arrays)})


def log_softmax(z: Any) -> Any:
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def cosines(a: Any, b: Any) -> Any:
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def distance(a: Any, b: Any) -> Any:
    return np.linalg.norm(a - b, axis=-1)


Row = tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any], Any]
#: Each loss, element by element, and the same by NumPy or Optax.
EACH: list[Row] = [
    ("mse", gx.mse, (A, B), {}, (A - B) ** 2),
    ("mae", gx.mae, (A, B), {}, np.abs(A - B)),
    ("huber", gx.huber, (A, B), {}, optax.losses.huber_loss(A, B)),
    ("huber 0.3", gx.huber, (A, B), {"delta": 0.3}, optax.losses.huber_loss(A, B, delta=0.3)),
    ("log cosh", gx.log_cosh_error, (A, B), {}, np.log(np.cosh(A - B))),
    ("hinge", gx.hinge, (A, SIGNS), {}, np.maximum(0, 1 - A * SIGNS)),
    ("squared hinge", gx.squared_hinge, (A, SIGNS), {}, np.maximum(0, 1 - A * SIGNS) ** 2),
    (
        "log loss",
        gx.log_loss,
        (UNIT, BITS),
        {},
        -(BITS * np.log(UNIT) + (1 - BITS) * np.log(1 - UNIT)),
    ),
    (
        "binary cross entropy",
        gx.binary_cross_entropy,
        (A, BITS),
        {},
        -(BITS * np.log(sigmoid(A)) + (1 - BITS) * np.log(sigmoid(-A))),
    ),
    ("focal", gx.focal, (A, BITS), {}, optax.losses.sigmoid_focal_loss(A, BITS, gamma=2.0)),
    (
        "focal 3, 1/4",
        gx.focal,
        (A, BITS),
        {"gamma": 3.0, "alpha": 0.25},
        optax.losses.sigmoid_focal_loss(A, BITS, alpha=0.25, gamma=3.0),
    ),
    ("labels", gx.categorical_cross_entropy, (A, LABELS), {}, -log_softmax(A)[range(4), LABELS]),
    (
        "shares",
        gx.categorical_cross_entropy,
        (A, SHARES),
        {},
        -(SHARES * log_softmax(A)).sum(-1),
    ),
    (
        "kl",
        gx.kl_divergence,
        (A, SHARES),
        {},
        (SHARES * (np.log(SHARES) - log_softmax(A))).sum(-1),
    ),
    (
        "triplet",
        gx.triplet,
        (A, B, C),
        {},
        np.maximum(0, distance(A, B) - distance(A, C) + 1),
    ),
    (
        "triplet squared",
        gx.triplet,
        (A, B, C),
        {"squared": True, "margin": 0.5},
        np.maximum(0, distance(A, B) ** 2 - distance(A, C) ** 2 + 0.5),
    ),
    ("cosine", gx.cosine_distance, (A, B), {}, 1 - cosines(A, B)),
]


@pytest.mark.parametrize("row", EACH, ids=lambda row: row[0])
def test_loss_of_each_element_is_that_of_numpy(row: Row) -> None:
    _, loss, arrays, options, expected = row
    found = value(loss, *arrays, reduction="none", **options)
    # Optax computes in float32 where JAX's 64 bits are off.
    np.testing.assert_allclose(found, np.asarray(expected), rtol=3e-6, atol=1e-7)


@pytest.mark.parametrize("row", EACH, ids=lambda row: row[0])
def test_mean_sum_and_weights_are_of_the_losses_of_the_elements(row: Row) -> None:
    _, loss, arrays, options, _ = row
    each = value(loss, *arrays, reduction="none", **options)
    weights = WEIGHTS if each.ndim == 2 else WEIGHTS[:, 0]
    mean = value(loss, *arrays, **options)
    np.testing.assert_allclose(mean, each.mean(), rtol=1e-14)
    total = value(loss, *arrays, reduction="sum", **options)
    np.testing.assert_allclose(total, each.sum(), rtol=1e-14)
    by_weight = value(loss, *arrays, weights=weights, **options)
    np.testing.assert_allclose(by_weight, np.average(each, weights=weights), rtol=1e-14)


@pytest.mark.parametrize("row", EACH, ids=lambda row: row[0])
def test_engines_agree_on_the_slope(row: Row) -> None:
    _, loss, arrays, options, _ = row
    nodes = [gx.input(f"x{i}", a.shape, a.dtype.name) for i, a in enumerate(arrays)]
    made = loss(*nodes, **options)
    values = {n.name: a for n, a in zip(nodes, arrays, strict=True)}
    checked = gx.check(gx.Problem(made, values, wrt=[nodes[0]]))
    assert checked.agreed, checked


def test_smoothing_of_numbered_classes_is_that_of_smoothed_shares() -> None:
    one_hot = np.eye(3)[LABELS]
    numbered = value(gx.categorical_cross_entropy, A, LABELS, smoothing=0.1)
    shares = value(gx.categorical_cross_entropy, A, one_hot, smoothing=0.1)
    smoothed = optax.losses.smooth_labels(one_hot, 0.1)
    by_hand = -(np.asarray(smoothed) * log_softmax(A)).sum(-1).mean()
    np.testing.assert_allclose([numbered, shares], by_hand, rtol=1e-6)


def test_loss_of_a_number_that_is_no_class_is_nan_and_never_zero() -> None:
    z, y, w = gx.input("z", (3, 2)), gx.input("y", (3,), gx.int32), gx.input("w", (3,))
    each = gx.categorical_cross_entropy(z, y, reduction="none")
    weighted = gx.categorical_cross_entropy(z, y, weights=w)
    step = gx.compile([each, gx.value_and_grad(weighted, z)], [z, y, w])
    zeros = np.zeros((3, 2), np.float32)
    for wrong in (-1, 2):
        given = {"z": zeros, "y": [0, wrong, 1], "w": [1.0, 0.0, 1.0]}
        both = (
            gx.evaluate([each, gx.value_and_grad(weighted, z)], given),
            step(zeros, np.asarray(given["y"], np.int32), np.asarray(given["w"], np.float32)),
        )
        for losses, (mean, slope) in both:
            np.testing.assert_array_equal(np.isnan(losses), [False, True, False])
            np.testing.assert_allclose(mean, np.log(2), rtol=1e-6)
            np.testing.assert_array_equal(slope, [[-0.25, 0.25], [0, 0], [0.25, -0.25]])


def test_weights_of_classes_count_each_sample_by_its_class() -> None:
    by_class = np.array([1.0, 2.0, 4.0])
    each = -log_softmax(A)[range(4), LABELS]
    expected = np.average(each, weights=by_class[LABELS])
    options = {"class_weights": by_class}
    numbered = value(gx.categorical_cross_entropy, A, LABELS, **options)
    shares = value(gx.categorical_cross_entropy, A, np.eye(3)[LABELS], **options)
    np.testing.assert_allclose([numbered, shares], expected, rtol=1e-14)


def test_likelihood_of_certain_probabilities_is_zero_and_no_nan() -> None:
    p, y = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    assert value(gx.log_loss, p, y) == 0
    z = np.array([[0.0, 0.0]])
    np.testing.assert_allclose(value(gx.kl_divergence, z, np.array([[1.0, 0.0]])), np.log(2))


def test_log_cosh_keeps_its_digits_near_0_and_far_out() -> None:
    x = np.array([1e-9, 0.5, 0.9999, 1.0, 1.3, 800.0])
    found = gx.evaluate(gx.log_cosh(gx.constant(x)))
    with mpmath.workdps(40):
        exact = [float(mpmath.log(mpmath.cosh(v))) for v in x]
    np.testing.assert_allclose(found, exact, rtol=9e-16)


X, Y, COLUMN = (
    gx.input("x", (4, 3)),
    gx.input("y", (4, 3)),
    gx.input("column", (4, 1)),
)
REFUSED: list[tuple[Callable[[], Any], type[gx.GraphcError], str]] = [
    (lambda: gx.mae(X, COLUMN), gx.ShapeError, "does not broadcast"),
    (lambda: gx.huber(X, Y, 0.0), gx.ArgumentError, "delta=0.0 is not above 0"),
    (lambda: gx.huber(X, Y, True), gx.ArgumentError, "delta=True is no number"),
    (lambda: gx.mse(X, Y, reduction="average"), gx.ArgumentError, '"mean", "sum" or "none"'),
    (lambda: gx.mse(X, Y, weights=gx.input("w", (4,))), gx.ShapeError, "a weight for each loss"),
    (lambda: gx.hinge(X, np.zeros((4, 3), np.float32)), gx.ArgumentError, "neither -1 nor 1"),
    (
        lambda: gx.log_loss(X, np.full((4, 3), 2, np.float32)),
        gx.ArgumentError,
        "target 2.0 is no probability",
    ),
    (lambda: gx.focal(X, Y, -1.0), gx.ArgumentError, "gamma=-1.0"),
    (lambda: gx.focal(X, Y, alpha=1.5), gx.ArgumentError, "alpha=1.5 is above 1"),
    (lambda: gx.triplet(X, Y, COLUMN), gx.ShapeError, "does not broadcast"),
    (
        lambda: gx.categorical_cross_entropy(X, gx.input("l", (4,), gx.int32), smoothing=2),
        gx.ArgumentError,
        "no share",
    ),
    (
        lambda: gx.categorical_cross_entropy(X, Y, class_weights=[1.0, 2.0]),
        gx.ShapeError,
        "there are 3 classes",
    ),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[2])
def test_refused_at_the_users_line(
    row: tuple[Callable[[], Any], type[gx.GraphcError], str],
) -> None:
    call, error, words = row
    with pytest.raises(error, match=words.replace("(", r"\(")) as caught:
        call()
    assert caught.value.place and caught.value.place[0] == __file__
