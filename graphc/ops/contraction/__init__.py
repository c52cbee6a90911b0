"""Products that sum over axes: matmul, einsum, and what is said by them."""

from graphc.ops.contraction import matrices, products, sums
from graphc.ops.contraction.einsums import einsum
from graphc.ops.contraction.matrices import matmul

__all__ = ["einsum", "matmul", "matrices", "products", "sums"]
