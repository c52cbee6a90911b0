"""Random numbers: JAX's own, the same everywhere, and distributed as they say."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import graphc as gx

ROOT = Path(__file__).resolve().parents[3]
SEEDS = (0, 1, -1, 2**40 + 3, -(2**63), 2**63 - 1)
KEY = gx.input("key", (2,), "uint32")
HALVES = ("float16", "bfloat16")


def data(seed: int) -> np.ndarray[Any, Any]:
    """Returns JAX's key as numbers."""
    return np.asarray(jax.random.key_data(jax.random.key(seed)))


def everywhere(node: gx.Node, seed: int = 7) -> np.ndarray[Any, Any]:
    """Returns a draw, having seen that NumPy, XLA and mpmath give the same bits."""
    key = data(seed)
    value = np.asarray(gx.evaluate(node, key=key))
    np.testing.assert_array_equal(value, np.asarray(gx.compile(node)(key=key)))
    exact = np.asarray(gx.evaluate_mpmath(node, key=key))
    assert all(a == b for a, b in zip(exact.ravel(), value.ravel().tolist(), strict=True))
    return value


def jax_key(seed: int = 7) -> Any:
    """Returns JAX's typed key."""
    return jax.random.key(seed)


# -- keys and bits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_key_of_a_seed_is_jaxs(seed: int) -> None:
    np.testing.assert_array_equal(gx.evaluate(gx.random.key(seed)), data(seed))


@pytest.mark.parametrize(("dtype", "value"), [("int32", 5), ("uint8", 200), ("uint32", 2**32 - 1)])
def test_key_of_a_graph_value_is_that_of_its_number(dtype: str, value: int) -> None:
    seed = gx.input("seed", (), dtype)
    found = gx.evaluate(gx.random.key(seed), seed=np.asarray(value, dtype))
    np.testing.assert_array_equal(found, data(value))


def test_split_and_fold_in_are_jaxs() -> None:
    for shape in (1, 3, (2, 2), ()):
        wanted = jax.random.key_data(jax.random.split(jax_key(), shape))
        np.testing.assert_array_equal(everywhere(gx.random.split(KEY, shape)), wanted)
    for number in (0, 1, 2**32 - 1):
        wanted = jax.random.key_data(jax.random.fold_in(jax_key(), number))
        np.testing.assert_array_equal(everywhere(gx.random.fold_in(KEY, number)), wanted)
    step = gx.input("step", (), "int32")
    found = gx.evaluate(gx.random.fold_in(KEY, step), key=data(7), step=np.int32(9))
    wanted = jax.random.key_data(jax.random.fold_in(jax_key(), 9))
    np.testing.assert_array_equal(found, wanted)


def test_a_name_folds_in_as_the_number_of_its_hash() -> None:
    number = int.from_bytes(hashlib.sha256(b"dropout").digest()[:4], "little")
    assert gx.random.fold_in(KEY, "dropout") is gx.random.fold_in(KEY, number)
    assert gx.random.fold_in(KEY, "dropout") is not gx.random.fold_in(KEY, "dropout2")
    gx.random.fold_in(KEY, "\ud800")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("shape", [(), (3, 5), (0, 2)])
def test_bits_are_jaxs(dtype: str, shape: tuple[int, ...]) -> None:
    wanted = jax.random.bits(jax_key(), shape, dtype)
    np.testing.assert_array_equal(everywhere(gx.random.bits(KEY, shape, dtype)), wanted)


@pytest.mark.parametrize("switch", ["jax_threefry_partitionable", "jax_default_prng_impl"])
def test_jaxs_switches_change_nothing(switch: str) -> None:
    node = gx.random.uniform(KEY, (5,))
    key = data(7)
    wanted = gx.evaluate(node, key=key)
    before = getattr(jax.config, switch)
    jax.config.update(switch, False if before is True else "rbg")
    try:
        np.testing.assert_array_equal(gx.compile(node)(key=key), wanted)
    finally:
        jax.config.update(switch, before)


