"""Writers killed at random moments leave every file whole; the command has any number of kills."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def test_forty_killed_writers_leave_nothing_torn_and_nothing_lost() -> None:
    # A process of its own: it forks, which beside JAX's threads in this one would not be sound.
    done = subprocess.run(
        [sys.executable, "-m", "tests.stress.kills", "--kills", "10", "--seed", "11"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pattern = r"^(\w+): 10 kills, \d+ inside a write, 0 files torn or lost$"
    kinds = re.findall(pattern, done.stdout, re.MULTILINE)
    assert kinds == ["report", "picture", "checkpoint", "graph"], done.stdout
