from __future__ import annotations

import re

import graphc as gx
from graphc.core.node import Node
from graphc.diff.reverse import reverse
from graphc.render.dot import mirrored_dot, update_dot
from graphc.render.flow import entries, sign_of
from tests.render.graphs import neuron, product, reverse_pass, scalar


def cells_and_edges(dot: str) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """The texts of each cell, and each edge as it points, with its look."""
    cells = {
        name: " ".join(re.sub(r"<[^>]*>", " ", label).split())
        for name, label in re.findall(r"^\t+(n\d+) \[label=<(.*?)> (?:\w+=)", dot, re.M)
    }
    edges: dict[tuple[str, str], str] = {}
    for tail, head, look in re.findall(r"(n\d+) -> (n\d+) ?(?:\[(.*?)\])?", dot):
        pair = (head, tail) if "dir=back" in look else (tail, head)
        edges[pair] = re.sub(r".*style=(\w+).*", r"\1", look) if "style" in look else "solid"
    return cells, edges


def named_edges(output: Node, wrt: list[Node]) -> dict[tuple[str, str], str]:
    cells, edges = cells_and_edges(mirrored_dot(reverse(output, wrt)))
    return {
        (cells[tail], cells[head]): look
        for (tail, head), look in edges.items()
        if tail in cells and head in cells
    }


def test_an_adjoint_that_is_a_forward_node_feeds_no_rule_that_reads_the_value():
    s = scalar("s")
    found = named_edges(gx.tanh(s) * s, [s])
    assert found["1", "× s"] == found["× s", "×"] == "dashed"
    assert found["s", "× s"] == found["s", "sech squared"] == "dotted"
    assert ("× s", "sech squared") not in found
    assert found["1", "× tanh(s)"] == found["× tanh(s)", "∂s +"] == "dashed"
    assert found["tanh", "× tanh(s)"] == "dotted"
    assert ("1", "∂s +") not in found and ("tanh", "∂s +") not in found


def test_a_product_names_the_other_factor():
    output, given = product()
    found = named_edges(output, list(given))
    assert found["1", "× z"] == found["× z", "∂x"] == found["× z", "∂y"] == "dashed"
    assert found["1", "∂z × (x + y)"] == "dashed"
    assert found["+", "∂z × (x + y)"] == "dotted"


def test_a_sum_that_is_a_forward_node_is_fed_by_its_contributions():
    x, y, z = scalar("x"), scalar("y"), scalar("z")
    found = named_edges(z * x + z * y + (x + y), [z])
    assert found["× x", "∂z +"] == found["× y", "∂z +"] == "dashed"
    assert found["x", "× x"] == found["y", "× y"] == "dotted"


def test_a_gradient_passed_on_is_marked_and_explained():
    x, y = scalar("x"), scalar("y")
    dot = mirrored_dot(reverse((x * y + 1) + gx.sin(x), [x]))
    assert "passed on as it is" in dot
    assert "passed on as it is" not in mirrored_dot(reverse(gx.sin(x), [x]))


def test_an_adjoint_enters_a_product_once():
    s = scalar("s")
    rule = s * gx.tanh(s)
    assert entries(rule, s, {rule: None, gx.tanh(s): None}) == [
        (rule, 0 if rule.args[0] is s else 1)
    ]
    square = s * s
    assert entries(square, s, {square: None}) == [(square, 0)]


def test_signs_tell_partial_from_passing_on():
    x, y = scalar("x"), scalar("y")
    record = reverse((x + y) * gx.sin(x) - y, [x, y])
    signs = {c.operand: sign_of(c, record) for c in record.contributions if c.operand is not y}
    assert signs[x + y] == "× sin(x)"
    assert signs[(x + y) * gx.sin(x)] == "="


def test_every_picture_of_one_problem_names_the_output_alike():
    record, values = reverse_pass(*product())
    updates = {c.operand: c.operand for c in record.contributions if not c.operand.args}
    assert "output" in mirrored_dot(record, values)
    assert "output" in update_dot(record, updates, values)
    assert "loss" not in update_dot(record, updates, values)


def test_nodes_that_only_prepare_a_shape_are_told_on_their_user():
    x = gx.input("x", ("batch", 3), gx.float64)
    dot = mirrored_dot(reverse(gx.mean(gx.sum(gx.exp(x), axis=1), axis=0), [x]))
    cells, _ = cells_and_edges(dot)
    backward = [text for text in cells.values() if "reshape" in text]
    assert backward and all("after reshape" in text for text in backward)


def test_an_adjoint_of_one_enters_the_rule_that_leaves_it_out():
    x, y = scalar("x"), scalar("y")
    cells, edges = cells_and_edges(mirrored_dot(reverse(gx.sqrt(x) + gx.sin(y), [x])))
    fed = {cells[head] for tail, head in edges if cells.get(tail) == "= 1"}
    assert len(fed) == 1 and next(iter(fed)).startswith("∂x")


def test_gradients_flow_one_way():
    for output, given in (neuron(), product()):
        _, edges = cells_and_edges(mirrored_dot(reverse(output, list(given))))
        assert not [pair for pair in edges if (pair[1], pair[0]) in edges]
