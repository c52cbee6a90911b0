"""How long `import graphc` takes beyond Python's own start."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from tests.benchmarks.process import ROOT


def rows(quick: bool) -> list[tuple[str, str, str]]:
    """Returns medians of interleaved runs, so that a busy machine burdens all alike."""
    times: dict[str, list[float]] = {"pass": [], "import numpy": [], "import graphc": []}
    for _ in range(7 if quick else 25):
        for code, found in times.items():
            found.append(_seconds(code))
    bare, numpy, ours = (statistics.median(t) for t in times.values())
    return [
        ("import graphc, beyond Python's start", f"{ours - bare:.3f} s", "0.150 s"),
        ("  of which NumPy", f"{numpy - bare:.3f} s", ""),
    ]


def _seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code],
        check=True, cwd=ROOT, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return time.perf_counter() - start
