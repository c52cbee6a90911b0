"""Random numbers: keys, bits, and the usual distributions."""

from graphc.ops.random import bits, choices, draws, dropout, keys

__all__ = ["bits", "choices", "draws", "dropout", "keys"]
