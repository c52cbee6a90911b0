"""Branches and loops as sub-graph operations."""

from graphc.ops.flow import associative, choice, join, repeat, scan

__all__ = ["associative", "choice", "join", "repeat", "scan"]
