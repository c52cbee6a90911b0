"""`compare`: every engine on a problem; verdict, costs and pictures in one frozen record."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import mpmath
import numpy as np

from graphc.backends.compile import require_x64
from graphc.backends.numpy import evaluate
from graphc.compare.classify import Judged
from graphc.compare.kinks.find import kinks_at
from graphc.compare.kinks.record import KinkMet
from graphc.compare.kinks.text import sides_words
from graphc.compare.memory_job import memory_beside
from graphc.compare.partings import first_parting
from graphc.compare.pictures import report_pictures
from graphc.compare.plans import derivative_plans
from graphc.compare.problem import Problem
from graphc.compare.record import Comparison, EngineResult, KinkSeen, Picture
from graphc.compare.run_engines import EngineRun, Progress, check_call, quiet, run_engines
from graphc.compare.steps import step_curves
from graphc.compare.swell import swell_curves
from graphc.compare.verdict import Judgement, judge
from graphc.core.calls import guarded
from graphc.core.dim import size_value
from graphc.core.node import Node
from graphc.core.walk import topological_order
from graphc.diff.engines import ENGINES
from graphc.measure.cost import cost
from graphc.measure.hlo import hlo_size
from graphc.measure.memory import Meter
from graphc.measure.time import time_together
from graphc.render.latex import latex
from graphc.render.text import text

_SHOWN_ELEMENTS = 64
_TRUTH_ELEMENTS = 4096
_LARGEST = 1 << 14_000
#: Rounds of 5 ms are enough where their quartiles lie closer together than this share.
_STEADY = 0.1


@guarded("compare")
def compare(
    problem: Problem,
    *,
    engines: Sequence[str] = ENGINES,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    pictures: bool = True,
    memory: bool = True,
    source: str = "",
    prefix: str = "",
    progress: Progress = quiet,
) -> Comparison:
    """Runs every engine on a problem and returns what is to be known about them.

    Args:
        problem: the graph with its values.
        engines: which engines to run, of `analytic`, `numeric`, `symbolic`, `reverse`, `forward`
            and `jax`.
        options: for each engine its options, for example `{"numeric": {"method": "richardson"}}`.
        pictures: draw the graphs.
        memory: measure each engine's peak memory, in a process of its own.
        source: the formula or file the problem came from.
        prefix: put before the pictures' file names.
        progress: told what is being done.

    Returns:
        The frozen record; `write_report([record], folder)` makes the page.

    Raises:
        EngineError: an engine is unknown.
        PrecisionError: the graph holds float64 and JAX's 64-bit types are turned off.
    """
    return comparison(
        problem, engines=engines, options=options, pictures=pictures, memory=memory,
        source=source, prefix=prefix, progress=progress,
    )  # fmt: skip


def comparison(
    problem: Problem,
    *,
    engines: Sequence[str] = ENGINES,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    pictures: bool = True,
    memory: bool = True,
    meter: Meter | None = None,
    source: str = "",
    prefix: str = "",
    progress: Progress = quiet,
) -> Comparison:
    """Returns what `compare` returns; a program of our own may bring its `meter` along."""
    check_call(problem, engines, options)
    require_x64([problem.output])
    if meter is not None:
        meter.wait()
    runs = run_engines(problem, engines, options, progress)
    progress(f"{problem.name}: timing")
    seconds = _times(problem, runs)
    ok = {r.name: r.gradients for r in runs if r.status == "ok"}
    beside = memory_beside(problem, ok, meter) if memory else contextlib.nullcontext(dict)
    drawn: tuple[Picture, ...] = ()
    with beside as peaks_found:
        judgement = judge(problem, runs, progress)
        if pictures:
            progress(f"{problem.name}: pictures")
            drawn = report_pictures(problem, ok, prefix)
        progress(f"{problem.name}: step curves")
        curves = step_curves(problem, judgement)
        swell = swell_curves(problem, progress)
        progress(f"{problem.name}: memory, a process for each engine")
        peaks = peaks_found()
    shares = _shares(problem, runs)
    results = tuple(
        _result(problem, entry, judgement, seconds, peaks, shares, prefix, pictures)
        for entry in judgement.engines
    )
    forward = cost([problem.plain], judgement.sizes)
    return Comparison(
        title=problem.name,
        source=source,
        description=problem.description,
        output=text(problem.plain, 60),
        output_latex=latex(problem.plain),
        inputs={n.params["name"]: str(n.type) for n in problem.inputs},
        values={n.params["name"]: _shown(v) for n, v in problem.values.items()},
        wrt=tuple(w.params["name"] for w in problem.wrt),
        value=float(evaluate(problem.output, problem.values)),
        dtype=problem.output.dtype.name,
        truth_kind=judgement.kind,
        truth_words=_truth_words(judgement),
        truth=_truth_strings(problem, judgement),
        engines=results,
        agreed=judgement.agreed,
        verdict_words=_verdict_words(judgement),
        forward_nodes=forward.nodes,
        forward_flops=size_value(forward.flops, judgement.sizes),
        forward_depth=forward.depth,
        step_curves=curves,
        swell=swell,
        kinks=_kinks(problem, judgement),
        plans=derivative_plans(problem, progress),
        pictures=drawn,
        versions=_versions(),
        machine=f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
    )


def _times(problem: Problem, runs: Sequence[EngineRun]) -> dict[str, float]:
    import jax

    given = [jax.numpy.asarray(problem.values[n]) for n in problem.inputs]
    calls: dict[str, Any] = {}
    for entry in runs:
        if entry.compiled is not None and entry.status == "ok":
            calls[entry.name] = lambda c=entry.compiled: jax.block_until_ready(c(*given))
    if not calls:
        return {}
    timings = time_together(calls, min_time=0.045)
    if any(t.spread > _STEADY for t in timings.values()):  # something else runs on this machine
        timings = time_together(calls, min_time=0.2)
    return {name: t.median for name, t in timings.items()}


def _shares(problem: Problem, runs: Sequence[EngineRun]) -> dict[str, tuple[int, int]]:
    """Returns for each engine the nodes it shares with the reference, and those it has alone."""
    sets = {r.name: set(topological_order(r.gradients)) for r in runs if r.status == "ok"}
    forward = set(topological_order([problem.plain]))
    found: dict[str, tuple[int, int]] = {}
    for name, nodes in sets.items():
        reference = sets["reverse"] if name != "reverse" and "reverse" in sets else forward
        others: set[Node] = set().union(*[s for n, s in sets.items() if n != name])
        found[name] = (len(nodes & reference), len(nodes - others))
    return found


def _result(
    problem: Problem,
    entry: Judged,
    judgement: Judgement,
    seconds: Mapping[str, float],
    peaks: Mapping[str, int | None],
    shares: Mapping[str, tuple[int, int]],
    prefix: str,
    pictures: bool,
) -> EngineResult:
    made = entry.run
    if made.status != "ok":
        return EngineResult(
            name=made.name, status=made.status, reason=made.reason, gradient={}, digits={},
            digits_expected={}, route=made.route, text={}, latex={},
        )  # fmt: skip
    names = [w.params["name"] for w in problem.wrt]
    found = cost(made.gradients, judgement.sizes)
    small = found.nodes <= 400
    pairs = list(zip(names, made.gradients, strict=True))
    return EngineResult(
        name=made.name,
        status=made.status,
        verdict=entry.verdict,
        verdict_words=entry.words,
        gradient={
            n: v.astype(np.float64).tolist() for n, v in zip(names, made.values, strict=True)
        },
        digits=entry.digits,
        digits_expected=entry.expected,
        rule_digits=entry.rule_digits,
        route=made.route,
        nodes=found.nodes,
        tree_size=whole(found.tree_size),
        flops=size_value(found.flops, judgement.sizes),
        depth=found.depth,
        hlo_size=_hlo_size(problem, made),
        build_seconds=made.build_seconds,
        compile_seconds=made.compile_seconds,
        run_seconds=seconds.get(made.name),
        peak_bytes=peaks.get(made.name),
        shared_nodes=shares[made.name][0],
        own_nodes=shares[made.name][1],
        text={n: text(g, 40) for n, g in pairs} if small else {},
        latex={n: latex(g) for n, g in pairs if g.ndim == 0} if small else {},
        picture=f"{prefix}engine-{made.name}.svg" if pictures else "",
        parting=first_parting(problem, entry, judgement),
    )


def whole(count: int | float) -> int:
    """Returns a tree size as an integer; above 2**14000, which no report can print, that."""
    return min(count, _LARGEST) if isinstance(count, int) else _LARGEST


def _hlo_size(problem: Problem, made: EngineRun) -> int | None:
    if made.compiled is None:
        return None
    values = [problem.values[n] for n in problem.inputs]
    return hlo_size(made.compiled.hlo(*values)).instructions


def _shown(value: Any) -> Any:
    array = np.asarray(value)
    if array.size <= _SHOWN_ELEMENTS:
        listed = array.astype(np.float64) if array.dtype.kind not in "biu" else array
        return listed.tolist()
    wide = array.astype(np.float64)
    return f"{array.size} numbers, {wide.min():.4g} to {wide.max():.4g}, mean {wide.mean():.4g}"


def _truth_strings(problem: Problem, judgement: Judgement) -> dict[str, Any]:
    if judgement.gradient is None:
        return {}
    found: dict[str, Any] = {}
    for w, true in zip(problem.wrt, judgement.gradient, strict=True):
        if true.size <= _TRUTH_ELEMENTS:
            found[w.params["name"]] = _strings(true)
    return found


def _strings(array: Any) -> Any:
    if isinstance(array, np.ndarray) and array.ndim:
        return [_strings(row) for row in array]
    value = array.item() if isinstance(array, np.ndarray) else array
    if value is None:
        return "no two-sided finite derivative"
    return mpmath.nstr(value, 30, strip_zeros=True)


def _truth_words(judgement: Judgement) -> str:
    if judgement.truth is None:
        return "The graph is too large for 50 digits, so the engines are compared with each other."
    words = (
        "Central differences of the forward graph alone, at 50 decimal digits and more until two "
        "levels of precision agree to 26 digits; at kinks along the convention's straight line. "
        "None of the six engines has a part in it."
    )
    if judgement.gradient is None:
        words += (
            " The gradient has too many elements for one difference each, so sums of it along "
            "random directions of plus and minus one are compared."
        )
    return words


def _verdict_words(judgement: Judgement) -> str:
    ok = [j for j in judgement.engines if j.run.status == "ok"]
    wrong = [j.run.name for j in ok if j.verdict == "defect"]
    failed = [j.run.name for j in judgement.engines if j.run.status == "failed"]
    if wrong or failed:
        parts = [f"{', '.join(wrong)}: a defect"] if wrong else []
        parts += [f"{', '.join(failed)}: failed"] if failed else []
        right = [j.run.name for j in ok if j.verdict != "defect"]
        tail = f" {', '.join(right)} meet the truth." if right else ""
        return f"{'; '.join(parts)}.{tail}"
    named = sorted(
        {j.verdict for j in ok if j.verdict in ("convention", "kink", "cancellation", "overflow")}
    )
    tail = f" At work: {', '.join(named)}." if named else ""
    absent = len(judgement.engines) - len(ok)
    which = "engines that apply agree" if absent else "engines agree"
    return f"All {len(ok)} {which}.{tail}"


def _kinks(problem: Problem, judgement: Judgement) -> tuple[KinkSeen, ...]:
    if judgement.truth is None:
        return ()
    report = kinks_at([problem.output], problem.values, judgement.sizes)
    return tuple([_kink(met) for met in report.kinks])


def _kink(met: KinkMet) -> KinkSeen:
    return KinkSeen(
        node=met.node, op=met.op, place=met.place, where=met.where, departs=met.departs,
        count=met.count + met.hidden, sides=sides_words(met),
    )  # fmt: skip


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ("graphc", "jax", "jaxlib", "numpy", "sympy", "mpmath"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
