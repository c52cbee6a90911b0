"""Numbers, arrays and names that JAX, PyTorch or NumPy let pass to the user's harm."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from tests.bad_input_checker import Case, check_case, flat

F = "float64"
x, y = gx.input("x", (), F), gx.input("y", (), F)
single, half = gx.input("single"), gx.input("half", (), "float16")
v, column = gx.input("v", (3,), F), gx.input("column", (3, 1), F)
A, logits = gx.input("A", (3, 4), F), gx.input("logits", (3, 4), F)
k, i = gx.input("k", (3,), "int32"), gx.input("i", (), "int32")
byte, signed = gx.input("byte", (), "uint8"), gx.input("signed", (), "int8")
flag, flags = gx.input("flag", (), "bool"), gx.input("flags", (3,), "bool")
long, tall = gx.input("long", (2**30,)), gx.input("tall", (2**30, 1))
twin = gx.input("x", (3,), F)
masked = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
itself: list[Any] = []
itself.append(itself)


class Frame:
    """What a table of mixed columns looks like to NumPy."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.array([["a", 1.0]], dtype=object)


class Broken:
    """Its own conversion fails."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no such column")

    def __repr__(self) -> str:
        raise RuntimeError("no words")


big = 10**400
CASES: dict[str, list[Case]] = {
    "losses": [
        (lambda: gx.mse(column, v), gx.ShapeError, "mse(column: f64[3,1], v: f64[3])"),
        (lambda: gx.mse(v, 1.0), gx.ShapeError, "v: f64[3]"),
        (lambda: gx.mse(flags, flags), gx.DTypeError, "flags: bool[3]"),
        (lambda: gx.binary_cross_entropy(column, v), gx.ShapeError, "column: f64[3,1]"),
        (lambda: gx.binary_cross_entropy(v, [-1.0, 1.0, 1.0]), gx.ArgumentError, "(y + 1)/2"),
        (lambda: gx.binary_cross_entropy(v, [0, 1, 2]), gx.ArgumentError, "target 2"),
        (lambda: gx.categorical_cross_entropy(logits, column), gx.ShapeError, "logits: f64[3,4]"),
        (lambda: gx.categorical_cross_entropy(logits, k.reshape(3, 1)), gx.ShapeError, "reshape"),
        (lambda: gx.categorical_cross_entropy(logits, [0, 1, 4]), gx.ArgumentError, "label 4"),
        (lambda: gx.categorical_cross_entropy(logits, [0, -1, 3]), gx.ArgumentError, "label -1"),
        (lambda: gx.categorical_cross_entropy(logits, flags), gx.DTypeError, "flags: bool[3]"),
        (lambda: gx.categorical_cross_entropy(x, i), gx.ShapeError, "[batch, classes]"),
    ],
    "numbers that do not fit": [
        (lambda: single * 1e300, gx.PrecisionError, "too large for float32"),
        (lambda: 1e300 * single, gx.PrecisionError, "mul(1e+300, single: f32)"),
        (lambda: single + 1e-300, gx.PrecisionError, "too small for float32"),
        (lambda: gx.log(half + 1e-12), gx.PrecisionError, "add(half: f16, 1e-12)"),
        (lambda: half * 1e5, gx.PrecisionError, "too large for float16"),
        (lambda: gx.maximum(half, 1e-9), gx.PrecisionError, "maximum(half: f16, 1e-09)"),
        (lambda: gx.constant(1e300), gx.PrecisionError, "constant(1e+300)"),
        (lambda: gx.constant([1e300]), gx.PrecisionError, "float32"),
        (lambda: gx.constant(np.array([1e300]), "float16"), gx.PrecisionError, "float16"),
        (lambda: gx.full((2,), 1e39), gx.PrecisionError, "full("),
        (lambda: gx.param("w", (), "float16", init=1e9), gx.PrecisionError, "float16"),
        (lambda: gx.param("w", (2,), init=[1e60, 0.0]), gx.PrecisionError, "float32"),
        (lambda: x * big, gx.DTypeError, "1329 bits"),
        (lambda: x + 2**70000, gx.DTypeError, "70001 bits"),
        (lambda: gx.constant(big), gx.DTypeError, "constant("),
        (lambda: gx.constant(2**40), gx.DTypeError, "int32"),
        (lambda: gx.constant([2**40]), gx.DTypeError, "int32"),
        (lambda: gx.constant(math.nan, "int32"), gx.DTypeError, "nan"),
        (lambda: gx.constant(math.inf, "int64"), gx.DTypeError, "inf"),
        (lambda: gx.constant(0.5, "int8"), gx.DTypeError, "0.5"),
        (lambda: gx.constant(-1, "uint8"), gx.DTypeError, "uint8"),
        (lambda: gx.constant(2, "bool"), gx.DTypeError, "neither True nor False"),
        (lambda: gx.constant(0.5, "bool"), gx.DTypeError, "neither True nor False"),
        (lambda: gx.constant([0.5], "bool"), gx.DTypeError, "bool"),
        (lambda: gx.constant([1j], "float32"), gx.DTypeError, "take its real part"),
        (lambda: signed + 200, gx.DTypeError, "add(signed: i8, 200)"),
        (lambda: byte - 256, gx.DTypeError, "sub(byte: u8, 256)"),
        (lambda: byte + (-1), gx.DTypeError, "add(byte: u8, -1)"),
        (lambda: gx.arange(300, "int8"), gx.DTypeError, "int8"),
        (lambda: gx.arange(3000, "float16"), gx.DTypeError, "float16"),
        (lambda: gx.arange(2**60), gx.ShapeError, "2**48"),
        (lambda: gx.arange((2, 3)), gx.ArgumentError, "no finite number"),
        (lambda: gx.round(x, 10**6), gx.ArgumentError, "decimals=1000000"),
        (lambda: gx.leaky_relu(x, big), gx.ArgumentError, "slope"),
        (lambda: gx.evaluate(single * 1, single=1e300), gx.PrecisionError, "single is 1e+300"),
        (lambda: gx.evaluate(single * 1, single=big), gx.PrecisionError, "float32"),
        (lambda: gx.evaluate(half * 1, half=70000.0), gx.PrecisionError, "float16"),
        (lambda: gx.evaluate(signed * 1, signed=200), gx.DTypeError, "signed is 200"),
        (lambda: gx.evaluate(byte * 1, byte=-1), gx.DTypeError, "byte is -1"),
        (lambda: gx.evaluate(i * 1, i=1.0), gx.DTypeError, "i is declared i32"),
        (lambda: gx.evaluate(i * 1, i=math.nan), gx.DTypeError, "i is declared i32"),
        (lambda: gx.evaluate(flag & True, flag=2), gx.DTypeError, "flag is declared bool"),
        (lambda: gx.compile(signed * 1)(signed=200), gx.DTypeError, "signed is 200"),
        (lambda: gx.compile(byte * 1)(byte=-1), gx.DTypeError, "byte is -1"),
        (lambda: gx.compile(single * 1)(single=1e300), gx.PrecisionError, "single is 1e+300"),
        (lambda: gx.compile(flag & True)(flag=0.5), gx.DTypeError, "flag is declared bool"),
    ],
    "powers": [
        (lambda: x**big, gx.ArgumentError, "1329 bits"),
        (lambda: x ** (2**70), gx.ArgumentError, "71 bits"),
        (lambda: i ** (10**9), gx.DTypeError, "overflows int32"),
        (lambda: i**40, gx.DTypeError, "overflows int32"),
        (lambda: signed**8, gx.DTypeError, "overflows int8"),
        (lambda: i**-1, gx.DTypeError, "negative power"),
        (lambda: flag**2, gx.DTypeError, "flag: bool"),
        (lambda: x ** "2", gx.ArgumentError, "'2'"),
        (lambda: x**None, gx.ArgumentError, "None"),
    ],
    "bool arithmetic": [
        (lambda: flag - flag, gx.DTypeError, "sub(flag: bool, flag: bool)"),
        (lambda: -flag, gx.DTypeError, "neg(flag: bool)"),
        (lambda: abs(flag), gx.DTypeError, "abs(flag: bool)"),
        (lambda: flag // flag, gx.DTypeError, "floor_divide(flag: bool"),
        (lambda: flag % flag, gx.DTypeError, "mod(flag: bool"),
        (lambda: gx.max(flags), gx.DTypeError, "max(flags: bool[3])"),
        (lambda: x & y, gx.DTypeError, "bitwise_and(x: f64, y: f64)"),
        (lambda: x | 1, gx.DTypeError, "bitwise_or(x: f64, 1)"),
        (lambda: flag ^ 1.0, gx.DTypeError, "flag: bool"),
        (lambda: ~x, gx.DTypeError, "bitwise_invert(x: f64)"),
        (lambda: gx.where(i, x, y), gx.DTypeError, "where(i: i32, x: f64, y: f64)"),
    ],
    "arrays": [
        (lambda: v + masked, gx.ArgumentError, "masked array"),
        (lambda: gx.constant(masked), gx.ArgumentError, "filled"),
        (lambda: gx.evaluate(v * 1, v=masked), gx.ArgumentError, "masked"),
        (lambda: v * Frame(), gx.ArgumentError, "array of numbers"),
        (lambda: v * Broken(), gx.ArgumentError, "no such column"),
        (lambda: gx.sin(Broken()), gx.ArgumentError, "<Broken>"),
        (lambda: gx.evaluate(v * 1, v=Frame()), gx.GraphcError, "v"),
        (lambda: gx.sin({1.0, 2.0}), gx.ArgumentError, "{1.0, 2.0}"),
        (lambda: gx.sin({"a": 1.0}), gx.ArgumentError, "'a'"),
        (lambda: gx.sin(n for n in range(3)), gx.ArgumentError, "generator"),
        (lambda: gx.sin(itself), gx.GraphcError, "sin("),
        (lambda: gx.sin(b"abc"), gx.ArgumentError, "b'abc'"),
        (lambda: gx.sin(np.array(["a"])), gx.ArgumentError, "array"),
        (lambda: gx.sin(np.str_("a")), gx.ArgumentError, "'a'"),
        (lambda: gx.sin(np.array(["2020-01-01"], "datetime64[D]")), gx.ArgumentError, "array"),
        (lambda: gx.sin([[1.0], [1.0, 2.0]]), gx.ArgumentError, "rows"),
        (lambda: gx.sin(gx.sin), gx.ArgumentError, "<op sin>"),
        (lambda: gx.sin(gx), gx.ArgumentError, "<module"),
        (lambda: gx.add(x, y=y), gx.ArgumentError, "add(x: f64, y=y: f64)"),
        (lambda: gx.tanh(x, y=v), gx.ArgumentError, "tanh(x: f64, y=v: f64[3])"),
    ],
    "huge shapes": [
        (lambda: gx.input("h", (2**40, 2**40)), gx.ShapeError, "2**48"),
        (lambda: gx.input("h", 10**5000), gx.ShapeError, "bits"),
        (lambda: gx.input("h", (0, 2**60)), gx.ShapeError, "2**48"),
        (lambda: gx.zeros((2**40, 2**10)), gx.ShapeError, "2**48"),
        (lambda: gx.broadcast_to(x, (2**40, 2**40)), gx.ShapeError, "broadcast_to(x: f64"),
        (lambda: tall * long, gx.ShapeError, "mul(tall: f32[1073741824,1], long"),
        (lambda: gx.outer(long, long), gx.ShapeError, "outer(long: f32[1073741824]"),
        (lambda: tall @ tall.T, gx.ShapeError, "matmul(tall"),
        (lambda: gx.einsum("i,j->ij", long, long), gx.ShapeError, "long: f32[1073741824]"),
        (lambda: gx.concat([gx.input("c", 2**47)] * 4), gx.ShapeError, "2**48"),
        (lambda: gx.stack([gx.input("c", 2**47)] * 4), gx.ShapeError, "2**48"),
        (lambda: gx.expand_dims(x, 2**70), gx.AxisError, "expand_dims(x: f64"),
        (lambda: gx.reshape(v, 10**5000), gx.ShapeError, "v: f64[3]"),
        (lambda: gx.sum(v, axis=10**5000), gx.AxisError, "v: f64[3]"),
    ],
    "two inputs of one name": [
        (lambda: gx.grad(gx.sum(twin * x), x), gx.NameClashError, "'x'"),
        (lambda: gx.grad(gx.sum(twin * x), x, unreachable="zero"), gx.NameClashError, "'x'"),
        (lambda: gx.value_and_grad(gx.sum(twin * x), x), gx.NameClashError, "'x'"),
        (lambda: gx.evaluate(twin * x, x=1.0), gx.NameClashError, "input f64[3]"),
        (lambda: gx.evaluate_mpmath(twin * x, x=1.0), gx.NameClashError, "input f64[3]"),
        (lambda: gx.compile(twin * x), gx.NameClashError, "'x'"),
        (lambda: gx.draw(twin * x), gx.NameClashError, "'x'"),
        (lambda: gx.draw({"a": twin, "b": x}), gx.NameClashError, "'x'"),
        (lambda: gx.Graph([twin, x], [twin * x]), gx.NameClashError, "'x'"),
        (lambda: gx.Problem(gx.sum(twin * x), {"x": 1.0}), gx.NameClashError, "'x'"),
        (lambda: gx.evaluate(gx.param("x") * x, x=1.0), gx.NameClashError, "param f32"),
    ],
    "arguments of the wrong kind": [
        (lambda: gx.Graph(), gx.ArgumentError, "Graph"),
        (lambda: gx.Graph(x, [x]), gx.ArgumentError, "inputs=[x, y]"),
        (lambda: gx.Graph([x], x * x), gx.ArgumentError, "outputs"),
        (lambda: gx.Graph([x], [1.0]), gx.ArgumentError, "1.0"),
        (lambda: gx.Graph([x * y], [x]), gx.ArgumentError, "mul(x, y)"),
        (lambda: gx.Graph([x], [x], name=3), gx.ArgumentError, "3"),
        (lambda: gx.Graph(gx.float32, [x]), gx.ArgumentError, "graphc.float32"),
        (lambda: gx.zeros(3, x), gx.DTypeError, "x: f64"),
        (lambda: gx.cast(x, y), gx.DTypeError, "cast(x: f64, y: f64)"),
        (lambda: gx.zeros(np.ones(3)), gx.ShapeError, "zeros("),
        (lambda: gx.sum(A, axis=np.ones(3)), gx.AxisError, "A: f64[3,4]"),
        (lambda: gx.sum(A, axis=True), gx.AxisError, "True"),
        (lambda: gx.transpose(A, 1.5), gx.AxisError, "1.5"),
        (lambda: gx.norm(v, np.ones(2)), gx.ArgumentError, "norm(v: f64[3]"),
        (lambda: gx.promote(), gx.ArgumentError, "nothing"),
        (lambda: gx.promote(None), gx.DTypeError, "promote(None)"),
        (lambda: gx.promote(x, x), gx.DTypeError, "x: f64"),
        (lambda: gx.register(3), gx.ArgumentError, "3"),
        (lambda: gx.grad(x * x, x, engine=["reverse"]), gx.EngineError, "['reverse']"),
        (lambda: gx.jacobian(v * v, v, engine=None), gx.EngineError, "None"),
        (lambda: gx.grad(x * x, x, unreachable=np.ones(2)), gx.ArgumentError, "unreachable"),
        (lambda: gx.compile(x, budget="big"), gx.ArgumentError, "'big'"),
        (lambda: gx.compile(x, jit="yes"), gx.ArgumentError, "'yes'"),
        (lambda: gx.compile(x, derivative=np.ones(2)), gx.ArgumentError, "derivative"),
        (lambda: gx.draw(x, 3), gx.FileError, "3"),
        (lambda: gx.draw(x, values=[1.0]), gx.ArgumentError, "[1.0]"),
        (lambda: gx.draw(x, kind=np.ones(2)), gx.ArgumentError, "kind"),
        (lambda: gx.simplify(x, finite="yes"), gx.ArgumentError, "'yes'"),
        (lambda: gx.simplify(x, fold_constants="maybe"), gx.ArgumentError, "'maybe'"),
        (lambda: gx.explain(), gx.ArgumentError, "explain()"),
        (lambda: gx.explain(itself), gx.GraphcError, "explain("),
        (lambda: gx.to_sympy(None), gx.ArgumentError, "None"),
        (lambda: gx.to_sympy(x, budget="big"), gx.ArgumentError, "'big'"),
        (lambda: gx.from_sympy(x, {}), gx.ArgumentError, "x: f64"),
        (lambda: gx.from_sympy(3, [x]), gx.ArgumentError, "[<x: f64>]"),
        (lambda: gx.from_sympy(3, {"x": 1.0}), gx.ArgumentError, "1.0"),
        (lambda: gx.evaluate_mpmath(x, x=1.0, digits=10**9), gx.BudgetError, "digits"),
        (lambda: gx.evaluate_mpmath(x, x=1.0, digits=big), gx.BudgetError, "bits"),
        (lambda: gx.load_problems("a" * 100_000), gx.FileError, "aaa"),
        (lambda: gx.load_problems("\0"), gx.FileError, "\\x00"),
        (lambda: gx.write_report(3, "out"), gx.ArgumentError, "3"),
        (lambda: gx.write_report((n for n in ()), "out"), gx.ArgumentError, "generator"),
        (lambda: gx.function(a=gx.float32)(int), gx.ArgumentError, "int"),
        (lambda: gx.Problem("a" * 10**6, {}), gx.ArgumentError, "aaa"),
        (lambda: gx.input("a" * 10**6) + v.sum(axis=9), gx.AxisError, "v: f64[3]"),
        (lambda: gx.input("q", (gx.float32,)), gx.ShapeError, "graphc.float32"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), list(flat(CASES)))
def test_harmful_value_is_refused_at_the_callers_line(
    call: Callable[[], Any], kind: type[gx.GraphcError], words: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    check_case(call, kind, words, tmp_path)


def test_dtype_is_no_endless_sequence() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        tuple(gx.float32)  # pyright: ignore[reportArgumentType]


def test_errors_of_the_callers_own_functions_stay_what_they_are() -> None:
    @gx.block
    def recursive(a: gx.Node) -> gx.Node:
        return recursive.__wrapped__(a)  # pyright: ignore[reportFunctionMemberAccess]

    @gx.block
    def ambiguous(a: gx.Node) -> gx.Node:
        assert np.ones(2)
        return a

    with pytest.raises(RecursionError):
        recursive(x)
    with pytest.raises(ValueError, match="ambiguous") as caught:
        ambiguous(x)
    assert not isinstance(caught.value, gx.GraphcError)
