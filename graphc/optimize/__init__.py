"""A better program from the same graph: rewrites chosen by cost, before XLA sees any of it."""
