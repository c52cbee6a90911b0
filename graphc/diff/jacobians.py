"""Jacobians one pass at a time: from the output back, from the inputs on, or as costs tell."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.errors import EngineError, show_value
from graphc.core.node import Node
from graphc.core.system import GRAPHC
from graphc.diff.analytic import analytic_gradients
from graphc.diff.columns import map_columns
from graphc.diff.engines import ENGINES, check_options, system_for
from graphc.diff.forward import forward_jacobian
from graphc.diff.numeric import numeric_jacobian
from graphc.diff.referee import referee_gradients
from graphc.diff.reverse import reverse_gradients

#: Engines of whole Jacobians: chosen by cost, or made of both modes.
WAYS = ("auto", "mixed", "elimination")


def jacobians(
    output: Node, wrt: Sequence[Node], engine: str, chunk: int, match: str, options: Any
) -> list[Node]:
    """Returns the output's Jacobian by each node; see `gx.jacobian`."""
    if not isinstance(engine, str) or engine not in (*ENGINES, *WAYS):
        raise EngineError(
            f"there is no engine {show_value(engine)}", f"use one of {', '.join((*ENGINES, *WAYS))}"
        )
    check_options(engine, options)
    if engine == "elimination":
        from graphc.diff.elimination import elimination  # seldom asked for

        return elimination(output, wrt, system=system_for("reverse", match)).jacobians
    if engine == "forward":
        system = system_for(engine, match)
        return [forward_jacobian(output, n, chunk, system=system) for n in wrt]
    if engine == "numeric":
        system_for(engine, match)
        return [numeric_jacobian(output, n, chunk=chunk, **options) for n in wrt]
    if engine in ("auto", "mixed"):
        return [_by_cost(output, n, engine, chunk, match) for n in wrt]
    pull = functools.partial(pull_of(engine, match), **options)
    return [rows(output, n, pull, chunk) for n in wrt]


def hessians(loss: Node, wrt: Sequence[Node], engine: str, match: str) -> list[list[Node]]:
    """Returns the blocks of the Hessian, the Jacobian of the gradient made in one of `WAYS`."""
    first = "elimination" if engine == "elimination" else "reverse"
    gradients = jacobians(loss, wrt, first, 64, match, {})
    if engine == "elimination":
        return [jacobians(g, wrt, engine, 64, match, {}) for g in gradients]
    return [
        [_by_cost(g, n, engine, 64, match, loss if n is w else None, 2) for n in wrt]
        for w, g in zip(wrt, gradients, strict=True)
    ]


def _by_cost(
    output: Node,
    wrt: Node,
    engine: str,
    chunk: int,
    match: str,
    loss: Node | None = None,
    order: int = 1,
) -> Node:
    from graphc.diff.strategy import HESSIAN_STRATEGIES, STRATEGIES, jacobian_by_cost

    every = STRATEGIES if order == 1 else HESSIAN_STRATEGIES
    found, _, choice, _ = jacobian_by_cost(
        output,
        wrt,
        one_ways(chunk, match),
        engines=every if engine == "auto" else (engine,),
        system=system_for("reverse", match),
        loss=loss,
    )
    return found[choice]


def one_ways(chunk: int, match: str) -> dict[str, Callable[[Node, Node], Node]]:
    """Returns the Jacobian functions of the modes reverse and forward."""
    system = system_for("reverse", match)
    pull = pull_of("reverse", match)
    return {
        "reverse": lambda output, wrt: rows(output, wrt, pull, chunk),
        "forward": lambda output, wrt: forward_jacobian(output, wrt, chunk, system=system),
    }


def pull_of(engine: str, match: str) -> Callable[..., list[Node]]:
    """Returns `pull(output, wrt, seed)` of an engine that goes from the output back."""
    if engine not in _PULLS:
        raise EngineError(
            f"there is no engine {show_value(engine)}", f"use one of {', '.join(ENGINES)}"
        )
    system = system_for(engine, match)
    pull = _PULLS[engine]
    return pull if system is GRAPHC else functools.partial(pull, system=system)


def _symbolic_pull(
    output: Node, wrt: Sequence[Node], seed: Node | None = None, **options: Any
) -> list[Node]:
    from graphc.diff.symbolic import symbolic_gradient  # SymPy takes 0.4 s to load

    return symbolic_gradient(output, wrt, seed=seed, **options).gradients


def _analytic_pull(output: Node, wrt: Sequence[Node], seed: Node | None = None) -> list[Node]:
    return analytic_gradients(output, wrt, seed)[0]


#: Engines that go from the output back: `pull(output, wrt, seed)` gives the adjoints of `wrt`.
_PULLS: dict[str, Callable[..., list[Node]]] = {
    "analytic": _analytic_pull,
    "symbolic": _symbolic_pull,
    "reverse": reverse_gradients,
    "jax": referee_gradients,
}
#: Engines that go from the inputs on.
FORWARD = ("forward", "numeric")


def rows(output: Node, wrt: Node, pull: Any, chunk: int) -> Node:
    """Returns the Jacobian by one pass for each output element, of shape output + wrt."""
    if output.ndim == 0:
        return pull(output, [wrt])[0]
    # The output's elements are mapped over as if they were the inputs of a linear map: its columns
    # are the Jacobian's rows.

    def row(_: Node, hot: Node, __: Sequence[Node]) -> Node:
        seed = hot if hot.dtype is output.dtype else hot.astype(output.dtype)
        return pull(output, [wrt], seed)[0]

    flipped = map_columns(wrt, output, row, [], chunk)
    axes = (*range(wrt.ndim, wrt.ndim + output.ndim), *range(wrt.ndim))
    return flipped if axes == tuple(range(len(axes))) else flipped.transpose(axes)
