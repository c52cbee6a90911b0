"""The table of engines, and one way to run any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.errors import ArgumentError, EngineError, show_value
from graphc.core.node import Node
from graphc.core.system import GRAPHC, System, system_named
from graphc.core.walk import topological_order
from graphc.diff.analytic import analytic_gradients
from graphc.diff.forward import forward_jacobian
from graphc.diff.numeric import numeric_jacobian, relative_step
from graphc.diff.referee import referee_gradients
from graphc.diff.reverse import reverse_gradients
from graphc.ops.formulas import without_formulas

ENGINES = ("analytic", "numeric", "symbolic", "reverse", "forward", "jax")


@dataclass(frozen=True, slots=True, eq=False)
class Derivation:
    """What an engine made: the gradients as graph, and in words how it went about it."""

    gradients: list[Node]
    route: str


def differentiate(
    output: Node, wrt: Sequence[Node], engine: str, *, match: str = "graphc", **options: Any
) -> Derivation:
    """Differentiates a scalar node by an engine.

    Args:
        output: a float scalar.
        wrt: float nodes.
        engine: one of ENGINES.
        match: the system whose slopes are taken at kinks and edges, see `core.system`.
        options: of the engine: `method`, `step`, `search`, `chunk` (numeric), `chunk` (forward),
            `budget`, `sharing` (symbolic).

    Raises:
        EngineError: the engine is unknown or does not apply; the reason is in the text.
        ArgumentError: the engine has no such option.
    """
    make = _MAKERS.get(engine) if isinstance(engine, str) else None
    if make is None:
        raise EngineError(
            f"there is no engine {show_value(engine)}", f"use one of {', '.join(ENGINES)}"
        )
    check_options(engine, options)
    system = system_for(engine, match)
    if engine != "analytic":
        # The formulas beside an expression are the analytic engine's alone. A `wrt` above one of
        # them would lose its name in the rebuilt graph; such a graph is left as it is.
        (plain,) = without_formulas([output])
        if plain is not output and _has_all(plain, wrt):
            output = plain
    return make(output, wrt, **(options if system is GRAPHC else {**options, "system": system}))


def system_for(engine: str, match: object) -> System:
    """Returns the system whose side an engine is to take; graphc also where it takes no other.

    Raises:
        ArgumentError: there is no such system.
        EngineError: the engine can't take that side.
    """
    system = system_named(match)
    if system is GRAPHC or (engine, match) == ("jax", "jax"):
        return GRAPHC
    if engine not in MATCHING:
        raise EngineError(
            f"the engine {engine} takes no other system's side: {_OWN_SIDE.get(engine, '')}",
            f"match={match!r} goes with {' and '.join(MATCHING)}",
        )
    return system


#: Engines that can take another system's side; and why the others can't.
MATCHING = ("reverse", "forward")
_OWN_SIDE = {
    "analytic": "its slopes are the author's",
    "numeric": "it takes differences and knows no slopes",
    "symbolic": "its slopes are those of the formulas, and graphc's at kinks",
    "jax": "its slopes are JAX's own",
}


def check_options(engine: str, options: Any) -> None:
    """Raises ArgumentError where an engine has no such option."""
    if not isinstance(options, Mapping):
        raise ArgumentError(
            f"the options of {engine} are {options!r}", "write {'method': 'richardson'}"
        )
    unknown = sorted(set(options) - set(_OPTIONS.get(engine, ())))
    if unknown:
        known = ", ".join(_OPTIONS.get(engine, ())) or "none"
        raise ArgumentError(f"the engine {engine} has no option {unknown[0]!r}", f"it has {known}")


def _has_all(output: Node, wrt: Sequence[Node]) -> bool:
    """Tells whether every one of `wrt` is a node of the output's graph."""
    order = set(topological_order([output]))
    return all(w in order for w in wrt)


_OPTIONS = {
    "numeric": ("method", "step", "search", "chunk"),
    "forward": ("chunk",),
    "symbolic": ("budget", "sharing"),
}


def _reverse(output: Node, wrt: Sequence[Node], system: System = GRAPHC) -> Derivation:
    side = "" if system is GRAPHC else f", by the rules of {system.title} at kinks and edges"
    return Derivation(reverse_gradients(output, wrt, system=system), f"one reverse sweep{side}")


def _forward(output: Node, wrt: Sequence[Node], **options: Any) -> Derivation:
    sweeps = " + ".join(str(w.size) for w in wrt)
    return Derivation(
        [forward_jacobian(output, w, **options) for w in wrt],
        "one forward sweep" + (f" for each input element ({sweeps})" if sweeps != "1" else ""),
    )


def _numeric(output: Node, wrt: Sequence[Node], **options: Any) -> Derivation:
    method = options.get("method", "central")
    gradients = [numeric_jacobian(output, w, **options) for w in wrt]
    step = options.get("step") or relative_step(method, wrt[0].dtype.epsilon)
    how = "searched at evaluation" if options.get("search") else f"{step:.3g} max(|x|, 1)"
    return Derivation(gradients, f"{method} differences, step {how}")


def _analytic(output: Node, wrt: Sequence[Node]) -> Derivation:
    return Derivation(*analytic_gradients(output, wrt))


def _referee(output: Node, wrt: Sequence[Node]) -> Derivation:
    return Derivation(referee_gradients(output, wrt), "jax.vjp of the lowered forward graph")


def _symbolic(output: Node, wrt: Sequence[Node], **options: Any) -> Derivation:
    from graphc.diff.symbolic import symbolic_gradient  # SymPy takes 0.4 s to load

    result = symbolic_gradient(output, wrt, **options)
    return Derivation(result.gradients, result.words)


_MAKERS: dict[str, Callable[..., Derivation]] = {
    "analytic": _analytic,
    "numeric": _numeric,
    "symbolic": _symbolic,
    "reverse": _reverse,
    "forward": _forward,
    "jax": _referee,
}
