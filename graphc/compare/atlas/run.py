"""The atlas as one record: which ops were measured, how, with what, and what came out."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.compare.atlas.cases import Case, cases_of, why_not
from graphc.compare.atlas.measure import Row, measure
from graphc.compare.atlas.pitfalls import Pitfall, pitfalls
from graphc.compare.atlas.points import FULL, Density
from graphc.compare.atlas.vectors import FORMULAS, vector_cases
from graphc.core.dtype import DType, bfloat16, float32, float64
from graphc.core.op import Op, all_ops, op_named

DTYPES = (float64, float32, bfloat16)

#: What decides the figures beside graphc itself.
PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "mpmath")


@dataclass(frozen=True, slots=True)
class Atlas:
    """What was measured.

    Attributes:
        rows: elementwise ops, a row for each case, dtype and order.
        vectors: reductions and contractions, likewise.
        pitfalls: named derivatives at named points.
        reasons: by op, why it has no row.
        versions: the packages' versions.
        complete: all ops and dtypes were measured at full density.
    """

    rows: tuple[Row, ...]
    vectors: tuple[Row, ...]
    pitfalls: tuple[Pitfall, ...]
    reasons: dict[str, str]
    versions: dict[str, str]
    complete: bool

    def as_dict(self) -> dict[str, Any]:
        """Returns plain values, ready for JSON."""
        return dataclasses.asdict(self)


def atlas(
    names: Sequence[str] = (),
    *,
    dtypes: Sequence[DType] = DTYPES,
    density: Density = FULL,
    progress: Callable[[str], None] = lambda words: None,
) -> Atlas:
    """Measures ops in ulp against mpmath: value, first and second derivatives.

    Args:
        names: ops to measure; without, every op and the pitfalls.
        dtypes: in which dtypes.
        density: how many points.
        progress: is told what is being done.

    Raises:
        ArgumentError: there is no op of a name.
        PrecisionError: float64 is asked for and JAX's 64-bit types are off.
    """
    chosen = [op_named(n) for n in names] if names else list(all_ops())
    return Atlas(
        rows=_rows([c for op in chosen for c in cases_of(op)], dtypes, density, progress),
        vectors=_rows(_vectors(chosen), dtypes, density, progress),
        pitfalls=() if names or float64 not in dtypes else _pitfalls(progress),
        reasons={op.name: why for op in chosen if (why := why_not(op)) and op.name not in FORMULAS},
        versions={p: importlib.metadata.version(p) for p in PACKAGES},
        complete=not names and tuple(dtypes) == DTYPES and density == FULL,
    )


def _vectors(chosen: Iterable[Op]) -> list[Case]:
    return [c for op in chosen if op.name in FORMULAS for c in vector_cases((op.name,))]


def _rows(
    cases: Sequence[Case],
    dtypes: Sequence[DType],
    density: Density,
    progress: Callable[[str], None],
) -> tuple[Row, ...]:
    found: list[Row] = []
    for case in cases:
        for dtype in dtypes:
            progress(f"{case.label} in {dtype.name}")
            found += measure(case, dtype, density)
    return tuple(found)


def _pitfalls(progress: Callable[[str], None]) -> tuple[Pitfall, ...]:
    progress("pitfalls")
    return tuple(pitfalls())
