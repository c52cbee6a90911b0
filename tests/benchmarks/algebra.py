"""Tensor algebra as people write it: graphc's order of it against the same lines in plain JAX.

A second figure is against JAX rewritten by hand: 1.0 where graphc finds what a person would.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        rewritten: makes it of the operands as one writes it in JAX who knows what it costs.
        forced: names of families that are compared with what is chosen by cost; none for plain JAX.
    """

    what: str
    write: Callable[..., Any]
    operands: str
    aim: str
    rewritten: Callable[..., Any] | None = None
    forced: str | None = None


FORMS = (
    Form("A B v", lambda xp, a, b, v: (a @ b) @ v, "ABv", "as A (B v): 55x",
         lambda a, b, v: a @ (b @ v)),
    Form("A B C U, U tall", lambda xp, a, b, c, u: a @ b @ c @ u, "ABCU", "from the right: 53x",
         lambda a, b, c, u: a @ (b @ (c @ u))),
    Form("(A A') v", lambda xp, a, v: (a @ a.T) @ v, "Av", "as A (A' v): 32x",
         lambda a, v: a @ (v @ a)),
    Form("2 diag(u) A B v / 3", lambda xp, a, b, u, v: (2 * u[:, None] * a @ b / 3) @ v, "ABuv",
         "scalings move to vectors", lambda a, b, u, v: (2 / 3) * u * (a @ (b @ v))),
    Form("sum(A B)", lambda xp, a, b: xp.sum(a @ b), "AB", "no product: 112x",
         lambda a, b: a.sum(axis=0) @ b.sum(axis=1)),
    Form("trace(A B)", lambda xp, a, b: xp.trace(a @ b), "AB", "no product: 24x",
         lambda a, b: (a * b.T).sum()),
    Form("diag(A B)", lambda xp, a, b: xp.diagonal(a @ b), "AB", "no product: 9x",
         lambda a, b: (a * b.T).sum(axis=1)),
    Form("mean(A B, axis 0)", lambda xp, a, b: xp.mean(a @ b, axis=0), "AB", "no product",
         lambda a, b: a.mean(axis=0) @ b),
    Form("exp(A B') + B A'", lambda xp, a, b: xp.exp(a @ b.T) + (b @ a.T), "AB",
         "one product and its transpose"),
    Form("A C + B C", lambda xp, a, b, c: a @ c + b @ c, "ABC", "as (A + B) C",
         lambda a, b, c: (a + b) @ c),
    Form("A v + A u", lambda xp, a, u, v: a @ v + a @ u, "Auv", "as A (v + u)",
         lambda a, u, v: a @ (v + u)),
    Form("A v + B v", lambda xp, a, b, v: a @ v + b @ v, "ABv",
         "left as it is: (A + B) v is slower", forced="factoring"),
)  # fmt: skip
GRADIENTS = (
    Form("grad of sum(tanh(A B v)) by v", lambda xp, a, b, v: xp.sum(xp.tanh((a @ b) @ v)), "ABv",
         "both passes without A B"),
    Form("grad of trace(A B) by A", lambda xp, a, b: xp.trace(a @ b), "AB", "B'",
         lambda a, b: b.T),
    Form("grad of |A A' v|**2 by v", lambda xp, a, v: xp.sum(((a @ a.T) @ v) ** 2), "Av",
         "no Gram matrix"),
)  # fmt: skip
#: Rows that another module adds, where it is there.
_MORE = "tests.benchmarks.algebra_structure"


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields for each form how much faster graphc is than the same lines in JAX."""
    n, k, rounds = (400, 8, 9) if quick else (1000, 10, 15)
    for form in FORMS:
        yield from _rows(form, n, k, rounds, False)
    for form in GRADIENTS:
        yield from _rows(form, n, k, rounds, True)
    if importlib.util.find_spec(_MORE) is not None:
        yield from importlib.import_module(_MORE).rows(quick)


def _rows(form: Form, n: int, k: int, rounds: int, slope: bool) -> Iterator[tuple[str, str, str]]:
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
    calls = {"graphc": ours, name: other}
    if form.rewritten is not None:
        calls["rewritten"] = jax.jit(form.rewritten)
    left = np.asarray(ours(*values))
    for call in calls.values():
        right = np.asarray(call(*values))
        if not np.allclose(left, right, rtol=1e-3, atol=1e-4 * float(np.max(np.abs(right)))):
            raise RuntimeError(f"{form.what}: the two do not compute the same")
    times = named({n: functools.partial(call, *values) for n, call in calls.items()}, rounds)
    gain = ratio(times[name], times["graphc"])
    spent = f"{shown(median(times['graphc']))}, not {shown(median(times[name]))}"
    label = f"{form.what}, n = {n:,}" + (f": against {name} forced" if form.forced else "")
    yield label, f"{gain:.1f}x ({spent})", form.aim
    if form.rewritten is not None:
        yield f"{label}: {REWRITTEN}", by_rewritten(times), "1.0"


#: The words of the second figure.
REWRITTEN = "against JAX rewritten by hand"


def by_rewritten(times: Mapping[str, Sequence[float]]) -> str:
    """Returns how much faster graphc is than what a person wrote who knew what it costs."""
    return f"{ratio(times['rewritten'], times['graphc']):.2f}x"
