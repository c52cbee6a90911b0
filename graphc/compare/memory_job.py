"""Peak memory of each engine: its compiled gradient, run in a process of its own."""

from __future__ import annotations

import base64
import importlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from graphc.bridge.load import graph_from_text
from graphc.bridge.save import graph_text
from graphc.compare.problem import Problem
from graphc.core.dtype import dtype_of
from graphc.core.errors import GraphcError
from graphc.core.node import Node
from graphc.measure.memory import peak_of

#: Seconds one engine may take.
_LIMIT = 120.0


def peak_memory(problem: Problem, engines: Mapping[str, Sequence[Node]]) -> dict[str, int | None]:
    """Returns for each engine the bytes that compiling and running took; None where that failed."""
    payloads = {name: _payload(problem, graphs) for name, graphs in engines.items()}
    workers = max(1, min(os.cpu_count() or 1, 4))
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(_peak, payloads.values())
        return dict(zip(payloads, found, strict=True))


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


def _peak(payload: dict[str, Any]) -> int | None:
    try:
        return peak_of("graphc.compare.memory_job:run", payload, timeout=_LIMIT)
    except GraphcError:  # a measurement that fails must not fail the comparison
        return None


def prepare(payload: dict[str, Any]) -> None:
    """Loads and starts JAX, so that its own start is not counted; see `measure.memory`."""
    import jax

    importlib.import_module("graphc.backends.compile")
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
