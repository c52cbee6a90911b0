"""The process that lays pictures out. It is run as a file, and imports nothing of graphc.

Standard input: a JSON list of [format, DOT text]. Standard output: for each picture, in order, one
line of JSON (`{"size": bytes}` or `{"error": reason}`) and then that many bytes. Graphviz is C code
that may crash or never end, so the parent reads picture by picture and can end this process.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from typing import Any

#: Dots per inch of a PNG: twice the 72 of the other formats, for sharp text on today's screens.
PNG_DPI = 144
#: A PNG larger than this is scaled down: longest side, and area, in pixels.
MAX_SIDE, MAX_AREA = 20_000, 60_000_000


def main() -> None:
    """Reads the list of pictures and answers one by one."""
    # What the C library prints must not mix with the answers: it goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if len(sys.argv) > 1:
        sys.path.append(sys.argv[1])
    import pygraphviz

    # A label that Graphviz can't read is only complained of, and the picture drawn without it.
    with tempfile.TemporaryFile() as complaints:
        os.dup2(complaints.fileno(), 2)
        _answer(pygraphviz, complaints, answers)


def _answer(pygraphviz: Any, complaints: Any, answers: Any) -> None:
    for format, dot in json.loads(sys.stdin.buffer.read().decode("utf-8")):
        try:
            data = _draw(pygraphviz, format, dot)
            complaint = re.search(rb"Error:.*", _read_all(complaints))
            if complaint:
                raise ValueError(complaint[0].decode("utf-8", "replace"))
            head: dict[str, Any] = {"size": len(data)}
        except Exception as error:  # whatever the library raises is an answer to the parent
            data, head = b"", {"error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(head).encode() + b"\n" + data)
        answers.flush()


def _read_all(file: Any) -> bytes:
    """Returns what was written since the last call."""
    file.seek(0)
    text = file.read()
    file.seek(0)
    file.truncate()
    return text


def _draw(pygraphviz: Any, format: str, dot: str) -> bytes:
    graph = pygraphviz.AGraph(string=dot)
    if format == "png":
        dpi = PNG_DPI
        if graph.number_of_nodes() > 60:
            dpi = fitting_dpi(_draw(pygraphviz, "svg", dot))
        graph.graph_attr["dpi"] = f"{dpi:.2f}"
    data = graph.draw(format=format, prog="dot")
    graph.close()
    return data if isinstance(data, bytes) else data.encode("utf-8")


def fitting_dpi(svg: bytes) -> float:
    """Returns the resolution at which a picture of this size stays a PNG that programs can open."""
    found = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    if not found:
        return PNG_DPI
    width, height = float(found[1]) / 72, float(found[2]) / 72
    return min(PNG_DPI, MAX_SIDE / max(width, height), (MAX_AREA / (width * height)) ** 0.5)


if __name__ == "__main__":
    main()
