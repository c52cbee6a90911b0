"""Branches and loops as sub-graph operations."""

from graphc.ops.flow import choice, scan

__all__ = ["choice", "scan"]
