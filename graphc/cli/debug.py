"""`graphc debug`: where a value or an adjoint stops being a number, what vanishes, what is dead."""

from __future__ import annotations

import sys

import click

from graphc.cli.group import AGREED, DEFECT
from graphc.cli.subject import SUBJECT, SubjectCommand, enable_x64, problems_of
from graphc.core.errors import DimError, IndexingError


@click.command(cls=SubjectCommand, epilog=SUBJECT)
@click.argument("subject")
@click.argument("values", nargs=-1)
@click.option("--wrt", help="Differentiate by these inputs only, for example x,y.")
@click.option("--budget", type=click.IntRange(min=0), help="Operations at 50 digits at most.")
@click.option("--xla", is_flag=True, help="Compare with XLA: what it flushes to 0.")
def debug(
    subject: str, values: tuple[str, ...], wrt: str | None, budget: int | None, xla: bool
) -> None:
    """Run once and report where NaN and infinity are born, and which gradients vanish.

    Exit status: 0 all is well, 1 there are findings, 2 the call was wrong.
    """
    enable_x64()
    from graphc.compare.debug.debug import BUDGET
    from graphc.compare.debug.debug import debug as run

    problems, _ = problems_of(subject, values, wrt)
    ok = True
    for problem in problems:
        limit = BUDGET if budget is None else budget
        try:
            report = run(problem, checked=False, budget=limit, xla=xla)
        except (IndexingError, DimError) as error:  # a finding, after which no run goes on
            click.echo(f"debug of {problem.name}: 1 finding\n  checks    {error}")
            ok = False
            continue
        click.echo(str(report))
        ok = ok and report.ok
    sys.exit(AGREED if ok else DEFECT)
