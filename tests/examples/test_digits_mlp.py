"""The digits network against NumPy by hand, and its accuracy on images it was not trained on."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gx
from examples import digits_mlp


@pytest.fixture(scope="module")
def problems() -> list[gx.Problem]:
    return digits_mlp.problems()


def values_of(problem: gx.Problem) -> dict[str, np.ndarray]:
    return {n.name: np.asarray(v) for n, v in problem.values.items()}


def test_trained_network_tells_over_95_percent_of_the_test_digits(
    problems: list[gx.Problem],
) -> None:
    _, trained = problems
    values, data = values_of(trained), digits_mlp.load()
    hidden = np.maximum(data.test_images @ values["w1"] + values["b1"], 0)
    told = np.argmax(hidden @ values["w2"] + values["b2"], axis=1)
    assert np.mean(told == data.test_labels) > 0.95


def test_test_images_are_not_trained_on() -> None:
    data = digits_mlp.load()
    assert len(data.train_images) + len(data.test_images) == 1797
    trained = {image.tobytes() for image in data.train_images}
    assert not any(image.tobytes() in trained for image in data.test_images)


@pytest.mark.parametrize("which", [0, 1])
def test_gradient_is_backpropagation_by_hand(problems: list[gx.Problem], which: int) -> None:
    problem = problems[which]
    v = {name: a.astype(np.float64) for name, a in values_of(problem).items()}
    labels = values_of(problem)["labels"]
    n = len(labels)
    before = v["images"] @ v["w1"] + v["b1"]
    hidden = np.maximum(before, 0)
    logits = hidden @ v["w2"] + v["b2"]
    likelihood = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = likelihood / likelihood.sum(axis=1, keepdims=True)
    error[np.arange(n), labels] -= 1
    error /= n
    back = (error @ v["w2"].T) * (before > 0)
    by_hand = {
        "w1": v["images"].T @ back, "b1": back.sum(axis=0),
        "w2": hidden.T @ error, "b2": error.sum(axis=0),
    }  # fmt: skip
    # What the terms of each sum come to without their signs: rounding is relative to that.
    size = {
        "w1": np.abs(v["images"]).T @ np.abs(back), "b1": np.abs(back).sum(axis=0),
        "w2": np.abs(hidden).T @ np.abs(error), "b2": np.abs(error).sum(axis=0),
    }  # fmt: skip
    made = gx.evaluate(gx.grad(problem.output, list(problem.wrt)), problem.values)
    for node, got in zip(problem.wrt, made, strict=True):
        # The logits' own error, some eps * 64 * |logit|, changes each probability by its share.
        room = np.finfo(np.float32).eps * 64 * (1 + np.abs(logits).max())
        name = node.name
        assert np.all(np.abs(got - by_hand[name]) <= room * (size[name] + 1 / n)), name


def test_training_is_the_same_in_two_runs(problems: list[gx.Problem]) -> None:
    _, again = digits_mlp.problems()
    for name, value in values_of(problems[1]).items():
        assert np.array_equal(value, values_of(again)[name]), name
