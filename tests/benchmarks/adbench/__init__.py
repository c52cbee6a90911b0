"""The objectives of ADBench (Srajer, Kukelova, Fitzgibbon 2018), in graphc and in JAX by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One objective at one size.

    Attributes:
        name: what the table says.
        objective: graphc's outputs, and the list of its inputs, for `gx.compile`.
        derivative: graphc's derivative (gradient or Jacobian), a node or nest.
        inputs: the input nodes, in the order of `values`.
        by_hand: the objective in JAX, a function of the values.
        derivatives_by_hand: ways in which a JAX user writes the derivative, by name.
        values: arrays from a seeded generator.
    """

    name: str
    objective: Any
    derivative: Any
    inputs: Sequence[Any]
    by_hand: Callable[..., Any]
    derivatives_by_hand: Mapping[str, Callable[..., Any]]
    values: Sequence[Any]
