"""Counts that pass 2**20000."""

from __future__ import annotations

import math

from graphc.measure.size import EXACT_BITS, add, log2, multiply, show


def test_counts_beyond_the_limit_add_and_multiply_as_logarithms() -> None:
    big = 2 ** (EXACT_BITS - 1)
    assert add(big, big) == EXACT_BITS
    assert add(add(big, big), 1) == EXACT_BITS
    assert multiply(big, 8) == EXACT_BITS + 2
    assert multiply(0, 1e6) == 0 and multiply(1e6, 1) == 1e6
    assert add(3, 4) == 7 and isinstance(add(3, 4), int)


def test_counts_are_shown_in_digits_or_as_a_power() -> None:
    assert show(1_234_567) == "1,234,567"
    assert show(2**60) == "2**60.0" and show(25_000.0) == "2**25000.0"
    assert log2(0) == -math.inf
