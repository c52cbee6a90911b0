"""From DOT text to SVG, PNG and PDF: Graphviz in a process of its own, with a time limit."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape

from graphc.core.errors import FileError, FormatError, RenderError, show_value
from graphc.render.worker import PNG_DPI

#: The formats a picture can have. An unknown one would crash Graphviz, so none other is passed on.
FORMATS = ("dot", "svg", "png", "pdf")
#: Seconds one picture may take unless told otherwise.
TIME_LIMIT = 60.0
#: Characters of DOT text that are still laid out; more would never end within any sensible time.
MAX_DOT = 20_000_000

_FONTS = Path(__file__).parent / "fonts"
_MEND = (
    "fold more (a smaller budget=), allow more time (limit=), or save the DOT text (format='dot')"
)
#: What the shipped font can show; other scripts need the machine's own fonts.
_SHOWN = re.compile(
    r"[\u0000-\u052f\u1d00-\u1fff\u2000-\u2bff\u2c60-\u2c7f\U0001d400-\U0001d7ff]*\Z"
)


def check_format(format: str) -> str:
    """Returns the format in lower case.

    Raises:
        FormatError: it is not one of dot, svg, png, pdf.
    """
    name = format.lower().lstrip(".") if isinstance(format, str) else format
    if not isinstance(name, str) or name not in FORMATS:
        raise FormatError(
            f"{str(format)[:40]!r} is no picture format", f"use one of {', '.join(FORMATS)}"
        )
    return name


def format_of(path: str | os.PathLike[str], format: str | None = None) -> str:
    """Returns the format a file name asks for, unless one is given.

    Raises:
        FormatError: the ending is not one of .dot, .gv, .svg, .png, .pdf.
        FileError: the path is none.
    """
    if format is not None:
        return check_format(format)
    if not isinstance(path, (str, os.PathLike)):
        raise FileError(f"{show_value(path)} is no path", "give a text or a pathlib.Path")
    suffix = Path(path).suffix.lower()
    if suffix == ".gv":
        return "dot"
    if not suffix:
        raise FormatError(
            f"the file name {Path(path).name!r} has no ending that names a format",
            "end it in .svg, .png, .pdf or .dot",
        )
    return check_format(suffix)


def render(dot: str, format: str = "svg", *, limit: float = TIME_LIMIT) -> bytes:
    """Lays one picture out.

    Args:
        dot: DOT text.
        format: dot, svg, png or pdf.
        limit: seconds after which the layout is given up.

    Raises:
        FormatError: the format is not one of these.
        RenderError: the layout failed, took too long, or there is no layout engine.
    """
    (result,) = render_many([(dot, format)], limit=limit)
    if isinstance(result, RenderError):
        raise result
    return result


def render_many(
    jobs: Sequence[tuple[str, str]], *, limit: float = TIME_LIMIT
) -> list[bytes | RenderError]:
    """Lays several pictures out in one process; a picture that fails leaves the others unharmed.

    Args:
        jobs: (DOT text, format) for each picture.
        limit: seconds that one picture may take.

    Returns:
        For each job the file's bytes, or the error.

    Raises:
        FormatError: a format is not one of dot, svg, png, pdf.
    """
    results: list[bytes | RenderError | None] = [None] * len(jobs)
    waiting: list[int] = []
    for index, (dot, format) in enumerate(jobs):
        name = check_format(format)
        if name == "dot":
            results[index] = dot.encode("utf-8", "replace")
        elif len(dot) > MAX_DOT:
            results[index] = RenderError(f"the DOT text has {len(dot)} characters", _MEND)
        else:
            waiting.append(index)
    folder = _pygraphviz_folder()
    while waiting:
        todo = [(jobs[i][0], check_format(jobs[i][1])) for i in waiting]
        if folder is not None and sys.executable:
            done = _in_worker(todo, folder, limit)
        else:
            done = [_with_program(*todo[0], limit)]
        for index, result in zip(waiting, done, strict=False):
            results[index] = result
        waiting = waiting[len(done) :]
    return [
        tidy_svg(result) if isinstance(result, bytes) and check_format(job[1]) == "svg" else result
        for job, result in zip(jobs, results, strict=True)
        if result is not None
    ]


def tidy_svg(svg: bytes) -> bytes:
    """Returns an SVG as browsers and pages like it.

    Comments go, since they name the Graphviz release; ids go, since several pictures may stand in
    one page; and tooltips become <title> elements, which every browser shows.
    """
    for pattern, new in (
        (rb"<!--.*?-->\n?", b""),
        (rb"<title>[^<]*</title>\n", b""),
        (rb'<g id="a_[^"]*"><a xlink:title="([^"]*)">', rb"<g><title>\1</title>"),
        (rb"</a>\n", b""),
        (rb'(<\w+) id="[^"]*"', rb"\1"),
        (rb"<svg ", b'<svg role="img" aria-label="computation graph" '),
    ):
        svg = re.sub(pattern, new, svg, flags=re.DOTALL)
    return svg


def inline_svg(svg: bytes) -> str:
    """Returns the bare <svg> element of an SVG file, for an HTML page."""
    text = svg.decode("utf-8")
    return text[max(text.find("<svg"), 0) :].strip()


@functools.cache
def _pygraphviz_folder() -> str | None:
    """Returns the folder from which the worker can import pygraphviz; it is not imported here."""
    try:
        spec = importlib.util.find_spec("pygraphviz")
    except (ImportError, ValueError):
        return None
    return str(Path(spec.origin).parent.parent) if spec and spec.origin else None


def _environment(scratch: str, text: str) -> dict[str, str]:
    """Returns the worker's environment: the parent's, with the shipped font and nothing printed."""
    system = ""
    if not _SHOWN.match(text):
        known = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts",
                 "/System/Library/Fonts", "C:\\Windows\\Fonts")  # fmt: skip
        system = "\n".join(f"<dir>{escape(d)}</dir>" for d in known if os.path.isdir(d))
        # Reading a whole machine's fonts takes seconds; its own cache spares that.
        system += "<cachedir>/var/cache/fontconfig</cachedir>"
    config = (_FONTS / "fonts.conf").read_text(encoding="utf-8")
    for mark, value in (("@FONTS@", escape(str(_FONTS))), ("@SYSTEM@", system),
                        ("@CACHE@", escape(os.path.join(scratch, "cache")))):  # fmt: skip
        config = config.replace(mark, value)
    path = Path(scratch) / "fonts.conf"
    path.write_text(config, encoding="utf-8")
    return {**os.environ, "FONTCONFIG_FILE": str(path), "LC_ALL": "C"}


def _in_worker(jobs: list[tuple[str, str]], folder: str, limit: float) -> list[bytes | RenderError]:
    """Lays out jobs in one worker until one crashes it or takes too long; answers at least one."""
    with tempfile.TemporaryDirectory(prefix="graphc-", ignore_cleanup_errors=True) as scratch:
        request = json.dumps([[format, dot] for dot, format in jobs]).encode("utf-8", "replace")
        worker = str(Path(__file__).with_name("worker.py"))
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", worker, folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(scratch, "".join(dot for dot, _ in jobs)),
                cwd=scratch,
            )
        except OSError as error:
            return [RenderError(f"no layout process can be started: {error}", _MEND)]
        answers: queue.Queue[bytes | str | None] = queue.Queue()
        complaint: list[bytes] = []
        assert process.stdin and process.stdout and process.stderr
        threads = [
            threading.Thread(target=_send, args=(process.stdin, request), daemon=True),
            threading.Thread(target=_receive, args=(process.stdout, answers), daemon=True),
            threading.Thread(target=_drain, args=(process.stderr, complaint), daemon=True),
        ]
        for thread in threads:
            thread.start()
        results: list[bytes | RenderError] = []
        try:
            for _ in jobs:
                try:
                    answer = answers.get(timeout=limit)
                except queue.Empty:
                    results.append(RenderError(f"the layout took over {limit:g} s", _MEND))
                    break
                if answer is None:
                    process.wait(5)
                    threads[2].join(5)
                    results.append(_crash(process.returncode, b"".join(complaint)))
                    break
                if isinstance(answer, str):
                    results.append(RenderError(f"Graphviz refused the picture: {answer}", _MEND))
                else:
                    results.append(answer)
        finally:
            process.kill()
            process.wait()
            for thread in threads:
                thread.join(5)
            for pipe in (process.stdin, process.stdout, process.stderr):
                pipe.close()
        return results


def _crash(code: int | None, complaint: bytes) -> RenderError:
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    reason = f": {lines[-1][:200]}" if lines else ""
    return RenderError(f"the layout process ended with status {code}{reason}", _MEND)


def _send(pipe: IO[bytes], data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.close()
    except (OSError, ValueError):  # the worker is gone: the reader says so
        pass


def _receive(pipe: IO[bytes], answers: queue.Queue[bytes | str | None]) -> None:
    """Puts each answer on the queue, and None at the end of the stream."""
    try:
        while line := pipe.readline():
            head: dict[str, Any] = json.loads(line)
            if "error" in head:
                answers.put(str(head["error"]))
                continue
            data = pipe.read(head["size"])
            if len(data) < head["size"]:
                break
            answers.put(data)
    except (OSError, ValueError):
        pass
    answers.put(None)


def _drain(pipe: IO[bytes], complaint: list[bytes]) -> None:
    try:
        while chunk := pipe.read(65536):
            complaint[:] = [b"".join(complaint)[-10_000:], chunk]
    except (OSError, ValueError):
        pass


def _with_program(dot: str, format: str, limit: float) -> bytes | RenderError:
    """Lays one picture out with the `dot` program, the second choice."""
    program = shutil.which("dot")
    if program is None:
        return RenderError(
            "no layout engine is there", "pip install 'pygraphviz>=2.0.4', or save the DOT text"
        )
    command = [program, f"-T{format}"] + ([f"-Gdpi={PNG_DPI}"] if format == "png" else [])
    with tempfile.TemporaryDirectory(prefix="graphc-", ignore_cleanup_errors=True) as scratch:
        try:
            done = subprocess.run(
                command,
                input=dot.encode("utf-8", "replace"),
                capture_output=True,
                timeout=limit,
                env=_environment(scratch, dot),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return RenderError(f"the layout took over {limit:g} s", _MEND)
        except OSError as error:
            return RenderError(f"{program} can't be started: {error}", _MEND)
    return done.stdout if done.returncode == 0 else _crash(done.returncode, done.stderr)
