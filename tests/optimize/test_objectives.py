"""The objectives of the public AD benchmark, rewritten and compiled, against JAX by hand."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import graphc as gx
from tests.benchmarks.adbench import bundle, hand, lstm, mixture


@pytest.mark.parametrize(
    ("make", "sizes", "families"),
    [
        (mixture.case, (3, 4, 200), {"split sums"}),
        (bundle.case, (3, 10, 20), set()),
        (hand.case, (40,), {"reductions"}),
        (lstm.case, (12,), {"after the loop"}),
    ],
    ids=["mixture", "bundle", "hand", "lstm"],
)
def test_value_and_derivative_are_those_of_jax(
    make: Any, sizes: tuple[int, ...], families: set[str]
) -> None:
    case = make(*sizes)
    derivative = gx.compile(case.derivative, list(case.inputs))
    found = derivative(*case.values)
    by_hand = next(iter(case.derivatives_by_hand.values()))
    wanted = jax.jit(by_hand)(*case.values)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        room = 1e-10 * float(np.max(np.abs(other)))
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=room)
    value = gx.compile(case.objective, list(case.inputs))(*case.values)
    np.testing.assert_allclose(value, case.by_hand(*case.values), rtol=1e-10, atol=1e-10)
    taken = {choice.family for choice in derivative.plan().choices if choice.taken}
    assert families <= taken
