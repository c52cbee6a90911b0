"""What people call: grad, vjp, jvp, jacobian, hessian, hvp. Every result is graph again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import public, public_functions
from graphc.core.errors import ArgumentError, EngineError, GradError, ShapeError, show_value
from graphc.core.graph import check_names
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, as_node
from graphc.core.system import GRAPHC, system_named
from graphc.core.tree import flatten
from graphc.core.type import TensorType, show_shape
from graphc.core.walk import collection_paused, topological_order
from graphc.core.walk import rebuild as rebuild_graph
from graphc.diff.analytic import analytic_gradients
from graphc.diff.columns import map_columns
from graphc.diff.engines import ENGINES, check_options, differentiate, system_for
from graphc.diff.forward import forward_jacobian, push
from graphc.diff.numeric import numeric_jacobian
from graphc.diff.referee import referee_gradients
from graphc.diff.reverse import reverse_gradients
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
        with collection_paused():
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
    given = [n for n in order if n.op.name in ("input", "param")]
    for result in results:
        have = set(topological_order([result]))
        spare = [n for n in given if n not in have]
        if spare:
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
    nodes, rebuild = _wrt(wrt, with_complex=True)
    output = _float_node(loss, "the loss")
    if output.ndim:
        raise GradError(
            f"the loss {describe(output, 3)} has shape {show_shape(output.shape)}, not a scalar",
            "take gx.sum or gx.mean of it, or use gx.jacobian",
        )
    _check_reach(output, nodes, unreachable)
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
    if engine not in _FORWARD:
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
    nodes, rebuild = _wrt(wrt, with_complex=True)
    made = _float_node(output, "the output", with_complex=True)
    seed = _like(cotangent, made, "the cotangent")
    if engine in _FORWARD:
        raise EngineError(f"{engine} does not go from the output back", "use gx.jvp or reverse")
    return rebuild(_pull(engine, match)(made, nodes, seed))


@_derivative
def jvp(output: Any, wrt: Any, tangents: Any, *, match: str = "graphc") -> Node:
    """Returns J tangents as graph: the forward pass; `tangents` has the nest of `wrt`.

    `match` and `stable` are as for `grad`.
    """
    nodes, _ = _wrt(wrt, with_complex=True)
    system = system_for("forward", match)
    given, _ = flatten(tangents)
    if len(given) != len(nodes):
        raise ArgumentError(
            f"there are {len(given)} tangents for {len(nodes)} nodes", "give one for each node"
        )
    made = [_like(t, n, f"the tangent of {describe(n)}") for t, n in zip(given, nodes, strict=True)]
    return push(_float_node(output, "the output", with_complex=True), nodes, made, system)


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
            each output element.
        chunk: passes run at once; bounds the memory.
        match: as for `grad`.
        stable: as for `grad`.
        options: of the engine.

    Raises:
        EngineError: the engine is unknown, or does not apply here.
    """
    nodes, rebuild = _wrt(wrt)
    made = _float_node(output, "the output")
    if not isinstance(engine, str) or engine not in ENGINES:
        raise EngineError(
            f"there is no engine {show_value(engine)}", f"use one of {', '.join(ENGINES)}"
        )
    check_options(engine, options)
    if engine == "forward":
        system = system_for(engine, match)
        return rebuild([forward_jacobian(made, n, chunk, system=system) for n in nodes])
    if engine == "numeric":
        system_for(engine, match)
        return rebuild([numeric_jacobian(made, n, chunk=chunk, **options) for n in nodes])
    pull = functools.partial(_pull(engine, match), **options)
    return rebuild([_rows(made, n, pull, chunk) for n in nodes])


def _pull(engine: str, match: str) -> Callable[..., list[Node]]:
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
_FORWARD = ("forward", "numeric")


