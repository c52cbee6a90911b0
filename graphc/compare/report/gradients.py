"""The report's part with the gradients themselves, engine beside engine, wrong digits marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from graphc.compare.record import Comparison, EngineResult
from graphc.compare.report.blocks import (
    Block,
    Cell,
    Fold,
    Row,
    Section,
    Span,
    Table,
    Words,
    cell,
    row,
    words,
)
from graphc.compare.report.marks import split_digits
from graphc.compare.report.nested import element_name, element_names, flat, shape_of
from graphc.compare.report.numbers import (
    decimal,
    decimal_text,
    float_text,
    precision_of,
    rough,
)

#: Elements of one input that are listed, if folded; above that the input is summed up.
LISTED = 64
#: Elements of one input that all stand open; above that only those furthest off.
_OPEN = 8
#: Elements of a gradient that is told in one line at the top.
_FEW = 4
#: Elements of a large input that are shown: those where the engines differ most.
_WORST = 5


_COLUMNS = (("entry", "text"), ("value", "digits"), ("by", "wide"))


def gradients_section(comparison: Comparison) -> Section:
    """Returns each input's gradient by every engine beside the truth."""
    told = "Engines with the same number share a line. "
    if any(comparison.truth.values()):
        told += "Underlined digits are not the truth's"
    else:
        told += "The truth is not known entry by entry, so the engines are held against one of"
        told += " them, JAX where it ran: underlined digits are not that engine's"
    told += f", after rounding to {comparison.dtype}."
    small: list[list[Row]] = []
    larger: list[Block] = []
    for name in comparison.wrt:
        engines = [e for e in comparison.engines if e.status == "ok" and name in e.gradient]
        values = [[_number(v) for v in flat(e.gradient[name])] for e in engines]
        length = min((len(column) for column in values), default=0)
        if length == 0:
            why = "has no elements" if engines else "got a gradient from no engine"
            larger.append(Words((Span(name, "code"), Span(f" {why}."))))
        elif length > LISTED:
            larger.extend(_large(comparison, name, engines, values))
        elif length > _OPEN:
            larger.extend(_medium(comparison, name, engines, values, length))
        else:
            labels = element_names(name, shape_of(engines[0].gradient[name]), length)
            small.extend(_groups(comparison, name, engines, values, range(length), labels))
    listed = (Table(_COLUMNS, _rows(small)),) if small else ()
    blocks = (words(told), *_odd_truth(comparison), *listed, *larger)
    return Section("gradient", "The gradient, engine by engine", blocks)


def _odd_truth(comparison: Comparison) -> tuple[Block, ...]:
    """Returns a sentence for each way in which the truth is no finite number, and where."""
    found: dict[str, list[str]] = {}
    for name in comparison.wrt:
        told = comparison.truth.get(name, [])
        shape = shape_of(told)
        for position, text in enumerate(flat(told)):
            value = decimal(text)
            if value is None or not value.is_finite():
                found.setdefault(_odd(value), []).append(element_name(name, shape, position))
    blocks: list[Block] = []
    for odd, names in found.items():
        spans = [Span("The true derivative by ")]
        for position, name in enumerate(names[:_FEW]):
            spans += [Span(", ")] if position else []
            spans.append(Span(name, "code"))
        more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
        spans += [Span(f"{more} is "), Span(odd, "strong"), Span(f": {_ODD_MEANS[odd]}.")]
        blocks.append(Words(tuple(spans)))
    return tuple(blocks)


_ODD_MEANS = {
    "not a number": "it does not exist at this point, and NaN is the right answer",
    "infinite": "the function is infinitely steep at this point, and an infinity is the right "
                "answer",
    "undefined": "from its two sides it does not come to one finite number here, so that this "
                 "entry is not judged",
}  # fmt: skip


def _odd(value: Decimal | None) -> str:
    if value is None:
        return "undefined"
    return "not a number" if value.is_nan() else "infinite"


def _rows(groups: Sequence[Sequence[Row]]) -> tuple[Row, ...]:
    return tuple(row for group in groups for row in group)


def gradient_facts(comparison: Comparison) -> list[tuple[str, str]]:
    """Returns the whole gradient in a few numbers, or nothing where it has more than four.

    The truth's numbers; where they are not known, those of the last engine that is not wrong.
    """
    good = [e for e in comparison.engines if e.status == "ok" and e.verdict != "defect"]
    precision = precision_of(comparison.dtype)
    facts: list[tuple[str, str]] = []
    for name in comparison.wrt:
        known = bool(comparison.truth.get(name))
        if not known and not (good and name in good[-1].gradient):
            return []
        value = comparison.truth[name] if known else good[-1].gradient[name]
        elements = flat(value)
        if len(facts) + len(elements) > _FEW:
            return []
        shown = [_rounded(v) if known else float_text(_number(v), precision) for v in elements]
        facts.extend(zip(element_names(name, shape_of(value), _FEW), shown, strict=True))
    return facts


def _rounded(text: Any) -> str:
    value = decimal(text)
    return "–" if value is None else rough(float(value), 6)


def _medium(
    comparison: Comparison,
    name: str,
    engines: list[EngineResult],
    values: list[list[float]],
    length: int,
) -> tuple[Block, ...]:
    """Returns the most disputed entries of an input, and all others folded."""
    shape = shape_of(engines[0].gradient[name])
    truth, _ = _reference(comparison, name, engines, values)
    chosen = _worst(values, truth, length)
    labels = element_names(name, shape, length)
    groups = _groups(comparison, name, engines, values, range(length), labels)
    worst = set(chosen)
    rest = [groups[i] for i in range(length) if i not in worst]
    told = Words((
        Span(name, "code"),
        Span(f" has {length} elements; these {len(chosen)} are the furthest off."),
    ))  # fmt: skip
    more = Fold(f"{len(rest)} more entries of {name}", (Table(_COLUMNS, _rows(rest)),))
    return told, Table(_COLUMNS, _rows([groups[i] for i in chosen])), more


