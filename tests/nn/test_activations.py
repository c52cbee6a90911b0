"""Activations: values and slopes to the last digits, by name, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import mpmath
import numpy as np
import pytest

import graphc as gx
from graphc import nn
from graphc.nn.activations import NAMES

WIDE = [-700.0, -90.0, -40.0, -5.0, -1.1, -1e-9, 1e-300, 1e-9, 0.3, 2.0, 40.0, 700.0]


def mish(x: Any) -> Any:
    return x * mpmath.tanh(mpmath.log1p(mpmath.exp(x)))


EXACT: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = [
    ("softsign", gx.softsign, lambda x: x / (1 + abs(x))),
    ("mish", gx.mish, mish),
    ("celu", lambda x: gx.celu(x, 2.0), lambda x: x if x > 0 else 2 * mpmath.expm1(x / 2)),
    ("swish 2", lambda x: gx.swish(x, 2.0), lambda x: x / (1 + mpmath.exp(-2 * x))),
    ("hard tanh", gx.hard_tanh, lambda x: max(-1, min(1, x))),
    ("relu6", gx.relu6, lambda x: max(0, min(6, x))),
    ("log cosh", gx.log_cosh, lambda x: mpmath.log(mpmath.cosh(x))),
]


@pytest.mark.parametrize("row", EXACT, ids=lambda row: row[0])
def test_value_and_slope_keep_their_digits_everywhere(row: Any) -> None:
    _, own, exact = row
    x = gx.input("x", (len(WIDE),), gx.float64)
    value, slope = gx.evaluate([own(x), gx.grad(gx.sum(own(x)), x)], x=WIDE)
    with mpmath.workdps(700):
        for at, found, found_slope in zip(WIDE, value, slope, strict=True):
            point = mpmath.mpf(at)
            step = mpmath.mpf(10) ** -330
            truth = float(exact(point))
            difference = float((exact(point + step) - exact(point - step)) / (2 * step))
            assert abs(found - truth) <= 8e-16 * abs(truth) + 1e-320, (at, found, truth)
            # mish and swish turn near -1.1, where their slope is a difference of larger numbers.
            room = 1e-15 if -2 < at < 0 else 6e-16 * max(1.0, abs(at) / 20) * abs(difference)
            assert abs(found_slope - difference) <= room + 1e-300, (at, found_slope, difference)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_an_activation_of_a_layer(name: str) -> None:
    x = gx.input("x", (2, 3))
    made = nn.Dense(3, name)(x)
    values = nn.flat(nn.initialise(made)[0])
    assert np.all(np.isfinite(gx.evaluate(made, x=np.ones((2, 3)), **values)))


THEIRS = {
    "hard_sigmoid": jax.nn.hard_sigmoid, "hard_tanh": jax.nn.hard_tanh, "relu6": jax.nn.relu6,
    "softsign": jax.nn.soft_sign, "celu": jax.nn.celu, "mish": jax.nn.mish, "swish": jax.nn.silu,
    "elu": jax.nn.elu, "selu": jax.nn.selu, "softplus": jax.nn.softplus, "gelu_tanh": jax.nn.gelu,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_activation_is_that_of_jax_with_its_slope(name: str) -> None:
    points = np.array([-7.0, -3.0, -1.0, -0.5, 0.5, 1.0, 2.5, 6.5])
    x = gx.input("x", (8,), gx.float64)
    made = nn.activation_of(name)(x)
    value, slope = gx.evaluate([made, gx.grad(gx.sum(made), x)], x=points)
    np.testing.assert_allclose(value, THEIRS[name](points), rtol=1e-12, atol=1e-14)
    by_jax = jax.vmap(jax.grad(THEIRS[name]))(points)
    np.testing.assert_allclose(slope, by_jax, rtol=1e-10, atol=1e-12)


def test_threshold_is_1_from_its_place_on_and_has_no_slope() -> None:
    x = gx.input("x", (3,), gx.float64)
    assert gx.evaluate(gx.threshold(x, 0.5), x=[0.4, 0.5, 0.6]).tolist() == [0.0, 1.0, 1.0]
    with pytest.warns(gx.NonDifferentiableWarning, match="threshold"):
        slope = gx.grad(gx.sum(gx.threshold(x * 2.0)), x, unreachable="zero")
    assert gx.evaluate(slope, x=[0.4, 0.5, 0.6]).tolist() == [0.0, 0.0, 0.0]


def test_prelu_learns_a_slope_for_each_channel() -> None:
    x, slope = gx.input("x", (2, 3), gx.float64), gx.input("slope", (3,), gx.float64)
    made = gx.prelu(x, slope)
    values = {"x": [[-1.0, 2.0, -3.0], [4.0, -5.0, -6.0]], "slope": [0.1, 0.2, 0.3]}
    found, by_slope = gx.evaluate([made, gx.grad(gx.sum(made), slope)], values)
    np.testing.assert_allclose(found, [[-0.1, 2.0, -0.9], [4.0, -1.0, -1.8]])
    assert by_slope.tolist() == [-1.0, -5.0, -9.0]


WORD: Any = "a"
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: nn.Dense(3, "rellu"), gx.ArgumentError, "did you mean 'relu'?"),
    (lambda: nn.Dense(3, "zzz"), gx.ArgumentError, "use one of identity"),
    (lambda: nn.Dense(3, 5), gx.ArgumentError, "activation=5 is no activation"),
    (lambda: gx.celu(1.0, 0.0), gx.ArgumentError, "not above 0"),
    (lambda: gx.celu(1.0, WORD), gx.ArgumentError, "alpha='a'"),
    (lambda: gx.threshold(1.0, True), gx.ArgumentError, "at=True"),
    (
        lambda: gx.prelu(gx.input("x", (3,)), gx.input("s", (2, 3))),
        gx.ShapeError,
        "larger than",
    ),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[2])
def test_refused_at_the_users_line(row: Any) -> None:
    call, error, words = row
    with pytest.raises(error, match=words.replace("?", r"\?")) as caught:
        call()
    assert caught.value.place[0] == __file__
