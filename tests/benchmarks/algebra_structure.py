"""Structure of matrices made use of: graphc against the same lines in plain JAX."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.algebra import REWRITTEN, by_rewritten
from tests.benchmarks.interleave import median, named, ratio, shown


@dataclass(frozen=True, slots=True)
class Case:
    """One piece of algebra.

    Attributes:
        what: in the mathematician's words.
        shapes: name to shape of each operand; `S` is positive definite, `i` holds integers.
        ours: makes the outputs of input nodes.
        by_hand: what a person writes in JAX.
        aim: what the figure should be.
        rewritten: what a person writes who knows what it costs.
    """

    what: str
    shapes: dict[str, tuple[int, ...]]
    ours: Callable[..., Any]
    by_hand: Callable[..., Any]
    aim: str
    rewritten: Callable[..., Any] | None = None


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields for each case how much faster graphc is than the same lines in JAX."""
    for case in [*_systems(200 if quick else 500), *_products(300 if quick else 1000)]:
        yield from _rows(case, 9 if quick else 15)


def _systems(n: int) -> list[Case]:
    import jax
    import jax.numpy as jnp

    import graphc as gx

    linalg = gx.linalg
    cho_factor, cho_solve = jax.scipy.linalg.cho_factor, jax.scipy.linalg.cho_solve

    def said(s: Any) -> Any:
        return gx.assume(s, "positive_definite")

    def density(inverse: Any, slogdet: Any, s: Any, r: Any) -> Any:
        return -0.5 * (r @ inverse(s) @ r) - 0.5 * slogdet(s)[1]

    def both(s: Any, r: Any) -> Any:
        value = density(linalg.inv, linalg.slogdet, said(s), r)
        return [value, *gx.grad(value, [s, r])]

    def both_by_hand(s: Any, r: Any) -> Any:
        return jax.value_and_grad(
            lambda s, r: density(jnp.linalg.inv, jnp.linalg.slogdet, s, r), (0, 1)
        )(s, r)

    system = {"S": (n, n), "v": (n,)}
    diagonal = {"d": (n,), "X": (n, 8), "s": ()}

    def spread(eye: Any, diag: Any, solve: Any, exp: Any, d: Any, x: Any, s: Any) -> Any:
        return solve(diag(exp(d)) + exp(s) * eye, x)

    return [
        Case(f"inv(S) v, S said positive definite, n = {n}", system,
             lambda s, v: linalg.inv(said(s)) @ v, lambda s, v: jnp.linalg.inv(s) @ v, "3.1x",
             lambda s, v: cho_solve(cho_factor(s), v)),
        Case(f"inv(A) v, nothing known, n = {n}", system,
             lambda s, v: linalg.inv(s) @ v, lambda s, v: jnp.linalg.inv(s) @ v, "> 1x",
             jnp.linalg.solve),
        Case(f"solve(S, v), S said positive definite, n = {n}", system,
             lambda s, v: linalg.solve(said(s), v), jnp.linalg.solve, "> 1x"),
        Case(f"solve(A A' + I, v), derived, n = {n}", system,
             lambda s, v: linalg.solve(s @ s.T + gx.eye(n), v),
             lambda s, v: jnp.linalg.solve(s @ s.T + jnp.eye(n), v), "> 1x"),
        Case(f"log det S, S said positive definite, n = {n}", {"S": (n, n)},
             lambda s: linalg.slogdet(said(s)).logabsdet,
             lambda s: jnp.linalg.slogdet(s)[1], "1.6x",
             lambda s: 2 * jnp.log(jnp.diagonal(jnp.linalg.cholesky(s))).sum()),
        Case(f"Gaussian log-density and its gradient, n = {n}", system, both, both_by_hand,
             "one factor for all"),
        Case(f"solve(diag(e^d) + e^s I, X), n = {n}", diagonal,
             lambda d, x, s: spread(gx.eye(n), gx.diag, linalg.solve, gx.exp, d, x, s),
             lambda d, x, s: spread(jnp.eye(n), jnp.diag, jnp.linalg.solve, jnp.exp, d, x, s),
             "a division"),
        Case(f"solve(tril(S), v), n = {n}", system,
             lambda s, v: linalg.solve(gx.tril(s), v),
             lambda s, v: jnp.linalg.solve(jnp.tril(s), v), "substitution"),
    ]  # fmt: skip


def _products(n: int) -> list[Case]:
    import jax
    import jax.numpy as jnp

    import graphc as gx

    square = {"v": (n,), "A": (n, n)}
    hot = {"i": (n,), "W": (64, n)}
    back = {"i": (n,), "A": (n, n)}
    return [
        Case(f"diag(v) A diag(v), n = {n}", square,
             lambda v, a: gx.diag(v) @ a @ gx.diag(v),
             lambda v, a: jnp.diag(v) @ a @ jnp.diag(v), "no product"),
        Case(f"one_hot(i) W, 64 classes, n = {n}", hot,
             lambda i, w: gx.one_hot(i, 64) @ w,
             lambda i, w: jax.nn.one_hot(i, 64) @ w, "a gather"),
        Case(f"one_hot(i)' A, 64 classes, n = {n}", back,
             lambda i, a: gx.one_hot(i, 64).T @ a,
             lambda i, a: jax.nn.one_hot(i, 64).T @ a, "a sum by places"),
        Case(f"(1 1') A / n, n = {n}", {"A": (n, n)},
             lambda a: gx.ones((n, n)) @ a / n, lambda a: jnp.ones((n, n)) @ a / n, "a sum"),
    ]  # fmt: skip


def _rows(case: Case, rounds: int) -> Iterator[tuple[str, str, str]]:
    import jax
    import numpy as np

    import graphc as gx

    values = _values(case.shapes)
    inputs = [
        gx.input(name, shape, gx.int32 if name == "i" else gx.float32)
        for name, shape in case.shapes.items()
    ]
    ours = gx.compile(case.ours(*inputs), inputs)
    calls = {"graphc": ours, "JAX": jax.jit(case.by_hand)}
    if case.rewritten is not None:
        calls["rewritten"] = jax.jit(case.rewritten)
    for name, call in calls.items():
        for mine, theirs in zip(*[jax.tree.leaves(f(*values)) for f in (ours, call)], strict=True):
            scale = float(np.max(np.abs(theirs)))
            if not np.allclose(mine, theirs, rtol=1e-2, atol=1e-3 * scale):
                raise RuntimeError(f"{case.what}: {name} does not compute the same")
    times = named({n: functools.partial(call, *values) for n, call in calls.items()}, rounds)
    gain = ratio(times["JAX"], times["graphc"])
    spent = f"{shown(median(times['graphc']))}, not {shown(median(times['JAX']))}"
    yield case.what, f"{gain:.1f}x ({spent})", case.aim
    if case.rewritten is not None:
        yield f"{case.what}: {REWRITTEN}", by_rewritten(times), "1.0"


def _values(shapes: dict[str, tuple[int, ...]]) -> list[Any]:
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng(0)
    found: list[Any] = []
    for name, shape in shapes.items():
        made: Any = rng.normal(size=shape)
        if name == "S":
            made = made @ made.T / shape[0] + np.eye(shape[0])
        if name == "i":
            made = rng.integers(0, 64, shape)
        found.append(jnp.asarray(made, jnp.int32 if name == "i" else jnp.float32))
    return found
