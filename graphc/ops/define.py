"""How records are made: what follows from a partial derivative, or from linearity, stands here."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from graphc.core.dtype import DType, bool_, real_part
from graphc.core.errors import ArgumentError, DTypeError, show_value
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, make
from graphc.core.op import Bound, Jvp, Kink, Op, Peer, Vjp, register
from graphc.core.type import TensorType, Type, broadcast_shapes, element_count, tensor_type
from graphc.ops.chain import Partial, add_up, broadcast_to, chain, sum_to
from graphc.ops.steps import tell_step

PIECEWISE_CONSTANT = "piecewise constant: its derivative is 0 wherever it has one"
NO_NUMBERS = "its result is no real number, so it has no derivative"
#: The error of an op on complex numbers, relative to their modulus, in terms of that on reals.
COMPLEX_ROUNDING = 4.0
_NO_PEERS: Mapping[str, Any] = MappingProxyType({})

#: One rule per operand, `partial(out, *operands, **params)`, or a plain factor; or why it is zero.
Partials = tuple["Callable[..., Partial] | float", ...] | str


def elementwise(
    name: str,
    *,
    run: Callable[..., Any],
    partials: Partials,
    formula: Callable[..., Any] | str,
    latex: str,
    flops: int,
    domain: str,
    ulp: float,
    doc: str,
    meet: str = "float",
    result: DType | None = None,
    kink: Kink | None = None,
    peers: Mapping[str, Partials] = _NO_PEERS,
    holomorphic: bool = False,
    check: Callable[..., None] | None = None,
    arity: int | None = None,
    rounding: Callable[[Node], float | Node | None] | None = None,
    takes_complex: bool = False,
    complex_rules: Peer | None = None,
) -> Op:
    """Registers an elementwise op; its reverse, forward and error rules all follow from `partials`.

    Args:
        partials: for each operand its partial derivative, or the reason why all are zero.
        flops: floating point operations per element.
        result: dtype of the result where it is not that of the operands.
        peers: the partial derivatives of other systems, where theirs differ somewhere.
        check: `check(*types, **params)` raises where operands do not fit; broadcasting is checked.
        arity: the number of operands, where `partials` does not show it.
        rounding: the op's own error at a node, where `ulp` alone does not tell: in ulp, where it
            depends on the parameters, or as a graph, where it is not relative.
        takes_complex: complex operands are welcome although the op is not holomorphic.
        complex_rules: its rules for a complex operand, where a product with a partial derivative
            does not say it; the result is then real.
        name, run, formula, latex, domain, ulp, doc, meet, kink, holomorphic: see `Op`.
    """
    count = arity if isinstance(partials, str) else len(partials)
    if count is None:
        raise ArgumentError(f"the op {name} does not say how many operands it takes", "give arity=")

    def infer(*types: TensorType, **params: Any) -> TensorType:
        if len(types) != count:
            raise ArgumentError(
                f"it takes {count} operand{'s' * (count > 1)}, not {len(types)}",
                f"see help(graphc.{name})",
            )
        rule = formula if callable(formula) else run
        if params or _params_of(rule, count):
            _check_params(name, rule, count, params, texts=check is not None)
        if check is not None:
            check(*types, **params)
        if not (holomorphic or takes_complex or complex_rules):
            refuse_complex(name, types)
        first = types[0]
        if complex_rules is not None and first.dtype.kind == "c":
            return tensor_type(first.shape, real_part(first.dtype))
        if result is None and (len(types) == 1 or (len(types) == 2 and types[1] is first)):
            return first
        shape = broadcast_shapes(*[t.shape for t in types])
        return tensor_type(shape, result or types[-1].dtype)

    rules = _rules_of(partials)
    if complex_rules is not None:
        rules = _by_kind(rules, complex_rules)

    def bound(errors: Sequence[Node | None], node: Node) -> Node | None:
        own = ulp if rounding is None else rounding(node)
        terms = [own_rounding(node, own) if isinstance(own, (int, float)) else own]
        if not isinstance(partials, str):
            for index, error in enumerate(errors):
                if complex_rules is not None and _is_complex(node.args[index]):
                    terms += [error, own_rounding(node, COMPLEX_ROUNDING / 2)]
                    continue
                term = None if error is None else chain(error, _partial(partials, node, index))
                terms.append(None if term is None else apply_named("abs", term))
        return add_up(terms)

    return register(
        Op(
            name=name,
            group="elementwise",
            meet=meet,
            infer=infer,
            run=run,
            vjp=rules.vjp,
            jvp=rules.jvp,
            formula=formula,
            latex=latex,
            flops=lambda node: flops * element_count(node.type.shape),
            kink=kink,
            peers={name: _rules_of(theirs) for name, theirs in peers.items()},
            domain=domain,
            ulp=ulp,
            bound=bound,
            holomorphic=holomorphic,
            doc=doc,
        )
    )


def _partial(partials: Partials, node: Node, index: int) -> Partial:
    rule = partials[index]
    if callable(rule):
        return rule(node, *node.args, **node.params)
    return float(rule)


def _rules_of(partials: Partials) -> Peer:
    """Returns the reverse and the forward rule that follow from partial derivatives."""

    def vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
        if isinstance(partials, str):
            warn_zero(node, partials)
            return [None] * len(wanted)
        found: list[Node | None] = []
        args, params = node.args, node.params
        for index in wanted:
            rule, operand = partials[index], args[index]
            if not callable(rule):
                value = chain(adjoint, rule)
            elif params:
                value = chain(adjoint, rule(node, *args, **params))
            else:
                value = chain(adjoint, rule(node, *args))
            if value is not None and value.type is not operand.type:
                value = _fit(value, operand)
            found.append(value)
        return found

    def jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
        if isinstance(partials, str):
            if any(t is not None for t in tangents):
                warn_zero(node, partials)
            return None
        terms = [
            chain(t, _partial(partials, node, i)) for i, t in enumerate(tangents) if t is not None
        ]
        total = add_up(terms)
        return None if total is None else broadcast_to(total, node.type.shape)

    return Peer(vjp, jvp)


def _is_complex(node: Node) -> bool:
    return isinstance(node.type, TensorType) and node.type.dtype.kind == "c"


def _by_kind(real: Peer, other: Peer) -> Peer:
    """Returns the rules for real operands and, where the first is complex, the others."""

    def vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> Sequence[Node | None]:
        rule = (other if _is_complex(node.args[0]) else real).vjp
        return rule(adjoint, node, wanted)

    def jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
        return (other if _is_complex(node.args[0]) else real).jvp(tangents, node)

    return Peer(vjp, jvp)


def linear(
    name: str,
    *,
    group: str,
    infer: Callable[..., Type],
    run: Callable[..., Any],
    transpose: Callable[[Node, Node], Node],
    latex: str,
    flops: Callable[[Node], Any],
    doc: str,
    meet: str = "all",
    ulp: float = 0.0,
) -> Op:
    """Registers an op that is linear in its first operand; other operands (indices) are data.

    Args:
        transpose: `transpose(adjoint, node)`: the transposed map, the first operand's adjoint.
        name, group, infer, run, latex, flops, doc, meet, ulp: see `Op`.
    """

    def vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
        return [transpose(adjoint, node) if i == 0 else None for i in wanted]

    def jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
        if tangents[0] is None:
            return None
        return make(op, (tangents[0], *node.args[1:]), node.params)

    def bound(errors: Sequence[Node | None], node: Node) -> Node | None:
        return add_up([jvp(errors, node), own_rounding(node, ulp)])

    op = register(
        Op(
            name=name,
            group=group,
            meet=meet,
            infer=infer,
            run=run,
            vjp=vjp,
            jvp=jvp,
            formula="it moves elements: there is no scalar form",
            latex=latex,
            flops=flops,
            kink=None,
            peers=_NO_PEERS,
            domain="every operand",
            ulp=ulp,
            bound=bound,
            holomorphic=True,
            doc=doc,
        )
    )
    return op


def structural(
    name: str,
    *,
    group: str,
    infer: Callable[..., Type],
    run: Callable[..., Any],
    vjp: Vjp | str,
    jvp: Jvp | str,
    latex: str,
    flops: Callable[[Node], Any],
    domain: str,
    ulp: float,
    bound: Bound,
    doc: str,
    meet: str = "float",
    kink: Kink | None = None,
    peers: Mapping[str, Peer] = _NO_PEERS,
    holomorphic: bool = False,
    formula: Callable[..., Any] | str = "it joins many elements: there is no scalar form",
    takes_complex: bool = False,
) -> Op:
    """Registers an op whose rules are all written out; see `Op` for the fields."""

    def checked(*types: TensorType, **params: Any) -> Type:
        if not (holomorphic or takes_complex):
            refuse_complex(name, types)
        return infer(*types, **params)

    return register(
        Op(
            name=name,
            group=group,
            meet=meet,
            infer=checked,
            run=run,
            vjp=vjp,
            jvp=jvp,
            formula=formula,
            latex=latex,
            flops=flops,
            kink=kink,
            peers=peers,
            domain=domain,
            ulp=ulp,
            bound=bound,
            holomorphic=holomorphic,
            doc=doc,
        )
    )


def own_rounding(node: Node, ulp: float) -> Node | None:
    """Returns ulp * eps * |node|: the error that computing the node in its dtype adds."""
    if not ulp or not isinstance(node.type, TensorType) or not node.type.dtype.is_inexact:
        return None
    if node.type.dtype.kind == "c":
        ulp *= COMPLEX_ROUNDING
    return apply_named("mul", apply_named("abs", node), ulp * node.type.dtype.epsilon)


def warn_zero(node: Node, reason: str) -> None:
    """Warns once per place that a derivative passes a piecewise constant op."""
    if reason == PIECEWISE_CONSTANT:
        tell_step(
            f"the derivative passes {describe(node, 3)}, {reason}",
            "wrap it in gx.stop_gradient to say that this is meant",
        )


@functools.lru_cache(maxsize=512)
def _params_of(function: Callable[..., Any], count: int) -> tuple[str, ...] | None:
    """Returns a rule's parameters behind the namespace and `count` operands; None for any."""
    found = list(inspect.signature(function).parameters.values())
    if any(p.kind is p.VAR_KEYWORD for p in found):
        return None
    return tuple(p.name for p in found[count + 1 :] if p.kind is not p.VAR_POSITIONAL)


