"""`graphc atlas`: the accuracy of every op, in ulp against mpmath."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from graphc.cli.show import Progress, print_rows
from graphc.cli.subject import enable_x64


@click.command()
@click.argument("names", nargs=-1, metavar="[OPS]...")
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    type=click.Choice(["float64", "float32", "bfloat16"]),
    help="Measure in this dtype only; may be repeated.",
)
@click.option("--quick", is_flag=True, help="Take a quarter of the points.")
@click.option("--json", "json_file", help="Write all figures to this file.")
@click.option("--out", help="Write the page, in Markdown, to this file.")
@click.option(
    "--jobs",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    help="Processes that share the work.",
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
def atlas(
    names: tuple[str, ...],
    dtypes: tuple[str, ...],
    quick: bool,
    json_file: str | None,
    out: str | None,
    jobs: int,
    quiet: bool,
) -> None:
    """Measure value, first and second derivative of OPS (or all), in ulp against mpmath.

    Three columns: graphc compiled by XLA, graphc by NumPy, JAX's own derivatives.
    """
    enable_x64()
    from graphc.compare.atlas.page import page
    from graphc.compare.atlas.points import FULL, QUICK
    from graphc.compare.atlas.run import DTYPES
    from graphc.compare.atlas.run import atlas as run
    from graphc.core.files import write_atomic

    chosen = [d for d in DTYPES if not dtypes or d.name in dtypes]
    with Progress(quiet) as tell:
        density = QUICK if quick else FULL
        # One op in one dtype is done before a second process has started.
        found = run(
            names, dtypes=chosen, density=density, jobs=jobs if not names else 1, progress=tell
        )
    _print_atlas(found)
    if json_file:
        write_atomic(json_file, json.dumps(found.as_dict(), indent=1) + "\n")
    if out:
        words = ["graphc atlas", *names, *[f"--dtype {d}" for d in dtypes], *["--quick"] * quick]
        write_atomic(out, page(found, " ".join([*words, f"--out {out}"])))
        click.echo(f"page: {out}")


def _print_atlas(found: Any) -> None:
    from graphc.compare.atlas import page

    for rows in (found.rows, found.vectors):
        for dtype in dict.fromkeys(r.dtype for r in rows):
            for order, name in enumerate(page.ORDERS):
                chosen = [r for r in rows if r.dtype == dtype and r.order == order]
                click.secho(f"\n{name} in {dtype}, ulp", bold=True)
                _print(page.HEAD, page.table_rows(chosen), left=(0, 8))
    if found.pitfalls:
        click.secho("\nPitfalls in float64: the answer (its relative error)", bold=True)
        _print(page.PITFALL_HEAD, page.pitfall_rows(found.pitfalls), left=(0, 6))
    if found.rows:
        click.secho("\nWithin the aim: 4 ulp, second derivatives 16, nothing lost", bold=True)
        _print(page.SUMMARY_HEAD, page.summary(found), left=(0, 1))
    for name, reason in found.reasons.items():
        if not found.complete and not found.rows and not found.vectors:
            click.echo(f"{name}: {reason}")


def _print(head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int]) -> None:
    print_rows([head, *[[cell.replace("**", "") for cell in row] for row in rows]], left=left)
