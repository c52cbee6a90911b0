"""Wrong calls: each error is graphc's own, at the caller's line, with operands and a way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.compare.report import write_report
from tests.bad_input_checker import Case, check_case, flat
from tests.test_bad_values import CASES as VALUES

F = "float64"
x, y, z = (gx.input(n, (), F) for n in "xyz")
v = gx.input("v", (3,), F)
w = gx.input("w", (4,), F)
A = gx.input("A", (3, 4), F)
B = gx.input("B", (5, 6), F)
k = gx.input("k", (3,), "int32")
i = gx.input("i", (), "int32")
mask = gx.input("mask", (3,), "bool")
rows = gx.input("rows", ("batch", 4), F)
other = gx.input("other", ("batch", 4), F)
square = gx.Problem(x * x, {"x": 1.0})


@gx.block
def layer(a: Any, b: Any) -> Any:
    """Returns a graph."""
    return gx.sin(a) * b


@gx.function(a=gx.float64[3])
def norm2(a: Any) -> Any:
    """Returns a graph."""
    return gx.sum(a * a)


compiled = gx.compile(x * y)
by_place = gx.compile(x * y, inputs=[{"a": x}, y])

# What is asked, the error, and what its text must hold (names, numbers and the way out).
CASES: dict[str, list[Case]] = {
    "shapes": [
        (lambda: v + w, gx.ShapeError, "add(v: f64[3], w: f64[4])"),
        (lambda: v * A, gx.ShapeError, "mul(v: f64[3], A: f64[3,4])"),
        (lambda: A @ B, gx.ShapeError, "matmul(A: f64[3,4], B: f64[5,6])"),
        (lambda: A @ 2.0, gx.ShapeError, "matmul(A: f64[3,4]"),
        (lambda: gx.reshape(v, (2, 2)), gx.ShapeError, "v: f64[3]"),
        (lambda: v.reshape(-1, -1), gx.ShapeError, "v: f64[3]"),
        (lambda: gx.broadcast_to(A, (3, 5)), gx.ShapeError, "A: f64[3,4]"),
        (lambda: gx.concat([A, B]), gx.ShapeError, "f64[5,6]"),
        (lambda: gx.stack([v, w]), gx.ShapeError, "f64[4]"),
        (lambda: v.T, gx.ShapeError, "v: f64[3]"),
        (lambda: v.mT, gx.GraphcError, "v: f64[3]"),
        (lambda: gx.squeeze(v, 0), gx.AxisError, "v: f64[3]"),
        (lambda: gx.where(mask, v, w), gx.ShapeError, "w: f64[4]"),
        (lambda: gx.mse(v, w), gx.ShapeError, "w: f64[4]"),
        (lambda: gx.input("q", -3), gx.ShapeError, "-3"),
        (lambda: gx.input("q", (2.5,)), gx.ShapeError, "2.5"),
        (lambda: gx.input("q", (2**40, 2**40)), gx.ShapeError, "2**48"),
        (lambda: gx.max(gx.constant(np.zeros((0,)))), gx.ShapeError, "max("),
    ],
    "dtypes": [
        (lambda: gx.input("q", (), "float80"), gx.DTypeError, "'float80'"),
        (lambda: gx.input("q", (), "complex256"), gx.DTypeError, "complex256"),
        (lambda: gx.cast(v, "string"), gx.DTypeError, "'string'"),
        (lambda: v & mask, gx.DTypeError, "bitwise_and(v: f64[3], mask: bool[3])"),
        (lambda: ~v, gx.DTypeError, "bitwise_invert(v: f64[3])"),
        (lambda: v[v], gx.GraphcError, "v: f64[3]"),
        (lambda: gx.where(v, 1.0, 2.0), gx.DTypeError, "v: f64[3]"),
        (lambda: gx.constant(1 + 2j, "float32"), gx.DTypeError, "(1+2j)"),
        (lambda: gx.constant("text"), gx.ArgumentError, "'text'"),
        (lambda: gx.constant([1.5], "int32"), gx.DTypeError, "int32"),
        (lambda: gx.constant(300, "uint8"), gx.DTypeError, "uint8"),
        (lambda: k + 2**40, gx.DTypeError, "int32"),
        (lambda: -mask, gx.DTypeError, "neg(mask: bool[3])"),
    ],
    "axes and indices": [
        (lambda: gx.sum(A, axis=2), gx.AxisError, "A: f64[3,4]"),
        (lambda: gx.sum(A, axis=(0, 0)), gx.AxisError, "A: f64[3,4]"),
        (lambda: gx.sum(A, axis=0.5), gx.GraphcError, "0.5"),
        (lambda: gx.sum(A, axis="rows"), gx.GraphcError, "'rows'"),
        (lambda: gx.softmax(x), gx.GraphcError, "x: f64"),
        (lambda: gx.transpose(A, (0, 0)), gx.AxisError, "A: f64[3,4]"),
        (lambda: gx.concat([A, A], axis=2), gx.AxisError, "2"),
        (lambda: gx.expand_dims(v, 5), gx.AxisError, "v: f64[3]"),
        (lambda: v[3], gx.IndexingError, "v: f64[3]"),
        (lambda: v[-4], gx.IndexingError, "v: f64[3]"),
        (lambda: v[0, 0], gx.IndexingError, "v: f64[3]"),
        (lambda: v[1.5], gx.IndexingError, "1.5"),
        (lambda: v["a"], gx.IndexingError, "'a'"),
        (lambda: v[::0], gx.IndexingError, "v: f64[3]"),
        (lambda: v[[0, 7]], gx.IndexingError, "7"),
        (lambda: gx.take(v, x), gx.GraphcError, "v: f64[3]"),
        (lambda: v[A], gx.GraphcError, "A: f64[3,4]"),
    ],
    "arguments": [
        (lambda: gx.sin(), gx.ArgumentError, "sin()"),
        (lambda: gx.sin(x, y), gx.ArgumentError, "sin(x: f64, y: f64)"),
        (lambda: gx.add(x), gx.ArgumentError, "add(x: f64)"),
        (lambda: gx.sin(x, axis=1), gx.ArgumentError, "axis"),
        (lambda: gx.sum(x, axes=0), gx.ArgumentError, "axes"),
        (lambda: gx.sum(), gx.ArgumentError, "sum()"),
        (lambda: gx.sin("x"), gx.ArgumentError, "'x'"),
        (lambda: gx.sin(None), gx.ArgumentError, "None"),
        (lambda: x + "1", gx.ArgumentError, "'1'"),
        (lambda: gx.concat([]), gx.ArgumentError, "concat("),
        (lambda: gx.input(), gx.ArgumentError, "'name'"),
        (lambda: gx.input("q", shap=3), gx.ArgumentError, "shap"),
        (lambda: gx.input(""), gx.ArgumentError, "''"),
        (lambda: gx.input(3), gx.ArgumentError, "3"),
        (lambda: gx.dim("my size"), gx.DimError, "'my size'"),
        (lambda: gx.dim(), gx.ArgumentError, "dim()"),
        (lambda: gx.param("q", (3,), init=[1.0, 2.0]), gx.GraphcError, "[3]"),
        (lambda: bool(x > 0), gx.ArgumentError, "gx.where"),
        (lambda: float(x * y), gx.ArgumentError, "mul(x, y)"),
        (lambda: np.add.reduce(v), gx.ArgumentError, "np.add"),
        (lambda: np.partition(v, 1), gx.ArgumentError, "np.partition"),
        (lambda: len(x), gx.ArgumentError, "x: f64"),
        (lambda: list(x), gx.GraphcError, "x: f64"),
        (lambda: gx.arange(1, 2, 0), gx.ArgumentError, "step=0"),
        (lambda: gx.norm(v, 0.5), gx.ArgumentError, "v: f64[3]"),
        (lambda: gx.var(v, ddof=5), gx.GraphcError, "v: f64[3]"),
        (lambda: gx.leaky_relu(x, slope="a"), gx.GraphcError, "'a'"),
        (lambda: gx.gelu(x, approximate="maybe"), gx.GraphcError, "maybe"),
    ],
    "einsum": [
        (lambda: gx.einsum("ij,jk->ik", A), gx.ArgumentError, "A: f64[3,4]"),
        (lambda: gx.einsum("ij,jk->ik", A, B), gx.ShapeError, "B: f64[5,6]"),
        (lambda: gx.einsum("ij->ix", A), gx.GraphcError, "x"),
        (lambda: gx.einsum("ijk->i", A), gx.GraphcError, "A: f64[3,4]"),
        (lambda: gx.einsum("i1->i", A), gx.GraphcError, "1"),
        (lambda: gx.einsum(A, B), gx.ArgumentError, "A: f64[3,4]"),
    ],
    "blocks and maps": [
        (lambda: layer(1.0, 2.0), gx.ArgumentError, "layer"),
        (lambda: layer(x), gx.ArgumentError, "layer"),
        (lambda: gx.block(lambda a: 3)(x), gx.ArgumentError, "no graph value"),
        (lambda: gx.block(3), gx.ArgumentError, "3"),
        (lambda: gx.map(gx.sin, x), gx.ShapeError, "scalar"),
        (lambda: gx.map(gx.sin), gx.ArgumentError, "gx.map(function, x)"),
        (lambda: gx.map(gx.add, v, w), gx.ShapeError, "map("),
        (lambda: gx.map(lambda a: 3.0, v), gx.ArgumentError, "map("),
        (lambda: gx.map(gx.sin, v, chunk=-1), gx.ArgumentError, "chunk=-1"),
        (lambda: gx.map(3, v), gx.ArgumentError, "3"),
        (lambda: norm2(v, v), gx.ArgumentError, "norm2(a)"),
        (lambda: norm2(b=v), gx.ArgumentError, "'b'"),
        (lambda: norm2(w), gx.ShapeError, "f64[4]"),
        (lambda: gx.Graph([x], [x * y]), gx.ArgumentError, "y: f64"),
    ],
    "derivatives": [
        (lambda: gx.grad(v, v), gx.GradError, "gx.sum"),
        (lambda: gx.grad(x * i, i), gx.GradError, "i is i32"),
        (lambda: gx.grad(i * i, x), gx.GradError, "mul(i, i)"),
        (lambda: gx.grad(x * x, y), gx.GradError, "does not depend on y"),
        (lambda: gx.grad(x * x, "x"), gx.ArgumentError, "'x'"),
        (lambda: gx.grad(x * x, []), gx.ArgumentError, "nothing to differentiate by"),
        (lambda: gx.grad(3.0, x), gx.ArgumentError, "3.0"),
        (lambda: gx.grad(x * x, x, engine="magic"), gx.EngineError, "'magic'"),
        (lambda: gx.grad(x * x, x, engine="analytic"), gx.EngineError, "gx.with_gradient"),
        (lambda: gx.grad(x * x, x, step=0.1), gx.ArgumentError, "step"),
        (lambda: gx.grad(x * x, x, "numeric", method="guess"), gx.EngineError, "'guess'"),
        (lambda: gx.grad(x * x, x, "numeric", step=0), gx.ArgumentError, "step=0"),
        (lambda: gx.grad(abs(x), x, "numeric", method="complex-step"), gx.EngineError, "abs(x)"),
        (lambda: gx.grad(x * x, x, unreachable="maybe"), gx.ArgumentError, "'maybe'"),
        (lambda: gx.grad(x * x), gx.ArgumentError, "'wrt'"),
        (lambda: gx.vjp(v * v, v, w), gx.ShapeError, "f64[4]"),
        (lambda: gx.jvp(v * v, v, [v, v]), gx.ArgumentError, "2 tangents for 1"),
        (lambda: gx.jvp(v * v, v, w), gx.ShapeError, "tangent of v"),
        (lambda: gx.hessian(x * y, [x, "y"]), gx.ArgumentError, "gx.input"),
        (lambda: gx.hvp(gx.sum(v * v), v, w), gx.ShapeError, "vector for v"),
        (lambda: gx.jacobian(v * v, v, engine="symbol"), gx.EngineError, "'symbol'"),
        (lambda: gx.with_gradient(x * x, {}), gx.ArgumentError, "gx.with_gradient(loss,"),
        (lambda: gx.with_gradient(x * x, {"x": 2 * x}), gx.ArgumentError, "'x'"),
        (lambda: gx.with_gradient(gx.sum(v), {v: w}), gx.ShapeError, "v: f64[3]"),
        (lambda: gx.with_gradient(x * x, 2 * x), gx.ArgumentError, "{w: formula}"),
        (lambda: gx.with_gradient(x * i, {i: x}), gx.GraphcError, "i is i32"),
    ],
    "evaluating and compiling": [
        (lambda: gx.evaluate(x * y, x=1.0), gx.ArgumentError, "y: f64"),
        (lambda: gx.evaluate(x * y, x=1.0, y=2.0, z=3.0), gx.ArgumentError, "'z'"),
        (lambda: gx.evaluate(x * y, {x: 1.0, y: 1.0, z: 1.0}), gx.ArgumentError, "z is no input"),
        (lambda: gx.evaluate("x*y"), gx.ArgumentError, "'x*y'"),
        (lambda: gx.evaluate(x, [1.0]), gx.ArgumentError, "[1.0]"),
        (lambda: gx.evaluate(v, v=[1.0, 2.0]), gx.ShapeError, "v is declared f64[3]"),
        (lambda: gx.evaluate(v, v="text"), gx.GraphcError, "value of v"),
        (lambda: gx.evaluate(v, v=[1.0, [2.0]]), gx.ArgumentError, "value of v"),
        (lambda: gx.evaluate(v, v=[1j, 0, 0]), gx.DTypeError, "v is declared f64[3]"),
        (lambda: gx.evaluate(k, k=[0.5, 1.0, 2.0]), gx.DTypeError, "k is declared i32[3]"),
        (lambda: gx.evaluate(gx.sum(rows), rows=np.zeros((2, 5))), gx.ShapeError, "rows"),
        (lambda: gx.evaluate(gx.input("x", 3) * x, x=1.0), gx.NameClashError, "'x'"),
        (lambda: gx.evaluate_mpmath(x, x="abc"), gx.ArgumentError, "'x'"),
        (lambda: gx.evaluate_mpmath(x, x=1.0, digits=-5), gx.ArgumentError, "digits"),
        (lambda: gx.compile(x * y, inputs=[x]), gx.ArgumentError, "y: f64"),
        (lambda: gx.compile(x * y, inputs=x), gx.ArgumentError, "inputs=[params, x]"),
        (lambda: gx.compile(x * y, inputs=[x, 3.0]), gx.ArgumentError, "3.0"),
        (lambda: gx.compile(x * y, inputs=[x * y]), gx.ArgumentError, "mul(x, y)"),
        (lambda: gx.compile("x"), gx.ArgumentError, "'x'"),
        (lambda: gx.compile(x, jti=True), gx.ArgumentError, "jti"),
        (lambda: gx.compile(x, derivative="torch"), gx.ArgumentError, "'torch'"),
        (lambda: gx.compile(x * y, budget=1), gx.BudgetError, "budget"),
        (lambda: compiled(x=1.0), gx.ArgumentError, "y: f64"),
        (lambda: compiled(1.0, 2.0), gx.ArgumentError, "by name"),
        (lambda: compiled(x=1.0, y=2.0, q=3.0), gx.ArgumentError, "'q'"),
        (lambda: compiled(x=[1.0, 2.0], y=2.0), gx.ShapeError, "x is declared f64"),
        (lambda: compiled(x="one", y=2.0), gx.ArgumentError, "value of x"),
        (lambda: compiled(x=1j, y=2.0), gx.DTypeError, "x is declared f64"),
        (lambda: by_place({"a": 1.0}), gx.ArgumentError, "2 arguments"),
        (lambda: by_place({"b": 1.0}, 2.0), gx.ArgumentError, "nest"),
        (lambda: by_place({"a": 1.0}, y=2.0), gx.ArgumentError, "'y'"),
        (lambda: gx.compile(k * 2)(k=[0.5, 1.0, 2.0]), gx.DTypeError, "k is declared i32[3]"),
        (lambda: gx.compile(gx.sum(rows)).hlo(), gx.ArgumentError, "rows"),
    ],
    "sizes": [
        (lambda: rows.reshape(7, -1), gx.ShapeError, "batch"),
        (lambda: gx.dim("n") // 0, gx.DimError, "n"),
        (lambda: rows + gx.input("other", ("time", 4), F), gx.ShapeError, "time"),
        (lambda: gx.evaluate(rows + other, rows=np.zeros((2, 4)), other=np.zeros((3, 4))),
         gx.DimError, "'batch'"),
    ],
    "formulas": [
        (lambda: gx.parse("log(x"), gx.FormulaError, "    log(x\n       ^"),
        (lambda: gx.parse("x +"), gx.FormulaError, "^"),
        (lambda: gx.parse("x.real"), gx.FormulaError, "^"),
        (lambda: gx.parse("foo(x)"), gx.FormulaError, "`foo`"),
        (lambda: gx.parse("sin(x, y)"), gx.FormulaError, "sin"),
        (lambda: gx.parse("__import__('os')"), gx.FormulaError, "^"),
        (lambda: gx.parse(""), gx.FormulaError, "empty"),
        (lambda: gx.parse(3), gx.GraphcError, "3"),
        (lambda: gx.parse("x", dtype="int32"), gx.DTypeError, "int32"),
        (lambda: gx.parse("x*y", names=["x"]), gx.FormulaError, "y"),
        (lambda: gx.parse("(" * 1000 + "x" + ")" * 1000), gx.GraphcError, "100"),
        (lambda: gx.to_sympy(v), gx.GraphcError, "v"),
        (lambda: gx.from_sympy("x + 1", {}), gx.GraphcError, "'x + 1'"),
    ],
    "problems": [
        (lambda: gx.Problem(), gx.ArgumentError, "'output'"),
        (lambda: gx.Problem("x*x", {"x": 1.0}), gx.ArgumentError, "'x*x'"),
        (lambda: gx.Problem(v, {"v": [1.0, 2.0, 3.0]}), gx.GradError, "gx.sum"),
        (lambda: gx.Problem(x * y, {"x": 1.0}), gx.ArgumentError, "y: f64"),
        (lambda: gx.Problem(x, {"x": 1.0, "q": 2.0}), gx.ArgumentError, "'q'"),
        (lambda: gx.Problem(x, [1.0]), gx.ArgumentError, "[1.0]"),
        (lambda: gx.Problem(gx.sum(v), {"v": [1.0]}), gx.ShapeError, "v is declared f64[3]"),
        (lambda: gx.Problem(x, {"x": 1.0}, wrt="y"), gx.ArgumentError, "'y'"),
        (lambda: gx.Problem(x, {"x": 1.0}, wrt=y), gx.ArgumentError, "y"),
        (lambda: gx.Problem(x * i, {"x": 1.0, "i": 2}, wrt=["i"]), gx.GradError, "i is i32"),
        (lambda: gx.Problem(x * 1, {"x": 1.0}, wrt=[]), gx.ArgumentError, "wrt"),
        (lambda: gx.Problem(gx.sum(k), {"k": [1, 2, 3]}), gx.GradError, "sum(k)"),
        (lambda: gx.Problem(x, {"x": 1.0}, nam="a"), gx.ArgumentError, "nam"),
        (lambda: gx.Problem(x, {"x": 1.0}, name=3), gx.ArgumentError, "3"),
        (lambda: gx.Problem(x * x, {"x": 1.0}, analytic={y: x}), gx.ArgumentError, "y"),
        (lambda: gx.Problem(x * x, {"x": 1.0}, analytic=2 * x), gx.ArgumentError, "{w: formula}"),
        (lambda: gx.Problem(x * x, {"x": 1.0}, grow=3, sizes=(1,)), gx.ArgumentError, "grow"),
        (lambda: gx.Problem(x * x, {"x": 1.0}, sizes=3), gx.ArgumentError, "sizes"),
        (lambda: gx.compare(x * x), gx.ArgumentError, "gx.Problem"),
        (lambda: gx.compare(square, engines=["magic"]), gx.EngineError, "'magic'"),
        (lambda: gx.compare(square, engines="reverse"), gx.ArgumentError, "['reverse']"),
        (lambda: gx.compare(square, options={"numeric": {"metod": 1}}), gx.ArgumentError, "metod"),
        (lambda: gx.compare(square, options={"magic": {}}), gx.EngineError, "'magic'"),
        (lambda: gx.check(x * x), gx.ArgumentError, "gx.Problem"),
        (lambda: gx.check(square, ["magic"]), gx.EngineError, "'magic'"),
        (lambda: gx.check(square, engins=["reverse"]), gx.ArgumentError, "engins"),
        (lambda: gx.load_problems("nothere.py"), gx.FileError, "'nothere.py'"),
        (lambda: gx.load_problems(3), gx.FileError, "3"),
        (lambda: gx.write_report([], "out"), gx.ArgumentError, "comparison"),
        (lambda: gx.write_report([square], "out"), gx.ArgumentError, "gx.compare"),
    ],
    "pictures": [
        (lambda: gx.draw(x * y, "a.bmp"), gx.FormatError, "svg"),
        (lambda: gx.draw(x * y, "a"), gx.FormatError, "svg"),
        (lambda: gx.draw(x * y, "missing/a.svg"), gx.FileError, "'missing/a.svg'"),
        (lambda: gx.draw(x * y, kind="cubist"), gx.ArgumentError, "'cubist'"),
        (lambda: gx.draw(x * y, kind="cubist", wrt=x), gx.ArgumentError, "'cubist'"),
        (lambda: gx.draw(3), gx.ArgumentError, "3"),
        (lambda: gx.draw([]), gx.ArgumentError, "draw("),
        (lambda: gx.draw(x * y, colour="red"), gx.ArgumentError, "'colour'"),
        (lambda: gx.draw(x * y, budget=0), gx.ArgumentError, "budget=0"),
        (lambda: gx.draw(x * y, direction="up"), gx.ArgumentError, "'up'"),
        (lambda: gx.draw(x * y, format="bmp"), gx.FormatError, "bmp"),
        (lambda: gx.draw(x * y, values={"x": 1.0}), gx.ArgumentError, "y: f64"),
        (lambda: gx.draw(v, kind="mirrored"), gx.GradError, "gx.sum"),
        (lambda: gx.draw(x * y, kind="backward", wrt=z), gx.GraphcError, "z"),
        (lambda: gx.draw(x * y, kind="update", learning_rate="fast"), gx.GraphcError, "'fast'"),
    ],
    "simplifying and measuring": [
        (lambda: gx.simplify("x"), gx.ArgumentError, "'x'"),
        (lambda: gx.simplify(x, finit=True), gx.ArgumentError, "finit"),
        (lambda: gx.lint(3), gx.ArgumentError, "3"),
        (lambda: gx.cost("x"), gx.ArgumentError, "'x'"),
        (lambda: gx.cost(gx.sum(rows), {"time": 3}), gx.DimError, "'batch'"),
        (lambda: gx.register(gx.sin), gx.ArgumentError, "'sin'"),
        (lambda: gx.promote("float80"), gx.DTypeError, "float80"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), list(flat(CASES)))
def test_wrong_call_is_told_at_the_callers_line(
    call: Callable[[], Any], kind: type[gx.GraphcError], words: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    check_case(call, kind, words, tmp_path)


def test_there_are_enough_cases() -> None:
    assert sum(len(c) for table in (CASES, VALUES) for c in table.values()) >= 350


def test_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    record = gx.compare(square, engines=("reverse",), memory=False, pictures=False)
    for folder in (tmp_path / "file", tmp_path / "file" / "in"):
        with pytest.raises(gx.FileError, match=r"test_bad_input\.py:\d+.*can't be written.*choose"):
            write_report([record], folder)
    assert (tmp_path / "file").read_text() == ""


def test_errors_are_also_pythons_own() -> None:
    with pytest.raises(TypeError):
        v + w
    with pytest.raises(IndexError):
        v[9]
    with pytest.raises(ValueError, match="no engine"):
        gx.grad(x * x, x, engine="magic")
    with pytest.raises(OSError, match="no file"):
        gx.load_problems("nothere.py")
