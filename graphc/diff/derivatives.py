"""What people call: grad, vjp, jvp, jacobian, hessian, hvp. Every result is graph again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import public, public_functions
from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, BudgetError, EngineError, GradError
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, as_node
from graphc.core.system import system_named
from graphc.core.tree import flatten
from graphc.core.type import show_shape
from graphc.core.walk import collection_paused, fold, orders_shared, topological_order
from graphc.core.walk import rebuild as rebuild_graph
from graphc.diff.engines import differentiate, system_for
from graphc.diff.forward import forward_jacobian, push
from graphc.diff.jacobians import FORWARD, WAYS, hessians, jacobians, pull_of
from graphc.diff.operands import check_reach, float_node, like, wrt_nodes
from graphc.diff.stable import with_stable
from graphc.ops.chain import broadcast_to


def _derivative(function: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function public that takes `stable` and whose results remember their inputs.

    A derivative may need fewer inputs than its function; whoever has values for all of them need
    not know which.
    """
    inner = with_stable(public(function))

    @functools.wraps(inner)
    def called(*args: Any, **options: Any) -> Any:
        with collection_paused(), orders_shared():
            result = inner(*args, **options)
            first = args[0] if args else next(iter(options.values()))
            _remember_inputs(flatten(result)[0], first)
        return result

    public_functions[function.__name__] = called
    return called


#: Graphs above this many nodes are not walked again to find the inputs their derivatives lack.
_ORIGIN_NODES = 100_000


def _remember_inputs(results: Sequence[Node], source: Any) -> None:
    order = topological_order([source])
    if len(order) > _ORIGIN_NODES:
        return
    # What a node depends on is a number with a bit for each input: one walk serves all results.
    bits = {n: 1 << i for i, n in enumerate(n for n in order if n.op.name in ("input", "param"))}

    def reach(node: Node, below: list[int]) -> int:
        found = bits.get(node, 0)
        for part in below:
            found |= part
        return found

    if len(order) * len(bits) > 2**28:  # long numbers: those that were used are dropped
        reached = fold(results, reach)
    else:
        known: dict[Node, int] = {}
        for node in topological_order(results):
            known[node] = reach(node, [known[a] for a in node.args])
        reached = [known[result] for result in results]
    for result, found in zip(results, reached, strict=True):
        if found.bit_count() < len(bits):
            spare = [n for n, bit in bits.items() if not found & bit]
            result.origin = tuple(dict.fromkeys([*result.origin, *spare]))


@_derivative
def grad(
    loss: Any,
    wrt: Any,
    engine: str = "reverse",
    *,
    unreachable: str = "error",
    match: str = "graphc",
    **options: Any,
) -> Any:
    """Returns the gradient of a scalar as graph.

    Args:
        loss: a float scalar node.
        wrt: a node, or a nest (list, tuple, dict) of nodes, to differentiate by; float or complex.
            By a complex z = x + iy it is df/dx - i df/dy, as in JAX.
        engine: `analytic`, `numeric`, `symbolic`, `reverse`, `forward` or `jax`.
        unreachable: what to do for a node that the loss does not depend on: `"error"` or `"zero"`.
        match: whose slopes are taken at kinks, ties and edges: `"graphc"`, `"jax"`, `"torch"`,
            `"pytensor"`, `"casadi"` or `"sympy"`; see `docs/conventions.md`.
        stable: whether the loss is made stable before it is differentiated, as by
            `gx.simplify(loss, stable=True)`, and the derivative after; see `docs/stable.md`.
        options: of the engine, see `docs/reference.md`; for example `method="richardson"`. For
            `numeric` over `numeric` choose a wider `step`, as the guide says.

    Returns:
        The nest of `wrt` with the derivatives, each of its node's shape and dtype.

    Raises:
        GradError: the loss is no float scalar, a `wrt` is not float, or is not reached.
        NameClashError: two inputs of the loss share a name.
        EngineError: the engine is unknown, or does not apply here.
    """
    nodes, rebuild = wrt_nodes(wrt, with_complex=True)
    output = float_node(loss, "the loss")
    if output.ndim:
        raise GradError(
            f"the loss {describe(output, 3)} has shape {show_shape(output.shape)}, not a scalar",
            "take gx.sum or gx.mean of it, or use gx.jacobian",
        )
    check_reach(output, nodes, unreachable)
    if any(n.dtype.kind == "c" for n in nodes):
        made = _by_complex(output, nodes, engine, match=match, **options)
    else:
        made = differentiate(output, nodes, engine, match=match, **options).gradients
    return rebuild([broadcast_to(g, w.shape) for g, w in zip(made, nodes, strict=True)])


