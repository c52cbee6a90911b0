"""Problems from the user's own program: FILE.py is imported and gives one or more of them."""

from __future__ import annotations

import importlib.util
import reprlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from graphc.compare.problem import Problem
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, FileError, GraphcError, show_value


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
    try:
        file = Path(path)
        there = file.is_file()
    except (TypeError, ValueError):
        raise FileError(f"{show_value(path)} is no path", "give a text or a pathlib.Path") from None
    except OSError as error:
        raise FileError(f"{show_value(str(path))}: {error.strerror}", "give another path") from None
    if not there:
        raise FileError(
            f"there is no file {show_value(str(file))}", "give the path of a Python file"
        )
    if file.suffix != ".py":
        raise FileError(
            f"{file.name} does not end in .py", "give a Python file that holds gx.Problem"
        )
    module = _guarded(file, lambda: _import(file))
    found: Any = getattr(module, "problems", None)
    if callable(found):
        found = _guarded(file, found)
    if found is None:
        found = getattr(module, "problem", None)
    if found is None:
        found = [v for v in vars(module).values() if isinstance(v, Problem)]
    if isinstance(found, Mapping):
        found = list(found.values())
    several = isinstance(found, (list, tuple, Iterator))
    made = _guarded(file, lambda: list(found)) if several else [found]
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
    finally:
        sys.path.remove(folder)
    return module


def _guarded(file: Path, call: Callable[[], Any]) -> Any:
    """Runs the user's program; whatever it raises names the line of the file."""
    try:
        return call()
    except GraphcError:
        raise
    except SyntaxError as error:
        name = Path(error.filename).name if error.filename else file.name
        place = (name, error.lineno or 0)
        raise FileError(f"this is no Python: {error.msg}", place=place) from None
    except SystemExit as error:
        raise FileError(
            f"the file ended the program with exit status {error.code}",
            'put what is not for graphc under `if __name__ == "__main__":`',
            place=_place_in(error, file),
        ) from None
    except Exception as error:
        words = f"the file failed: {type(error).__name__}: {error}"
        raise FileError(
            words, "see that it runs by itself", place=_place_in(error, file)
        ) from error


def _place_in(error: BaseException, file: Path) -> tuple[str, int]:
    trace, line = error.__traceback__, 0
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).resolve() == file.resolve():
            line = trace.tb_lineno
        trace = trace.tb_next
    return (file.name, line)
