"""Which elements products of arrays take in: by letters, and by the zeros of constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.core.node import Node
from graphc.sparse.pattern import Array, Pattern, collected, move, reduced, spread, union
from graphc.sparse.pattern import sizes as extents

#: Products of a constant with zeros that are still looked at one by one.
_MAX_PRODUCTS = 2**24
#: A constant with more than this share of entries that are not 0 is taken as full.
_FULL = 0.5


def contracted(
    node: Node,
    terms: Sequence[str],
    result: str,
    patterns: Sequence[Pattern],
    constants: Sequence[Array | None],
) -> Pattern:
    """Returns the pattern of a sum of products of operands with these letters.

    Args:
        node: the product.
        terms: the letters of each operand.
        result: those of the result.
        patterns: of the operands.
        constants: the operands' values, where they are known.
    """
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, node.args, strict=True):
        for letter, size in zip(term, extents(operand.shape), strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    found: list[Pattern] = []
    for position, pattern in enumerate(patterns):
        if not pattern:
            continue
        other = constants[1 - position] if len(terms) == 2 else None
        plain = len(set(terms[position])) == len(terms[position]) and all(
            sizes[letter] == size
            for letter, size in zip(terms[position], node.args[position].shape, strict=True)
        )
        made = None
        if other is not None and plain:
            made = _with_constant(
                pattern, terms[position], terms[1 - position], other, result, sizes
            )
        found.append(_full(pattern, terms[position], result, sizes) if made is None else made)
    return union(found, node.shape)


def _full(pattern: Pattern, term: str, result: str, sizes: dict[str, int]) -> Pattern:
    """Returns the pattern where every entry of the other operands counts."""
    while len(set(term)) < len(term):  # a letter twice: its diagonal
        letter = next(c for c in term if term.count(c) > 1)
        first = term.index(letter)
        second = term.index(letter, first + 1)
        pattern = move(pattern, lambda pick, a=first, b=second: np.diagonal(pick, 0, a, b))
        term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
    gone = [a for a, letter in enumerate(term) if letter not in result]
    kept = "".join(letter for letter in term if letter in result)
    have = pattern[0].pick.shape
    shape = tuple(size for a, size in enumerate(have) if a not in gone)
    pattern = reduced(pattern, gone, shape) if gone else pattern
    order = [kept.index(letter) for letter in result if letter in kept]
    line = [shape[kept.index(letter)] if letter in kept else 1 for letter in result]
    pattern = move(pattern, lambda pick: np.transpose(pick, order).reshape(line))
    return spread(pattern, [sizes[letter] for letter in result])


def _with_constant(
    pattern: Pattern, mine: str, theirs: str, constant: Array, result: str, sizes: dict[str, int]
) -> Pattern | None:
    """Returns the pattern by a constant's entries that are not 0; None where that is no gain."""
    if (
        not theirs
        or len(set(theirs)) < len(theirs)
        or constant.shape != tuple(sizes[c] for c in theirs)
    ):
        return None
    there = np.nonzero(constant)
    if len(there[0]) > _FULL * constant.size:
        return None
    free = [letter for letter in mine if letter not in theirs]
    width = int(np.prod([sizes[letter] for letter in free], dtype=np.int64))
    if len(there[0]) * width > _MAX_PRODUCTS:
        return None
    known = {letter: values[:, None] for letter, values in zip(theirs, there, strict=True)}
    grid = np.unravel_index(np.arange(width), [sizes[letter] for letter in free] or (1,))
    if free:
        known.update({letter: values[None, :] for letter, values in zip(free, grid, strict=True)})
    full = (len(there[0]), width)
    source = _flat(known, mine, sizes, full)
    owner = _flat(known, result, sizes, full)
    taken = move(pattern, lambda pick: pick.reshape(-1)[source])
    return collected(taken, owner, [sizes[letter] for letter in result])


def _flat(
    known: dict[str, Array], letters: str, sizes: dict[str, int], shape: tuple[int, int]
) -> Array:
    total = np.zeros((1, 1), np.int64)
    for letter in letters:
        total = total * sizes[letter] + known[letter]
    return np.broadcast_to(total, shape)
