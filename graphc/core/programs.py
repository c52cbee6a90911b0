"""The user's own program, FILE.py: imported, with its faults told at its own lines."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphc.core.errors import FileError, GraphcError, show_value


def python_file(path: Any, gives: str) -> Path:
    """Returns the path of a Python file, having seen that it is there.

    Args:
        path: what was asked for.
        gives: what it should hold, in words, for the error.

    Raises:
        FileError: it is no path, there is no such file, or it does not end in .py.
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
            f"{file.name} does not end in .py", f"give a Python file that holds {gives}"
        )
    return file


def import_file(file: Path) -> Any:
    """Imports a file as a module of its own, its folder first on the path meanwhile."""
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


def guarded_by_file(file: Path, call: Callable[[], Any]) -> Any:
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
