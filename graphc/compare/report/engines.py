"""The report's parts about the engines: how right each is, what it costs, what it shares."""

from __future__ import annotations

import math

from graphc.compare.record import Comparison, EngineResult
from graphc.compare.report.blocks import (
    Block,
    Cell,
    Chart,
    Drawing,
    Fold,
    Formula,
    Gallery,
    Row,
    Section,
    Span,
    Table,
    Terms,
    Words,
    cell,
    row,
    words,
)
from graphc.compare.report.charts import digits_chart, sharing_chart
from graphc.compare.report.numbers import (
    count,
    digits,
    precision_of,
    ratio,
    rough,
    seconds,
    size,
)
from graphc.compare.report.verdicts import MEANINGS, pill, verdict_of

_ENGINES = (
    ("analytic", "a formula that the author wrote by hand beside the expression"),
    ("numeric", "difference quotients: evaluate nearby and divide by the step"),
    ("symbolic", "a computer algebra system differentiates the expression"),
    ("reverse", "graphc's reverse mode: one sweep back from the output to every input"),
    ("forward", "graphc's forward mode: derivatives carried along with the values"),
    ("jax", "JAX's own automatic differentiation of the same graph: the outside referee"),
)


def engines_section(comparison: Comparison) -> Section:
    """Returns the verdicts, the correct digits and their chart."""
    several = max((len(e.digits) for e in comparison.engines), default=0) > 1
    rows: list[Row] = []
    for engine in comparison.engines:
        if engine.status != "ok":
            told = engine.reason or "no reason was given"
            kind = "bad" if engine.status == "failed" else "quiet"
            rows.append(
                row(_name(engine), cell(pill(engine.status)), cell(told, columns=4), kind=kind)
            )
            continue
        rows.append(
            row(
                _name(engine),
                cell(pill(verdict_of(engine))),
                cell(Span(digits(_least(engine.digits)), "strong")),
                digits(_least(engine.digits_expected)),
                digits(engine.rule_digits),
                engine.verdict_words,
                kind="bad" if engine.verdict == "defect" else "",
            )
        )
    columns = (("engine", "text"), ("verdict", "text"), ("correct digits", "number"),
               ("expected", "number"), ("rule", "number"), ("why", "wide"))  # fmt: skip
    blocks: list[Block] = [Table(columns, tuple(rows))]
    if _is_bound_loose(comparison):
        blocks.append(words(_LOOSE, "quiet"))
    chart = digits_chart(comparison.engines)
    if chart:
        told = "Correct digits by engine; longer is better. The upright line is what is promised."
        blocks.append(Chart(chart, told))
    used = {verdict_of(engine) for engine in comparison.engines}
    names = {engine.name for engine in comparison.engines}
    blocks.append(
        Terms(
            (
                ("correct digits", "how many decimal digits of the worst element are right"),
                ("expected", "how many the graph's own rounding-error bound promises"),
                ("rule", "digits when the engine's graph is evaluated with 50 digits and more: "
                         "judges its formula apart from floating point"),
                *((verdict, meaning) for verdict, meaning in MEANINGS if verdict in used),
            )
        )
    )  # fmt: skip
    if several:
        blocks.append(Fold("Digits of each input", (_digits_by_input(comparison),)))
    blocks.append(
        Fold("What the engines are", (Terms(tuple(e for e in _ENGINES if e[0] in names)),))
    )
    return Section("engines", "The engines", tuple(blocks))


#: Digits reached beyond those expected from which on the bound is called loose.
_LOOSE_FROM = 3
_LOOSE = (
    "The expected digits come from a bound that holds in the worst case, when all rounding errors "
    "add up. Errors mostly cancel, so it is loose here: far more digits were reached."
)


def _is_bound_loose(comparison: Comparison) -> bool:
    """Tells whether an engine reached far more digits than the rounding bound promises."""
    most = precision_of(comparison.dtype) * math.log10(2)
    for engine in _ran(comparison):
        reached, expected = _least(engine.digits), _least(engine.digits_expected)
        if reached is None or expected is None:
            continue
        if min(reached, most) - expected >= _LOOSE_FROM:
            return True
    return False


def _digits_by_input(comparison: Comparison) -> Table:
    rows: list[Row] = []
    for name in comparison.wrt:
        shown = [
            f"{digits(e.digits.get(name))} / {digits(e.digits_expected.get(name))}"
            for e in _ran(comparison)
        ]
        rows.append(row(Span(name, "code"), *shown))
    heads = tuple((engine.name, "number") for engine in _ran(comparison))
    return Table((("input", "text"), *heads), tuple(rows), "correct / expected digits")


