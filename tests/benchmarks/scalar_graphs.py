"""Graphs of scalars: logistic map, Speelpenning's product, random ones; graphc, JAX, CasADi.

Every figure is taken in a process of its own. JAX is left out where unrolled it takes minutes.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator

from tests.benchmarks.process import megabytes, run_python

#: Operations of the largest graph that hand-written JAX is asked to compile.
_JAX_MOST = 300

_CODE = """
import json, sys, time
import numpy as np
system, what, count, points = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
laps, last = {}, time.perf_counter()
def lap(name):
    global last
    now = time.perf_counter()
    laps[name], last = now - last, now
if system == "casadi":
    import casadi as m
    sin, tanh, exp, most = m.sin, m.tanh, m.exp, m.fmax
else:
    import jax
    jax.config.update("jax_enable_x64", True)
    if system == "graphc":
        import graphc as m
        sin, tanh, exp, most = m.sin, m.tanh, m.exp, m.maximum
    else:
        import jax.numpy as m
        sin, tanh, exp, most = m.sin, m.tanh, m.exp, m.maximum
generator = np.random.default_rng(0)
size = {"logistic": 1, "product": count, "random": max(10, count // 100)}[what]
kinds = generator.integers(8, size=count)
back = generator.integers(1, size + 1, size=(count, 2))
def function(x):
    v = [x[i] for i in range(size)]
    if what == "logistic":
        y = v[0]
        for _ in range(count):
            y = 3.7 * y * (1 - y)
        return y
    if what == "product":
        y = v[0]
        for u in v[1:]:
            y = y * u
        return y
    for kind, (i, j) in zip(kinds, back):
        a, b = v[-i], v[-j]
        v.append((lambda: a * 0.5 + b, lambda: a * tanh(b), lambda: a - b, lambda: sin(a),
                  lambda: -a, lambda: exp(-(a * a)), lambda: tanh(a), lambda: most(a, b))[kind]())
    y = v[-1]
    for u in v[-size:-1]:
        y = y + u
    return y
at = generator.uniform(0.4, 0.6, size=(points, size)) + (0.5 if what == "product" else 0)
last = time.perf_counter()
if system == "graphc":
    x = m.input("x", (size,), m.float64)
    y = function(x)
    lap("build")
    both = list(m.value_and_grad(y, x))
    lap("differentiate")
    compiled = m.compile(both, [x], optimize=sys.argv[5:] or True)
    call = compiled if points == 1 else jax.jit(jax.vmap(compiled))
elif system == "jax":
    call = jax.value_and_grad(function)
    call = jax.jit(call if points == 1 else jax.vmap(call))
else:
    x = m.SX.sym("x", size)
    y = function(m.vertsplit(x))
    lap("build")
    slope = m.gradient(y, x)
    lap("differentiate")
    made = m.Function("f", [x], [y, slope])
    call = made if points == 1 else made.map(points)
given = at[0] if points == 1 else at
if system == "casadi":
    given = m.DM(given.T)
    lap("compile")
    run = lambda: call(given)
else:
    program = jax.jit(call).lower(given).compile()
    lap("compile")
    given = jax.numpy.asarray(given)
    run = lambda: jax.block_until_ready(program(given))
last = time.perf_counter()
run()
lap("first call")
steps = []
while len(steps) < 5 or (sum(steps) < 0.5 and len(steps) < 200):
    begin = time.perf_counter()
    run()
    steps.append(time.perf_counter() - begin)
laps["step"] = sorted(steps)[len(steps) // 2]
print(json.dumps({"laps": laps, "peak": peak_bytes()}))
"""


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields seconds and peak memory of each system on each graph, and how they grow."""
    cases = [("logistic", n, p) for n in ((8,) if quick else (1, 16, 256)) for p in (1, 10_000)]
    cases += [("product", n, 1) for n in ((100,) if quick else (10, 1_000, 100_000))]
    sizes = (300, 3_000) if quick else (300, 1_000, 10_000, 100_000, 1_000_000)
    cases += [("random", n, 1) for n in sizes]
    cases += [("random", n, 1_000 if quick else 10_000) for n in sizes[:1]]
    peers = ["jax"]
    if importlib.util.find_spec("casadi") is None:
        yield "scalar graphs: CasADi", "not installed: skipped", ""
    else:
        peers.append("casadi")
    grown: dict[str, list[tuple[int, float]]] = {}
    for what, count, points in cases:
        place = "at one point" if points == 1 else f"at {points:,} points"
        title = f"{what} {count:,} {place}"
        for system in ("graphc", *peers):
            if system == "jax" and count > _JAX_MOST:
                yield f"{title}: jax", "minutes to compile: left out", ""
                continue
            found = run_python(_CODE, system, what, str(count), str(points))
            laps = found["laps"]
            figure = ", ".join(f"{name} {seconds:.2g} s" for name, seconds in laps.items())
            yield f"{title}: {system}", f"{figure}, {megabytes(found['peak'])}", ""
            if system == "graphc" and what == "random" and points == 1:
                for name, seconds in laps.items():
                    grown.setdefault(name, []).append((count, seconds))
    for name, curve in grown.items():
        (small, first), (large, last) = curve[-2:]
        power = math.log(last / first) / math.log(large / small)
        yield f"random, {small:,} to {large:,}: exponent of {name}", f"{power:.2f}", "about 1"
