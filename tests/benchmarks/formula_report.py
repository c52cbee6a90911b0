"""From the shell to the finished page of `graphc compare` for the smallest formula."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.process import ROOT


def rows(quick: bool) -> list[tuple[str, str, str]]:
    """Returns the seconds of the whole command, start of Python included."""
    times: list[float] = []
    for _ in range(1 if quick else 3):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "graphc", "compare", "(x + y) * z",
                 "x=-2", "y=5", "z=-4", "--out", folder],
                check=True, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            times.append(time.perf_counter() - start)
            if not (Path(folder) / "report.html").stat().st_size:
                raise RuntimeError("the page is empty")
    return [('graphc compare "(x + y) * z": to the page', f"{statistics.median(times):.1f} s", "")]
