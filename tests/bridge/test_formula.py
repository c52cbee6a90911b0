"""Formulas in a string: what is read, what is refused, and where the caret stands."""

from __future__ import annotations

import math
import random
import sys

import pytest

import graphc as gx
from graphc.backends.numpy import evaluate
from graphc.bridge.formula import parse, read_formula
from graphc.bridge.formula_functions import NOT_CALLED, functions
from graphc.core.naming import describe
from graphc.core.node import apply_named
from graphc.core.op import all_ops

READ = {
    "(x + y) * z": "mul(add(x, y), z)",
    "-x**2": "neg(integer_pow(x))",
    "2**-x": "pow(2.0, neg(x))",
    "-3*x": "mul(-3.0, x)",
    "+x": "x",
    "a - b - c": "sub(sub(a, b), c)",
    "a / b / c": "div(div(a, b), c)",
    "a ** b ** c": "pow(a, pow(b, c))",
    "x % 3": "mod(x, 3.0)",
    "x**0.5": "sqrt(x)",
    "0 < x <= 1": "logical_and(less(0.0, x), less_equal(x, 1.0))",
    "x if x > 0 else -x": "where(greater(x, 0.0), x, neg(x))",
    "1 if not (x > 0 and y < 1 or x == 2) else 0": (
        "where(logical_not(logical_or(logical_and(greater(x, 0.0), less(y, 1.0)), "
        "equal(x, 2.0))), 1.0, 0.0)"
    ),
    "max(x, y, 3)": "maximum(maximum(x, y), 3.0)",
    "ln(x) + arcsin(y)": "add(log(x), asin(y))",
    "pi * e + tau": "add(mul(pi, e), mul(pi, 2.0))",
    "π * x": "mul(pi, x)",
    "1_000.5e-3 * x": "mul(1.0005, x)",
    "x\n + y": "add(x, y)",
    "(x\N{NO-BREAK SPACE}+ y)": "add(x, y)",
    "leaky_relu(x, 0.1)": "leaky_relu(x)",
    "9**9**9": "pow(9.0, integer_pow(9.0))",
    "x**1000000000": "integer_pow(x)",
    "x**(10**9)": "pow(x, integer_pow(10.0))",
}


@pytest.mark.parametrize("text", READ)
def test_formula_becomes_the_graph_that_python_would_compute(text: str):
    assert describe(parse(text), 40) == READ[text]


