"""Random numbers: keys, bits, and the usual distributions."""

from graphc.ops.random import bits, draws, dropout, keys

__all__ = ["bits", "draws", "dropout", "keys"]
