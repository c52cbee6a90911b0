from __future__ import annotations

import subprocess
import sys

import pytest

import graphc as gx
from graphc.core.errors import ArgumentError, FileError, FormatError
from graphc.render.draw import KINDS, draw
from tests.render.graphs import product, reverse_pass


def test_saved_files_are_in_the_format_of_their_ending(tmp_path):
    picture = draw(product()[0])
    for ending, start in (
        ("svg", b"<?xml"),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
        ("dot", b"digraph"),
    ):
        path = picture.save(tmp_path / f"p.{ending}")
        assert path.read_bytes().startswith(start)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.dot", "p.pdf", "p.png", "p.svg"]


def test_every_kind_can_be_drawn():
    output, given = product()
    record, values = reverse_pass(output, given)
    for kind in KINDS:
        what = {n: record.adjoints[n] for n in given} if kind == "backward" else {"f": output}
        updates = {n: n - 0.1 * record.adjoints[n] for n in given}
        picture = draw(what, kind=kind, values=values, record=record, updates=updates)
        assert picture.svg.endswith("</svg>\n")


def test_wrong_calls_say_what_is_right(tmp_path):
    output, given = product()
    record, _ = reverse_pass(output, given)
    with pytest.raises(FormatError, match="svg"):
        draw(output, tmp_path / "x.jpg")
    with pytest.raises(ArgumentError, match="mirrored"):
        draw(output, kind="sideways")
    with pytest.raises(ArgumentError, match="budget"):
        draw(output, budgt=3)
    with pytest.raises(ArgumentError, match="budget"):
        draw(output, budget=0)
    with pytest.raises(ArgumentError, match="LR"):
        draw(output, direction="up")
    with pytest.raises(ArgumentError, match="record"):
        draw(output, kind="mirrored")
    with pytest.raises(ArgumentError, match="update"):
        draw(output, kind="update", record=record)
    with pytest.raises(FileError, match=r"test_draw\.py:\d+"):
        draw(output, tmp_path / "no" / "x.svg")
    assert list(tmp_path.iterdir()) == []


def test_notebooks_show_nodes_and_pictures():
    x = gx.input("x", ())
    assert gx.sin(x)._repr_svg_().startswith("<svg")
    bundle = draw(x + 1)._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg") and "text/plain" in bundle


def test_a_notebook_without_an_engine_shows_the_dot_text(monkeypatch):
    from graphc.render import layout

    monkeypatch.setattr(layout, "_pygraphviz_folder", lambda: None)
    monkeypatch.setattr(layout.shutil, "which", lambda _: None)
    bundle = draw(gx.input("x", ()) + 1)._repr_mimebundle_()
    assert "digraph" in bundle["text/plain"] and "image/svg+xml" not in bundle


def test_drawing_loads_neither_jax_nor_sympy_nor_pygraphviz():
    code = (
        "import sys, graphc.render.draw\n"
        "from graphc.render.layout import render; render('graph { a }')\n"
        "sys.exit(any(m in sys.modules for m in ('jax', 'sympy', 'pygraphviz', 'mpmath')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
