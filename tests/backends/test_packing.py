from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx

HERE = Path(__file__).name
COUNT, WIDTH = 30, 3


def layers() -> Any:
    """Returns loss, gradients and inputs of equal layers, compiled on nests."""
    x = gx.input("x", (4, WIDTH), "float64")
    ws = [gx.param(f"W{i}", (WIDTH, WIDTH), "float64") for i in range(COUNT)]
    h = x
    for w in ws:
        h = gx.tanh(h @ w)
    loss, slopes = gx.value_and_grad(gx.sum(h * h), ws)
    outputs = {"loss": loss, "slopes": slopes}
    return outputs, [{"layers": ws}, x]


@pytest.fixture(scope="module")
def run() -> Any:
    outputs, inputs = layers()
    return gx.compile(outputs, inputs, optimize=["roll", "batch"])


@pytest.fixture(scope="module")
def plain() -> Any:
    outputs, inputs = layers()
    return gx.compile(outputs, inputs, optimize=False)


RNG = np.random.default_rng(1)
WS = [RNG.normal(size=(WIDTH, WIDTH)) for _ in range(COUNT)]
X = RNG.normal(size=(4, WIDTH))


def same(found: Any, wanted: Any) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


# -- packed arguments and results ------------------------------------------------------------


def test_the_nest_goes_in_and_comes_out_as_if_nothing_were_packed(run: Any, plain: Any) -> None:
    wanted = plain({"layers": WS}, X)
    arrays = [jnp.asarray(w) for w in WS]
    mixed = [*arrays[:3], *WS[3:]]
    for given in (WS, arrays, mixed):
        found = run({"layers": given}, X)
        same(found, wanted)
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(found))


def test_the_plan_tells_what_is_packed(run: Any) -> None:
    text = str(run.plan())
    assert f"{COUNT} equal blocks of matmul, tanh -> one loop over 1 packed stack" in text
    assert f"{COUNT} arguments, {COUNT - 1} results -> 2 arrays" in text


def test_what_is_shown_is_the_packed_program(run: Any, plain: Any) -> None:
    for args in ((), ({"layers": WS}, X), ({"layers": [jnp.asarray(w) for w in WS]}, X)):
        (signature,) = [line for line in run.stablehlo(*args).splitlines() if "@main" in line]
        assert signature.count("%arg") == 2
    assert plain.stablehlo().count("%arg") > COUNT
    stack = f"f64[{COUNT},{WIDTH},{WIDTH}]"
    assert stack in run.jaxpr() and stack not in plain.jaxpr()
    assert run.memory()["argument"] == plain.memory()["argument"]
    assert run.cost()["flops"] > 0


def test_a_packed_program_stays_right_inside_of_jaxs_transforms(run: Any, plain: Any) -> None:
    given = {"layers": [jnp.asarray(w) for w in WS]}
    same(jax.jit(lambda p: run(p, X))(given), plain(given, X))
    found = jax.grad(lambda p: run(p, X)["loss"])(given)["layers"]
    same(found, plain(given, X)["slopes"])


def test_values_that_do_not_fit_are_errors_at_the_line(run: Any) -> None:
    for wrong, kind, words in (
        ([*WS[:-1], WS[-1][:2]], gx.ShapeError, r"W29 is declared f64\[3,3\]"),
        ([*WS[:-1], WS[-1] * 1j], gx.DTypeError, "W29 is declared f64.*complex"),
        ([w[:2] for w in WS], gx.ShapeError, r"W0 is declared f64\[3,3\]"),
        ([w * 1j for w in WS], gx.DTypeError, "is declared f64.*complex"),
        (WS[:-1], gx.ArgumentError, "has the nest"),
    ):
        with pytest.raises(kind, match=rf"{HERE}:\d+: .*{words}"):
            run({"layers": wrong}, X)


def test_integers_and_narrower_floats_are_widened(run: Any, plain: Any) -> None:
    whole = [np.round(w).astype(np.int32) for w in WS]
    same(run({"layers": whole}, X), plain({"layers": whole}, X))
    narrow = [w.astype(np.float32) for w in WS]
    same(run({"layers": narrow}, X), plain({"layers": narrow}, X))


def test_many_scalars_are_passed_as_one() -> None:
    xs = [gx.input(f"x{i}", (), "float32") for i in range(80)]
    total = xs[0] * 2
    for x, kind in zip(xs[1:], np.random.default_rng(3).integers(4, size=79), strict=True):
        total = [total + gx.sin(x), total * 0.5 - x, gx.cos(total) * x, gx.tanh(total + x)][kind]
    run = gx.compile(total, [xs])
    assert "80 arguments -> 1 array" in str(run.plan())
    numbers = [0.01 * i for i in range(80)]
    wanted = gx.compile(total, [xs], optimize=False)([jnp.float32(v) for v in numbers])
    for given in (numbers, [np.float32(v) for v in numbers], [jnp.float32(v) for v in numbers]):
        np.testing.assert_allclose(run(given), wanted, rtol=1e-5)
    with pytest.raises(gx.GraphcError, match=rf"{HERE}:\d+: .*x79"):
        run([*numbers[:-1], 1e300])


# -- donation ------------------------------------------------------------