def _large(
    comparison: Comparison, name: str, engines: list[EngineResult], values: list[list[float]]
) -> tuple[Block, ...]:
    """Returns a summary of a large gradient and its most disputed entries."""
    shape = shape_of(engines[0].gradient[name])
    truth, _ = _reference(comparison, name, engines, values)
    chosen = _worst(values, truth, min(len(column) for column in values))
    labels = [element_name(name, shape, i) for i in chosen]
    groups = _groups(comparison, name, engines, values, chosen, labels)
    size = f" has {'×'.join(map(str, shape))} = {len(values[0])} elements, here summed up;"
    return (
        Words((Span(name, "code"), Span(f"{size} all of them are in report.json."))),
        _summary(engines, values, truth, name, shape),
        Table(_COLUMNS, _rows(groups),
              f"The {len(groups)} entries where an engine is furthest from the reference"),
    )  # fmt: skip


def _groups(
    comparison: Comparison,
    name: str,
    engines: list[EngineResult],
    values: list[list[float]],
    chosen: Sequence[int],
    labels: list[str],
) -> list[list[Row]]:
    truth, told = _reference(comparison, name, engines, values)
    precision = precision_of(comparison.dtype)
    return [
        _entry(label, i, truth, told, engines, values, precision)
        for label, i in zip(labels, chosen, strict=True)
    ]


def _reference(
    comparison: Comparison,
    name: str,
    engines: list[EngineResult],
    values: list[list[float]],
) -> tuple[list[Decimal | None], str]:
    """Returns what the engines are held against: the truth, else JAX, else the first engine."""
    told = [decimal(text) for text in flat(comparison.truth.get(name, []))]
    if told and len(told) == len(values[0]):
        return told, "the truth"
    names = [engine.name for engine in engines]
    which = names.index("jax") if "jax" in names else 0
    return [Decimal(v) for v in values[which]], f"{names[which]} (the truth is not known)"


def _entry(
    label: str,
    position: int,
    truth: list[Decimal | None],
    told: str,
    engines: list[EngineResult],
    values: list[list[float]],
    precision: int,
) -> list[Row]:
    """Returns the truth's line and a line for each number that engines gave."""
    reference = truth[position]
    rows: list[Row] = []
    if told == "the truth":
        shown = decimal_text(reference) if reference is not None else "–"
        odd = reference is None or not reference.is_finite()
        by = f"{told}, {_odd(reference)} here" if odd else told
        rows.append(row(Span(label, "code"), cell(Span(shown, "code")), by, kind="first"))
    lines: dict[tuple[str, str, str], list[str]] = {}
    for engine, column in zip(engines, values, strict=True):
        # A zero is a zero here, whatever its sign.
        parts = split_digits(column[position] + 0.0, reference, precision)
        lines.setdefault(parts, []).append(engine.name)
    for (right, wrong, tail), names in lines.items():
        value = Cell((Span(right, "code"), Span(wrong, "wrong"), Span(tail, "code")))
        first = not rows
        rows.append(
            row(Span(label, "code") if first else "", value, ", ".join(names),
                kind="first" if first else "")
        )  # fmt: skip
    return rows


def _summary(
    engines: list[EngineResult],
    values: list[list[float]],
    truth: list[Decimal | None],
    name: str,
    shape: tuple[int, ...],
) -> Table:
    reference = [float(t) if t is not None else math.nan for t in truth]
    rows: list[Row] = []
    for engine, column in zip(engines, values, strict=True):
        finite = [v for v in column if math.isfinite(v)]
        gaps = [_gap(v, r) for v, r in zip(column, reference, strict=False)]
        worst = max(range(len(gaps)), key=gaps.__getitem__) if gaps else 0
        same = gaps and gaps[worst] == 0
        rows.append(
            row(
                Span(engine.name, "strong"),
                rough(math.hypot(*finite), 6) if finite else "–",
                rough(min(finite), 4) if finite else "–",
                rough(max(finite), 4) if finite else "–",
                str(len(column) - len(finite)),
                "none" if same else rough(gaps[worst]),
                cell("–" if same else Span(element_name(name, shape, worst), "code")),
            )
        )
    columns = (("engine", "text"), ("norm", "number"), ("least", "number"), ("largest", "number"),
               ("not finite", "number"), ("furthest off", "number"), ("at", "text"))  # fmt: skip
    told = "Furthest off: the largest difference from the reference, in absolute value"
    return Table(columns, tuple(rows), told)


def _worst(values: list[list[float]], truth: list[Decimal | None], length: int) -> list[int]:
    reference = [float(t) if t is not None else math.nan for t in truth]
    spread = [max(_gap(column[i], reference[i]) for column in values) for i in range(length)]
    order = sorted(range(length), key=lambda i: (-spread[i], i))
    return sorted(order[:_WORST])


def _gap(value: float, reference: float) -> float:
    """Returns the absolute difference; infinite where one is not a number and the other is."""
    if value == reference or (math.isnan(value) and math.isnan(reference)):
        return 0.0
    gap = abs(value - reference)
    return math.inf if math.isnan(gap) else gap


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
