"""Text that goes into a picture: made harmless, cut, and numbers written short."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import graphviz

from graphc.core.node import Node

#: Characters of a name that are shown; the rest is cut.
NAME_LIMIT = 32
#: What stands for a name of which nothing can be shown.
NAMELESS = "(no name)"

# Not shown: control and format characters (they turn text around or hide it), surrogates, private
# and unassigned code points; XML forbids some of them.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MARKS = {"Mn", "Me"}


def clean(text: Any, limit: int = NAME_LIMIT) -> str:
    """Returns text on one line: no control characters, no piles of accents, cut with an ellipsis.

    Args:
        text: anything; what is no text is shown by `str`.
        limit: characters kept, the ellipsis included.
    """
    raw = text if isinstance(text, str) else str(text)
    long = len(raw) > 8 * limit + 64
    shown: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", raw[: 8 * limit + 64]):
        kind = unicodedata.category(char)
        if char in "\t\n\r" or kind in ("Zl", "Zp"):
            char, kind = " ", "Zs"
        if kind in _HIDDEN:
            continue
        marks = marks + 1 if kind in _MARKS else 0
        if marks <= 2:
            shown.append(char)
    line = re.sub(r" {2,}", " ", "".join(shown)).strip()
    if len(line) > limit or long:
        line = line[: limit - 1].rstrip() + "…"
    return line or NAMELESS


def html(text: str) -> str:
    r"""Returns text for an HTML-like label: Graphviz reads markup there, and escapes such as \N."""
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, entity)
    return text.replace("\\", "\\\\")


def plain(text: str) -> str:
    r"""Returns text for an ordinary attribute: no escapes, and never read as HTML for its <...>."""
    return str(graphviz.nohtml(text.replace("\\", "\\\\").replace("&", "&amp;")))


def font(text: str, *, size: float = 0, color: str = "", style: str = "") -> str:
    """Returns the markup of an already escaped text in a size, colour and style (`b`, `i`)."""
    for mark in style:
        text = f"<{mark.upper()}>{text}</{mark.upper()}>"
    attributes = f' POINT-SIZE="{size:g}"' if size else ""
    attributes += f' COLOR="{color}"' if color else ""
    return f"<FONT{attributes}>{text}</FONT>" if attributes else text


def table(rows: list[str], *, padding: int = 1, extra: str = "") -> str:
    """Returns an HTML-like label with one row of markup under the other."""
    cells = "".join(f"<TR><TD>{row}</TD></TR>" for row in rows)
    return (
        f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}"{extra}>'
        f"{cells}</TABLE>>"
    )


def number(value: Any, digits: int = 4) -> str:
    """Returns a number with at most `digits` significant digits: `−2`, `0.7311`, `1.5e−8`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, complex):
        sign = "+" if not value.imag < 0 else "−"
        return f"{number(value.real, digits)} {sign} {number(abs(value.imag), digits)}i"
    if isinstance(value, int) and abs(value) < 10**9:
        return str(value).replace("-", "−")
    try:
        real = float(value)
    except OverflowError:
        return "huge"
    if math.isnan(real):
        return "NaN"
    if math.isinf(real):
        return "∞" if real > 0 else "−∞"
    text = f"{real:.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    if exponent:
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


def array(value: Any, digits: int = 3) -> str:
    """Returns an array in a few characters: its elements if few, else its range.

    Args:
        value: a number or an array of any kind.
        digits: significant digits of each number.
    """
    import numpy as np

    try:
        found = np.asarray(value)
        if found.dtype.kind == "O" or found.dtype.kind not in "biufcV":
            return number(found.item(), digits + 1) if found.ndim == 0 else "…"
        if found.dtype.kind == "V":  # bfloat16 and its like
            found = found.astype(np.float32)
    except (TypeError, ValueError):
        return "…"
    if found.ndim == 0:
        return number(found[()].item(), digits + 1)
    if found.size == 0:
        return "[ ]"
    if found.size <= 3:
        return f"[{', '.join(number(v, digits) for v in found.ravel().tolist())}]"
    if found.dtype.kind == "b":
        return f"{int(found.sum())} of {found.size} true"
    if found.dtype.kind == "c":
        found = np.abs(found)
    if found.dtype.kind == "f" and np.isnan(found).any():
        return f"NaN in {int(np.isnan(found).sum())} of {found.size}"
    low, high = number(found.min().item(), digits), number(found.max().item(), digits)
    return f"all {low}" if low == high else f"{low} … {high}"


def value_of(values: Mapping[Node, Any] | None, node: Node | None) -> str:
    """Returns a node's value as short text, and nothing where it is not known."""
    if values is None or node is None:
        return ""
    found = values.get(node)
    return "" if found is None else array(found)


def times(count: int) -> str:
    """Returns `×12`, with the thousands apart: `×1 000 000`."""
    return f"×{count:,}".replace(",", "\u202f")
