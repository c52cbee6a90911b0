"""Graph-to-graph passes: identities with their validity, constant folding, stable forms, dead code."""
