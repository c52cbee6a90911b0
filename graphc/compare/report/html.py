"""The report as one HTML page that needs no network and runs no script but its own."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphc.compare.record import Comparison
from graphc.compare.report.blocks import Chart, Fold
from graphc.compare.report.clean import clean_svg, mathml, printable
from graphc.compare.report.gradients import gradient_facts
from graphc.compare.report.layout import sections_of
from graphc.compare.report.numbers import float_text, precision_of
from graphc.compare.report.verdicts import SIGNS, headline, tally

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
#: In the order in which they must run; the last is ours and draws the charts.
_SCRIPTS = ("vega.min.js", "vega-lite.min.js", "vega-interpreter.js", "report.js")


def html_report(comparisons: Sequence[Comparison], names: Sequence[dict[str, str]]) -> str:
    """Returns the comparisons as one HTML page; the same records give the same bytes.

    The page's content-security policy allows no request at all, no script but those whose hash it
    names (so none that a hostile name could bring in) and no style but its own sheet.

    Args:
        comparisons: the records.
        names: for each, from its pictures' stems to their names in the folder.
    """
    shown: list[dict[str, Any]] = [
        {
            "record": comparison,
            "key": f"c{number}",
            "sections": sections_of(comparison, own),
            "headline": headline(comparison),
            "sign": SIGNS["agrees" if comparison.agreed else "defect"],
            "tally": tally(comparison),
            "value": float_text(comparison.value, precision_of(comparison.dtype)),
            "gradient": gradient_facts(comparison),
        }
        for number, (comparison, own) in enumerate(zip(comparisons, names, strict=True), 1)
    ]
    charted = any(_has_chart(section.blocks) for c in shown for section in c["sections"])
    scripts = [_static(name) for name in _SCRIPTS] if charted else []
    style = _static("report.css")
    page = (
        _environment()
        .get_template("page.html")
        .render(
            comparisons=shown,
            agreed=all(comparison.agreed for comparison in comparisons),
            summary=_summary(comparisons),
            policy=_policy(style, scripts),
            style=style,
            scripts=scripts,
        )
    )
    return printable(page)


def _summary(comparisons: Sequence[Comparison]) -> str:
    wrong = [c.title for c in comparisons if not c.agreed]
    if not wrong:
        return f"In all {len(comparisons)} comparisons the engines agree"
    return f"{len(wrong)} of {len(comparisons)} comparisons found a defect"


def _has_chart(blocks: Sequence[Any]) -> bool:
    return any(
        isinstance(b, Chart) or (isinstance(b, Fold) and _has_chart(b.blocks)) for b in blocks
    )


@functools.cache
def _static(name: str) -> str:
    text = (_HERE / "static" / name).read_text(encoding="utf-8")
    # The page holds these texts raw: an end tag within would end the element early.
    assert not any(tag in text for tag in ("</script", "</style", "<!--")), name
    return text


def _policy(style: str, scripts: Sequence[str]) -> str:
    def hashed(text: str) -> str:
        digest = hashlib.sha256(text.encode("utf-8")).digest()
        return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"

    allowed = " ".join(map(hashed, scripts)) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src {hashed(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def picture(svg: str, prefix: str, label: str) -> Markup | None:
        text = clean_svg(svg, prefix, label)
        return None if text is None else Markup(text)

    def formula(latex: str) -> Markup | None:
        text = mathml(latex, block=True)
        return None if text is None else Markup(text)

    def data(value: Any) -> Markup:
        """A spec within a script element: nothing in it can end that element."""
        text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
        for sign in "<>&":
            text = text.replace(sign, f"\\u{ord(sign):04x}")
        return Markup(text)

    filters: dict[str, Callable[..., Any]] = environment.filters
    filters.update(raw=Markup, data=data, picture=picture, formula=formula)
    return environment
