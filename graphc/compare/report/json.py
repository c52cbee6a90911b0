"""The report as strict JSON, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast

from graphc.compare.record import Comparison
from graphc.compare.report.numbers import count

#: Beyond this a reader that holds numbers as float64 would change an integer.
_EXACT = 2**53
#: Digits to which a larger integer is still written in full.
_FULL = 4000


def json_report(comparisons: Sequence[Comparison], names: Sequence[dict[str, str]]) -> str:
    """Returns the comparisons as JSON text.

    NaN and infinities are the strings "NaN", "Infinity" and "-Infinity"; integers past 2**53 are
    decimal strings, past 4000 digits rounded ones such as "1.2e5000". A picture's SVG is left out:
    it lies beside the file, under its `file`. With several comparisons the top-level `engines` are
    the last one's.
    """
    plain = [_comparison(*pair) for pair in zip(comparisons, names, strict=True)]
    report: dict[str, Any] = {
        "format": "graphc-comparison",
        "version": 1,
        "agreed": all(comparison.agreed for comparison in comparisons),
        "engines": plain[-1]["engines"] if plain else {},
        "comparisons": plain,
    }
    return _text(report, "\n") + "\n"


def _text(value: Any, newline: str) -> str:
    """Returns JSON with a line for each name, and arrays of numbers on one line."""
    inner = newline + " "
    if isinstance(value, dict) and value:
        pairs = cast("dict[str, Any]", value).items()
        lines = [f"{inner}{json.dumps(key)}: {_text(item, inner)}" for key, item in pairs]
        return f"{{{','.join(lines)}{newline}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        lines = [inner + _text(item, inner) for item in cast("list[Any]", value)]
        return f"[{','.join(lines)}{newline}]"
    return json.dumps(value, allow_nan=False)


def _comparison(comparison: Comparison, names: dict[str, str]) -> dict[str, Any]:
    plain = _plain(comparison)
    plain["engines"] = {engine["name"]: engine for engine in plain["engines"]}
    for picture in plain["pictures"]:
        drawn = picture.pop("svg")
        picture["file"] = f"{names[picture['stem']]}.svg" if drawn else ""
    for engine in plain["engines"].values():
        stem = engine["picture"].removesuffix(".svg")
        engine["picture"] = f"{names[stem]}.svg" if stem in names else engine["picture"]
    return plain


def _plain(value: Any) -> Any:
    """Returns JSON's own types; records nest a few levels deep, never as deep as a graph."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, float):
        return _float(float(value))
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return {str(key): _plain(item) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[Any]", value)]
    if hasattr(value, "tolist"):  # a NumPy number or array
        return _plain(value.tolist())
    return str(value)


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _integer(value: int) -> int | str:
    if abs(value) <= _EXACT:
        return value
    return str(value) if value.bit_length() < _FULL * math.log2(10) else count(value)
