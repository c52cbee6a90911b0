"""The command line: compare, check, draw, ops."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import graphc
from graphc.core.errors import FormulaError, GraphcError

#: Exit statuses: the engines agreed; one is a defect; the call was wrong; graphc itself failed; the
#: person stopped it.
AGREED, DEFECT, WRONG_CALL, FAULT, STOPPED = 0, 1, 2, 3, 130

_SUBJECT = """SUBJECT is FILE.py, your own program, which is imported and gives one or more
gx.Problem; or a FORMULA such as "(x + y) * z", followed by its values: x=-2 y=5 z=-4."""


class _Group(click.Group):
    """Turns every GraphcError into one line on stderr and exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GraphcError as error:
            click.echo(f"graphc: {_words(error)}", err=True)
            ctx.exit(WRONG_CALL)
        except KeyboardInterrupt:
            click.echo("graphc: stopped", err=True)
            ctx.exit(STOPPED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, OSError):
            raise
        except Exception:
            traceback.print_exc()
            click.echo(
                "graphc: this is a fault of graphc, not of your call; please report it with the "
                "lines above",
                err=True,
            )
            ctx.exit(FAULT)


class _SubjectCommand(click.Command):
    """A command whose first argument may be a formula that begins with a minus sign."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = {
            name: not getattr(p, "is_flag", False)
            for p in self.get_params(ctx)
            if isinstance(p, click.Option)
            for name in p.opts
        }
        first: list[str] = []  # options and their values
        plain: list[str] = []
        takes_value = False
        for position, word in enumerate(args):
            if takes_value or word in options or word.startswith("--") or _attached(word, options):
                if word == "--":
                    plain += args[position + 1 :]
                    break
                takes_value = not takes_value and options.get(word, False)
                first.append(word)
            elif word.startswith("-") and plain:
                first.append(word)  # click says that there is no such option
            else:
                plain.append(word)
        if takes_value:  # click says which option lacks its value
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, [*first, "--", *plain])


def _attached(word: str, options: Mapping[str, bool]) -> bool:
    """Tells whether a word is a short option with its value, such as `-ograph.svg`."""
    return options.get(word[:2], False) and word.lower().endswith(_PICTURES)


_PICTURES = (".svg", ".png", ".pdf", ".dot")


def _words(error: GraphcError) -> str:
    place = error.place
    ours = place is not None and place[0].startswith(os.path.dirname(click.__file__) + os.sep)
    if ours:  # no program of the user's stands behind a formula
        return "; ".join(p for p in (error.rule, error.mend) if p)
    return str(error)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(graphc.__version__, prog_name="graphc")
def main() -> None:
    """Declare a graph once; get its value, its derivatives by six engines, and their verdict.

    \b
    graphc compare examples/digits_mlp.py --out out     a network on real data
    graphc compare "(x + y) * z" x=-2 y=5 z=-4          a formula
    graphc check my_model.py                            is my gradient right?
    graphc draw "1/(1+exp(-x))" x=2 sigmoid.svg         a picture
    graphc ops                                          what there is
    """  # noqa: D301  (a real backspace: it keeps click from wrapping the lines)


def _engines(_: click.Context, __: click.Parameter, value: str | None) -> Sequence[str] | None:
    if value is None:
        return None
    from graphc.diff.engines import ENGINES

    names = [v.strip() for v in value.split(",")]
    for name in names:
        if name not in ENGINES:
            raise click.BadParameter(f"there is no engine {name!r}; use {', '.join(ENGINES)}")
    return names


_engines_option = click.option(
    "--engines", callback=_engines, help="Only these engines, for example reverse,jax."
)


@main.command(cls=_SubjectCommand, epilog=_SUBJECT)
@click.argument("subject")
@click.argument("values", nargs=-1)
@click.option("--out", default="graphc-report", show_default=True, help="Folder of the report.")
@_engines_option
@click.option("--wrt", help="Differentiate by these inputs only, for example x,y.")
@click.option("--no-memory", is_flag=True, help="Skip the memory measurement (saves seconds).")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def compare(
    subject: str,
    values: tuple[str, ...],
    out: str,
    engines: Sequence[str] | None,
    wrt: str | None,
    no_memory: bool,
    quiet: bool,
) -> None:
    """Run all engines and write a report.

    Exit status: 0 all agree (a convention or a kink at work is agreement, and is named), 1 a
    defect, 2 the call was wrong.
    """
    _enable_x64()
    from graphc.compare.compare import compare as run
    from graphc.compare.report import write_report
    from graphc.diff.engines import ENGINES

    with _folder(out):
        problems, source = _problems(subject, values, wrt)
        stems = _prefixes([p.name for p in problems])
        with _progress(quiet) as tell:
            found = [
                run(
                    problem,
                    engines=engines or ENGINES,
                    memory=not no_memory,
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


@main.command(cls=_SubjectCommand, epilog=_SUBJECT)
@click.argument("subject")
@click.argument("values", nargs=-1)
@_engines_option
@click.option("--wrt", help="Differentiate by these inputs only, for example x,y.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def check(
    subject: str,
    values: tuple[str, ...],
    engines: Sequence[str] | None,
    wrt: str | None,
    quiet: bool,
) -> None:
    """Check the gradient: a line for each engine, exit status 1 on a defect.

    Rules are judged at 50 digits, so a gradient that is wrong by one part in 1e12 is found.
    """
    _enable_x64()
    from graphc.compare.check import check as run
    from graphc.diff.engines import ENGINES

    problems, _ = _problems(subject, values, wrt)
    agreed = True
    for problem in problems:
        with _progress(quiet) as tell:
            result = run(problem, engines or ENGINES, tell)
        _print_check(result)
        agreed = agreed and result.agreed
    sys.exit(AGREED if agreed else DEFECT)


@main.command(cls=_SubjectCommand, epilog=_SUBJECT)
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
def draw(
    subject: str, values: tuple[str, ...], output: str | None, kind: str, wrt: str | None
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
    _enable_x64()
    from graphc.compare.pictures import draw as run

    problems, _ = _problems(subject, values, wrt, need_values=False)
    target = Path(output)
    for number, problem in enumerate(problems):
        name = target if len(problems) == 1 else target.with_stem(f"{target.stem}-{number + 1}")
        known = subject.endswith(".py") or len(values) == len(problem.inputs)
        run(problem, name, kind=kind, values=None if known else {})
        click.echo(f"{name}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("names", nargs=-1)
def ops(as_json: bool, names: tuple[str, ...]) -> None:
    """List the operations and what the record of each holds (all, or those NAMED)."""
    from graphc.compare.ops_table import op_rows

    rows = op_rows(names)
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    if names:
        for row in rows:
            for key, value in row.items():
                click.echo(f"{key:<12} {value}")
            click.echo()
        return
    _print_ops(rows)


# -- what the commands share -----------------------------------------------------------------------


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


def _enable_x64() -> None:
    """Turns JAX's 64-bit types on: this process is ours, and formulas are float64."""
    import jax

    jax.config.update("jax_enable_x64", True)


