from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

import pytest

from graphc.core.errors import FormatError, RenderError
from graphc.render import layout
from graphc.render.layout import format_of, render, render_many
from graphc.render.worker import MAX_AREA, MAX_SIDE, fitting_dpi

DOT = 'digraph { a -> b [label="x"] }'
NEVER = (
    "digraph {"
    + ";".join(f"a{i}->a{(i * i + 7 * i * j) % 3000}" for i in range(3000) for j in range(6))
    + "}"
)


def test_each_format_is_what_it_says():
    svg, png, pdf, dot = render_many([(DOT, f) for f in ("svg", "png", "pdf", "dot")])
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert pdf.startswith(b"%PDF-")
    assert dot.decode() == DOT


@pytest.mark.parametrize("format", ["jpg", "", "svg ", "../svg", "xdot", 3, None])
def test_unknown_formats_are_refused(format):
    with pytest.raises(FormatError, match=r"test_layout\.py:\d+.*svg"):
        render(DOT, format)


@pytest.mark.parametrize(
    ("path", "format"), [("a.SVG", "svg"), ("x.gv", "dot"), ("dir.png/y.pdf", "pdf")]
)
def test_the_ending_names_the_format(path, format):
    assert format_of(path) == format


@pytest.mark.parametrize("path", ["picture", "a.jpeg", "a.svg.txt"])
def test_other_endings_are_refused(path):
    with pytest.raises(FormatError):
        format_of(path)


def test_a_broken_picture_leaves_the_others_unharmed():
    bad, label, good = render_many(
        [("digraph { a -> ", "svg"), ("graph { a [label=<<b>x>] }", "svg"), (DOT, "svg")]
    )
    assert isinstance(bad, RenderError)
    assert isinstance(label, RenderError), "Graphviz draws such a label wrong without an error"
    assert isinstance(good, bytes)


def test_the_time_limit_holds_for_one_picture_and_says_a_way_out():
    start = time.monotonic()
    slow, good = render_many([(NEVER, "svg"), (DOT, "svg")], limit=1.5)
    assert isinstance(slow, RenderError) and "budget" in str(slow)
    assert isinstance(good, bytes)
    assert time.monotonic() - start < 20


def test_the_shipped_font_is_used_and_nothing_is_printed(capfd, tmp_path):
    code = (
        "from graphc.render.layout import render;"
        'import re,sys; svg = render(\'graph { a [label="∂σΣ" fontname="DejaVu Sans"] }\');'
        "sys.stdout.write(re.findall(r'rx=\"([0-9.]+)\"', svg.decode())[0])"
    )
    bare = {"PATH": os.environ.get("PATH", ""), "HOME": str(tmp_path), "PYTHONPATH": os.getcwd()}
    widths = set()
    for extra in ({}, {"FONTCONFIG_FILE": "/nowhere"}, {"LC_ALL": "tr_TR.UTF-8"}):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=bare | extra,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        widths.add(done.stdout)
    assert len(widths) == 1


def test_svg_has_no_ids_comments_or_links():
    svg = render('digraph { a [tooltip="what <a> is"]; a -> b }').decode()
    assert "<!--" not in svg and " id=" not in svg and "<a " not in svg
    assert "<title>what &lt;a&gt; is</title>" in svg


def test_without_an_engine_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(layout, "_pygraphviz_folder", lambda: None)
    monkeypatch.setattr(layout.shutil, "which", lambda _: None)
    with pytest.raises(RenderError, match="pip install"):
        render(DOT)
    assert render(DOT, "dot") == DOT.encode()


def test_a_huge_png_is_scaled_to_what_programs_open():
    dpi = fitting_dpi(b'<svg width="1000.00pt" height="50000.00pt"')
    assert dpi * 50000 / 72 <= MAX_SIDE * 1.001
    assert dpi * 50000 / 72 * dpi * 1000 / 72 <= MAX_AREA * 1.001
    assert fitting_dpi(b'<svg width="100pt" height="100pt"') == 144
