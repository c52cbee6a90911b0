"""Curves of a training as a picture."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.train.axes import Panel, Series
from graphc.train.charts import chart
from graphc.train.run import Run

#: A loss that spans this factor is shown on a logarithmic axis.
_LOG_FROM = 20.0


@guarded("train.curves")
def curves(
    runs: Run | Mapping[str, Run],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    log: bool | None = None,
    columns: int = 2,
) -> Path:
    """Draws loss and measures, of training and validation, against the epoch.

    The numbers are those of `Run.history`. The training's lines are dashed, the validation's solid;
    the best epoch is marked where a run kept it.

    Args:
        runs: a run, or several by name, which then share the panels.
        path: the file: `.svg`, or `.html`.
        title: what stands above.
        log: whether the axis of the loss is logarithmic; by default where it spans a factor of 20.
        columns: panels in a row.

    Returns:
        The path.

    Raises:
        ArgumentError: there is no run, or it has no entry.
        FormatError, FileError: the file's ending is another, or it can't be written.
    """
    named = {"": runs} if isinstance(runs, Run) else runs
    if not isinstance(named, Mapping) or not named:
        raise ArgumentError(f"{show_value(runs)} is no run", "pass a run, or {name: run}")
    for name, run in named.items():
        if not isinstance(run, Run):
            raise ArgumentError(f"{show_value(run)} under {name!r} is no run", "pass what fit gave")
    if not any(len(run.history.get("loss", ())) for run in named.values()):
        raise ArgumentError("no run has an entry in its history", "train for an epoch at least")
    panels = [_panel(named, measure, log) for measure in _measures(named)]
    rates = _rates(named)
    return chart(path, [*panels, *rates], title=title, columns=columns)


def _measures(named: Mapping[str, Run]) -> list[str]:
    found = {"loss": None}
    for run in named.values():
        for column in run.history:
            part, _, measure = column.partition(".")
            if part in ("train", "validation") and measure:
                found.setdefault(measure)
    return list(found)


def _panel(named: Mapping[str, Run], measure: str, log: bool | None) -> Panel:
    series: list[Series] = []
    marks: dict[float, str] = {}
    for number, (name, run) in enumerate(named.items()):
        epochs = run.history.get("epoch", np.zeros(0))
        columns = [(f"train.{measure}", "training", 1), (f"validation.{measure}", "validation", 0)]
        if measure == "loss":
            if "train.loss" not in run.history:
                columns[0] = ("loss", "training", 1)
            elif len(named) == 1:
                columns.insert(0, ("loss", "as trained", 2))
        for place, (column, words, dash) in enumerate(columns):
            if column in run.history:
                label = f"{name}, {words}" if name else words
                style = number if name else (len(columns) - 1 - place)
                series.append(Series(label, epochs, run.history[column], style=style, dash=dash))
        if run.best is not None and len(named) == 1 and run.settings.get("early_stopping"):
            marks[float(run.best.epoch)] = f"best: epoch {run.best.epoch}"
    values = np.concatenate([np.asarray(s.y, np.float64) for s in series])
    values = values[np.isfinite(values)]
    wide = len(values) > 0 and values.min() > 0 and values.max() / values.min() > _LOG_FROM
    logarithmic = (wide if log is None else log) and measure == "loss" and bool(np.any(values > 0))
    return Panel(measure, series, "epoch", "", log_y=logarithmic, marks=marks)


def _rates(named: Mapping[str, Run]) -> list[Panel]:
    series = [
        Series(name, run.history["epoch"], run.history["learning_rate"], style=number)
        for number, (name, run) in enumerate(named.items())
        if len(run.history.get("learning_rate", ()))
    ]
    changes = [s for s in series if not math.isclose(np.min(s.y), np.max(s.y))]
    return [Panel("learning rate", series, "epoch")] if changes else []
