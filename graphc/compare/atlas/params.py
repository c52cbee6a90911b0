"""The parameters with which ops are measured: listed here, or as the rules of others use them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

from graphc.core.dtype import float32
from graphc.core.errors import ArgumentError, GraphcError
from graphc.core.node import Node, apply_named
from graphc.core.op import Op, all_ops
from graphc.core.walk import topological_order
from graphc.diff.derivatives import grad
from graphc.ops.steps import steps_gathered

#: Parameters of ops that people call, several sets where they change what the op does.
PARAMS: dict[str, tuple[dict[str, Any], ...]] = {
    "integer_pow": ({"exponent": 3}, {"exponent": 7}, {"exponent": -2}, {"exponent": 50}),
    "leaky_relu": ({"slope": 0.01}, {"slope": 0.3}),
    "elu": ({"alpha": 1.0}, {"alpha": 0.7}),
    "celu": ({"alpha": 1.0}, {"alpha": 0.7}),
    "threshold": ({"at": 0.0},),
    "gelu": ({"approximate": False}, {"approximate": True}),
    "sinc": ({"order": 0, "scale": "1"}, {"order": 0, "scale": "pi"}),
    "polygamma": ({"order": 1}, {"order": 2}, {"order": 5}),
    "bessel_i": ({"order": 0}, {"order": 1}),
    "zeta": ({"order": 0},),
    "igamma": ({"order": 0},),
    "igamma_quotient": ({"order": 1},),
}

#: Of an op that only rules use, at most so many sets of parameters are measured.
MOST = 3


def params_of(op: Op) -> tuple[dict[str, Any], ...]:
    """Returns the sets of parameters with which an elementwise op is measured.

    Raises:
        ArgumentError: it needs parameters that are neither listed nor used by any rule.
    """
    known = _listed(op)
    if known is None:
        known = _in_rules(tuple(o.name for o in all_ops())).get(op.name)
    if known is None:
        raise ArgumentError(
            f"the atlas does not know the parameters of {op.name}",
            "list them in graphc/compare/atlas/params.py",
        )
    return known


def operands_of(op: Op, params: dict[str, Any]) -> tuple[str, ...]:
    """Returns the names of an op's operands: what its formula takes beside parameters."""
    assert callable(op.formula)
    found = list(inspect.signature(op.formula).parameters.values())[1:]
    return tuple(p.name for p in found if p.name not in params and p.default is p.empty)


def _listed(op: Op) -> tuple[dict[str, Any], ...] | None:
    if op.name in PARAMS:
        return PARAMS[op.name]
    try:
        op.infer(*[float32[()]] * len(operands_of(op, {})))
    except (ArgumentError, TypeError):
        return None
    return ({},)


@functools.cache
def _in_rules(names: tuple[str, ...]) -> dict[str, tuple[dict[str, Any], ...]]:
    """Returns the parameters that ops have in the first and second derivatives of others.

    Args:
        names: the registered ops; the key under which the answer is kept.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for op in all_ops():
        if op.group != "elementwise" or not callable(op.formula) or isinstance(op.vjp, str):
            continue
        for params in _listed(op) or ():
            for node in topological_order(list(_derivatives(op, params))):
                sets = found.setdefault(node.op.name, [])
                if node.params and dict(node.params) not in sets and len(sets) < MOST:
                    sets.append(dict(node.params))
    return {name: tuple(sets) for name, sets in found.items() if sets}


def _derivatives(op: Op, params: dict[str, Any]) -> Iterator[Node]:
    try:
        inputs = [apply_named("input", name=n, type=float32[()]) for n in operands_of(op, params)]
        value = apply_named(op.name, *inputs, **params)
        if not value.dtype.is_float:
            return
        with steps_gathered():
            for first in grad(value, inputs):
                yield first
                yield from grad(first, inputs)
    except GraphcError:  # operands of another kind, or no dependence: no rule to look at
        return
