"""Each example runs as a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: `exhibit` is what the examples share.
EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.py") if p.stem != "exhibit")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda p: p.stem)
def test_example_stands_in_the_gallery_and_the_readme(file: Path) -> None:
    for page in ("README.md", "docs/gallery.md"):
        assert f"{file.name}" in (ROOT / page).read_text(encoding="utf-8"), page


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
