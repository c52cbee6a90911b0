"""The structure against dense derivatives at random points: it holds every entry that is not 0."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphc as gx
from tests.benchmarks.process import run_python
from tests.sparse.graphs import SIZE, STEPS, arrow, graph_of, rosenbrock, tridiagonal

chains = st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=3)


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Dense derivatives warn, which is another test's matter."""
    warnings.simplefilter("ignore", gx.DenseWarning)


def jacobian_at(output: Any, x: Any, seed: int) -> np.ndarray:
    """Returns the dense Jacobian at a point without zeros."""
    values = np.random.default_rng(seed).normal(size=x.shape) * 1.3
    found = gx.evaluate(gx.jacobian(output, x), x=values)
    return np.asarray(found).reshape(-1, x.size)


@given(chains, st.integers(0, 1000))
def test_the_structure_holds_every_entry_of_the_jacobian(names: list[str], seed: int) -> None:
    x, output = graph_of(names)
    there = gx.sparsity(output, x).dense()
    assert not np.any(jacobian_at(output, x, seed)[~there])


@given(chains, st.integers(0, 1000))
def test_the_gradients_structure_holds_every_entry_of_the_hessian(
    names: list[str], seed: int
) -> None:
    x, output = graph_of(names)
    gradient = gx.grad(gx.sum(output * output * 0.5), x, unreachable="zero")
    there = gx.sparsity(gradient, x).dense()
    assert not np.any(jacobian_at(gradient, x, seed)[~there])


#: Steps whose structure is known to the entry: what is not 0 at a point is all there is.
EXACT = sorted(
    set(STEPS)
    - {"choice", "largest of three", "sorted", "running in a scan", "inverse", "at a moving place"}
)


@pytest.mark.parametrize("name", EXACT)
def test_the_structure_of_one_step_is_exact(name: str) -> None:
    x, output = graph_of([name])
    np.testing.assert_array_equal(gx.sparsity(output, x).dense(), jacobian_at(output, x, 3) != 0)


def test_what_is_taken_to_need_everything_says_why() -> None:
    x, output = graph_of(["running in a scan"])
    assert gx.sparsity(output, x).reasons == (
        "scan is taken to need every element of its operands",
    )
    x, output = graph_of(["at a moving place"])
    assert "known only when it runs" in gx.sparsity(output, x).reasons[0]
    assert gx.sparsity(tridiagonal(5)[1], tridiagonal(5)[0]).reasons == ()


def test_an_index_worked_out_from_constants_is_followed() -> None:
    x = gx.input("x", (SIZE,), gx.float64)
    found = gx.sparsity(gx.take(x, (gx.arange(SIZE) + 1) % SIZE), x)
    assert found.reasons == ()
    assert found.columns.tolist() == [*range(1, SIZE), 0]


def test_a_linear_part_of_a_loss_has_no_second_derivative() -> None:
    x = gx.input("x", (4,), gx.float64)
    gradient = gx.grad(gx.sum(x * 3) + x[0] * x[1] + x[2] ** 2, x)
    found = gx.sparsity(gradient, x)
    pairs = sorted(zip(found.rows.tolist(), found.columns.tolist(), strict=True))
    assert pairs == [(0, 1), (1, 0), (2, 2)]


def test_a_step_has_no_entries_and_no_warning() -> None:
    x = gx.input("x", (4,), gx.float64)
    assert gx.sparsity(gx.floor(x) + gx.sign(x), x).nnz == 0
    assert gx.sparsity(gx.cast(gx.cast(x, "int32"), "float64"), x).nnz == 0


def test_a_node_on_the_way_is_an_input_too() -> None:
    x = gx.input("x", (5,), gx.float64)
    middle = x * x
    assert gx.sparsity(gx.roll(middle, 1), middle).nnz == 5


def test_structure_tells_shape_bandwidths_and_density() -> None:
    x, output = tridiagonal(10)
    found = gx.sparsity(output, x)
    assert found.shape == (10, 10) and found.nnz == 28 and found.bandwidths == (1, 1)
    assert found.density == 0.28
    assert found.csr().shape == (10, 10) and found.csr().nnz == 28
    with pytest.raises(ValueError, match="read-only"):
        found.rows[0] = 3


def test_a_long_chain_takes_no_recursion() -> None:
    x = gx.input("x", (3,), gx.float64)
    made = x
    for number in range(3000):
        made = made * 0.5 + gx.roll(x, number % 2)
    assert gx.sparsity(made, x).nnz == 6


def test_two_dimensional_inputs_count_their_elements_row_by_row() -> None:
    x = gx.input("x", (2, 3), gx.float64)
    found = gx.sparsity(gx.transpose(x), x)
    assert found.shape == (6, 6)
    assert found.columns.tolist() == [0, 3, 1, 4, 2, 5]


def test_empty_arrays_have_an_empty_structure() -> None:
    x = gx.input("x", (0,), gx.float64)
    assert gx.sparsity(x * x, x).shape == (0, 0)
    y = gx.input("y", (3,), gx.float64)
    assert gx.sparsity(y[:0], y).shape == (0, 3)


BUILD = """
import json, sys
import graphc as gx
from tests.sparse import graphs
kind, size, call, mode = sys.argv[1:]
x, output = getattr(graphs, kind)(int(size))
made = getattr(gx, call)(output, x, mode=mode or None)
print(json.dumps([made.nnz, made.colours.count, peak_bytes()]))
"""


@pytest.mark.parametrize(
    ("kind", "call", "mode"),
    [
        ("tridiagonal", "sparse_jacobian", ""),
        ("tridiagonal", "sparse_jacobian", "jvp"),
        ("rosenbrock", "sparse_hessian", "hvp"),
    ],
)
def test_memory_is_linear_in_the_entries(kind: str, call: str, mode: str) -> None:
    small = run_python(BUILD, kind, "100", call, mode)[2]
    nnz, count, large = run_python(BUILD, kind, "100000", call, mode)
    assert (nnz, count) == (299_998, 3)
    # A dense one would be 80 GB; some index arrays of 8 bytes for each entry are alive at a time.
    assert nnz * 8 < large - small < 40 * 8 * nnz


def test_an_arrow_takes_a_table_linear_in_its_entries() -> None:
    x, output = arrow(20_000)
    assert gx.sparsity(output, x).nnz == 3 * 20_000 - 2


def test_rosenbrocks_hessian_is_tridiagonal() -> None:
    x, loss = rosenbrock(50)
    found = gx.sparsity(gx.grad(loss, x), x)
    assert found.nnz == 148 and found.bandwidths == (1, 1)