# text, column of the caret (from 1), how many carets, and a part of what is said.
REFUSED = [
    ("2x", 1, 2, "write 2*x"),
    ("3 + 2 x", 7, 1, "write 2*x"),
    ("x y", 3, 1, "write x*y"),
    ("sin x", 5, 1, "write sin(x)"),
    ("2(x + 1)", 1, 2, "write 2*(...)"),
    ("(x)(y)", 3, 2, "write (...)*(...)"),
    ("x(y + 1) + x", 1, 1, "`x` is no function; write x*(...)"),
    ("2 3", 3, 1, "two numbers"),
    ("x^2", 2, 1, "use **"),
    ("x²", 2, 1, "write **2"),
    ("x₁", 2, 1, "write 1"),
    ("(x + y", 1, 1, "this bracket is not closed; add a `)`"),
    ("x + y)", 6, 1, "closes nothing"),
    ("(x]", 3, 1, "use round brackets"),
    ("x[0]", 2, 1, "use round brackets"),
    ("x +", 4, 1, "ends after `+`"),
    ("* x", 1, 1, "nothing on its left"),
    ("x * * y", 5, 1, "something is missing"),
    ("x = 3", 3, 1, "sets no names"),
    ("x := 3", 4, 1, "sets no names"),
    ("x === y", 5, 1, "sets no names"),
    ("x <> y", 3, 2, "write !="),
    ("x.y", 2, 1, "no attributes"),
    ("x.__class__", 2, 1, "no attributes"),
    ("np.exp(x)", 1, 3, "write exp(x)"),
    ("'a'", 1, 1, "quotes"),
    ("__import__('os')", 12, 1, "quotes"),
    ("f'{x}'", 2, 1, "quotes"),
    ("lambda: 1", 1, 6, "lam or λ"),
    ("x for x in y", 3, 3, "Python's own"),
    ("yield x", 1, 5, "Python's own"),
    ("True", 1, 4, "write a comparison"),
    ("x in y", 3, 2, "compare with =="),
    ("x // y", 3, 2, "floor(a / b)"),
    ("x @ y", 3, 1, "gx.matmul"),
    ("|x|", 1, 1, "abs(x)"),
    ("x!", 2, 1, "no factorial"),
    ("x && y", 3, 2, "write `and`"),
    ("x − y", 3, 1, "not the one on the keyboard"),
    ("x × y", 3, 1, "write *"),
    ("√x", 1, 1, "sqrt(...)"),
    ("x + ¤", 5, 1, "U+00A4 (currency sign)"),
    ("\N{ZERO WIDTH SPACE}x", 1, 1, "U+200B"),
    ("x + 1,5", 6, 1, "with a point: 1.5"),
    ("[1]", 1, 1, "square brackets"),
    ("1 if x > 0", 3, 2, "has no `else`"),
    ("1 if x else 2", 6, 1, "no comparison"),
    ("x + not y", 5, 3, "(not a)"),
    ("sin()", 4, 2, "no operand"),
    ("sin(x, y)", 1, 9, "takes 1 operand, not 2"),
    ("sin(x,)", 7, 1, "nothing on its left"),
    ("sin(*x)", 5, 1, "nothing on its left"),
    ("sin(x=3)", 6, 1, "`=` is not read"),
    ("1 + sen(x)", 5, 3, "did you mean `sin`?"),
    ("Sin(x)", 1, 3, "did you mean `sin`?"),
    ("exp + 1", 1, 3, "write exp(...)"),
    ("gelu(x)", 1, 4, "gelu_erf(x) or gelu_tanh(x)"),
    ("0x10", 1, 3, "decimal only"),
    ("007", 1, 3, "write 7"),
    ("1__0", 1, 4, "between two digits"),
    ("1e999", 1, 5, "too large for float64"),
    ("x + 1e-999", 5, 6, "too small"),
    ("1j", 1, 2, "write 1*j"),
    ("x and y", 1, 7, "not bool"),
    ("x**99999999999999999999", 1, 23, "bits"),
    ("leaky_relu(x, y)", 1, 16, "plain number"),
    # The caret counts characters, where Python's parser counts the bytes of UTF-8.
    ("é*2x", 3, 2, "write 2*x"),
    ("ω0*ω1 + sen(ω0)", 9, 3, "did you mean `sin`?"),
    ("αβγ + sin(α, β)", 7, 9, "takes 1 operand"),
]


@pytest.mark.parametrize("text, column, width, words", REFUSED)
def test_mistake_is_shown_at_its_column(text: str, column: int, width: int, words: str):
    with pytest.raises(gx.FormulaError) as caught:
        parse(text)
    message = str(caught.value)
    first, line, carets = message.split("\n")
    assert words in first
    assert f"formula, column {column} at test_formula.py:" in first
    assert len(line) - 4 == len(text)
    assert carets == " " * (4 + column - 1) + "^" * width


def test_error_of_a_text_of_several_lines_shows_the_line():
    with pytest.raises(gx.FormulaError, match=r"line 2, column 4") as caught:
        parse("x +\n  (2y\n + z)")
    assert str(caught.value).endswith("      (2y\n       ^^")


def test_caret_stands_under_wide_characters():
    with pytest.raises(gx.FormulaError) as caught:
        parse("漢字 + 2x")
    assert str(caught.value).endswith("    漢字 + 2x\n           ^^")


def test_long_line_is_cut_around_the_caret():
    with pytest.raises(gx.FormulaError) as caught:
        parse("+".join(["x"] * 500) + " + 2y + " + "+".join(["x"] * 500))
    _, line, carets = str(caught.value).split("\n")
    assert len(line) < 120
    assert line[carets.index("^") :].startswith("2y")


def test_empty_formula_is_refused():
    for text in ("", "  ", "\n"):
        with pytest.raises(gx.FormulaError, match="the formula is empty"):
            parse(text)
    with pytest.raises(gx.FormulaError, match="not int"):
        parse(3)  # pyright: ignore[reportArgumentType]


