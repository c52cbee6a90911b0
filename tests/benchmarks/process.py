"""A measurement in a process of its own: what it prints as JSON, its seconds, its peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

#: Peak resident memory in bytes. Linux hands `ru_maxrss` on to a new program, so that it is that of
#: whoever started this one, and counts this program's own peak in a file. No such count on Windows.
PEAK = """
def peak_bytes():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if "VmHWM" in line)
    except OSError:
        pass
    try:
        import resource, sys
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
"""


def run_python(code: str, *arguments: str) -> Any:
    """Returns what the code prints as JSON on its last line.

    Args:
        code: Python; `peak_bytes()` is defined.
        arguments: its `sys.argv[1:]`.
    """
    done = subprocess.run(
        [sys.executable, "-c", PEAK + code, *arguments],
        capture_output=True, text=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def megabytes(count: int | None) -> str:
    """Returns a number of bytes for people."""
    return "not measured here" if count is None else f"{count / 1e6:.0f} MB"
