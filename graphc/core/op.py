"""The record of one operation and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.core.type import Type

if TYPE_CHECKING:
    from graphc.core.node import Node

#: `vjp(adjoint, node, wanted)`: one contribution (or None for zero) for each wanted operand index.
#: The adjoint of an op with several results is a tuple with None for results nobody used.
Vjp = Callable[[Any, "Node", Sequence[int]], "Sequence[Node | None]"]
#: `jvp(tangents, node)`: the result's tangent; a tangent of None is zero.
Jvp = Callable[["Sequence[Node | None]", "Node"], "Node | None"]
#: `bound(errors, node)`: a graph of the absolute error that the operands' errors and the op's own
#: rounding leave in the result (first order); an error of None is zero.
Bound = Callable[["Sequence[Node | None]", "Node"], "Node | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kink:
    """Where an op has no two-sided derivative, and the slope that graphc promises there.

    Attributes:
        where: the place in words, for example `x = 0`.
        at: `at(xp, *operands)`: boolean array over the result, true exactly at the kink.
        slope: `slope(xp, deltas, *operands)`: what the result changes by, to first order and by
            convention, where the operands change by `deltas`; read only where `at` holds.
        departs: how JAX's convention differs, in words; empty where it is the same.
    """

    where: str
    at: Callable[..., Any]
    slope: Callable[..., Any]
    departs: str


@dataclass(frozen=True, slots=True)
class Peer:
    """Another system's side: its rules for an op, where its slopes are not graphc's everywhere."""

    vjp: Vjp
    jvp: Jvp


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Op:
    """All that graphc knows of one operation. Every field is required; "no" is said in words.

    Attributes:
        name: the mathematician's word; the name under which it is called and drawn.
        group: `elementwise`, `reduction`, `shape`, `indexing`, `contraction`, `linalg`,
            `source`, `control`.
        meet: how operands of different dtypes meet before `infer`: `"all"` promotes them to one
            dtype, `"float"` to one float dtype, `"tail"` all but the first, `"none"` leaves them.
        infer: `infer(*types, **params)`: the result's type; raises ShapeError, DTypeError, ....
        run: `run(xp, *arrays, **params)`: the value, written once for NumPy, JAX and mpmath.
        vjp: the reverse rule, or why there is none.
        jvp: the forward rule, or why there is none.
        formula: `formula(m, *scalars)`: the scalar form that SymPy and mpmath read, or why not.
        latex: a template with `{0}`, `{1}` for the operands.
        flops: `flops(node)`: floating point operations, by the usual counts.
        kink: where the derivative is a convention; None where it is smooth.
        peers: the other systems' rules, by the names in `core.system`; a system that is not there
            does as graphc does, or was not measured.
        domain: where the value is finite, in words, for example `x > 0`.
        ulp: the op's own error bound in units in the last place, for correctly rounded operands:
            the worst of NumPy's and XLA's on CPU, measured against 50 digits, with room.
        bound: how rounding errors pass through, see `Bound`.
        holomorphic: True where `run` on complex operands is the analytic continuation.
        doc: the docstring a person reads.
        nodes: its nodes alive in this process, by operands and parameters: kept by `core.node`.
        types: result types known already, by the `id` of the operands' types, with those.
    """

    name: str
    group: str
    meet: str
    infer: Callable[..., Type]
    run: Callable[..., Any]
    vjp: Vjp | str
    jvp: Jvp | str
    formula: Callable[..., Any] | str
    latex: str
    flops: Callable[[Node], Any]
    kink: Kink | None
    peers: Mapping[str, Peer]
    domain: str
    ulp: float
    bound: Bound
    holomorphic: bool
    doc: str
    nodes: dict[Any, Any] = field(init=False, repr=False, default_factory=dict[Any, Any])
    types: dict[Any, Any] = field(init=False, repr=False, default_factory=dict[Any, Any])

    def __call__(self, *operands: Any, **params: Any) -> Node:
        return _apply[0](self, operands, params)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (op_named, (self.name,))


#: `core.node.apply`, entered by that file: the record does not know nodes; nodes know records.
_apply: list[Callable[[Op, Sequence[Any], Mapping[str, Any]], Node]] = []


def applied_by(apply: Callable[[Op, Sequence[Any], Mapping[str, Any]], Node]) -> None:
    """Enters the function that a call of a record runs."""
    _apply[:] = [apply]


#: Every op, by name; `register` enters them.
registry: dict[str, Op] = {}


@guarded("register")
def register(op: Op) -> Op:
    """Enters an op into the registry and returns it; other packages may call this too.

    Raises:
        ArgumentError: an op of that name is there already.
    """
    if not isinstance(op, Op):  # pyright: ignore[reportUnnecessaryIsInstance]  (people call it)
        raise ArgumentError(f"{show_value(op)} is no record of an op", "write gx.Op(name=...)")
    if op.name in registry:
        raise ArgumentError(f"an op named {op.name!r} is registered already", "choose another name")
    registry[op.name] = op
    return op


def op_named(name: str) -> Op:
    """Returns the op of that name.

    Raises:
        ArgumentError: there is none.
    """
    found = registry.get(name)
    if found is None:
        raise ArgumentError(f"there is no op named {name!r}", "`graphc ops` lists them")
    return found


def all_ops() -> Iterator[Op]:
    """Yields every registered op, by name."""
    yield from (registry[name] for name in sorted(registry))
