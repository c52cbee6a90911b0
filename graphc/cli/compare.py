"""`graphc compare`: run all engines and write a report."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import click

from graphc.cli.group import AGREED, DEFECT
from graphc.cli.show import Progress, duration, power, print_rows, print_wrapped
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
@click.option("--out", default="graphc-report", show_default=True, help="Folder of the report.")
@engines_option
@click.option("--wrt", help="Differentiate by these inputs only, for example x,y.")
@stable_option
@click.option("--no-memory", is_flag=True, help="Skip the memory measurement (saves seconds).")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def compare(
    subject: str,
    values: tuple[str, ...],
    out: str,
    engines: Sequence[str] | None,
    wrt: str | None,
    stable: bool,
    no_memory: bool,
    quiet: bool,
) -> None:
    """Run all engines and write a report.

    Exit status: 0 all agree (a convention or a kink at work is agreement, and is named), 1 a
    defect, 2 the call was wrong.
    """
    enable_x64()
    from graphc.compare.memory_job import memory_meter

    meter_of = contextlib.nullcontext if no_memory else memory_meter
    with _folder(out), meter_of() as meter:
        problems, source = problems_of(subject, values, wrt, stable=stable)
        from graphc.compare.compare import comparison as run
        from graphc.compare.report import write_report
        from graphc.diff.engines import ENGINES

        stems = _prefixes([p.name for p in problems])
        with Progress(quiet) as tell:
            found = [
                run(
                    problem,
                    engines=engines or ENGINES,
                    memory=not no_memory,
                    meter=meter,
                    source=source,
                    prefix=stem,
                    progress=tell,
                )
                for problem, stem in zip(problems, stems, strict=True)
            ]
            tell("writing the report")
            files = write_report(found, out)
    for comparison in found:
        _print_comparison(comparison)
    click.echo(f"\nreport: {files[0]}")
    sys.exit(AGREED if all(c.agreed for c in found) else DEFECT)


@contextlib.contextmanager
def _folder(out: str) -> Generator[None]:
    """Makes the report's folder before the work, so that one that can't be written is told at once.

    What was made for a call that then fails is taken away again.
    """
    from graphc.core.files import make_folder

    new = [p for p in (Path(out), *Path(out).parents) if not p.exists()]
    make_folder(out)
    try:
        yield
    except BaseException:
        for path in new:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


def _prefixes(names: Sequence[str]) -> list[str]:
    if len(names) == 1:
        return [""]
    found: list[str] = []
    for number, name in enumerate(names, 1):
        plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")
        found.append(f"{number}-{plain[:24].strip('-')}-" if plain else f"{number}-")
    return found


def _print_comparison(comparison: Any) -> None:
    word = "agreed" if comparison.agreed else "DEFECT"
    click.secho(f"\n{comparison.title} = {comparison.value:.10g}: {word}", bold=True)
    click.echo(comparison.verdict_words)
    rows = [("engine", "verdict", "digits", "nodes", "tree", "flops", "run", "gradient")]
    for engine in comparison.engines:
        if engine.status != "ok":
            continue
        digits = min(engine.digits.values(), default=float("nan"))
        tree = str(engine.tree_size) if engine.tree_size < 10**6 else power(engine.tree_size)
        seconds = "" if engine.run_seconds is None else duration(engine.run_seconds)
        rows.append((
            engine.name, engine.verdict, f"{digits:.1f}", str(engine.nodes), tree,
            str(engine.flops), seconds, _gradient_words(engine.gradient),
        ))  # fmt: skip
    print_rows(rows, left=(0, 1, 7))
    for engine in comparison.engines:
        if engine.status != "ok":
            reason = (
                engine.reason.split("; ")[0] if engine.status == "not applicable" else engine.reason
            )
            print_wrapped(f"  {engine.name:<9} {engine.status:<16}", reason, " " * 28)


def _gradient_words(gradient: dict[str, Any]) -> str:
    parts = [f"{n}={v:.10g}" if isinstance(v, float) else f"{n}=[...]" for n, v in gradient.items()]
    return " ".join(parts)
