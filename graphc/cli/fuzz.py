"""`graphc fuzz`: random graphs against all oracles, exit status 1 where one finds something."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Any

import click

from graphc.cli.group import AGREED, DEFECT
from graphc.cli.subject import enable_x64


@click.command()
@click.option("--scalar", type=click.IntRange(0), default=1000, show_default=True, metavar="N",
              help="Graphs of scalars.")  # fmt: skip
@click.option("--tensor", type=click.IntRange(0), default=100, show_default=True, metavar="N",
              help="Graphs of tensors.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), help="Of the run; drawn and printed if left out.")
@click.option("--start", type=click.IntRange(0), default=0, help="Index of the first graph.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the shrunk graphs.")
@click.option("--replay", type=click.Path(path_type=Path), help="Judge one saved graph instead.")
def fuzz(
    scalar: int,
    tensor: int,
    seed: int | None,
    start: int,
    jobs: int,
    out: Path | None,
    replay: Path | None,
) -> None:
    """Try random graphs: engines, truth, identities, rewrites and compilers against each other.

    The seed is printed first; the same seed gives the same graphs. A finding is shrunk to a small
    graph, and with --out saved as a file that --replay judges again.
    """
    enable_x64()
    if replay is not None:
        sys.exit(_replay(replay))
    from graphc.fuzz.run import Summary
    from graphc.fuzz.run import fuzz as run

    chosen = secrets.randbelow(2**32) if seed is None else seed
    click.echo(f"seed {chosen}: {scalar} scalar and {tensor} tensor graphs from index {start}")
    done = Summary()

    def tell(part: Any) -> None:
        done.add(part)
        count = sum(done.graphs.values())
        click.echo(f"  {count} graphs, {len(done.found)} findings, {done.seconds:.0f} s", err=True)
        for found in part.found:
            _show(found, out)

    summary = run(scalar, tensor, chosen, jobs, start, tell)
    for line in summary.lines():
        click.echo(line)
    sys.exit(DEFECT if summary.found else AGREED)


def _show(found: Any, out: Path | None) -> None:
    from graphc.fuzz.regress import shrunk, text_of, write_regression
    from graphc.fuzz.run import case_of

    click.echo(f"{found.kind} graph {found.index} of seed {found.seed}: {found.oracle}")
    click.echo(f"  {found.words}")
    case = shrunk(case_of(found), found.oracle)
    for line in text_of(case):
        click.echo(f"  {line}")
    if out is not None:
        path = write_regression(out, case, found.oracle)
        click.echo(f"  graphc fuzz --replay {path}")
    else:
        click.echo(
            f"  graphc fuzz --seed {found.seed} --start {found.index} "
            f"--scalar {int(found.kind == 'scalar')} --tensor {int(found.kind == 'tensor')}"
        )


def _replay(path: Path) -> int:
    from graphc.fuzz.regress import read_regression, text_of
    from graphc.fuzz.run import judge_case

    case = read_regression(path)
    for line in text_of(case):
        click.echo(line)
    verdicts = judge_case(case)
    for oracle in verdicts.held:
        click.echo(f"  {oracle:<28} holds")
    for oracle, reason in verdicts.undecided.items():
        click.echo(f"  {oracle:<28} undecided: {reason}")
    for finding in verdicts.findings:
        click.echo(f"  {finding.oracle:<28} FINDING: {finding.words}")
    return DEFECT if verdicts.findings else AGREED
