"""Peak memory of each engine: its compiled gradient, run in a process of its own."""

from __future__ import annotations

import base64
import contextlib
import importlib
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from graphc.bridge.load import graph_from_text
from graphc.bridge.save import graph_text
from graphc.compare.problem import Problem
from graphc.core.dtype import dtype_of
from graphc.core.errors import GraphcError
from graphc.core.node import Node
from graphc.measure.memory import MemoryJobError, Meter, Peak

#: Seconds one engine may take.
_LIMIT = 120.0


@contextlib.contextmanager
def memory_meter() -> Generator[Meter | None]:
    """Starts a process that loads what the work needs, while something else is done here.

    Yields:
        The process; None where none could be started: that must not fail a comparison.
    """
    try:
        meter = Meter("graphc.compare.memory_job:run")
    except MemoryJobError:
        yield None
        return
    with meter:
        yield meter


@contextlib.contextmanager
def memory_beside(
    problem: Problem, engines: Mapping[str, Sequence[Node]], meter: Meter | None
) -> Generator[Callable[[], dict[str, int | None]]]:
    """Measures each engine's memory while the block runs, in which nothing should be timed.

    Args:
        problem: whose values are used.
        engines: for each engine its gradient graphs.
        meter: the process, where there is one already.

    Yields:
        What waits for the figures and returns them: for each engine the bytes that compiling and
        running took, None where that failed.
    """
    started = memory_meter() if meter is None else contextlib.nullcontext(meter)
    with ThreadPoolExecutor(1) as pool, started as used:
        if used is None:
            yield dict
            return
        try:
            yield pool.submit(_peaks, problem, engines, used).result
        except BaseException:
            used.close()  # or the thread would be waited for
            raise


def _peaks(
    problem: Problem, engines: Mapping[str, Sequence[Node]], meter: Meter
) -> dict[str, int | None]:
    payloads = [_payload(problem, graphs) for graphs in engines.values()]
    try:
        found = meter.measure(payloads, timeout=_LIMIT)
    except GraphcError:
        return {}
    peaks = [f.work if isinstance(f, Peak) else None for f in found]
    return dict(zip(engines, peaks, strict=True))


def _payload(problem: Problem, graphs: Sequence[Node]) -> dict[str, Any]:
    inputs = list(problem.inputs)
    text, arrays = graph_text([*graphs, *inputs])
    return {
        "graph": text,
        "arrays": base64.b64encode(arrays).decode("ascii"),
        "inputs": len(inputs),
        "values": [_encode(problem.values[n]) for n in inputs],
        "x64": _wants_x64(),
    }


def _encode(array: np.ndarray[Any, Any]) -> list[Any]:
    data = base64.b64encode(array.tobytes()).decode("ascii")
    return [array.dtype.name, list(array.shape), data]


def _decode(parts: Sequence[Any]) -> np.ndarray[Any, Any]:
    name, shape, data = parts
    return np.frombuffer(base64.b64decode(data), dtype_of(name).numpy).reshape(shape)


def _wants_x64() -> bool:
    import jax

    # JAX gives its settings their names at run time.
    return bool(jax.config.jax_enable_x64)  # pyright: ignore[reportAttributeAccessIssue]


def load() -> None:
    """Loads what the work needs, once for all engines; JAX does not start yet."""
    importlib.import_module("jax")
    importlib.import_module("graphc.backends.compile")


def prepare(payload: dict[str, Any]) -> None:
    """Starts JAX, so that its own start is not counted; see `measure.memory`."""
    import jax

    jax.config.update("jax_enable_x64", bool(payload["x64"]))
    jax.block_until_ready(jax.jit(lambda x: x + 1)(1.0))


def run(payload: dict[str, Any]) -> None:
    """Loads the gradient's graph, compiles it and runs it once: what is measured."""
    import jax

    from graphc.backends.compile import compile

    nodes = graph_from_text(payload["graph"], base64.b64decode(payload["arrays"]))
    count = len(nodes) - int(payload["inputs"])
    values = [_decode(parts) for parts in payload["values"]]
    jax.block_until_ready(compile(nodes[:count], nodes[count:])(*values))
