"""A chain of equal layers and its gradient: graphc against hand-written JAX, unrolled and scanned.

Then a result written into a donated argument, and a second process that starts from JAX's cache.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.process import megabytes, run_python

#: `W` is orthogonal over the square root of 1, so that neither values nor adjoints die out.
CODE = """
import json, sys, time
start = time.perf_counter()
import jax, jax.numpy as jnp, numpy as np
import graphc as gx
count, width, batch, unrolled, repeats = map(int, sys.argv[1:6])
rng = np.random.default_rng(0)
ws = [np.linalg.qr(rng.normal(size=(width, width)))[0].astype(np.float32) for _ in range(count)]
x = rng.normal(size=(batch, width)).astype(np.float32)
stacked = jnp.asarray(np.stack(ws))
nest = [jnp.asarray(w) for w in ws]
found, steps = {}, {}

def lap(of, name, make):
    begin = time.perf_counter()
    made = make()
    found.setdefault(of, {})[name] = time.perf_counter() - begin
    return made

def ready(value):
    return jax.block_until_ready(value)

def layers(xp, h, weights):
    for w in weights:
        h = xp.tanh(h @ w)
    return xp.sum(h * h)

# graphc, the parameters a list; and rows of one stacked parameter
for of, given in (("graphc, a list", nest), ("graphc, stacked", stacked)):
    data = gx.input("x", (batch, width))
    if of == "graphc, a list":
        wrt = [gx.param(f"W{i}", (width, width)) for i in range(count)]
        rows = wrt
    else:
        wrt = gx.param("W", (count, width, width))
        rows = [wrt[k] for k in range(count)]
    loss = lap(of, "build", lambda: layers(gx, data, rows))
    slopes = lap(of, "differentiate", lambda: gx.value_and_grad(loss, wrt))
    run = lap(of, "compile", lambda: gx.compile(slopes, [wrt, data]))
    value = lap(of, "first call", lambda: ready(run(given, x)))
    found[of]["loss"] = float(value[0])
    steps[of] = lambda run=run, given=given: run(given, x)

def scanned(weights, h):
    h, _ = jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), h, weights)
    return jnp.sum(h * h)

ways = [("JAX, scan", scanned, stacked)]
if unrolled:
    ways.append(("JAX, unrolled", lambda ws, h: layers(jnp, h, ws), nest))
for of, function, given in ways:
    run = jax.jit(jax.value_and_grad(function))
    value = lap(of, "first call", lambda: ready(run(given, x)))
    found[of]["loss"] = float(value[0])
    steps[of] = lambda run=run, given=given: run(given, x)

times = {of: [] for of in steps}
for _ in range(repeats):
    for of, step in steps.items():
        begin = time.perf_counter()
        ready(step())
        times[of].append(time.perf_counter() - begin)
for of, measured in times.items():
    found[of]["step"] = sorted(measured)[len(measured) // 2]
print(json.dumps({"found": found, "peak": peak_bytes()}))
"""

DONATION = """
import json, sys, time
import jax, jax.numpy as jnp
import graphc as gx
size, repeats = int(sys.argv[1]), int(sys.argv[2])
state, rate = gx.input("state", (size,)), gx.input("rate", ())
places = [state, rate]
runs = {
    "kept": gx.compile(state * 0.5 + rate, places),
    "donated": gx.compile(state * 0.5 + rate, places, donate=0),
    "JAX, kept": jax.jit(lambda s, r: s * 0.5 + r),
    "JAX": jax.jit(lambda s, r: s * 0.5 + r, donate_argnums=0),
}
arrays = {name: jnp.ones(size, jnp.float32) for name in runs}
times = {name: [] for name in runs}
for turn in range(repeats):
    for name in list(runs) if turn % 2 else reversed(runs):
        begin = time.perf_counter()
        arrays[name] = jax.block_until_ready(runs[name](arrays[name], 0.5))
        times[name].append(time.perf_counter() - begin)
print(json.dumps({name: sorted(found)[len(found) // 2] for name, found in times.items()}))
"""

CACHE = """
import json, sys, time
import jax, numpy as np
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
import graphc as gx
count = int(sys.argv[2])
x = gx.input("x", (8, 16))
ws = [gx.param(f"W{i}", (16, 16)) for i in range(count)]
h = x
for w in ws:
    h = gx.tanh(h @ w)
run = gx.compile(gx.value_and_grad(gx.sum(h), ws), [ws, x])
given = [np.eye(16, dtype=np.float32)] * count, np.ones((8, 16), np.float32)
begin = time.perf_counter()
jax.block_until_ready(run(*given))
print(json.dumps(time.perf_counter() - begin))
"""


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields the chain's rows, then donation and the cache."""
    width, batch = 32, 32
    for count in (10, 100, 1000) if quick else (10, 100, 1000, 10_000):
        unrolled = count <= (100 if quick else 1000)
        given = (count, width, batch, int(unrolled), 5 if quick else 9)
        yield from _chain(count, run_python(CODE, *map(str, given)))
    size = 10_000_000 if quick else 60_000_000
    found = run_python(DONATION, str(size), "15")
    words = f"{4 * size / 1e6:.0f} MB written into a donated argument"
    yield words, _seconds(found["donated"]), f"JAX by hand {_seconds(found['JAX'])}"
    # What is saved is the first touch of fresh memory, page by page.
    gain, by_hand = found["kept"] / found["donated"], found["JAX, kept"] / found["JAX"]
    yield f"{words}, gain", f"{gain:.1f}x", f"6x for 240 MB; JAX by hand {by_hand:.1f}x"
    with tempfile.TemporaryDirectory() as folder:
        first, second = (run_python(CACHE, folder, "300") for _ in range(2))
    yield "first call of 300 layers, JAX's cache empty", _seconds(first), ""
    yield "the same in a second process, from the cache", _seconds(second), "less"


def _chain(count: int, measured: Any) -> Iterator[tuple[str, str, str]]:
    found = measured["found"]
    title = f"{count:,} equal layers and gradient"
    scan, unrolled = found["JAX, scan"], found.get("JAX, unrolled")
    for of in ("graphc, a list", "graphc, stacked"):
        laps = found[of]
        spread = abs(laps["loss"] - scan["loss"]) / abs(scan["loss"])
        assert spread < 1e-3, f"{of}: the loss is {laps['loss']}, JAX's {scan['loss']}"
        for name in ("build", "differentiate", "compile", "first call", "step"):
            aim = ""
            if name in scan:
                aim = f"JAX: scan {_seconds(scan[name])}"
                aim += f", unrolled {_seconds(unrolled[name])}" if unrolled else ", unrolled: not"
            yield f"{title}, {of}: {name}", _seconds(laps[name]), aim
    yield f"{title}: peak memory of the process", megabytes(measured["peak"]), ""


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1e3:.2f} ms"
