"""Branches and loops as XLA has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from graphc.backends.run import run_graph
from graphc.core.graph import Graph

#: A loop over large arrays whose body is elementwise goes through memory at every step; four steps
#: in one are up to four times as quick, more are not. Nodes of such a body at most, and elements.
_UNROLLED, _LIGHT, _LARGE = 4, 16, 2**14
_FUSED = frozenset({"elementwise", "source"})


def _one_or_tuple(results: Sequence[Any]) -> Any:
    return results[0] if len(results) == 1 else tuple(results)


def _runner(xp: Any, graph: Graph) -> Callable[..., tuple[Any, ...]]:
    return lambda *args: tuple(run_graph(graph, args, xp))


def switch(xp: Any, index: Any, args: Sequence[Any], branches: Sequence[Graph]) -> Any:
    """Returns what the chosen branch makes of the operands; an index out of range is clamped."""
    runners = [_runner(xp, branch) for branch in branches]
    if len(runners) == 1:
        return _one_or_tuple(runners[0](*args))
    if jnp.asarray(index).dtype == bool:
        return _one_or_tuple(lax.cond(index, runners[1], runners[0], *args))
    return _one_or_tuple(lax.switch(index, runners, *args))


def scan(
    xp: Any,
    args: Sequence[Any],
    graph: Graph,
    carries: int,
    scanned: int,
    length: int,
    reverse: bool,
) -> Any:
    """Returns the last carries, and the other results of every step, stacked."""
    fixed = args[carries + scanned :]

    def body(carry: Any, xs: Any) -> Any:
        results = run_graph(graph, [*carry, *xs, *fixed], xp)
        return tuple(results[:carries]), tuple(results[carries:])

    init, xs = tuple(args[:carries]), tuple(args[carries : carries + scanned])
    large = length >= 4 * _UNROLLED and any(a.size >= _LARGE for a in init)
    unroll = _UNROLLED if large and _is_light(graph) else 1
    last, stacked = lax.scan(body, init, xs, length=length, reverse=reverse, unroll=unroll)
    return _one_or_tuple([*last, *stacked])


def _is_light(graph: Graph) -> bool:
    """Tells whether a body is a few elementwise operations, which XLA fuses over several steps."""
    return graph.steps <= _LIGHT and all(node.op.group in _FUSED for node in graph.order())


def while_loop(
    xp: Any, args: Sequence[Any], test: Graph, graph: Graph, carries: int, bound: int | None
) -> Any:
    """Returns what is carried when the test first fails."""
    assert bound is None, "a loop with a bound is lowered as a scan"
    fixed = args[carries:]
    last = lax.while_loop(
        lambda carry: run_graph(test, [*carry, *fixed], xp)[0],
        lambda carry: tuple(run_graph(graph, [*carry, *fixed], xp)),
        tuple(args[:carries]),
    )
    return _one_or_tuple(last)


def recompute(xp: Any, graph: Graph, args: Sequence[Any], held: int) -> Any:
    """Returns what a block makes of the operands.

    On the way up (`held` is 0) JAX's own backward pass is told to run it again too. On the way back
    the compiler must not find its values equal to those of the way up, and must not compute them
    before the adjoints are there: an optimisation barrier says so. XLA on the CPU drops barriers
    before it looks for equal values; there a branch that is always taken, which XLA can't know,
    keeps them apart.
    """
    run = _runner(xp, graph)
    if not held:
        return _one_or_tuple(jax.checkpoint(run)(*args))

    def behind(*values: Any) -> Any:
        return run(*lax.optimization_barrier(values))

    def within(*values: Any) -> Any:
        seed = values[-1]
        if not seed.size:
            return run(*values)
        first = jnp.real(seed[(0,) * seed.ndim])
        always = (lax.convert_element_type(first, jnp.int32) | 1) != 0
        shapes = jax.eval_shape(run, *values)
        nothing = lambda *_: tuple(jnp.zeros(s.shape, s.dtype) for s in shapes)
        return lax.cond(always, run, nothing, *values)

    return _one_or_tuple(lax.platform_dependent(*args, cpu=within, default=behind))


def implicit(xp: Any, graph: Graph, solution: Any, others: Sequence[Any]) -> Any:
    """Returns the solution; JAX differentiates it by the equation, with its own slopes of that."""

    def equation(x: Any, *rest: Any) -> Any:
        return run_graph(graph, [x, *rest], xp)[0]

    @jax.custom_jvp
    def found(x: Any, *rest: Any) -> Any:
        return x

    @found.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        x, rest = found(*primals), tuple(primals[1:])
        _, moved = jax.jvp(lambda *p: equation(x, *p), rest, tuple(tangents[1:]))
        matrix = jax.jacfwd(lambda v: equation(v, *rest))(x)
        return x, -jnp.linalg.solve(matrix, moved)

    return found(lax.stop_gradient(solution), *others)
