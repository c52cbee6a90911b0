"""Sums, means, traces and diagonals of products, without the product.

sum(A B) is a product of two vectors, the sums of A's columns and of B's rows; trace(A B) is the sum
of A * B', and diag(A B) that of each row. Their derivatives are broadcasts in products, which
become sums in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.node import Node
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import in_bodies
from graphc.optimize.products.chains import Reorder, is_reducing

NAME = "reductions"


def reduced(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with reductions of products taken before the products are."""
    return in_bodies(
        roots, lambda nodes, order: Reorder(nodes, order, context, NAME, is_reducing).run()
    )


REDUCTIONS = Family(
    name=NAME,
    doc="sums, means, traces and diagonals of products are taken without the product",
    valid="sum(A B) = (1' A) (B 1) in exact arithmetic, with the same bound 1' |A| |B| 1 on its "
    "rounding; floating-point of 32 bits and more, where no partial sum overflows",
    apply=reduced,
)
