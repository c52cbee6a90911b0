"""`graphc lint`: what would be better written otherwise, a line for each place."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from graphc.cli.group import AGREED, DEFECT
from graphc.cli.show import print_wrapped
from graphc.cli.subject import SUBJECT, SubjectCommand, problems_of


@click.command(cls=SubjectCommand, epilog=SUBJECT)
@click.argument("subject")
@click.argument("values", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lint(subject: str, values: tuple[str, ...], as_json: bool) -> None:
    """Find forms that lose digits or range, and what is seldom meant; say what to write.

    Exit status: 0 there is nothing to say, 1 there is, 2 the call was wrong. A formula needs no
    values.
    """
    from graphc.simplify.lint import lint as run

    problems, source = problems_of(subject, values, None, need_values=False)
    found = run([problem.output for problem in problems])
    if as_json:
        click.echo(json.dumps([asdict(s) for s in found], indent=1, ensure_ascii=False))
    else:
        for suggestion in found:
            print_wrapped("", str(suggestion), "    ")
        if not found:
            click.echo(f"{source}: nothing to suggest")
    sys.exit(DEFECT if found else AGREED)
