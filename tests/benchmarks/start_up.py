"""How long a person waits at the start: `import graphc` and the commands on a small formula."""

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

_COMPARE = ("compare", "x*sin(y)", "x=2", "y=3")
#: Other commands, with what they are given.
_COMMANDS = (
    ("--help",),
    ("ops", "sin"),
    ("lint", "log(1+exp(x))"),
    ("kinks", "abs(x)", "x=0"),
    ("debug", "log(x)", "x=2"),
    ("draw", "1/(1+exp(-x))", "x=2", "sigmoid.svg"),
    ("check", "x*sin(y)", "x=2", "y=3"),
)

#: Seconds by the clock, and of both processors' work, of a process and all that it started.
Took = tuple[float, float]


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields medians of whole processes; imports take turns with Python's own start."""
    bare: list[Took] = []
    loaded: list[Took] = []
    for _ in range(5 if quick else 15):
        bare.append(_run("-c", "pass"))
        loaded.append(_run("-c", "import graphc"))
    beyond = [(a - c, b - d) for (a, b), (c, d) in zip(loaded, bare, strict=True)]
    yield "import graphc, beyond Python's start", _shown(beyond), "0.15 s"
    with tempfile.TemporaryDirectory() as folder:
        cold = _command(folder, *_COMPARE)
        warm = [_command(folder, *_COMPARE) for _ in range(1 if quick else 5)]
        yield "graphc compare of x*sin(y): first process", _shown([cold]), "5 s"
        yield "graphc compare of x*sin(y): later processes", _shown(warm), "3 s"
        for words in _COMMANDS:
            took = [_command(folder, *words) for _ in range(2 if quick else 7)]
            yield f"graphc {' '.join(words)}", _shown(took), ""


def _shown(took: list[Took]) -> str:
    clock, work = (median(part) for part in zip(*took, strict=True))
    return f"{shown(clock)} (CPU {shown(work)})"


def _command(folder: str, *words: str) -> Took:
    return _run("-m", "graphc", *words, cwd=folder, most=1)


def _run(*arguments: str, cwd: str | Path = ROOT, most: int = 0) -> Took:
    # As where graphc is installed: Python keeps the bytecode of what it loads.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start, before = time.perf_counter(), os.times()
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd,
        stdin=subprocess.DEVNULL, env={**env, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if done.returncode > most:
        raise RuntimeError(done.stderr or done.stdout)
    after = os.times()
    work = after[2] + after[3] - before[2] - before[3]
    return time.perf_counter() - start, work
