"""Graph-to-graph passes: identities with their validity, folding, stable forms, dead code."""
