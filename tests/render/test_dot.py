from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gx
from graphc.core.errors import ArgumentError, BudgetError
from graphc.diff.reverse import reverse
from graphc.render.dot import backward_dot, circuit_dot, forward_dot, mirrored_dot, update_dot
from graphc.render.glyphs import glyph
from graphc.render.layout import render, render_many
from tests.render.graphs import chain, logistic, network, neuron, product, reverse_pass, scalar


def texts(svg: bytes) -> list[str]:
    """The texts of a picture; pieces of one line are apart where their style differs."""
    return [
        "".join(e.itertext()) for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def shown(dot: str) -> list[str]:
    return texts(render(dot))


def all_kinds() -> dict[str, str]:
    found = {}
    for name, (output, given_) in {
        "product": product(),
        "neuron": neuron(),
        "map": logistic(9),
    }.items():
        record, values = reverse_pass(output, given_)
        found[f"{name} forward"] = forward_dot({"f": output}, values)
        found[f"{name} circuit"] = circuit_dot(record, values)
        found[f"{name} formulas"] = circuit_dot(record)
        found[f"{name} mirrored"] = mirrored_dot(record, values)
        found[f"{name} backward"] = backward_dot({x: record.adjoints[x] for x in given_}, values)
        updates = {x: x - 0.1 * record.adjoints[x] for x in given_}
        found[f"{name} update"] = update_dot(record, updates, values)
    loss, wrt = network()
    found["network forward"] = forward_dot(loss)
    found["network mirrored"] = mirrored_dot(reverse(loss, wrt))
    return found


def test_every_kind_of_picture_is_dot_that_graphviz_reads():
    pictures = all_kinds()
    for name, svg in zip(
        pictures, render_many([(d, "svg") for d in pictures.values()]), strict=True
    ):
        assert isinstance(svg, bytes), (name, svg)
        assert len(texts(svg)) > 3


def test_the_lecture_circuit_shows_values_above_and_gradients_below():
    record, values = reverse_pass(*product())
    svg = ET.fromstring(render(circuit_dot(record, values)))
    found = [
        (float(e.get("x")), float(e.get("y")), "".join(e.itertext()), e.get("font-style"))
        for e in svg.iter("{http://www.w3.org/2000/svg}text")
    ]
    pairs = {("−2", "−4"), ("5", "−4"), ("−4", "3"), ("3", "−4"), ("−12", "1")}
    seen = set()
    for x, y, text, style in found:
        below = [
            t for x2, y2, t, s in found
            if s == "italic" and style is None and 0 < y2 - y < 30 and abs(x2 - x) < 12
        ]  # fmt: skip
        seen.update((text, t) for t in below)
    assert pairs <= seen


def test_circuit_without_values_shows_formulas():
    record, _ = reverse_pass(*product())
    found = shown(circuit_dot(record))
    assert {"x + y", "(x + y)*z"} <= set(found)


def test_circuits_too_large_to_read_are_refused():
    record, values = reverse_pass(chain(300), {scalar("x"): 0.5})
    with pytest.raises(BudgetError, match="mirrored"):
        circuit_dot(record, values)


def test_mirrored_puts_every_adjoint_on_the_rank_of_its_value():
    output, given_ = neuron()
    record, values = reverse_pass(output, given_)
    svg = ET.fromstring(render(mirrored_dot(record, values)))
    heights: dict[str, set[int]] = {}
    for e in svg.iter("{http://www.w3.org/2000/svg}text"):
        name = "".join(e.itertext()).lstrip("∂")
        if name in ("w0", "x0", "w1", "x1", "w2"):
            heights.setdefault(name, set()).add(round(float(e.get("y"))))
    assert len(heights) == 5
    for name, found in heights.items():
        assert max(found) - min(found) <= 30, name  # the rows of a label; ranks are 80 apart
    assert heights["w2"] != heights["w0"]


def test_mirrored_shows_the_gradients():
    record, values = reverse_pass(*product())
    found = shown(mirrored_dot(record, values))
    assert {"∂x", "∂y", "∂z", "forward", "backward"} <= set(found)
    assert found.count("−4") >= 3  # z, ∂x, ∂y
    assert "3" in found


def test_backward_edges_are_declared_reversed_and_residual_edges_do_not_rank():
    record, values = reverse_pass(*product())
    dot = mirrored_dot(record, values)
    assert "dir=back" in dot and "constraint=false" in dot and "rank=same" in dot


HOSTILE = [
    "<b>x</b>", "]]>", "&amp;", "&#92;N", "\\N", "\\G\\E\\l\\", '"quoted"', "a\nb\x00c",
    "\u202eright", "<", ">", "<<TABLE>>", "<x>", "名前", "переменная", "{x|y}", "-->", "%s{0}",
    "\ud800", "x" * 1_000_000,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_shown_as_names(name):
    from graphc.render.labels import clean

    x = gx.input(name, (), gx.float64)
    record, values = reverse_pass(x * 2 + x, {x: 1.5})
    dots = [
        forward_dot({name: x + 1}, title=name), mirrored_dot(record, values, name=name),
        circuit_dot(record, values, name=name),
    ]  # fmt: skip
    for svg in render_many([(d, "svg") for d in dots]):
        assert isinstance(svg, bytes), svg
        assert clean(name) in texts(svg)


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_name_gives_valid_pictures(name):
    ET.fromstring(render(forward_dot({name: gx.sin(gx.input(name, ()))})))


def test_the_name_of_a_block_is_a_label_too():
    @gx.block
    def inner(x):
        return gx.sin(x) * x

    inner.__name__ = "<script>\\N"
    x = scalar("x")
    ET.fromstring(render(forward_dot(inner(x) + inner(gx.cos(x)))))


PROGRAM = """
import sys
sys.path.insert(0, {root!r})
{noise}
from tests.render.graphs import *
from graphc.render.dot import *
record, values = reverse_pass(*logistic(5))
print(forward_dot(record.output, values)); print(mirrored_dot(record, values))
print(circuit_dot(record))
print(forward_dot(network()[0]))
"""


def test_the_same_graph_gives_the_same_bytes_in_any_process():
    noise = "import graphc as gx\nkeep = [gx.sin(gx.input('n', ())) + i for i in range(50)]"
    outputs = set()
    for seed, language, extra in (("0", "C", ""), ("1", "tr_TR.UTF-8", noise), ("77", "de_DE", "")):
        env = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "LC_ALL": language,
            "PYTHONIOENCODING": "utf-8",
        }
        code = PROGRAM.format(root=os.getcwd(), noise=extra)
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(outputs.pop()) > 5000


def test_a_chain_of_300_000_is_one_small_cell():
    dot = forward_dot({"f": chain(300_000)})
    assert len(dot) < 3000
    assert "×300\u202f000" in "".join(shown(dot))


def test_a_long_chain_folds_in_the_mirrored_picture_too():
    record, _ = reverse_pass(chain(3000), {scalar("x"): 0.5})
    dot = mirrored_dot(record)
    assert len(dot) < 5000
    assert {"∂x", "×3\u202f000"} <= set(shown(dot))


def test_repeated_rounds_are_drawn_once():
    found = shown(forward_dot({"f": logistic(41)[0]}))
    assert "×40" in found
    assert len(found) < 8


def test_equal_layers_fold_with_their_weights():
    value = gx.input("X", (8, 16))
    for i in range(12):
        value = gx.tanh(value @ gx.param(f"W{i}", (16, 16)) + gx.param(f"b{i}", (16,)))
    found = shown(forward_dot({"loss": value.sum()}))
    assert "×12" in found
    assert found.count(" ×12") == 2  # of the weights and of the biases


def test_folding_can_be_turned_off():
    assert forward_dot(chain(40), repeats=False).count("sin<") == 40


def test_the_remainder_of_a_large_graph_is_one_cell():
    values = [scalar(f"x{i}") for i in range(20)]
    for i in range(3000):
        made = values[(7 * i) % len(values)] * values[-1 - i % 13]
        values.append(gx.sin(made) if i % 3 else made)
    dot = forward_dot(values[-1], budget=50)
    assert dot.count("shape=") < 60
    assert re.search(r"… \d+.*more nodes", dot)


def test_blocks_are_drawn_once_and_opened_on_request():
    @gx.block
    def layer(x, w):
        return gx.tanh(x * w)

    x = scalar("x")
    output = layer(layer(layer(x, scalar("a")) + 1, scalar("b")) * 2, scalar("c"))
    closed, opened = forward_dot(output), forward_dot(output, open_blocks=True)
    assert closed.count("tanh<") == 1 and "layer" in closed and "×3" in closed
    assert opened.count("tanh<") == 3 and "layer" not in opened


def test_what_is_no_node_is_refused():
    for wrong in (3, "x", [], {}, [scalar("x"), 2], None):
        with pytest.raises(ArgumentError):
            forward_dot(wrong)


def test_an_engine_s_own_nodes_are_set_apart():
    x = scalar("x")
    own, shared = gx.sin(x), gx.cos(x)
    dot = forward_dot([own, shared], alone=[own])
    assert dot.count("penwidth=2.2") == 1


def test_a_slice_shows_its_bounds_as_they_are_written():
    x = gx.input("x", ("n", 6, 4))
    written = {
        ":, 1:3, :": x[:, 1:3], "::-1, :, :": x[::-1], ":, :, ::2": x[..., ::2],
        "1:, :, :": x[1:], ":, ::-2, 1:": x[:, ::-2, 1:],
    }  # fmt: skip
    for text, node in written.items():
        assert glyph(node).note == text
