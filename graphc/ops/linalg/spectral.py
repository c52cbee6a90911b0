"""Functions of symmetric matrices, V f(w) V^T, with derivatives where eigenvalues are equal too.

The derivatives along directions are multilinear and symmetric, and so are their adjoints: one
record, `spectral(A, E1, ..., Ek)`, is closed under both modes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from graphc.core.calls import public
from graphc.core.dtype import DType, float32
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.graph import Graph, trace
from graphc.core.node import Node, make, scalar
from graphc.core.type import TensorType, element_count
from graphc.ops.chain import add_up, broadcast_to
from graphc.ops.define import structural
from graphc.ops.linalg.common import (
    backward_error,
    epsilons,
    require_float,
    require_square,
    size_of_each,
    square_node,
)
from graphc.ops.sweep import forward_sweep

#: Derivatives of f that the Taylor series takes beyond those the order of the derivative asks for.
_BEYOND = 3
#: Orders past this take hundreds of sums over the eigenvalues.
_MOST = 5

_series: WeakKeyDictionary[Graph, dict[int, Graph]] = WeakKeyDictionary()


def _with_derivatives(graph: Graph, count: int) -> Graph:
    """Returns the graph of f and its first derivatives, for one number."""
    known = _series.setdefault(graph, {})
    if count not in known:
        (x,), (value,) = graph.inputs, graph.outputs
        found = [value]
        one, zero = scalar(1.0, x.dtype), scalar(0.0, x.dtype)
        while len(found) <= count:
            (slope,) = forward_sweep([found[-1]], {x: one})
            found.append(zero if slope is None else slope)
        # A zero does not depend on the number: it is spread over all of them as it is.
        known[count] = Graph([x], [broadcast_to(f, ()) for f in found], f"{graph.name} and slopes")
    return known[count]


def _infer(x: TensorType, *directions: TensorType, graph: Graph, absolute: bool) -> TensorType:
    require_float(x, *directions)
    require_square(x)
    if not isinstance(graph, Graph) or len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ArgumentError(
            f"{show_value(graph)} is no graph of one number", "use gx.linalg.spectral(f, x)"
        )
    if not isinstance(absolute, bool):
        raise ArgumentError(f"absolute={show_value(absolute)} is no flag", "give False")
    if graph.inputs[0].type.shape or graph.outputs[0].type.shape:
        raise ArgumentError(
            "the function is not one of a single number", "use elementwise functions"
        )
    for position, t in enumerate(directions):
        if t.shape != x.shape:
            raise ShapeError(
                f"direction {position} is {t}, the matrix {x}", "give directions of its shape"
            )
    if len(directions) > _MOST:
        raise ShapeError(f"derivatives past the order {_MOST}", "ask for fewer")
    return x


def _run(xp: Any, x: Any, *directions: Any, graph: Graph, absolute: bool = False) -> Any:
    derived = _with_derivatives(graph, len(directions) + _BEYOND)
    return xp.linalg.spectral(
        xp, x, directions, lambda w: xp.map(derived, [w], (True,), 0), absolute
    )


def _again(node: Node, operands: Sequence[Node], absolute: bool | None = None) -> Node:
    x = operands[0]
    full = [x, *[broadcast_to(e, x.shape) for e in operands[1:]]]
    flag = node.params["absolute"] if absolute is None else absolute
    return make(spectral_op, tuple(full), {"graph": node.params["graph"], "absolute": flag})


def _moved(node: Node, index: int, value: Node) -> Node:
    """Returns the derivative by one operand, along a value or pulled back from it."""
    if node.params["absolute"]:
        raise ArgumentError("a bound has no derivative", "differentiate the value")
    if index == 0:
        return _again(node, [*node.args, value])
    return _again(node, [value if i == index else a for i, a in enumerate(node.args)])


def _vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    return [_moved(node, index, adjoint) for index in wanted]


def _jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    return add_up([_moved(node, i, t) for i, t in enumerate(tangents) if t is not None])


def _bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    # The eigenvalues and vectors are those of A + E with |E| <= c n eps |A|.
    x, *directions = node.args
    sizes = [x, *[size_of_each(e) for e in directions]]
    moved = broadcast_to(backward_error(errors[0], x), x.shape)
    terms: list[Node | None] = []
    if len(directions) < _MOST:
        terms.append(_again(node, [*sizes, moved], True))
    terms.append(_again(node, sizes, True) * epsilons(x, x.dtype, 8.0))
    for index, error in enumerate(errors):
        if index and error is not None:
            terms.append(
                _again(node, [error if i == index else a for i, a in enumerate(sizes)], True)
            )
    return add_up(terms)


spectral_op = structural(
    "spectral",
    group="linalg",
    meet="all",
    infer=_infer,
    run=_run,
    vjp=_vjp,
    jvp=_jvp,
    latex=r"f\left({0}\right)",
    flops=lambda node: 12 * element_count(node.shape) * node.shape[-1],
    domain="f defined at every eigenvalue of x",
    ulp=0.0,
    bound=_bound,
    doc="Returns V f(w) V^T of (x + x^T) / 2, or its derivative along directions.",
)


@public
def spectral(function: Callable[[Any], Any], x: Any, /) -> Node:
    """Returns a function of a symmetric matrix: V f(w) V^T for eigenvalues w and vectors V.

    Unlike the same written with `eigh`, its derivatives of every order are right where eigenvalues
    are equal or close: there f' takes the place of a quotient of differences. Of a matrix that is
    not symmetric it takes (x + x^T) / 2.

    Args:
        function: f, of one graph value: `gx.log`, or `lambda w: gx.sqrt(w + 0.1)`. It may use
            numbers, and no other graph values.
        x: `f[..., n, n]`.

    Raises:
        ArgumentError: f is no function of one number, or uses other graph values.
        ShapeError: x is not square.
        DTypeError: it holds no floats.

    Source: Higham, Functions of Matrices, theorem 3.11 (Daleckii and Krein).
    """
    a = square_node(x)
    if not callable(function):
        raise ArgumentError(
            f"{show_value(function)} is no function", "for example gx.linalg.spectral(gx.log, x)"
        )
    dtype: DType = float32 if a.dtype.bits == 16 else a.dtype
    name = str(getattr(function, "__name__", "f"))
    graph, captured, result = trace(function, [TensorType((), dtype)], ["w"], name)
    if captured:
        raise ArgumentError(
            f"the function uses the graph value {captured[0].name or 'outside'!r}",
            "it may use its argument and numbers",
        )
    if not isinstance(result, Node) or len(graph.outputs) != 1 or graph.outputs[0].shape:
        raise ArgumentError("the function does not return one number", "return one graph value")
    if graph.outputs[0].dtype is not dtype:
        raise DTypeError(
            f"the function returns {graph.outputs[0].dtype.name}, the matrix is {dtype.name}",
            "keep the dtype: gx.cast",
        )
    return spectral_op(a, graph=graph, absolute=False)


__all__ = ["spectral"]
