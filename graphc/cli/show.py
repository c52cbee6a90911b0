"""How commands show things in a terminal: progress, tables, wrapped lines."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import click


class Progress:
    """One line on stderr that says what is being done; silent where stderr is no terminal."""

    def __init__(self, quiet: bool) -> None:
        self.shown = not quiet
        self.status: Any = None

    def __enter__(self) -> Callable[[str], None]:
        if not self.shown:
            return lambda _: None
        if not sys.stderr.isatty():
            return lambda words: click.echo(f"  {words}", err=True)
        from rich.console import Console

        self.status = Console(stderr=True).status("starting")
        self.status.__enter__()
        return self.status.update

    def __exit__(self, *error: Any) -> None:
        if self.status is not None:
            self.status.__exit__(*error)


def print_wrapped(head: str, words: str, indent: str) -> None:
    """Prints words after a head, wrapped at the terminal's width under an indent."""
    width = max(terminal_width(), len(indent) + 20)
    click.echo(
        textwrap.fill(
            words, width, initial_indent=head, subsequent_indent=indent, break_long_words=False
        )
        if words
        else head.rstrip()
    )


def terminal_width() -> int:
    """Returns the terminal's width, or 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns


def print_rows(rows: Sequence[Sequence[str]], left: Sequence[int]) -> None:
    """Prints columns, those in `left` flush left; the last is cut at the terminal's width."""
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    width = terminal_width()
    for row in rows:
        cells = [
            c.ljust(w) if i in left else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, wide, strict=True))
        ]
        line = "  " + "  ".join(cells).rstrip()
        click.echo(line if len(line) <= width else line[: width - 1] + "…")


def duration(seconds: float) -> str:
    """Returns seconds in words of three digits, for example `1.25 ms`."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def power(number: int) -> str:
    """Returns the power of ten below a large integer, for example `1e12`."""
    digits = (
        len(str(number)) if number.bit_length() < 10_000 else int(number.bit_length() * 0.30103)
    )
    return f"1e{digits - 1}"
