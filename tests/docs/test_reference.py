"""The reference page is what the docstrings and the records say, and leaves no public name out."""

from __future__ import annotations

import importlib.util
import inspect
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
    told = {name.split(".")[-1] for name in " ".join(module.PARTS.values()).split()}
    told |= {op.name for op in all_ops()} | set(module.other_names())
    public = {name for name in public_functions if not name.startswith("_")}
    public |= {name for name in gx.__all__ if inspect.isfunction(getattr(gx, name))}
    public |= set(gx._LATER)  # pyright: ignore[reportPrivateUsage]
    assert sorted(public - told - {"at", "index", "Comparison", "register"}) == []


def test_reference_names_all_that_the_namespaces_hold() -> None:
    told = set(" ".join(builder().PARTS.values()).split())
    for name in ("linalg", "fft", "random", "train", "nn"):
        space = getattr(gx, name)
        found = {f"{name}.{n}" for n in space.__all__ if inspect.isfunction(getattr(space, n))}
        # What is the function of the same name in `gx` is told there.
        missing = {
            n for n in found - told
            if getattr(space, n.split(".")[1]) is not getattr(gx, n.split(".")[1], None)
        }  # fmt: skip
        assert sorted(missing) == [], name
