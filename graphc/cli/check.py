"""`graphc check`: the gradient check, a line for each engine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from graphc.cli.group import AGREED, DEFECT
from graphc.cli.show import Progress, print_wrapped
from graphc.cli.subject import (
    SUBJECT,
    SubjectCommand,
    enable_x64,
    engines_option,
    problems_of,
    stable_option,
)


@click.command(cls=SubjectCommand, epilog=SUBJECT)
@click.argument("subject")
@click.argument("values", nargs=-1)
@engines_option
@click.option("--wrt", help="Differentiate by these inputs only, for example x,y.")
@stable_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
def check(
    subject: str,
    values: tuple[str, ...],
    engines: Sequence[str] | None,
    wrt: str | None,
    stable: bool,
    quiet: bool,
) -> None:
    """Check the gradient: a line for each engine, exit status 1 on a defect.

    Rules are judged at 50 digits, so a gradient that is wrong by one part in 1e12 is found.
    """
    enable_x64()
    from graphc.compare.check import check as run
    from graphc.diff.engines import ENGINES

    problems, _ = problems_of(subject, values, wrt, stable=stable)
    agreed = True
    for problem in problems:
        with Progress(quiet) as tell:
            result = run(problem, engines or ENGINES, tell)
        _print_check(result)
        agreed = agreed and result.agreed
    sys.exit(AGREED if agreed else DEFECT)


def _print_check(result: Any) -> None:
    click.echo(f"{result.problem}  (truth: {result.truth})")
    indent = " " * 28
    for line in result.lines:
        words = line.words
        if line.verdict == "not applicable":
            words = words.split("; ")[0]
        print_wrapped(f"  {line.engine:<9} {line.verdict:<16}", words, indent)
        if line.where:
            print_wrapped(indent, line.where, indent)
