"""Sums over many rows with their gradients, in blocks of rows that the cache holds; JAX by hand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import graphc as gx
from tests.benchmarks.interleave import median, named, ratio, shown, temporaries


@dataclass(frozen=True, slots=True)
class Case:
    """A function of arrays, written once for graphc and JAX.

    Attributes:
        what: in words.
        shapes: of the arrays, in float32.
        write: makes the value of them, with `gx` or `jax.numpy` as the first argument.
        by: the arrays it is differentiated by, by place.
    """

    what: str
    shapes: Sequence[tuple[int, ...]]
    write: Callable[..., Any]
    by: tuple[int, ...]


def _pairs(xp: Any, x: Any) -> Any:
    apart = xp.expand_dims(x, 1) - x
    return xp.sum(xp.exp(-xp.sum(apart * apart, axis=2)))


def _radial(xp: Any, centres: Any, weights: Any, x: Any, y: Any) -> Any:
    apart = xp.expand_dims(x, 1) - centres
    kernel = xp.exp(-0.5 * xp.sum(apart * apart, axis=2))
    return xp.sum((kernel @ weights - y) ** 2)


def _network(xp: Any, first: Any, second: Any, third: Any, x: Any, y: Any) -> Any:
    hidden = xp.tanh(xp.tanh(x @ first) @ second)
    return xp.sum((hidden @ third - y) ** 2)


def _cases(quick: bool) -> list[Case]:
    n = 1000 if quick else 5000
    m = 500 if quick else 2000
    return [
        Case(f"sum over pairs of {m:,} points", [(m, 10)], _pairs, (0,)),
        Case(f"100 radial functions, {n:,} points", [(100, 20), (100,), (n, 20), (n,)], _radial,
             (0, 1)),
        Case(f"a network of 3 layers, all {4 * n:,} examples",
             [(32, 64), (64, 64), (64, 8), (4 * n, 32), (4 * n, 8)], _network, (0, 1, 2)),
    ]  # fmt: skip


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields for each case how much faster graphc is than JAX by hand, and the temporaries."""
    for case in _cases(quick):
        yield from _rows(case, 7 if quick else 15)


def _rows(case: Case, rounds: int) -> Iterator[tuple[str, str, str]]:
    inputs = [gx.input(f"x{i}", shape, gx.float32) for i, shape in enumerate(case.shapes)]
    slopes = gx.grad(case.write(gx, *inputs), [inputs[i] for i in case.by])
    ours = gx.compile(slopes, inputs)
    whole = gx.compile(slopes, inputs, optimize=False)
    hand = jax.jit(jax.grad(functools.partial(case.write, jnp), case.by))
    generator = np.random.default_rng(0)
    values = [jnp.asarray(generator.normal(size=s) * 0.3, jnp.float32) for s in case.shapes]
    for one, other in zip(ours(*values), hand(*values), strict=True):
        scale = float(jnp.max(jnp.abs(other)))
        if not np.allclose(one, other, rtol=1e-3, atol=1e-4 * scale):
            raise RuntimeError(f"{case.what}: the two do not compute the same")
    calls = {"graphc": ours, "hand": hand, "whole": whole}
    times = named({name: functools.partial(c, *values) for name, c in calls.items()}, rounds)
    spent = f"{shown(median(times['graphc']))}, not {shown(median(times['hand']))}"
    gain = ratio(times["hand"], times["graphc"])
    yield f"{case.what}: gradient, against JAX by hand", f"{gain:.1f}x ({spent})", "1 or more"
    gain = ratio(times["whole"], times["graphc"])
    yield f"{case.what}: against graphc without rewrites", f"{gain:.1f}x", "1 or more"
    figure = temporaries(ours.memory()["temp"], hand, values)
    yield f"{case.what}: temporaries", figure, ""
