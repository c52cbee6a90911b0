"""Colours checked by their definition alone, on random and on known matrices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.sparse.both import colour_both
from graphc.sparse.colouring import colour_columns
from graphc.sparse.star import colour_symmetric, readings

shapes = st.tuples(st.integers(1, 14), st.integers(1, 14))


def entries_of(dense: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows and columns of what is not 0."""
    rows, columns = np.nonzero(dense)
    return rows.astype(np.int64), columns.astype(np.int64)


def random_matrix(seed: int, shape: tuple[int, int], share: float) -> np.ndarray:
    """Returns a random boolean matrix."""
    return np.random.default_rng(seed).random(shape) < share


def is_valid_for_columns(dense: np.ndarray, colours: np.ndarray) -> bool:
    """Tells, pair by pair, whether columns of one colour share no row."""
    pairs = itertools.combinations(range(dense.shape[1]), 2)
    return all(colours[a] != colours[b] or not (dense[:, a] & dense[:, b]).any() for a, b in pairs)


def is_star(dense: np.ndarray, colours: np.ndarray) -> bool:
    """Tells whether no neighbours and no path of four have one and two colours."""
    size = len(dense)
    near = [[j for j in range(size) if j != i and dense[i, j]] for i in range(size)]
    for a in range(size):
        for b in near[a]:
            if colours[a] == colours[b]:
                return False
            for c in near[b]:
                for d in near[c]:
                    path = {a, b, c, d}
                    if len(path) == 4 and colours[a] == colours[c] and colours[b] == colours[d]:
                        return False
    return True


@given(st.integers(0, 10**6), shapes, st.sampled_from([0.05, 0.2, 0.5, 0.9]))
def test_columns_of_one_colour_share_no_row(
    seed: int, shape: tuple[int, int], share: float
) -> None:
    dense = random_matrix(seed, shape, share)
    found = colour_columns(*entries_of(dense), shape)
    assert len(found.of) == shape[1]
    assert found.of.max(initial=0) < max(found.count, 1)
    assert is_valid_for_columns(dense, found.of)
    if found.period:
        np.testing.assert_array_equal(found.of, np.arange(shape[1]) % found.period)


@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([0.05, 0.15, 0.4, 0.8]))
def test_a_symmetric_colouring_lets_every_entry_be_read(seed: int, size: int, share: float) -> None:
    dense = random_matrix(seed, (size, size), share)
    dense = dense | dense.T
    rows, columns = entries_of(dense)
    found = colour_symmetric(rows, columns, size)
    hessian = np.where(dense, np.random.default_rng(seed).normal(size=(size, size)), 0)
    hessian = hessian + hessian.T
    products = hessian @ (found.of[:, None] == np.arange(max(found.count, 1)))
    product, place = readings(rows, columns, found.of, found.count)
    np.testing.assert_array_equal(products[place, product], hessian[rows, columns])
    if found.order.startswith("star"):
        assert is_star(dense, found.of)


def test_a_star_colouring_is_found_where_it_is_smaller() -> None:
    size = 40
    dense = np.eye(size, dtype=bool)
    dense[0] = dense[:, 0] = True
    found = colour_symmetric(*entries_of(dense), size)
    assert found.count == 2 and found.order.startswith("star")
    assert is_star(dense, found.of)


@pytest.mark.parametrize("half", [1, 2, 5])
def test_a_band_takes_as_many_colours_as_its_rows_have_entries(half: int) -> None:
    size = 200
    dense = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) <= half
    found = colour_columns(*entries_of(dense), (size, size))
    assert found.count == 2 * half + 1 and found.period == found.count
    assert colour_symmetric(*entries_of(dense), size).count <= 2 * half + 1


def test_a_readings_colouring_that_is_none_is_refused() -> None:
    dense = np.ones((3, 3), bool)
    with pytest.raises(ValueError, match="none"):
        readings(*entries_of(dense), np.zeros(3, np.int64), 1)


@given(st.integers(0, 10**6), shapes, st.sampled_from([0.05, 0.2, 0.5]))
def test_both_directions_together_give_every_entry(
    seed: int, shape: tuple[int, int], share: float
) -> None:
    dense = random_matrix(seed, shape, share)
    dense[0] = True
    rows, columns = entries_of(dense)
    found = colour_both(rows, columns, shape)
    if found is None:
        return
    values = np.where(dense, np.random.default_rng(seed).normal(size=shape), 0)
    ahead = values @ (found.columns.of[:, None] == np.arange(found.columns.count))
    back = (found.rows.of[:, None] == np.arange(found.rows.count)).T @ values
    for row, column, forward in zip(rows, columns, found.forward, strict=True):
        if forward:
            assert ahead[row, found.columns.of[column]] == values[row, column]
        else:
            assert back[found.rows.of[row], column] == values[row, column]


def test_an_arrow_takes_three_passes_in_both_directions_and_n_in_one() -> None:
    size = 50
    dense = np.eye(size, dtype=bool)
    dense[0] = dense[:, 0] = True
    rows, columns = entries_of(dense)
    assert colour_columns(rows, columns, (size, size)).count == size
    found = colour_both(rows, columns, (size, size))
    assert found is not None and found.count == 3


def test_no_entries_take_no_colours_worth_the_name() -> None:
    none = np.zeros(0, np.int64)
    assert colour_columns(none, none, (3, 4)).count == 1
    assert colour_both(none, none, (3, 4)) is None


def test_a_grid_takes_few_more_colours_than_its_stencil_has_points() -> None:
    side = 30
    numbers = np.arange(side * side).reshape(side, side)
    pairs = [(numbers, numbers)]
    for one, other in ((numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])):
        pairs += [(one, other), (other, one)]
    rows = np.concatenate([a.ravel() for a, _ in pairs])
    columns = np.concatenate([b.ravel() for _, b in pairs])
    assert colour_columns(rows, columns, (side**2, side**2)).count <= 9
    assert colour_symmetric(rows, columns, side**2).count <= 9
