"""Problems from the user's own program: FILE.py is imported and gives one or more of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from graphc.compare.problem import Problem
from graphc.core.errors import ArgumentError, FileError, GraphcError


def load_problems(path: str | Path) -> list[Problem]:
    """Imports the user's own Python file and returns the problems it gives.

    It gives them as `problems` (a list, or a function returning one), as `problem`, or as any
    other names at its top level. This runs the file, as `python FILE.py` would; open only files
    that you trust.

    Raises:
        FileError: the file can't be read, is no Python, or fails while it runs.
        ArgumentError: it gives no problem.
    """
    file = Path(path)
    if not file.is_file():
        raise FileError(f"there is no file {str(file)!r}", "give the path of a Python file")
    if file.suffix != ".py":
        raise FileError(
            f"{file.name} does not end in .py", "give a Python file that holds gx.Problem"
        )
    module = _import(file)
    found = getattr(module, "problems", None)
    if callable(found):
        found = found()
    if found is None:
        found = getattr(module, "problem", None)
    if found is None:
        found = [v for v in vars(module).values() if isinstance(v, Problem)]
    listed = [found] if isinstance(found, Problem) else list(found)
    for entry in listed:
        if not isinstance(entry, Problem):
            raise ArgumentError(f"{file.name} gives {entry!r}, which is no gx.Problem")
    if not listed:
        raise ArgumentError(
            f"{file.name} gives no problem", "write problem = gx.Problem(loss, {'x': 1.0}) in it"
        )
    return listed


def _import(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"graphc_user_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise FileError(f"{file} can't be imported")
    module = importlib.util.module_from_spec(spec)
    folder = str(file.resolve().parent)
    sys.modules[spec.name] = module
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except GraphcError:
        raise
    except SyntaxError as error:
        raise FileError(f"{file.name}:{error.lineno}: {error.msg}") from None
    except Exception as error:
        line = _line_in(error, file)
        raise FileError(f"{file.name}:{line} failed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    return module


def _line_in(error: BaseException, file: Path) -> int:
    trace, line = error.__traceback__, 0
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