def _by_complex(output: Node, nodes: Sequence[Node], engine: str, **options: Any) -> list[Node]:
    """Returns the gradient by nodes of which some are complex: df/dx - i df/dy."""
    if engine in ("analytic", "symbolic"):
        raise EngineError(
            f"{engine} does not apply: it knows real numbers only",
            "use reverse, forward, numeric or jax; or declare the two parts and gx.complex(x, y)",
        )
    if engine not in FORWARD:
        return differentiate(output, nodes, engine, **options).gradients
    # Engines that move one number at a time move the parts: z stands as complex(real z, imag z).
    parts = {
        n: (apply_named("real", n), apply_named("imag", n)) for n in nodes if n.dtype.kind == "c"
    }
    cut = {n: apply_named("complex", *pair) for n, pair in parts.items()}
    (split,) = rebuild_graph([output], cut)
    flat = [part for n in nodes for part in parts.get(n, (n,))]
    made = iter(differentiate(split, flat, engine, **options).gradients)
    found: list[Node] = []
    for n in nodes:
        first = broadcast_to(next(made), n.shape)
        if n in parts:
            first = apply_named("complex", first, -broadcast_to(next(made), n.shape))
        found.append(first)
    return found


@_derivative
def value_and_grad(
    loss: Any, wrt: Any, engine: str = "reverse", **options: Any
) -> tuple[Node, Any]:
    """Returns the loss itself and `grad` of it, for compiling both together; options as there."""
    return as_node(loss), grad(loss, wrt, engine, **options)


@_derivative
def vjp(
    output: Any, wrt: Any, cotangent: Any, engine: str = "reverse", *, match: str = "graphc"
) -> Any:
    """Returns cotangent^T J as graph, in the nest of `wrt`: one pass from the output back.

    Args:
        output: a float or complex node of any shape.
        wrt: as for `grad`.
        cotangent: of the output's shape, or a number; of a complex output it is multiplied, and
            nothing is conjugated, as in JAX.
        engine: `reverse`, `symbolic`, `analytic` or `jax`.
        match: as for `grad`.
        stable: as for `grad`.
    """
    nodes, rebuild = wrt_nodes(wrt, with_complex=True)
    made = float_node(output, "the output", with_complex=True)
    seed = like(cotangent, made, "the cotangent")
    if engine in FORWARD:
        raise EngineError(f"{engine} does not go from the output back", "use gx.jvp or reverse")
    return rebuild(pull_of(engine, match)(made, nodes, seed))


@_derivative
def jvp(output: Any, wrt: Any, tangents: Any, *, match: str = "graphc") -> Node:
    """Returns J tangents as graph: the forward pass; `tangents` has the nest of `wrt`.

    `match` and `stable` are as for `grad`.
    """
    nodes, _ = wrt_nodes(wrt, with_complex=True)
    system = system_for("forward", match)
    given, _ = flatten(tangents)
    if len(given) != len(nodes):
        raise ArgumentError(
            f"there are {len(given)} tangents for {len(nodes)} nodes", "give one for each node"
        )
    made = [like(t, n, f"the tangent of {describe(n)}") for t, n in zip(given, nodes, strict=True)]
    return push(float_node(output, "the output", with_complex=True), nodes, made, system)


