"""The graph itself: types, errors, the op record, nodes and the only traversal loops."""