def cost_section(comparison: Comparison) -> Section:
    """Returns sizes, operations, times and memory."""
    rows: list[Row] = []
    for engine in comparison.engines:
        if engine.status != "ok":
            told = Span(engine.reason or engine.status, "quiet")
            rows.append(row(_name(engine), cell(told, columns=10), kind="quiet"))
            continue
        rows.append(
            row(
                _name(engine),
                count(engine.nodes),
                count(engine.tree_size),
                ratio(engine.tree_size, engine.nodes) or "×1",
                count(engine.flops),
                count(engine.depth),
                count(engine.hlo_size),
                seconds(engine.build_seconds),
                seconds(engine.compile_seconds),
                seconds(engine.run_seconds),
                size(engine.peak_bytes),
            )
        )
    titles = (
        "nodes",
        "tree",
        "swell",
        "flops",
        "depth",
        "HLO",
        "build",
        "compile",
        "run",
        "memory",
    )
    columns = (("engine", "text"), *((title, "number") for title in titles))
    routes = [e for e in comparison.engines if e.route]
    blocks: list[Block] = [Table(columns, tuple(rows))]
    blocks.extend(
        Words((Span(engine.name, "strong"), Span(": " + engine.route))) for engine in routes
    )
    blocks.append(
        Terms(
            (
                ("nodes", "distinct operations of the gradient graph, shared ones counted once"),
                ("tree", "nodes it would have as a formula written out, with nothing shared"),
                ("swell", "tree over nodes: what sharing saves"),
                ("HLO", "instructions that are left after XLA's optimisation"),
                ("build", "time to derive the gradient graph; compile: time in XLA"),
                ("run", "one warm call of the compiled gradient, the median of several"),
                ("memory", "peak memory in a process of its own, less an idle process's"),
            )
        )
    )
    return Section("cost", "What each engine costs", tuple(blocks))


def sharing_section(comparison: Comparison, drawings: tuple[Drawing, ...]) -> Section | None:
    """Returns what the gradient graphs have in common, their pictures, and their expressions."""
    ran = _ran(comparison)
    chart = sharing_chart(comparison.engines)
    if chart is None and not drawings:
        return None
    rows = [
        row(
            _name(e),
            count(e.nodes),
            _part(e.shared_nodes, e.nodes),
            _part(e.own_nodes, e.nodes),
            kind="",
        )
        for e in ran
    ]
    columns = (("engine", "text"), ("nodes", "number"), ("shared with reverse", "number"),
               ("its own alone", "number"))  # fmt: skip
    told = "Nodes are interned: two engines that build the same expression hold the same node, so"
    told += " what they share can be counted. For reverse itself the second column counts what it"
    told += " takes over from the forward graph."
    blocks: list[Block] = [words(told), Table(columns, tuple(rows))]
    if chart:
        seen = "Of each engine's gradient graph: common nodes, and nodes no other has."
        blocks.append(Chart(chart, seen))
    if drawings:
        blocks.append(Gallery(drawings))
    for engine in ran:
        formulas = tuple(
            block
            for name in engine.text
            for block in (
                Words((Span("∂ / ∂ "), Span(name, "code"))),
                Formula(engine.latex.get(name, ""), engine.text[name]),
            )
        )
        if formulas:
            blocks.append(Fold(f"The gradient as {engine.name} has it", formulas))
    return Section("sharing", "What the engines share", tuple(blocks))


def partings_section(comparison: Comparison) -> Section | None:
    """Returns, for each engine that leaves the truth, the first node where it does and why."""
    rows: list[Row] = []
    for engine in comparison.engines:
        parting = engine.parting
        if parting is None:
            continue
        rows.append(
            row(
                _name(engine),
                cell(pill(parting.kind)),
                cell(Span(parting.node, "code")),
                Span(parting.op, "code"),
                Span(parting.place, "code"),
                rough(parting.engine_value, 17),
                rough(parting.other_value, 17),
                parting.words,
                kind="bad" if parting.kind == "defect" else "",
            )
        )
    if not rows:
        return None
    columns = (("engine", "text"), ("kind", "text"), ("node", "text"), ("op", "text"),
               ("place", "text"), ("engine's", "number"), ("truth", "number"),
               ("why", "wide"))  # fmt: skip
    told = "Going back from the output, this is the first node at which the engine's derivative"
    told += " of the output by that node is not the truth's."
    return Section("partings", "Where they part", (words(told), Table(columns, tuple(rows))))


def _ran(comparison: Comparison) -> list[EngineResult]:
    return [engine for engine in comparison.engines if engine.status == "ok"]


def _name(engine: EngineResult) -> Cell:
    return cell(Span(engine.name, "strong"))


def _least(values: dict[str, float]) -> float | None:
    known = [v for v in values.values() if v == v]
    return min(known) if known else None


def _part(part: int, whole: int) -> str:
    return f"{count(part)} ({round(100 * part / whole)} %)" if whole > 0 else count(part)
