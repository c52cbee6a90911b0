"""Random numbers: keys, bits, and the usual distributions."""

from graphc.ops.random import bits, choices, draws, dropout, gammas, keys

__all__ = ["bits", "choices", "draws", "dropout", "gammas", "keys"]
