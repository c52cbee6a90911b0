"""Every rule of the table: it fires on its example, and holds as far as its validity says."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.backends.mpmath import evaluate_mpmath
from graphc.core.dtype import dtype_of
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import topological_order
from graphc.simplify.passes import explain, simplify
from graphc.simplify.rule import Rule
from graphc.simplify.rules import ALL_RULES

DTYPES = {"f": ["float32", "float64", "float16"], "i": ["int32", "uint8", "int64"], "b": ["bool"]}
CASES = [
    pytest.param(rule, dtype, named, id=f"{rule.name}-{dtype}{'-named' if named else ''}")
    for rule in ALL_RULES
    for kind in rule.kinds
    for dtype in DTYPES[kind]
    for named in (False, True)
]
#: Rules that leave a number alone: then no operand would be left to tell a named size.
TELLS_NO_SIZE = {
    "integer minus itself", "integer times zero", "zeroth power", "pow of zero", "same operands",
    "opposite operands", "with true", "with false", "never of itself", "times zero",
    "integer compared with itself", "minus itself", "over itself", "zero over",
    "compared with itself",
}  # fmt: skip
STABLE = [rule for rule in ALL_RULES if rule.validity == "stable"]


def grid(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of special values, and some random ones, as two square matrices."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        values = np.array([True, False])
    elif kind.kind in "ui":
        info = np.iinfo(kind)
        values = np.array([0, 1, 2, 3, 100, info.max, info.max - 1, info.min, info.min // 2 + 1])
        values = np.concatenate([values, values[1:4] * -1]) if kind.kind == "i" else values
    else:
        info = np.finfo(kind)
        tiny, top = float(info.smallest_normal), float(info.max)
        values = np.array([
            0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, 1.5, -2.5, 3.0, float(info.eps),
            tiny, -tiny, tiny / 2, -tiny / 4, float(info.smallest_subnormal),
            top, -top, top / 3, np.sqrt(top) * 2, 1 + float(info.eps), 7.25, -12.0,
        ])  # fmt: skip
        random = np.random.default_rng(7).standard_normal(10)
        values = np.concatenate([values, random, np.exp(random * 5)])
    values = values.astype(kind)
    a, b = np.meshgrid(values, values, indexing="ij")
    return np.ascontiguousarray(a), np.ascontiguousarray(b)


def operands(dtype: str, named: bool) -> tuple[Node, Node, dict[str, Any]]:
    a, b = grid(dtype)
    shape: Any = ("rows", "columns") if named else a.shape
    x, y = gx.input("x", shape, dtype), gx.input("y", shape, dtype)
    return x, y, {"x": a, "y": b}


def alone(node: Node, rule: Rule) -> Node | None:
    """What the rule makes of the first node it fires on, put back into the graph."""
    for inner in topological_order([node]):
        if inner.op.name in rule.ops:
            found = rule.apply(inner)
            if found is not None and found is not inner:
                assert found.type == inner.type
                from graphc.core.walk import rebuild

                return rebuild([node], {inner: found})[0]
    return None


def values_of(node: Node, given: dict[str, Any]) -> np.ndarray:
    names = {n.params["name"] for n in topological_order([node]) if n.op.name == "input"}
    return gx.evaluate(node, {k: v for k, v in given.items() if k in names})


def assert_same_bits(before: np.ndarray, after: np.ndarray, where: Any) -> None:
    assert before.dtype == after.dtype and before.shape == after.shape
    if before.dtype.kind == "f":
        nan = np.isnan(before)
        assert (np.isnan(after) == nan).all(), where
        before, after = np.where(nan, 0, before), np.where(nan, 0, after)
    wrong = before.tobytes() != after.tobytes()
    if wrong:
        integer = f"u{before.dtype.itemsize}"
        spots = np.argwhere(before.view(integer) != after.view(integer))[:3]
        raise AssertionError((where, [(before[tuple(s)], after[tuple(s)], s) for s in spots]))


def assert_equal_where_finite(before: np.ndarray, after: np.ndarray) -> None:
    finite = np.isfinite(before)
    assert finite.any() or before.dtype.kind == "b"
    np.testing.assert_array_equal(before[finite], after[finite])


def examples(rule: Rule, x: Node, y: Node) -> list[Node]:
    return list(flatten(rule.example(x, y))[0])


@pytest.mark.parametrize(("rule", "dtype", "named"), CASES)
def test_rule_fires_keeps_the_type_and_holds(rule: Rule, dtype: str, named: bool) -> None:
    x, y, given = operands(dtype, named)
    for node in examples(rule, x, y):
        after = alone(node, rule)
        if after is None and named and rule.name in TELLS_NO_SIZE:
            continue
        assert after is not None, f"{rule.name} does not fire on {node}"
        assert after.type == node.type
        grows = len(topological_order([after])) > len(topological_order([node]))
        assert not grows or rule.validity == "stable" or rule.name == "uniform constant"
        first, second = values_of(node, given), values_of(after, given)
        if rule.validity == "exact":
            assert_same_bits(first, second, (rule.name, node, after))
        elif rule.validity == "finite":
            finite_given = {k: np.where(np.isfinite(v), v, 1) for k, v in given.items()}
            first, second = values_of(node, finite_given), values_of(after, finite_given)
            assert_equal_where_finite(first, second)


@pytest.mark.parametrize(
    "rule", [r for r in ALL_RULES if r.validity == "finite"], ids=lambda r: r.name
)
def test_finite_rule_differs_somewhere_so_it_is_no_exact_one(rule: Rule) -> None:
    x, y, given = operands("float64", False)
    differs = False
    for node in examples(rule, x, y):
        after = alone(node, rule)
        assert after is not None
        differs |= values_of(node, given).tobytes() != values_of(after, given).tobytes()
    assert differs


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda r: r.name)
def test_rule_is_used_by_simplify_only_where_its_validity_was_asked_for(rule: Rule) -> None:
    dtype = DTYPES[rule.kinds[0]][0]
    x, y, _ = operands(dtype, False)
    for node in examples(rule, x, y):
        fired = {f.rule for f in explain(node)}
        assert (rule.name in fired) or rule.validity != "exact" or fired
        for other in ALL_RULES:
            assert other.validity == "exact" or other.name not in fired
        asked = (
            {f.rule for f in explain(node, **{rule.validity: True})}
            if rule.validity != "exact"
            else fired
        )
        assert asked


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "rule", [r for r in ALL_RULES if r.validity == "exact"], ids=lambda r: r.name
)
def test_simplify_of_an_exact_example_keeps_every_bit(rule: Rule, dtype: str) -> None:
    if "f" not in rule.kinds:
        dtype = DTYPES[rule.kinds[0]][0]
    x, y, given = operands(dtype, False)
    for node in examples(rule, x, y):
        assert_same_bits(values_of(node, given), values_of(simplify(node), given), rule.name)


@pytest.mark.parametrize(
    "rule", [r for r in ALL_RULES if r.validity == "exact" and "f" in r.kinds], ids=lambda r: r.name
)
def test_exact_rule_keeps_the_derivative_at_kinks_and_ties_too(rule: Rule) -> None:
    points = np.array([0.0, -0.0, 1.5, -2.5, 3.0, 0.3, -0.3, 1.0, -1.0])
    a, b = np.meshgrid(points, points, indexing="ij")
    given = {"x": np.ascontiguousarray(a), "y": np.ascontiguousarray(b)}
    x, y = gx.input("x", a.shape, "float64"), gx.input("y", a.shape, "float64")
    for node in examples(rule, x, y):
        after = alone(node, rule)
        assert after is not None
        if not node.dtype.is_float:
            continue
        for wrt in (x, y):
            if all(n is not wrt for n in topological_order([after])):
                continue  # what is left does not depend on it
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", gx.NonDifferentiableWarning)
                first = values_of(gx.grad(gx.sum(node), wrt), given)
                second = values_of(gx.grad(gx.sum(after), wrt), given)
            np.testing.assert_allclose(second, first, rtol=1e-14)


def test_a_rule_fires_only_where_an_operand_is_what_it_needs() -> None:
    x, y, _ = operands("float64", False)
    made = [n for r in ALL_RULES if "f" in r.kinds for n in flatten(r.example(x, y))[0]]
    made = [n for n in made if n.type == x.type]
    made += [op(n) for n in made[:40] for op in (gx.abs, gx.cos, gx.negative, gx.square)]
    made += [op(a, b) for a in made[:30] for b in made[:30] for op in (gx.add, gx.multiply)]
    tried = 0
    for node in topological_order(made):
        names = {a.op.name for a in node.args}
        for rule in ALL_RULES:
            if rule.needs and node.op.name in rule.ops and not rule.needs & names:
                tried += 1
                assert rule.apply(node) is None, rule.name
    assert tried > 1000


def test_names_are_unique_and_every_op_is_registered() -> None:
    names = [rule.name for rule in ALL_RULES]
    assert len(set(names)) == len(names)
    known = {op.name for op in gx.core.op.all_ops()}
    assert all(name in known for rule in ALL_RULES for name in rule.ops)


# -- stable forms: error before and after, against 50 digits ---------------------------------------


def at_point(rule: Rule, point: tuple[float, float]) -> list[tuple[Node, Node, dict[str, Any]]]:
    x, y = gx.input("x", (1, 1), "float64"), gx.input("y", (1, 1), "float64")
    values = {"x": np.full((1, 1), point[0]), "y": np.full((1, 1), point[1])}
    found = []
    for node in examples(rule, x, y):
        after = simplify(node, stable=True)
        names = {n.params["name"] for n in topological_order([node]) if n.op.name == "input"}
        found.append((node, after, {k: v for k, v in values.items() if k in names}))
    return found


def worst_error(node: Node, truth: np.ndarray, given: dict[str, Any]) -> float:
    import mpmath

    value = values_of(node, given).reshape(-1)
    errors = []
    for got, true in zip(value, np.asarray(truth, dtype=object).reshape(-1), strict=True):
        if mpmath.isnan(true):
            errors.append(0.0 if np.isfinite(got) else np.inf)  # a kink: any finite slope will do
        elif abs(true) > np.finfo(np.float64).max:
            errors.append(0.0 if np.isinf(got) and (got > 0) == (true > 0) else np.inf)
        elif not np.isfinite(got):
            errors.append(np.inf)
        else:
            errors.append(
                float(abs(mpmath.mpf(float(got)) - true) / max(abs(true), mpmath.mpf("1e-307")))
            )
    return max(errors)


@pytest.mark.parametrize("rule", STABLE, ids=lambda r: r.name)
def test_stable_form_or_its_gradient_has_digits_where_the_form_before_has_none(rule: Rule) -> None:
    assert rule.hard and rule.loses
    gains: dict[int, bool] = {}
    for point in rule.hard:
        for number, (node, after, given) in enumerate(at_point(rule, point)):
            pairs = [(node, after)]
            wrt = [n for n in topological_order([node]) if n.op.name == "input" and n.name in given]
            before_slopes = gx.grad(gx.sum(node), wrt)
            after_slopes = gx.grad(gx.sum(after), wrt, unreachable="zero")
            pairs += list(zip(before_slopes, after_slopes, strict=True))
            for first, second in pairs:
                truth = np.asarray(evaluate_mpmath(first, given, digits=800))
                bad, good = worst_error(first, truth, given), worst_error(second, truth, given)
                assert good < 2e-13, (rule.name, point, second, good, bad)
                gains[number] = gains.get(number, False) or bad > 1e-9
    assert all(gains.values()), (rule.name, gains)


@pytest.mark.parametrize("rule", STABLE, ids=lambda r: r.name)
def test_stable_form_agrees_with_the_form_before_where_that_is_accurate(rule: Rule) -> None:
    for point in itertools.product((0.4, 0.7), (0.3, 0.9)):
        for node, after, given in at_point(rule, point):
            np.testing.assert_allclose(values_of(after, given), values_of(node, given), rtol=1e-13)


def test_dtype_names_of_the_grid_are_graphc_s_own() -> None:
    assert all(dtype_of(name).name == name for names in DTYPES.values() for name in names)
