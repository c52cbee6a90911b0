"""Every engine on one problem: its graph, its numbers, and what building and compiling took."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.backends.compile import NODE_BUDGET, Compiled, compile
from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import bind_sizes, run
from graphc.compare.problem import Problem
from graphc.core.errors import (
    ArgumentError,
    BudgetError,
    EngineError,
    GradError,
    GraphcError,
)
from graphc.core.node import Node
from graphc.diff.engines import ENGINES, check_options, differentiate
from graphc.ops.steps import steps_gathered

Progress = Callable[[str], None]


@dataclass(slots=True)
class EngineRun:
    """What one engine made of a problem.

    Attributes:
        name: the engine.
        status: `ok`, `not applicable` or `failed`.
        reason: why not, in words.
        gradients: the gradient graphs, one for each `wrt`.
        route: how the engine went about it.
        values: the gradients' numbers by the compiled graph.
        compiled: the compiled gradient.
        build_seconds, compile_seconds: wall time.
    """

    name: str
    status: str = "ok"
    reason: str = ""
    gradients: list[Node] = field(default_factory=list[Node])
    route: str = ""
    values: list[np.ndarray[Any, Any]] = field(default_factory=list[Any])
    compiled: Compiled | None = None
    build_seconds: float | None = None
    compile_seconds: float | None = None


def quiet(_: str) -> None:
    """Reports no progress."""


def check_call(
    problem: Any, engines: Any, options: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Raises where a problem, a list of engines or their options can't be meant.

    Raises:
        ArgumentError: the problem is none, the engines are no list, or an option is unknown.
        EngineError: there is no such engine.
    """
    if not isinstance(problem, Problem):
        raise ArgumentError(f"{problem!r} is no problem", "give gx.Problem(loss, values)")
    if isinstance(engines, str) or not isinstance(engines, Iterable):
        raise ArgumentError(f"engines={engines!r} is no list", f"write engines=[{engines!r}]")
    for name in (*engines, *(options or {})):
        if name not in ENGINES:
            raise EngineError(f"there is no engine {name!r}", f"use {', '.join(ENGINES)}")
    for name, chosen in (options or {}).items():
        check_options(name, chosen)


def run_engines(
    problem: Problem,
    engines: Sequence[str] = ENGINES,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress = quiet,
) -> list[EngineRun]:
    """Returns each engine's run, in the given order; one that does not apply says why."""
    _load(engines)
    runs: list[EngineRun] = []
    for name in engines:
        progress(f"{problem.name}: engine {name}")
        runs.append(_run(problem, name, dict((options or {}).get(name, {}))))
    return runs


def _load(engines: Sequence[str]) -> None:
    """Loads SymPy and starts JAX: that happens once, and is no engine's own time."""
    import jax

    if "symbolic" in engines:
        importlib.import_module("graphc.diff.symbolic")
        sympy: Any = importlib.import_module("sympy")
        x = sympy.Symbol("x")
        (x * sympy.sin(x)).diff()  # the first product and sum load more of it
    jax.block_until_ready(jax.jit(lambda x: x + 1)(1.0))


def _run(problem: Problem, name: str, options: dict[str, Any]) -> EngineRun:
    made = EngineRun(name)
    try:
        with steps_gathered():
            start = time.perf_counter()
            derivation = differentiate(problem.output, problem.wrt, name, **options)
            made.build_seconds = time.perf_counter() - start
        made.gradients, made.route = derivation.gradients, derivation.route
        _compute(problem, made)
    except (EngineError, GradError) as error:
        made.status = "not applicable"
        made.reason = "; ".join(p for p in (error.rule, error.mend) if p)
    except GraphcError as error:
        made.status, made.reason = "failed", str(error)
    return made


def _compute(problem: Problem, made: EngineRun) -> None:
    # Every input is passed, needed or not: one that a gradient lost may tell a named size.
    inputs = list(problem.inputs)
    given = [problem.values[n] for n in inputs]
    # JAX's derivative holds, beside each op, a tangent and its transpose.
    budget = NODE_BUDGET // 3 if made.name == "jax" else NODE_BUDGET
    try:
        made.compiled = compile(made.gradients, inputs, budget=budget)
    except BudgetError as error:  # too long for XLA: NumPy computes it node by node
        if made.name == "jax":
            raise EngineError(error.rule, "JAX can't be asked about a graph of this size") from None
        xp = NumpyNamespace(bind_sizes(inputs, [v.shape for v in given]))
        with np.errstate(all="ignore"):
            made.values = run(made.gradients, problem.values, xp)
        made.route += "; too long to compile, evaluated with NumPy"
        return
    start = time.perf_counter()
    made.values = [np.asarray(r) for r in made.compiled(*given)]
    made.compile_seconds = time.perf_counter() - start
