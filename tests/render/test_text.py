from __future__ import annotations

import pytest
import sympy

import graphc as gx
from graphc.render.text import lines, text
from tests.render.graphs import chain, logistic, neuron, scalar

X, Y, Z = scalar("x"), scalar("y"), scalar("z")
CASES = {
    "(x + y)*z": (X + Y) * Z,
    "x - (y - z)": X - (Y - Z),
    "x - y - z": X - Y - Z,
    "x/(y*z)": X / (Y * Z),
    "x/y/z": X / Y / Z,
    "x*(y*z)": X * (Y * Z),
    "-(x + y)": -(X + Y),
    "-x*y": -X * Y,
    "(-x)**y": (-X) ** Y,
    "x**y**z": X ** (Y**Z),
    "(x**y)**z": (X**Y) ** Z,
    "exp(-x)": gx.exp(-X),
    "1/(1 + exp(-x))": 1 / (1 + gx.exp(-X)),
    "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))": neuron()[0],
}


@pytest.mark.parametrize("expected", CASES)
def test_parentheses_stand_where_they_must(expected):
    assert text(CASES[expected]) == expected


@pytest.mark.parametrize("expected", CASES)
def test_text_means_what_the_graph_computes(expected):
    names = ("x", "y", "z", "w0", "x0", "w1", "x1", "w2")
    point = {n: 0.3 + 0.17 * i for i, n in enumerate(names)}
    found = sympy.sympify(text(CASES[expected])).subs(point)
    given = {leaf: point[leaf.name] for leaf in gx.core.graph.leaves([CASES[expected]])}
    value = complex(gx.evaluate(CASES[expected], given))
    if value == value:
        assert complex(found) == pytest.approx(value, rel=1e-12)


def test_deep_graphs_are_cut():
    assert text(chain(100_000), 3) == "sin(sin(sin(…)))"


def test_exponential_sharing_is_cut():
    value = X
    for _ in range(2000):
        value = value * value
    assert len(text(value, 30)) < 300


def test_shared_parts_get_names():
    assert lines(logistic(4)[0]) == [
        ("t1", "4*x*(1 - x)"), ("t2", "4*t1*(1 - t1)"), ("", "4*t2*(1 - t2)"),
    ]  # fmt: skip
