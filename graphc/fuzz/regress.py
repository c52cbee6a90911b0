"""Findings kept: shrunk to a small graph, written to a file, read and judged again for ever."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from graphc.bridge.load import load_with_values
from graphc.bridge.save import graph_text, save
from graphc.core.errors import ArgumentError
from graphc.core.files import make_folder
from graphc.core.graph import LEAF_OPS
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.fuzz.bench import Bench
from graphc.fuzz.generate import Case
from graphc.fuzz.oracles import ORACLES, asked
from graphc.fuzz.run import judge_case
from graphc.fuzz.shrink import shrink
from graphc.fuzz.verdicts import Verdicts


def shrunk(case: Case, oracle: str) -> Case:
    """Returns a small graph in which the same oracle finds something."""
    for (
        name,
        check,
    ) in ORACLES.items():  # one that finds it alone is much quicker than all, and than XLA
        if oracle in _failing(case, name, check):
            return shrink(case, lambda smaller, n=name, c=check: oracle in _failing(smaller, n, c))
    return shrink(
        case, lambda smaller: any(f.oracle == oracle for f in judge_case(smaller).findings), 60
    )


def _failing(case: Case, name: str, check: Callable[[Bench, Verdicts], None]) -> set[str]:
    return {f.oracle for f in asked(Bench(case), {name: check}).findings}


def write_regression(folder: str | Path, case: Case, oracle: str) -> Path:
    """Writes a graph with its values as a file of its own, named after the oracle and its content.

    Args:
        folder: made where it is missing.
        case: the graph.
        oracle: which oracle found something in it.

    Returns:
        The file's path.
    """
    values = {n.params["name"]: np.asarray(v) for n, v in case.values.items()}
    text, arrays = graph_text([case.output], values=values)
    digest = hashlib.blake2b(text.encode() + arrays, digest_size=4).hexdigest()
    words = re.sub("[^a-z0-9]+", "-", oracle.lower()).strip("-")
    make_folder(folder)
    return save(Path(folder) / f"{words}-{digest}.json", [case.output], dict(case.values))


def read_regression(path: str | Path) -> Case:
    """Returns the graph with its values that `write_regression` wrote.

    Raises:
        FileError, SavedGraphError: there is no such file, or it holds no graph.
        ArgumentError: the graph is no scalar with values.
    """
    outputs, values = load_with_values(path)
    output: Any = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
    if not isinstance(output, Node) or not isinstance(output.type, TensorType) or output.ndim:
        raise ArgumentError(f"{Path(path).name} holds no scalar graph", "write it with --out")
    leaves = [n for n in topological_order([output]) if n.op.name in LEAF_OPS]
    missing = [n.params["name"] for n in leaves if n.params["name"] not in values]
    if missing:
        raise ArgumentError(f"{Path(path).name} holds no value for {missing[0]!r}")
    return Case(output, {n: values[n.params["name"]] for n in leaves}, Path(path).name)


def text_of(case: Case) -> list[str]:
    """Returns a graph and its values as lines of text."""
    lines = [f"{describe(case.output, 40)}: {case.output.type}"]
    for node, value in case.values.items():
        numbers = ", ".join(f"{float(v):.17g}" for v in np.ravel(value)[:18])
        lines.append(f"{node.params['name']}: {node.type} = {numbers}")
    return lines
