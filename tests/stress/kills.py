"""Kills writers at random moments: `python -m tests.stress.kills --kills N --seed S`.

After every kill each file must be there, whole, and the old or the new one; and must load.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import graphc as gx
from graphc.compare.report.write import write_report
from graphc.render.picture import Picture
from tests.compare.report_samples import circuit

#: Writes version 0 or 1 of its files into a folder; and says what is wrong with the files there.
Write = Callable[[Path, int], None]
Check = Callable[[Path], None]


@dataclass
class Figures:
    """What the kills of writers of one kind came to.

    Attributes:
        kind: what was written.
        kills: writers killed.
        inside: kills that left a draft: they fell into the writing of a file.
        faults: what was torn or lost.
    """

    kind: str
    kills: int
    inside: int
    faults: list[str]

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.kills} kills, {self.inside} inside a write, "
            f"{len(self.faults)} files torn or lost"
        )


# -- what is written -------------------------------------------------------------------------------


def write_a_report(folder: Path, version: int) -> None:
    """Writes a report whose title is the version, a thousand times over."""
    write_report([replace(circuit(), title=f"version {version} " * 1000)], folder)


def write_a_picture(folder: Path, version: int) -> None:
    """Writes a picture of 2,000 lines, all of the version."""
    Picture(f"digraph {{\n{f'n -> version{version};' * 2000}\n}}\n").save(folder / "picture.dot")


def _model(version: int) -> gx.Node:
    x = gx.input("x", (50,), "float64")
    w = gx.param("w", (50, 40), "float64")
    return gx.sum(gx.tanh(x @ w) * float(version))


def write_a_checkpoint(folder: Path, version: int) -> None:
    """Writes a model and its parameters, which stand in a file of their own."""
    gx.save(
        folder / "model.json", {"loss": _model(version)}, {"w": np.full((50, 40), version, float)}
    )


def write_a_graph(folder: Path, version: int) -> None:
    """Writes a graph of 400 nodes."""
    node = gx.input("x")
    for _ in range(200):
        node = gx.sin(node) * float(version + 2)
    gx.save(folder / "graph.json", node)


WRITERS: dict[str, Write] = {
    "report": write_a_report,
    "picture": write_a_picture,
    "checkpoint": write_a_checkpoint,
    "graph": write_a_graph,
}


def check_checkpoint(folder: Path) -> None:
    """Raises where the parameters are not those of the model that was saved with them."""
    nest, values = gx.load_with_values(folder / "model.json")
    version = int(values["w"].ravel()[0])
    assert (values["w"] == version).all(), "parameters of two versions"
    assert nest["loss"] is _model(version), "the model of one version, the parameters of another"


def check_graph(folder: Path) -> None:
    """Raises where the graph does not load."""
    gx.load(folder / "graph.json")


LOADERS: dict[str, Check] = {"checkpoint": check_checkpoint, "graph": check_graph}


# -- the kills -------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    """Returns the files of a folder by name, drafts left out."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if not is_draft(p)}


def drafts(folder: Path) -> set[str]:
    """Returns what killed writers left."""
    return {path.name for path in folder.iterdir() if is_draft(path)}


def is_draft(path: Path) -> bool:
    """Tells whether a file is what a killed writer left."""
    return path.name.startswith(".") and path.suffix == ".part"


def run_kind(kind: str, kills: int, draw: random.Random, root: Path) -> Figures:
    """Kills that many writers of one kind, one by one, and looks at the files each time."""
    write, folder = WRITERS[kind], root / kind
    versions: list[dict[str, bytes]] = []
    for version in (0, 1):
        own = root / f"{kind} {version}"
        own.mkdir()
        write(own, version)
        versions.append(contents(own))
    folder.mkdir()
    start = time.perf_counter()
    write(folder, 0)
    seconds = time.perf_counter() - start
    figures = Figures(kind, 0, 0, [])
    for number in range(kills):
        before = drafts(folder)
        _kill_one(write, folder, number, draw.uniform(0, 2 * seconds))
        figures.kills += 1
        figures.inside += bool(drafts(folder) - before)
        figures.faults += [f"{kind}, kill {number}: {words}" for words in faults(folder, versions)]
        try:
            LOADERS.get(kind, lambda folder: None)(folder)
        except Exception as error:
            figures.faults.append(f"{kind}, kill {number}: {type(error).__name__}: {error}")
    write(folder, 1)
    if contents(folder) != versions[1] or drafts(folder):
        figures.faults.append(f"{kind}: after the last whole write, {os.listdir(folder)}")
    return figures


def faults(folder: Path, versions: list[dict[str, bytes]]) -> list[str]:
    """Returns what is torn or lost: each file is that of one version, and none is missing.

    A file of arrays is named by its content: it may be that of either version, or both.
    """
    found = contents(folder)
    wrong: list[str] = []
    for name in sorted({*found, *versions[0], *versions[1]}):
        wanted = [version[name] for version in versions if name in version]
        if name not in found:
            if len(wanted) == len(versions):
                wrong.append(f"{name} is lost")
        elif found[name] not in wanted:
            wrong.append(f"{name} is torn: {len(found[name])} bytes")
    return wrong


def _kill_one(write: Write, folder: Path, number: int, delay: float) -> None:
    """Forks a writer that writes both versions in turn, and kills it after a delay in seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, b"!")
            for version in range(number, number + 1000):
                write(folder, version % 2)
        finally:
            os._exit(1)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("the writer ended by itself")


def run(kills: int, seed: int) -> list[Figures]:
    """Kills that many writers of each kind."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as root:
        return [run_kind(kind, kills, draw, Path(root)) for kind in WRITERS]


def main() -> None:
    """Runs the kills and prints the figures; exits 1 where something was torn or lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found = run(given.kills, given.seed)
    wrong = [words for figures in found for words in figures.faults]
    print("\n".join([*wrong[:50], *map(str, found)]))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