@_derivative
def hessian(loss: Any, wrt: Any, engine: str = "reverse", *, match: str = "graphc") -> Any:
    """Returns the Hessian of a scalar: forward over the engine's gradient.

    Args:
        loss: a float scalar.
        wrt: a float node, whose Hessian has its shape twice over; or a nest of nodes, which gives
            the blocks in the nest of the nest: `hessian(f, [x, y])[0][1]` is d2 f / dx dy.
        engine: what makes the gradient.
        match: as for `grad`, in both orders.
        stable: as for `grad`.
    """
    nodes, rebuild = _wrt(wrt)
    gradients, _ = flatten(grad(loss, list(nodes), engine, match=match))
    system = system_named(match)
    return rebuild(
        [rebuild([forward_jacobian(g, n, system=system) for n in nodes]) for g in gradients]
    )


@_derivative
def hvp(loss: Any, wrt: Any, vector: Any, *, match: str = "graphc") -> Any:
    """Returns the Hessian times a vector without forming it: the forward pass of the gradient.

    `vector` has the nest of `wrt`, and so has the result; `match` and `stable` are as
    for `grad`.
    """
    nodes, rebuild = _wrt(wrt)
    gradients, _ = flatten(grad(loss, list(nodes), match=match))
    given, _ = flatten(vector)
    if len(given) != len(nodes):
        raise ArgumentError(
            f"there are {len(given)} vectors for {len(nodes)} nodes", "give one for each node"
        )
    tangents = [
        _like(v, n, f"the vector for {describe(n)}") for v, n in zip(given, nodes, strict=True)
    ]
    return rebuild([push(g, nodes, tangents, system_named(match)) for g in gradients])


def _rows(output: Node, wrt: Node, pull: Any, chunk: int) -> Node:
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


def _wrt(wrt: Any, with_complex: bool = False) -> tuple[list[Node], Any]:
    nodes, rebuild = flatten(wrt)
    if not nodes:
        raise ArgumentError("there is nothing to differentiate by", "name an input in wrt")
    for node in nodes:
        if not isinstance(node, Node):
            raise ArgumentError(
                f"{node!r} is no graph value", "differentiate by gx.input or gx.param"
            )
        kind = node.type.dtype.kind if isinstance(node.type, TensorType) else ""
        if kind == "c" and not with_complex:
            raise GradError(
                f"{describe(node)} is complex: it has a gradient, and no Jacobian or Hessian here",
                "declare its parts, and write gx.complex(x, y)",
            )
        if kind not in ("f", "c"):
            raise GradError(
                f"{describe(node)} is {node.type}: only a float has a derivative",
                "declare it float32 or float64",
            )
    return nodes, rebuild


def _float_node(value: Any, what: str, with_complex: bool = False) -> Node:
    if not isinstance(value, Node):
        raise ArgumentError(f"{what} {value!r} is no graph value", "build it from gx.input and ops")
    node = as_node(value)
    if node.dtype.kind == "c" and not with_complex:
        raise GradError(
            f"{what} {describe(node, 3)} is {node.type}, and must be real",
            "take gx.real or gx.abs of it; gx.vjp and gx.jvp take complex outputs",
        )
    if not node.dtype.is_inexact:
        raise GradError(
            f"{what} {describe(node, 3)} is {node.type}: only a float has a derivative",
            "cast it, or compare before it",
        )
    return node


def _like(value: Any, node: Node, what: str) -> Node:
    made = as_node(value, node.dtype)
    if made.shape not in (node.shape, ()):
        raise ShapeError(f"{what} is {made.type}, not {node.type}", "give both one shape")
    return broadcast_to(made, node.shape)


def _check_reach(output: Node, nodes: Sequence[Node], unreachable: str) -> None:
    if not isinstance(unreachable, str) or unreachable not in ("error", "zero"):
        raise ArgumentError(
            f"unreachable={show_value(unreachable)} is neither 'error' nor 'zero'",
            "say one of them",
        )
    order = topological_order([output])
    check_names([n for n in order if n.op.name in ("input", "param")])
    if unreachable == "zero":
        return
    reached = set(order)
    for node in nodes:
        if node not in reached:
            raise GradError(
                f"{describe(output, 3)} does not depend on {describe(node)}",
                "leave it out, or say unreachable='zero'",
            )
