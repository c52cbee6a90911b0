"""Names may be anything: pictures stay valid, nothing runs, and files stay in the folder."""

from __future__ import annotations

import html
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gx
from graphc.render.layout import render, render_many
from tests.compare.report_samples import circuit

#: What breaks templates, DOT, XML, terminals and file systems.
NASTY = [
    "<script>alert(1)</script>", "</svg><script>alert(1)</script>", "]]>", "<!--", "<![CDATA[",
    '"', "'", '"];evil [label="x', "\\", "\\N \\G \\E \\T", "\\\\", "a\\", "<b>bold</b>", "<>", "<",
    "&amp;", "&#x3c;script&#x3e;", "&", "a\x00b", "\x1b[31mred", "\x07", "\ud800", "\udfff",
    "\u202eevil", "\u200b", "\ufeff", "e" + "\u0301" * 40, "日本語", "עברית", "🙂👩‍👩‍👧", "\n",
    "a\r\nb", "\t", " ", "javascript:alert(1)", "onload=alert(1)", "x onclick='alert(1)'",
    "{{7*7}}", "{% include 'x' %}", "${x}", "%s%n", "../../etc/passwd", "/etc/passwd", "C:\\con",
    "nul", "-rf", "$(reboot)", "`reboot`", ";", "|", "{a|b}", "digraph{}", "x" * 10**6,
    "<" * 10**6,
]  # fmt: skip
KINDS = ("forward", "backward", "mirrored")


def named(name: str) -> gx.Node:
    """Returns a scalar graph with the name on an input, a parameter and a block."""

    def inner(a: gx.Node) -> gx.Node:
        return gx.sin(a) * 2.0

    inner.__name__ = name.replace("\x00", "") or "f"
    x = gx.input(name, (), gx.float64)
    w = gx.param(name + "w", (), gx.float64)
    return gx.block(inner)(x * w) + x


def faults(svg: bytes) -> list[str]:
    """Returns what in a picture could run or load something."""
    found: list[str] = []
    for element in ElementTree.fromstring(svg).iter():
        tag = str(element.tag).rpartition("}")[2].lower()
        if tag in ("script", "foreignobject", "iframe", "image", "use", "animate", "set"):
            found.append(tag)
        for key, value in element.attrib.items():
            name = key.rpartition("}")[2].lower()
            if name.startswith("on") or name in ("href", "src") or "javascript:" in value:
                found.append(f"{name}={value[:40]}")
    return found


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_picture_with_any_name_is_valid_and_runs_nothing(name: str) -> None:
    pictures = [gx.draw(named(name), kind=kind).dot for kind in KINDS]
    assert max(map(len, pictures)) < 200_000
    for svg in render_many([(dot, "svg") for dot in pictures]):
        assert isinstance(svg, bytes)
        assert not faults(svg)


@settings(max_examples=15)
@given(st.text(min_size=1))
def test_dot_of_any_name_is_laid_out(name: str) -> None:
    assert not faults(render(gx.draw(named(name)).dot, "svg"))


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_report_of_any_name_runs_nothing_and_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "out"
    record = circuit(title=name, source=name, description=name, machine=name)
    written = gx.write_report([record], folder)
    assert all(path.parent == folder for path in written)
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted(written)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html.unescape(page[:2000])
    outside = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert "<script" not in outside
    assert not re.search(r"<[a-z][^<>]*\son[a-z]+\s*=", outside, flags=re.IGNORECASE)