@pytest.mark.parametrize("way", ["node", "name", "position"])
def test_a_donated_argument_is_written_over_and_gone(way: str) -> None:
    state, gain = gx.input("state", (1000,), "float32"), gx.input("gain", (), "float32")
    donate: Any = {"node": state, "name": ["state"], "position": 0}[way]
    run = gx.compile(state * gain + 1, [state, gain], donate=donate)
    array = jnp.arange(1000.0, dtype=jnp.float32)
    place = array.unsafe_buffer_pointer()
    found = run(array, 2.0)
    assert found.unsafe_buffer_pointer() == place
    np.testing.assert_array_equal(found, np.arange(1000, dtype=np.float32) * 2 + 1)
    with pytest.raises(gx.ArgumentError, match=rf"{HERE}:\d+: .*state was donated.*earlier call"):
        run(array, 2.0)


def test_an_array_donated_elsewhere_is_told_in_words() -> None:
    state = gx.input("state", (10,), "float32")
    array = jnp.zeros(10, jnp.float32)
    gx.compile(state + 1, donate="state")(state=array)
    with pytest.raises(gx.ArgumentError, match=rf"{HERE}:\d+: .*passed for y was donated"):
        gx.compile(gx.input("y", (10,), "float32") * 2)(y=array)


def test_a_donated_nest_is_donated_whole() -> None:
    a, b = gx.input("a", (5,), "float32"), gx.input("b", (5,), "float32")
    run = gx.compile([a + b, a - b], [{"a": a, "b": b}], donate=0)
    given = {"a": jnp.ones(5, jnp.float32), "b": jnp.zeros(5, jnp.float32)}
    found = run(given)
    assert given["a"].is_deleted() and given["b"].is_deleted()
    np.testing.assert_array_equal(found[1], np.ones(5))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"donate": "z"}, "donate names 'z', which is no input"),
        ({"donate": True}, "names no inputs"),
        ({"donate": 0}, "is a position, and values are passed by name"),
        ({"donate": 1.5}, "names no inputs"),
        ({"donate": [2.5]}, "donate names 2.5, which is no input"),
        ({"donate": "x", "jit": False}, "not jitted"),
        ({"donate": "y"}, r"y: f32\[3\] is donated, and no result is of that type"),
        ({"donate": ["x", "w"]}, "is donated, and no result is left of that type"),
    ],
)
def test_donation_that_is_not_possible_is_an_error_at_the_line(options: Any, words: str) -> None:
    x, y, w = gx.input("x", (2,)), gx.input("y", (3,)), gx.input("w", (2,))
    with pytest.raises(gx.ArgumentError, match=rf"{HERE}:\d+: .*{words}"):
        gx.compile(x + w + gx.sum(y), **options)


def test_a_position_that_is_not_there_is_an_error() -> None:
    x = gx.input("x", (2,))
    with pytest.raises(gx.ArgumentError, match="donate names argument 1, the function takes 1"):
        gx.compile(x * 2, [x], donate=1)


def test_one_array_for_two_inputs_is_not_donated() -> None:
    x, y = gx.input("x", (2,), "float32"), gx.input("y", (2,), "float32")
    array = jnp.ones(2, jnp.float32)
    with pytest.raises(gx.ArgumentError, match="x and y are one array, and it is donated"):
        gx.compile(x + y, donate="x")(x=array, y=array)
    with pytest.raises(gx.ArgumentError, match=r"donated and declared f32.*nothing fits"):
        gx.compile(x * 2, donate="x")(x=array.astype(jnp.int32))


def test_the_memory_that_is_shown_is_with_donation() -> None:
    x = gx.input("x", (1000,))
    assert gx.compile(x * 2.0, [x]).memory()["alias"] == 0
    assert gx.compile(x * 2.0, [x], donate=0).memory()["alias"] == 4000


def test_donation_goes_with_packing() -> None:
    outputs, (nest, x) = layers()
    run = gx.compile({**outputs, "next": x * 2}, [nest, x], donate=1, optimize="roll")
    array = jnp.asarray(X)
    found = run({"layers": WS}, array)
    assert array.is_deleted() and run.plan().choices[-1].family == "packing"
    np.testing.assert_array_equal(found["next"], X * 2)


# -- JAX's persistent cache ------------------------------------------------------------

CODE = """
import sys, jax, numpy as np
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
hits = []
jax.monitoring.register_event_listener(
    lambda name, **_: hits.append(name) if "cache_hit" in name or "cache_miss" in name else None
)
import graphc as gx
for junk in range(int(sys.argv[2])):  # other serial numbers than in the first process
    gx.input(f"junk{junk}")
x = gx.input("x", (4, 3))
ws = [gx.param(f"W{i}", (3, 3)) for i in range(30)]
h = x
for w in ws:
    h = gx.tanh(h @ w)
run = gx.compile(gx.value_and_grad(gx.sum(h), ws), [ws, x], optimize=["roll", "batch"])
run([np.eye(3, dtype=np.float32)] * 30, np.ones((4, 3), np.float32))
print(sum("cache_miss" in h for h in hits), sum("cache_hit" in h for h in hits))
"""


def test_a_second_process_starts_from_jaxs_persistent_cache(tmp_path: Path) -> None:
    found: list[tuple[int, int]] = []
    for seed, junk in (("1", "0"), ("2", "37")):
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(tmp_path), junk],
            capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(gx.__file__).parents[1])},
        )  # fmt: skip
        misses, hits = done.stdout.split()
        found.append((int(misses), int(hits)))
    (misses, _), (again, hits) = found
    assert misses > 0 and again == 0 and hits == misses
