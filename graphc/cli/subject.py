"""What most commands are about: a FILE.py that gives problems, or a formula with values."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from graphc.core.errors import FormulaError

SUBJECT = """SUBJECT is FILE.py, your own program, which is imported and gives one or more
gx.Problem; or a FORMULA such as "(x + y) * z", followed by its values: x=-2 y=5 z=-4."""


class SubjectCommand(click.Command):
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


def _engines(_: click.Context, __: click.Parameter, value: str | None) -> Sequence[str] | None:
    if value is None:
        return None
    from graphc.diff.engines import ENGINES

    names = [v.strip() for v in value.split(",")]
    for name in names:
        if name not in ENGINES:
            raise click.BadParameter(f"there is no engine {name!r}; use {', '.join(ENGINES)}")
    return names


engines_option = click.option(
    "--engines", callback=_engines, help="Only these engines, for example reverse,jax."
)


stable_option = click.option(
    "--stable",
    is_flag=True,
    help="Make the graph stable first, for example log(1 + exp(x)) to softplus(x).",
)


def enable_x64() -> None:
    """Turns JAX's 64-bit types on: this process is ours, and formulas are float64."""
    jax: Any = sys.modules.get("jax")
    if jax is None:  # it reads this when it loads, which takes half a second and may not be needed
        os.environ["JAX_ENABLE_X64"] = "1"
    else:
        jax.config.update("jax_enable_x64", True)


def problems_of(
    subject: str,
    values: Sequence[str],
    wrt: str | None,
    need_values: bool = True,
    stable: bool = False,
) -> tuple[list[Any], str]:
    """Returns the problems of a FILE.py or of a formula with its values, and what to call them.

    Args:
        subject: the path or the formula.
        values: `x=1` for each input of a formula.
        wrt: the names to differentiate by, with commas; None for the problem's own.
        need_values: a formula without all its values is an error.
        stable: their graphs are made stable.
    """
    problems, source = _as_written(subject, values, wrt, need_values)
    return [_made_stable(p) for p in problems] if stable else problems, source


def _as_written(
    subject: str, values: Sequence[str], wrt: str | None, need_values: bool
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


def _made_stable(problem: Any) -> Any:
    """Returns the problem with stable forms; what it no longer needs has no value any more."""
    from graphc.compare.problem import Problem
    from graphc.core.graph import leaves
    from graphc.simplify.passes import simplify

    grow = problem.grow
    output = simplify(problem.output, stable=True)
    needed = set(leaves([output]))
    return Problem(
        output,
        {n: v for n, v in problem.values.items() if n in needed},
        wrt=[n for n in problem.wrt if n in needed],
        name=problem.name,
        description=problem.description,
        grow=None if grow is None else lambda n: _made_stable(grow(n)),
        sizes=problem.sizes,
        vectors={k: v for k, v in problem.vectors.items() if needed >= set(leaves([v]))},
        hessian=problem.hessian,
    )


def _with_wrt(problem: Any, chosen: Sequence[str]) -> Any:
    from graphc.compare.problem import Problem

    return Problem(
        problem.output, problem.values, wrt=list(chosen), name=problem.name,
        description=problem.description, grow=problem.grow, sizes=problem.sizes,
        vectors=problem.vectors, hessian=problem.hessian,
    )  # fmt: skip
