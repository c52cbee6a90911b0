"""Products along several axes: NumPy's numbers, and no operand copied where axes lie together."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphc as gx

SIZES = dict(zip("abdekt", (2, 3, 4, 5, 6, 7), strict=True))
TOGETHER = ["btd,btk->dk", "btk,btd->dk", "dbt,btk->dk", "btd,kbt->dk", "dbt,kbt->kd", "abt,bta->",
            "ab,ab->", "btde,btk->dek"]  # fmt: skip
APART = ["btd,tbk->dk", "btd,btd->d", "bdt,bkt->dk", "btd,btk->btdk", "btd,bk->tdk"]


@pytest.mark.parametrize("subscripts", [*TOGETHER, *APART])
def test_compiled_einsum_is_numpys(subscripts: str, rng: np.random.Generator) -> None:
    left, right = subscripts.split("->")[0].split(",")
    shapes = [[SIZES[a] for a in term] for term in (left, right)]
    x, y = (gx.input(n, s, "float64") for n, s in zip("xy", shapes, strict=True))
    values = [rng.normal(size=s) for s in shapes]
    found = gx.compile(gx.einsum(subscripts, x, y), optimize=False)(x=values[0], y=values[1])
    expected = np.einsum(subscripts, *values)
    count = math.prod(SIZES[a] for a in set(left) & set(right))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=count * 4e-15 * 10)


def test_axes_that_lie_together_are_multiplied_without_a_transposed_copy() -> None:
    x, y = gx.input("x", (8, 16, 32)), gx.input("y", (8, 16, 24))
    text = gx.compile(gx.einsum("btd,btk->dk", gx.tanh(x), y), optimize=False).hlo()
    assert " dot(" in text and " transpose(" not in text and " copy(" not in text
