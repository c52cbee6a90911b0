"""Random numbers as graph values: keys in, numbers out, the same as those of `jax.random`.

A key is a value of type `u32[2]`. There is no hidden state: a key gives the same numbers wherever
and however often it is used, so take each key once and `split` it, or `fold_in` a step's number or
a layer's name. Bits, uniform numbers, booleans and permutations equal JAX's to the last bit (its
default generator `threefry2x32`, with `jax_threefry_partitionable` on), in NumPy and under XLA.
"""

from __future__ import annotations

from graphc.ops.random.choices import categorical, choice, permutation
from graphc.ops.random.draws import (
    bernoulli,
    bits,
    exponential,
    gumbel,
    laplace,
    normal,
    randint,
    truncated_normal,
    uniform,
)
from graphc.ops.random.gammas import beta, chisquare, dirichlet, gamma, loggamma
from graphc.ops.random.keys import fold_in, key, split

__all__ = [
    "bernoulli",
    "beta",
    "bits",
    "categorical",
    "chisquare",
    "choice",
    "dirichlet",
    "exponential",
    "fold_in",
    "gamma",
    "gumbel",
    "key",
    "laplace",
    "loggamma",
    "normal",
    "permutation",
    "randint",
    "split",
    "truncated_normal",
    "uniform",
]
