"""Each example runs as a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.py") if not p.name.startswith("_"))


def test_all_examples_are_here() -> None:
    assert [p.stem for p in EXAMPLES] == [
        "circuits", "digits_mlp", "logistic_map", "logistic_regression",
    ]  # fmt: skip


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda p: p.stem)
def test_example_runs_quickly_and_agrees(file: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, file, "--quick", "--out", tmp_path / "out"],
        capture_output=True, text=True, timeout=300, cwd=ROOT, stdin=subprocess.DEVNULL,
        env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}
