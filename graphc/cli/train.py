"""`graphc train`: run the training that a FILE.py describes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from graphc.cli.group import AGREED, DEFECT
from graphc.cli.show import duration, print_rows, print_wrapped
from graphc.cli.subject import enable_x64

FILE_WORDS = """FILE.py is your own program, which is imported. It gives a train.Plan as `plan`, or
a function `training()` that returns one: train.Plan(loss, data, epochs=20, validation=0.2)."""


@click.command(epilog=FILE_WORDS)
@click.argument("file")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs in all.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of first values, split and order.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Rows of a step.")
@click.option("--learning-rate", type=float, help="A constant learning rate.")
@click.option("--checkpoint", help="A file that keeps what an exact resumption needs.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, if it is there.")
@click.option("--out", help="A folder for curves.svg, run.json and the trained graph, model.json.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def train(
    file: str,
    epochs: int | None,
    seed: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    checkpoint: str | None,
    resume: bool,
    out: str | None,
    quiet: bool,
) -> None:
    """Train the network of a FILE.py.

    Exit status: 0 trained, 1 diverged, 2 the call was wrong.
    """
    enable_x64()
    from graphc.bridge.save import save
    from graphc.core.errors import ArgumentError
    from graphc.core.files import make_folder
    from graphc.train.load import load_plan
    from graphc.train.pictures import curves

    plan = load_plan(file)
    changes: dict[str, Any] = {
        "epochs": epochs, "seed": seed, "batch_size": batch_size, "learning_rate": learning_rate,
        "checkpoint": checkpoint, "resume": resume or None, "progress": False if quiet else None,
    }  # fmt: skip
    changes = {name: value for name, value in changes.items() if value is not None}
    if resume and not (checkpoint or plan.options.get("checkpoint")):
        raise ArgumentError("there is no checkpoint to resume", "name it: --checkpoint FILE")
    folder = None if out is None else make_folder(out)
    run = plan.run(**changes)
    _print_run(run)
    if folder is not None:
        files = [run.save_record(folder / "run.json")]
        if len(run.history.get("loss", ())):
            files.append(curves(run, folder / "curves.svg", title=Path(file).name))
        measures = plan.options.get("evaluate") or {}
        files.append(save(folder / "model.json", {**measures, "loss": plan.loss}, run.values))
        click.echo("\n" + "\n".join(f"written: {path}" for path in files))
    sys.exit(DEFECT if run.diverged else AGREED)


def _print_run(run: Any) -> None:
    sizes = run.sizes
    click.secho(
        f"{sizes['parameters']:,} parameters, {sizes['training_rows']:,} rows to train on, "
        f"{sizes['validation_rows']:,} to validate, {sizes['steps']:,} steps, "
        f"{duration(run.times['seconds'])}",
        bold=True,
    )
    print_wrapped("", run.stopped, "")
    names = [n for n in run.history if n not in ("epoch", "learning_rate")]
    if not names or not len(run.history["loss"]):
        return
    rows: list[tuple[str, ...]] = [("", "first", "last", *(["best"] if run.best else []))]
    for name in names:
        column = run.history[name]
        found = [f"{column[0]:.6g}", f"{column[-1]:.6g}"]
        if run.best is not None:
            place = list(run.history["epoch"]).index(run.best.epoch)
            found.append(f"{column[place]:.6g}")
        rows.append((name, *found))
    print_rows(rows, left=(0,))
    if run.best is not None:
        click.echo(f"best is epoch {run.best.epoch}, by {run.best.column}")
