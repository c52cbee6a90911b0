from __future__ import annotations

import math

import numpy as np
import pytest

import graphc as gx
from examples import boolean_functions


@pytest.fixture(scope="module")
def result() -> boolean_functions.Result:
    return boolean_functions.compute()


def test_every_function_of_three_inputs_comes_out_right(
    result: boolean_functions.Result,
) -> None:
    assert result.wrong == 0


def test_a_function_needs_as_many_neurons_as_rows_where_it_is_true(
    result: boolean_functions.Result,
) -> None:
    assert result.by_form == [math.comb(8, n) for n in range(9)]
    assert sum(result.by_choice) == 256 and not any(result.by_choice[5:])


def test_parity_is_right_on_each_row() -> None:
    parity = [int(row.sum()) % 2 for row in boolean_functions.ROWS]
    x = gx.input("x", ("rows", 3))
    found = gx.evaluate(boolean_functions.network(parity, x), x=boolean_functions.ROWS)
    assert np.array_equal(found, parity)


def test_picture_is_drawn(result: boolean_functions.Result) -> None:
    assert len(boolean_functions.picture(result).axes) == 2
