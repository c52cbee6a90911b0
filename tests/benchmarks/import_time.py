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
    times: dict[str, list[tuple[float, float]]] = {
        "pass": [],
        "import numpy": [],
        "import graphc": [],
    }
    for _ in range(7 if quick else 25):
        for code, found in times.items():
            found.append(_seconds(code))
    bare, numpy, ours = (_medians(t) for t in times.values())
    return [
        ("import graphc, beyond Python's start", _shown(bare, ours), "0.150 s"),
        ("  of which NumPy", _shown(bare, numpy), ""),
    ]


def _medians(times: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)


def _shown(bare: tuple[float, float], loaded: tuple[float, float]) -> str:
    return f"{loaded[0] - bare[0]:.3f} s (CPU {loaded[1] - bare[1]:.3f} s)"


def _seconds(code: str) -> tuple[float, float]:
    """Returns wall and CPU seconds of a whole process; the latter hardly change under load."""
    # As where graphc is installed: Python keeps the bytecode of what it loads.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport time\nprint(time.process_time())"],
        check=True, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env={**env, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return time.perf_counter() - start, float(done.stdout)