@_derivative
def jacobian(
    output: Any,
    wrt: Any,
    engine: str = "reverse",
    *,
    chunk: int = 64,
    match: str = "graphc",
    **options: Any,
) -> Any:
    """Returns the Jacobian as graph, shape output.shape + wrt.shape, in the nest of `wrt`.

    Args:
        output: a float node of any shape.
        wrt: as for `grad`.
        engine: `forward` and `numeric` take one pass for each input element, the others one for
            each output element. Besides the engines of `grad` there are `mixed` (both modes, met
            at a narrow waist of the graph, J = J2 J1), `elimination` (graphs of scalars only: what
            lies between inputs and outputs is eliminated in the order of fewest multiplications),
            and `auto`, which takes what is predicted to cost least; `gx.derivative_plan` shows it.
        chunk: passes run at once; bounds the memory.
        match: as for `grad`.
        stable: as for `grad`.
        options: of the engine.

    Raises:
        EngineError: the engine is unknown, or does not apply here.
    """
    nodes, rebuild = wrt_nodes(wrt)
    made = float_node(output, "the output")
    return rebuild(jacobians(made, nodes, engine, chunk, match, options))


@_derivative
def hessian(loss: Any, wrt: Any, engine: str = "reverse", *, match: str = "graphc") -> Any:
    """Returns the Hessian of a scalar: forward over the engine's gradient.

    For a large one `gx.hvp` gives its products with vectors, without ever forming it.

    Args:
        loss: a float scalar.
        wrt: a float node, whose Hessian has its shape twice over; or a nest of nodes, which gives
            the blocks in the nest of the nest: `hessian(f, [x, y])[0][1]` is d2 f / dx dy.
        engine: what makes the gradient; `auto`, `mixed` and `elimination` are ways to make its
            Jacobian, see `jacobian`.
        match: as for `grad`, in both orders.
        stable: as for `grad`.

    Raises:
        BudgetError: it would take more than 16 GiB.
    """
    nodes, rebuild = wrt_nodes(wrt)
    _check_holdable(nodes)
    by_cost = isinstance(engine, str) and engine in WAYS
    if by_cost:
        grad(loss, list(nodes), match=match)  # what is wrong with them is told as always
        return rebuild([rebuild(blocks) for blocks in hessians(loss, nodes, engine, match)])
    gradients, _ = flatten(grad(loss, list(nodes), engine, match=match))
    system = system_named(match)
    return rebuild(
        [rebuild([forward_jacobian(g, n, system=system) for n in nodes]) for g in gradients]
    )


#: Bytes that a Hessian may take.
_HESSIAN_BYTES = 2**34


def _check_holdable(nodes: Sequence[Node]) -> None:
    """Raises BudgetError for a Hessian that no usual machine holds."""
    sizes = [n.size for n in nodes]
    if any(isinstance(s, Dim) for s in sizes):
        return
    count = sum(s for s in sizes if isinstance(s, int))
    taken = count * count * max(n.dtype.bits for n in nodes) // 8
    if taken > _HESSIAN_BYTES:
        raise BudgetError(
            f"the Hessian by {count:,} elements takes {taken / 2**30:,.0f} GiB",
            "use gx.hvp(loss, wrt, vector), which gives its product with a vector",
        )


@_derivative
def hvp(loss: Any, wrt: Any, vector: Any, *, match: str = "graphc") -> Any:
    """Returns the Hessian times a vector without forming it: the forward pass of the gradient.

    `vector` has the nest of `wrt`, and so has the result; `match` and `stable` are as
    for `grad`.
    """
    nodes, rebuild = wrt_nodes(wrt)
    gradients, _ = flatten(grad(loss, list(nodes), match=match))
    given, _ = flatten(vector)
    if len(given) != len(nodes):
        raise ArgumentError(
            f"there are {len(given)} vectors for {len(nodes)} nodes", "give one for each node"
        )
    tangents = [
        like(v, n, f"the vector for {describe(n)}") for v, n in zip(given, nodes, strict=True)
    ]
    return rebuild([push(g, nodes, tangents, system_named(match)) for g in gradients])
