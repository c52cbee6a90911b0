"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Generator
from pathlib import Path

from graphc.core.errors import FileError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> Path:
    """Writes a file under a temporary name in its own folder and renames it: never half a file.

    Args:
        path: the file; its folder must exist. A file that is there already is replaced.
        data: bytes, or text that is written as UTF-8 with its line ends unchanged.

    Returns:
        The path.

    Raises:
        FileError: the folder is missing or can't be written, or the path is a folder.
    """
    try:
        target = Path(path)
    except TypeError:
        raise FileError(f"{path!r} is no path", "give a text or a pathlib.Path") from None
    content = data.encode("utf-8", "replace") if isinstance(data, str) else data
    draft = None
    try:
        # A link stays a link: what it points to is replaced, as with an ordinary write.
        final = Path(os.path.realpath(target))
        draft = final.with_name(f".{final.name[:40]}.{secrets.token_hex(6)}.part")
        if final.is_dir():
            raise IsADirectoryError("it is a folder")
        with open(draft, "xb") as file:
            file.write(content)
        # A new file gets the rights that the umask leaves, an old one keeps its own.
        if final.exists():
            os.chmod(draft, final.stat().st_mode & 0o7777)
        os.replace(draft, final)
    except (OSError, ValueError) as error:
        if draft is not None:
            with contextlib.suppress(OSError, ValueError):
                os.unlink(draft)
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(
            f"the file {str(target)!r} can't be written: {reason}",
            "choose a file in a folder that is there and may be written",
        ) from None
    return target


@contextlib.contextmanager
def folder_locked(folder: Path, limit: float = 30.0) -> Generator[None]:
    """Holds a folder for files that must change together: others who ask for it wait.

    The lock is the system's and ends with the process, however that ends. Where the system has
    none (not POSIX, some network folders), nothing is held.

    Args:
        folder: the folder; if it is not there, writing into it will say so.
        limit: seconds to wait.

    Raises:
        FileError: somebody else held it longer than `limit`.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        yield
        return
    try:
        _wait_for_lock(handle, folder, limit)
        yield
    finally:
        os.close(handle)


def _wait_for_lock(handle: int, folder: Path, limit: float) -> None:
    if fcntl is None:
        return
    end = time.monotonic() + limit
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise FileError(
                    f"another process has been writing in {str(folder)!r} for {limit:g} s",
                    "wait for it, or choose another folder",
                ) from None
            time.sleep(0.002)
        except OSError:
            return


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Makes a folder, with its parents, unless it is there; and sees that it can be written.

    Raises:
        FileError: it can't be made or written, or a file has that name.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{secrets.token_hex(6)}.part"
        with open(probe, "xb"):
            pass
        probe.unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(
            f"the folder {str(folder)!r} can't be written: {reason}",
            "choose another folder, or mend its rights",
        ) from None
    return folder