def test_another_process_draws_the_same() -> None:
    node = gx.random.normal(gx.random.key(3), (4,), "float64")
    code = (
        "import graphc as gx; print([float(v).hex() for v in "
        "gx.evaluate(gx.random.normal(gx.random.key(3), (4,), 'float64'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "77"},
    )  # fmt: skip
    assert done.stdout.strip() == str([float(v).hex() for v in gx.evaluate(node)])


def test_map_and_vmap_draw_for_each_key_what_it_draws_alone() -> None:
    keys = gx.input("keys", (3, 2), "uint32")
    node = gx.map(lambda key: gx.random.uniform(key, (4,)), keys)
    given = np.asarray(jax.random.key_data(jax.random.split(jax_key(), 3)))
    alone = np.stack([gx.evaluate(gx.random.uniform(KEY, (4,)), key=k) for k in given])
    np.testing.assert_array_equal(gx.evaluate(node, keys=given), alone)
    np.testing.assert_array_equal(gx.compile(node)(keys=given), alone)
    step = gx.compile(gx.random.uniform(KEY, (4,)))
    np.testing.assert_array_equal(jax.vmap(lambda k: step(key=k))(given), alone)


# -- distributions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*HALVES, "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (40,), (0,)])
def test_uniform_numbers_are_jaxs_to_the_last_bit(dtype: str, shape: tuple[int, ...]) -> None:
    found = everywhere(gx.random.uniform(KEY, shape, dtype))
    np.testing.assert_array_equal(found, jax.random.uniform(jax_key(), shape, dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_numbers_between_bounds_are_jaxs_to_an_ulp_of_the_larger(dtype: str) -> None:
    wanted = np.asarray(jax.random.uniform(jax_key(), (200,), dtype, -2.0, 5.0))
    node = gx.random.uniform(KEY, (200,), dtype, low=-2.0, high=5.0)
    room = 5 * np.finfo(dtype).eps
    for found in (gx.evaluate(node, key=data(7)), gx.compile(node)(key=data(7))):
        assert np.abs(np.asarray(found) - wanted).max() <= room
        assert np.min(found) >= -2


@pytest.mark.parametrize(("dtype", "ulp"), [("float32", 40), ("float64", 40)])
def test_normal_numbers_are_jaxs_to_its_own_error(dtype: str, ulp: float) -> None:
    wanted = np.asarray(jax.random.normal(jax_key(), (500,), dtype))
    node = gx.random.normal(KEY, (500,), dtype)
    for found in (gx.evaluate(node, key=data(7)), np.asarray(gx.compile(node)(key=data(7)))):
        far = np.abs(found - wanted) / np.spacing(np.abs(wanted))
        assert far.max() <= ulp


def test_normal_numbers_keep_their_digits_under_xla() -> None:
    node = gx.random.normal(KEY, (2000,), "float64")
    key = data(11)
    exact = np.asarray(gx.evaluate_mpmath(node, key=key))
    for found in (gx.evaluate(node, key=key), np.asarray(gx.compile(node)(key=key))):
        for value, truth in zip(found.tolist(), exact, strict=True):
            assert abs(value - truth) <= 5 * np.spacing(abs(value))


@pytest.mark.parametrize("name", ["gumbel", "exponential", "laplace"])
def test_other_distributions_are_jaxs_to_some_ulp(name: str) -> None:
    wanted = np.asarray(getattr(jax.random, name)(jax_key(), (200,), "float64"))
    node = getattr(gx.random, name)(KEY, (200,), "float64")
    for found in (gx.evaluate(node, key=data(7)), gx.compile(node)(key=data(7))):
        # XLA's log1p, which JAX takes, is off by up to 120 ulp.
        np.testing.assert_allclose(found, wanted, rtol=130 * 2.0**-52, atol=2.0**-52)


def test_truncated_normal_is_jaxs_and_keeps_its_bounds() -> None:
    wanted = np.asarray(jax.random.truncated_normal(jax_key(), -1.0, 0.5, (300,), "float64"))
    node = gx.random.truncated_normal(KEY, -1.0, 0.5, (300,), "float64")
    found = gx.evaluate(node, key=data(7))
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)
    assert found.min() >= -1 and found.max() <= 0.5


def test_bernoulli_is_jaxs() -> None:
    p = np.linspace(0, 1, 50, dtype=np.float32)
    found = everywhere(gx.random.bernoulli(KEY, p))
    np.testing.assert_array_equal(found, jax.random.bernoulli(jax_key(), p))
    assert not found[0] and found[-1]


INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_jaxs(dtype: str) -> None:
    least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    for low, high in ((0, 1), (0, 10), (max(least, -3), 100), (0, most), (least, most)):
        bounds = [np.asarray(b, dtype) for b in (low, high)]
        wanted = jax.random.randint(jax_key(), (30,), *bounds, dtype)
        found = everywhere(gx.random.randint(KEY, (30,), low, high, dtype))
        np.testing.assert_array_equal(found, wanted)
        assert found.min() >= low and found.max() < high


def test_the_bound_of_integers_may_be_one_past_the_largest() -> None:
    found = everywhere(gx.random.randint(KEY, (300,), 0, 256, "uint8"))
    np.testing.assert_array_equal(found, jax.random.randint(jax_key(), (300,), 0, 256, "uint8"))
    whole = everywhere(gx.random.randint(KEY, (300,), -(2**31), 2**31))
    assert whole.min() < -(2**30) and whole.max() > 2**30


@pytest.mark.parametrize("size", [0, 1, 2, 10, 2000])
def test_permutation_is_jaxs(size: int) -> None:
    found = everywhere(gx.random.permutation(KEY, size))
    np.testing.assert_array_equal(found, jax.random.permutation(jax_key(), size))


@pytest.mark.parametrize("axis", [0, 1])
def test_slices_change_places_as_in_jax(axis: int) -> None:
    x = np.arange(12.0).reshape(4, 3)
    found = everywhere(gx.random.permutation(KEY, x, axis))
    np.testing.assert_array_equal(found, jax.random.permutation(jax_key(), x, axis))


def test_categories_and_choices_are_jaxs() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    p = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    pairs = [
        (gx.random.categorical(KEY, logits), jax.random.categorical(jax_key(), logits)),
        (
            gx.random.categorical(KEY, logits, axis=0, shape=(5, 3)),
            jax.random.categorical(jax_key(), logits, axis=0, shape=(5, 3)),
        ),
        (gx.random.choice(KEY, 4, (20,), p=p), jax.random.choice(jax_key(), 4, (20,), p=p)),
        (
            gx.random.choice(KEY, 4, (3,), replace=False, p=p),
            jax.random.choice(jax_key(), 4, (3,), replace=False, p=p),
        ),
        (
            gx.random.choice(KEY, logits, (2, 2), replace=False),
            jax.random.choice(jax_key(), logits, (2, 2), replace=False),
        ),
        (
            gx.random.choice(KEY, logits, (2,), replace=False, axis=1),
            jax.random.choice(jax_key(), logits, (2,), replace=False, axis=1),
        ),
    ]
    for node, wanted in pairs:
        np.testing.assert_array_equal(gx.evaluate(node, key=data(7)), wanted)
        np.testing.assert_array_equal(gx.compile(node)(key=data(7)), wanted)


DISTRIBUTIONS = {
    "uniform": (lambda k, n: gx.random.uniform(k, n, "float64"), stats.uniform()),
    "normal": (lambda k, n: gx.random.normal(k, n, "float64"), stats.norm()),
    "exponential": (lambda k, n: gx.random.exponential(k, n, "float64"), stats.expon()),
    "gumbel": (lambda k, n: gx.random.gumbel(k, n, "float64"), stats.gumbel_r()),
    "laplace": (lambda k, n: gx.random.laplace(k, n, "float64"), stats.laplace()),
    "truncated": (
        lambda k, n: gx.random.truncated_normal(k, -1.0, 2.0, n, "float64"),
        stats.truncnorm(-1, 2),
    ),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_draws_are_distributed_as_they_say(name: str) -> None:
    draw, law = DISTRIBUTIONS[name]
    found = gx.evaluate(draw(KEY, (20_000,)), key=data(5))
    assert stats.kstest(found, law.cdf).pvalue > 1e-3


# -- derivatives, sizes, files ---------------------------------------------------------------------


def test_draws_move_with_their_parameters_and_not_with_the_key() -> None:
    m, s = gx.input("m", (), "float64"), gx.input("s", (3,), "float64")
    loss = gx.sum(gx.square(gx.random.normal(KEY, (3,), mean=m, scale=s)))
    given = {"key": data(7), "m": 0.5, "s": [1.0, 2.0, 0.1]}
    noise = gx.evaluate(gx.random.normal(KEY, (3,), "float64"), key=data(7))
    drawn = 0.5 + np.asarray(given["s"]) * noise
    found = gx.evaluate(gx.grad(loss, [m, s]), given)
    np.testing.assert_allclose(found[0], 2 * drawn.sum(), rtol=1e-14)
    np.testing.assert_allclose(found[1], 2 * drawn * noise, rtol=1e-14)
    assert gx.check(gx.Problem(loss, given, wrt=[m, s])).agreed
    with pytest.raises(gx.GradError, match="only a float has a derivative"):
        gx.grad(loss, KEY)


def test_jax_differentiates_a_compiled_draw() -> None:
    low = gx.input("low", (), "float64")
    step = gx.compile(gx.sum(gx.random.uniform(KEY, (4,), low=low, high=3.0)))
    unit = gx.evaluate(gx.random.uniform(KEY, (4,), "float64"), key=data(7))
    found = jax.grad(lambda v: step(key=data(7), low=v))(jnp.float64(1.0))
    np.testing.assert_allclose(found, np.sum(1 - unit), rtol=1e-14)


def test_named_sizes_draw_what_numbers_draw() -> None:
    n = gx.dim("n")
    x = gx.input("x", (n,), "float32")
    made = gx.random.normal(KEY, (n, 2)) * gx.reshape(x, (n, 1))
    order = gx.random.permutation(KEY, n)
    member = gx.random.randint(KEY, (3,), 0, n)
    given = {"key": data(7), "x": np.ones(5, np.float32)}
    found = gx.evaluate([made, order + gx.cast(x, "int32") * 0, member], given)
    plain = gx.evaluate([gx.random.normal(KEY, (5, 2)), gx.random.permutation(KEY, 5)], key=data(7))
    np.testing.assert_array_equal(found[0], plain[0])
    np.testing.assert_array_equal(found[1], plain[1])
    assert found[2].max() < 5


def test_a_saved_graph_draws_the_same(tmp_path: Path) -> None:
    x = gx.input("x", (3,))
    node = gx.dropout(x, gx.random.fold_in(KEY, "layer"), 0.25) + gx.random.normal(KEY, (3,))
    node = node + gx.cast(gx.random.randint(KEY, (3,), -2, 9), "float32")
    gx.save(tmp_path / "graph.json", node)
    assert gx.load(tmp_path / "graph.json") is node


def test_pictures_name_the_draw() -> None:
    x = gx.input("x", (3,))
    picture = gx.draw(gx.dropout(x, KEY, 0.25), format="dot")
    assert "uniform" in str(picture.dot)


def test_a_typed_key_of_jax_is_refused_with_what_to_pass() -> None:
    key = gx.input("key", (2,), gx.uint32)
    draw, typed = gx.random.normal(key, (2,)), jax.random.key(3)
    step = gx.compile(draw, [key])
    for call in (
        lambda: step(typed),
        lambda: jax.jit(step)(typed),
        lambda: gx.evaluate(draw, key=typed),
        lambda: gx.constant(typed),
        lambda: gx.random.normal(typed, (2,)),
    ):
        with pytest.raises(gx.ArgumentError, match=r"jax\.random\.key_data\(key\)"):
            call()
    np.testing.assert_allclose(
        step(jax.random.key_data(typed)), jax.random.normal(typed, (2,), np.float32), rtol=1e-6
    )
