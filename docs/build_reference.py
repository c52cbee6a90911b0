"""Writes docs/reference.md from docstrings and records: `python -m docs.build_reference`."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import click

import graphc as gx
from docs.reference_parts import PARTS
from graphc.cli import main as command_line
from graphc.compare.ops_table import op_rows
from graphc.core.calls import public_functions
from graphc.core.errors import GraphcError
from graphc.optimize.families import ALL_FAMILIES
from graphc.simplify.rules import ALL_RULES

TARGET = Path(__file__).parent / "reference.md"

_SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Source", "Note")


def reference() -> str:
    """Returns the whole page."""
    parts = [
        "# Reference",
        "Made by `python -m docs.build_reference` from the docstrings and the records; a test "
        "keeps it current. `import graphc as gx` is meant everywhere.",
        "- " + "\n- ".join(f"[{title}](#{_anchor(title)})" for title in _titles()),
    ]
    for title, names in PARTS.items():
        parts.append(f"## {title}")
        parts += [_entry(name) for name in names.split()]
    parts += ["## Other names", _other_names()]
    parts += ["## Operations", _operations(), "## Identities", _identities()]
    parts += ["## Rewrites by cost", _rewrites()]
    parts += ["## Errors", _errors(), "## Command line", _commands()]
    return "\n\n".join(parts) + "\n"


def _titles() -> list[str]:
    return [
        *PARTS,
        "Other names",
        "Operations",
        "Identities",
        "Rewrites by cost",
        "Errors",
        "Command line",
    ]


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


# -- public names ----------------------------------------------------------------------------------


def _entry(name: str) -> str:
    value = functools.reduce(getattr, name.split("."), gx)
    return f"### `gx.{name}`\n\n```text\n{name}{_signature(value)}\n```\n\n{_prose(value)}"


def _signature(value: Any) -> str:
    shown: list[str] = []
    starred = False
    for parameter in inspect.signature(value).parameters.values():
        text = parameter.name
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            shown.append("*")
            starred = True
        if parameter.kind is parameter.VAR_POSITIONAL:
            text, starred = f"*{text}", True
        if parameter.kind is parameter.VAR_KEYWORD:
            text = f"**{text}"
        if parameter.default is not parameter.empty:
            text += f"={_default(parameter.default)}"
        shown.append(text)
        if parameter.kind is parameter.POSITIONAL_ONLY and "/" not in shown:
            shown.append("/")
    return f"({', '.join(shown)})"


def _default(value: Any) -> str:
    return getattr(value, "__name__", "...") if callable(value) else repr(value)


def _prose(value: Any) -> str:
    """Returns a docstring as Markdown: sections become lists with a bold heading."""
    lines = (inspect.getdoc(value) or "").splitlines()
    parts: list[str] = []
    while lines:
        line = lines.pop(0)
        heading = line.rstrip().removesuffix(":")
        if line.endswith(":") and heading in _SECTIONS:
            body: list[str] = []
            while lines and (not lines[0].strip() or lines[0].startswith(" ")):
                body.append(lines.pop(0))
            parts.append(
                f"\n**{heading}**\n\n{_section(heading, inspect.cleandoc(chr(10).join(body)))}\n"
            )
        else:
            parts.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip()


def _section(heading: str, body: str) -> str:
    if heading in ("Returns", "Source", "Note"):
        return body
    items: list[str] = []
    for line in body.splitlines():
        if line.startswith(" ") and items:
            items[-1] += " " + line.strip()
        elif line.strip():
            name, _, words = line.partition(": ")
            items.append(f"- `{name}`: {words}")
    return "\n".join(items)


# -- tables ----------------------------------------------------------------------------------------


def other_names() -> dict[str, str]:
    """Returns the Array API's names for what graphc calls otherwise, and graphc's names."""
    found: dict[str, str] = {}
    for name in sorted(set(public_functions) & set(gx.__all__)):
        function = public_functions[name]
        own = function.name if isinstance(function, gx.Op) else function.__name__.rstrip("_")
        if own != name:
            found[name] = own
    return found


def _other_names() -> str:
    lines = ["The Array API's names for what has another name here.", ""]
    lines += ["| name | the same as |", "|---|---|"]
    lines += [f"| `gx.{name}` | `gx.{own}` |" for name, own in other_names().items()]
    return "\n".join(lines)


def _operations() -> str:
    found = [
        "Each row is one record; `graphc ops NAME` shows it whole. *ulp* is the operation's own "
        "error for exact operands; *complex step* says whether the complex step may pass through.",
    ]
    rows = op_rows()
    for group in sorted({row["group"] for row in rows}):
        found.append(f"### {group.capitalize()} operations")
        lines = [
            "| name | meaning | domain | kink | ulp | complex step |",
            "|---|---|---|---|---|---|",
        ]
        for row in rows:
            if row["group"] == group:
                kink = "; ".join(words for words in (row["kink"], row["departs"]) if words)
                cells = (
                    f"`{row['name']}`", row["meaning"], row["domain"], kink, f"{row['ulp']:g}",
                    "yes" if row["complex"] == "holomorphic" else "no",
                )  # fmt: skip
                lines.append("| " + " | ".join(_cell(c) for c in cells) + " |")
        found.append("\n".join(lines))
    return "\n\n".join(found)


def _identities() -> str:
    lines = [
        "What `gx.simplify` knows. *exact*: the same bits for every operand; always used. "
        "*finite*: for finite values; used with `finite=True`. *stable*: equal in exact arithmetic "
        "and better in floats; used with `stable=True`, told by `gx.lint`.",
        "",
        "| name | identity | validity | where it holds |",
        "|---|---|---|---|",
    ]
    for rule in ALL_RULES:
        cells = (rule.name, f"`{rule.pattern}`", rule.validity, rule.domain)
        lines.append("| " + " | ".join(_cell(c) for c in cells) + " |")
    return "\n".join(lines)


def _rewrites() -> str:
    lines = [
        "What `gx.compile` and `gx.optimize` weigh, in this order; `rewrites=` takes the names.",
        "",
        "| name | what it does | where it holds |",
        "|---|---|---|",
    ]
    for family in ALL_FAMILIES:
        cells = (family.name, family.doc, family.valid)
        lines.append("| " + " | ".join(_cell(c) for c in cells) + " |")
    return "\n".join(lines)


def _errors() -> str:
    lines = ["| error | when | also a |", "|---|---|---|"]
    for name in sorted(n for n, v in vars(gx).items() if _is_error(v)):
        value = getattr(gx, name)
        also = ", ".join(f"`{b.__name__}`" for b in value.__bases__ if b is not GraphcError)
        lines.append(f"| `gx.{name}` | {_cell((value.__doc__ or '').splitlines()[0])} | {also} |")
    return "\n".join(lines)


def _is_error(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, (GraphcError, Warning))


def _commands() -> str:
    found: list[str] = []
    for name, command in sorted(command_line.commands.items()):
        words = inspect.cleandoc(command.help or "")
        lines = [f"### `graphc {name}`", "", words, ""]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                lines.append(f"- `{', '.join(parameter.opts)}`: {parameter.help}")
        found.append("\n".join(lines).strip())
    return "\n\n".join(found)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.name}: {len(reference().splitlines())} lines\n")