def _check_params(
    name: str,
    function: Callable[..., Any],
    count: int,
    params: Mapping[str, Any],
    texts: bool,
) -> None:
    """Raises ArgumentError for a parameter the op lacks, or that is no number.

    A text may be one where the op has a `check` of its own that judges it.
    """
    known = _params_of(function, count)
    for param in known or ():
        if param not in params:
            raise ArgumentError(f"{name} lacks its argument {param!r}", f"see help({name})")
    for param, value in params.items():
        if not isinstance(value, (bool, int, float)) and not (texts and type(value) is str):
            raise ArgumentError(f"{param}={show_value(value)} is no number", f"see help({name})")
        if known is not None and param not in known:
            raise ArgumentError(
                f"{name} has no argument {param!r}",
                f"beside its operands it has {', '.join(known) or 'none'}",
            )


def refuse_complex(name: str, types: Sequence[TensorType]) -> None:
    """Raises DTypeError where a non-holomorphic op meets a complex operand (the complex step)."""
    for t in types:
        if isinstance(t, TensorType) and t.dtype.kind == "c":
            raise DTypeError(
                f"{name} is not holomorphic, so it has no complex operand",
                "take gx.real, gx.imag or gx.abs of it first",
            )


def require_numbers(*types: TensorType, **_: Any) -> None:
    """Raises DTypeError for booleans, which have no differences and no signs."""
    if any(t.dtype is bool_ for t in types):
        raise DTypeError("it is not defined for bool", "cast first: gx.cast(x, 'int32')")


def _fit(value: Node, operand: Node) -> Node:
    shape = operand.type.shape
    if len(value.type.shape) < len(shape):
        value = broadcast_to(value, broadcast_shapes(value.type.shape, shape))
    value = sum_to(value, shape)
    return broadcast_to(value, shape)
