"""`graphc kinks`: the nodes that stand exactly at a kink or tie, with the slopes beside them."""

from __future__ import annotations

import click

from graphc.cli.subject import SUBJECT, SubjectCommand, enable_x64, problems_of


@click.command(cls=SubjectCommand, epilog=SUBJECT)
@click.argument("subject")
@click.argument("values", nargs=-1)
def kinks(subject: str, values: tuple[str, ...]) -> None:
    """List the nodes at a kink or tie: both one-sided derivatives, and what each system says.

    A tie that rounding alone made, or undid, is told from a true one by a run at 50 digits.
    """
    enable_x64()
    from graphc.compare.kinks.find import kinks as find

    problems, _ = problems_of(subject, values, None)
    for number, problem in enumerate(problems):
        if number:
            click.echo()
        click.echo(f"{problem.name}: {find(problem.output, problem.values)}")
