"""The trials of a search: ranked, as a table and as a picture."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.core.files import write_atomic
from graphc.train.axes import Panel, Series
from graphc.train.charts import chart
from graphc.train.model import nest
from graphc.train.run import json_text, versions


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One run of a search.

    Attributes:
        number: its place in the layout.
        setting: its hyper-parameters.
        score: the best value of what was monitored; NaN where there was none.
        epoch: the epoch after which it was best.
        diverged: the epoch in which its loss left the finite numbers; 0 where it did not.
        history: for each column one number an epoch.
        values: parameters and state of the best epoch, by full name.
        last: the same after the last epoch.
        trained: the names of the parameters among them.
        seconds: its share of the time its group took.
    """

    number: int
    setting: dict[str, Any]
    score: float
    epoch: int
    diverged: int
    history: dict[str, Any]
    values: dict[str, Any]
    last: dict[str, Any]
    trained: tuple[str, ...]
    seconds: float

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the best epoch as a nest."""
        return nest({n: v for n, v in self.values.items() if n in self.trained})


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """What a search gives.

    Attributes:
        trials: all runs, best first; those that never had a finite score last.
        column: what decided.
        larger: whether larger is better.
        names: the hyper-parameters.
    """

    trials: list[Trial]
    column: str
    larger: bool
    names: list[str]

    @property
    def best(self) -> Trial:
        """The best run."""
        return self.trials[0]

    def __repr__(self) -> str:
        lost = sum(t.diverged > 0 for t in self.trials)
        return (
            f"<{len(self.trials)} trials, {lost} diverged; best {self.column} {self.best.score:.6g}"
            f" with {self.best.setting}>"
        )

    def rows(self) -> list[list[str]]:
        """Returns the table: a head, then a row for each run, best first."""
        head = [*self.names, self.column, "epoch", "loss", "seconds", ""]
        rows = [head]
        for trial in self.trials:
            loss = trial.history["loss"][-1]
            words = f"diverged in epoch {trial.diverged}" if trial.diverged else ""
            rows.append([
                *[_shown(trial.setting[n]) for n in self.names], _shown(trial.score),
                str(trial.epoch or ""), _shown(float(loss)), f"{trial.seconds:.3f}", words,
            ])  # fmt: skip
        return rows

    def text(self) -> str:
        """Returns the table in columns."""
        rows = self.rows()
        wide = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
        return "\n".join(
            "  ".join(c.rjust(w) for c, w in zip(row, wide, strict=True)).rstrip() for row in rows
        )

    def markdown(self) -> str:
        """Returns the table in Markdown."""
        head, *rest = [[c.replace("|", "\\|") for c in row] for row in self.rows()]
        lines = [head, ["---:"] * (len(head) - 1) + ["---"], *rest]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

    def record(self) -> dict[str, Any]:
        """Returns what JSON holds: settings, scores, histories, versions."""
        return {
            "format": "graphc-trials",
            "version": 1,
            "column": self.column,
            "larger_is_better": self.larger,
            "trials": [
                {
                    "number": t.number, "setting": t.setting, "score": t.score, "epoch": t.epoch,
                    "diverged": t.diverged, "seconds": t.seconds, "history": t.history,
                }
                for t in self.trials
            ],
            "versions": versions(),
        }  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the trials: `.json` all numbers, `.md` the table, `.svg` or `.html` the picture.

        Raises:
            ArgumentError: the file's ending is another.
            FileError: it can't be written.
        """
        ending = os.path.splitext(os.fspath(path))[1].lower()
        if ending == ".json":
            return write_atomic(path, json_text(self.record()))
        if ending == ".md":
            return write_atomic(path, self.markdown())
        if ending in (".svg", ".html"):
            return picture(self, path)
        raise ArgumentError(
            f"{show_value(os.fspath(path))} ends in {ending or 'nothing'}",
            "write .json, .md, .svg or .html",
        )


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return getattr(value, "kind", None) or str(value)


@guarded("Trials.picture")
def picture(trials: Trials, path: str | os.PathLike[str]) -> Path:
    """Draws the score against each hyper-parameter, and the curves of the best runs."""
    done = [t for t in trials.trials if not math.isnan(t.score)]
    good = [t for t in done if not t.diverged]
    lost = [t for t in trials.trials if t.diverged]
    scores = np.array([t.score for t in done] or [1.0])
    spread = bool(scores.min() > 0) and float(scores.max() / scores.min()) > 20
    worst = float(scores.min() if trials.larger else scores.max())
    panels: list[Panel] = []
    for name in trials.names:
        places, log, words = _places(trials, name)
        at = lambda t, places=places: places[t.number]
        series = [Series("runs", [at(t) for t in good], [t.score for t in good], "points")]
        if good:
            top = good[0]
            series.append(Series("best", [at(top)], [top.score], "points", style=2))
        if lost:
            heights = [worst if math.isnan(t.score) else t.score for t in lost]
            series.append(Series("diverged", [at(t) for t in lost], heights, "points", style=1))
        panels.append(Panel(name, series, words, trials.column, log_x=log, log_y=spread))
    curves = [
        Series(
            ", ".join(_shown(t.setting[n]) for n in trials.names),
            np.arange(1, len(t.history["loss"]) + 1), t.history[trials.column],
        )
        for t in done[:5]
    ]  # fmt: skip
    if curves:
        panels.append(Panel("the best five", curves, "epoch", trials.column, log_y=spread))
    return chart(path, panels, columns=2)


def _places(trials: Trials, name: str) -> tuple[dict[int, float], bool, str]:
    """Returns where each run stands on an axis, whether it is logarithmic, and its words."""
    values = {t.number: t.setting[name] for t in trials.trials}
    plain = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values.values())
    if plain:
        numbers = [float(v) for v in values.values()]
        log = min(numbers) > 0 and max(numbers) / min(numbers) > 20
        return {k: float(v) for k, v in values.items()}, log, name
    kinds = list(dict.fromkeys(_shown(v) for v in values.values()))
    words = ", ".join(f"{i}: {k}" for i, k in enumerate(kinds, 1))
    return {k: float(kinds.index(_shown(v)) + 1) for k, v in values.items()}, False, words
