"""Graphs of scalars: logistic map, Speelpenning's product, random ones; graphc beside its peers.

Every figure is taken in a process of its own: value and gradient, in 64 bits. What is done once is
in CPU seconds, because load hides it; calls are medians of time on the clock. A system is left out
where it takes minutes for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.interleave import PEERS, absent, exponent, installed, shown
from tests.benchmarks.process import megabytes, run_python

#: Operations of the largest graph that a system is asked for, by graph; 0 for none.
_MOST = {
    "graphc": {},
    "jax": {"logistic": 256, "product": 300, "random": 300},
    "casadi": {},
    "pytensor": {"logistic": 4, "product": 300, "random": 300},
    "sympy": {"logistic": 8, "product": 10, "random": 0},
}

_CODE = """
import json, sys, time
import numpy as np
system, what, count, points = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
laps, last = {}, 0.0
def lap(name):
    global last
    now = time.process_time()
    laps[name], last = now - last, now
if system in ("graphc", "jax"):
    import jax
    jax.config.update("jax_enable_x64", True)
    jax.numpy.zeros(1) + 1  # what starts once
if system == "casadi":
    import casadi as m
    most = m.fmax
elif system == "sympy":
    import sympy as m
    most = m.Max
elif system == "pytensor":
    import pytensor
    import pytensor.tensor as m
    most = m.maximum
elif system == "graphc":
    import graphc as m
    m.compile  # loads what compiles
    most = m.maximum
else:
    import jax.numpy as m
    most = m.maximum
sin, tanh, exp = m.sin, m.tanh, m.exp
generator = np.random.default_rng(0)
size = {"logistic": 1, "product": count, "random": max(10, count // 100)}[what]
kinds = generator.integers(8, size=count).tolist()
back = generator.integers(1, size + 1, size=(count, 2)).tolist()
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
given = at[0] if points == 1 else at
last = time.process_time()
if system == "graphc":
    x = m.input("x", given.shape, m.float64)
    if points == 1:
        y = function(x)
    elif size == 1:
        y = m.map(lambda one: function([one]), x[:, 0])
    else:
        y = m.map(function, x)
    lap("build")
    both = [y, m.grad(m.sum(y), x)]
    lap("differentiate")
    call = m.compile(both, [x])
elif system == "jax":
    call = jax.value_and_grad(function)
    call = call if points == 1 else jax.vmap(call)
elif system == "casadi":
    x = m.SX.sym("x", size)
    y = function(m.vertsplit(x))
    lap("build")
    slope = m.gradient(y, x)
    lap("differentiate")
    made = m.Function("f", [x], [y, slope])
    call = made if points == 1 else made.map(points)
    given = m.DM(given.T)
    lap("compile")
    run = lambda: call(given)
elif system == "pytensor":
    x = m.dvector("x") if points == 1 else m.dmatrix("x")
    y = function(x if points == 1 else [x[:, i] for i in range(size)])
    lap("build")
    slope = pytensor.grad(m.sum(y), x)
    lap("differentiate")
    call = pytensor.function([x], [y, slope])
    lap("compile")
    run = lambda: call(given)
else:
    x = m.symbols(f"x:{size}")
    y = function(x)
    lap("build")
    slope = [m.diff(y, u) for u in x]
    lap("differentiate")
    call = m.lambdify(x, [y, *slope], modules="numpy", cse=True)
    lap("compile")
    run = lambda: call(*given.T)
if system in ("graphc", "jax"):
    program = jax.jit(call).lower(given).compile()
    lap("compile")
    given = jax.numpy.asarray(given)
    run = lambda: jax.block_until_ready(program(given))
begin = time.perf_counter()
run()
laps["first call"] = time.perf_counter() - begin
steps = []
while len(steps) < 3 or (sum(steps) < 0.5 and len(steps) < 200):
    begin = time.perf_counter()
    run()
    steps.append(time.perf_counter() - begin)
laps["step"] = sorted(steps)[len(steps) // 2]
plan = ""
if system == "graphc":
    taken = [c for c in call.plan().choices if c.taken]
    plan = taken[0].after if taken else "as it was written"
print(json.dumps({"laps": laps, "peak": peak_bytes(), "plan": plan}))
"""


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields seconds and peak memory of each system on each graph, and how they grow."""
    million = 10_000 if quick else 1_000_000
    cases = [("logistic", n, p) for n in ((8,) if quick else (1, 16, 256)) for p in (1, million)]
    cases += [("product", n, 1) for n in ((100,) if quick else (10, 1_000, 100_000))]
    sizes = (300, 3_000) if quick else (300, 1_000, 10_000, 100_000, 1_000_000)
    cases += [("random", n, 1) for n in sizes]
    cases += [("random", n, 1_000 if quick else 10_000) for n in sizes[: 1 if quick else 3]]
    systems = ["graphc", "jax"]
    for name in PEERS:
        if installed(name):
            systems.append(name)
        else:
            yield absent("scalar graphs", name)
    grown: dict[str, list[tuple[int, float]]] = {}
    for what, count, points in cases:
        place = "at one point" if points == 1 else f"at {points:,} points"
        title = f"{what} {count:,} {place}"
        for system in systems:
            if count > _MOST[system].get(what, count):
                yield f"{title}: {system}", "takes minutes: left out", ""
                continue
            found = run_python(_CODE, system, what, str(count), str(points))
            laps = found["laps"]
            figure = ", ".join(f"{name} {shown(seconds)}" for name, seconds in laps.items())
            yield f"{title}: {system}", f"{figure}, {megabytes(found['peak'])}", found["plan"]
            if system == "graphc" and what == "random" and points == 1:
                for name, seconds in laps.items():
                    grown.setdefault(name, []).append((count, seconds))
    for name, curve in grown.items():
        (small, first), (large, last) = curve[-2:]
        power = exponent((small, large), (first, last))
        yield f"random, {small:,} to {large:,}: exponent of {name}", f"{power:.2f}", "about 1"
