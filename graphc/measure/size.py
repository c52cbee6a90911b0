"""Sizes of written-out expressions: integers that may pass 2**20000, then their logarithm."""

from __future__ import annotations

import math

#: A count of nodes: exact as an int; from 2**EXACT_BITS on, its base-2 logarithm as a float.
Count = int | float

#: A chain of a million doublings has a size of a million bits; adding such integers a million times
#: would take hours, so past this many bits a size is a logarithm.
EXACT_BITS = 20_000
_LIMIT = 1 << EXACT_BITS


def add(left: Count, right: Count) -> Count:
    """Returns left + right."""
    if isinstance(left, int) and isinstance(right, int):
        total = left + right
        return total if total < _LIMIT else math.log2(total)
    high, low = log2(left), log2(right)
    if high < low:
        high, low = low, high
    return high if low == -math.inf else high + math.log2(1 + 2.0 ** max(low - high, -1000.0))


def multiply(left: Count, right: Count) -> Count:
    """Returns left * right."""
    if isinstance(left, int) and isinstance(right, int):
        total = left * right
        return total if total < _LIMIT else math.log2(total)
    # An exact 0 or 1 stays what it is whatever the other factor.
    for one, other in ((left, right), (right, left)):
        if isinstance(one, int) and one in (0, 1):
            return other if one else 0
    return log2(left) + log2(right)


def log2(count: Count) -> float:
    """Returns the base-2 logarithm; -inf for 0."""
    if isinstance(count, int):
        return math.log2(count) if count else -math.inf
    return count


def show(count: Count) -> str:
    """Returns `1,234,567`, from 1e15 on `2**53.2`."""
    if isinstance(count, int) and count < 10**15:
        return f"{count:,}"
    return f"2**{log2(count):.1f}"
