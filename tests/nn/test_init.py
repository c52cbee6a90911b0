"""First values: JAX's own numbers, the variances they promise, and that they are saved by name."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.nn.initializers as theirs
import numpy as np
import pytest

import graphc as gx
from graphc import nn
from graphc.nn.init import fans

KEY = np.array([0, 5], np.uint32)
JAX_KEY = jax.random.wrap_key_data(jax.numpy.asarray(KEY))
SHAPE = (3, 4, 6, 5)

SAME: list[tuple[nn.init.Initialiser, Any]] = [
    (nn.init.zeros(), theirs.zeros),
    (nn.init.ones(), theirs.ones),
    (nn.init.constant(2.5), theirs.constant(2.5)),
    (nn.init.normal(0.1), theirs.normal(0.1)),
    (nn.init.glorot(), theirs.glorot_uniform()),
    (
        nn.init.glorot("normal"),
        lambda k, s, d: theirs.variance_scaling(1, "fan_avg", "normal")(k, s, d),
    ),
    (nn.init.he("uniform"), theirs.he_uniform()),
    (nn.init.lecun("uniform"), theirs.lecun_uniform()),
    (nn.init.he("truncated"), theirs.he_normal()),
    (nn.init.lecun("truncated"), theirs.lecun_normal()),
]


@pytest.mark.parametrize("row", SAME, ids=lambda row: str(row[0]))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_key_gives_jaxs_numbers(row: Any, dtype: str) -> None:
    own, other = row
    expected = np.asarray(other(JAX_KEY, SHAPE, dtype))
    found = own(KEY, SHAPE, dtype)
    assert found.dtype == np.dtype(dtype)
    scale = max(1e-30, float(np.abs(expected).max()))
    tolerance = float(32 * np.finfo(dtype).eps * scale)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_a_symmetric_uniform_stays_within_its_limit() -> None:
    found = nn.init.uniform(0.25)(KEY, (5000,))
    assert found.min() >= -0.25 and found.max() < 0.25
    assert abs(found.std() - 0.25 / math.sqrt(3)) < 0.005
    assert abs(found.mean()) < 0.01


def test_a_truncated_normal_stays_within_two_deviations() -> None:
    found = nn.init.truncated_normal(0.5, 1.0)(KEY, (5000,))
    assert found.min() >= 0 and found.max() <= 2
    assert abs(found.std() - 0.5 * 0.8796) < 0.01


@pytest.mark.parametrize("name", sorted(nn.init.BY_NAME))
def test_a_named_initialiser_has_the_variance_of_its_fans(name: str) -> None:
    shape = (64, 256)
    found = nn.init.BY_NAME[name](KEY, shape)
    fan = {"glorot": 1 / 160, "xavier": 1 / 160, "he": 2 / 64, "kaiming": 2 / 64, "lecun": 1 / 64}
    expected = fan.get(name.partition("_")[0])
    if expected is not None:
        assert abs(found.var() / expected - 1) < 0.03
    assert found.shape == shape


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 2, 5)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape: tuple[int, ...]) -> None:
    found = nn.init.orthogonal(2.0)(KEY, shape, "float64").reshape(-1, shape[-1])
    small = found.T @ found if found.shape[0] >= found.shape[1] else found @ found.T
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-14)


def test_fans_of_a_kernel_count_the_window() -> None:
    assert fans((3, 5)) == (3, 5)
    assert fans((3, 3, 8, 16)) == (72, 144)
    assert fans((7,)) == (7, 7)
    assert fans(()) == (1, 1)


def test_a_saved_graph_keeps_initialisers_by_name(tmp_path: Any) -> None:
    inits = [nn.init.orthogonal(2.0), nn.init.he(), nn.init.uniform(0.5), nn.init.constant(1.5)]
    nodes = [gx.param(f"w{i}", (3, 4), init=init) for i, init in enumerate(inits)]
    made = nodes[0] + nodes[1] + nodes[2] + nodes[3]
    gx.save(tmp_path / "g.json", made)
    loaded = gx.load(tmp_path / "g.json")
    before = _first(made)
    after = _first(loaded)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)


def _first(made: gx.Node) -> dict[str, Any]:
    return nn.flat(nn.initialise(made, 4)[0])


def test_a_file_with_a_foreign_initialiser_is_told_apart(tmp_path: Any) -> None:
    gx.save(tmp_path / "g.json", gx.param("w", (3, 4), init=nn.init.he()) * 1.0)
    text = (tmp_path / "g.json").read_text().replace('"scaled"', '"scalod"')
    (tmp_path / "g.json").write_text(text)
    loaded = gx.load(tmp_path / "g.json")
    with pytest.raises(gx.ArgumentError, match="no initialiser of the kind 'scalod'"):
        nn.initialise(loaded)


WORD: Any = "a"
REFUSED: list[tuple[Any, str]] = [
    (lambda: nn.init.uniform(-1.0), "limit=-1.0"),
    (lambda: nn.init.normal(WORD), "deviation='a'"),
    (lambda: nn.init.normal(math.nan), "deviation=nan"),
    (lambda: nn.init.constant(True), "value=True"),
    (lambda: nn.init.glorot("even"), "none of uniform, normal, truncated"),
    (lambda: nn.init.scaled(fan="both"), "none of in, out, mean"),
    (lambda: nn.Dense(3, weight_init="hee")(gx.input("x", (2, 2))), "no initialiser 'hee'"),
    (lambda: nn.Dense(3, weight_init=None)(gx.input("x", (2, 2))), "None is no initialiser"),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[1])
def test_refused_at_the_users_line(row: tuple[Any, str]) -> None:
    call, words = row
    with pytest.raises(gx.ArgumentError, match=words) as caught:
        call()
    assert caught.value.place and caught.value.place[0] == __file__
