"""The report's parts about the problem itself: what was asked, and how the truth was found."""

from __future__ import annotations

from typing import Any

from graphc.compare.record import Comparison
from graphc.compare.report.blocks import (
    Block,
    Facts,
    Fold,
    Formula,
    Section,
    Span,
    Table,
    Terms,
    Words,
    row,
    words,
)
from graphc.compare.report.nested import flat, shape_of
from graphc.compare.report.numbers import count, float_text, precision_of

#: Longer expressions are folded away.
_LONG = 600


def problem_section(comparison: Comparison) -> Section:
    """Returns the formula, the inputs with their values, and the output's value."""
    c = comparison
    blocks: list[Block] = []
    if c.description:
        blocks.append(words(c.description))
    formula = Formula(c.output_latex, c.output)
    if len(c.output) > _LONG:
        blocks.append(Fold("The whole expression", (formula,)))
    elif c.output or c.output_latex:
        blocks.append(formula)
    value = float_text(c.value, precision_of(c.dtype))
    facts = [
        ("value of the output", Span(value, "code")),
        ("dtype", Span(c.dtype, "code")),
        ("nodes", Span(count(c.forward_nodes))),
        ("flops", Span(count(c.forward_flops))),
        ("depth", Span(count(c.forward_depth))),
    ]
    if c.source not in ("", c.output):
        facts.insert(0, ("source", Span(c.source, "code")))
    blocks.append(Facts(tuple(facts)))
    inputs = [
        row(
            Span(name, "code"),
            Span(kind, "code"),
            Span(value_text(c.values.get(name)), "code"),
            "yes" if name in c.wrt else "no",
        )
        for name, kind in c.inputs.items()
    ]
    columns = (("input", "text"), ("type", "text"), ("value", "wide"), ("gradient taken", "text"))
    if inputs:
        blocks.append(Table(columns, tuple(inputs)))
    blocks.append(
        Terms(
            (
                ("nodes", "the distinct operations, inputs and constants of the expression graph"),
                ("flops", "additions, multiplications and so on to evaluate it once"),
                ("depth", "the longest path from an input to the output, in nodes"),
            )
        )
    )
    return Section("problem", "The problem", tuple(blocks))


def value_text(value: Any, limit: int = 160) -> str:
    """Returns an input's value in brackets, cut; a summary text as it is."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if not isinstance(value, list | tuple):
        return scalar_text(value)
    shape, elements = shape_of(value), flat(value)
    if len(shape) == 1 or not elements:
        text = f"[{', '.join(map(scalar_text, elements))}]"
    else:
        width = shape[-1] or 1
        lines = [elements[i : i + width] for i in range(0, len(elements), width)]
        text = f"[{', '.join('[' + ', '.join(map(scalar_text, part)) + ']' for part in lines)}]"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def scalar_text(value: Any) -> str:
    """Returns a number of any kind as text."""
    return float_text(value) if isinstance(value, float) else str(value)


def truth_section(comparison: Comparison) -> Section:
    """Returns how the truth was found and how the verdicts were reached."""
    c = comparison
    items = (
        ("truth", "the derivative of the forward graph alone, by differences at raised precision; "
                  "none of the six engines, and never a backward graph"),
        ("correct digits", "−log₁₀ of the relative error, of the input's worst element"),
        ("expected digits", "what the graph's own rounding-error bound promises, at the worst"),
    )  # fmt: skip
    told = (words(c.truth_words),) if c.truth_words else ()
    blocks: tuple[Block, ...] = (
        Words((Span("Judged against: "), Span(c.truth_kind, "strong"), Span("."))),
        *told,
        Terms(items),
    )
    return Section("truth", "How the truth was found", blocks)


def versions_section(comparison: Comparison) -> Section:
    """Returns the package versions and the machine."""
    rows = [row(name, Span(text, "code")) for name, text in comparison.versions.items()]
    if comparison.machine:
        rows.append(row("machine", comparison.machine))
    told: tuple[Block, ...] = (Table((("what", "text"), ("version", "wide")), tuple(rows)),)
    return Section("versions", "Versions and machine", told)
