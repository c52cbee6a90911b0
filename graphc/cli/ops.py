"""`graphc ops`: the operations and what their records hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from graphc.cli.show import print_rows


@click.command()
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


def _print_ops(rows: Sequence[dict[str, Any]]) -> None:
    shown = ("name", "group", "ulp", "complex", "meaning")
    table = [shown, *[tuple(str(row[n]).splitlines()[0] for n in shown) for row in rows]]
    print_rows(table, left=(0, 1, 3, 4))
    click.echo(f"{len(rows)} operations; `graphc ops NAME` shows one record, --json all of them")
