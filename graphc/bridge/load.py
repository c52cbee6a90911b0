"""`load`: a saved graph becomes nodes again; any bytes end in a graph or a GraphcError."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np

from graphc.bridge.reader import Reader
from graphc.bridge.save import companion_path
from graphc.core.calls import guarded
from graphc.core.errors import (
    ArgumentError,
    BudgetError,
    FileError,
    GraphcError,
    SavedGraphError,
)
from graphc.core.node import Node

#: Bytes that a saved graph's two files may have together, unless more is allowed.
BUDGET = 2**28


@guarded("load")
def load(path: str | os.PathLike[str], *, budget: int = BUDGET) -> Any:
    """Returns the graph that `gx.save` wrote, in the nest it was saved in.

    Nothing in the file is run. Every node is made by its operation's own rule, so a node that lives
    in this process already comes back as itself. The file is trusted in nothing: any bytes end in
    a graph or in an error, in time and memory proportional to their number.

    Args:
        path: the JSON file; its file of arrays, if it has one, stands beside it.
        budget: bytes the two files may have together; 256 MiB unless given. Loading takes up to
            30 times as much memory.

    Raises:
        FileError: there is no such file, or it can't be read, or is a folder or a device.
        BudgetError: the files are larger than the budget.
        SavedGraphError: the file is no saved graph, is damaged, needs an operation that is not
            registered here, or was saved by a newer graphc.
    """
    return _load(path, budget)[0]


@guarded("load_with_values")
def load_with_values(
    path: str | os.PathLike[str], *, budget: int = BUDGET
) -> tuple[Any, dict[str, np.ndarray[Any, Any]]]:
    """Returns the graph that `gx.save` wrote, and the values saved with it by the inputs' names.

    Args:
        path: see `gx.load`.
        budget: see `gx.load`.

    Raises:
        FileError, BudgetError, SavedGraphError: see `gx.load`.
    """
    return _load(path, budget)


def _load(path: Any, budget: Any) -> tuple[Any, dict[str, np.ndarray[Any, Any]]]:
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 0:
        raise ArgumentError(f"budget={budget!r} is no number of bytes", "for example 2**30")
    try:
        target = Path(os.path.realpath(path))
    except (TypeError, ValueError):
        raise FileError(f"{path!r} is no path", "give a text or a pathlib.Path") from None
    try:
        reader, arrays = _read_both(target, budget, last=False)
    except _Replaced:  # somebody saved anew between the two files: take the new ones
        reader, arrays = _read_both(target, budget, last=True)
    try:
        return reader.read(arrays)
    except GraphcError as error:
        raise _named(error, target) from None


def _read_both(target: Path, budget: int, last: bool) -> tuple[Reader, bytes]:
    data = _read(target, budget)
    try:
        reader = Reader(data)
        return reader, _companion(target, reader.content, budget - len(data), last)
    except FileError:
        raise
    except GraphcError as error:
        raise _named(error, target) from None


def graph_from_text(text: str | bytes, arrays: bytes = b"") -> list[Node]:
    """Returns the nodes of `save.graph_text`, where those were no nest.

    Raises:
        SavedGraphError: the text is no saved graph.
    """
    found, _ = Reader(text.encode() if isinstance(text, str) else text).read(arrays)
    return found if isinstance(found, list) else [found]


def _named(error: GraphcError, target: Path) -> GraphcError:
    """Returns the error with the file's name in front, as a SavedGraphError or BudgetError."""
    kind = BudgetError if isinstance(error, BudgetError) else SavedGraphError
    return kind(f"{target.name!r} can't be loaded: {error.rule}", error.mend)


# -- the two files ---------------------------------------------------------------------------------


class _Replaced(Exception):
    """The file of arrays is gone."""


def _read(path: Path, budget: int) -> bytes:
    """Returns a file's bytes; a folder, a device or a pipe is refused before it is read."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _EXTRA)
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise OSError("it is no plain file")
            size = status.st_size
            data = file.read(size) if size <= budget else b""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(
            f"the file {str(path)!r} can't be read: {reason}", "give a file that gx.save wrote"
        ) from None
    if size > budget:
        raise BudgetError(
            f"{path.name!r} has {size} bytes, above the {budget} that are left of the budget",
            f"if you trust it, allow more: budget={max(2 * size, 2**20)}",
        )
    return data


_EXTRA = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def _companion(target: Path, content: Any, budget: int, last: bool) -> bytes:
    if content is None:
        return b""
    digest, size = content
    path = companion_path(target, digest)
    if not path.exists():
        if not last:
            raise _Replaced
        raise SavedGraphError(
            f"its arrays are missing: they stand in {path.name!r}",
            "copy or rename the two files together",
        )
    data = _read(path, budget)
    if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise SavedGraphError(
            f"the arrays in {path.name!r} are not those it was saved with",
            "copy the two files together, or save the graph again",
        )
    return data
