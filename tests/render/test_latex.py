from __future__ import annotations

import pytest

import graphc as gx
from graphc.core.op import all_ops
from graphc.render.latex import latex, latex_lines, latex_name
from tests.render.graphs import chain, logistic, scalar

X, Y, Z = scalar("x"), scalar("y"), scalar("z")


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ((X + Y) * Z, r"\left(x + y\right) \, z"),
        (1 / (1 + gx.exp(-X)), r"\frac{1}{1 + e^{-x}}"),
        (X - (Y - Z), r"x - \left(y - z\right)"),
        ((X + Y) / Z, r"\frac{x + y}{z}"),
        ((X**Y) ** Z, r"\left(x^{y}\right)^{z}"),
        (-X * Y, r"\left(-x\right) \, y"),
        (gx.exp(X) ** 2, r"\left(e^{x}\right)^{2}"),
        (X * -1.5, r"x \cdot \left(-1.5\right)"),
        (gx.hypot(X + Y, Z), r"\sqrt{\left(x + y\right)^2 + z^2}"),
        (X * 1e-8, r"x \cdot 10^{-8}"),
    ],
)
def test_formulas_are_written_as_people_do(node, expected):
    assert latex(node) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"), ("w0", "w_{0}"), ("W_in", r"W_{\mathrm{in}}"), ("alpha", r"\alpha "),
        ("loss", r"\mathrm{loss}"), ("a b", r"\mathrm{a\ b}"),
        ("\\input{x}", r"\mathrm{\backslash input\{x\}}"), ("$%&#", r"\mathrm{\$\%\&\#}"),
    ],
)  # fmt: skip
def test_names_are_escaped(name, expected):
    assert latex_name(name) == expected


def test_every_template_can_be_filled():
    from latex2mathml.converter import convert

    for op in all_ops():
        braces = op.latex.replace("{{", "").replace("}}", "")
        assert braces.count("{") == braces.count("}"), op.name
    for node in (gx.tanh(X), gx.relu(X), gx.softplus(X), gx.where(X > Y, X, Y), gx.sum(X), abs(X)):
        assert convert(latex(node)).startswith("<math")


def test_deep_and_shared_graphs_are_cut():
    assert latex(chain(100_000), 2) == r"\sin(\sin(\ldots ))"
    value = X
    for _ in range(2000):
        value = value * value
    assert len(latex(value, 30)) < 1000


def test_shared_parts_get_names():
    assert latex_lines(logistic(3)[0])[0] == ("t_{1}", r"4 \, x \, \left(1 - x\right)")
