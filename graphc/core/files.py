"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import secrets
import time
from collections.abc import Generator
from pathlib import Path

from graphc.core.errors import FileError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None


#: How a draft is called: `.NAME.HOST-PROCESS-RANDOM.part`, NAME cut after 40 characters.
_DRAFT = re.compile(r"\.(?P<host>[0-9a-f]{8})-(?P<process>[0-9]+)-[0-9a-f]{12}\.part\Z", re.ASCII)


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> Path:
    """Writes a file under a temporary name in its own folder and renames it: never half a file.

    The bytes, and then the new name, are on the disk before it returns, so that not even a power
    cut leaves half a file. A process that is killed may leave its draft; the next write of the same
    file removes it.

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
        if final.is_dir():
            raise IsADirectoryError("it is a folder")
        _remove_stale_drafts(final)
        draft = _draft(final)
        with open(draft, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A new file gets the rights that the umask leaves, an old one keeps its own.
        if final.exists():
            os.chmod(draft, final.stat().st_mode & 0o7777)
        os.replace(draft, final)
        draft = None
        _sync_folder(final.parent)
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


def _draft(final: Path) -> Path:
    mark = f"{_host_mark()}-{os.getpid()}-{secrets.token_hex(6)}"
    return final.with_name(f"{_draft_prefix(final)}{mark}.part")


def _draft_prefix(final: Path) -> str:
    return f".{final.name[:40]}."


@functools.cache
def _host_mark() -> str:
    """Returns a mark of this machine: on a shared folder another's processes are not ours to judge.

    A process number says nothing about a process of another machine, or of another container.
    """
    names = [getattr(os, "uname", lambda: ("", ""))()[1]]
    with contextlib.suppress(OSError):
        names.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(names).encode("utf-8", "replace")).hexdigest()[:8]


def _remove_stale_drafts(final: Path) -> None:
    """Removes what killed writers of this file left, and of no process that still lives."""
    prefix = _draft_prefix(final)
    with contextlib.suppress(OSError), os.scandir(final.parent) as entries:
        for entry in entries:
            if not entry.name.startswith(prefix):
                continue
            # Of files named after it too: a saved graph's arrays are called by their content.
            found = _DRAFT.search(entry.name, len(prefix) - 1)
            if found and found["host"] == _host_mark() and _is_gone(int(found["process"])):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def _is_gone(process: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 would end it
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _sync_folder(folder: Path) -> None:
    """Sees that a new name in a folder outlasts a power cut, where the system lets it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
        _remove_stale_drafts(folder / "probe")
        probe = _draft(folder / "probe")
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
