"""The frozen record of one comparison: all that the report writers read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: What a verdict can say of an engine, from best to worst. All but the last are agreement.
VERDICTS = (
    "agrees", "rounding", "truncation", "convention", "kink", "cancellation", "overflow", "defect",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """The first node, seen from the output, at which an engine's derivative leaves the truth.

    Attributes:
        node: the node as text, cut to a readable length.
        op: its op's name.
        place: `file.py:LINE` where the user made it; may be empty.
        kind: one of VERDICTS: why they part.
        engine_value: the engine's derivative of the output by that node, largest deviation.
        other_value: the truth's (or the other engine's) there.
        words: one sentence for a person.
    """

    node: str
    op: str
    place: str
    kind: str
    engine_value: float
    other_value: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineResult:
    """What one engine did.

    Attributes:
        name: `analytic`, `numeric`, `symbolic`, `reverse`, `forward` or `jax`.
        status: `ok`, `not applicable` or `failed`.
        reason: why it does not apply or failed, in words; empty where ok.
        verdict: one of VERDICTS; empty where not ok.
        verdict_words: one sentence that explains the verdict.
        gradient: for each input, nested lists of floats (NaN and infinities as floats).
        digits: for each input, the correct decimal digits of its worst element.
        digits_expected: for each input, the digits that the graph's rounding bound promises.
        rule_digits: digits to which the engine's gradient graph, evaluated with mpmath, meets the
            truth: judges the rule and not the floats; None where it was not measured.
        route: what the engine really did, for example the symbolic engine's route and swell.
        nodes: distinct nodes of the gradient graph.
        tree_size: nodes it would have if nothing were shared.
        flops: floating point operations by the usual counts.
        depth: longest path in nodes.
        hlo_size: instructions of the optimised HLO; None where it was not compiled.
        build_seconds, compile_seconds, run_seconds: wall time; run is the median of warm calls.
        peak_bytes: peak memory of a process of its own that does just this, less that of the same
            process doing nothing; None where not measured.
        shared_nodes: nodes of its graph that the reverse engine's graph (for `reverse`: the forward
            graph) also has.
        own_nodes: nodes that no other engine's graph has.
        text: the gradient as text per input, cut; LaTeX alike (without dollar signs).
        picture: file name of the drawn gradient graph in the report's folder, or empty.
    """

    name: str
    status: str
    reason: str = ""
    verdict: str = ""
    verdict_words: str = ""
    gradient: dict[str, Any]
    digits: dict[str, float]
    digits_expected: dict[str, float]
    rule_digits: float | None = None
    route: str = ""
    nodes: int = 0
    tree_size: int = 0
    flops: int = 0
    depth: int = 0
    hlo_size: int | None = None
    build_seconds: float | None = None
    compile_seconds: float | None = None
    run_seconds: float | None = None
    peak_bytes: int | None = None
    shared_nodes: int = 0
    own_nodes: int = 0
    text: dict[str, str]
    latex: dict[str, str]
    picture: str = ""
    parting: Parting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCurve:
    """A numeric method's error against its step (the U-curve).

    Attributes:
        method: `forward`, `central`, `complex-step` or `Richardson`.
        steps: relative steps, falling.
        errors: relative error of the gradient at each step (NaN where it failed).
        chosen_step: the step that the engine chose by its formula; chosen_error its error.
        reason: why the method does not apply; empty where it does.
    """

    method: str
    steps: tuple[float, ...]
    errors: tuple[float, ...]
    chosen_step: float
    chosen_error: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swell:
    """How an engine's graph grows with the problem.

    Attributes:
        engine: its name; `problem` for the forward graph itself.
        sizes: the problem's sizes n.
        nodes: distinct nodes at each size; tree_sizes with nothing shared; None past a budget.
        reasons: for each size, why there is no number; empty where there is one.
    """

    engine: str
    sizes: tuple[int, ...]
    nodes: tuple[int | None, ...]
    tree_sizes: tuple[int | None, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: its file's stem, title, a sentence on what it shows, and its SVG text."""

    stem: str
    title: str
    words: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KinkSeen:
    """A node evaluated exactly at a kink or tie: node text, op, where, convention, count.

    `sides` says for the first element, operand by operand, the one-sided derivatives and the slope
    promised between them: `x = 0: left -1, right 1, slope 0`.
    """

    node: str
    op: str
    place: str
    where: str
    departs: str
    count: int
    sides: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaySeen:
    """One way to make a Jacobian, of those weighed.

    Attributes:
        engine: `reverse`, `forward`, `mixed` or `elimination`.
        route: what it does in words; where it does not apply, why.
        applies: whether it does; without it all else is empty.
        passes: sweeps through the graph or parts of it.
        flops, bytes, nodes: of the derivative's graph.
        multiplications: of elimination, by order; None where the count was given up.
        predicted_seconds, measured_seconds: of one run.
    """

    engine: str
    route: str
    applies: bool = True
    passes: int = 0
    flops: int = 0
    bytes: int = 0
    nodes: int = 0
    multiplications: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    predicted_seconds: float | None = None
    measured_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSeen:
    """How one Jacobian or Hessian was planned: kind, output, wrt, its sizes, and the choice.

    `choice` is the way predicted to cost least, `fastest` the one measured so, `why` in words.
    """

    kind: str
    output: str
    wrt: str
    rows: int
    columns: int
    choice: str
    fastest: str
    why: str
    ways: tuple[WaySeen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The whole comparison of one problem.

    Attributes:
        title: the problem's name.
        source: the formula, or the file's name.
        description: the author's words; may be empty.
        output: the graph as text; output_latex without dollar signs.
        inputs: for each input, its type as text (`f32[64,32]`).
        values: for each input, nested lists, or a summary text where it has over 64 elements.
        wrt: the inputs differentiated by.
        value: the output's value.
        dtype: the dtype of the output.
        truth_kind: `50 digits`, `50 digits along N directions` or `engines against each other`.
        truth_words: how the truth was found, in a sentence.
        truth: for each input the gradient as decimal strings (nested lists), empty where too large.
        engines: in the order analytic, numeric, symbolic, reverse, forward, jax.
        agreed: False where a verdict is `defect` or an engine failed.
        verdict_words: the whole in one or two sentences.
        forward_nodes, forward_flops, forward_depth: of the graph itself.
        step_curves, swell, kinks, plans, pictures: see their types.
        versions: package names and versions; machine: processor words, no host name.
    """

    title: str
    source: str
    description: str
    output: str
    output_latex: str
    inputs: dict[str, str]
    values: dict[str, Any]
    wrt: tuple[str, ...]
    value: float
    dtype: str
    truth_kind: str
    truth_words: str
    truth: dict[str, Any]
    engines: tuple[EngineResult, ...]
    agreed: bool
    verdict_words: str
    forward_nodes: int
    forward_flops: int
    forward_depth: int
    step_curves: tuple[StepCurve, ...] = ()
    swell: tuple[Swell, ...] = ()
    kinks: tuple[KinkSeen, ...] = ()
    plans: tuple[PlanSeen, ...] = ()
    pictures: tuple[Picture, ...] = ()
    versions: dict[str, str]
    machine: str
