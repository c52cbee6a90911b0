"""Verdicts in signs and words, and a comparison's in a sentence."""

from __future__ import annotations

from graphc.compare.record import Comparison, EngineResult
from graphc.compare.report.blocks import Span

#: A sign for each verdict, so that it can be read without colour.
SIGNS = {
    "agrees": "✓",
    "rounding": "≈",
    "truncation": "≈",
    "convention": "§",
    "kink": "∧",
    "cancellation": "⊖",
    "overflow": "∞",
    "defect": "✗",
    "failed": "✗",
    "not applicable": "–",
}

MEANINGS = (
    ("agrees", "as many digits are right as rounding allows in this graph"),
    ("rounding", "the rule is right; only the last digits differ, as rounding explains"),
    ("truncation", "what a finite step leaves over: expected of a difference quotient"),
    ("convention", "at a point with several valid derivatives, another one was chosen"),
    ("kink", "the point is a kink, a jump or the domain's edge: no derivative from both sides"),
    ("cancellation", "the rule is right, but nearly equal numbers are subtracted and digits lost"),
    ("overflow", "the rule is right, but a number on the way is too large for a float"),
    ("defect", "none of these explains the difference: the result is wrong"),
)


def verdict_of(engine: EngineResult) -> str:
    """Returns the verdict, or the status of an engine that has none."""
    return engine.verdict or (engine.status if engine.status != "ok" else "agrees")


def pill(verdict: str) -> Span:
    """Returns the badge of a verdict."""
    known = verdict if verdict in SIGNS else "unknown"
    mark = "pill-" + known.replace(" ", "-")
    return Span(f"{SIGNS.get(verdict, '·')} {verdict}", mark)


def headline(comparison: Comparison) -> str:
    """Returns `agreed` or `defect`."""
    return "agreed" if comparison.agreed else "defect"


def tally(comparison: Comparison) -> str:
    """Returns how many engines agree, fail or do not apply, in words."""
    ran = [e for e in comparison.engines if e.status == "ok"]
    bad = [e for e in ran if e.verdict == "defect"]
    failed = [e for e in comparison.engines if e.status == "failed"]
    absent = len(comparison.engines) - len(ran) - len(failed)
    parts = [f"{len(ran) - len(bad)} of {len(comparison.engines)} engines agree"]
    if bad:
        parts.append(f"{_names(bad)} {'is' if len(bad) == 1 else 'are'} wrong")
    if failed:
        parts.append(f"{_names(failed)} failed")
    if absent:
        parts.append(f"{absent} {'does' if absent == 1 else 'do'} not apply")
    return ", ".join(parts)


def _names(engines: list[EngineResult]) -> str:
    return ", ".join(engine.name for engine in engines)
