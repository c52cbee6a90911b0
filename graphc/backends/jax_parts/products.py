"""Products of two arrays along several axes, in the form that XLA runs without copying them.

XLA on the CPU brings a product along several axes into its one form by transposing an operand, and
computes what that operand is made of once more for the copy. Axes that lie side by side are one
under a reshape, which costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax


def einsum(subscripts: str, *x: Any) -> Any:
    """Returns the sum of products that the subscripts say, see `jax.numpy.einsum`."""
    if len(x) == 2:
        found = _as_matrices(subscripts, *x)
        if found is not None:
            return found
    # "optimal", JAX's default, tries every order: for ten operands that takes seconds.
    return jnp.einsum(subscripts, *x, optimize="optimal" if len(x) < 6 else "auto")


def _as_matrices(subscripts: str, x: Any, y: Any) -> Any:
    """Returns the product as one of two matrices; None where it is none, or needs no reshape."""
    terms, _, made = subscripts.partition("->")
    left, _, right = terms.partition(",")
    letters = left + right + made
    if not letters.isalpha() or any(len(set(t)) < len(t) for t in (left, right, made)):
        return None
    summed = "".join(a for a in left if a in right)
    kept = [t.replace(summed, "") for t in (left, right)]
    if len(summed) < 2 or summed not in right or sorted(made) != sorted(kept[0] + kept[1]):
        return None
    if made == kept[1] + kept[0]:
        left, right, x, y, kept = right, left, y, x, kept[::-1]
    elif made != kept[0] + kept[1]:
        return None
    flat: list[Any] = []
    axes: list[Sequence[int]] = []
    for term, value in ((left, x), (right, y)):
        at = term.index(summed)
        if 0 < at < len(term) - len(summed):  # what is kept stands on both sides
            return None
        count = math.prod(value.shape[at : at + len(summed)])
        rest = (*value.shape[:at], *value.shape[at + len(summed) :])
        size = math.prod(rest)
        flat.append(value.reshape((count, size) if at == 0 else (size, count)))
        axes.append((0 if at == 0 else 1,))
    made_sizes = dict(zip(left + right, (*x.shape, *y.shape), strict=True))
    product = lax.dot_general(flat[0], flat[1], ((axes[0], axes[1]), ((), ())))
    return product.reshape([made_sizes[a] for a in made])
