"""Prints a table of times and memory; `python -m tests.benchmarks --help` tells the rows."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterable

from tests.benchmarks import (
    bombs,
    chain,
    conv_step,
    digits_step,
    fit_step,
    formula_report,
    import_time,
    networks_step,
)

#: Row name to a function that yields (what, figure, aim) and takes whether to be quick.
ROWS: dict[str, Callable[[bool], Iterable[tuple[str, str, str]]]] = {
    "bombs": bombs.rows,
    "chain": chain.rows,
    "import": import_time.rows,
    "step": digits_step.rows,
    "conv": conv_step.rows,
    "fit": fit_step.rows,
    "networks": networks_step.rows,
    "report": formula_report.rows,
}


def main() -> None:
    """Measures the rows asked for, one after the other, and prints each as soon as it is known."""
    arguments = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    arguments.add_argument(
        "row", nargs="*", choices=[[], *ROWS], help="which rows; all without one"
    )
    arguments.add_argument("--quick", action="store_true", help="smaller sizes, fewer repetitions")
    given = arguments.parse_args()
    print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}")
    print(f"{'what':<58} {'figure':>28}  aim")
    for name in given.row or ROWS:
        for what, figure, aim in ROWS[name](given.quick):
            print(f"{what:<58} {figure:>28}  {aim}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
