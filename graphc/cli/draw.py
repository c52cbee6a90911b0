"""`graphc draw`: a picture of a graph."""

from __future__ import annotations

from pathlib import Path

import click

from graphc.cli.subject import (
    SUBJECT,
    SubjectCommand,
    enable_x64,
    problems_of,
    stable_option,
)


@click.command(cls=SubjectCommand, epilog=SUBJECT)
@click.argument("subject")
@click.argument("values", nargs=-1)
@click.option("-o", "--output", help="The file; its ending (.svg .png .pdf .dot) is the format.")
@click.option(
    "--kind",
    type=click.Choice(["forward", "backward", "mirrored", "circuit", "update"]),
    default="mirrored",
    show_default=True,
    help="What to draw.",
)
@click.option("--wrt", help="Differentiate by these inputs only, for example x,y.")
@stable_option
def draw(
    subject: str,
    values: tuple[str, ...],
    output: str | None,
    kind: str,
    wrt: str | None,
    stable: bool,
) -> None:
    """Draw a graph: forward, backward, the two mirrored, a circuit, or an update step.

    The picture goes to the file given with -o (or as the last word, if it ends in .svg, .png, .pdf
    or .dot).
    """
    from graphc.render.layout import format_of

    if output is None and values and "=" not in values[-1]:
        *rest, output = values
        values = tuple(rest)
    if output is None:
        raise click.UsageError("name a file for the picture, for example -o graph.svg")
    format_of(output)
    enable_x64()
    from graphc.compare.pictures import draw as run

    problems, _ = problems_of(subject, values, wrt, need_values=False, stable=stable)
    target = Path(output)
    for number, problem in enumerate(problems):
        name = target if len(problems) == 1 else target.with_stem(f"{target.stem}-{number + 1}")
        known = subject.endswith(".py") or len(values) == len(problem.inputs)
        run(problem, name, kind=kind, values=None if known else {})
        click.echo(f"{name}")
