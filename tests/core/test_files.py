from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from graphc.core import files
from graphc.core.errors import FileError
from graphc.core.files import folder_locked, make_folder, write_atomic


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "a.txt"
    write_atomic(path, "one\n")
    write_atomic(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_replaced_file_keeps_its_rights(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    write_atomic(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_has_the_usual_rights(tmp_path):
    (tmp_path / "plain").write_text("")
    write_atomic(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("name", ["missing/x.svg", ".", "a\x00b", "x" * 300])
def test_what_can_not_be_written_is_an_error_at_the_user_s_line(tmp_path, name):
    with pytest.raises(FileError, match=r"test_files\.py:\d+"):
        write_atomic(os.path.join(tmp_path, name), "x")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(FileError, match="disk full"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(FileError):
        make_folder(tmp_path / "f" / "g")
    assert make_folder(tmp_path / "a" / "b").is_dir()
    assert list((tmp_path / "a" / "b").iterdir()) == []


def draft_of(path, process):
    """Returns the draft that a process leaves when it is killed while it writes a file."""
    mark = files._host_mark()
    return path.with_name(f".{path.name[:40]}.{mark}-{process}-0123456789ab.part")


def a_process_that_ended():
    """Returns the number of a process that is no more."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


@pytest.mark.parametrize("name", ["a.txt", "ü" * 60 + ".txt"])
def test_the_next_write_removes_the_draft_of_a_killed_writer(tmp_path, name):
    path = tmp_path / name
    ended = a_process_that_ended()
    draft_of(path, ended).write_text("half")
    draft_of(path.with_name(f"{name}.0123456789abcdef.safetensors"), ended).write_text("half")
    write_atomic(path, "whole")
    assert list(tmp_path.iterdir()) == [path]


def test_drafts_of_the_living_of_other_files_and_of_other_machines_stay(tmp_path):
    ended = a_process_that_ended()
    alive = draft_of(tmp_path / "a.txt", os.getppid())
    others = draft_of(tmp_path / "b.txt", ended)
    elsewhere = tmp_path / f".a.txt.00000000-{ended}-0123456789ab.part"
    own = tmp_path / ".a.txt.part"
    for kept in (alive, others, elsewhere, own):
        kept.write_text("kept")
    write_atomic(tmp_path / "a.txt", "whole")
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"a.txt", *(kept.name for kept in (alive, others, elsewhere, own))}


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path, monkeypatch
):
    done = []
    sync, replace = os.fsync, os.replace
    folder = lambda handle: stat.S_ISDIR(os.fstat(handle).st_mode)
    monkeypatch.setattr(
        os, "fsync", lambda h: (done.append("folder" if folder(h) else "file"), sync(h))
    )
    monkeypatch.setattr(os, "replace", lambda *a: (done.append("rename"), replace(*a)))
    write_atomic(tmp_path / "a.txt", "x")
    assert done == ["file", "rename", "folder"]


def test_a_locked_folder_makes_others_wait_and_then_says_so(tmp_path):
    late = folder_locked(tmp_path, limit=0.05)
    refused = pytest.raises(FileError, match="another process has been writing")
    with folder_locked(tmp_path), refused, late:
        pass
    with folder_locked(tmp_path, limit=0.05):
        pass


WRITES = {"open", "write_text", "write_bytes", "savefig", "fdopen", "save_file", "tofile"}
#: Where a file is opened for writing beside `write_atomic`, and why nothing can be torn there.
WRITERS = {
    ("graphc/core/files.py", "open"): "the draft itself, and the probe of a folder",
    ("graphc/render/layout.py", "write_text"): "fonts.conf in a scratch folder of its own",
    ("graphc/render/worker.py", "fdopen"): "the answers to the parent process",
    ("graphc/measure/memory_worker.py", "fdopen"): "the answers to the parent process",
    ("graphc/measure/memory_worker.py", "open"): "the kernel's own files under /proc",
    ("graphc/bridge/load.py", "open"): "it reads",
    ("graphc/train/checkpoint.py", "open"): "it reads",
}


def test_every_file_is_written_by_write_atomic():
    root = Path(files.__file__).parents[2]
    found = set()
    for path in sorted((root / "graphc").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition(".")[2]
                if name in WRITES and ast.unparse(node.func) != "os.open":
                    found.add((path.relative_to(root).as_posix(), name))
    assert found <= set(WRITERS), sorted(found - set(WRITERS))
