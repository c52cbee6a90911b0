"""Sparse Jacobians and Hessians: where they can differ from 0, coloured passes, bands."""
