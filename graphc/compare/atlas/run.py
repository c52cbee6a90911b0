"""The atlas as one record: which ops were measured, how, with what, and what came out."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import math
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from graphc.compare.atlas.cases import Case, cases_of, why_not
from graphc.compare.atlas.measure import Row, measure
from graphc.compare.atlas.pitfalls import Pitfall, pitfalls
from graphc.compare.atlas.points import FULL, Density
from graphc.compare.atlas.vectors import FORMULAS, vector_cases
from graphc.core.dtype import DType, bfloat16, dtype_of, float32, float64
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
        """Returns plain values, ready for JSON; infinities and NaN as words, which JSON lacks."""
        return _plain(dataclasses.asdict(self))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def atlas(
    names: Sequence[str] = (),
    *,
    dtypes: Sequence[DType] = DTYPES,
    density: Density = FULL,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda words: None,
) -> Atlas:
    """Measures ops in ulp against mpmath: value, first and second derivatives.

    Args:
        names: ops to measure; without, every op and the pitfalls.
        dtypes: in which dtypes.
        density: how many points.
        jobs: how many processes share the work; with more than one, only graphc's own ops are
            there, and the calling program must guard its start by `if __name__ == "__main__"`.
        progress: is told what is being done.

    Raises:
        ArgumentError: there is no op of a name.
        PrecisionError: float64 is asked for and JAX's 64-bit types are off.
    """
    chosen = [op_named(n) for n in names] if names else list(all_ops())
    works = [_Work(op.name, k, d.name, density) for op in chosen for k in _each(op) for d in dtypes]
    measured = _alone(works, progress) if jobs == 1 else _shared(works, jobs, progress)
    found = [(work, row) for work in works for row in measured[work]]
    return Atlas(
        rows=tuple(row for work, row in found if work.op not in FORMULAS),
        vectors=tuple(row for work, row in found if work.op in FORMULAS),
        pitfalls=() if names or float64 not in dtypes else _pitfalls(progress),
        reasons={op.name: why for op in chosen if (why := why_not(op)) and op.name not in FORMULAS},
        versions={p: importlib.metadata.version(p) for p in PACKAGES},
        complete=not names and tuple(dtypes) == DTYPES and density == FULL,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """One case in one dtype, in words that another process understands."""

    op: str
    number: int
    dtype: str
    density: Density

    def case(self) -> Case:
        return _cases(op_named(self.op))[self.number]

    def __str__(self) -> str:
        return f"{self.case().label} in {self.dtype}"


def _cases(op: Op) -> list[Case]:
    return vector_cases((op.name,)) if op.name in FORMULAS else cases_of(op)


def _each(op: Op) -> range:
    return range(len(_cases(op)))


def _run(work: _Work) -> list[Row]:
    return measure(work.case(), dtype_of(work.dtype), work.density)


def _alone(works: Sequence[_Work], progress: Callable[[str], None]) -> dict[_Work, list[Row]]:
    found: dict[_Work, list[Row]] = {}
    for work in works:
        progress(str(work))
        found[work] = _run(work)
    return found


def _shared(
    works: Sequence[_Work], jobs: int, progress: Callable[[str], None]
) -> dict[_Work, list[Row]]:
    import jax

    # Not forked: JAX runs threads. A new process starts from JAX's defaults, so it is told.
    start = multiprocessing.get_context("spawn")
    wide = bool(jax.config.read("jax_enable_x64"))
    found: dict[_Work, list[Row]] = {}
    with ProcessPoolExecutor(jobs, start, initializer=_prepare, initargs=(wide,)) as pool:
        waiting = {pool.submit(_run, work): work for work in works}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            progress(f"{len(found)} of {len(works)}: {waiting[done]}")
    return found


def _prepare(wide: bool) -> None:
    """Sets JAX's 64-bit types in a process of the pool as they are in its parent."""
    import jax

    jax.config.update("jax_enable_x64", wide)


def _pitfalls(progress: Callable[[str], None]) -> tuple[Pitfall, ...]:
    progress("pitfalls")
    return tuple(pitfalls())
