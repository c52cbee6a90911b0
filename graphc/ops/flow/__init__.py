"""Branches and loops as sub-graph operations."""

from graphc.ops.flow import (
    associative,
    choice,
    custom,
    implicit,
    join,
    levelled,
    remat,
    repeat,
    scan,
)

__all__ = [
    "associative",
    "choice",
    "custom",
    "implicit",
    "join",
    "levelled",
    "remat",
    "repeat",
    "scan",
]
