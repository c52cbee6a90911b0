"""`derivative_plan`: in which ways a Jacobian or Hessian can be made, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphc.backends.run import name_values
from graphc.core.calls import public
from graphc.core.errors import ArgumentError, GradError, show_value
from graphc.core.graph import leaves
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import show_shape
from graphc.core.walk import collection_paused
from graphc.diff.engines import system_for
from graphc.diff.jacobians import one_ways
from graphc.diff.operands import float_node, wrt_nodes
from graphc.diff.reverse import reverse_gradients
from graphc.diff.strategy import (
    HESSIAN_STRATEGIES,
    STRATEGIES,
    Candidate,
    DerivativePlan,
    jacobian_by_cost,
)
from graphc.diff.waist import number_of_elements
from graphc.measure.time import time_together


@public
def derivative_plan(
    output: Any,
    wrt: Any,
    *,
    order: int = 1,
    measure: Mapping[Any, Any] | None = None,
    sizes: Mapping[str, int] | None = None,
    chunk: int = 64,
    match: str = "graphc",
) -> Any:
    """Returns how a Jacobian or Hessian can be made, what each way costs, and which is taken.

    Flops and bytes are counted on the derivative's own graph; the predicted seconds follow from
    them by the speeds that `gx.optimize` uses. `gx.jacobian(..., engine="auto")` takes the choice.

    Args:
        output: a float node; a scalar for `order=2`.
        wrt: as for `jacobian`.
        order: 1 for the Jacobian, 2 for the Hessian: the Jacobian of the gradient by reverse.
        measure: values of the inputs, by name or node: every way is then compiled and timed.
        sizes: numbers for named sizes, which costs hang on.
        chunk: as for `jacobian`.
        match: as for `grad`.

    Returns:
        A `DerivativePlan` in the nest of `wrt`; for `order=2` in the nest of the nest, as
        `hessian`. `print` shows it.

    Raises:
        GradError: `order=2` of what is no scalar, or a `wrt` is not float.
        ArgumentError: an order other than 1 and 2, or values that do not fit.
    """
    nodes, rebuild = wrt_nodes(wrt)
    made = float_node(output, "the output")
    if isinstance(order, bool) or order not in (1, 2):
        raise ArgumentError(f"order={show_value(order)} is neither 1 nor 2", "say one of them")
    if measure is not None and not isinstance(measure, Mapping):
        raise ArgumentError(
            f"measure={show_value(measure)} gives no values", "write measure={'x': value}"
        )
    if order == 2 and made.ndim:
        raise GradError(
            f"the loss {describe(made, 3)} has shape {show_shape(made.shape)}, not a scalar",
            "take gx.sum or gx.mean of it, or say order=1",
        )
    system = system_for("reverse", match)
    given = leaves([made, *nodes])

    def plan(of: Node, by: Node, loss: Node | None = None) -> DerivativePlan:
        with collection_paused():
            ways = one_ways(chunk, match)
            graphs, found, choice, why = jacobian_by_cost(
                of,
                by,
                ways,
                engines=STRATEGIES if order == 1 else HESSIAN_STRATEGIES,
                sizes=sizes,
                system=system,
                loss=loss,
            )
        if measure is not None:
            found = _measured(graphs, found, given, measure)
        return DerivativePlan(
            output=describe(made, 3),
            wrt=describe(by),
            order=order,
            rows=number_of_elements(of, sizes),
            columns=number_of_elements(by, sizes),
            candidates=tuple(found),
            choice=choice,
            why=why,
        )

    if order == 1:
        return rebuild([plan(made, n) for n in nodes])
    gradients = reverse_gradients(made, nodes, system=system)
    # Elimination makes its own gradient, of scalars; it is told by what for the diagonal blocks.
    return rebuild(
        [
            rebuild([plan(g, n, made if n is w else None) for n in nodes])
            for w, g in zip(nodes, gradients, strict=True)
        ]
    )


def _measured(
    graphs: Mapping[str, Node],
    candidates: list[Candidate],
    inputs: list[Node],
    values: Mapping[Any, Any],
) -> list[Candidate]:
    """Returns the candidates with the median seconds of a run, all timed in the same rounds."""
    import jax

    from graphc.backends.compile import compile as compile_graph

    known = name_values(inputs, values)
    given = [jax.numpy.asarray(known[n], n.dtype.numpy) for n in inputs]
    calls: dict[str, Any] = {}
    for engine, graph in graphs.items():
        compiled = compile_graph(graph, inputs)
        calls[engine] = lambda c=compiled: jax.block_until_ready(c(*given))
    seconds = {name: t.median for name, t in time_together(calls, repeats=5).items()}
    return [replace(c, measured=seconds.get(c.engine)) for c in candidates]
