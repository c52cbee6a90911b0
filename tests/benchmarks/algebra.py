"""Tensor algebra as people write it: graphc's order of it against the same lines in plain JAX."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.interleave import median, named, ratio, shown

#: What is multiplied is normal with variance 1 / n, in float32.
_SIZES = {"A": "nn", "B": "nn", "C": "nn", "D": "nn", "U": "nk", "V": "nk", "u": "n", "v": "n"}


@dataclass(frozen=True, slots=True)
class Form:
    """One piece of algebra.

    Attributes:
        what: in the mathematician's words.
        write: makes it of the operands, with `gx` or `jax.numpy` as the first argument.
        operands: their names, see `_SIZES`.
        aim: what the figure should be.
        forced: names of families that are compared with what is chosen by cost; none for plain JAX.
    """

    what: str
    write: Callable[..., Any]
    operands: str
    aim: str
    forced: str | None = None


FORMS = (
    Form("A B v", lambda xp, a, b, v: (a @ b) @ v, "ABv", "as A (B v): 55x"),
    Form("A B C U, U tall", lambda xp, a, b, c, u: a @ b @ c @ u, "ABCU", "from the right: 53x"),
    Form("(A A') v", lambda xp, a, v: (a @ a.T) @ v, "Av", "as A (A' v): 32x"),
    Form("2 diag(u) A B v / 3", lambda xp, a, b, u, v: (2 * u[:, None] * a @ b / 3) @ v, "ABuv",
         "scalings move to vectors"),
    Form("sum(A B)", lambda xp, a, b: xp.sum(a @ b), "AB", "no product: 112x"),
    Form("trace(A B)", lambda xp, a, b: xp.trace(a @ b), "AB", "no product: 24x"),
    Form("diag(A B)", lambda xp, a, b: xp.diagonal(a @ b), "AB", "no product: 9x"),
    Form("mean(A B, axis 0)", lambda xp, a, b: xp.mean(a @ b, axis=0), "AB", "no product"),
    Form("exp(A B') + B A'", lambda xp, a, b: xp.exp(a @ b.T) + (b @ a.T), "AB",
         "one product and its transpose"),
    Form("A C + B C", lambda xp, a, b, c: a @ c + b @ c, "ABC", "as (A + B) C"),
    Form("A v + A u", lambda xp, a, u, v: a @ v + a @ u, "Auv", "as A (v + u)"),
    Form("A v + B v", lambda xp, a, b, v: a @ v + b @ v, "ABv",
         "left as it is: (A + B) v is slower", "factoring"),
)  # fmt: skip
GRADIENTS = (
    Form("grad of sum(tanh(A B v)) by v", lambda xp, a, b, v: xp.sum(xp.tanh((a @ b) @ v)), "ABv",
         "both passes without A B"),
    Form("grad of trace(A B) by A", lambda xp, a, b: xp.trace(a @ b), "AB", "B'"),
    Form("grad of |A A' v|**2 by v", lambda xp, a, v: xp.sum(((a @ a.T) @ v) ** 2), "Av",
         "no Gram matrix"),
)  # fmt: skip
#: Rows that another module adds, where it is there.
_MORE = "tests.benchmarks.algebra_structure"


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields for each form how much faster graphc is than the same lines in JAX."""
    n, k, rounds = (400, 8, 9) if quick else (1000, 10, 15)
    for form in FORMS:
        yield _row(form, n, k, rounds, False)
    for form in GRADIENTS:
        yield _row(form, n, k, rounds, True)
    if importlib.util.find_spec(_MORE) is not None:
        yield from importlib.import_module(_MORE).rows(quick)


def _row(form: Form, n: int, k: int, rounds: int, slope: bool) -> tuple[str, str, str]:
    import jax
    import jax.numpy as jnp
    import numpy as np

    import graphc as gx

    sizes = {"n": n, "k": k}
    rng = np.random.default_rng(0)
    shapes = [tuple(sizes[s] for s in _SIZES[name]) for name in form.operands]
    values = [jnp.asarray(rng.normal(size=s) / n**0.5, jnp.float32) for s in shapes]
    inputs = [gx.input(c, s) for c, s in zip(form.operands, shapes, strict=True)]
    node: Any = form.write(gx, *inputs)

    def by_hand(*given: Any) -> Any:
        return form.write(jnp, *given)

    at = len(inputs) - 1 if form.operands[-1] in "uv" else 0
    if slope:
        node = gx.grad(node, inputs[at])
    ours = gx.compile(node, inputs)
    other: Any
    if form.forced is not None:
        other, name = gx.compile(node, inputs, optimize=form.forced), form.forced
    else:
        other, name = jax.jit(jax.grad(by_hand, at) if slope else by_hand), "JAX as written"
    left, right = np.asarray(ours(*values)), np.asarray(other(*values))
    if not np.allclose(left, right, rtol=1e-3, atol=1e-4 * float(np.max(np.abs(right)))):
        raise RuntimeError(f"{form.what}: the two do not compute the same")
    times = named({"graphc": lambda: ours(*values), name: lambda: other(*values)}, rounds)
    gain = ratio(times[name], times["graphc"])
    spent = f"{shown(median(times['graphc']))}, not {shown(median(times[name]))}"
    label = f"{form.what}, n = {n:,}" + (f": against {name} forced" if form.forced else "")
    return label, f"{gain:.1f}x ({spent})", form.aim
