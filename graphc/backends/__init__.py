"""Evaluators of one and the same graph: NumPy, JAX/XLA and mpmath; a namespace and a fold each."""
