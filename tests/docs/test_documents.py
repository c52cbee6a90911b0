"""The examples in README and docs run, and what the documents point to is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_EXAMPLES = [d for d in DOCUMENTS if "```python" in d.read_text("utf-8")]
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)


@pytest.mark.parametrize("document", WITH_EXAMPLES, ids=lambda d: d.name)
def test_examples_give_what_the_document_says(document: Path) -> None:
    # A process for each: documents turn 64-bit types on and register operations.
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.documents", document],
        capture_output=True, text=True, timeout=300, cwd=ROOT, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.splitlines()[-1]) >= 1


@each_document
def test_links_and_pictures_are_there(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize(
    "document", [d for d in DOCUMENTS if d.name != "reference.md"], ids=lambda d: d.name
)
def test_lines_stay_within_a_hundred_characters(document: Path) -> None:
    fenced = False
    for number, line in enumerate(document.read_text("utf-8").splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced and not line.startswith(("|", "!")):
            assert len(line) <= 100, f"{document.name}:{number}"