def _problems(
    subject: str, values: Sequence[str], wrt: str | None, need_values: bool = True
) -> tuple[list[Any], str]:
    from graphc.compare.load import load_problems

    chosen = [w.strip() for w in wrt.split(",")] if wrt else None
    if subject.endswith(".py"):
        if values:
            raise click.UsageError(f"{values[0]!r}: a FILE.py brings its own values")
        problems = load_problems(subject)
        if chosen is not None:
            problems = [_with_wrt(p, chosen) for p in problems]
        return problems, Path(subject).name
    from graphc.compare.formula_problem import formula_problem

    try:
        return [formula_problem(subject, values, chosen, need_values)], subject
    except FormulaError:
        if _is_file(subject):
            load_problems(subject)  # says that it does not end in .py
        raise


def _is_file(subject: str) -> bool:
    try:
        return Path(subject).is_file()
    except (OSError, ValueError):  # too long, or with a character that no file name has
        return False


def _with_wrt(problem: Any, chosen: Sequence[str]) -> Any:
    from graphc.compare.problem import Problem

    return Problem(
        problem.output, problem.values, wrt=list(chosen), name=problem.name,
        description=problem.description, grow=problem.grow, sizes=problem.sizes,
    )  # fmt: skip


def _prefixes(names: Sequence[str]) -> list[str]:
    if len(names) == 1:
        return [""]
    found: list[str] = []
    for number, name in enumerate(names, 1):
        plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")
        found.append(f"{number}-{plain[:24].strip('-')}-" if plain else f"{number}-")
    return found