def test_names_stand_in_order_of_appearance_and_are_checked():
    formula = read_formula("b if a > c else sin(d)*b")
    assert [n.name for n in formula.inputs] == ["b", "a", "c", "d"]
    assert all(n.type == gx.float64[()] for n in formula.inputs)
    assert read_formula("e*x", names=["e", "x"]).inputs[0].name == "e"
    for text, words in {
        "X": "did you mean `x`?",
        "x*yy": "write y\\*y",
        "sinx": r"write sin\(x\)",
        "foo": "the names are x, y",
    }.items():
        with pytest.raises(gx.FormulaError, match=words):
            parse(text, names=["x", "y"])


def test_dtype_and_shapes_are_those_asked_for():
    formula = read_formula("sum(x**2) / 3", dtype="float32", shapes={"x": 4})
    assert formula.inputs[0].type == gx.float32[4]
    assert formula.output.type == gx.float32[()]
    with pytest.raises(gx.DTypeError, match="is a float"):
        parse("x", dtype="int32")
    with pytest.raises(gx.FormulaError, match="too large for float32"):
        parse("x + 1e39", dtype="float32")


def test_every_elementwise_op_can_be_called():
    known = {o.name for o in all_ops() if o.group == "elementwise" and callable(o.formula)}
    words = {name for name in known if name.startswith("logical_")}  # and, or, not
    assert known - words - NOT_CALLED <= set(functions())


SAFE = ["x", "y", "(x + 2)", "3", "0.25", "sin(x)", "exp(-y)", "(x - y*2)", "abs(y)", "7.5"]


def random_formula(source: random.Random, depth: int) -> str:
    if depth == 0:
        return source.choice(SAFE)
    left, right = random_formula(source, depth - 1), random_formula(source, depth - 1)
    pattern = source.choice(
        ["{} + {}", "{} - {}", "{} * {}", "-{} + {}", "({} - {})", "({}) / (2 + abs({}))",
         "{} if {} > 0.5 else 1", "({})**2 - {}", "-{}**2*{}", "max({}, {})"]
    )  # fmt: skip
    return f"({pattern.format(left, right)})"


@pytest.mark.parametrize("seed", range(60))
def test_random_formula_has_the_value_that_python_gives_it(seed: int):
    source = random.Random(seed)
    text = random_formula(source, source.randrange(1, 5))
    values = {"x": source.uniform(-2, 2), "y": source.uniform(-2, 2)}
    known = {"sin": math.sin, "exp": math.exp, "abs": abs, "max": max, **values}
    expected = eval(text, {"__builtins__": {}}, known)
    formula = read_formula(text)
    given = {n.name: values[n.name or ""] for n in formula.inputs}
    assert float(evaluate(formula.output, given)) == pytest.approx(expected, rel=1e-14, abs=1e-14)


def test_long_sums_and_products_are_read_from_left_to_right():
    x = gx.input("x", (), "float64")
    for symbol, name in {"+": "add", "-": "sub", "*": "mul", "/": "div"}.items():
        expected = x
        for _ in range(9_999):
            expected = apply_named(name, expected, x)
        assert parse(symbol.join(["x"] * 10_000)) is expected
    mixed = " - ".join(f"{i}*x/y" for i in range(2_000))
    y = gx.input("y", (), "float64")
    expected = 0.0 * x / y
    for i in range(1, 2_000):
        expected = expected - float(i) * x / y
    assert parse(f"(({mixed}))") is expected


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1000 + "x" + ")" * 1000,
        "-" * 50_000 + "x",
        "**".join(["x"] * 30_000),
        "1 if x > 0 else " * 5_000 + "x",
        "x < " * 20_000 + "x",
        "sin(" * 20_000 + "x",
        "not " * 20_000 + "x",
        "9" * 5_000,
        "x" * 200_000,
        "sin(-(1 if x < 0 and not x > 1 else 2**-" * 49 + "x" + "))" * 49,
        "(" * 50_000,
    ],
)
def test_deep_or_long_text_is_an_error_or_a_graph_and_never_a_crash(text: str):
    try:
        parse(text)
    except (gx.FormulaError, gx.BudgetError) as error:
        assert len(str(error)) < 500


def test_depth_does_not_depend_on_the_callers_stack():
    deepest = "(" * 100 + "-" * 400 + "x" + ")" * 100

    def deeper(levels: int) -> str:
        return describe(parse(deepest), 1) if levels == 0 else deeper(levels - 1)

    assert deeper(0) == deeper(sys.getrecursionlimit() // 2)
