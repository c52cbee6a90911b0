"""Every registered op in every dtype, and with named sizes: what `infer` says is what comes out."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import graphc as gx
from graphc.core.node import Node
from graphc.core.op import Op, all_ops
from tests.every_op_cases import Case, all_cases, cases_of, weights

CASES = all_cases()
PLAIN = [c for c in CASES if c.twin is None]
FLOATS = ("float16", "bfloat16", "float32", "float64")
EXACT = ("bool", "uint8", "int32")

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")


def shape_and_dtype(result: Any) -> tuple[tuple[int, ...], Any]:
    """Returns what an array or JAX's abstract value says of itself."""
    return tuple(result.shape), result.dtype


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", CASES, ids=[c.label for c in CASES])
def test_result_has_the_type_that_infer_promised(
    case: Case, dtype: str, rng: np.random.Generator
) -> None:
    node = case.build(*case.inputs(dtype))
    values = case.values(rng, dtype)
    promised = (node.shape, node.dtype.numpy)
    if case.twin is None:
        assert shape_and_dtype(gx.evaluate(node, values)) == promised
    abstract = jax.eval_shape(gx.compile(node, jit=False).function, values)
    assert shape_and_dtype(abstract) == promised


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
@pytest.mark.parametrize("op", list(all_ops()), ids=lambda op: op.name)
def test_half_precision_is_the_double_result_rounded(
    op: Op, dtype: str, rng: np.random.Generator
) -> None:
    for case in cases_of(op):
        if case.twin is not None:
            continue
        node, wide = case.build(*case.inputs(dtype)), case.build(*case.inputs("float64"))
        values = case.values(rng, dtype)
        half = np.asarray(gx.evaluate(node, values), dtype="float64")
        doubles = {
            k: v.astype("float64") if v.dtype.itemsize == 2 else v for k, v in values.items()
        }
        full = np.asarray(gx.evaluate(wide, doubles), dtype="float64")
        if node.dtype.kind != "f":
            assert np.array_equal(half, full), case.label
            continue
        # A node is rounded once; the few nodes of a case a few times, here to 8 ulp at most.
        room = 8 * node.dtype.epsilon * np.maximum(np.abs(full), 1.0)
        fits = np.abs(full) < (6e4 if dtype == "float16" else 1e38)
        assert np.all(np.abs(half - full)[fits] <= room[fits]), case.label


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("case", PLAIN, ids=[c.label for c in PLAIN])
def test_integers_and_booleans_are_refused_or_come_out_as_inferred(
    case: Case, dtype: str, rng: np.random.Generator
) -> None:
    try:
        node = case.build(*case.inputs(dtype))
    except gx.GraphcError as error:
        assert isinstance(error, (gx.DTypeError, gx.ArgumentError)), error
        return
    values: dict[str, Any] = {}
    for name, value in case.values(rng).items():
        whole = value.dtype.kind in "bi"
        values[name] = value if whole else np.abs(value).round().astype(dtype)
    abstract = jax.eval_shape(gx.compile(node, jit=False).function, values)
    assert shape_and_dtype(abstract) == (node.shape, node.dtype.numpy)
    assert shape_and_dtype(gx.evaluate(node, values)) == (node.shape, node.dtype.numpy)


NAMED = [c for c in CASES if c.named and any(c.shapes)]


@pytest.mark.parametrize("case", NAMED, ids=[c.label for c in NAMED])
def test_named_sizes_give_what_numbers_give(case: Case, rng: np.random.Generator) -> None:
    size = gx.dim("n")
    plain, named = case.inputs(), case.inputs(lead=size)
    values = case.values(rng)
    expected, found = both_results(case, plain), both_results(case, named)
    run = gx.evaluate if case.twin is None else lambda nodes, given: gx.compile(nodes)(given)
    for left, right in zip(run(expected, values), run(found, values), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-14, atol=1e-300)
    assert all(
        node.type.shape == tuple(np.shape(v)) or not node.type.is_static
        for node, v in zip(found, run(found, values), strict=True)
    )


def both_results(case: Case, nodes: list[Node]) -> list[Node]:
    """Returns the case's result and its gradients."""
    made = case.build(*nodes)
    wrt = [nodes[i] for i in case.floats()]
    if not wrt or made.dtype.kind != "f":
        return [made]
    factor = gx.constant(weights((2,))[0], made.dtype)
    return [made, *gx.grad(gx.sum(made * made * factor), wrt, unreachable="zero")]