class _progress:
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


def _print_comparison(comparison: Any) -> None:
    word = "agreed" if comparison.agreed else "DEFECT"
    click.secho(f"\n{comparison.title} = {comparison.value:.10g}: {word}", bold=True)
    click.echo(comparison.verdict_words)
    rows = [("engine", "verdict", "digits", "nodes", "tree", "flops", "run", "gradient")]
    for engine in comparison.engines:
        if engine.status != "ok":
            continue
        digits = min(engine.digits.values(), default=float("nan"))
        tree = str(engine.tree_size) if engine.tree_size < 10**6 else _power(engine.tree_size)
        seconds = "" if engine.run_seconds is None else _duration(engine.run_seconds)
        rows.append((
            engine.name, engine.verdict, f"{digits:.1f}", str(engine.nodes), tree,
            str(engine.flops), seconds, _gradient_words(engine.gradient),
        ))  # fmt: skip
    _print_rows(rows, left=(0, 1, 7))
    for engine in comparison.engines:
        if engine.status != "ok":
            reason = (
                engine.reason.split("; ")[0] if engine.status == "not applicable" else engine.reason
            )
            _print_wrapped(f"  {engine.name:<9} {engine.status:<16}", reason, " " * 28)


def _print_check(result: Any) -> None:
    click.echo(f"{result.problem}  (truth: {result.truth})")
    indent = " " * 28
    for line in result.lines:
        words = line.words
        if line.verdict == "not applicable":
            words = words.split("; ")[0]
        _print_wrapped(f"  {line.engine:<9} {line.verdict:<16}", words, indent)
        if line.where:
            _print_wrapped(indent, line.where, indent)


def _print_wrapped(head: str, words: str, indent: str) -> None:
    width = max(_width(), len(indent) + 20)
    click.echo(
        textwrap.fill(
            words, width, initial_indent=head, subsequent_indent=indent, break_long_words=False
        )
        if words
        else head.rstrip()
    )


def _width() -> int:
    """Returns the terminal's width, or 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns


def _print_rows(rows: Sequence[Sequence[str]], left: Sequence[int]) -> None:
    """Prints columns; the last is cut at the terminal's width."""
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    width = _width()
    for row in rows:
        cells = [
            c.ljust(w) if i in left else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, wide, strict=True))
        ]
        line = "  " + "  ".join(cells).rstrip()
        click.echo(line if len(line) <= width else line[: width - 1] + "…")


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _power(number: int) -> str:
    digits = (
        len(str(number)) if number.bit_length() < 10_000 else int(number.bit_length() * 0.30103)
    )
    return f"1e{digits - 1}"


def _gradient_words(gradient: dict[str, Any]) -> str:
    parts = [f"{n}={v:.10g}" if isinstance(v, float) else f"{n}=[...]" for n, v in gradient.items()]
    return " ".join(parts)


def _print_ops(rows: Sequence[dict[str, Any]]) -> None:
    shown = ("name", "group", "ulp", "complex", "meaning")
    table = [shown, *[tuple(str(row[n]).splitlines()[0] for n in shown) for row in rows]]
    _print_rows(table, left=(0, 1, 3, 4))
    click.echo(f"{len(rows)} operations; `graphc ops NAME` shows one record, --json all of them")


if __name__ == "__main__":
    main()
