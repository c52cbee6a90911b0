"""The reference page is what the docstrings and the records say, and leaves no public name out."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import graphc as gx
from graphc.core.calls import public_functions
from graphc.core.op import all_ops

ROOT = Path(__file__).parents[2]


def builder() -> Any:
    spec = importlib.util.spec_from_file_location(
        "build_reference", ROOT / "docs/build_reference.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_is_current() -> None:
    # In a process of its own: other tests may have registered operations.
    code = (
        "import runpy, sys; page = runpy.run_path('docs/build_reference.py')['reference']();"
        "sys.stdout.buffer.write(page.encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=ROOT, stdin=subprocess.DEVNULL,
        timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    written = (ROOT / "docs/reference.md").read_bytes()
    assert done.stdout == written, "run: python -m docs.build_reference"


def test_reference_names_every_public_function() -> None:
    module = builder()
    told = set(" ".join([*module.PARTS.values(), module.FUNCTIONS]).split())
    told |= {op.name for op in all_ops()} | set(module.other_names())
    public = {name for name in public_functions if not name.startswith("_")}
    public |= set(gx._LATER)  # pyright: ignore[reportPrivateUsage]
    assert sorted(public - told - {"index", "Comparison"}) == []
