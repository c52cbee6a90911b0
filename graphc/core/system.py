"""The systems whose side a derivative can take at kinks, ties and edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from graphc.core.errors import ArgumentError


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A system that differentiates programs.

    What it does at an op's kinks and edges stands in the op's record, under the system's name.

    Attributes:
        name: what is written in `match=`.
        title: name and version of what was measured.
        dead_branches_vanish: True where the branch of `where` that was not taken counts nothing;
            False where its zero is multiplied like any number, so that 0 times infinity is NaN.
    """

    name: str
    title: str
    dead_branches_vanish: bool


#: By name; measured on the CPU in float64.
SYSTEMS: Mapping[str, System] = MappingProxyType(
    {
        name: System(name=name, title=title, dead_branches_vanish=vanish)
        for name, title, vanish in (
            ("graphc", "graphc", True),
            ("jax", "JAX 0.10.2", False),
            ("torch", "PyTorch 2.13.0", False),
            ("pytensor", "PyTensor 3.0.7", True),
            ("casadi", "CasADi 3.8.2", True),
            ("sympy", "SymPy 1.14", True),
        )
    }
)
GRAPHC = SYSTEMS["graphc"]
#: All but graphc.
PEERS = tuple(name for name in SYSTEMS if name != GRAPHC.name)


def system_named(name: object) -> System:
    """Returns the system of that name.

    Raises:
        ArgumentError: nothing is known of it.
    """
    if not isinstance(name, str) or name not in SYSTEMS:
        raise ArgumentError(
            f"there is no system match={name!r}", f"use one of {', '.join(SYSTEMS)}"
        )
    return SYSTEMS[name]
