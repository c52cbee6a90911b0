"""`assume`: says of a value what its author knows, and the graph alone doesn't tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, as_node
from graphc.core.type import TensorType
from graphc.ops.define import structural

#: What may be said of a value, and of what it may be said.
FACTS: Mapping[str, str] = {
    "diagonal": "square",
    "lower_triangular": "matrix",
    "non_negative": "any",
    "one_hot": "row",
    "orthogonal": "square",
    "positive": "any",
    "positive_definite": "square",
    "positive_semidefinite": "square",
    "symmetric": "square",
    "upper_triangular": "matrix",
}


def _infer(*types: TensorType, facts: tuple[str, ...] = ()) -> TensorType:
    if len(types) != 1:
        raise ArgumentError(f"it takes one operand, not {len(types)}", "assume(x, 'symmetric')")
    (x,) = types
    if not isinstance(facts, tuple) or not facts:
        raise ArgumentError("nothing is said of the value", f"say one of {', '.join(FACTS)}")
    for fact in facts:
        if not isinstance(fact, str) or fact not in FACTS:
            raise ArgumentError(
                f"there is no fact {show_value(fact)}", f"say one of {', '.join(FACTS)}"
            )
        _require_shape(x, fact)
    return x


def _require_shape(x: TensorType, fact: str) -> None:
    kind = FACTS[fact]
    if kind == "row" and not x.shape:
        raise ShapeError(f"a scalar can't be {fact}", "give rows, [..., n]")
    if kind in ("matrix", "square") and len(x.shape) < 2:
        what = "a vector" if x.shape else "a scalar"
        raise ShapeError(f"{what} can't be {fact}", "give a matrix, or a stack [..., n, n]")
    if kind == "square" and x.shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"a matrix of {x.shape[-2]} rows and {x.shape[-1]} columns can't be {fact}",
            "give a square one",
        )


def _vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    return [adjoint for _ in wanted]


assume_op = structural(
    "assume",
    group="shape",
    meet="none",
    infer=_infer,
    run=lambda xp, x, facts: x,
    vjp=_vjp,
    jvp=lambda tangents, node: tangents[0],
    latex="{0}",
    flops=lambda node: 0,
    domain="every x of which the facts are true",
    ulp=0.0,
    bound=lambda errors, node: errors[0],
    holomorphic=True,
    formula=lambda m, x: x,
    doc="Returns x, and says what is known of it.",
)


@public
def assume(x: Any, /, *facts: str) -> Node:
    """Returns x, and says what is known of it, which the graph alone doesn't tell.

    The result is x itself and so is its derivative; compiled, it costs nothing. What is said is
    believed: `gx.compile` and `gx.optimize` choose cheaper forms by it (a Cholesky factor for a
    positive definite matrix, the diagonal of a diagonal one), and what they leave unread may be
    anything. `gx.debug` checks it and names the element that breaks it.

    Args:
        x: a value of any shape; for what is said of matrices `[..., n, n]`.
        facts: one or several of `"symmetric"`, `"positive_definite"` and
            `"positive_semidefinite"` (both symmetric), `"diagonal"`, `"lower_triangular"`,
            `"upper_triangular"`, `"orthogonal"` (square, its transpose is its inverse),
            `"one_hot"` (along the last axis one 1 and else 0), `"positive"`, `"non_negative"`.

    Raises:
        ArgumentError: there is no such fact, or none is given.
        ShapeError: the fact is none of a value of this shape.
        DTypeError: x is complex.
    """
    node = as_node(x)
    if node.dtype.kind == "c":
        raise DTypeError(
            f"{node.type} is complex, facts are of real numbers", "say it of gx.real(x)"
        )
    named: set[str] = set()
    for fact in facts:  # a list or a node has no hash, and no such name
        if not isinstance(fact, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentError(
                f"there is no fact {show_value(fact)}", f"say one of {', '.join(FACTS)}"
            )
        named.add(fact)
    if node.op is assume_op and named:
        _infer(node.type, facts=tuple(sorted(named)))
        named |= set(node.params["facts"])
        node = node.args[0]
    return assume_op(node, facts=tuple(sorted(named)))
