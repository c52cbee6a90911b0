"""The engines: each takes a graph and returns its derivatives as more graph."""
