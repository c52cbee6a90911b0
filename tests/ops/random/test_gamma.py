"""Gamma numbers and those made of them: their distribution, their slopes, the same everywhere."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest
from scipy import special, stats

import graphc as gx

KEY = gx.random.key(3)
SHAPES = [0.01, 0.3, 1.0, 3.5, 200.0, 1e5]


@pytest.mark.parametrize("a", SHAPES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gamma_numbers_have_their_distribution(a: float, dtype: str) -> None:
    drawn = gx.evaluate(gx.random.gamma(gx.random.key(int(a) + 1), a, (4000,), dtype))
    assert drawn.dtype == dtype
    kept = drawn[drawn > 1e-30] if dtype == "float32" else drawn  # float32 ends there
    least = stats.gamma(a).cdf(1e-30 if dtype == "float32" else 0.0)
    chances = (stats.gamma(a).cdf(kept.astype(float)) - least) / (1 - least)
    assert stats.kstest(chances, "uniform").pvalue > 1e-3


def test_beta_chi_square_and_dirichlet_numbers_have_their_distributions() -> None:
    beta = gx.evaluate(gx.random.beta(KEY, 0.5, 2.0, (4000,), "float64"))
    square = gx.evaluate(gx.random.chisquare(KEY, 3.0, (4000,), "float64"))
    shares = gx.evaluate(gx.random.dirichlet(KEY, np.array([0.01, 1.0, 3.0]), (4000,)))
    assert stats.kstest(beta, stats.beta(0.5, 2.0).cdf).pvalue > 1e-3
    assert stats.kstest(square, stats.chi2(3.0).cdf).pvalue > 1e-3
    assert shares.shape == (4000, 3)
    np.testing.assert_allclose(shares.sum(-1), 1.0, rtol=1e-15)
    for i, (own, rest) in enumerate([(0.01, 4.0), (1.0, 3.01), (3.0, 1.01)]):
        inside = shares[:, i]  # a share that rounds to 0 or 1 is one in its dtype
        assert stats.kstest(inside, stats.beta(own, rest).cdf).pvalue > 1e-3


def test_slope_is_the_difference_of_the_quantile() -> None:
    a = gx.input("a", (len(SHAPES),), "float64")
    drawn = gx.random.gamma(KEY, a)
    slope = gx.grad(gx.sum(drawn), a)
    values = np.array(SHAPES)
    found, by_a = gx.evaluate([drawn, slope], a=values)
    chance = special.gammainc(values, found)
    step = values * 1e-4
    ends = [special.gammaincinv(values + k * step, chance) for k in (-2, -1, 1, 2)]
    expected = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step)
    np.testing.assert_allclose(by_a, expected, rtol=2e-6)
    small = gx.random.loggamma(KEY, a)
    logs, slopes = gx.evaluate([small, gx.grad(gx.sum(small), a)], a=values)
    np.testing.assert_allclose(np.exp(logs), found, rtol=1e-12)
    np.testing.assert_allclose(slopes * found, by_a, rtol=1e-10)


def test_slope_is_that_of_jax() -> None:
    a = gx.input("a", (3,), "float64")
    drawn = gx.random.gamma(KEY, a)
    values = np.array([0.5, 2.5, 40.0])
    found, by_a = gx.evaluate([drawn, gx.grad(gx.sum(drawn), a)], a=values)
    theirs = jax.lax.random_gamma_grad(jax.numpy.asarray(values), jax.numpy.asarray(found))
    np.testing.assert_allclose(by_a, theirs, rtol=1e-7)


def test_numbers_are_the_same_compiled_mapped_and_by_jax_grad(tmp_path: Path) -> None:
    a, keys = gx.input("a", (), "float64"), gx.random.split(KEY, 4)
    mapped = gx.map(lambda k: gx.random.gamma(k, 2.5, (2,), "float64"), keys)
    single = [gx.random.gamma(keys[i], 2.5, (2,), "float64") for i in range(4)]
    one, *each = gx.evaluate([mapped, *single])
    np.testing.assert_array_equal(one, np.stack(each))
    drawn = gx.sum(gx.random.gamma(KEY, a, (3,)) ** 2)
    compiled = gx.compile(drawn)
    plain, slope = gx.evaluate([drawn, gx.grad(drawn, a)], a=1.5)
    np.testing.assert_allclose(compiled(a=1.5), plain, rtol=1e-13)
    np.testing.assert_allclose(jax.grad(lambda v: compiled(a=v))(1.5), slope, rtol=1e-12)
    gx.save(tmp_path / "g.json", drawn)
    assert gx.load(tmp_path / "g.json") is drawn


def test_every_engine_agrees() -> None:
    a = gx.input("a", (), "float64")
    drawn = gx.random.gamma(KEY, a) * a
    assert gx.check(gx.Problem(drawn, {"a": 2.5}), ("reverse", "forward", "jax")).agreed


def test_half_floats_are_drawn_in_float32() -> None:
    half = gx.evaluate(gx.random.gamma(KEY, 2.5, (5,), "float16"))
    full = gx.evaluate(gx.random.gamma(KEY, 2.5, (5,), "float32"))
    np.testing.assert_array_equal(half, full.astype(np.float16))


@pytest.mark.parametrize("draw", [gx.random.gamma, gx.random.loggamma, gx.random.chisquare])
@pytest.mark.parametrize(
    "a, words", [(0.0, "above 0"), (-1.0, "above 0"), (float("nan"), "nan"), (True, "True"),
                 ("1", "neither"), (None, "neither"), (np.array([1.0, -1.0]), "above 0")],
)  # fmt: skip
def test_shape_parameter_is_checked(draw: object, a: object, words: str) -> None:
    with pytest.raises(gx.ArgumentError, match=words):
        draw(KEY, a)  # pyright: ignore[reportCallIssue]


def test_dirichlet_needs_an_axis_and_a_shape_that_fits() -> None:
    with pytest.raises(gx.ArgumentError, match="one for each share"):
        gx.random.dirichlet(KEY, 1.0)
    with pytest.raises(gx.ShapeError, match="sizes 4 and 2"):
        gx.random.dirichlet(KEY, np.ones((2, 3)), (4,))
    with pytest.raises(gx.ArgumentError, match="above 0"):
        gx.random.beta(KEY, 1.0, 0.0)
