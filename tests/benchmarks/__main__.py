"""Prints a table of times and memory; `python -m tests.benchmarks --help` tells the rows."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

#: A function that yields (what, figure, aim) and takes whether to be quick.
Rows = Callable[[bool], Iterable[tuple[str, str, str]]]

#: Row name to the module in this package whose `rows` measures it, loaded when it is asked for.
ROWS = {
    "mlp": "mlp_step",
    "growth": "growth",
    "start": "start_up",
    "algebra": "algebra",
    "objectives": "objectives",
    "blocks": "rows_in_blocks",
    "import": "import_time",
    "chain": "chain",
    "layers": "layers_chain",
    "bombs": "bombs",
    "step": "digits_step",
    "conv": "conv_step",
    "fit": "fit_step",
    "networks": "networks_step",
    "scalars": "scalar_graphs",
    "sparse": "sparse",
    "report": "formula_report",
}
_PACKAGES = ("numpy", "scipy", "jax", "jaxlib", "sympy", "casadi", "pytensor")
_NUMBER = re.compile(r"\s*([-+]?[\d,]*\.?\d+(?:e[-+]?\d+)?)\s*([^\s(;,]*)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures the rows asked for, one after the other, and prints each as soon as it is known.

    Returns:
        The exit status: 1 where a row failed.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("row", nargs="*", help=f"which rows, all without one: {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer repetitions")
    parser.add_argument("--json", metavar="FILE", help="write the rows and the machine's facts")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.row if name not in ROWS]
    if unknown:
        parser.error(f"no row is called {', '.join(unknown)}; there are {', '.join(ROWS)}")
    records: list[dict[str, Any]] = []
    facts = machine(given.quick)
    if given.json is not None:
        _write(parser, given.json, facts, records)  # a file that can't be is told before the work
    print(", ".join(f"{k} {v}" for k, v in facts.items() if k not in ("packages", "quick")))
    print(f"{'what':<58} {'figure':>28}  aim")
    failed = False
    for name in given.row or ROWS:
        try:
            for what, figure, aim in _rows(name)(given.quick):
                print(f"{what:<58} {figure:>28}  {aim}", flush=True)
                records.append(record(name, what, figure, aim))
        except Exception as error:  # the other rows are still worth having
            failed = True
            said = (str(error).strip() or type(error).__name__).splitlines()[-1]
            print(f"{name}: failed: {said}", file=sys.stderr, flush=True)
            records.append(record(name, name, f"failed: {said}", ""))
        if given.json is not None:
            _write(parser, given.json, facts, records)
    return int(failed)


def _rows(name: str) -> Rows:
    return importlib.import_module(f"tests.benchmarks.{ROWS[name]}").rows


def record(row: str, what: str, figure: str, aim: str) -> dict[str, Any]:
    """Returns a row of the table as a record; its number and unit apart where it starts so."""
    found: dict[str, Any] = {"row": row, "what": what, "figure": figure, "aim": aim}
    match = _NUMBER.match(figure)
    if match is not None:
        found["value"] = float(match[1].replace(",", ""))
        found["unit"] = match[2]
    return found


def machine(quick: bool) -> dict[str, Any]:
    """Returns what a reader must know of where the figures come from; no name of a host."""
    packages: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "Python": platform.python_version(),
        "packages": packages,
        "quick": quick,
    }


def _write(
    parser: argparse.ArgumentParser, file: str, facts: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    text = json.dumps({"machine": facts, "rows": records}, indent=1)
    try:
        Path(file).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        parser.error(f"can't write {file}: {error.strerror}")


if __name__ == "__main__":
    sys.exit(main())
