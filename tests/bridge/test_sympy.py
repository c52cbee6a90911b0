"""Graphs as SymPy expressions and back: what is kept, what is exact, what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mpmath
import numpy as np
import pytest
import sympy

import graphc as gx
from graphc.backends.mpmath import evaluate_mpmath
from graphc.bridge.formula import read_formula
from graphc.bridge.formula_functions import functions
from graphc.bridge.sympy import from_sympy, to_sympy
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, scalar
from graphc.core.walk import topological_order

x, y, z = (gx.input(name, (), "float64") for name in "xyz")
X, Y, Z = sympy.symbols("x y z")
NODES = {"x": x, "y": y, "z": z}
VALUES = {"x": "0.7", "y": "-0.4", "z": "2.1"}


def value(node: Node) -> mpmath.mpf:
    needed = {n.name for n in topological_order([node]) if n.op.name == "input"}
    given = {name: VALUES[name] for name in VALUES if name in needed}
    return mpmath.mpf(evaluate_mpmath(node, given))  # 50 digits, kept by the fixture below


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    with mpmath.workdps(60):
        yield


def operand_text(name: str, count: int) -> str:
    first = "z" if name in ("acosh", "arccosh") else "x"
    return f"{name}({', '.join([first, 'y', 'z'][:count])})"


FORMULAS = [
    "(x + y) * z",
    "1/(1 + exp(-(x*y + z)))",
    "sigmoid(x)*relu(y) - 0.1*x",
    "x**2.5 + x**-2 + x**7 + sqrt(x) - rsqrt(z)",
    "x/3 - y/x**2 + 2*x/7",
    "pi*x + e",
    "x if x > y else -z",
    "max(x, y) - min(y, z)",
    "log1p(x) + ln(z) + expm1(y)",
    "hypot(x, y)*atan2(y, x) + x**z",
    "leaky_relu(y, 0.1) + elu(y, 0.3) + gelu_erf(x) + gelu_tanh(y)",
    "1 - 2*x - (y - z)",
    *[
        operand_text(name, f.least)
        for name, f in sorted(functions().items())
        if name not in ("where", "sum", "mean", "prod", "norm", "var", "std", "logsumexp")
        and name not in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
        and name not in ("max", "min")
    ],
]


@pytest.mark.parametrize("text", FORMULAS)
def test_round_trip_keeps_the_value(text: str):
    node = read_formula(text).output
    for expand in (False, True):
        back = from_sympy(to_sympy(node, expand=expand), NODES, dtype="float64")
        found, expected = value(back), value(node)
        outside = mpmath.isnan(found) and mpmath.isnan(expected)
        assert outside or mpmath.almosteq(found, expected, rel_eps=mpmath.mpf(10) ** -45), expand


@pytest.mark.parametrize("name", ["relu", "sigmoid", "abs", "selu", "softplus", "sign", "floor"])
def test_op_comes_back_as_itself(name: str):
    node = apply_named(name, x)
    expression = to_sympy(node)
    assert str(expression) == f"{name}(x)"
    assert from_sympy(expression, NODES) is node


def test_relu_is_no_max_and_max_is_no_relu():
    assert not to_sympy(apply_named("relu", x)).has(sympy.Max)
    assert from_sympy(sympy.Max(X, 0), NODES).op.name == "maximum"
    # The identity that SymPy finds here would change the slope at 0.
    assert describe(from_sympy(to_sympy(abs(x) - abs(-x)), NODES)) == "sub(abs(x), abs(neg(x)))"
    assert to_sympy(abs(x) - abs(-x), expand=True) == 0


@pytest.mark.parametrize("number", [0.1, 1 / 3, 1e300, 5e-324, 2.5, 3.0, 123456789.123])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_constant_comes_back_bit_for_bit(number: float, dtype: str):
    with np.errstate(over="ignore", under="ignore"):
        rounded = float(np.dtype(dtype).type(number))
    if not np.isfinite(rounded) or rounded == 0:
        return
    leaf = gx.input("x", (), dtype)
    node = leaf + scalar(rounded, leaf.dtype)
    back = from_sympy(to_sympy(node), {"x": leaf})
    assert {a.uid for a in back.args} == {a.uid for a in node.args}


def test_numbers_that_no_float_holds_stay_exact():
    for expression in (sympy.sqrt(sympy.pi), sympy.Rational(1, 3), sympy.exp(2) / 7, sympy.pi):
        node = from_sympy(expression, {}, dtype="float64")
        exact = mpmath.mpf(str(sympy.N(expression, 55)))
        assert abs(value(node) / exact - 1) < mpmath.mpf(10) ** -48
    assert describe(from_sympy(X / 3, NODES)) == "div(x, 3.0)"


def test_users_own_expressions_are_read():
    cases = {
        sympy.Piecewise((X, X > 1), (Y**2, X > 0), (Z, True)): (
            "where(greater(x, 1.0), x, where(greater(x, 0.0), square(y), z))"
        ),
        sympy.sin(X) ** 2 / sympy.cosh(Y): "div(square(sin(x)), cosh(y))",
        sympy.sec(X): "reciprocal(cos(x))",
        sympy.exp(-(X**2) / 2): "exp(mul(-0.5, square(x)))",
        sympy.Max(X, Y, Z): "maximum(maximum(x, y), z)",
        sympy.Pow(X, Y): "pow(x, y)",
        -X + Y: "sub(y, x)",
        1 / sympy.sqrt(X): "rsqrt(x)",
        sympy.Abs(X): "abs(x)",
    }
    for expression, text in cases.items():
        assert describe(from_sympy(expression, {X: x, "y": y, Z: z}), 30) == text


def test_tensors_may_stand_for_symbols():
    w = gx.input("w", (3,), "float32")
    node = from_sympy(X * sympy.exp(X), {"x": w})
    assert node.type == gx.float32[3]


@pytest.mark.parametrize(
    "expression, error, words",
    [
        (sympy.Symbol("t") + X, gx.EngineError, "symbol t stands for no node"),
        (sympy.airyai(X), gx.EngineError, "SymPy's airyai has no counterpart"),
        (sympy.Derivative(sympy.Function("f")(X), X), gx.EngineError, "doit"),
        (sympy.Integral(X, X), gx.EngineError, "doit"),
        (sympy.sqrt(-2) * X, gx.EngineError, "not real"),
        (X + sympy.zoo, gx.EngineError, "infinite"),
        ("x + __import__('os').getpid()", gx.ArgumentError, "text"),
        (object(), gx.ArgumentError, "no SymPy expression"),
    ],
)
def test_what_has_no_counterpart_is_refused(expression: object, error: type, words: str):
    with pytest.raises(error, match=words):
        from_sympy(expression, NODES)


def test_tensors_and_large_trees_are_refused():
    w = gx.input("w", (3,), "float64")
    with pytest.raises(gx.EngineError, match="no scalar"):
        to_sympy((w * w).sum())
    shared = x
    for _ in range(2_000):
        shared = shared * shared + 1.0
    with pytest.raises(gx.BudgetError, match="above 2,000"):
        to_sympy(shared)
    deep = x
    for _ in range(100):
        deep = apply_named("sin", deep)
    with pytest.raises(gx.BudgetError, match="100 levels"):
        to_sympy(deep)


def test_long_sum_is_read_without_recursion():
    symbols: Sequence[sympy.Symbol] = sympy.symbols("s0:3000")
    nodes = {s: gx.input(s.name, (), "float64") for s in symbols}
    assert from_sympy(sympy.Add(*symbols), nodes).op.name == "add"
    tower = sympy.Symbol("x")
    for _ in range(300):
        tower = sympy.sin(tower, evaluate=False)
    assert len(topological_order([from_sympy(tower, {"x": x})])) == 301


def test_product_with_an_op_of_numbers_is_read_and_not_read_for_ever() -> None:
    x = gx.input("x", (), "float64")
    output = gx.minimum(x - x, x - x) * (gx.tanh(x) + gx.tanh(x))
    slope = gx.grad(output, x, engine="symbolic")
    assert float(gx.evaluate(slope, x=0.5)) == 0.0
