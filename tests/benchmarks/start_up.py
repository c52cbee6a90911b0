"""How long a person waits at the start: `import graphc`, `graphc --help`, `graphc compare`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.interleave import median, shown
from tests.benchmarks.process import ROOT

_COMPARE = ("-m", "graphc", "compare", "x*sin(y)", "x=2", "y=3")


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields medians of whole processes; imports take turns with Python's own start."""
    bare: list[float] = []
    loaded: list[float] = []
    for _ in range(5 if quick else 15):
        bare.append(_seconds("-c", "pass"))
        loaded.append(_seconds("-c", "import graphc"))
    beyond = median(a - b for a, b in zip(loaded, bare, strict=True))
    yield "import graphc, beyond Python's start", shown(beyond), "0.15 s"
    told = [_seconds("-m", "graphc", "--help") for _ in range(3 if quick else 7)]
    yield "graphc --help, the whole process", shown(median(told)), ""
    with tempfile.TemporaryDirectory() as folder:
        cold = _seconds(*_COMPARE, cwd=folder)
        warm = [_seconds(*_COMPARE, cwd=folder) for _ in range(1 if quick else 3)]
    yield "graphc compare of x*sin(y): first process", shown(cold), ""
    yield "graphc compare of x*sin(y): later processes", shown(median(warm)), ""


def _seconds(*arguments: str, cwd: str | Path = ROOT) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd,
        stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr or done.stdout)
    return time.perf_counter() - start
