"""Sparse derivatives: Broyden's tridiagonal residual, Rosenbrock's Hessian, by graphc and peers.

The peers: JAX with three seeds coloured by hand, JAX's own dense derivative where it fits, and
CasADi, which finds structure and colours itself.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import graphc as gx
from graphc.sparse.colouring import colour_columns
from graphc.sparse.star import colour_symmetric
from tests.benchmarks.interleave import absent, exponent, median, named, peer, ratio, shown, wait
from tests.benchmarks.process import megabytes, run_python

#: Up to so many inputs the dense derivative is measured, and CasADi's scalar graph.
DENSE, QUICK_DENSE, SCALAR = 10_000, 1000, 100_000

Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a derivative: its seconds to the first result, and how to call it again."""

    stages: dict[str, float]
    call: Callable[[], Any]
    values: Callable[[], np.ndarray]


# -- the two functions, written once for arrays of graphc, JAX and CasADi --------------------------


def residual(x: Any, join: Callable[..., Any], zero: Any) -> Any:
    """Returns Broyden's tridiagonal function (Math. Comp. 19 (1965) 577)."""
    below, above = join([zero, x[:-1]]), join([x[1:], zero])
    return (3 - 2 * x) * x - below - 2 * above + 1


def rosenbrock(x: Any, total: Callable[[Any], Any]) -> Any:
    """Returns the chained Rosenbrock function."""
    return total(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def by_graphc(problem: str, size: int, point: Any, mode: str | None = None) -> Way:
    """Returns graphc's way; the stages are graph, derivative (structure, colours), first call."""
    start = time.perf_counter()
    x = gx.input("x", (size,), gx.float64)
    if problem == "tridiagonal":
        output = residual(x, gx.concat, gx.zeros((1,), gx.float64))
    else:
        output = rosenbrock(x, gx.sum)
    built = time.perf_counter()
    find: Any = gx.sparse_jacobian if problem == "tridiagonal" else gx.sparse_hessian
    made = find(output, x, mode=mode)
    derived = time.perf_counter()
    step = gx.compile(made.values)
    wait(step(x=point))
    done = time.perf_counter()
    return Way(
        {"graph": built - start, "derivative": derived - built, "first call": done - derived},
        lambda: step(x=point),
        lambda: np.sort(np.asarray(step(x=point))),
    )


def by_hand(problem: str, size: int, point: Any) -> Way:
    """Returns hand-written JAX: three seeds in one batch of JVPs, three diagonals read off."""
    function = _in_jax(problem)
    pushed = function if problem == "tridiagonal" else jax.grad(function)

    @jax.jit
    def diagonals(x: Any) -> Any:
        places = jnp.arange(size)
        seeds = (places % 3 == jnp.arange(3)[:, None]).astype(x.dtype)
        products = jax.vmap(jax.linearize(pushed, x)[1])(seeds)
        return jnp.concatenate(
            [
                products[places[:-1] % 3, places[1:]],
                products[places % 3, places],
                products[places[1:] % 3, places[:-1]],
            ]
        )

    return _first(diagonals, point, lambda found: np.sort(np.asarray(found)))


def by_dense(problem: str, size: int, point: Any) -> Way:
    """Returns JAX's own dense derivative."""
    derive = jax.jacfwd if problem == "tridiagonal" else jax.hessian
    call = jax.jit(derive(_in_jax(problem)))

    def near(found: Any) -> np.ndarray:
        full = np.asarray(found)
        return np.sort(np.concatenate([np.diag(full, k) for k in (-1, 0, 1)]))

    return _first(call, point, near)


def _in_jax(problem: str) -> Callable[[Any], Any]:
    if problem == "tridiagonal":
        return functools.partial(residual, join=jnp.concatenate, zero=jnp.zeros(1))
    return functools.partial(rosenbrock, total=jnp.sum)


def _first(call: Callable[[Any], Any], point: Any, values: Callable[[Any], np.ndarray]) -> Way:
    start = time.perf_counter()
    wait(call(point))
    seconds = time.perf_counter() - start
    return Way({"first call": seconds}, lambda: call(point), lambda: values(call(point)))


def by_casadi(problem: str, size: int, point: Any) -> Way | None:
    """Returns CasADi's way on its scalar graph; None where it is not installed."""
    casadi = peer("casadi")
    if casadi is None:
        return None
    start = time.perf_counter()
    x = casadi.SX.sym("x", size)
    if problem == "tridiagonal":
        output = residual(x, lambda parts: casadi.vertcat(*parts), casadi.SX.zeros(1))
    else:
        output = rosenbrock(x, casadi.sum1)
    built = time.perf_counter()
    find = casadi.jacobian if problem == "tridiagonal" else lambda f, v: casadi.hessian(f, v)[0]
    made = find(output, x)
    derived = time.perf_counter()
    step = casadi.Function("step", [x], [made])
    there = casadi.DM(np.asarray(point))
    step(there)
    done = time.perf_counter()
    return Way(
        {"graph": built - start, "derivative": derived - built, "first call": done - derived},
        lambda: step(there),
        lambda: np.sort(np.asarray(step(there).nonzeros())),
    )


# -- the rows --------------------------------------------------------------------------------------


def rows(quick: bool) -> Iterator[Row]:
    """Yields the rows of both problems."""
    sizes = [10, 1000, 100_000] if quick else [10, 100, 1000, 10_000, 100_000, 1_000_000]
    rounds = 5 if quick else 15
    jax.config.update("jax_enable_x64", True)
    by_graphc("tridiagonal", 7, jnp.ones(7))  # what is loaded once is no part of a row
    for problem in ("tridiagonal", "rosenbrock"):
        derived: list[float] = []
        for size in sizes:
            ways = _ways(problem, size, QUICK_DENSE if quick else DENSE)
            derived.append(ways["graphc"].stages["derivative"])
            yield from _rows_of(f"{problem}, n = {size:,}", ways, rounds)
            yield from _parts(problem, size)
            if peer("casadi") is None:
                yield absent(f"{problem}, n = {size:,}", "casadi")
        if len(sizes) > 3:
            power = exponent(sizes[-3:], derived[-3:])
            yield (f"{problem}: derivative in graphc grows as n to the", f"{power:.2f}", "1")
        yield from _peaks(problem, sizes[-1])


def _ways(problem: str, size: int, most: int) -> dict[str, Way]:
    point = jnp.asarray(np.random.default_rng(0).normal(size=size))
    ways: dict[str, Way | None] = {
        "graphc": by_graphc(problem, size, point),
        "graphc, coloured": by_graphc(
            problem, size, point, "jvp" if problem == "tridiagonal" else "hvp"
        ),
        "JAX, coloured by hand": by_hand(problem, size, point),
        "JAX, dense": by_dense(problem, size, point) if size <= most else None,
        "CasADi": by_casadi(problem, size, point) if size <= SCALAR else None,
    }
    found = {name: way for name, way in ways.items() if way is not None}
    _check(found)
    return found


def _check(ways: dict[str, Way]) -> None:
    """Asserts that all ways give the same entries: a fast wrong one is no peer."""
    true = ways["JAX, coloured by hand"].values()
    for name, way in ways.items():
        values = way.values()
        assert values.shape == true.shape, name
        np.testing.assert_allclose(values, true, rtol=1e-9, atol=1e-9 * np.abs(true).max())


def _rows_of(title: str, ways: dict[str, Way], rounds: int) -> Iterator[Row]:
    times = named({name: way.call for name, way in ways.items()}, rounds)
    hand = times["JAX, coloured by hand"]
    for name, way in ways.items():
        stages = ", ".join(f"{stage} {shown(s)}" for stage, s in way.stages.items())
        yield (
            f"{title}: {name}: until the first result",
            f"{shown(sum(way.stages.values()))} ({stages})",
            "",
        )
        share = ratio(hand, times[name])
        figure = f"{shown(median(times[name]))} ({share:.2f} x as fast as by hand)"
        yield (f"{title}: {name}: step", figure, "1 x or more" if name == "graphc" else "")


def _parts(problem: str, size: int) -> Iterator[Row]:
    """Yields the seconds of structure and colours, which graphc takes where it has no bands."""
    x = gx.input("x", (size,), gx.float64)
    if problem == "tridiagonal":
        output = residual(x, gx.concat, gx.zeros((1,), gx.float64))
    else:
        output = gx.grad(rosenbrock(x, gx.sum), x)
    start = time.perf_counter()
    found = gx.sparsity(output, x)
    known = time.perf_counter()
    rows, columns = found.rows.astype(np.int64), found.columns.astype(np.int64)
    if problem == "tridiagonal":
        colours = colour_columns(rows, columns, found.shape)
    else:
        colours = colour_symmetric(rows, columns, size)
    done = time.perf_counter()
    title = f"{problem}, n = {size:,}: graphc"
    yield (f"{title}: structure ({found.nnz:,} entries)", shown(known - start), "")
    yield (f"{title}: colours ({colours.count})", shown(done - known), "")


_PEAK = """
import json, sys
import jax.numpy as jnp, numpy as np, jax
import graphc, scipy.sparse
from tests.benchmarks import sparse
jax.config.update("jax_enable_x64", True)
problem, size, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
point = jnp.asarray(np.random.default_rng(0).normal(size=size))
way = getattr(sparse, name)(problem, size, point)
print(json.dumps({"peak": peak_bytes()}))
"""


def _peaks(problem: str, size: int) -> Iterator[Row]:
    """Yields the memory of a process of its own that makes one way and its first result."""
    for name, words in (("by_graphc", "graphc"), ("by_hand", "JAX, coloured by hand")):
        peak = run_python(_PEAK, problem, str(size), name)["peak"]
        yield (f"{problem}, n = {size:,}: {words}: peak memory of the process", megabytes(peak), "")
