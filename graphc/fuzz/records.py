"""What a record tells of how its op is called: operands, and parameters worth trying."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.core.calls import public_functions
from graphc.core.dtype import float64
from graphc.core.errors import GraphcError
from graphc.core.node import Node, apply, apply_named
from graphc.core.op import Op, all_ops
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.diff.reverse import reverse_gradients
from graphc.ops.steps import steps_gathered

#: Why an op that has a rule is never drawn.
EXCLUDED = {
    "jax_vjp": "it runs under JAX alone, so there is no truth of 50 digits",
    "jax_jvp": "it runs under JAX alone, so there is no truth of 50 digits",
}

#: Why a graph that holds an op is drawn anew.
COSTLY = {
    "log_gamma_quantile": "one value of 50 digits takes seconds: its own tests take few",
    "igamma_quotient": "one value of 800 digits takes seconds: its own tests take few",
}


def drawable(op: Op) -> bool:
    """Tells whether a graph of real numbers may hold an op: it has a rule, or says it is 0.

    What takes integers to integers has neither a derivative nor rounding: no oracle sees it.
    """
    return callable(op.vjp) and op.domain != "integers" and op.name not in EXCLUDED


def judged(op: Op) -> bool:
    """Tells whether an op stands in graphs that are judged."""
    return drawable(op) and op.name not in COSTLY


#: Public functions by which people call a record that has another name.
CALLED_BY = {"bessel_i": ("i0", "i1")}

#: Values of a record's parameters, by the parameter's name.
PARAMS: dict[str, tuple[Any, ...]] = {
    "exponent": (2, 3, -1, -2, 1, 0, 5, 7, -3),
    "slope": (0.1, 0.01, 1.5),
    "alpha": (1.0, 0.7),
    "approximate": (False, True),
    "correction": (0, 1),
    "ord": (2, 1, 3.5),
    "keepdims": (False, True),
    "transpose_x": (False, True),
    "transpose_y": (False, True),
}


@functools.cache
def operands_of(op: Op) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Returns the names of a record's operands and parameters, and whether it takes any number."""
    found = list(inspect.signature(op.run).parameters.values())[1:]
    several = any(p.kind is p.VAR_POSITIONAL for p in found)
    names = [p.name for p in found if p.kind is not p.VAR_POSITIONAL]
    known = (*PARAMS, "axis", "dtype")
    own = tuple(n for n in names if n in known)
    return tuple(n for n in names if n not in known), own, several


def draw_params(op: Op, generator: np.random.Generator) -> dict[str, Any]:
    """Returns values for those of the record's parameters that depend on no operand."""
    _, own, _ = operands_of(op)
    seen = sightings().get(op.name, ())
    if seen and set(seen[0]) - set(own):
        return dict(seen[int(generator.integers(len(seen)))])
    chosen: dict[str, Any] = {}
    for name in own:
        if name in PARAMS:
            values = PARAMS[name]
            chosen[name] = values[int(generator.integers(len(values)))]
    return chosen


@functools.cache
def sightings() -> dict[str, tuple[dict[str, Any], ...]]:
    """Returns the parameters with which elementwise ops stand in the derivatives of others.

    The slope of erf is a gaussian of a certain scale: what `PARAMS` does not know is learnt there.
    """
    x = apply_named("input", name="x", type=TensorType((), float64))
    half = x * 0.5
    found: dict[str, dict[str, dict[str, Any]]] = {}
    with steps_gathered():
        for op in all_ops():
            names, own, several = operands_of(op)
            if op.group != "elementwise" or not callable(op.vjp) or several or "dtype" in own:
                continue
            operands = [x, half, x + half][: len(names)]
            for number in range(max(len(PARAMS[n]) for n in own) if own else 1):
                params = {n: PARAMS[n][number % len(PARAMS[n])] for n in own}
                _look_at(lambda op=op, given=operands, p=params: apply(op, given, p), x, found)
            for name in CALLED_BY.get(op.name, (op.name,)):
                if name in public_functions:  # which may know parameters that people leave out
                    _look_at(lambda name=name: public_functions[name](x), x, found)
    return {name: tuple(sets[key] for key in sorted(sets)) for name, sets in found.items()}


def _look_at(
    build: Callable[[], Node], x: Node, found: dict[str, dict[str, dict[str, Any]]]
) -> None:
    """Notes the ops of a node and of its first three derivatives."""
    try:
        node = build()
        _note(node, found)
        for _ in range(3):
            (node,) = reverse_gradients(node, [x])
            _note(node, found)
    except GraphcError:  # not with these operands or parameters
        return


def _note(root: Node, found: dict[str, dict[str, dict[str, Any]]]) -> None:
    for node in topological_order([root]):
        if node.op.group == "elementwise" and node.params and "dtype" not in node.params:
            params = dict(node.params)
            found.setdefault(node.op.name, {})[repr(sorted(params.items()))] = params
