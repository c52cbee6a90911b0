"""Problems from the user's own program: FILE.py is imported and gives one or more of them."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from graphc.compare.problem import Problem
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError
from graphc.core.programs import guarded_by_file, import_file, python_file


@guarded("load_problems")
def load_problems(path: str | Path) -> list[Problem]:
    """Imports the user's own Python file and returns the problems it gives.

    It gives them as `problems` (a list, or a function returning one), as `problem`, or as any
    other names at its top level. This runs the file, as `python FILE.py` would; open only files
    that you trust.

    Raises:
        FileError: the file can't be read, is no Python, or fails while it runs.
        ArgumentError: it gives no problem.
    """
    file = python_file(path, "gx.Problem")
    module = guarded_by_file(file, lambda: import_file(file))
    found: Any = getattr(module, "problems", None)
    if callable(found):
        found = guarded_by_file(file, found)
    if found is None:
        found = getattr(module, "problem", None)
    if found is None:
        found = [v for v in vars(module).values() if isinstance(v, Problem)]
    if isinstance(found, Mapping):
        found = list(found.values())
    several = isinstance(found, (list, tuple, Iterator))
    made = guarded_by_file(file, lambda: list(found)) if several else [found]
    listed = list({id(entry): entry for entry in made}.values())
    for entry in listed:
        if not isinstance(entry, Problem):
            raise ArgumentError(
                f"{file.name} gives {reprlib.repr(entry)}, which is no gx.Problem",
                "let problems be a list of gx.Problem(loss, values)",
            )
    if not listed:
        raise ArgumentError(
            f"{file.name} gives no problem", "write problem = gx.Problem(loss, {'x': 1.0}) in it"
        )
    return listed
